"""Start-end ranks by elimination against a definition in Python integers, the bounds and THEORY's values."""

from itertools import product
from math import comb

import flint
import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tnsim.bounds.relatives import recurrent
from tnsim.bounds.relatives.finite_field import PRIME, draw, matmul, rank

SMALL = st.tuples(st.sampled_from([2, 4, 6]), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))


def by_definition(length, features, width, layers, seed):
    """The matrix of outputs, one sequence at a time, from weights drawn in the order in which the module draws them."""
    rng = np.random.default_rng(seed)
    weights = [
        (draw(rng, width, features if layer == 0 else width), draw(rng, width, width)) for layer in range(layers)
    ]
    out, first = draw(rng, 1, width).tolist()[0], [draw(rng, 1, 1, width).ravel().tolist() for _ in range(layers)]

    def output(sequence):
        states = [list(state) for state in first]
        for symbol in sequence:
            below = [int(i == symbol) for i in range(features)]
            for layer, (into, hidden) in enumerate(weights):
                driven = [sum(int(w) * x for w, x in zip(row, below, strict=True)) for row in into]
                kept = [sum(int(w) * x for w, x in zip(row, states[layer], strict=True)) for row in hidden]
                below = states[layer] = [d * k % PRIME for d, k in zip(driven, kept, strict=True)]
        return sum(o * x for o, x in zip(out, states[-1], strict=True)) % PRIME

    halves = list(product(range(features), repeat=length // 2))
    return [[output((*start, *end)) for end in halves] for start in halves]


@settings(max_examples=25)
@given(SMALL, st.integers(0, 1000))
def test_the_rank_is_that_of_the_definition(case, seed):
    matrix = by_definition(*case, seed)
    wanted = flint.nmod_mat(len(matrix), len(matrix), [x for row in matrix for x in row], PRIME).rank()
    assert recurrent.start_end_rank(*case, seed) == wanted


@settings(max_examples=40)
@given(SMALL, st.integers(0, 1000))
def test_ranks_lie_between_the_bounds(case, seed):
    length, features, width, layers = case
    found = recurrent.start_end_rank(length, features, width, layers, seed)
    assert found <= recurrent.upper_bound(length, features, width, layers)
    if layers == 1:
        assert (
            found
            == recurrent.shallow_rank(length, features, width)
            == recurrent.upper_bound(length, features, width, 1)
        )
    else:
        assert found >= recurrent.lower_bound(length, features, width)


@pytest.mark.parametrize(("case", "lower", "rank"), [((6, 3, 2), 4, 8), ((8, 2, 2), 5, 10)])
def test_the_values_of_theory(case, lower, rank):
    assert recurrent.lower_bound(*case) == lower
    assert recurrent.start_end_rank(*case, layers=2) == rank == recurrent.upper_bound(*case, layers=2)


def test_the_upper_bound_counts_the_last_symbol_once():
    # M^(T/2) and the states in the middle would allow 16; the last symbol enters through 3 channels.
    assert recurrent.start_end_rank(4, 4, 3, 2) == recurrent.upper_bound(4, 4, 3, 2) == 12


def test_depth_is_what_keeps_long_starts():
    """One layer stays at R; two grow with T, three faster. Theorem 1's point."""
    rows = {layers: recurrent.memory_curve((4, 6, 8, 10), 2, 2, layers) for layers in (1, 2, 3)}
    assert [row.rank for row in rows[1]] == [2, 2, 2, 2]
    assert [row.rank for row in rows[2]] == [4, 8, 10, 12]
    assert [row.rank for row in rows[3]] == [4, 8, 16, 32]
    assert all(row.lower == comb(2 + row.length // 2 - 1, row.length // 2) for row in rows[2])


@pytest.mark.parametrize(("sites", "value"), [(4, 3), (6, 6), (8, 12)])
def test_a_ring_of_one_tensor_stays_below_its_min_cut(sites, value):
    assert recurrent.ring_rank(sites, 2, 2) == value < 2 ** (sites // 2)


def test_the_ring_is_the_trace_of_products():
    tensor = draw(np.random.default_rng(3), 3, 2, 2).astype(object)
    dense = np.array([int(np.trace(tensor[a] @ tensor[b] @ tensor[c] @ tensor[d])) % PRIME
                      for a, b, c, d in product(range(3), repeat=4)])  # fmt: skip
    matrix = dense.reshape(3, 3, 3, 3).transpose(0, 2, 1, 3).reshape(9, 9)
    assert recurrent.ring_rank(4, 3, 2, seed=3) == oracle.rank_mod(matrix.astype(np.int64))


@settings(max_examples=40)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 6), st.integers(0, 1000))
def test_products_and_ranks_are_exact(m, n, r, seed):
    rng = np.random.default_rng(seed)
    left, right = draw(rng, m, max(r, 1)), draw(rng, n, max(r, 1))
    found = matmul(right, left)
    wanted = [[sum(int(a) * int(b) for a, b in zip(x, y, strict=True)) % PRIME for y in right] for x in left]
    assert found.tolist() == wanted
    assert rank(found) == min(m, n, max(r, 1))
    assert rank(np.vstack([found, found])) == rank(found)
    assert rank(0 * found) == 0


@pytest.mark.parametrize("call", [
    lambda: recurrent.start_end_rank(5, 2, 2, 1), lambda: recurrent.shallow_rank(0, 2, 2),
    lambda: recurrent.upper_bound(3, 2, 2, 2), lambda: recurrent.ring_rank(5, 2, 2),
])  # fmt: skip
def test_odd_lengths_are_refused(call):
    with pytest.raises(ValueError, match="wanted a positive even number, found"):
        call()


def test_numbers_below_one_are_refused():
    with pytest.raises(ValueError, match="width: wanted a positive integer, found 0"):
        recurrent.start_end_rank(4, 2, 0, 1)
    with pytest.raises(MemoryError, match="the start-end matrix needs about"):
        recurrent.start_end_rank(60, 2, 2, 1)
