"""Which widths limit a partition: what the bound gains when one of them is raised or doubled. Uses kinds.

    bound(r) = least cut; a width that every minimal cut severs is a bottleneck, one that some sever is one of a tie
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from math import log
from typing import Any, NamedTuple

from tnsim import partitions
from tnsim.bounds.asked import layered
from tnsim.bounds.kinds import Kinds, Level, kinds_of, root_weights

BOUNDS = ("min-cut", "upper")


class Change(NamedTuple):
    """A bound after a change, an exact integer, and log, ln of what it was multiplied by, in nats."""

    value: int
    log: float


class WidthEffect(NamedTuple):
    """What one width does. level -1: the features, M; else r_level.

    fewest, most: how many indices of this width a minimal cut severs, over all minimal cuts: the one-sided derivatives
    of ln(min-cut) by ln(width), to the right and to the left. raised, doubled: the bound with width + 1, and 2 width.
    """

    level: int
    width: int
    fewest: int
    most: int
    raised: Change
    doubled: Change


@dataclass(frozen=True)
class Sensitivity:
    """The bound of a partition, its logarithm in nats, and what every width does to it, from the features up."""

    value: int
    log: float
    widths: tuple[WidthEffect, ...]

    @property
    def bottlenecks(self) -> tuple[int, ...]:
        """Levels whose width, raised alone, raises the bound (-1: the features)."""
        return tuple(effect.level for effect in self.widths if effect.raised.value > self.value)

    @property
    def tied(self) -> tuple[int, ...]:
        """Levels that some minimal cut severs and another does not: raised alone they change nothing."""
        return tuple(effect.level for effect in self.widths if effect.fewest == 0 < effect.most)

    def __repr__(self) -> str:
        return f"Sensitivity(ln {self.log:.6g}, bottlenecks {self.bottlenecks}, tied {self.tied})"


def sensitivity(arch: Any, A: partitions.Partition, bound: str = "min-cut") -> Sensitivity:
    """How the bound on a partition's Schmidt rank answers to every width, exactly.

    bound: "min-cut", or "upper", sharpened for shared weights (`shared_upper`). Raises ValueError for another word, for
    partitions as `min_cut` does, and for an architecture that is no layered tree, with what there is for it.
    Source: THEORY section 5.
    """
    check_bound(bound)
    arch = layered(arch, "sensitivity")
    mask, dims = partitions.mask(arch, A)[None], [arch.features, *arch.channels]
    kinds = kinds_of(arch.network, mask, by_bank=bound == "upper")
    (now,) = root_weights(kinds, dims, bound == "upper")

    def changed(place: int, width: int) -> Change:
        (value,) = root_weights(kinds, [*dims[:place], width, *dims[place + 1 :]], bound == "upper")
        return Change(value, log(value) - log(now))

    counts = [_counted(kinds, dims, place) for place in range(len(dims))]
    effects = (
        WidthEffect(place - 1, r, *counts[place], changed(place, r + 1), changed(place, 2 * r))
        for place, r in enumerate(dims)
    )
    return Sensitivity(now, log(now), tuple(effects))


def check_bound(bound: str) -> None:
    """Raises ValueError for a bound that is not one of BOUNDS."""
    if bound not in BOUNDS:
        raise ValueError(f"bound: wanted one of {BOUNDS}, found {bound!r}")


class _Counted(NamedTuple):
    """A least weight, and how many indices of one level the cuts of this weight sever, at least and at most."""

    weight: int
    fewest: int
    most: int


def _times(x: _Counted, y: _Counted) -> _Counted:
    return _Counted(x.weight * y.weight, x.fewest + y.fewest, x.most + y.most)


def _least(x: _Counted, y: _Counted) -> _Counted:
    if x.weight != y.weight:
        return min(x, y)
    return _Counted(x.weight, min(x.fewest, y.fewest), max(x.most, y.most))


def _product(values: Iterable[_Counted]) -> _Counted:
    return reduce(_times, values)


def _counted(kinds: Kinds, dims: Sequence[int], place: int) -> tuple[int, int]:
    """(fewest, most) indices of dimension dims[place] that minimal cuts of the one partition sever."""
    free = _Counted(1, 0, 0)
    paid = [_Counted(dim, int(number == place), int(number == place)) for number, dim in enumerate(dims)]
    values = [(paid[0], free), (free, paid[0])]  # a site of B, a site of A: (edge on A's side, on B's)
    for level, index in zip(kinds.levels, paid[1:], strict=True):
        values = _counted_level(level, values, index)
    root = _least(*values[int(kinds.roots[0])])
    return root.fewest, root.most


def _counted_level(
    level: Level, below: Sequence[tuple[_Counted, _Counted]], index: _Counted
) -> list[tuple[_Counted, _Counted]]:
    found = []
    positions = [below[kind] for kind in level.below.tolist()]
    for row in level.rows.tolist():
        split = _times(index, _product(_least(*positions[kind]) for kind in row))
        stay = [_product(positions[kind][side] for kind in row) for side in (0, 1)]
        found.append((_least(stay[0], split), _least(stay[1], split)))
    return found
