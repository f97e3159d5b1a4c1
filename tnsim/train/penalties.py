"""Terms of the loss that look at the module itself, not at its answers. Uses entanglement; used by config and steps.

    loss = mean over the batch + strength * mean over classes of S_n(A)        above 0 entropy costs, below 0 it pays
    loss = mean over the batch - strength * mean over the batch of ln p(x)     for modules that are distributions
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from math import isfinite
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float

from tnsim.architectures.layered import Layered
from tnsim.entanglement.measure import SiteMeasure, site_measure
from tnsim.entanglement.renyi import integer_order
from tnsim.entanglement.trainable import renyi_entropy
from tnsim.partitions import Partition
from tnsim.partitions import mask as mask_of

__all__ = [
    "LikelihoodPenalty", "Penalty", "RenyiPenalty", "check_penalty", "described", "likelihood_penalty", "renyi_penalty",
]  # fmt: skip


@runtime_checkable
class Penalty(Protocol):
    """A differentiable function of a module in training mode and the images of a step, added to its loss.

    Hashable, and compared by content: a run is compiled for each. A `to_json()` of its own, plain values by name, is
    what a checkpoint knows it by; without one there are no checkpoints.
    """

    def __call__(self, module: Any, images: Float[Array, "batch H W"], /) -> Float[Array, ""]:
        """The term, one real number. The module's variables stay as they are."""


@dataclass(frozen=True)
class LikelihoodPenalty:
    """-strength * mean of ln p(x) in nats. Made by `likelihood_penalty`."""

    strength: float

    def __call__(self, module: Any, images: Float[Array, "batch H W"], /) -> Float[Array, ""]:
        """The term. Raises ValueError for a module without `log_likelihood`."""
        if not hasattr(module, "log_likelihood"):
            raise ValueError(f"penalty: wanted a module with log_likelihood, found {type(module).__name__}")
        return -self.strength * module.log_likelihood(images).mean()

    def to_json(self) -> dict[str, Any]:
        """All that it is."""
        return {"strength": self.strength}


@dataclass(frozen=True, eq=False)
class RenyiPenalty:
    """strength * S_n in nats across (A, the rest), averaged over classes. Made by `renyi_penalty`.

    The module has `arch` and `params()`, or, normalised, `params_at(images)`: the banks by the moments of the batch, so
    that what is punished is what is trained. With the running moments as constants a network lowers the term by moving
    faster than they follow, and comes apart from the one that is evaluated.
    """

    strength: float
    mask: Bool[np.ndarray, "sites"]
    measure: SiteMeasure
    labels: tuple[int, ...]
    order: int

    def __call__(self, module: Any, images: Float[Array, "batch H W"], /) -> Float[Array, ""]:
        """The term. Raises ValueError for a module of other sites."""
        network = module.arch.network
        if len(network.sites) != len(self.mask):
            raise ValueError(f"penalty: wanted a module of {len(self.mask)} sites, found {len(network.sites)}")
        banks = module.params_at(images) if hasattr(module, "params_at") else module.params()
        labels = np.array(self.labels, np.int32)
        return self.strength * renyi_entropy(network, banks, labels, self.measure, self.mask, self.order)

    def to_json(self) -> dict[str, Any]:
        """All that it is, large arrays by their digests."""
        grams = np.ascontiguousarray(self.measure.grams[self.measure.kind])
        return {
            "strength": self.strength, "order": self.order, "labels": list(self.labels), "measure": self.measure.name,
            "mask": np.packbits(self.mask).tobytes().hex(), "grams": blake2b(grams.data, digest_size=16).hexdigest(),
        }  # fmt: skip

    @cached_property
    def _content(self) -> str:
        return repr((len(self.mask), self.to_json()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RenyiPenalty) and self._content == other._content

    def __hash__(self) -> int:
        return hash(self._content)


def likelihood_penalty(strength: float = 1.0) -> LikelihoodPenalty:
    """-strength * mean of ln p(x), x the images of a step, of a module with `log_likelihood` (`nn.GenerativeConvAC`).

    Beside the loss "softmax", -ln p(y | x), it makes of strength 1 the likelihood of images with their labels, -ln p(x,
    y); of less, the more of a classifier. Raises ValueError for a strength that is no finite number.
    """
    return LikelihoodPenalty(_finite("strength", strength))


def renyi_penalty(
    arch: Layered, A: Partition, strength: float, gram=None, labels: Sequence[int] | None = None,
    order: float = 2,
) -> RenyiPenalty:  # fmt: skip
    """strength * mean over `labels` (all classes by default) of S_n across (A, the rest), n = 2, 3, ..

    gram: of the site features, (M, M) or (sites, M, M), as `representation.gram_from(images, per_site=True)` gives it:
    then the classes are measured as functions; else their coefficients are. The cost of a step grows by a fold of
    width^(2n + 1) a node. Raises ValueError that names the argument.
    """
    strength = _finite("strength", strength)
    chosen = tuple(range(arch.classes)) if labels is None else tuple(int(label) for label in labels)
    if not chosen or not all(0 <= label < arch.classes for label in chosen):
        raise ValueError(f"labels: wanted some of 0..{arch.classes - 1}, found {chosen}")
    measure = site_measure("coefficient" if gram is None else "function", gram, arch.size, arch.features)
    return RenyiPenalty(strength, mask_of(arch, A), measure, chosen, integer_order(order))


def _finite(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(f"{name}: wanted a finite number, found {value!r}")
    return float(value)


def described(penalty: Penalty) -> dict[str, Any]:
    """What a checkpoint knows a penalty by. Raises ValueError for one without `to_json`."""
    if not hasattr(penalty, "to_json"):
        found = type(penalty).__name__
        raise ValueError(f"penalty: with a checkpoint wanted one with to_json(), to tell runs apart, found {found}")
    return {"class": type(penalty).__name__, **penalty.to_json()}


def check_penalty(penalty: Penalty, module: nnx.Module, shape: tuple[int, ...]) -> None:
    """Raises ValueError where its value on such a module and images of this shape is no real number."""
    found = nnx.eval_shape(penalty, module, jax.ShapeDtypeStruct((2, *shape), jnp.float32))
    if not hasattr(found, "dtype") or found.shape or not jnp.issubdtype(found.dtype, jnp.floating):
        raise ValueError(f"penalty: wanted one real number, found {found}")
