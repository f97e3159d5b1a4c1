"""A ConvAC that is a distribution of images for each class: densities, hidden channels, samples. Uses contract.logs.

    p(x | y) = sum over channels d: W[y, d] prod ..        every row of every bank a distribution, features densities

The network is a tree of hidden channels: each position takes one, given that of the node above it, and a site draws its
pixel from the density it ends at. Sums over what is not seen are exact: a missing site's features are all ones. Source:
Sharir, Tamari, Cohen and Shashua 2016, Tensorial mixture models (arXiv 1610.04167).
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int, Num, PRNGKeyArray

from tnsim.architectures.convac import Banks, ConvACArchitecture
from tnsim.architectures.starts import standard
from tnsim.banks import AnyArray
from tnsim.contract.logs import drawn_channels, log_scores
from tnsim.nn.convac import ConvAC, check_fit
from tnsim.nn.densities import Densities
from tnsim.nn.patches import as_sites
from tnsim.nn.tensor_network import checked_grid

__all__ = ["GenerativeConvAC"]

Images = Num[AnyArray, "batch ..."]  # (batch, H, W) or (batch, sites)
Mask = Bool[AnyArray, "..."]  # as the images; True: the pixel is missing


class GenerativeConvAC(nnx.Module):
    """p(x | y) of images, and what follows from it: `module(images)` gives ln p(x, y), (batch, classes).

    arch: any ConvACArchitecture, as many features as there are densities. densities: of a pixel, `Gaussians` or
    `Categoricals`. rngs: draws the start from its stream "params". spread: standard deviation of the logarithms of the
    weights at the start, before their rows are normalised; equal weights would stay equal.

    Trained as any classifier, by the cross entropy of p(y | x); with `train.likelihood_penalty(strength)` by the
    likelihood too, at strength 1 by exactly -ln p(x, y). Raises ValueError where the densities do not fit.
    """

    def __init__(
        self, arch: ConvACArchitecture, densities: Densities, *, rngs: nnx.Rngs, spread: float = 1.0,
        dtype: Any = jnp.float32,
    ) -> None:  # fmt: skip
        check_fit(arch, densities)
        self.arch, self.representation = arch, densities
        drawn = standard(rngs.params(), arch.network.bank_shapes, dtype)
        self.logits = nnx.Dict({name: nnx.Param(spread * bank) for name, bank in drawn.items()})
        self.prior = nnx.Param(jnp.zeros(arch.classes, dtype))

    def log_params(self) -> Banks:
        """ln of `params()`."""
        return {name: jax.nn.log_softmax(self.logits[name][...], axis=-1) for name in self.arch.network.bank_shapes}

    def params(self) -> Banks:
        """The banks {"conv_0": (copies, r_0, M), .., "output": (classes, r_{L-1})} of a plain ConvAC whose scores are
        p(x | y): no entry below 0, every row of sum 1."""
        return {name: jnp.exp(bank) for name, bank in self.log_params().items()}

    def features(self, images: Images) -> Num[Array, "batch sites M"]:
        """The densities at images. Raises ValueError for images of another grid."""
        checked_grid(self.arch, self.representation, images.shape)
        return self.representation(jnp.asarray(images))

    def folded(self) -> ConvAC:
        """The plain module of these banks, whose scores are p(x | y)."""
        return ConvAC.from_params(self.arch, self.params(), self.representation)

    def __call__(self, images: Images, missing: Mask | None = None) -> Float[Array, "batch classes"]:
        """ln p(x, y), summed over all values of pixels that are missing.

        missing: True where a pixel was not seen, in the shape of the images; its value is not looked at. Raises
        ValueError for other shapes, MemoryLimitError for batches too large.
        """
        return self._joint(self.log_params(), self._leaves(images, missing))

    def log_likelihood(
        self, images: Images, labels: Int[AnyArray, "batch"] | None = None, missing: Mask | None = None
    ) -> Float[Array, "batch"]:
        """ln p(x | y) of images of these classes, or ln p(x) without; of visible pixels alone where some are missing.

        Of `Gaussians` a density, of `Categoricals` a probability. Raises as the call.
        """
        joint = self(images, missing)
        if labels is None:
            return jax.nn.logsumexp(joint, axis=-1)
        labels = jnp.asarray(labels)
        return jnp.take_along_axis(joint, labels[:, None], axis=-1)[:, 0] - self._log_prior()[labels]

    def log_posterior(self, images: Images, missing: Mask | None = None) -> Float[Array, "batch classes"]:
        """ln p(y | visible pixels). Raises as the call."""
        return jax.nn.log_softmax(self(images, missing), axis=-1)

    def sample(self, key: PRNGKeyArray, n: int, label: int | None = None) -> Float[Array, "n ..."]:
        """n images (n, *grid) drawn from p(x | label), or from p(x) without one.

        Raises ValueError for less than one, and for a class that is none.
        """
        if n < 1:
            raise ValueError(f"n: wanted at least 1, found {n}")
        if label is not None and not 0 <= label < self.arch.classes:
            raise ValueError(f"label: wanted one of 0..{self.arch.classes - 1}, found {label}")
        nothing = jnp.zeros((n, *self.arch.grid), self.prior[...].dtype)
        return self.inpaint(key, nothing, jnp.ones(nothing.shape, bool), None if label is None else jnp.full(n, label))

    def inpaint(
        self, key: PRNGKeyArray, images: Images, missing: Mask, labels: Int[AnyArray, "batch"] | None = None
    ) -> Float[Array, "batch ..."]:
        """The images with missing pixels drawn, all together, from p(missing | visible), or p(missing | visible, y).

        One key gives the same pixels again. Raises as the call.
        """
        logs, leaves = self.log_params(), self._leaves(images, missing)
        of_class, of_channels, of_pixels = jax.random.split(key, 3)
        if labels is None:
            labels = jax.random.categorical(of_class, self._joint(logs, leaves), axis=-1)
        chosen = drawn_channels(self.arch.network, logs, leaves, jnp.asarray(labels), of_channels)
        seen = as_sites(images)
        drawn = self.representation.draw(of_pixels, chosen).T.astype(seen.dtype)
        return jnp.where(_by_site(missing, images), drawn, seen).reshape(images.shape)

    def _log_prior(self) -> Float[Array, "classes"]:
        return jax.nn.log_softmax(self.prior[...])

    def _joint(self, logs: Banks, leaves: Float[Array, "sites M batch"]) -> Float[Array, "batch classes"]:
        return log_scores(self.arch.network, logs, leaves) + self._log_prior()[None]

    def _leaves(self, images: Images, missing: Mask | None) -> Float[Array, "sites M batch"]:
        """ln of the features, the batch last: 0 at missing sites."""
        checked_grid(self.arch, self.representation, images.shape)
        seen = as_sites(images)
        if seen.shape[1] != self.arch.size:
            raise ValueError(f"images: wanted {self.arch.size} sites, found {seen.shape[1]} from shape {images.shape}")
        hidden = jnp.zeros(seen.shape, bool) if missing is None else _by_site(missing, images)
        logs = self.representation.log_density(jnp.where(hidden, 0, seen))
        return jnp.transpose(jnp.where(hidden[..., None], 0, logs), (1, 2, 0))


def _by_site(missing: Mask, images: Images) -> Bool[Array, "batch sites"]:
    if missing.shape != images.shape:
        raise ValueError(f"missing: wanted the shape of the images, {images.shape}, found {missing.shape}")
    return jnp.asarray(missing).reshape(len(missing), -1)
