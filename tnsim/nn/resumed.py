"""A plain ConvAC taken up again in the parametrisation that trains best. Uses normalised.

    K, moments (m, s) of what meets it on images:   W = K s,  b = K_0 + sum_c K m      folded again: K
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Num

from tnsim.architectures.convac import Level
from tnsim.contract.schedule import whole
from tnsim.contract.vectors import pooled
from tnsim.nn.convac import ConvAC
from tnsim.nn.normalised import LEAST, NormalisedConvAC, moments

__all__ = ["resumed"]


def resumed(module: ConvAC, images: Num[Array | np.ndarray, "batch ..."], momentum: float = 0.98) -> NormalisedConvAC:
    """The NormalisedConvAC of the same function, its moments those of these images (or features), ready to train on.

    module: one whose constant channel is pinned. Raises ValueError where it is not, or images do not fit.
    """
    if not module.pinned:
        raise ValueError("module: wanted one whose constant channel is pinned, found one without")
    twin = NormalisedConvAC(module.arch, module.representation, rngs=nnx.Rngs(0), momentum=momentum)
    if isinstance(twin.representation, nnx.Module):
        twin.representation = nnx.clone(twin.representation)
    for name, level in _levels(module, jnp.asarray(module.features(images))).items():
        twin.weights[name][...], twin.offsets[name][...] = level.maps, level.offsets
        twin.means[name][...], twin.variances[name][...] = level.means, level.variances
    twin.batches[...] = jnp.asarray(1 / (1 - momentum))
    return twin


def _levels(module: ConvAC, features: Num[Array, "batch sites M"]) -> dict[str, Level]:
    """Every bank in variables centred and scaled by what meets it."""
    values, banks, found = jnp.transpose(features, (1, 2, 0)), module.params(), {}
    for wave in whole(module.arch.network).waves:
        bank = banks[wave.bank]
        found[wave.bank] = _level(bank[:, 1:], values, wave.rows)
        values = pooled(wave, bank[wave.rows] @ values)
    found["output"] = _level(banks["output"][None], values, np.zeros(1, np.int32))
    return found


def _level(bank: Num[Array, "copies g c"], values: Num[Array, "positions c batch"], rows) -> Level:
    maps, x = bank[:, :, 1:], values[:, 1:]
    means, variances = moments(x, rows, len(bank))
    offsets = bank[:, :, 0] + (maps * means[:, None]).sum(-1)
    return Level(maps * jnp.sqrt(variances + LEAST)[None, None], offsets, means, variances)
