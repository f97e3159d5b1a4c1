"""When what is computed: a layered tree as waves of equal nodes, equal subtrees once. Uses network; used by fold.

    wave l:   positions --[conv: one matrix each]--> --[pool: products over windows]--> nodes = positions of wave l + 1

`whole` visits every position of every wave (data differ everywhere: scores). `distinct` visits one of each kind, given
a kind for every site (norms, spectra and cuts, where subtrees with equal banks and equal partitions repeat).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int, Integer

from tnsim.network import Network, Stack, Table


class Grid(NamedTuple):
    """Windows side by side on a row-major grid, so that pooling is products of strided slices."""

    rows: int
    columns: int
    window: tuple[int, int]


@dataclass(frozen=True)
class Wave:
    """Equal positions, each a matrix of one bank, and the nodes that pool them.

    below: which value of the wave below enters each position; slots: which row of the bank it reads;
    children: the positions of each node. None stands for "in order", so that nothing is gathered.
    """

    bank: str
    level: int
    dim_in: int
    dim_out: int
    below: Table | None
    slots: Table | None
    children: Table
    grid: Grid | None

    @property
    def nodes(self) -> int:
        return len(self.children)

    @property
    def sources(self) -> Int[np.ndarray, "positions"]:
        """`below`, written out."""
        return np.arange(self.children.array.size) if self.below is None else self.below.array

    @property
    def rows(self) -> Int[np.ndarray, "positions"]:
        """`slots`, written out."""
        return np.arange(self.positions) if self.slots is None else self.slots.array

    @property
    def positions(self) -> int:
        """How many positions are computed in this wave."""
        return self.children.array.size if self.below is None else len(self.below)


@dataclass(frozen=True, eq=False)
class Schedule:
    """Waves from the sites up, and a site for each leaf (`leaves`). Of a `distinct` one also: of which kind each site
    is and each node of every wave (`kinds`)."""

    waves: tuple[Wave, ...]
    output: str
    leaves: Int[np.ndarray, "kinds"]
    kinds: tuple[Int[np.ndarray, "_"], ...] = ()

    def without_top(self) -> Schedule:
        """All but the last wave."""
        return replace(self, waves=self.waves[:-1])


class NotLayered(ValueError):  # noqa: N818  (a finding: callers then plan a path)
    """The network is no layered tree, so the fold cannot sweep it."""

    def __str__(self) -> str:
        return f"{super().__str__()}; {ANY_NETWORK}"


ANY_NETWORK = (
    "only layered trees of matrices (a ConvAC) are folded in waves: of any network tnsim.network_state measures, "
    "tnsim.contract_network contracts and tnsim.bounds.network_min_cut bounds"
)


@lru_cache(maxsize=256)
def whole(network: Network) -> Schedule:
    """Every position of every wave. Raises NotLayered where the network is no layered tree of matrices."""
    stacks = network.stacks[:-1]
    waves = tuple(_wave(network, stack, level) for level, stack in enumerate(stacks))
    if not waves or network.sites != Table(np.arange(network.indices[0].count)) or len(network.outputs) != 1:
        raise NotLayered("sites: wanted the first run of indices, in order, and one class leg")
    top = network.stacks[-1]
    if top.count != 1 or tuple(top.legs.array[0]) != (network.outputs[0], network.offsets[len(waves)]):
        raise NotLayered(f"bank {top.bank!r}: wanted one matrix from the last node to the class leg")
    return Schedule(waves, top.bank, np.arange(len(network.sites)))


def _wave(network: Network, stack: Stack, level: int) -> Wave:
    """The wave of a stack of matrices whose legs are (node above, position below)."""
    first, count = network.offsets[level], network.indices[level].count
    legs = stack.legs.array
    if legs.shape != (count, 2) or not (legs[:, 1] == first + np.arange(count)).all():
        raise NotLayered(f"bank {stack.bank!r}: wanted one matrix a position, in order")
    nodes = network.indices[level + 1].count
    node = legs[:, 0] - (first + count)
    if not (node.min() >= 0 and node.max() < nodes) or len(set(np.bincount(node, minlength=nodes))) != 1:
        raise NotLayered(f"bank {stack.bank!r}: wanted windows of one size at every node of the level above")
    children = np.argsort(node, kind="stable").reshape(nodes, -1)
    slots = None if (stack.slots.array == np.arange(count)).all() else stack.slots
    return Wave(stack.bank, level, stack.shape[1], stack.shape[0], None, slots, Table(children), _grid(children, count))


class Reads(NamedTuple):
    """What the windows of one level read: tables (positions, window) of positions below and of rows of the bank; and
    the widths, (in, out)."""

    bank: str
    below: Table
    rows: Table
    widths: tuple[int, int]


@lru_cache(maxsize=128)
def reading(levels: tuple[Reads, ...], sites: int, output: str) -> Schedule:
    """A schedule of windows that may read a position many times, or none; the last level pools into one node."""
    waves = []
    for level, reads in enumerate(levels):
        nodes = len(reads.below) if level + 1 < len(levels) else 1
        children = np.arange(reads.below.array.size, dtype=np.int32).reshape(nodes, -1)
        tables = Table(reads.below.array.ravel()), Table(reads.rows.array.ravel()), Table(children)
        waves.append(Wave(reads.bank, level, reads.widths[0], reads.widths[1], *tables, None))
    return Schedule(tuple(waves), output, np.arange(sites))


def regular(wave: Wave, nodes: int, slots: Table | None) -> Wave:
    """As many nodes of this wave, the children of each side by side."""
    children = np.arange(nodes * wave.children.array.shape[1], dtype=np.int32).reshape(nodes, -1)
    return replace(wave, below=None, slots=slots, children=Table(children), grid=_grid(children, children.size))


def _grid(children: Int[np.ndarray, "nodes window"], count: int) -> Grid | None:
    """The grid on which these windows stand side by side, or None."""
    first = children[0]
    run = int(np.argmax(np.append(np.diff(first) != 1, True))) + 1
    rows_in_window = len(first) // run
    columns = int(first[run] - first[0]) if rows_in_window > 1 else count  # one row high: one long row
    if rows_in_window * run != len(first) or columns % run or count % (columns * rows_in_window):
        return None
    grid = Grid(count // columns, columns, (rows_in_window, run))
    return grid if (windows_on(grid) == children).all() else None


def windows_on(grid: Grid) -> Int[np.ndarray, "nodes window"]:
    """Positions of every window of a grid, nodes and places row-major."""
    (h, w), rows, columns = grid.window, grid.rows, grid.columns
    at = np.arange(rows * columns).reshape(rows // h, h, columns // w, w)
    return at.transpose(0, 2, 1, 3).reshape(-1, h * w)


def distinct(
    schedule: Schedule, kinds: Integer[np.ndarray, "sites"] | Bool[np.ndarray, "sites"], by_bank: bool = True
) -> Schedule:
    """One position and one node of each kind, where sites of equal `kinds` hold equal leaves.

    Two subtrees are of one kind when their leaves, rows of the banks and wiring agree up to the order within windows;
    with by_bank=False the rows do not count (min-cuts see dimensions alone).
    """
    _, leaves, kind = np.unique(kinds, return_index=True, return_inverse=True)
    waves, kinds_of = [], [kind]
    for wave in schedule.waves:
        slots = wave.rows if by_bank else np.zeros(len(kind), dtype=np.int64)
        positions, position_kind = unique_rows(np.stack([kind, slots], axis=1))
        children, kind = unique_rows(np.sort(position_kind[wave.children.array], axis=1))
        waves.append(_of_kinds(wave, positions, children))
        kinds_of.append(kind)
    return Schedule(tuple(waves), schedule.output, leaves, tuple(kinds_of))


def _of_kinds(wave: Wave, positions: Int[np.ndarray, "k 2"], children: Int[np.ndarray, "nodes window"]) -> Wave:
    """The wave of these positions, (value below, row of the bank). Where no two were equal, nothing is gathered."""
    below, rows = positions.T
    return replace(
        wave,
        below=None if np.array_equal(below, wave.sources) else Table(below),
        slots=wave.slots if np.array_equal(rows, wave.rows) else Table(rows),
        children=Table(children),
        grid=wave.grid if np.array_equal(children, wave.children.array) else None,
    )


def unique_rows(rows: Int[np.ndarray, "n k"]) -> tuple[Int[np.ndarray, "u k"], Int[np.ndarray, "n"]]:
    """Distinct rows, and which of them each row is."""
    code = rows[:, 0].astype(np.int64)
    for column in rows.T[1:]:  # fold column after column into one code: much faster than sorting whole rows
        _, code = np.unique(code * (int(column.max()) + 1) + column, return_inverse=True)
    _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    return rows[first], inverse
