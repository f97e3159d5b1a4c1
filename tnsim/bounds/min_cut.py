"""Min-cuts of layered trees in exact integers, and rank bounds from them. THEORY section 5. Uses contract.fold.

a value on an edge is (weight if the edge is on A's side, weight if on B's); a copy index is paid once, however
many of its legs are cut; a matrix never crosses
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import comb, fsum, log, prod
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from tnsim import partitions
from tnsim.architectures.convac import ConvACArchitecture
from tnsim.contract.fold import Algebra, fold, sweep
from tnsim.contract.schedule import Schedule, Wave, distinct, whole
from tnsim.network import Network


class Sides(NamedTuple):
    """Least weight below an edge when the edge itself lies on A's side, or on B's."""

    a: int
    b: int


class CutEdge(NamedTuple):
    """An index that a cut severs: level -1 and a site, or level l and one of its pooling nodes."""

    level: int
    position: int
    dim: int


@dataclass(frozen=True, eq=False)
class Cut:
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

    @cached_property
    def value(self) -> int:
        """The weight: an exact integer, of any size."""
        return prod(dim**exponent for dim, exponent in self.factors.items())

    @property
    def log(self) -> float:
        """ln of the weight: the bound on every entropy, in nats."""
        return fsum(exponent * log(dim) for dim, exponent in self.factors.items())

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
            "log": self.log,
            "factors": {str(dim): exponent for dim, exponent in self.factors.items()},
            "value": str(self.value) if self.log < 100 else None,
            "levels": {str(level): count for level, count in self.levels.items()},
            "edges": [[edge.level, edge.position] for edge in self.edges],
        }

    def __repr__(self) -> str:
        factors = " * ".join(f"{dim}^{exponent}" for dim, exponent in self.factors.items()) or "1"
        return f"Cut({factors}, ln {self.log:.6g}, indices cut by level {self.levels})"


class RankBounds(NamedTuple):
    """lower: for almost all free weights; upper: for any weights; note: what each of them rests on."""

    lower: int
    upper: int
    note: str


def min_cut(arch: ConvACArchitecture, A: partitions.Partition) -> Cut:
    """The least product of dimensions that separates A's sites from B's; no Schmidt rank is higher.

    Exact, O(N). Of several minimal cuts the one returned severs an index only where that is strictly cheaper than
    severing others below it.
    Source: THEORY section 5; Levine et al. (1704.01552), the min-cut theorem.
    """
    return network_cut(arch.network, partitions.mask(arch, A))


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


def rank_bounds(arch: ConvACArchitecture, A: partitions.Partition) -> RankBounds:
    """(lower, upper, note) for the Schmidt rank across a partition. THEORY section 5.

    upper holds for any weights: the min-cut, sharpened by symmetric powers where equal subtrees meet in a window.
    lower holds for almost all *free* weights, none shared or pinned; it never speaks of one given trained network.
    """
    mask = partitions.mask(arch, A)
    cut = min_cut(arch, A).value
    shared = _root_weight(arch, mask, arch.features, _shared_algebra(arch))
    upper = min(cut, shared)
    because = "min-cut" if upper == cut else "min-cut sharpened by symmetric powers (shared weights)"
    if any(kind != "none" for kind in arch.sharing):
        return RankBounds(1, upper, f"upper: {because}, for any weights; lower: none for shared weights")
    best, base = max((_power_cut(arch, mask, p), p) for p in range(2, max(arch.features, *arch.channels, 2) + 1))
    rests_on = f"upper: {because}, for any weights; lower: for almost all free weights (powers of {base})"
    note = f"{rests_on}, not for a given network"
    return RankBounds(best, upper, note)


def _power_cut(arch: ConvACArchitecture, mask, p: int) -> int:
    """The min-cut with every dimension c rounded down to a power of p: a generic lower bound."""
    down = tuple(_power_below(c, p) for c in (arch.features, *arch.channels))
    return _root_weight(arch, mask, down[0], _algebra(list(down[1:])))


def _power_below(c: int, p: int) -> int:
    power = 1
    while power * p <= c:
        power *= p
    return power


def _root_weight(arch: ConvACArchitecture, mask, M: int, algebra: Algebra) -> int:
    kinds = distinct(whole(arch.network), ~mask, by_bank=False)
    leaves = _leaves(kinds, mask, M)
    root = fold(algebra, kinds, _no_banks(kinds), leaves)[0]
    return min(root.a, root.b)


class SharedSides(NamedTuple):
    """`Sides`, and on which side the whole subtree lies (0: A, 1: B, None: on both)."""

    a: int
    b: int
    pure: int | None

    def weight(self, side: int) -> int:
        return self.b if side else self.a


def _shared_algebra(arch: ConvACArchitecture) -> Algebra:
    """The recursion in which m equal children, wholly on the other side, cost C(rho + m - 1, m) and not rho^m.

    Children of a window are equal where their level's bank is shared in full and the levels below in full or by window.
    """
    equal = [
        kind == "full" and all(lower in ("full", "window") for lower in arch.sharing[:level])
        for level, kind in enumerate(arch.sharing)
    ]

    def conv(wave: Wave, bank: None, values: list) -> list[SharedSides]:
        if wave.level == 0:  # a leaf on A's side costs 1 there, on B's side M
            values = [SharedSides(v.a, v.b, 0 if v.a == 1 else 1) if len(v) == 2 else v for v in values]
        return [values[below] for below in wave.sources.tolist()]

    def pool(wave: Wave, values: list[SharedSides]) -> list[SharedSides]:
        windows = wave.children.array.tolist()
        return [_shared_node([values[c] for c in window], wave.dim_out, equal[wave.level]) for window in windows]

    return Algebra(conv, pool)


def _shared_node(children: list[SharedSides], r: int, equal: bool) -> SharedSides:
    split = r * prod(min(child.a, child.b) for child in children)
    stay = [_stay(children, side, equal) for side in (0, 1)]
    pure = children[0].pure if len({child.pure for child in children}) == 1 else None
    return SharedSides(min(stay[0], split), min(stay[1], split), pure)


def _stay(children: list[SharedSides], side: int, equal: bool) -> int:
    """Weight below a node whose index lies on `side`."""
    across = [child.weight(side) for child in children if child.pure == 1 - side]
    rest = prod(child.weight(side) for child in children if child.pure != 1 - side)
    if not across:
        return rest
    power = comb(across[0] + len(across) - 1, len(across)) if equal else prod(across)
    return rest * min(power, prod(across))
