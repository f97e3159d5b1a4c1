"""Equal subtrees of one or many partitions once, and what a cut below their edge costs. Uses contract.schedule.

    partitions x positions --[equal rows once]--> kinds of nodes, level by level --[widths]--> (cost on A, cost on B)

The kinds need the wiring alone, so that any widths can be tried on them. Used by all bounds of layered trees.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import comb, prod
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from tnsim.contract.schedule import Wave, unique_rows, whole
from tnsim.network import Network


class Sides(NamedTuple):
    """Least weight below an edge when the edge itself lies on A's side, or on B's."""

    a: int
    b: int


class Level(NamedTuple):
    """below: the node (or site) below every kind of position; rows: the positions that every kind of node pools."""

    below: Int[np.ndarray, "positions"]
    rows: Int[np.ndarray, "nodes window"]


class Kinds(NamedTuple):
    """The kinds of nodes of every level, from the sites up, and the kind of each partition's root."""

    levels: tuple[Level, ...]
    roots: Int[np.ndarray, "partitions"]


def kinds_of(network: Network, masks: Bool[np.ndarray, "partitions sites"], by_bank: bool = False) -> Kinds:
    """The kinds of subtrees in these partitions of a layered tree; site kinds are 0 (B) and 1 (A).

    Nodes are of one kind where their subtrees' wiring and sides agree up to the order within windows; with by_bank
    also which rows of the banks they read. Raises NotLayered for other networks.
    """
    kinds, levels = masks.astype(np.int64), []
    for wave in whole(network).waves:
        level, kinds = pooled(kinds, wave, by_bank)
        levels.append(level)
    return Kinds(tuple(levels), kinds[:, 0])


def pooled(
    kinds: Int[np.ndarray, "partitions positions"], wave: Wave, by_bank: bool
) -> tuple[Level, Int[np.ndarray, "partitions nodes"]]:
    """One level up: the kinds of nodes that pool positions of these kinds, and of which kind each is."""
    below = np.arange(int(kinds.max()) + 1)
    if by_bank:
        copies = int(wave.rows.max()) + 1
        codes, kinds = np.unique(kinds * copies + wave.rows, return_inverse=True)
        below, kinds = codes // copies, kinds.reshape(-1, len(wave.rows))
    children = np.sort(kinds[:, wave.children.array], axis=-1)
    rows, found = unique_rows(children.reshape(-1, children.shape[-1]))
    return Level(below, rows), found.reshape(len(kinds), -1)


def leaves(M: int) -> list[Sides]:
    """Costs at a site of B, and at one of A."""
    return [Sides(M, 1), Sides(1, M)]


def risen(level: Level, below: Sequence[Sides], r: int, symmetric: bool = False) -> list[Sides]:
    """Costs above every kind of node of a level of width r.

    A copy index is paid once, however many legs are cut. symmetric: equal children (by_bank kinds) that lie wholly
    across cost the dimension of a symmetric power. THEORY section 5; docs/bounds.md has the proof.
    """
    positions = [below[kind] for kind in level.below.tolist()]
    return [_node(row, positions, r, symmetric) for row in level.rows.tolist()]


def _node(row: list[int], positions: list[Sides], r: int, symmetric: bool) -> Sides:
    split = r * prod(min(positions[kind]) for kind in row)
    if symmetric:
        stay = [_symmetric_stay(row, positions, side) for side in (0, 1)]
    else:
        stay = [prod(positions[kind][side] for kind in row) for side in (0, 1)]
    return Sides(min(stay[0], split), min(stay[1], split))


def _symmetric_stay(row: list[int], positions: list[Sides], side: int) -> int:
    """Cost of leaving a node's index on one side: `count` equal children of one term each on the other have C(..)."""
    total = 1
    for kind, count in Counter(row).items():
        weight, across = positions[kind][side], positions[kind][1 - side] == 1
        total *= comb(weight + count - 1, count) if across else weight**count
    return total


def root_weights(kinds: Kinds, dims: Sequence[int], symmetric: bool = False) -> list[int]:
    """The least weight at each partition's root, for these dimensions: M, r_0, r_1, .."""
    values = leaves(dims[0])
    for level, r in zip(kinds.levels, dims[1:], strict=True):
        values = risen(level, values, r, symmetric)
    return [min(values[kind]) for kind in kinds.roots.tolist()]
