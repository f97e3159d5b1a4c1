"""Walk indices against walks listed one by one, separation ranks against Python integers and the bound."""

from itertools import pairwise, product

import flint
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tnsim.bounds.relatives import graph_networks, walks
from tnsim.bounds.relatives.finite_field import PRIME, draw
from tnsim.bounds.relatives.graph_networks import GraphNetwork

CASES = st.tuples(st.integers(2, 6), st.floats(0.2, 0.9), st.integers(0, 10**6))


def graph_of(case):
    """(a random graph, some of its vertices, some vertex)."""
    vertices, density, seed = case
    graph = nx.gnp_random_graph(vertices, density, seed=seed)
    rng = np.random.default_rng(seed)
    A = rng.permutation(vertices)[: rng.integers(1, vertices)].tolist()
    return graph, A, int(rng.integers(vertices))


def steps(graph, u, v):
    return u == v or graph.has_edge(u, v)


def listed(graph, A, length, end=None):
    """How many walks of so many steps begin at an end of an edge between A and the others."""
    starts = {v for v in graph for u in graph if graph.has_edge(u, v) and (u in A) != (v in A)}
    return sum(
        walk[0] in starts
        and (end is None or walk[-1] == end)
        and all(map(lambda u, v: steps(graph, u, v), walk, walk[1:]))
        for walk in product(graph, repeat=length + 1)
    )


@settings(max_examples=60)
@given(CASES, st.integers(1, 4))
def test_walk_indices_count_walks(case, depth):
    graph, A, vertex = graph_of(case)
    assert walks.walk_index(graph, A, depth) == listed(graph, A, depth - 1)
    assert walks.walk_index(graph, A, depth, vertex) == listed(graph, A, depth - 1, vertex)
    assert walks.walk_index(graph, A, depth) == walks.walk_index(graph, set(graph) - set(A), depth)
    assert walks.walk_index(graph, A, depth) == sum(walks.walk_index(graph, A, depth, v) for v in graph)


@settings(max_examples=40)
@given(CASES, st.integers(1, 30))
def test_walk_indices_are_those_of_the_matrix(case, depth):
    graph, A, _ = graph_of(case)
    matrix = nx.to_numpy_array(graph, dtype=int).astype(object) + np.eye(len(graph), dtype=int).astype(object)
    vector = np.ones(len(graph), dtype=int).astype(object)
    for _ in range(depth - 1):
        vector = matrix @ vector
    assert walks.walk_index(graph, A, depth) == sum(int(vector[v]) for v in walks.boundary(graph, A))


def test_loops_directions_and_labels_change_nothing():
    plain = nx.path_graph(4)
    other = nx.MultiDiGraph([("b", "a"), ("b", "c"), ("c", "b"), ("d", "c"), ("d", "d")])
    assert walks.boundary(plain, [0, 1]) == {1, 2}
    assert walks.boundary(other, ["a", "b"]) == {"b", "c"}
    for depth in (1, 2, 3):
        assert walks.walk_index(other, "ab", depth) == walks.walk_index(plain, [0, 1], depth)
    assert walks.walk_index(plain, [0, 1], 3) == 16  # 1 and 2 each: 3 walks of a step, 8 of two
    assert walks.walk_index(nx.complete_graph(9), [0], 101) == 9**101


def by_definition(graph, A, network, vertex, points, seed):
    """Outputs in Python integers, one pair of inputs at a time; weights and inputs drawn as the module draws them."""
    rng = np.random.default_rng(seed)
    widths = [network.features] + [network.width] * network.depth
    weights = [draw(rng, after, before).tolist() for before, after in pairwise(widths)]
    out = draw(rng, 1, network.width).tolist()[0]
    inputs = {v: draw(rng, points, network.features).tolist() for v in graph}

    def output(a, b):
        state = {v: inputs[v][a if v in A else b] for v in graph}
        for matrix in weights:
            sent = {v: [sum(w * x for w, x in zip(row, state[v], strict=True)) for row in matrix] for v in graph}
            state = {v: product_of([sent[u] for u in graph if steps(graph, u, v)]) for v in graph}
        read = product_of(list(state.values())) if vertex is None else state[vertex]
        return sum(o * x for o, x in zip(out, read, strict=True)) % PRIME

    return [output(a, b) for a in range(points) for b in range(points)]


