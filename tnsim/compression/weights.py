"""What a change of a matrix costs: Gram matrices below it, environments above it. Ground of compression.

    h = sum_gc phi[y, g] K[g, c] psi[x, c]      K -> K + D:  |change|^2 / |h|^2 = Tr(E D G D^T)
    G[c, d] = <psi_c, psi_d>        E[g, h] = <phi_g, phi_h> / |h|^2, all classes together

`weights_in` a measure: exact for a change at one position. `weights_on` images: their own averages, as if what is below
a matrix and what is above it were independent. Where positions share a bank, changes at several of them add up as if
they were orthogonal; what a compression really loses is measured afterwards, by `distance`.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from tnsim.architectures.convac import ConvACArchitecture
from tnsim.banks import AnyArray, Banks
from tnsim.contract.schedule import whole
from tnsim.contract.vectors import pooled
from tnsim.entanglement.environment import environments
from tnsim.entanglement.measure import SiteMeasure
from tnsim.network import Network

__all__ = ["RealBanks", "Weights", "real_banks", "weights_in", "weights_on"]


RealBanks = dict[str, Float[np.ndarray, "..."]]


class Weights(NamedTuple):
    """Of every bank, conv_0 .. output: G below and E above its matrix at each position."""

    grams: tuple[Float[np.ndarray, "positions c c"], ...]
    environments: tuple[Float[np.ndarray, "positions g g"], ...]


def weights_in(arch: ConvACArchitecture, banks: Banks, measure: SiteMeasure) -> Weights:
    """By the inner product of a measure, in float64. Source: THEORY section 6.

    Raises ValueError for complex banks and a state that is zero; MemoryLimitError where Gram matrices do not fit.
    """
    found = real_banks(banks)
    env = environments(arch.network, found, found["output"], measure)
    matrices = [found[wave.bank][wave.rows] for wave in whole(arch.network).waves]
    above = (*env.above, np.eye(arch.classes)[None])
    pairs = [_scaled(*one) for one in zip(env.grams, [*matrices, found["output"][None]], above, strict=True)]
    return Weights(tuple(G for G, _ in pairs), tuple(E for _, E in pairs))


def weights_on(arch: ConvACArchitecture, banks: Banks, features: Float[AnyArray, "images sites M"]) -> Weights:
    """By averages over images: G of the values below a matrix, E of the scores' derivatives by what it makes.

    Raises ValueError for complex banks and scores that are zero on all images.
    """
    found = real_banks(banks)
    with jax.enable_x64(True):
        grams, above, power = jax.tree.map(np.asarray, _averages(arch.network, found, jnp.asarray(features)))
    if not power > 0:
        raise ValueError("features: the scores are zero on all of them, so nothing can be weighed")
    return Weights(tuple(grams), tuple(E / power for E in above))


def real_banks(banks: Banks) -> RealBanks:
    """In float64. Raises ValueError for complex ones."""
    found = {name: np.asarray(bank) for name, bank in banks.items()}
    if any(np.iscomplexobj(bank) for bank in found.values()):
        raise ValueError("banks: wanted real numbers, found complex ones")
    return {name: bank.astype(np.float64) for name, bank in found.items()}


def _scaled(
    G: Float[np.ndarray, "p c c"], K: Float[np.ndarray, "p g c"], E: Float[np.ndarray, "p g g"]
) -> tuple[Float[np.ndarray, "p c c"], Float[np.ndarray, "p g g"]]:
    """G with the constant channel (or else the trace) at 1, and E such that Tr(E K G K^T) = 1: the whole state."""
    first = G[:, 0, 0]
    G = G / np.where(first > 0, first, np.einsum("pcc->p", G))[:, None, None]
    whole_state = np.einsum("pgh,pgc,pcd,phd->p", E, K, G, K, optimize=True)
    return G, E / whole_state[:, None, None]


@partial(jax.jit, static_argnames="network")
def _averages(network: Network, banks, features):
    """(G of all banks, E of all banks, the mean of sum_y h_y^2)."""
    values = jnp.transpose(features, (1, 2, 0)).astype(jnp.float64)
    zeros = [jnp.zeros((wave.positions, wave.dim_out, values.shape[-1])) for wave in whole(network).waves]
    scores, back, below = jax.vjp(partial(_swept, network, banks, values), zeros, has_aux=True)
    classes, images = scores.shape

    def add(y, total):
        (slopes,) = back(jnp.zeros_like(scores).at[y].set(1.0))
        return [E + _outer(slope, images) for E, slope in zip(total, slopes, strict=True)]

    start = [jnp.zeros((len(zero), zero.shape[1], zero.shape[1])) for zero in zeros]
    above = jax.lax.fori_loop(0, classes, add, start)
    grams = [_outer(x, images) for x in below]
    return grams, [*above, jnp.eye(classes)[None]], jnp.square(scores).sum(0).mean()


def _outer(x: Float[Array, "positions c images"], images: int) -> Float[Array, "positions c c"]:
    return jnp.einsum("pci,pdi->pcd", x, x) / images


def _swept(network: Network, banks, values, added):
    """Scores (classes, images), with something added to what every matrix makes; and the values below them."""
    below = []
    for wave, extra in zip(whole(network).waves, added, strict=True):
        below.append(values)
        values = pooled(wave, jnp.asarray(banks[wave.bank])[wave.rows] @ values + extra)
    below.append(values)
    return jnp.asarray(banks["output"]) @ values[0], below
