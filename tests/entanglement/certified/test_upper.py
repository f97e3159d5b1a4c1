"""No distribution that agrees with what is known has more entropy than the upper bounds, and some has as much."""

from math import inf, log

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tnsim.entanglement.certified.upper import block, capped, eta, flat, water_filling

SEEDS = st.integers(0, 2**32 - 1)
SLACK, TIGHT = 1e-12, 1e-9  # slack of a list in float64; what it may cost
QUICK = settings(max_examples=100)
MANY = settings(max_examples=3000)


def case(seed):
    """True probabilities, known ones, ln of a number of values, missing mass."""
    rng = np.random.default_rng(seed)
    p = oracle.random_spectrum(rng)
    q = oracle.known_part(rng, p)
    more = rng.choice([0.0, 1.0, 30.0, 1000.0]) * rng.random()
    return p, q, log(len(p)) + more, float(1 - q.sum())


def filled(q, rank):
    """Water filling by bisection of the level on the whole list."""
    p = np.zeros(rank)
    p[: min(len(q), rank)] = q[:rank]
    low, high = 0.0, 1.0
    for _ in range(200):
        level = (low + high) / 2
        low, high = (low, level) if np.maximum(p, level).sum() > 1 else (level, high)
    return np.maximum(p, low)


def holds(seed):
    p, q, log_R, m = case(seed)
    S = oracle.renyi(p, 1)
    assert water_filling(q, m, log_R, SLACK) >= S
    assert block(q[None], np.ones(1), np.array([log_R]), SLACK)[0] >= S


@QUICK
@given(SEEDS)
def test_water_filling_bounds_the_entropy(seed):
    holds(seed)


@pytest.mark.slow
@MANY
@given(SEEDS)
def test_water_filling_bounds_the_entropy_of_many(seed):
    holds(seed)


@QUICK
@given(SEEDS, st.integers(0, 40))
def test_water_filling_is_the_largest_entropy_there_is(seed, more):
    p, q, _, m = case(seed)
    rank = len(p) + more
    assert water_filling(q, m, log(rank)) == pytest.approx(float(eta(filled(q, rank)).sum()), abs=TIGHT)


@QUICK
@given(SEEDS, st.sampled_from([1e-3, 1e-6, 1e-10]))
def test_a_list_may_exceed_the_truth_by_its_slack(seed, slack):
    p, q, log_R, _ = case(seed)
    rng = np.random.default_rng(seed)
    q = q + 0.99 * slack * rng.dirichlet(np.ones(len(q))) if len(q) else q
    m = float(1 - q.sum() + 0.5 * slack * rng.uniform(-1, 1))
    assert oracle.renyi(p, 1) <= water_filling(q, m, log_R, slack)


@given(st.floats(1e-6, 1), st.floats(40, 1e4))
def test_astronomically_many_values(m, log_R):
    """R does not fit a float: all the mass goes to values never seen."""
    q = np.array([(1 - m) * 0.75, (1 - m) * 0.25])
    assert water_filling(q, m, log_R) == pytest.approx(eta(q).sum() + flat(m, log_R), rel=1e-9)
    assert water_filling(q, m, inf) == inf


@pytest.mark.parametrize("rank", range(1, 40))
def test_a_number_of_values_that_is_all_used(rank):
    q = np.full(rank, (1 - 1e-4) / rank)
    assert water_filling(q, 1e-4, log(rank)) == pytest.approx(log(rank), abs=1e-12)
    assert water_filling(np.append(q, 1e-17), 1e-4, log(rank)) == pytest.approx(log(rank), abs=1e-12)  # one too many


