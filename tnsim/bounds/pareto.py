"""Widths worth their parameters: the Pareto front of a rank bound against the number of weights. Uses kinds.

    level by level from the sites: (weights so far, cost above every kind of node) of every choice of widths below,
    without those that another choice with the same last width beats in all of them

Both numbers only grow with what lies below, so nothing that is dropped can be completed to a point of the front.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log, prod
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from tnsim import memory, partitions
from tnsim.architectures.layered import Layered
from tnsim.bounds.asked import layered
from tnsim.bounds.kinds import Kinds, Sides, kinds_of, leaves, risen
from tnsim.bounds.sensitivity import check_bound

COMBINED = ("min", "sum")
COST_BYTES = 150  # of a pair of costs in Python, and of what is compared
WAYS_OUT = "Ways out: fewer widths a level, fewer partitions, a higher memory=."


class Design(NamedTuple):
    """Widths, the number of weights of the network that has them, and the bound: exact, and in nats."""

    channels: tuple[int, ...]
    parameters: int
    value: int
    log: float


class _Label(NamedTuple):
    """Widths chosen so far, the weights below, and the costs above every kind of node."""

    parameters: int
    channels: tuple[int, ...]
    costs: list[Sides]


def pareto_front(
    arch: Any,
    A: Sequence[partitions.Partition],
    widths: Sequence[int] | Sequence[Sequence[int]],
    combine: str = "min",
    bound: str = "upper",
    memory: str | float | None = None,
) -> tuple[Design, ...]:
    """Every (parameters, bound) for which no widths of the grid have fewer parameters and as high a bound; ascending.

    arch: all but the channels, which are chosen. A: the partitions that count. widths: what each level may have, one
    list for all levels or one each. combine: "min", the bound on the partition that may have least; "sum", of ln of
    all bounds, `value` being their product. bound: "upper", sharpened for shared weights, or "min-cut".
    Exact: no width is rounded and no design left out; of several with equal numbers one is given.

    Raises ValueError for grids and partitions that do not fit and for an architecture that is no layered tree,
    MemoryLimitError where too many choices are left.
    """
    check_bound(bound)
    if combine not in COMBINED:
        raise ValueError(f"combine: wanted one of {COMBINED}, found {combine!r}")
    arch = layered(arch, "pareto_front")
    grid, symmetric = _grid(arch, widths), bound == "upper"
    kinds = kinds_of(arch.network, _masks(arch, A), by_bank=symmetric)
    labels = [_Label(0, (), leaves(arch.features))]
    for level in range(arch.depth):
        labels = list(_extended(arch, kinds, level, grid[level], labels, symmetric, memory))
    return _front(_closed(arch, kinds, labels, combine))


def _masks(arch: Layered, A: Sequence[partitions.Partition]):
    if isinstance(A, str) or not len(A):
        raise ValueError(f"A: wanted a list of partitions, at least one, found {A!r}")
    return np.stack([partitions.mask(arch, one) for one in A])


def _grid(arch: Layered, widths) -> list[list[int]]:
    """The sorted widths of every level."""
    rows = list(widths)
    if rows and all(isinstance(row, (int, np.integer)) for row in rows):
        rows = [rows] * arch.depth
    if len(rows) != arch.depth:
        raise ValueError(f"widths: wanted one list for all levels, or one for each of {arch.depth}, found {widths!r}")
    for level, row in enumerate(rows):
        whole = not isinstance(row, (int, np.integer)) and all(isinstance(r, (int, np.integer)) for r in row)
        if not whole or not len(row) or min(row) < 1:
            raise ValueError(f"widths: level {level}: wanted positive integers, at least one, found {row!r}")
    return [sorted({int(r) for r in row}) for row in rows]


def _extended(arch, kinds: Kinds, level: int, grid, labels: list[_Label], symmetric: bool, limit) -> Iterable[_Label]:
    """Every label with every width of this level, without those that another one of the same width beats."""
    nodes = len(kinds.levels[level].rows)
    needed = len(labels) * len(grid) * nodes * COST_BYTES
    memory.check(needed, limit, f"level {level}: {len(labels)} choices below, times {len(grid)} widths", WAYS_OUT)
    copies = arch.network.stacks[level].copies
    for r in grid:
        risen_to = [
            _Label(
                label.parameters + copies * r * (label.channels[-1] if level else arch.features),
                (*label.channels, r),
                risen(kinds.levels[level], label.costs, r, symmetric),
            )
            for label in labels
        ]
        yield from _unbeaten(risen_to)


def _unbeaten(labels: list[_Label]) -> list[_Label]:
    """Labels for which no other has as few parameters and as high a cost everywhere; of equal ones the first."""
    ordered = sorted(labels, key=lambda label: label[:2])
    ranks = _ranks([[cost for pair in label.costs for cost in pair] for label in ordered])
    kept: list[int] = []
    for number, row in enumerate(ranks):
        if not (ranks[kept] >= row).all(axis=1).any():
            kept.append(number)
    return [ordered[number] for number in kept]


def _ranks(rows: list[list[int]]) -> Int[np.ndarray, "labels costs"]:
    """Exact integers of any size as their places in order, column by column; columns that tell nothing apart go."""
    columns = {tuple(_places(column)) for column in zip(*rows, strict=True)}
    return np.array(sorted(columns), dtype=np.int64).T


def _places(column: Sequence[int]) -> list[int]:
    place = {value: number for number, value in enumerate(sorted(set(column)))}
    return [place[value] for value in column]


def _closed(arch: Layered, kinds: Kinds, labels: list[_Label], combine: str) -> list[Design]:
    """The designs of complete labels, the output's weights added."""
    designs = []
    for label in labels:
        bounds = [min(label.costs[kind]) for kind in kinds.roots.tolist()]
        value = min(bounds) if combine == "min" else prod(bounds)
        parameters = label.parameters + arch.classes * label.channels[-1]
        designs.append(Design(label.channels, parameters, value, log(value)))
    return designs


def _front(designs: list[Design]) -> tuple[Design, ...]:
    found: list[Design] = []
    for design in sorted(designs, key=lambda design: (design.parameters, -design.value, design.channels)):
        if not found or design.value > found[-1].value:
            found.append(design)
    return tuple(found)