def product_of(vectors):
    total = [1] * len(vectors[0])
    for vector in vectors:
        total = [t * x % PRIME for t, x in zip(total, vector, strict=True)]
    return total


@settings(max_examples=20)
@given(CASES, st.tuples(*[st.integers(1, 2)] * 3), st.booleans())
def test_separation_ranks_are_those_of_the_definition(case, sizes, at_vertex):
    graph, A, vertex = graph_of(case)
    network, vertex = GraphNetwork(*sizes), vertex if at_vertex else None
    found = graph_networks.separation_rank(graph, A, network, vertex, most=8, seed=2)
    values = by_definition(graph, A, network, vertex, 8, 2)
    assert found.rank == flint.nmod_mat(8, 8, values, PRIME).rank()
    assert found.complete == (found.rank < 8)


@settings(max_examples=40)
@given(CASES, st.tuples(*[st.integers(1, 2)] * 3), st.booleans())
def test_separation_ranks_stay_below_the_bound(case, sizes, at_vertex):
    """Razin, Verbin, Cohen: D_h^(4 rho + 1), or D_h^(4 rho) at one vertex."""
    graph, A, vertex = graph_of(case)
    network, vertex = GraphNetwork(*sizes), vertex if at_vertex else None
    found = graph_networks.separation_rank(graph, A, network, vertex, most=64)
    bound = walks.rank_bound(graph, A, network.depth, network.width, vertex)
    assert found.rank <= bound
    assert bound == network.width ** (4 * walks.walk_index(graph, A, network.depth, vertex) + (vertex is None))


def test_what_is_not_joined_is_not_related():
    """No edge between the sides: a product over all vertices relates them through D_h channels at the output alone."""
    graph = nx.disjoint_union(nx.path_graph(2), nx.path_graph(2))
    assert walks.walk_index(graph, [0, 1], 3) == 0
    assert graph_networks.separation_rank(graph, [0, 1], GraphNetwork(2, 3, 3)).rank == 3
    assert graph_networks.separation_rank(graph, [0, 1], GraphNetwork(2, 3, 3), vertex=2).rank == 1


def test_depth_and_the_cut_decide():
    path, network = nx.path_graph(4), GraphNetwork(2, 2, 2)
    halves = graph_networks.separation_rank(path, [0, 1], network)
    ends = graph_networks.separation_rank(path, [0, 3], network)
    assert halves.complete
    assert ends.complete
    assert halves.rank < ends.rank
    rows = graph_networks.separation_curve(path, [0, 1], 2, 2, (1, 2))
    assert [row.rank for row in rows] == [2, halves.rank]
    assert all(row.log_rank <= row.log_bound for row in rows)


@pytest.mark.parametrize(("call", "words"), [
    (lambda g: walks.walk_index(g, [9], 2), "A: wanted vertices of the graph, found 9"),
    (lambda g: walks.walk_index(g, [0], 0), "depth: wanted a positive integer, found 0"),
    (lambda g: walks.walk_index(g, [0], 2, 7), "vertex: wanted vertices of the graph, found 7"),
    (lambda g: walks.rank_bound(g, [0], 2, 0), "width: wanted a positive integer, found 0"),
    (lambda g: graph_networks.separation_rank(g, [0, 1, 2], GraphNetwork(2, 2, 2)), "A: wanted some of the 3 vertices"),
    (lambda g: graph_networks.separation_rank(g, [0], GraphNetwork(2, 0, 2)), "network: wanted positive integers"),
    (lambda g: graph_networks.separation_curve(g, [1], 2, 3, (2,), 8), "depths: wanted ranks below 8"),
])  # fmt: skip
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call(nx.path_graph(3))
