"""Walk index sparsification against the greedy algorithm as the paper states it, everything computed anew each time."""

import time

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tnsim.bounds.relatives import sparsify, walks

CASES = st.tuples(st.integers(2, 7), st.floats(0.2, 0.9), st.integers(0, 10**6))


def graph_of(case):
    vertices, density, seed = case
    return nx.gnp_random_graph(vertices, density, seed=seed)


def indices(graph, depth):
    """Ascending: for every vertex t the walks of depth - 1 steps from t and its neighbours to t, by a matrix power."""
    matrix = nx.to_numpy_array(graph, dtype=int) + np.eye(len(graph), dtype=int)
    power = np.linalg.matrix_power(matrix, depth - 1)
    vertices, found = list(graph), []
    for column, t in enumerate(vertices):
        boundary = [t, *graph.neighbors(t)] if graph.degree(t) else []
        found.append(sum(int(power[vertices.index(v), column]) for v in boundary))
    return sorted(found)


def greedy(graph, remove, depth):
    """Algorithm 1: all lists anew for every edge and removal; of equal lists the first edge's."""
    left, removed = graph.copy(), []
    for _ in range(remove):
        edges = [edge for edge in graph.edges if left.has_edge(*edge)]
        lists = [indices(nx.restricted_view(left, [], [edge]), depth) for edge in edges]
        removed.append(edges[lists.index(max(lists))])
        left.remove_edge(*removed[-1])
    return removed


@settings(max_examples=60)
@given(CASES, st.integers(1, 5))
def test_the_order_is_that_of_the_greedy_algorithm(case, depth):
    graph = graph_of(case)
    edges = graph.number_of_edges()
    assert sparsify.sparsify(graph, edges, depth) == greedy(graph, edges, depth)
    assert graph.number_of_edges() == edges


@settings(max_examples=60)
@given(CASES, st.data())
def test_degrees_decide_for_two_layers(case, data):
    graph = graph_of(case)
    remove = data.draw(st.integers(0, graph.number_of_edges()))
    assert sparsify.sparsify_by_degrees(graph, remove) == greedy(graph, remove, 2)


@settings(max_examples=60)
@given(CASES, st.integers(1, 5))
def test_a_vertex_index_is_the_walk_index_of_its_own_set(case, depth):
    graph = graph_of(case)
    wanted = {t: walks.walk_index(graph, [t], depth, t) for t in graph}
    assert sparsify.vertex_walk_indices(graph, depth) == wanted
    assert sorted(wanted.values()) == indices(graph, depth)


@pytest.mark.slow
def test_large_graphs_with_hubs_and_loops():
    """Both algorithms agree where brute force is out of reach; the paper's two-layer case on thousands of edges."""
    graph = nx.barabasi_albert_graph(900, 4, seed=1)
    graph.add_edge(5, 5)
    assert graph.number_of_edges() > 3500
    start = time.perf_counter()
    by_degrees = sparsify.sparsify_by_degrees(graph, 3000)
    assert sparsify.sparsify(graph, 200, 2) == by_degrees[:200]
    assert time.perf_counter() - start < 60  # generous: minutes would mean that every list is made anew each time
    assert len({frozenset(edge) for edge in by_degrees}) == 3000


def test_what_goes_first_is_what_can_best_be_done_without():
    """In a clique with a tail an edge of the clique goes, never a bridge, while there is a cycle."""
    graph = nx.lollipop_graph(5, 3)
    for depth in (2, 3, 4):
        removed = sparsify.sparsify(graph, 6, depth)
        assert all(max(edge) < 5 for edge in removed)


@pytest.mark.parametrize("call", [
    lambda g: sparsify.sparsify(g, 3, 2), lambda g: sparsify.sparsify_by_degrees(g, 3), lambda g: sparsify.sparsify(g,
    -1, 2),
])  # fmt: skip
def test_more_edges_than_there_are(call):
    with pytest.raises(ValueError, match=r"remove: wanted 0\.\.2 edges, found"):
        call(nx.path_graph(3))
    with pytest.raises(ValueError, match="depth: wanted a positive integer, found 0"):
        sparsify.vertex_walk_indices(nx.path_graph(3), 0)
