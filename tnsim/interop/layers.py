"""A TensorNetwork graph of matrices and copy nodes that is a layered tree, as a ConvAC's network. Used by reading.

    class --[matrix]--( )--[matrix]--( )--[matrix]-- site      every way down passes as many matrices,
                        `--[matrix]--..                         and windows of a level are of one size

Levels go by depth from the class edge. Names like "conv_0[1]/3", where they are right, tell bank, row and position;
without them the positions of level 0 are the sites and a node stands by the smallest site below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensornetwork as tn
from jaxtyping import Int, Num

from tnsim.banks import AnyArray, Banks
from tnsim.interop.naming import End, Name
from tnsim.interop.rows import Rows, names_of, single, stacked
from tnsim.interop.walk import Hypergraph
from tnsim.network import Network, Stack, Table, build


class Level(NamedTuple):
    """The matrices of one depth, `window` below each node above: tensor numbers, and which axis of each leads up."""

    tensors: list[int]
    up: list[int]
    window: int
    shape: tuple[int, int]


class Layers(NamedTuple):
    """Levels from the class down, and the leaves in that order: tensor numbers of vectors, or open indices."""

    levels: list[Level]
    leaves: list[int]
    closed: bool


def find(graph: Hypergraph, top: int) -> Layers | None:
    """The layers below index `top`, or None where the graph is no layered tree of matrices with one class edge."""
    ends = graph.ends()
    levels: list[Level] = []
    opened = {index for _, index in graph.opened}
    frontier, parents = [top], [-1]
    seen = {top}
    while True:
        below = [[end for end in ends[i] if end.tensor != parent] for i, parent in zip(frontier, parents, strict=True)]
        closed = bool(below[0]) and len(graph.legs[below[0][0].tensor]) == 1
        if closed or not below[0]:
            leaves = _leaves(graph, frontier, below, opened, closed)
            vectors = len(leaves or ()) if closed else 0
            complete = sum(len(level.tensors) for level in levels) + vectors == len(graph.tensors)
            right = complete and len(levels) > 1 and len(levels[0].tensors) == 1
            return Layers(levels, leaves, closed) if leaves and right else None
        if levels and opened.intersection(frontier):
            return None
        level = _level(graph, below)
        if level is None:
            return None
        levels.append(level)
        frontier, parents = [graph.legs[t][1 - up] for t, up in zip(level.tensors, level.up)], level.tensors
        seen.update(frontier)
        if len(seen) != 1 + sum(len(done.tensors) for done in levels):  # met again: a loop
            return None


def _level(graph: Hypergraph, below: list[list[End]]) -> Level | None:
    """The matrices under the nodes of a frontier, if they are matrices of one shape in windows of one size."""
    window, flat = len(below[0]), [end for ends in below for end in ends]
    tensors = [end.tensor for end in flat]
    if any(len(ends) != window for ends in below) or any(len(graph.legs[t]) != 2 for t in tensors):
        return None
    dims = {(graph.dims[graph.legs[t][axis]], graph.dims[graph.legs[t][1 - axis]]) for t, axis in flat}
    return Level(tensors, [end.axis for end in flat], window, dims.pop()) if len(dims) == 1 else None


def _leaves(graph: Hypergraph, frontier, below, opened: set[int], closed: bool) -> list[int] | None:
    """The vectors that close all indices of the lowest frontier, or these indices, if all are open."""
    if not closed:
        open_once = sum(index in opened for index in frontier) == len(graph.opened) - 1 == len(frontier)
        return list(frontier) if open_once and not any(below) else None
    if any(len(ends) != 1 or len(graph.legs[ends[0].tensor]) != 1 for ends in below) or len(graph.opened) != 1:
        return None
    return [ends[0].tensor for ends in below]


class Tree(NamedTuple):
    """A layered tree as a network with its banks; its leaves in the order of the sites; features where it is closed."""

    network: Network
    banks: Banks
    leaves: list[int]
    features: Num[AnyArray, "sites M"] | None


def read(graph: Hypergraph, layers: Layers, sites: Sequence[int] | None, certain: bool) -> Tree:
    """The network of a layered tree, its positions numbered by names or by sites.

    sites: the number of the site at each leaf; certain: the user or the edges' names say so (else the names of level
    0 go first, where they are right).
    """
    nodes = [[graph.tensors[t] for t in level.tensors] for level in layers.levels]
    names = [names_of(level) for level in nodes]
    numbers = _numbers(layers.levels, names, sites, certain)
    order = [np.argsort(number) for number in numbers]
    banks = _bank_names(names)
    rows = [
        _rows(level, found, name, order_l)
        for level, found, name, order_l in zip(layers.levels[1:], nodes[1:], names[1:], order[1:], strict=True)
    ]
    network = _network(graph, layers, numbers, banks, rows)
    arrays = {bank: row.array for bank, row in zip(banks[1:], rows, strict=True)}
    top = {banks[0]: single(nodes[0][0], layers.levels[0].up[0] == 1)}
    leaves = [layers.leaves[leaf] for leaf in order[-1]]
    features = _vectors([graph.tensors[leaf] for leaf in leaves]) if layers.closed else None
    return Tree(network, {**dict(reversed(arrays.items())), **top}, leaves, features)


def _vectors(nodes: Sequence[tn.Node]) -> Num[AnyArray, "sites M"]:
    """The vectors of all sites: the very array that was attached, or the nodes' tensors stacked."""
    rows = stacked(nodes)
    if rows.slots == list(range(rows.copies)):
        return rows.array
    return rows.array[np.array(rows.slots)]


