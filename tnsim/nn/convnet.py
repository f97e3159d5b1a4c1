"""Convolutional networks on the wiring of a ConvAC: one thing at a time differs. Uses normalised.

                       product pooling            max or average pooling
    linear maps        the ConvAC                 a tree of sums (average) or maxima
    ReLU maps          a middle term              the ConvNet of practice
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from tnsim.architectures.convac import ConvACArchitecture, residual_maps
from tnsim.contract.schedule import Wave
from tnsim.contract.vectors import pooled, windowed
from tnsim.nn.normalised import Normalised
from tnsim.nn.patches import Patches
from tnsim.nn.representation import Representation

__all__ = ["ACTIVATIONS", "POOLINGS", "ConvNet"]

ACTIVATIONS = {"relu": jax.nn.relu, "linear": lambda x: x}
POOLINGS = {
    "max": lambda wave, x: windowed(wave, x).max(1),
    "average": lambda wave, x: windowed(wave, x).mean(1),
    "product": pooled,
}
SPREAD = 2.0**0.5 / 0.1  # He et al. 2015 (arXiv 1502.01852), over the small maps of a ConvAC's start


class ConvNet(Normalised):
    """Windows, widths, geometry, sharing, features and normalisation of a ConvAC; another activation and pooling.

    activation: "relu" or "linear"; pooling: "max", "average" or "product". Whatever pools by products starts from small
    maps around 1, as a ConvAC does; the others from He's start around 0. The rest as of `NormalisedConvAC`.

    Raises ValueError for names that are not known, and as `NormalisedConvAC`.
    """

    def __init__(
        self,
        arch: ConvACArchitecture,
        representation: Representation | Patches | None = None,
        *,
        rngs: nnx.Rngs,
        activation: str = "relu",
        pooling: str = "max",
        momentum: float = 0.98,
        dtype: Any = jnp.float32,
    ) -> None:
        for name, value, known in (("activation", activation, ACTIVATIONS), ("pooling", pooling, POOLINGS)):
            if value not in known:
                raise ValueError(f"{name}: wanted one of {tuple(known)}, found {value!r}")
        self.activation, self.pooling = activation, pooling
        levels = residual_maps(arch, rngs.params(), dtype)
        if pooling != "product":
            levels = {
                name: level._replace(maps=level.maps * SPREAD, offsets=jnp.zeros_like(level.offsets))
                for name, level in levels.items()
            }
        super().__init__(arch, representation, levels, momentum)

    def _level(self, wave: Wave, values: Float[Array, "positions r batch"]) -> Float[Array, "nodes r batch"]:
        return POOLINGS[self.pooling](wave, ACTIVATIONS[self.activation](values))
