"""Intervals for what samples were drawn from: sums against all quadruples, influences against derivatives, coverage."""

from itertools import permutations

import numpy as np
import oracle
import pytest
from data_worlds import Mixture
from hypothesis import given, settings
from hypothesis import strategies as st

from tnsim.correlations import Resampling, data_entropy, data_population, data_renyi, data_tensor
from tnsim.correlations.gram import Batching, side
from tnsim.correlations.population import _halves
from tnsim.correlations.unbiased import purity_finding, sums

MASK = np.arange(12) < 6


def unit_gram(rng, m, k):
    x = rng.normal(size=(m, k))
    x /= np.linalg.norm(x, axis=1)[:, None]
    return x @ x.T


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(4, 7))
def test_sums_are_over_all_quadruples_of_different_samples(seed, m):
    rng = np.random.default_rng(seed)
    a, b, v = unit_gram(rng, m, 3), unit_gram(rng, m, 2), rng.normal(size=m)
    above, below = np.zeros(m), np.zeros(m)
    for i, j, k, l in permutations(range(m), 4):
        w = v[i] * v[j] * v[k] * v[l]
        above[i] += w * b[i, j] * a[j, k] * b[k, l] * a[l, i]
        below[i] += w * (a * b)[i, j] * (a * b)[k, l]
    found = sums(a, b, v)
    np.testing.assert_allclose(found.above, above, atol=1e-10)
    np.testing.assert_allclose(found.below, below, atol=1e-10)


def test_leaving_a_sample_out_is_what_the_jackknife_does():
    rng = np.random.default_rng(2)
    a, b, v = unit_gram(rng, 12, 3), unit_gram(rng, 12, 3), 1 + 0.1 * rng.normal(size=12)
    a, b = 0.8 + 0.2 * a, 0.8 + 0.2 * b
    found, whole = purity_finding([sums(a, b, v)]), sums(a, b, v)
    left_out = []
    for i in range(12):
        rest = np.delete(np.arange(12), i)
        part = sums(a[np.ix_(rest, rest)], b[np.ix_(rest, rest)], v[rest])
        left_out.append(np.log(part.below.sum() / part.above.sum()))
    value = np.log(whole.below.sum() / whole.above.sum())
    np.testing.assert_allclose(found.rows, 11 * (np.mean(left_out) - left_out), atol=1e-9)
    assert found.value == pytest.approx(max(value + 11 * (value - np.mean(left_out)), value / 2, 0), abs=1e-9)


def test_an_influence_is_the_derivative_by_a_samples_weight():
    rng = np.random.default_rng(3)
    x, y = Mixture(0).draw(20, rng)
    found = _halves(data_tensor(x, y), MASK, rng, Batching())
    S = lambda y: oracle.renyi(oracle.spectrum(oracle.data_tensor(x, y), MASK)[0] ** 2 + 1e-300, 1)  # noqa: E731
    assert found.full == pytest.approx(S(y), abs=1e-9)
    for i in (0, 7):
        step = 1e-5 * (np.arange(20) == i)
        slope = (S(y * (1 + step)) - S(y * (1 - step))) / 2e-5
        assert found.influences[i] == pytest.approx(20 * slope, rel=1e-4, abs=1e-6)
    assert found.influences.sum() == pytest.approx(0, abs=1e-8)


def test_halves_are_entropies_of_halves():
    rng = np.random.default_rng(4)
    x, y = Mixture(1).draw(16, rng)
    found = _halves(data_tensor(x, y), MASK, np.random.default_rng(9), Batching())
    rng, S = np.random.default_rng(9), []
    for _ in range(4):
        for ids in np.array_split(rng.permutation(16), 2):
            p = oracle.spectrum(oracle.data_tensor(x[ids], y[ids]), MASK)[0] ** 2
            S.append(oracle.renyi(p[p > 1e-300], 1))
    assert found.half == pytest.approx(np.mean(S), abs=1e-9)


