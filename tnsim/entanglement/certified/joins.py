"""A layered tree as matrices and joins of two, ordered for one partition. Uses contract.schedule; used by certified.

    below --[ W ]-- above        Matrices: one edge below each edge above
    left --+
           o-- above             Joins: an elementwise product over the copy index; right -1: an edge carried on
    right -+

Within a window the edges wholly in A are joined first, and those wholly in B: their products need no more than r
dimensions, whatever comes later.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Int

from tnsim.contract.schedule import Wave, whole
from tnsim.network import Network

A, B, MIXED = 0, 1, 2  # on which side the sites below an edge lie


@dataclass(frozen=True, eq=False)
class Matrices:
    """Edge i above is `bank[rows[i]]`, of shape (dim, dimension below), applied to edge sources[i] below."""

    bank: str
    sources: Int[np.ndarray, "edges"]
    rows: Int[np.ndarray, "edges"]
    purity: Int[np.ndarray, "edges"]
    dim: int


@dataclass(frozen=True, eq=False)
class Joins:
    """Edge i above is the product of edges left[i] and right[i] below, or left[i] alone where right[i] is -1."""

    left: Int[np.ndarray, "edges"]
    right: Int[np.ndarray, "edges"]
    purity: Int[np.ndarray, "edges"]
    dim: int

    @property
    def pairs(self) -> Int[np.ndarray, "pairs"]:
        """The edges above that are true products."""
        return np.flatnonzero(self.right >= 0)


Layer = Matrices | Joins


@dataclass(frozen=True, eq=False)
class JoinTree:
    """Layers from the sites (features a site, on sides `purity`) up to the root's one edge."""

    features: int
    purity: Int[np.ndarray, "sites"]
    layers: tuple[Layer, ...]

    @property
    def purities(self) -> list[Int[np.ndarray, "_"]]:
        """On which side every edge lies, before the first layer and after each."""
        return [self.purity, *(layer.purity for layer in self.layers)]


def join_tree(network: Network, mask: Bool[np.ndarray, "sites"]) -> JoinTree:
    """The tree of matrices and joins of a layered network for one partition."""
    schedule = whole(network)
    purity = np.where(mask, A, B)
    layers: list[Layer] = []
    for wave in schedule.waves:
        above = purity[wave.sources]
        layers.append(Matrices(wave.bank, wave.sources, wave.rows, above, wave.dim_out))
        layers += _joins(wave, above)
        purity = layers[-1].purity
    return JoinTree(schedule.waves[0].dim_in, np.where(mask, A, B), tuple(layers))


def _joins(wave: Wave, purity: Int[np.ndarray, "positions"]) -> Iterator[Joins]:
    """Rounds of joins until every window is one edge (at least one round, so that edges come in the nodes' order)."""
    windows = wave.children.array.tolist()
    while True:
        rounds = [_paired(window, purity) for window in windows]
        left, right = np.array([pair for pairs in rounds for pair in pairs], dtype=np.int64).T
        joined = np.where(purity[left] == purity[right], purity[left], MIXED)
        purity = np.where(right < 0, purity[left], joined)
        yield Joins(left, right, purity, wave.dim_out)
        ends = np.cumsum([0, *(len(pairs) for pairs in rounds)]).tolist()
        windows = [list(range(*pair)) for pair in pairwise(ends)]
        if len(left) == wave.nodes:
            return


def _paired(window: list[int], purity: Int[np.ndarray, "_"]) -> list[tuple[int, int]]:
    """Who meets whom in one round: those of one pure side among themselves; where each has at most one, all."""
    on_a, on_b, mixed = ([edge for edge in window if purity[edge] == side] for side in (A, B, MIXED))
    if len(on_a) > 1 or len(on_b) > 1:
        return _adjacent(on_a) + _adjacent(on_b) + [(edge, -1) for edge in mixed]
    return _adjacent(mixed + on_a + on_b)


def _adjacent(edges: list[int]) -> list[tuple[int, int]]:
    return [(edges[i], edges[i + 1] if i + 1 < len(edges) else -1) for i in range(0, len(edges), 2)]
