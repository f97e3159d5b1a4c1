"""The Flax view of any architecture: images -> features -> class scores, over its very banks. Ground of nn.

    images --[representation]-- (batch, sites, M) --[arch.apply on the banks]-- scores (batch, classes)

A bank is one `nnx.Param`. Used by the training loop and the model files, as every module with `.scores(images)` is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Num

from tnsim import banks as bank_checks
from tnsim.architectures.starts import Banks
from tnsim.contract.scores import Scores
from tnsim.nn.patches import Patches
from tnsim.nn.representation import Representation

__all__ = ["TensorNetwork", "checked_architecture", "checked_features", "checked_grid", "logits"]


class TensorNetwork(nnx.Module):
    """Any architecture as a Flax module: `module(images)` gives logits (batch, classes).

    arch: a `tnsim.MPS`, `TTN`, `RAC`, .., or one of your own over `tnsim.models.Doors`. representation: what makes
    features of images; None where features (batch, sites, M) come in. rngs: draws the start, from its stream "params".
    start: one that arch.init knows; None for its default. params: banks to hold instead of a start, as `from_params`.

    Raises ValueError for what is no architecture, where rngs and params are both missing or both given, the
    representation does not fit, or the banks do not.
    """

    ASKED: ClassVar = ("network", "init", "apply", "grid", "features")  # what it reads of an architecture

    def __init__(
        self,
        arch: Any,
        representation: Representation | Patches | None = None,
        *,
        rngs: nnx.Rngs | None = None,
        start: str | None = None,
        params: Mapping[str, Any] | None = None,
        dtype: Any = jnp.float32,
    ) -> None:
        checked_architecture(arch, self.ASKED)
        checked_features(arch, representation)
        if (rngs is None) == (params is None):
            found = "neither" if params is None else "both"
            raise ValueError(f"rngs, params: wanted nnx.Rngs to draw a start, or banks to hold, found {found}")
        self.arch = arch
        self.representation = representation
        if rngs is not None:
            start = self._start(start)
            params = arch.init(rngs.params(), dtype, **({} if start is None else {"start": start}))
        elif start is not None:
            raise ValueError(f"start: wanted None beside params, which are the start, found {start!r}")
        self._hold(params or {}, start)

    @classmethod
    def from_params(
        cls, arch: Any, params: Mapping[str, Any], representation: Representation | Patches | None = None
    ) -> TensorNetwork:
        """The module of given banks. Raises ValueError where they do not fit."""
        return cls(arch, representation, params=params)

    def _start(self, start: str | None) -> str | None:
        return start

    def _hold(self, params: Mapping[str, Any], start: str | None) -> None:
        """Take banks as Params."""
        bank_checks.check(self.arch.network, params)
        shapes = self.arch.network.bank_shapes
        self.banks = nnx.Dict({name: nnx.Param(jnp.asarray(params[name])) for name in shapes})

    def params(self) -> Banks:
        """The banks by name, in the order of the network: these very arrays."""
        return {name: self.banks[name][...] for name in self.arch.network.bank_shapes}

    def features(self, images: Num[Array | np.ndarray, "batch ..."]) -> Num[Array, "batch sites M"]:
        """What the representation makes of images (batch, H, W) or (batch, sites); features pass as they are.

        Raises ValueError for images of another grid.
        """
        if self.representation is None:
            return jnp.asarray(images)
        checked_grid(self.arch, self.representation, images.shape)
        return self.representation(images)

    def scores(self, images: Num[Array | np.ndarray, "batch ..."]) -> Scores:
        """Class scores h = value * exp(log_scale) of images, or of features where there is no representation.

        Raises ValueError where they do not fit the architecture. Source: THEORY sections 1 and 8.
        """
        return self.arch.apply(self.params(), self.features(images))

    def __call__(self, images: Num[Array | np.ndarray, "batch ..."]) -> Num[Array, "batch classes"]:
        """Logits (batch, classes), the scores as plain numbers: zero or infinite where they leave float range."""
        return logits(self.scores(images))


def logits(scores: Scores) -> Num[Array, "batch classes"]:
    """value * exp(log_scale)."""
    return scores.value * jnp.exp(scores.log_scale)[:, None]


def checked_architecture(arch: Any, asked: Sequence[str]) -> None:
    """Raises ValueError for what lacks a part of an architecture: names it, and where it comes from."""
    missing = [name for name in asked if not hasattr(arch, name)]
    if missing:
        raise ValueError(
            f"arch: wanted .{', .'.join(asked)}, found {type(arch).__name__} without .{', .'.join(missing)}; a "
            "subclass of tnsim.models.Doors has .apply and .grid from its .network and .sites"
        )


def checked_grid(arch: Any, representation: Representation | Patches, shape: tuple[int, ...]) -> None:
    """Raises ValueError for images (batch, H, W) whose sites form another grid."""
    if len(shape) == 3 and len(arch.grid) == 2:
        grid = representation.grid_of((shape[1], shape[2]))
        if grid != arch.grid:
            raise ValueError(f"images: wanted {arch.grid} sites, found {grid} from images of {shape[1:]}")


def checked_features(arch: Any, representation: Representation | Patches | None) -> None:
    """Raises ValueError for a representation of another number of features."""
    if representation is not None and representation.features != arch.features:
        raise ValueError(
            f"representation: wanted the M={arch.features} features of the architecture, "
            f"found {representation.features} of {type(representation).__name__}"
        )
