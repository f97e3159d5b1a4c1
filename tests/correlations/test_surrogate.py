"""Correlations of pairs against their definition, and the surrogate of a partition against a sum over pairs."""

from itertools import product

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tnsim.correlations import correlations, surrogate_entanglement
from tnsim.correlations import tensor as tensors

SEEDS = st.integers(0, 2**32 - 1)


def rotation(rng, M):
    return np.linalg.qr(rng.normal(size=(M, M)))[0]


@settings(max_examples=30)
@given(SEEDS, st.integers(1, 3), st.integers(2, 6))
def test_it_is_the_coefficient_of_every_pair(seed, M, sites):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(20, sites * M)) @ rng.normal(size=(sites * M, sites * M)) + 5
    x = x.reshape(20, sites, M)
    rho = correlations(x, vectors=True).rho
    for i, j in product(range(sites), repeat=2):
        wanted = 0 if i == j else oracle.correlation_coefficient(x[:, i], x[:, j])
        assert rho[i, j] == pytest.approx(wanted, abs=1e-9)


@settings(max_examples=20)
@given(SEEDS)
def test_of_scalars_it_is_the_size_of_pearsons(seed):
    x = np.random.default_rng(seed).normal(size=(15, 2, 3)).cumsum(axis=2)
    wanted = np.abs(np.corrcoef(x.reshape(15, 6), rowvar=False)) - np.eye(6)
    np.testing.assert_allclose(correlations(x).rho, wanted, atol=1e-12)


@settings(max_examples=20)
@given(SEEDS, st.integers(2, 3))
def test_it_is_at_most_1_reached_by_rotations_and_blind_to_axes(seed, M):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(30, M)) * np.arange(1, M + 1), rng.normal(size=(30, M))
    pairs = correlations(np.stack([x, 3 * x @ rotation(rng, M) + 1, y], axis=1), vectors=True).rho
    turned = correlations(np.stack([x @ rotation(rng, M), x, y @ rotation(rng, M)], axis=1), vectors=True).rho
    assert pairs.max() <= 1
    assert pairs[0, 1] == pytest.approx(1)
    assert pairs[0, 2] == pytest.approx(turned[0, 2], abs=1e-9)
    assert pairs[0, 2] < 0.9


def test_constant_sites_are_named_and_correlate_with_nothing():
    x = np.random.default_rng(0).random((30, 5))
    x[:, [1, 4]] = [0.1, 0]  # 0.1 has no exact mean
    found = correlations(x)
    assert found.constant_sites == (1, 4)
    assert not found.rho[[1, 4]].any()
    assert np.isfinite(found.rho).all()


def test_chunks_of_samples_do_not_matter(monkeypatch):
    x = np.random.default_rng(0).random((30, 5))
    whole = correlations(x).rho
    monkeypatch.setattr(tensors, "AT_ONCE", 17)
    np.testing.assert_allclose(correlations(x).rho, whole, atol=1e-14)


@settings(max_examples=20)
@given(SEEDS, st.integers(1, 62))
def test_the_surrogate_is_the_sum_over_separated_pairs(seed, number):
    rho = np.random.default_rng(seed).random((6, 6))
    rho = rho + rho.T
    inside = np.array([number >> i & 1 for i in range(6)], bool)
    pairs = sum(rho[i, j] for i in range(6) for j in range(6) if inside[i] and not inside[j])
    assert surrogate_entanglement(rho, inside) == pytest.approx(pairs)
    assert surrogate_entanglement(rho, ~inside) == pytest.approx(pairs)


@pytest.mark.parametrize(
    ("values", "vectors", "words"),
    [
        (np.ones(4), False, "values: wanted numbers of shape"), (np.ones((4, 3)), True, "values: wanted numbers"),
        (np.ones((1, 3)), False, "at least two samples and two sites"), (np.ones((3, 1)), False, "at least two"),
        (np.array([[1, np.nan], [2, 3]]), False, "values: wanted finite numbers"),
        (np.ones((3, 3), complex), False, "values: wanted numbers of shape"),
    ],
)  # fmt: skip
def test_bad_values_are_refused_in_words(values, vectors, words):
    with pytest.raises(ValueError, match=words):
        correlations(values, vectors)


@pytest.mark.parametrize("inside", [np.zeros(4, bool), np.ones(4, bool), np.array([True, False])])
def test_bad_partitions_are_refused_in_words(inside):
    with pytest.raises(ValueError, match="partition: wanted a mask over 4 sites, neither side empty"):
        surrogate_entanglement(np.ones((4, 4)), inside)
