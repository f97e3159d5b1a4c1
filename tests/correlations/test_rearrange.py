"""Bisections of graphs against all bisections, orders that undo a shuffle, constant sites."""

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tnsim.correlations import Correlations, canonical, correlations, rearranged, surrogate_entanglement
from tnsim.correlations.bisection import bisected, cut, fiedler
from tnsim.correlations.checkers import assigned, neighbours
from tnsim.partitions import windows

SEEDS = st.integers(0, 2**32 - 1)


def weights(rng, n):
    found = rng.random((n, n)) ** 3
    np.fill_diagonal(found, 0)
    return found + found.T


def near(grid, reach=1.5):
    """Correlations that fall with distance."""
    places = np.indices(grid).reshape(len(grid), -1).T
    rho = np.exp(-np.linalg.norm(places[:, None] - places[None], axis=2) / reach)
    np.fill_diagonal(rho, 0)
    return rho


def shuffled(rho, seed):
    order = np.random.default_rng(seed).permutation(len(rho))
    return order, Correlations(rho[np.ix_(order, order)], np.zeros(len(rho), bool))


@settings(max_examples=30)
@given(SEEDS, st.integers(2, 10))
def test_a_bisection_has_its_size_and_nearly_the_least_cut(seed, n):
    W = weights(np.random.default_rng(seed), n)
    for first in {n // 2, max(n // 3, 1)}:
        inside = bisected(W, first)
        assert inside.sum() == first
        every = [cut(W, np.isin(np.arange(n), part)) for part in combinations(range(n), first)]
        assert cut(W, inside) <= min(every) + 0.1 * (np.mean(every) - min(every)) + 1e-9


@pytest.mark.parametrize("n", [8, 80, 300])
def test_two_groups_are_told_apart(n):
    rng = np.random.default_rng(n)
    group = rng.permutation(np.arange(n) % 2)
    W = np.where(group[:, None] == group, 0.5, 0.3) * rng.uniform(0.8, 1.2, (n, n))
    W = np.triu(W, 1) + np.triu(W, 1).T
    inside = bisected(W, n // 2)
    assert (inside == (group == group[inside][0])).all()


@settings(max_examples=15)
@given(SEEDS, st.integers(3, 12))
def test_fiedlers_vector_is_the_second_of_the_normalised_laplacian(seed, n):
    W = weights(np.random.default_rng(seed), n)
    x, degree = fiedler(W), W.sum(axis=1)
    values = np.linalg.eigvalsh(np.eye(n) - W / np.sqrt(np.outer(degree, degree)))
    assert x @ degree == pytest.approx(0, abs=1e-8)
    np.testing.assert_allclose(degree * x - W @ x, values[1] * degree * x, atol=1e-8)


@pytest.mark.parametrize("grid", [(16,), (32,), (8, 8), (4, 8), (5, 6)])
def test_an_order_undoes_a_shuffle_of_what_correlates_by_distance(grid):
    rho = near(grid)
    order, found = shuffled(rho, 1)
    result = rearranged(found, grid if len(grid) == 2 else None)
    assert sorted(result.order) == list(range(len(rho)))
    natural = rearranged(Correlations(rho, found.constant), grid if len(grid) == 2 else None).before
    assert result.before < 0.6 * natural
    assert result.after > 0.8 * natural
    places = found.rho[np.ix_(result.order, result.order)]
    arch = canonical(grid)
    for level in range(arch.depth - 1):
        masks = windows(arch, level)
        SE = [np.mean([surrogate_entanglement(r, mask) for mask in masks]) for r in (found.rho, places, rho)]
        assert SE[1] < SE[0]
        assert SE[1] - SE[2] < 0.4 * (SE[0] - SE[2])
    assert (order[result.order] != order).any()


@settings(max_examples=30)
@given(SEEDS, st.sampled_from([(1, 2), (1, 7), (2, 2), (3, 3), (2, 4)]))
def test_no_rearrangement_of_one_colour_betters_an_assigned_order(seed, grid):
    rng = np.random.default_rng(seed)
    N = grid[0] * grid[1]
    rho, start = weights(rng, N), rng.permutation(N)
    near, black = neighbours(*grid), np.indices(grid).sum(axis=0).ravel() % 2 == 0
    score = lambda order: rho[np.ix_(order, order)][near].sum()  # noqa: E731
    order = assigned(rho, start, *grid)
    assert sorted(order) == list(range(N))
    assert score(order) >= score(start) - 1e-12
    for colour in (black, ~black):
        for sites in permutations(order[colour]):
            other = order.copy()
            other[colour] = sites
            assert score(other) <= score(order) * (1 + 1e-8)


def test_a_line_comes_back_as_a_line():
    _, found = shuffled(near((16,), 4.0), 3)
    order = np.random.default_rng(3).permutation(16)[rearranged(found).order]
    assert (np.abs(np.diff(order)) == 1).mean() > 0.85


def test_equal_seeds_give_equal_orders():
    _, found = shuffled(near((8, 8)), 5)
    assert rearranged(found, (8, 8), 7).order.tolist() == rearranged(found, (8, 8), 7).order.tolist()


def test_constant_sites_are_placed_somewhere_and_named():
    x = np.random.default_rng(0).normal(size=(40, 12)).cumsum(axis=1)
    x[:, [0, 3, 7]] = 1
    result = rearranged(correlations(x), (3, 4))
    assert sorted(result.order) == list(range(12))
    assert result.constant == (0, 3, 7)
    nothing = rearranged(correlations(np.ones((5, 6))))
    assert sorted(nothing.order) == list(range(6))
    assert nothing.constant == tuple(range(6))


@pytest.mark.parametrize("grid", [(7,), (2, 3), (2, 2, 2), (-2, -4)])
def test_a_grid_of_other_places_is_refused(grid):
    with pytest.raises(ValueError, match=r"grid: wanted \(8,\) or \(height, width\) of 8 places, found"):
        rearranged(Correlations(near((8,)), np.zeros(8, bool)), grid)


@pytest.mark.parametrize("first", [0, 4])
def test_an_empty_part_is_refused(first):
    with pytest.raises(ValueError, match=r"first: wanted 1\.\.3 of 4 vertices"):
        bisected(np.ones((4, 4)), first)
