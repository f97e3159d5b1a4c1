"""Renyi-2 of any partition without its spectrum: the fold of two replicas. THEORY section 6. Uses contract.fold.

    E[k1, k2, b1, b2]   kets k, bras b of two copies of the state below an edge
    a site of B joins k1-b1 and k2-b2 (traced), a site of A joins k1-b2 and k2-b1 (between the replicas)

The partition enters as data, a 0/1 mask, so that many partitions are one compiled, mapped call.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Num

from tnsim import memory
from tnsim.banks import AnyArray, Banks
from tnsim.contract.fold import Scaled, fold, stacked
from tnsim.contract.schedule import whole
from tnsim.entanglement.gram import sensitivity, site_grams
from tnsim.entanglement.measure import SiteMeasure
from tnsim.entanglement.spectrum import Estimate
from tnsim.network import Network

EPS = float(np.finfo(np.float64).eps)
LIVE = 4  # copies of the widest wave alive at once: before and after a leg's matrix, the product, its scale


def _two_replicas(rows: Num[Array, "#p g c"], value: Num[Array, "p c c c c"]) -> Num[Array, "p g g g g"]:
    """The matrix on both kets, its conjugate on both bras; each step turns the legs by one, four bring them round."""
    for leg in range(4):
        value = jnp.einsum("pgc,pcxyz->pxyzg", rows if leg < 2 else jnp.conj(rows), value)
    return value


REPLICAS = stacked(_two_replicas, axes=(-4, -3, -2, -1))


def renyi_2(
    network: Network,
    banks: Banks,
    vector: Num[np.ndarray, "r"],
    measure: SiteMeasure,
    masks: Bool[np.ndarray, "partitions sites"],
    limit: str | float | None = None,
) -> Estimate:
    """S_2 = -ln Tr rho_A^2 of each partition, in nats, with a bound on the rounding; shape (partitions,).

    Raises MemoryLimitError where the estimate is above the limit, and ValueError for a state that is zero.
    """
    complex_item = any(np.iscomplexobj(bank) for bank in (*banks.values(), measure.factors))
    needed = estimate(network) * (16 if complex_item else 8)
    memory.check(
        needed, limit, "renyi: the fold of two replicas",
        "Ways out: narrower levels (the cost is width^4); schmidt(A) where few edges are cut; a higher memory=.",
    )  # fmt: skip
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        chunk = int(max(1, min(len(masks), memory.limit(limit) // (2 * needed))))
        purity = _log_purities(network, chunk, banks, vector, site_grams(measure)[measure.kind], masks)
        purity = np.asarray(purity)
    felt = sensitivity(network, banks, vector, by_site(measure))
    norm = felt.log_norm
    if not (np.isfinite(norm) and np.isfinite(purity).all()):
        raise ValueError("state: it is exactly zero or not finite, so it has no Renyi entropy")
    entropy = np.maximum(4 * norm - purity, 0.0)
    error = 4 * EPS * max(network.dims) * felt.of_replicas() * np.exp(entropy)
    return Estimate(entropy, np.maximum(entropy - error, 0.0), entropy + error, "two replicas")


def by_site(measure: SiteMeasure) -> SiteMeasure:
    """The same measure with every site a kind of its own: errors are squared edge by edge."""
    return replace(measure, factors=measure.factors[measure.kind], kind=np.arange(len(measure.kind)))


def estimate(network: Network) -> float:
    """Peak numbers held for one partition."""
    waves = whole(network).waves
    return LIVE * max(wave.positions * max(wave.dim_in, wave.dim_out) ** 4 for wave in waves)


@partial(jax.jit, static_argnames=("network", "chunk"))
def _log_purities(network: Network, chunk: int, banks, vector, grams, masks) -> Float[Array, "partitions"]:
    one = partial(log_purity, network, banks, vector, grams)
    return lax.map(one, masks, batch_size=chunk)


def log_purity(
    network: Network,
    banks: Banks,
    vector: Num[AnyArray, "r"],
    grams: Num[AnyArray, "sites M M"],
    mask: Bool[AnyArray, "sites"],
) -> Float[Array, ""]:
    """ln Tr rho_A^2 of the unnormalised state (norm^4 not divided out); pure JAX, differentiable in the banks."""
    schedule = whole(network)
    traced = jnp.einsum("nac,nbd->nabcd", grams, grams)
    swapped = jnp.einsum("nad,nbc->nabcd", grams, grams)
    leaves = jnp.where(mask[:, None, None, None, None], swapped, traced)
    root = fold(REPLICAS, schedule, banks, Scaled(leaves, jnp.zeros(len(leaves), jnp.abs(leaves).dtype)))
    bra = jnp.conj(vector)
    closed = jnp.einsum("abcd,a,b,c,d->", root.value[0], vector, vector, bra, bra).real
    return jnp.log(closed) + root.log_scale[0]
