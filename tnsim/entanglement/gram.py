"""Norms, and how rounding spreads: the fold of Gram matrices. THEORY sections 6 and 8. Uses contract.fold.

    G[g, h] = sum over configurations of psi_g conj(psi_h) below an edge, (r, r); one-sided, no partition needed
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num

from tnsim.banks import AnyArray, Banks
from tnsim.contract.fold import Algebra, Scaled, fold, stacked, sweep
from tnsim.contract.schedule import Schedule, distinct, whole
from tnsim.entanglement.measure import SiteMeasure
from tnsim.network import Network, Table


def _sandwich(rows: Num[Array, "#p g c"], gram: Num[Array, "p c c"]) -> Num[Array, "p g g"]:
    return rows @ gram @ jnp.conj(jnp.swapaxes(rows, -1, -2))


GRAMS = stacked(_sandwich, axes=(-2, -1))


def log_norm(network: Network, banks: Banks, vector: Num[AnyArray, "r"], measure: SiteMeasure) -> float:
    """ln of the norm of the state that `vector` (a row of the output bank) closes."""
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        squared = _log_norm_squared(network, Table(measure.kind), banks, vector, site_grams(measure), None)
        return 0.5 * float(squared)


def condition(network: Network, banks: Banks, vector: Num[AnyArray, "r"], measure: SiteMeasure) -> float:
    """How much a relative error made at every edge is felt in the normalised state, to first order.

    With environments E = d ln(norm^2) / dG, the occurrences of an edge add up to Tr(E G) of them, and an error of
    relative size 1 there moves the state by at most sqrt(Tr(E) Tr(G)); the sum over all edges is returned.
    """
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        return float(_condition(network, Table(measure.kind), banks, vector, site_grams(measure)))


def grams_of_waves(network: Network, banks: Banks, measure: SiteMeasure) -> list[Scaled]:
    """Gram matrices on the edges below the positions of every wave, the sites' own first. Call under enable_x64."""
    return _grams_of_waves(network, banks, site_grams(measure)[measure.kind])


def site_grams(measure: SiteMeasure) -> Num[Array, "kinds M M"]:
    """sum_a L[a, g] conj(L[a, h]) of the leaves L = F^T: the measure's Gram matrices, by ket and bra."""
    return jnp.asarray(measure.grams)


def _leaves(grams: Num[Array, "n M M"]) -> Scaled:
    return Scaled(grams, jnp.zeros(len(grams), jnp.abs(grams).dtype))


@partial(jax.jit, static_argnames="network")
def _grams_of_waves(network: Network, banks: Banks, grams: Num[Array, "sites M M"]) -> list[Scaled]:
    return list(sweep(GRAMS, whole(network), banks, _leaves(grams)))


@partial(jax.jit, static_argnames=("network", "kind"))
def _log_norm_squared(network, kind: Table, banks, vector, grams, added) -> Float[Array, ""]:
    """ln <psi|psi>; `added` (one array a wave, or None) is added to the Gram matrices below each wave."""
    schedule = _distinct(network, kind)
    leaves = _leaves(grams[kind.array[schedule.leaves]])
    root = fold(_with_added(added), schedule, banks, leaves)
    closed = jnp.einsum("g,gh,h->", vector, root.value[0], jnp.conj(vector)).real
    return jnp.log(closed) + root.log_scale[0]


def _with_added(added) -> Algebra:
    if added is None:
        return GRAMS

    def conv(wave, bank, below: Scaled) -> Scaled:
        return GRAMS.conv(wave, bank, Scaled(below.value + added[wave.level], below.log_scale))

    return Algebra(conv, GRAMS.pool)


@partial(jax.jit, static_argnames=("network", "kind"))
def _condition(network, kind: Table, banks, vector, grams) -> Float[Array, ""]:
    schedule = _distinct(network, kind)
    leaves = _leaves(grams[kind.array[schedule.leaves]])
    values = [value.value for value in sweep(GRAMS, schedule, banks, leaves)][:-1]
    zeros = [jnp.zeros_like(value) for value in values]
    environments = jax.grad(lambda added: _log_norm_squared(network, kind, banks, vector, grams, added))(zeros)
    total = jnp.zeros((), jnp.abs(vector).dtype)
    for E, G in zip(environments, values, strict=True):
        occurrences = jnp.einsum("nij,nij->n", E, G).real  # each contributes exactly 1
        size = jnp.einsum("nii->n", jnp.abs(E)) * jnp.einsum("nii->n", G).real
        total += jnp.sqrt(jnp.maximum(occurrences, 1) * size).sum()
    return total


def _distinct(network: Network, kind: Table) -> Schedule:
    return distinct(whole(network), np.asarray(kind.array))
