"""What the rest of the state shows of an edge: one fold up, one sweep down, no partition. THEORY section 6.

    psi[x, g]  sites x below the edge g      G[g, h] = sum_x psi[x, g] conj(psi[x, h])
    phi[y, g]  the sites y of the rest       E[g, h] = sum_y phi[y, g] conj(phi[y, h])      <psi|psi> = sum_gh G E

Root: E = sum v v^dagger. Child i of a node: E o prod of the other children's G. Through a matrix W: W^T E conj(W).
Every E and G has a scale of its own, which is dropped. Uses contract.fold and gram; used by reduced, mutual and maps.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Num

from tnsim import memory
from tnsim.banks import Banks
from tnsim.contract.fold import Scaled
from tnsim.contract.schedule import Wave, whole
from tnsim.entanglement.gram import GRAMS, site_grams
from tnsim.entanglement.measure import SiteMeasure, item_size
from tnsim.network import Network

EPS = float(np.finfo(np.float64).eps)
LIVE = 8  # arrays (positions, r, r) of a wave alive at once: G and E below and above the matrix, and their products


class Environments(NamedTuple):
    """G and E of every edge below a wave's positions, sites first, the root last; lifted, above: G and E above them.

    rounding: what rounding at all edges does to a normalised reduced density matrix, in trace norm and units of eps,
    to first order; along: the part of it that comes from the edges between each site and the root.
    """

    grams: tuple[Num[np.ndarray, "nodes g g"], ...]
    lifted: tuple[Num[np.ndarray, "positions g g"], ...]
    environments: tuple[Num[np.ndarray, "nodes g g"], ...]
    above: tuple[Num[np.ndarray, "positions g g"], ...]
    rounding: float
    along: Float[np.ndarray, "sites"]


def environments(
    network: Network, banks: Banks, vector: Num[np.ndarray, "*classes r"], measure: SiteMeasure,
    limit: str | float | None = None,
) -> Environments:  # fmt: skip
    """G and E on all edges of the state that `vector` (an output row) closes, compiled once for a network.

    Of several rows the state is sum_y |y> psi_y: its class leg is traced in every E.

    Raises MemoryLimitError where the estimate is above the limit, and ValueError for a state that is zero.
    """
    waves = whole(network).waves
    needed = LIVE * float(sum(wave.positions * max(wave.dim_in, wave.dim_out) ** 2 for wave in waves))
    memory.check(
        needed * item_size(banks, measure), limit, "environments: the Gram matrices of all edges",
        "Ways out: narrower levels; a higher memory=.",
    )  # fmt: skip
    peak = np.abs(vector).max() or 1.0
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        swept = _swept(network, banks, jnp.atleast_2d(vector / peak), site_grams(measure)[measure.kind])
        grams, lifted, found, above = jax.tree.map(np.asarray, swept)
    if not (norm := (grams[-1] * found[-1]).sum().real) > 0 or not np.isfinite(norm):
        raise ValueError("state: it is exactly zero or not finite, so it has no density matrix")
    edges = zip(waves, grams, zip(found, above, strict=False), strict=False)
    steps = [_step(wave, banks[wave.bank], G, E) for wave, G, E in edges]
    along = np.zeros(1)
    for wave, step in zip(reversed(waves), reversed(steps), strict=True):
        along = step + along[node_of(wave)]
    rounding = float(sum(map(np.sum, steps)))
    return Environments(tuple(grams), tuple(lifted), tuple(found), tuple(above), rounding, along)


def node_of(wave: Wave) -> Int[np.ndarray, "positions"]:
    """The node that pools each position of a wave of `whole`."""
    nodes = np.empty(wave.positions, np.int64)
    nodes[wave.children.array] = np.arange(wave.nodes)[:, None]
    return nodes


@partial(jax.jit, static_argnames="network")
def _swept(network: Network, banks, vectors, grams):
    """Lists of G (below), G (above), E (below) and E (above) of all waves, in their order."""
    waves = whole(network).waves
    below, lifted = [Scaled(grams, jnp.zeros(len(grams), jnp.abs(grams).dtype))], []
    for wave in waves:
        lifted.append(GRAMS.conv(wave, banks[wave.bank], below[-1]))
        below.append(GRAMS.pool(wave, lifted[-1]))
    found, above = [jnp.einsum("yg,yh->gh", vectors, jnp.conj(vectors))[None]], []
    for wave, G in zip(reversed(waves), reversed(lifted), strict=True):
        rows = _rows(wave, banks[wave.bank])
        above.append(_unit(found[-1][node_of(wave)] * _others(wave, G.value)))
        found.append(jnp.swapaxes(rows, -1, -2) @ above[-1] @ jnp.conj(rows))
    return [x.value for x in below], [x.value for x in lifted], found[::-1], above[::-1]


def _rows(wave: Wave, bank: Num[Array, "copies g c"]) -> Num[Array, "#positions g c"]:
    """The matrix of every position (one for all where they share it), with peak 1."""
    rows = _unit(jnp.asarray(bank))
    return rows if wave.slots is None or len(bank) == 1 else rows[wave.slots.array]


def _unit(x: Num[Array, "*n g c"]) -> Num[Array, "*n g c"]:
    """With peak 1 over the last two axes; an exact zero stays zero."""
    peak = jnp.abs(x).max(axis=(-2, -1), keepdims=True)
    return x / jnp.where(peak > 0, peak, 1)


def _others(wave: Wave, lifted: Num[Array, "positions g g"]) -> Num[Array, "positions g g"]:
    """At every position the product of its window's other G, up to a scale."""
    children = wave.children.array
    return _all_but_one(lifted[children]).reshape(lifted.shape)[np.argsort(children.ravel())]


