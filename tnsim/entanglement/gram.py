"""Norms, and how rounding spreads: the fold of Gram matrices. THEORY sections 6 and 8. Uses contract.fold.

G[g, h] = sum over configurations of psi_g conj(psi_h) below an edge, (r, r); one-sided, no partition needed
"""

from __future__ import annotations

from functools import partial
from math import inf, log
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Num

from tnsim.banks import AnyArray, Banks
from tnsim.contract.fold import Algebra, Scaled, fold, stacked, sweep
from tnsim.contract.schedule import Schedule, distinct, whole
from tnsim.entanglement.measure import SiteMeasure
from tnsim.network import Network, Table


def _sandwich(rows: Num[Array, "#p g c"], gram: Num[Array, "p c c"]) -> Num[Array, "p g g"]:
    return rows @ gram @ jnp.conj(jnp.swapaxes(rows, -1, -2))


GRAMS = stacked(_sandwich, axes=(-2, -1))


def log_norm(network: Network, banks: Banks, vector: Num[AnyArray, "r"], measure: SiteMeasure) -> float:
    """ln of the norm of the state that `vector` (an output row) closes; -inf where it is zero to rounding."""
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        found = _norm_squared(network, Table(measure.kind), banks, vector, site_grams(measure))
    return _log_norm(*map(float, found))


def _log_norm(closed: float, log_scale: float) -> float:
    return 0.5 * (log(closed) + log_scale) if closed > 0 else -inf


class Sensitivity(NamedTuple):
    """Of every kind of edge: its count, and Tr(dn/dG) Tr(G) for n, the squared norm, over exp(log_scale)."""

    counts: Int[np.ndarray, "edges"]
    sizes: Float[np.ndarray, "edges"]
    norm_squared: float
    log_scale: float

    @property
    def log_norm(self) -> float:
        """ln of the norm, from Gram matrices: -inf where it is zero to rounding."""
        return _log_norm(self.norm_squared, self.log_scale)

    def of_values(self, log_norm: float) -> float:
        """How much a relative error of C at every edge is felt in the normalised state, to first order.

        One of relative size 1 at n equal edges moves the state by at most sqrt(n Tr(dn/dG) Tr(G)).
        """
        return float(np.sqrt(self.counts * self.sizes).sum() * np.exp(0.5 * self.log_scale - log_norm))

    def of_replicas(self) -> float:
        """The same for a relative error of k1 k2 b1 b2 at every edge, in units of norm^4: squares (Cauchy-Schwarz)."""
        return float(((self.sizes / self.norm_squared) ** 2).sum())


def sensitivity(network: Network, banks: Banks, vector: Num[AnyArray, "r"], measure: SiteMeasure) -> Sensitivity:
    """Edges below the matrices, above them (where their channels can cancel) and at the root, one entry a kind."""
    kind = Table(measure.kind)
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        found = _sizes(network, kind, banks, vector, site_grams(measure))
    sizes, closed, log_scale = jax.tree.map(np.asarray, found)
    schedule, counts = _distinct(network, kind), []
    for wave, below, above in zip(schedule.waves, schedule.kinds, schedule.kinds[1:], strict=False):
        nodes = np.bincount(above)
        positions = np.bincount(wave.children.array.ravel(), np.repeat(nodes, wave.children.array.shape[1]))
        counts += [np.bincount(below), positions.astype(np.int64)]
    return Sensitivity(np.concatenate([*counts, [1]]), np.concatenate(sizes), float(closed), float(log_scale))


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
def _norm_squared(network: Network, kind: Table, banks, vector, grams) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """<psi|psi> as mantissa and log-scale."""
    closed, (log_scale, _) = _closed(network, kind, banks, vector, grams, None)
    return closed, log_scale


@partial(jax.jit, static_argnames=("network", "kind"))
def _sizes(network: Network, kind: Table, banks, vector, grams):
    """Tr(dn/dG) Tr(G) at every kind of edge, n the mantissa of <psi|psi>; and n with its log-scale."""
    closed_by = partial(_closed, network, kind, banks, vector, grams)
    _, (_, shapes) = jax.eval_shape(closed_by, None)
    zeros = [jnp.zeros(shape.shape, shape.dtype) for shape in shapes]
    (closed, (log_scale, edges)), gradients = jax.value_and_grad(closed_by, has_aux=True)(zeros)
    traces = ((jnp.einsum("nii->n", jnp.abs(x)) for x in pair) for pair in zip(gradients, edges, strict=True))
    return [by_edge * of_gram for by_edge, of_gram in traces], closed, log_scale


def _closed(network: Network, kind: Table, banks, vector, grams, added):
    """The mantissa of <psi|psi>, and (its log-scale, the Gram matrices at every edge), with `added` put to those."""
    schedule = _distinct(network, kind)
    edges: list[Num[AnyArray, "n g g"]] = []

    def seen(x: Scaled) -> Scaled:
        edges.append(x.value)
        return x if added is None else Scaled(x.value + added[len(edges) - 1], x.log_scale)

    algebra = Algebra(lambda wave, bank, below: seen(GRAMS.conv(wave, bank, seen(below))), GRAMS.pool)
    root = seen(fold(algebra, schedule, banks, _leaves(grams[kind.array[schedule.leaves]])))
    closed = jnp.einsum("g,gh,h->", vector, root.value[0], jnp.conj(vector)).real
    return closed, (root.log_scale[0], edges)


def _distinct(network: Network, kind: Table) -> Schedule:
    return distinct(whole(network), np.asarray(kind.array))