def _numbers(
    levels: list[Level], names, sites: Sequence[int] | None, certain: bool
) -> list[Int[np.ndarray, "positions"]]:
    """The position of every matrix of every level, levels from the class down, matrices as they were met."""
    lowest = np.arange(len(levels[-1].tensors)) if sites is None else np.asarray(sites)
    if names[-1] is not None and (sites is None or not certain):
        lowest = np.array([name.position for name in names[-1]])
    numbers, smallest = [lowest], lowest
    for named, below in zip(names[-2::-1], levels[:0:-1], strict=True):
        smallest = smallest.reshape(-1, below.window).min(axis=1)
        by_site = np.argsort(np.argsort(smallest))
        numbers.append(by_site if named is None else np.array([name.position for name in named]))
    return numbers[::-1]


def _bank_names(names: Sequence[list[Name] | None]) -> list[str]:
    """Names of the banks, from the class down; conv_0, .., output where the tensors' names do not tell."""
    depth = len(names) - 1
    usual = ["output", *(f"conv_{level}" for level in reversed(range(depth)))]
    found = [usual[i] if named is None else named[0].bank for i, named in enumerate(names)]
    return found if len(set(found)) == len(found) else usual


def _rows(level: Level, nodes: list[tn.Node], names: list[Name] | None, order) -> Rows:
    """The bank of a level, its nodes in the order of their positions."""
    flipped = [level.up[i] == 1 for i in order]
    return stacked([nodes[i] for i in order], flipped, names and [names[i] for i in order])


def _network(graph: Hypergraph, layers: Layers, numbers, banks: list[str], rows: list[Rows]) -> Network:
    """The wiring as an architecture would make it, so that equal ones are one object."""
    levels = layers.levels[::-1]
    counts = [len(level.tensors) for level in levels[:-1]]
    runs = [("site", counts[0], levels[0].shape[1])]
    runs += [(f"pool_{i}", len(above.tensors), above.shape[1]) for i, above in enumerate(levels[1:])]
    stacks, first = [], 0
    for level, here, above, bank, row in zip(levels, numbers[::-1], numbers[-2::-1], banks[::-1], rows[::-1]):
        count = len(here)
        node = np.empty(count, np.int32)
        node[here] = above[np.arange(count) // level.window]
        legs = np.stack([first + count + node, first + np.arange(count, dtype=np.int32)], axis=1)
        stacks.append(Stack(bank, row.copies, level.shape, Table(row.slots), Table(legs)))
        first += count
    runs.append(("class", 1, levels[-1].shape[0]))
    stacks.append(Stack(banks[0], 0, levels[-1].shape, Table([0]), Table([[first + 1, first]])))
    return build(runs, stacks, np.arange(counts[0], dtype=np.int32), (first + 1,))
