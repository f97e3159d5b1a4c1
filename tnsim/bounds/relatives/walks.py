"""Walk indices of graphs: how much a graph network of some depth can relate a set of vertices to the others. networkx.

    I = {a, b}          a - b - c - d          boundary C_I = {b, c}: the ends of the edges between I and the others
                            |   |              walk index: walks of depth - 1 steps that begin in C_I, resting allowed

Razin, Verbin, Cohen 2023, "On the ability of graph neural networks to model interactions between vertices" (arXiv
2211.16494), section 3. Every vertex counts among its own neighbours, so a walk may rest.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

import networkx as nx

__all__ = ["boundary", "neighbourhoods", "rank_bound", "vertex_set", "walk_index"]

Vertex = Hashable


def boundary(graph: nx.Graph, A: Iterable[Vertex]) -> set[Vertex]:
    """C_I: the vertices, of either side, that have an edge to the other side.

    Source: Razin et al. 2023 (2211.16494), section 3. Raises ValueError for vertices that the graph lacks.
    """
    inside = vertex_set(graph, A)
    return {end for edge in graph.edges if (edge[0] in inside) != (edge[1] in inside) for end in edge[:2]}


def walk_index(graph: nx.Graph, A: Iterable[Vertex], depth: int, vertex: Vertex | None = None) -> int:
    """rho_{L-1}(C_I): the number of walks of L - 1 = depth - 1 steps that begin in the boundary of A; exact, any size.

    In matrices: the sum over v in C_I of ((adjacency + identity)^(L-1) 1)_v. vertex: only the walks that end there (the
    network's output is read at it alone), column `vertex` in place of the vector of ones. Directions of edges, repeated
    edges and loops are ignored. Source: Razin et al. 2023 (2211.16494), section 3.

    Raises ValueError for a depth below 1 and for vertices that the graph lacks.
    """
    _depth(depth)
    ends = list(graph.nodes) if vertex is None else list(vertex_set(graph, [vertex], "vertex"))
    near = neighbourhoods(graph)
    walks = dict.fromkeys(near, 0) | dict.fromkeys(ends, 1)
    for _ in range(depth - 1):
        walks = {v: sum(walks[u] for u in around) for v, around in near.items()}
    return sum(walks[v] for v in boundary(graph, A))


def rank_bound(graph: nx.Graph, A: Iterable[Vertex], depth: int, width: int, vertex: Vertex | None = None) -> int:
    """width^(4 rho + 1), rho the walk index: no network of this depth and width has a higher separation rank.

    The output being read at one vertex: width^(4 rho) with the walks that end there. Source: Razin et al. 2023
    (2211.16494), Theorem 2. Raises ValueError as `walk_index` does, and for a width below 1.
    """
    if width < 1:
        raise ValueError(f"width: wanted a positive integer, found {width}")
    return width ** (4 * walk_index(graph, A, depth, vertex) + (vertex is None))


def neighbourhoods(graph: nx.Graph) -> dict[Vertex, set[Vertex]]:
    """Every vertex with its neighbours, itself among them."""
    near: dict[Vertex, set[Vertex]] = {v: {v} for v in graph.nodes}
    for edge in graph.edges:
        near[edge[0]].add(edge[1])
        near[edge[1]].add(edge[0])
    return near


def vertex_set(graph: nx.Graph, vertices: Iterable[Any], name: str = "A") -> set[Vertex]:
    """A set of vertices, checked."""
    chosen = set(vertices)
    unknown = [v for v in chosen if v not in graph]
    if unknown:
        raise ValueError(f"{name}: wanted vertices of the graph, found {unknown[0]!r}")
    return chosen


def _depth(depth: int) -> None:
    if depth < 1:
        raise ValueError(f"depth: wanted a positive integer, found {depth}")
