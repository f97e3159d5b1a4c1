"""All minimal cuts of a network, one after the other. Uses graph and flow.

    residual graph of one maximal flow -> its strongly connected parts -> their order -> its closed sets, each a cut

A set of vertices that no open edge leaves, with A's source and without B's sink, is the A side of a minimal cut, and
every minimal cut has one (Picard & Queyranne, 1980). Only the parts that hold ends of severable indices matter: two
closed sets that agree on these sever the same indices, two that differ sever others (docs/bounds.md has the proof).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import networkx as nx
import numpy as np
from jaxtyping import Bool

from tnsim.bounds.flow import NetworkCut, as_cut, site_mask, tensors
from tnsim.bounds.graph import SINK, SOURCE, joined, open_edges, residual
from tnsim.network import Network


class Order(NamedTuple):
    """Parts of a residual graph that decide which indices are severed, as bits of integers.

    below: for every such part, those that it brings along to A's side, itself included, none of a lower number;
    forced, forbidden: what A's source brings along, and what would bring B's sink along;
    reached: for every tensor of the graph, the parts that bring it along.
    """

    below: list[int]
    forced: int
    forbidden: int
    reached: dict[int, int]


def minimal_cuts(
    network: Network, A: Any, limit: int | None = None, outputs: str = "free", memory: str | float | None = None
) -> Iterator[NetworkCut]:
    """Every set of indices whose severing is a minimal cut, each once; the first is the one closest to A.

    Lazily, with work of at most (parts)^2 between one and the next; there may be exponentially many, so limit= stops
    after as many. Indices of dimension 1 tell no cuts apart. A tensor that a cut leaves without any site is put on B's
    side. Arguments and errors otherwise as `network_min_cut`, and ValueError for a limit below 1.
    Source: Picard & Queyranne, "On the structure of all minimum cuts in a network and applications" (1980).
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit: wanted at least 1, or None for all, found {limit}")
    found = joined(network, site_mask(network, A), outputs)
    order = _order(residual(found, memory))
    return islice((as_cut(network, found, _side(order, inside, found.tensors)) for inside in closed_sets(order)), limit)


def closed_sets(order: Order) -> Iterator[int]:
    """Every set of parts, as bits, with what is forced and what its members bring along, and nothing forbidden."""
    everything = (1 << len(order.below)) - 1
    todo = [(order.forced, order.forbidden)]
    while todo:
        inside, outside = todo.pop()
        undecided = everything & ~(inside | outside)
        if not undecided:
            yield inside
            continue
        first = (undecided & -undecided).bit_length() - 1
        # Either choice can be completed: what could bring `first` along has a lower number, and was left out before.
        todo += [(inside | order.below[first], outside), (inside, outside | 1 << first)]


def _side(order: Order, inside: int, count: int) -> Bool[np.ndarray, "tensors"]:
    side = np.zeros(count, dtype=bool)
    side[[tensor for tensor, by in order.reached.items() if by & inside]] = True
    return side


def _order(graph: nx.DiGraph) -> Order:
    opened = nx.DiGraph(open_edges(graph))
    opened.add_nodes_from(graph)
    parts = nx.condensation(opened)
    part = parts.graph["mapping"]
    chosen = _deciding(graph, part)
    topological = list(nx.topological_sort(parts))
    own = {p: 1 << number for number, p in enumerate(p for p in topological if p in chosen)}
    below, above = (_gathered(parts, own, order) for order in (topological[::-1], topological))
    reached = {int(~v): above[part[v]] for v in graph if isinstance(v, int) and v < 0}
    return Order([below[p] for p in own], below[part[SOURCE]], above[part[SINK]], reached)


def _deciding(graph: nx.DiGraph, part: dict) -> set[int]:
    """The parts of A's source, of B's sink, and of both ends of every index that some minimal cut severs."""
    chosen = {part[SOURCE], part[SINK]}
    for v in graph:
        if isinstance(v, int) and v >= 0 and v % 2 == 0:
            edge = graph[v][v + 1]
            if edge["flow"] == edge["capacity"] and part[v] != part[v + 1]:
                chosen |= {part[v], part[v + 1]}
    return chosen


def _gathered(parts: nx.DiGraph, own: dict[int, int], order: list[int]) -> dict[int, int]:
    """For every part, the bits of all parts behind it on the side from which `order` comes, its own included."""
    place = {p: number for number, p in enumerate(order)}
    found: dict[int, int] = {}
    for p in order:
        bits = own.get(p, 0)
        for q in (*parts.successors(p), *parts.predecessors(p)):
            bits |= found[q] if place[q] < place[p] else 0
        found[p] = bits
    return found
