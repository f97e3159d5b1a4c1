"""Factors by shape, exact ones of one-sided subtrees, weights across an edge, and how many weights are kept."""

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import normal

from tnsim.entanglement.certified.factors import (
    LADDER,
    Factors,
    edge_weights,
    gram_of,
    hermitian,
    kept_sizes,
    one_sided,
    padded,
)  # fmt: skip

SEEDS = st.integers(0, 2**32 - 1)
QUICK = settings(max_examples=100)


def positive(rng, n, r, rank, dtype):
    root = normal(rng, (n, r, rank), dtype)
    return root @ np.conj(np.swapaxes(root, 1, 2))


def pair(seed):
    """G, of any rank, and E with sum G o E = 1."""
    rng = np.random.default_rng(seed)
    n, r, dtype = int(rng.integers(1, 5)), int(rng.integers(1, 6)), ("float64", "complex128")[rng.integers(2)]
    G = positive(rng, n, r, int(rng.integers(1, r + 1)), dtype)
    E = positive(rng, n, r, int(rng.integers(1, r + 1)), dtype)
    G, E = (x / np.trace(x, axis1=1, axis2=2)[:, None, None] for x in (G, E))
    return G, E / np.einsum("ngh,ngh->n", G, E)[:, None, None]


@QUICK
@given(SEEDS)
def test_one_sided_factors_have_the_gram_and_a_diagonal_density(seed):
    G, E = pair(seed)
    edges, met = np.arange(10, 10 + len(G)), []
    for same, psi in one_sided(edges, G, E):
        met += same.tolist()
        E_of, gram = E[same - 10], np.einsum("nxg,nxh->ngh", psi, np.conj(psi))
        rho = psi @ E_of @ np.conj(np.swapaxes(psi, 1, 2))
        weights = np.diagonal(rho, axis1=1, axis2=2).real
        assert rho == pytest.approx(weights[:, :, None] * np.eye(psi.shape[1]), abs=1e-12)
        assert (np.diff(weights, axis=1) <= 1e-12).all()
        assert weights.sum(axis=1) == pytest.approx(1)
        # What was left out has no weight in the state, so that the Gram may lack it.
        assert np.einsum("ngh,ngh->n", gram - G[same - 10], E_of) == pytest.approx(0, abs=1e-12)
    assert sorted(met) == edges.tolist()


def test_no_edges_no_factors():
    assert list(one_sided(np.arange(0), np.zeros((0, 2, 2)), np.zeros((0, 2, 2)))) == []


@QUICK
@given(SEEDS)
def test_edge_weights_are_the_schmidt_probabilities(seed):
    """Of psi with Gram G and phi with Gram E: psi^T phi, made here from roots of both."""
    G, E = pair(seed)
    for gram, outside, found in zip(G, E, edge_weights(G, E), strict=True):
        psi, phi = (oracle.hermitian_root(x).T for x in (gram, outside))  # psi^T conj(psi) is the matrix again
        expected = np.linalg.svd(psi @ phi.T, compute_uv=False) ** 2
        assert found == pytest.approx(expected, abs=1e-10)
        assert found.sum() == pytest.approx(1)
        assert (np.diff(found) <= 0).all()


@QUICK
@given(SEEDS)
def test_factors_are_found_again(seed):
    rng = np.random.default_rng(seed)
    shapes = [(1, 2), (2, 1), (2, 2)]
    shape_of, r, factors = rng.integers(3, size=8), 3, Factors(np.full((9, 2), -1))
    C = [normal(rng, (*shapes[i], r)) for i in shape_of]
    for some in (np.arange(4), np.arange(4, 8)):
        factors = factors.with_more([(np.array([i]), C[i][None]) for i in some.tolist()])
    for i in range(8):
        assert factors.of(np.array([i]))[0] == pytest.approx(C[i], abs=0)
    assert factors.where[8].tolist() == [-1, -1]
    same = np.flatnonzero(shape_of[:4] == shape_of[0])
    assert len(factors.of(same)) == len(same)


@QUICK
@given(SEEDS, st.sampled_from([0.0, 1e-8, 1e-3, 0.3, 2.0]), st.integers(1, 40))
def test_kept_sizes_leave_a_tail_below_the_tolerance(seed, tolerance, cap):
    rng = np.random.default_rng(seed)
    weights = np.sort(rng.dirichlet(np.full(30, 0.05), size=4), axis=1)[:, ::-1]
    for row, size in zip(weights, kept_sizes(weights, tolerance, cap).tolist(), strict=True):
        assert 1 <= size <= min(cap, 30)
        assert size == cap or row[size:].sum() <= tolerance + 1e-15
        assert size in LADDER or size in (cap, 30)
        smaller = [rung for rung in LADDER.tolist() if rung < size]
        assert not smaller or row[smaller[-1] :].sum() > tolerance  # no rung below would do


def test_gram_of_and_padding():
    C = normal(np.random.default_rng(0), (2, 3, 4, 2), "complex128")
    assert gram_of(C) == pytest.approx(np.einsum("nabg,nabh->ngh", C, np.conj(C)))
    x = C[:, :2, 0]
    assert hermitian(x) == pytest.approx((x + np.conj(np.swapaxes(x, 1, 2))) / 2)
    assert padded([np.ones(2), np.zeros(0)]).tolist() == [[1, 1], [0, 0]]
    assert padded([np.zeros(0)]).tolist() == [[0]]
