"""Statistics of a sampled operator: each formula against its own definition. THEORY sections 3 and 7."""

from itertools import product

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tnsim.entanglement import intervals
from tnsim.entanglement.intervals import Finding, factors, interval, purity, spectral, student

ORDERS = (1, 1.5, 2, 3, np.inf)
SEEDS = st.integers(0, 2**32 - 1)


def drawn(rng, n, rank, columns=None):
    """A complex matrix of this rank with peak 1 and falling values."""
    shapes = (n, rank), (rank, columns or n)
    left, right = (rng.normal(size=shape) + 1j * rng.normal(size=shape) for shape in shapes)
    K = left / np.arange(1, rank + 1) @ right
    return K / np.abs(K).max()


def plug_in(K, order):
    p = oracle.spectrum(K, [True, False])[0] ** 2
    return oracle.renyi(p[p > 1e-25], order)


@pytest.mark.parametrize(("rank", "kept"), [(3, 3), (40, 40), (1, 1)])
@pytest.mark.parametrize("n", [40, 300])
def test_factors_are_of_the_matrix(n, rank, kept):
    K = drawn(np.random.default_rng(rank), n, rank, n + 3)
    f = factors(K, np.random.default_rng(0))
    assert len(f.s) == kept
    np.testing.assert_allclose(f.U * f.s @ f.V.conj().T, K, atol=1e-7)
    for one in (f.U, f.V):
        np.testing.assert_allclose(one.conj().T @ one, np.eye(kept), atol=1e-10)


@settings(max_examples=20)
@given(SEEDS, st.sampled_from(ORDERS))
def test_an_influence_is_n_times_the_derivative_by_a_rows_or_columns_weight(seed, order):
    rng = np.random.default_rng(seed)
    K, n, step = drawn(rng, 12, 4), 12, 1e-5
    found, place = spectral(factors(K, rng), order, rng), int(rng.integers(12))
    for side, influences in enumerate((found.rows, found.columns)):
        ends = []
        for sign in (1, -1):
            weight = np.ones(n)
            weight[place] += sign * step
            ends.append(plug_in(np.sqrt(weight)[:, None] * K if side == 0 else K * np.sqrt(weight), order))
        assert influences[place] == pytest.approx(n * (ends[0] - ends[1]) / (2 * step), rel=1e-4, abs=1e-5)
        assert influences.sum() == pytest.approx(0, abs=1e-9)


@settings(max_examples=20)
@given(SEEDS, st.sampled_from(ORDERS), st.sampled_from([2, 4]))
def test_entropies_of_blocks_are_those_of_the_submatrices(seed, order, parts):
    rng = np.random.default_rng(seed)
    K = drawn(rng, 20, int(rng.integers(1, 20)))
    found = intervals.block_entropies(factors(K, rng), order, parts, np.random.default_rng(seed))
    again = np.random.default_rng(seed)
    rows, columns = (np.array_split(again.permutation(20), parts) for _ in range(2))
    wanted = [plug_in(K[np.ix_(i, j)], order) for i in rows for j in columns]
    np.testing.assert_allclose(found, wanted, atol=1e-8)


def test_extrapolation_removes_the_bias_of_first_order():
    errors = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        K = rng.normal(size=(128, 20)) @ rng.normal(size=(20, 128))  # 20 equal values
        found = spectral(factors(K / np.abs(K).max(), rng), 1, rng)
        assert found.seen > 0
        errors.append((plug_in(K, 1) - np.log(20), found.value - np.log(20), found.residual))
    plain, extrapolated, residual = np.abs(np.mean(errors, axis=0))
    assert plain > 0.1
    assert extrapolated < 0.2 * plain
    assert residual > extrapolated


def unbiased(K):
    """The two sums of purity over distinct rows and distinct columns, term by term."""
    rows, columns = (range(size) for size in K.shape)
    above = below = 0
    for i, k, j, l in product(rows, rows, columns, columns):
        if i != k and j != l:
            above += (K[i, j] * K[k, j].conj() * K[k, l] * K[i, l].conj()).real
            below += abs(K[i, j] * K[k, l]) ** 2
    return np.log(below / above)


@settings(max_examples=8)
@given(SEEDS)
def test_renyi_2_is_the_jackknife_of_sums_over_distinct_rows_and_columns(seed):
    rng = np.random.default_rng(seed)
    K = drawn(rng, 7, 2)
    found = purity(K, factors(K, rng))
    value = unbiased(K)
    rows, columns = ([unbiased(np.delete(K, place, axis)) for place in range(7)] for axis in (0, 1))
    shift = sum(6 * (value - np.mean(one)) for one in (rows, columns))
    assert found.seen == pytest.approx(shift, abs=1e-8)
    assert found.value == pytest.approx(max(value + shift, value / 2, 0), abs=1e-8)
    np.testing.assert_allclose(found.rows, 6 * (np.mean(rows) - rows), atol=1e-8)
    np.testing.assert_allclose(found.columns, 6 * (np.mean(columns) - columns), atol=1e-8)


def test_the_sums_of_renyi_2_are_unbiased_where_the_matrix_is_far_too_small():
    # 2000 equal values, S_2 = 7.6, seen with n = 128, ln n = 4.9: E of the purity itself, over 40 samples.
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        K = rng.normal(size=(128, 2000)) @ rng.normal(size=(2000, 128))
        squares = np.abs(K) ** 2
        above = intervals._without_equal(squares, factors(K, rng))[0].sum()
        found.append(above / intervals._without_equal_norms(squares)[0].sum())
    error = np.std(found, ddof=1) / 40**0.5
    assert abs(np.mean(found) - 1 / 2000) < 4 * error
    assert error < 1e-4  # of 5e-4: the plug-in says 1/128


def test_a_spectrum_that_n_cannot_hold_leaves_the_upper_end_open_or_far():
    rng = np.random.default_rng(1)
    K = rng.normal(size=(96, 5000)) @ rng.normal(size=(5000, 96))
    found = interval(spectral(factors(K / np.abs(K).max(), rng), 1, rng), 0.95, 0.0)
    assert found.lower < np.log(5000) < found.upper
    assert found.lower > 3  # most of ln 96 is seen


def test_a_constant_has_no_entropy_and_no_width():
    K = np.ones((16, 16))
    f = factors(K, np.random.default_rng(0))
    for found in (spectral(f, 1, np.random.default_rng(0)), purity(K, f)):
        value, lower, upper = interval(found, 0.95, 0.0)
        assert value == pytest.approx(0, abs=1e-12)
        assert lower == 0
        assert upper < 1e-10


@given(st.floats(1e-9, 9), st.floats(0, 3), st.floats(0, 3), st.floats(0.5, 0.999))
def test_an_interval_holds_its_value_and_grows_with_the_confidence(value, spread, residual, confidence):
    influences = spread * np.array([-1.0, 1.0, -1.0, 1.0])
    found = Finding(value, 0.1, residual, 0.5, influences, influences)
    small, large = (interval(found, level, 1e-16) for level in (confidence / 2, confidence))
    assert 0 <= large.lower <= small.lower <= value <= small.upper <= large.upper


@pytest.mark.parametrize(
    ("confidence", "freedom", "wanted"),
    [(0.95, np.inf, 1.959964), (0.95, 30, 2.042272), (0.95, 10, 2.228139), (0.95, 4, 2.776445), (0.99, 20, 2.845340),
     (0.9, 5, 2.015048), (0.95, 3, 3.182446)],
)  # fmt: skip
def test_students_quantile_is_that_of_the_tables(confidence, freedom, wanted):
    assert student(confidence, freedom) == pytest.approx(wanted, rel=0.01)
