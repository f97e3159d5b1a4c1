"""Graph networks with product aggregation: exact separation ranks of small ones. Over walks and finite_field.

    h^l_v = prod over u in N(v), v itself too, of W^l h^{l-1}_u,    h^0_v = x_v     (l = 1 .. depth, * elementwise)
    output: W_out (prod over all v of h^L_v), or W_out h^L_t, read at one vertex t

Razin, Verbin, Cohen 2023 (arXiv 2211.16494), equations 2 to 5. The output is a polynomial in the inputs, of high
degree, so its separation rank is that of a matrix of values at as many inputs of each side as it takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import networkx as nx
import numpy as np
from jaxtyping import Int

from tnsim.bounds.relatives.finite_field import PRIME, draw, matmul, rank
from tnsim.bounds.relatives.walks import Vertex, neighbourhoods, vertex_set, walk_index

__all__ = ["GraphNetwork", "Separation", "separation_curve", "separation_rank"]

FIRST = 8  # inputs of each side to begin with


class GraphNetwork(NamedTuple):
    """Hyper-parameters: numbers of features of a vertex, of channels of every layer, of layers."""

    features: int
    width: int
    depth: int


class Separation(NamedTuple):
    """rank: of the values at `points` inputs of each side; complete: whether more inputs would add nothing."""

    rank: int
    points: int
    complete: bool


class Walked(NamedTuple):
    """A set of vertices: its walk index, and what a network's rank across it is and may be, as logarithms."""

    depth: int
    walk_index: int
    rank: int
    log_rank: float
    log_bound: float


def separation_rank(
    graph: nx.Graph,
    A: Iterable[Vertex],
    network: GraphNetwork,
    vertex: Vertex | None = None,
    most: int = 256,
    seed: int = 0,
) -> Separation:
    """Separation rank between A and the other vertices of a network with random weights: that of almost all weights.

    Exact arithmetic over GF(p). The matrix of outputs at n random inputs of A by n of the others has rank min(n, the
    separation rank) for almost all inputs: n is doubled until the rank stays below it, or to `most` (then the rank
    found is a lower bound, and `complete` False).

    Raises ValueError for vertices that the graph lacks, an A that is empty or everything, numbers below 1.
    """
    inside = vertex_set(graph, A)
    if not inside or len(inside) == len(graph):
        raise ValueError(f"A: wanted some of the {len(graph)} vertices, not all, found {len(inside)}")
    if min(*network, most) < 1:
        raise ValueError(f"network: wanted positive integers, found {network} with most={most}")
    if vertex is not None:
        vertex_set(graph, [vertex], "vertex")
    points = min(FIRST, most)
    while True:
        found = rank(_values(graph, inside, network, vertex, (points, seed)))
        if found < points or points == most:
            return Separation(found, points, found < points)
        points = min(2 * points, most)


def _values(
    graph: nx.Graph, inside: set[Vertex], network: GraphNetwork, vertex: Vertex | None, drawn: tuple[int, int]
) -> Int[np.ndarray, "points points"]:
    """Outputs at every pair of (inputs of the vertices inside, inputs of the others)."""
    points, seed = drawn
    rng = np.random.default_rng(seed)
    widths = [network.features] + [network.width] * network.depth
    weights = [draw(rng, after, before) for before, after in pairwise(widths)]
    out, near = draw(rng, 1, network.width), neighbourhoods(graph)
    inputs = {v: draw(rng, points, network.features) for v in graph.nodes}
    state = {v: x[:, None] if v in inside else x[None] for v, x in inputs.items()}
    for matrix in weights:
        sent = {v: matmul(matrix, value) for v, value in state.items()}
        state = {v: _product([sent[u] for u in around]) for v, around in near.items()}
    read = _product(list(state.values())) if vertex is None else state[vertex]
    return np.broadcast_to(matmul(out, read)[..., 0], (points, points))


def _product(values: list) -> Int[np.ndarray, "rows columns r"]:
    """Elementwise, mod PRIME; one axis may be of length 1 where a value depends on one side alone."""
    total = values[0]
    for value in values[1:]:
        total = total * value % PRIME
    return total


def separation_curve(
    graph: nx.Graph, A: Iterable[Vertex], features: int, width: int, depths: Iterable[int], most: int = 256
) -> list[Walked]:
    """Exact ranks beside the walk-index bound, depth by depth: the data of a figure.

    Raises ValueError where a rank is `most` or more: take fewer vertices, layers or channels.
    """
    inside, rows = list(A), []
    for depth in depths:
        found = separation_rank(graph, inside, GraphNetwork(features, width, depth), most=most)
        if not found.complete:
            raise ValueError(f"depths: wanted ranks below {found.points}, found more at depth {depth}")
        index = walk_index(graph, inside, depth)
        log_bound = float((4 * index + 1) * np.log(width))
        rows.append(Walked(depth, index, found.rank, float(np.log(found.rank)), log_bound))
    return rows
