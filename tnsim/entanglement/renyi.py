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
from tnsim.entanglement.estimate import Estimate
from tnsim.entanglement.gram import sensitivity, site_grams
from tnsim.entanglement.measure import SiteMeasure, item_size
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
    vectors: Num[np.ndarray, "labels r"],
    measure: SiteMeasure,
    masks: Bool[np.ndarray, "partitions sites"],
    limit: str | float | None = None,
) -> Estimate:
    """S_2 = -ln Tr rho_A^2 in nats, with a bound on the rounding; arrays (labels, partitions).

    One fold a partition serves the states that all of `vectors` (rows of the output bank) close. Raises
    MemoryLimitError where the estimate is above the limit, and ValueError for a state that is zero.
    """
    needed = estimate(network) * item_size(banks, measure)
    memory.check(
        needed, limit, "renyi: the fold of two replicas",
        "Ways out: narrower levels (the cost is width^4); schmidt(A) where few edges are cut; a higher memory=.",
    )  # fmt: skip
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        chunk = int(max(1, min(len(masks), memory.limit(limit) // (2 * needed))))
        found = _log_purities(network, chunk, banks, vectors, site_grams(measure)[measure.kind], masks)
        purities = np.asarray(found).T
    rows = [_entropies(network, banks, vector, measure, row) for vector, row in zip(vectors, purities, strict=True)]
    entropy, error = np.stack(rows, axis=1)
    inside = np.minimum(masks.sum(axis=1), (~masks).sum(axis=1)) * np.log(measure.factors.shape[-1])  # |A| ln M
    upper = np.maximum(np.minimum(entropy + error, inside[None]), entropy)
    return Estimate(entropy, np.maximum(entropy - error, 0.0), upper, "two replicas")


def _entropies(network: Network, banks: Banks, vector, measure: SiteMeasure, log_purities) -> Float[np.ndarray, "2 n"]:
    """Entropies of one state, and the bounds on their rounding."""
    felt = sensitivity(network, banks, vector, by_site(measure))
    if not (np.isfinite(felt.log_norm) and np.isfinite(log_purities).all()):
        raise ValueError("state: it is exactly zero or not finite, so it has no Renyi entropy")
    entropy = np.maximum(4 * felt.log_norm - log_purities, 0.0)
    with np.errstate(over="ignore"):  # an infinite bound says what there is to say
        error = 4 * EPS * max(network.dims) * felt.of_replicas() * np.exp(entropy)
    logs = np.abs(log_purities) + 4 * abs(felt.log_norm)  # thousands, taken from each other
    return np.stack([entropy, error + 4 * EPS * logs])


def by_site(measure: SiteMeasure) -> SiteMeasure:
    """The same measure with every site a kind of its own: errors are squared edge by edge."""
    return replace(measure, factors=measure.factors[measure.kind], kind=np.arange(len(measure.kind)))


def estimate(network: Network) -> float:
    """Peak numbers held for one partition."""
    waves = whole(network).waves
    return LIVE * max(wave.positions * max(wave.dim_in, wave.dim_out) ** 4 for wave in waves)


@partial(jax.jit, static_argnames=("network", "chunk"))
def _log_purities(network: Network, chunk: int, banks, vectors, grams, masks) -> Float[Array, "partitions labels"]:
    one = partial(log_purities, network, banks, vectors, grams)
    return lax.map(one, masks, batch_size=chunk)


def log_purity(
    network: Network,
    banks: Banks,
    vector: Num[AnyArray, "r"],
    grams: Num[AnyArray, "sites M M"],
    mask: Bool[AnyArray, "sites"],
) -> Float[Array, ""]:
    """ln Tr rho_A^2 of the unnormalised state (norm^4 not divided out); pure JAX, differentiable in the banks."""
    return log_purities(network, banks, vector[None], grams, mask)[0]


def log_purities(
    network: Network,
    banks: Banks,
    vectors: Num[AnyArray, "labels r"],
    grams: Num[AnyArray, "sites M M"],
    mask: Bool[AnyArray, "sites"],
) -> Float[Array, "labels"]:
    """`log_purity` of the states that several vectors close, by one fold."""
    traced = jnp.einsum("nac,nbd->nabcd", grams, grams)
    swapped = jnp.einsum("nad,nbc->nabcd", grams, grams)
    leaves = jnp.where(mask[:, None, None, None, None], swapped, traced)
    root = fold(REPLICAS, whole(network), banks, Scaled(leaves, jnp.zeros(len(leaves), jnp.abs(leaves).dtype)))
    bras = jnp.conj(vectors)
    closed = jnp.einsum("abcd,ya,yb,yc,yd->y", root.value[0], vectors, vectors, bras, bras).real
    return jnp.log(closed) + root.log_scale[0]
