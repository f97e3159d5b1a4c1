"""Reduced density matrices of a few sites: open legs on their paths to the root, Grams elsewhere. THEORY section 6.

X[D, D', g, h]    D: configurations (ket) of the kept sites below an edge, D': (bra), g, h: the edge itself
"""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Num

from tnsim import memory
from tnsim.banks import Banks
from tnsim.contract.schedule import Wave, whole
from tnsim.entanglement.gram import grams_of_waves
from tnsim.entanglement.measure import SiteMeasure
from tnsim.network import Network


class Open(NamedTuple):
    """A node with kept sites below it; sites: in the order of D's digits."""

    sites: tuple[int, ...]
    X: Num[np.ndarray, "D D g g"]


def reduced_density_matrix(
    network: Network,
    banks: Banks,
    vector: Num[np.ndarray, "r"],
    measure: SiteMeasure,
    sites: list[int],
    limit: str | float | None = None,
) -> Num[np.ndarray, "D D"]:
    """rho of `sites`, in the order given (the first is the slowest digit), trace 1; D = M^len(sites).

    Raises MemoryLimitError where the estimate is above the limit, and ValueError for a state that is zero.
    """
    schedule = whole(network)
    M, widest = schedule.waves[0].dim_in, max(wave.dim_out for wave in schedule.waves)
    memory.check(
        3 * 16 * float(M) ** (2 * len(sites)) * widest**2, limit, f"sites: a density matrix of {len(sites)} sites",
        "Ways out: fewer sites; a higher memory=.",
    )  # fmt: skip
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        grams = [np.asarray(gram.value) for gram in grams_of_waves(network, banks, measure)]
    # The few nodes on the paths go on in NumPy: each has its own shape, and would else be compiled for one use.
    opened = {site: _leaf(measure, site) for site in sites}
    for wave, gram in zip(schedule.waves, grams, strict=False):
        opened = _up(wave, banks[wave.bank], opened, gram)
    root = opened[0]
    return _normalised((vector @ root.X) @ np.conj(vector), root.sites, sites, M)


def _leaf(measure: SiteMeasure, site: int) -> Open:
    L = measure.factors[measure.kind[site]].T  # [a, c]
    return Open((site,), np.einsum("ac,bd->abcd", L, np.conj(L)))


def _up(wave: Wave, bank, opened: dict[int, Open], gram) -> dict[int, Open]:
    """Nodes of a wave with kept sites below them, by number."""
    row_of = wave.rows
    node_of = np.empty(wave.positions, np.int64)
    node_of[wave.children.array] = np.arange(wave.nodes)[:, None]
    result: dict[int, Open] = {}
    for node in sorted({int(node_of[position]) for position in opened}):
        parts = []
        for position in wave.children.array[node].tolist():
            W = bank[row_of[position]]
            child = opened.get(position)
            part = Open((), gram[position][None, None]) if child is None else child
            parts.append(_unit(Open(part.sites, W @ part.X @ np.conj(W.T))))
        result[node] = reduce(_times, parts)
    return result


def _unit(x: Open) -> Open:
    """With peak 1: only ratios matter, and long products leave float range."""
    return Open(x.sites, x.X / (np.abs(x.X).max() or 1))


def _times(x: Open, y: Open) -> Open:
    size = x.X.shape[0] * y.X.shape[0]
    product = x.X[:, None, :, None] * y.X[None, :, None, :]
    return _unit(Open(x.sites + y.sites, product.reshape(size, size, *x.X.shape[2:])))


def _normalised(rho, found: tuple[int, ...], wanted: list[int], M: int) -> Num[np.ndarray, "D D"]:
    """Digits in the order wanted, Hermitian, trace 1."""
    k = len(wanted)
    order = [found.index(site) for site in wanted]
    rho = rho.reshape((M,) * 2 * k).transpose(*order, *(k + i for i in order)).reshape(M**k, M**k)
    rho = 0.5 * (rho + np.conj(rho.T))
    trace = np.trace(rho).real
    if not (np.isfinite(trace) and trace > 0):
        raise ValueError("state: it is exactly zero or not finite, so it has no density matrix")
    return rho / trace
