"""Min-cuts in exact integers, with the cut itself: of layered trees by a fold, of others by a flow. THEORY section 5.

a value on an edge is (weight if the edge is on A's side, weight if on B's); a copy index is paid once, however
many of its legs are cut; a matrix never crosses. Uses contract.fold, kinds and flow.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from tnsim import partitions
from tnsim.bounds.asked import mask_of, wired
from tnsim.bounds.flow import NetworkCut, network_min_cut
from tnsim.bounds.kinds import Sides
from tnsim.bounds.weight import Weighed
from tnsim.contract.fold import Algebra, sweep
from tnsim.contract.schedule import NotLayered, Schedule, Wave, distinct, whole
from tnsim.network import Network


class CutEdge(NamedTuple):
    """An index that a cut severs: level -1 and a site, or level l and one of its pooling nodes."""

    level: int
    position: int
    dim: int


@dataclass(frozen=True, eq=False)
class Cut(Weighed):
    """A minimal cut between A and B. severed: for every level from -1 (the sites' own edges), the indices it cuts."""

    severed: dict[int, Int[np.ndarray, "_"]]
    dims: dict[int, int]

    @cached_property
    def factors(self) -> dict[int, int]:
        """{dimension: exponent}; the weight is their product."""
        found: dict[int, int] = {}
        for level, where in self.severed.items():
            if len(where):
                found[self.dims[level]] = found.get(self.dims[level], 0) + len(where)
        return found

    @property
    def levels(self) -> dict[int, int]:
        """How many indices of each level are cut (level -1: sites)."""
        return {level: len(where) for level, where in self.severed.items() if len(where)}

    @property
    def edges(self) -> list[CutEdge]:
        """The cut itself, index by index."""
        return [CutEdge(level, p, self.dims[level]) for level, where in self.severed.items() for p in where.tolist()]

    def to_json(self) -> dict:
        """Factors and logarithm (and the integer itself where it is short), levels and edges."""
        return {
            **self.weight_json(),
            "levels": {str(level): count for level, count in self.levels.items()},
            "edges": [[edge.level, edge.position] for edge in self.edges],
        }

    def __repr__(self) -> str:
        return f"Cut({self.weight_text()}, indices cut by level {self.levels})"


def min_cut(arch: Any, A: partitions.Partition) -> Cut | NetworkCut:
    """The least product of dimensions that separates A's sites from B's; no Schmidt rank is higher.

    arch: any architecture, one's own too: what has a `.network`. A: site numbers, a mask over the sites, or a name,
    which goes by its levels or `.grid`, and by a row of sites where it has neither. Exact. Of a layered tree in O(N),
    and of several minimal cuts the one that severs an index only where that is strictly cheaper than severing others
    below it; of any other `network_min_cut(arch.network, A)`, which has the same value, factors, log, edges and levels.

    Raises ValueError for what has no network, and for partitions as `partitions.mask`.
    Source: THEORY section 5; Levine et al. (1704.01552), the min-cut theorem.
    """
    network, mask = wired(arch), mask_of(arch, A)
    try:
        return network_cut(network, mask)
    except NotLayered:
        return network_min_cut(network, mask)


def network_cut(network: Network, mask: Bool[np.ndarray, "sites"]) -> Cut:
    """`min_cut` of a layered network and a mask of its sites."""
    schedule = whole(network)
    kinds = distinct(schedule, ~mask, by_bank=False)
    algebra = _algebra([wave.dim_out for wave in schedule.waves])
    leaves = _leaves(kinds, mask, schedule.waves[0].dim_in)
    values = list(sweep(algebra, kinds, _no_banks(kinds), leaves))
    return _recover(schedule, kinds, mask, values)


def _no_banks(schedule: Schedule) -> dict[str, None]:
    return dict.fromkeys(wave.bank for wave in schedule.waves)


def _leaves(kinds: Schedule, mask: Bool[np.ndarray, "sites"], M: int) -> list[Sides]:
    return [Sides(1, M) if in_a else Sides(M, 1) for in_a in mask[kinds.leaves].tolist()]


def _algebra(dims: list[int]) -> Algebra:
    """The min-cut of a tree whose copy indices at level l have dimension dims[l]."""

    def pool(wave: Wave, values: list[Sides]) -> list[Sides]:
        r, result = dims[wave.level], []
        for window in wave.children.array.tolist():
            children = [values[child] for child in window]
            split = r * prod(min(child) for child in children)
            stay = (prod(child[side] for child in children) for side in (0, 1))
            result.append(Sides(*(min(weight, split) for weight in stay)))
        return result

    return Algebra(lambda wave, bank, values: [values[below] for below in wave.sources.tolist()], pool)


def _recover(
    schedule: Schedule, kinds: Schedule, mask: Bool[np.ndarray, "sites"], values: list[list[Sides]]
) -> Cut:
    """Walk down from the root: the side of every edge, and the indices whose legs lie on both sides."""
    dims = {-1: schedule.waves[0].dim_in, **{wave.level: wave.dim_out for wave in schedule.waves}}
    cheaper = [np.array([0 if value.a <= value.b else 1 for value in level]) for level in values]
    severed: dict[int, Int[np.ndarray, "_"]] = {}
    side = cheaper[-1][kinds.kinds[-1]]
    for wave, kind_wave in zip(reversed(schedule.waves), reversed(kinds.waves), strict=True):
        below = [values[wave.level][kind] for kind in kind_wave.sources.tolist()]
        split = _splits(kind_wave, below, values[wave.level + 1])[kinds.kinds[wave.level + 1], side]
        severed[wave.level] = np.flatnonzero(split)
        children = wave.children.array
        free = cheaper[wave.level][kinds.kinds[wave.level][children]]
        side_below = np.empty(children.size, np.int64)
        side_below[children] = np.where(split[:, None], free, side[:, None])
        side = side_below
    severed[-1] = np.flatnonzero(side != np.where(mask, 0, 1))
    return Cut(dict(sorted(severed.items())), dims)


def _splits(wave: Wave, below: list[Sides], values: list[Sides]) -> Bool[np.ndarray, "kinds side"]:
    """For each kind of node and side: is its own index cut? Only where that is strictly cheaper."""
    stays = [
        [prod(below[child][side] for child in window) for side in (0, 1)] for window in wave.children.array.tolist()
    ]
    return np.array([[v[side] < stay[side] for side in (0, 1)] for v, stay in zip(values, stays, strict=True)])