def _all_but_one(x: Num[Array, "nodes window g g"]) -> Num[Array, "nodes window g g"]:
    """For every place the product of the other places: of the partner, and of all pairs but its own.

    Not by division: a channel of one child may be zero.
    """
    nodes, window, g, _ = x.shape
    one = jnp.ones_like(x[:, :1])
    if window == 1:
        return one
    pairs = (jnp.concatenate([x, one], axis=1) if window % 2 else x).reshape(nodes, -1, 2, g, g)
    rest = _all_but_one(_unit(pairs[:, :, 0] * pairs[:, :, 1]))
    return _unit(pairs[:, :, ::-1] * rest[:, :, None]).reshape(nodes, -1, g, g)[:, :window]


def _step(wave: Wave, bank, G: Num[np.ndarray, "p c c"], E: tuple[np.ndarray, np.ndarray]) -> Float[np.ndarray, "p"]:
    """How rounding at a position's matrix W and its pooling is felt, over eps; G below it, E below and above.

    With d = diag(G)^(1/2), e = diag(E)^(1/2) and u = |W| d: an entry of W G W^dagger is off by dim u_g u_h, and what
    surrounds it in a density matrix is at most e_g e_h (Cauchy-Schwarz), so dim (e u)^2 / <psi|psi>. W^T E conj(W)
    costs as much, and products of a window less. In NumPy: it is little work, and would take long to compile.
    """
    W = np.abs(bank[wave.rows])
    W = W / np.maximum(W.max(axis=(-2, -1), keepdims=True), np.finfo(float).tiny)
    d, e = (np.sqrt(np.maximum(np.einsum("pii->pi", x).real, 0.0)) for x in (G, E[1]))
    norm = (G * E[0]).sum(axis=(-2, -1)).real
    dim = 2 * (wave.dim_in + wave.dim_out + 4) + 2 * wave.children.array.shape[1]
    felt = dim * np.einsum("pgc,pg,pc->p", W, e, d, optimize=True) ** 2
    return np.where(norm > 0, felt / np.where(norm > 0, norm, 1.0), np.inf)
