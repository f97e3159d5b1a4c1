"""Samples against exact probabilities: chi-squared at 1e5 of them, free and given values, chains and trees."""

import jax
import numpy as np
import oracle
import pytest
from canonical import drawn
from scipy.stats import chi2

from tnsim.canonical import (
    binary_wiring,
    chain_wiring,
    dense,
    log_likelihood,
    normalised,
    random_state,
    sample,
    scaled,
    wiring,
)  # fmt: skip

ANY = wiring([(0, 1, ~0), (0, ~1, ~2), (2, 1), (2, ~3)])
TREES = {"chain": chain_wiring(8), "balanced": binary_wiring(7), "any": ANY}
MANY = 10**5


def probable(drawn_, p):
    """Whether chi-squared is within what one in 1e6 such tests exceeds."""
    statistic, freedom = oracle.chi_squared(drawn_, p)
    return statistic < chi2.isf(1e-6, freedom)


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("name", TREES)
def test_samples_have_the_exact_probabilities(name, kind):
    tree = TREES[name]
    dims = [2, 3, 1, 2, 2, 3, 2, 2][: tree.sites]
    state = random_state(tree, dims, 4, np.random.default_rng(1), kind)
    p = np.abs(dense(normalised(state))) ** 2
    found = sample(state, jax.random.key(0), MANY)
    assert found.shape == (MANY, tree.sites)
    assert probable(found, p)
    assert not probable(found, np.roll(p, 1, axis=1))  # another distribution is told apart
    known = {0: 1, 3: 0}
    found = sample(state, jax.random.key(1), MANY, given=known)
    assert (found[:, [0, 3]] == [1, 0]).all()
    left = p[1][:, :, 0]
    free = [site for site in range(tree.sites) if site not in known]
    assert probable(found[:, free], left / left.sum())


@pytest.mark.parametrize("name", TREES)
def test_seeds_repeat_and_values_of_probability_zero_never_occur(name):
    tree = TREES[name]
    state = random_state(tree, (3,) * tree.sites, 3, np.random.default_rng(2))
    core, axis = state.wiring.homes[1]
    np.moveaxis(state.cores[core], axis, 0)[[0, 2]] = 0
    one, again, other = (sample(state, jax.random.key(seed), 1000) for seed in (3, 3, 4))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert (one[:, 1] == 1).all()
    assert np.isfinite(log_likelihood(state, one)).all()
    with pytest.raises(ValueError, match="given: these values have probability 0 together"):
        sample(state, jax.random.key(0), 10, given={1: 2})


def test_a_long_chain_stays_in_range():
    state = random_state(chain_wiring(300), (2,) * 300, 4, np.random.default_rng(0))
    far = state.with_cores([core * 1e20 for core in state.cores])
    found = sample(far, jax.random.key(0), 50)
    assert np.allclose(log_likelihood(far, found), log_likelihood(state, found))
    assert -300 * np.log(2) < log_likelihood(far, found).mean() < -10


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda s: sample(s, jax.random.key(0), 0), "n: wanted at least 1, found 0"),
        (lambda s: sample(s, jax.random.key(0), 5, {9: 0}), r"given: wanted different sites of 0..2, found \[9\]"),
        (lambda s: sample(s, jax.random.key(0), 5, {0: 2}), "given: site 0: wanted one of 0..1, found 2"),
        (lambda s: sample(scaled(s, 0.0), jax.random.key(0), 5), "state: it is zero"),
    ],
)
def test_what_is_wrong_is_named(act, words):
    with pytest.raises(ValueError, match=words):
        act(drawn.state(0, of=chain_wiring(3), dims=(2,) * 3))
