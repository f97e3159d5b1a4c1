"""A normalised ConvAC some of whose weights are held at zero: magnitude pruning. Uses normalised.

    v = b + (mask o W) u        W meets scaled channels, so that weights of all levels compare
"""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float

from tnsim.architectures.convac import Level
from tnsim.nn.normalised import NormalisedConvAC

__all__ = ["Masked", "magnitude_masks"]

Masks = dict[str, Bool[np.ndarray, "copies g c"]]


class Mask(nnx.Variable):
    """Which weights of a bank there are; never trained."""


class Masked(NormalisedConvAC):
    """A copy of a NormalisedConvAC, its weights zero where masks {bank: (copies, g, c)} are False, and kept so.

    Raises ValueError for masks of other shapes than the weights.
    """

    def __init__(self, module: NormalisedConvAC, masks: Mapping[str, Bool[np.ndarray, "copies g c"]]) -> None:
        super().__init__(module.arch, module.representation, rngs=nnx.Rngs(0), momentum=module.momentum)
        shapes = {name: np.shape(weight[...]) for name, weight in module.weights.items()}
        found = {name: np.shape(mask) for name, mask in masks.items()}
        if shapes != found:
            raise ValueError(f"masks: wanted {shapes}, found {found}")
        self.masks = nnx.Dict({name: Mask(jnp.asarray(mask, jnp.float32)) for name, mask in masks.items()})
        for held in ("weights", "offsets", "means", "variances"):
            for name, variable in getattr(module, held).items():
                getattr(self, held)[name][...] = variable[...]
        self.batches[...] = module.batches[...]

    @property
    def nonzero(self) -> int:
        """Weights that are left, offsets and the constants' ones among them."""
        return sum(int(np.count_nonzero(np.asarray(bank))) for bank in self.params().values())

    def _held(self, name: str, means: Float[Array, "copies c"], variances: Float[Array, "c"]) -> Level:
        level = super()._held(name, means, variances)
        return level._replace(maps=level.maps * self.masks[name][...])


def magnitude_masks(module: NormalisedConvAC, parameters: int) -> Masks:
    """The largest weights of all banks together, as many as leave so many numbers besides offsets and constants.

    Raises ValueError where offsets and constants alone are more.
    """
    banks = module.arch.network.bank_shapes
    fixed = sum(int(np.prod(shape[:-1])) for shape in banks.values())  # a constant or an offset in every row
    weights = {name: np.abs(np.asarray(weight[...])) for name, weight in module.weights.items()}
    every = np.sort(np.concatenate([weight.ravel() for weight in weights.values()]))[::-1]
    if parameters <= fixed:
        raise ValueError(f"parameters: wanted more than the {fixed} offsets and constants, found {parameters}")
    least = every[min(parameters - fixed, len(every)) - 1]
    return {name: weight >= least for name, weight in weights.items()}
