"""A layered tree cut into equal subtrees and what stands above them. Uses schedule; used by scores and shards.

    sites, in subtree order --[below: one schedule for every piece]--> nodes at the cut --[above]--> root

Pieces are swept one after the other (each stays in the cache) or each on its own device. Within a piece positions are
renumbered so that the children of a node stand side by side, whatever the geometry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import numpy as np
from jaxtyping import Int, Num

from tnsim.banks import AnyArray
from tnsim.contract.execution import Execution
from tnsim.contract.schedule import Schedule, Wave, regular
from tnsim.network import Table


@dataclass(frozen=True, eq=False)
class Cut:
    """`pieces` equal parts of a tree up to wave `level`, and the waves above them.

    below: the schedule of each piece. orders: for every wave of below, which positions of the tree each piece has, in
    the piece's own order, (pieces, positions of the piece). rows: likewise the rows of the bank that they
    read. above: the schedule from the nodes at the cut (in their own
    order) to the root.
    """

    below: Schedule
    above: Schedule
    orders: tuple[Int[np.ndarray, "pieces _"], ...]
    rows: tuple[Int[np.ndarray, "pieces _"], ...]

    @property
    def pieces(self) -> int:
        """How many parts."""
        return len(self.orders[0])

    @property
    def own(self) -> tuple[bool, ...]:
        """For every wave of below: does each piece read rows of its own (else all read the same)?"""
        return tuple(bool((rows != rows[0]).any()) for rows in self.rows)

    def leaves(self, sites: Num[AnyArray, "sites ..."]) -> Num[AnyArray, "pieces piece ..."]:
        """Values of the sites, piece by piece."""
        return by_piece(sites, self.orders[0])

    def banks(self, banks: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """(rows that each piece has to itself, by bank: (pieces, positions, r_out, r_in); banks that all share)."""
        waves = list(zip(self.below.waves, self.own, self.rows, strict=True))
        own = {wave.bank: by_piece(banks[wave.bank], rows) for wave, own, rows in waves if own}
        return own, {wave.bank: banks[wave.bank] for wave, own, _ in waves if not own}


def by_piece(values: Num[AnyArray, "n ..."], order: Int[np.ndarray, "pieces k"]) -> Num[AnyArray, "pieces k ..."]:
    """values[order]; a view where the order is the values' own."""
    if order.size == len(values) and (order.ravel() == np.arange(order.size)).all():
        return values.reshape(*order.shape, *values.shape[1:])
    return values[order]


def levels(schedule: Schedule, pieces: int) -> int | None:
    """The highest wave whose nodes are `pieces` or a multiple of it, with a wave above it; None where there is none."""
    fits = [number for number, wave in enumerate(schedule.waves[:-1]) if wave.nodes % pieces == 0]
    return max(fits, default=None)


def possible(schedule: Schedule) -> tuple[int, ...]:
    """Into how many subtrees the tree can be cut: its node counts, fewest first."""
    return tuple(sorted({wave.nodes for wave in schedule.waves[:-1]}))


@lru_cache(maxsize=256)
def cut(schedule: Schedule, pieces: int) -> Cut:
    """Cut a whole tree (see `schedule.whole`) into `pieces` parts of as many nodes each, as high as that goes.

    Raises ValueError where no wave's nodes divide into so many parts.
    """
    level = levels(schedule, pieces)
    if level is None:
        raise ValueError(f"pieces: wanted a divisor of one of the node counts {possible(schedule)}, found {pieces}")
    nodes = np.arange(schedule.waves[level].nodes).reshape(pieces, -1)
    orders: list[Int[np.ndarray, "pieces _"]] = []
    for wave in reversed(schedule.waves[: level + 1]):
        nodes = wave.children.array[nodes].reshape(pieces, -1)
        orders.insert(0, nodes)
    rows = [wave.rows[order] for wave, order in zip(schedule.waves, orders, strict=False)]
    waves = tuple(_local(wave, own) for wave, own in zip(schedule.waves, rows, strict=False))
    below = Schedule(waves, schedule.output, np.arange(orders[0].shape[1]))
    above = Schedule(schedule.waves[level + 1 :], schedule.output, np.arange(schedule.waves[level].nodes))
    return Cut(below, above, tuple(orders), tuple(rows))


def _local(wave: Wave, rows: Int[np.ndarray, "pieces positions"]) -> Wave:
    """The wave of one piece: children side by side; rows of its own come in order, shared ones by their slots."""
    positions, window = rows.shape[1], wave.children.array.shape[1]
    slots = None if (rows != rows[0]).any() or (rows[0] == np.arange(positions)).all() else Table(rows[0])
    return regular(wave, positions // window, slots)


LARGE = 2**26  # bytes of a wave, in and out, up to which a CPU sweeps whole levels: the allocator hands out old pages
KEPT = 2**24  # the same of a gradient, which keeps every level until it comes back
PIECE = 2**21  # bytes of one piece's widest wave beyond that, in the cache of a core or two


def chosen(schedule: Schedule, execution: Execution, batch: int, itemsize: int, gradient: bool = False) -> int:
    """Into how many pieces a sweep is cut: the execution's number, or so many that a piece fits the cache of a CPU.

    gradient: of a sweep that is differentiated. On pictures its pieces pay later, for each gathers its own sites.
    Accelerators sweep whole levels: their memory is as fast as the sweep. Raises ValueError for a number of pieces
    that divides no level.
    """
    if execution.blocks != "auto":
        pieces = int(execution.blocks)
        return pieces if pieces == 1 else cut(schedule, pieces).pieces
    if jax.default_backend() != "cpu":
        return 1
    widest = max(wave.positions * (wave.dim_in + wave.dim_out) for wave in schedule.waves) * batch * itemsize
    most = KEPT if gradient and _in_a_row(schedule.waves[0]) else LARGE
    fitting = [pieces for pieces in possible(schedule) if widest > most and pieces <= widest / PIECE]
    return max(fitting, default=1)


def _in_a_row(wave: Wave) -> bool:
    """Whether the sites of every window stand side by side."""
    return bool((wave.children.array.ravel() == np.arange(wave.children.array.size)).all())
