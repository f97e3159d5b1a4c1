"""One walk over a TensorNetwork graph: who meets whom, copy nodes melted into hyperedges. Used by reading.

    A --( copy )==( copy )-- B        A, B and C on one index
                     |
                     C

Looks at edges and shapes alone: no tensor is read, and a copy node's dense tensor is never built.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import tensornetwork as tn

from tnsim.interop.naming import SITE, End

BACKENDS = ("jax", "numpy")


class Hypergraph(NamedTuple):
    """Tensors with the index of each of their legs, and the open ends as (edge, index), as they lie in the graph."""

    tensors: list[tn.Node]
    legs: list[tuple[int, ...]]
    dims: list[int]
    opened: list[tuple[tn.Edge, int]]
    backend: str

    def ends(self) -> list[list[End]]:
        """The legs of tensors that join each index."""
        found: list[list[End]] = [[] for _ in self.dims]
        for number, legs in enumerate(self.legs):
            for axis, index in enumerate(legs):
                found[index].append(End(number, axis))
        return found


def walk(nodes: Iterable[tn.AbstractNode]) -> Hypergraph:
    """The hypergraph of a collection of nodes; edges that lead out of it are open, as in TensorNetwork.

    Raises ValueError for no nodes, for nodes of several backends or of another than jax and numpy.
    """
    members = list(dict.fromkeys(nodes))
    graph = Hypergraph([], [], [], [], _backend(members))
    copies = dict.fromkeys(node for node in members if isinstance(node, tn.CopyNode))
    index_of = _melted(copies, graph.dims)
    once: dict[tn.Edge, None] = {}  # met from one end only: open in the end
    for node in members:
        edges = node.edges
        for edge in edges:
            if edge in once:
                del once[edge]
            else:
                once[edge] = None
        if node not in copies:
            graph.tensors.append(node)
            graph.legs.append(_legs(node, edges, index_of, graph.dims))
    graph.opened.extend((edge, index_of[edge]) for edge in once)
    _close_lonely(graph)
    return graph


def _legs(node: tn.Node, edges: list[tn.Edge], index_of: dict[tn.Edge, int], dims: list[int]) -> tuple[int, ...]:
    """The indices of a tensor's legs; an edge that was not met before is a new index."""
    legs = []
    for axis, edge in enumerate(edges):
        index = index_of.get(edge)
        if index is None:
            index = index_of[edge] = len(dims)
            dims.append(int(node.shape[axis]))
        legs.append(index)
    return tuple(legs)


def _melted(copies: dict[tn.CopyNode, None], dims: list[int]) -> dict[tn.Edge, int]:
    """The index of every edge of the copy nodes: one for all that hang together, by the edges that they list."""
    index_of: dict[tn.Edge, int] = {}
    holders: dict[tn.Edge, list[tn.CopyNode]] = {}
    for copy in copies:
        for edge in copy.edges:
            holders.setdefault(edge, []).append(copy)
    seen: set[tn.CopyNode] = set()
    for copy in copies:
        waiting = [] if copy in seen or not copy.edges else [copy]
        dims += [int(copy.dimension)] * len(waiting)
        seen.add(copy)
        while waiting:
            for edge in waiting.pop().edges:
                index_of[edge] = len(dims) - 1
                for node in holders[edge]:
                    if node not in seen:
                        seen.add(node)
                        waiting.append(node)
    return index_of


def _backend(members: Sequence[tn.AbstractNode]) -> str:
    if not members:
        raise ValueError("nodes: wanted at least one tn.Node, found none")
    for kind in {type(node) for node in members}:
        if not issubclass(kind, (tn.Node, tn.CopyNode)):
            raise ValueError(f"nodes: wanted tn.Node and tn.CopyNode, found {kind.__name__}")
    found = {node.backend.name for node in members}
    if len(found) > 1 or not found <= set(BACKENDS):
        raise ValueError(f"nodes: wanted all on one backend of {BACKENDS}, found {sorted(found)}")
    return found.pop()


def _close_lonely(graph: Hypergraph) -> None:
    """Give every index without a tensor (copy nodes among themselves) a vector of ones, which changes nothing."""
    met = {index for legs in graph.legs for index in legs}
    for index, dim in enumerate(graph.dims):
        if index not in met:
            graph.tensors.append(tn.Node(np.ones(dim), name="ones", backend=graph.backend))
            graph.legs.append((index,))


class Roles(NamedTuple):
    """Places in `Hypergraph.opened`: of the sites in order, and of the outputs; named: are the sites certain?"""

    sites: list[int]
    outputs: list[int]
    named: bool


def roles(graph: Hypergraph, site_edges: Sequence[tn.Edge] | None, class_edge: tn.Edge | None) -> Roles:
    """Which open ends are sites, in which order, and which are outputs.

    Given edges first; then names site_0, site_1, .. and class; what has no such name is a site, in the order of nodes
    and axes, or an output where all sites are known. Raises ValueError for edges that are not open, or given twice.
    """
    place = {edge: number for number, (edge, _) in enumerate(graph.opened)}
    output = [] if class_edge is None else [_place(place, class_edge, "class_edge")]
    if site_edges is not None:
        sites = [_place(place, edge, "site_edges") for edge in site_edges]
        if len(set(sites + output)) != len(sites) + len(output):
            raise ValueError("site_edges: wanted every edge once and none of them the class edge, found repeats")
        return Roles(sites, output + _others(place, sites + output), True)
    free = _others(place, output)
    if class_edge is None:
        called = [number for number in free if graph.opened[number][0].name == "class"]
        output = called if len(called) == 1 else []
        free = _others(place, output)
    numbers = [SITE.fullmatch(graph.opened[number][0].name) for number in free]
    by_number = {int(match[1]): number for number, match in zip(free, numbers, strict=True) if match}
    if not by_number or set(by_number) != set(range(sum(match is not None for match in numbers))):
        return Roles(free, output, False)
    sites = [by_number[i] for i in range(len(by_number))]
    return Roles(sites, output + _others(place, sites + output), True)


def _others(place: dict[tn.Edge, int], taken: list[int]) -> list[int]:
    gone = set(taken)
    return [number for number in place.values() if number not in gone]


def _place(place: dict[tn.Edge, int], edge: tn.Edge, argument: str) -> int:
    if edge not in place:
        raise ValueError(f"{argument}: wanted open edges of the given nodes, found {edge}")
    return place[edge]
