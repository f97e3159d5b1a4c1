"""Expectations, correlators and amplitudes against the dense tensor."""

import numpy as np
import oracle
import pytest
from canonical import drawn
from canonical.test_state import whole
from hypothesis import given, settings

from tnsim.canonical import (
    amplitudes,
    applied,
    chain_wiring,
    correlators,
    dense,
    expectation,
    log_likelihood,
    projected,
    random_state,
    scaled,
)  # fmt: skip

FEW = settings(max_examples=20)


def mean(psi, operators):
    return np.vdot(psi, oracle.operated(psi, operators)) / np.vdot(psi, psi)


@FEW
@given(drawn.SEEDS)
def test_expectations_of_products(seed):
    state, rng = drawn.state(seed), np.random.default_rng(seed)
    sites = rng.permutation(state.sites)[: rng.integers(0, state.sites + 1)].tolist()
    operators = {site: drawn.numbers(rng, (state.dims[site],) * 2, complex) for site in sites}
    assert np.allclose(expectation(state, operators), mean(whole(state)[0], operators), atol=1e-9)


@FEW
@given(drawn.SEEDS)
def test_correlators_of_all_pairs(seed):
    tree = drawn.tree(np.random.default_rng(seed))
    state, rng = drawn.state(seed, of=tree, dims=(2,) * tree.sites), np.random.default_rng(seed)
    O, P = drawn.numbers(rng, (2, 2, 2), complex)
    found, psi = correlators(state, O, P), whole(state)[0]
    for i, j in np.ndindex(found.shape):
        wanted = mean(psi, {i: O, j: P}) if i != j else mean(psi, {i: O @ P})
        assert found[i, j] == pytest.approx(wanted, abs=1e-9)
    assert np.allclose(correlators(state, O), correlators(state, O, O))


@FEW
@given(drawn.SEEDS)
def test_amplitudes_and_likelihoods(seed):
    state, rng = drawn.state(seed), np.random.default_rng(seed)
    x = np.stack([rng.integers(0, d, 9) for d in state.dims], axis=1)
    psi, log_scale = whole(state)
    found = amplitudes(state, x)
    values = found.value * np.exp(found.log_scale - log_scale)
    assert np.allclose(values, psi[tuple(x.T)], atol=1e-10 * np.abs(psi).max())
    p = np.abs(psi) ** 2 / np.vdot(psi, psi).real
    assert np.allclose(np.exp(log_likelihood(state, x)), p[tuple(x.T)], atol=1e-12)


@FEW
@given(drawn.SEEDS)
def test_operators_and_given_values_make_new_states(seed):
    state, rng = drawn.state(seed, scaled=False), np.random.default_rng(seed)
    site = int(rng.integers(state.sites))
    O, value = drawn.numbers(rng, (state.dims[site],) * 2, float), int(rng.integers(state.dims[site]))
    assert np.allclose(dense(applied(state, {site: O})), oracle.operated(dense(state), {site: O}), atol=1e-10)
    assert np.allclose(dense(projected(state, {site: value})), np.take(dense(state), [value], axis=site), atol=1e-12)


def test_a_value_that_never_occurs_has_likelihood_zero():
    state = projected(random_state(chain_wiring(3), (2,) * 3, 2, np.random.default_rng(0)), {})
    state.cores[1][:, 1] = 0
    assert log_likelihood(state, np.array([[0, 1, 0]])) == -np.inf


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda s: expectation(s, {5: np.eye(2)}), r"operators: wanted different sites of 0..2, found \[5\]"),
        (lambda s: expectation(s, {1: np.eye(3)}), r"operators: site 1: wanted shape \(2, 2\), found \(3, 3\)"),
        (lambda s: correlators(s, np.eye(3)), r"operators: site 0: wanted shape \(2, 2\), found \(3, 3\)"),
        (lambda s: expectation(scaled(s, 0.0), {}), "state: it is zero"),
        (lambda s: amplitudes(s, np.zeros((4, 2), int)), r"configurations: wanted shape \(n, 3\), found \(4, 2\)"),
        (lambda s: amplitudes(s, np.array([[0, 2, 0]])), "configurations: site 1: wanted 0..1, found 2"),
        (lambda s: projected(s, {0: 2}), "given: site 0: wanted one of 0..1, found 2"),
        (lambda s: projected(s, {3: 0}), "given: wanted different sites"),
    ],
)
def test_what_is_wrong_is_named(act, words):
    with pytest.raises(ValueError, match=words):
        act(random_state(chain_wiring(3), (2,) * 3, 2, np.random.default_rng(0)))