@pytest.mark.parametrize("order", [1, 2])
def test_many_samples_agree_with_the_population_and_blocks_with_the_whole(order):
    world = Mixture(5)
    tensor = data_tensor(*world.draw(1200, np.random.default_rng(0)))
    truth = oracle.renyi(world.probabilities(MASK), order)
    whole = data_population(tensor, MASK, order)
    blocks = data_population(tensor, MASK, order, resampling=Resampling(block=300))
    assert whole.lower <= truth <= whole.upper
    assert blocks.lower <= truth <= blocks.upper
    assert whole.width < 0.3
    assert "4 block(s) of up to 300 samples" in blocks.method
    assert blocks.agrees(whole)


def test_a_flat_spectrum_lies_above_what_a_sample_shows():
    """B copies the bits of A: 32 Schmidt values, all equal; 64 samples hold them unevenly."""
    rng = np.random.default_rng(6)
    bits = rng.integers(2, size=(64, 5))
    tensor = data_tensor(np.eye(2)[np.concatenate([bits, bits], axis=1)], np.ones(64))
    mask = np.arange(10) < 5
    for order, measure in ((1, data_entropy), (2, data_renyi)):
        found = data_population(tensor, mask, order)
        assert float(measure(tensor, mask)) < np.log(32) - 0.1
        assert found.lower <= np.log(32) <= found.upper


def covered(world_noise, m, order, draws):
    """Of 95 % intervals of that many data sets: how many hold the truth, ours and the bootstrap's percentiles."""
    ours, bootstrap = 0, 0
    measure = data_entropy if order == 1 else data_renyi
    for seed in range(draws):
        world, rng = Mixture(seed, noise=world_noise), np.random.default_rng(seed + 1000)
        tensor = data_tensor(*world.draw(m, rng))
        truth = oracle.renyi(world.probabilities(MASK), order)
        found = data_population(tensor, MASK, order)
        ours += found.lower <= truth <= found.upper
        again = [float(measure(tensor.part(rng.integers(m, size=m)), MASK)) for _ in range(24)]
        low, high = np.quantile(again, [0.025, 0.975])
        bootstrap += low <= truth <= high
    return ours / draws, bootstrap / draws


@pytest.mark.slow
@pytest.mark.parametrize("order", [1, 2])
def test_intervals_cover_where_the_bootstrap_does_not(order):
    """100 data sets of 64 samples, a third of the mass noise: at least 88 hold the truth (95 meant, less 3 sigma)."""
    ours, bootstrap = covered(0.4, 64, order, 100)
    assert ours >= 0.88
    assert bootstrap <= 0.5


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"order": 3}, "order: wanted 1 or 2, found 3"),
        ({"resampling": Resampling(confidence=1.0)}, "confidence: wanted a number between 0 and 1"),
        ({"resampling": Resampling(block=8)}, "block: wanted an integer >= 16, found 8"),
        ({"resampling": Resampling(most=3)}, "most: wanted an integer >= 16, found 3"),
    ],
)
def test_bad_questions_are_refused_in_words(asked, words):
    tensor = data_tensor(*Mixture(0).draw(40, np.random.default_rng(0)))
    with pytest.raises(ValueError, match=words):
        data_population(tensor, MASK, **asked)


def test_too_few_samples():
    tensor = data_tensor(*Mixture(0).draw(15, np.random.default_rng(0)))
    with pytest.raises(ValueError, match="tensor: wanted at least 16 samples of weight, found 15"):
        data_population(tensor, MASK)
    rng = np.random.default_rng(0)
    noise = data_tensor(rng.normal(size=(20, 12, 2)), rng.choice([-1.0, 1.0], 20))
    found = data_population(noise, MASK, 2)
    assert (found.lower, found.upper) == (0, np.inf)
    assert found.note == "too few samples to say"
    assert side(noise, MASK).samples == 20
