"""Walk index sparsification: remove the edges that a graph network can best do without. Over walks.

    for every edge e: all vertices' own walk indices without e, ascending
                          --> remove the edge whose list is the greatest in lexicographic order

A vertex t's own walk index (of the set {t}, the output read at t) counts the walks of depth - 1 steps from t and its
neighbours to t: closed walks of `depth` steps at t, resting allowed. One that takes e stays within (depth - 1) / 2
steps of an end of e, so an edge's list differs from the others' only near it, and few lists change with each removal.
Razin, Verbin, Cohen 2023 (arXiv 2211.16494), section 5, Algorithms 1 and 2.
"""

from __future__ import annotations

import heapq
from collections import Counter

import networkx as nx

from tnsim.bounds.relatives.walks import Vertex, neighbourhoods

__all__ = ["sparsify", "sparsify_by_degrees", "vertex_walk_indices"]

Edge = tuple[Vertex, Vertex]
Gone = tuple[Vertex, ...]  # an edge that does not count, or ()
BETTER, EQUAL, WORSE = -2, -1, 0  # fewer, as many, more vertices of some index than before the removal
Cost = tuple[tuple[int, ...], ...]


class _Walks:
    """Walk indices of all vertices while edges go, and what the removal of each edge would do to them."""

    def __init__(self, graph: nx.Graph, depth: int) -> None:
        self.near, self.depth = neighbourhoods(graph), depth
        self.own = {v: self.index(v) for v in self.near}

    def index(self, vertex: Vertex, without: Gone = ()) -> int:
        """Closed walks of `depth` steps that do not take an edge; 0 where it has no neighbours left."""
        if len(self._around(vertex, without)) == 1:
            return 0
        walks = self._walks(vertex, self.depth // 2, without)
        other = walks if self.depth % 2 == 0 else self._step(walks, without)
        return sum(count * other[v] for v, count in walks.items())

    def _walks(self, vertex: Vertex, steps: int, without: Gone) -> dict[Vertex, int]:
        """How many walks of so many steps from a vertex end at each."""
        walks = {vertex: 1}
        for _ in range(steps):
            walks = self._step(walks, without)
        return walks

    def _step(self, walks: dict[Vertex, int], without: Gone) -> dict[Vertex, int]:
        after: dict[Vertex, int] = {}
        for v, count in walks.items():
            for u in self._around(v, without):
                after[u] = after.get(u, 0) + count
        return after

    def _around(self, vertex: Vertex, without: Gone) -> set[Vertex]:
        return self.near[vertex] if vertex not in without else self.near[vertex].difference(without) | {vertex}

    def ball(self, edge: Edge) -> list[Vertex]:
        """The vertices with closed walks that take an edge: its ends are together at most depth - 1 steps away."""
        one, other = (self._distances(v, self.depth // 2) for v in edge)
        return [v for v in one.keys() & other.keys() if one[v] + other[v] < self.depth] or list(edge)

    def _distances(self, vertex: Vertex, most: int) -> dict[Vertex, int]:
        found, last = {vertex: 0}, [vertex]
        for distance in range(1, most + 1):
            last = [u for v in last for u in self.near[v] if found.setdefault(u, distance) == distance]
        return found

    def cost(self, edge: Edge, ball: list[Vertex]) -> Cost:
        """Orders edges as their lists do, the greatest first: by the lowest index whose number of vertices differs."""
        change = Counter(self.index(v, edge) for v in ball)
        change.subtract(Counter(self.own[v] for v in ball))
        steps = [(WORSE, -v, n) if n > 0 else (BETTER, v, n) for v, n in sorted(change.items()) if n]
        return (*steps, (EQUAL,))

    def cut(self, edge: Edge, ball: list[Vertex]) -> list[Vertex]:
        """Remove an edge; the vertices whose index is another now, or would be without a further edge."""
        for v, u in (edge, edge[::-1]):
            self.near[v].discard(u)
        now = {v: self.index(v) for v in ball}
        changed = [v for v, index in now.items() if index != self.own[v] or self.depth == 1]
        self.own.update(now)
        return changed


def vertex_walk_indices(graph: nx.Graph, depth: int) -> dict[Vertex, int]:
    """Every vertex's own walk index: of the set {t}, the walks of depth - 1 steps that end at t; 0 without neighbours.

    Equal to `walk_index(graph, [t], depth, t)`. Source: Razin et al. 2023 (2211.16494), Algorithm 1. Raises ValueError
    for a depth below 1.
    """
    _check(graph, 0, depth)
    return _Walks(graph, depth).own


def sparsify(graph: nx.Graph, remove: int, depth: int) -> list[Edge]:
    """The edges that (L-1)-WIS removes for a network of L = depth layers, in their order; the graph stays as it is.

    Of equal edges the first in the graph's own order goes. Loops stay and do not count. Source: Razin et al. 2023
    (2211.16494), Algorithm 1. Raises ValueError for more edges than there are, or a depth below 1.
    """
    edges = _check(graph, remove, depth)
    walks = _Walks(graph, depth)
    balls = [walks.ball(edge) for edge in edges]
    touching: dict[Vertex, set[int]] = {}
    for place, ball in enumerate(balls):
        for v in ball:
            touching.setdefault(v, set()).add(place)
    costs: list[Cost | None] = [walks.cost(edge, ball) for edge, ball in zip(edges, balls, strict=True)]
    heap = list(zip(costs, range(len(edges)), strict=True))
    heapq.heapify(heap)
    removed: list[Edge] = []
    while len(removed) < remove:
        cost, place = heapq.heappop(heap)
        if costs[place] != cost:
            continue  # gone, or out of date
        removed.append(edges[place])
        costs[place] = None
        for other in sorted({other for v in walks.cut(edges[place], balls[place]) for other in touching[v]}):
            if costs[other] is not None:
                costs[other] = walks.cost(edges[other], balls[other])
                heapq.heappush(heap, (costs[other], other))
    return removed


def sparsify_by_degrees(graph: nx.Graph, remove: int) -> list[Edge]:
    """1-WIS: each time the edge whose end of lower degree has the highest degree, of equal ones by the other end.

    For two layers a vertex's index is its degree and one, so degrees say all: equal to `sparsify(graph, remove, 2)`, at
    O(log edges) a removal. Source: Razin et al. 2023 (2211.16494), Algorithm 2. Raises ValueError for more edges than
    there are.
    """
    edges = _check(graph, remove, 2)
    degree = {v: len(around) for v, around in neighbourhoods(graph).items()}
    cost = lambda edge: tuple(sorted(-degree[v] for v in edge)[::-1])  # noqa: E731
    heap = [(cost(edge), place) for place, edge in enumerate(edges)]
    heapq.heapify(heap)
    removed: list[Edge] = []
    while len(removed) < remove:
        before, place = heapq.heappop(heap)
        if (now := cost(edges[place])) != before:  # degrees only fall: it comes later than it stood
            heapq.heappush(heap, (now, place))
            continue
        removed.append(edges[place])
        for v in edges[place]:
            degree[v] -= 1
    return removed


def _check(graph: nx.Graph, remove: int, depth: int) -> list[Edge]:
    """The edges that can go, each once, in the graph's order."""
    if depth < 1:
        raise ValueError(f"depth: wanted a positive integer, found {depth}")
    once = {frozenset(edge[:2]): edge[:2] for edge in reversed(list(graph.edges)) if edge[0] != edge[1]}
    edges = list(once.values())[::-1]
    if not 0 <= remove <= len(edges):
        raise ValueError(f"remove: wanted 0..{len(edges)} edges, found {remove}")
    return edges