@QUICK
@given(SEEDS)
def test_blocks_are_filled_one_by_one(seed):
    """Lists padded with zeros, of any trace: w rho has the entropy w S(rho) + eta(w)."""
    rng = np.random.default_rng(seed)
    lists = [oracle.known_part(rng, oracle.random_spectrum(rng)) for _ in range(5)]
    w, log_R = rng.random(5), np.log(70.0) + 3 * rng.random(5)
    padded = np.zeros((5, 70))
    for row, q in zip(padded, lists, strict=True):
        row[: len(q)] = q
    padded[padded == 0] = -1e-17  # as eigenvalue routines leave them
    together = block(rng.permuted(padded, axis=1) * w[:, None], w, log_R)
    alone = [water_filling(q, float(1 - q.sum()), float(most)) for q, most in zip(lists, log_R, strict=True)]
    np.testing.assert_allclose(together, w * alone + eta(w), atol=TIGHT)
    assert (np.diff(block(padded[:1].repeat(4, 0), np.ones(4), np.log([70.0, 71, 80, 1e30]))) >= 0).all()


@QUICK
@given(SEEDS)
def test_capped_is_the_flattest_list_below_its_limits(seed):
    rng = np.random.default_rng(seed)
    limits = oracle.random_spectrum(rng) * rng.random()
    rng.shuffle(limits)
    w = np.sort(np.append(rng.random(6), [0.0, 1.0])) * limits.sum()
    found = capped(limits, w)
    assert (np.diff(found) >= -1e-12).all()
    assert found[-1] == pytest.approx(eta(limits).sum() - eta(limits.sum()), abs=TIGHT)
    for weight, most in zip(w, found, strict=True):
        below = _below(rng, limits, weight)
        assert eta(below).sum() - eta(below.sum()) <= most + 1e-12
        assert most <= flat(weight, log(len(limits))) - float(eta(weight)) + TIGHT
    np.testing.assert_allclose(capped(limits, limits.sum() + np.array([1e-15, 0.3])), found[-1], atol=TIGHT)


def _below(rng, limits, weight):
    """A random list below its limits with that weight: values are filled up in any order, between any levels."""
    start = np.minimum(limits, rng.random() * weight / len(limits))
    left, order = weight - start.sum(), rng.permutation(len(limits))
    room = np.cumsum((limits - start)[order])
    added = np.clip(left - (room - (limits - start)[order]), 0, (limits - start)[order])
    start[order] += added
    return start


@QUICK
@given(SEEDS, st.sampled_from([1e-3, 1e-8]))
def test_capped_limits_may_be_too_low_by_their_slack(seed, slack):
    rng = np.random.default_rng(seed)
    limits = oracle.random_spectrum(rng) * rng.random()
    low = np.maximum(limits - slack * rng.dirichlet(np.ones(len(limits))), 0.0)
    w = limits.sum() * rng.random(4)
    assert (capped(limits, w) <= capped(low, w, slack) + 1e-12).all()


def test_no_limits_and_no_weight():
    np.testing.assert_allclose(capped(np.zeros(0), np.array([0.0, 0.5])), 0, atol=1e-12)
    np.testing.assert_allclose(capped(np.zeros(3), np.zeros(2)), 0, atol=1e-12)
    assert flat(0.0, inf) == 0
    assert flat(0.5, log(4)) == pytest.approx(0.5 * log(8))
    np.testing.assert_array_equal(eta(np.array([0.0, 1.0])), 0)
    assert water_filling(np.zeros(0), 1.0, log(7)) == pytest.approx(log(7))


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"m: wanted 1 - sum\(q\) = 0.25, found 0.5"):
        water_filling(np.array([0.75]), 0.5, 1.0)
    with pytest.raises(ValueError, match=r"slack: wanted a finite number >= 0, found -1\.0"):
        water_filling(np.array([0.75]), 0.25, 1.0, -1.0)
    with pytest.raises(ValueError, match="log_R: wanted ln of at least one value, found"):
        water_filling(np.array([0.75]), 0.25, -1.0)
    with pytest.raises(ValueError, match="total: wanted traces up to 1, found"):
        block(np.ones((1, 1)), np.full(1, 2.0), np.ones(1))
