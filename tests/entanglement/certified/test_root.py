"""The root's spectrum is that of the Kronecker sum, of its strongest pairs; what is left out is told."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import normal

from tnsim.entanglement.certified.root import LONGER, root_of


def factors(seed):
    """X and Y with a Kronecker sum of norm 1, of any shapes, their pairs of unlike weights."""
    rng = np.random.default_rng(seed)
    a, b, c, d = rng.integers(1, 6, size=4).tolist()
    r, dtype = int(rng.integers(1, 4)), ("float64", "complex128")[rng.integers(2)]
    X, Y = normal(rng, (a, b, r), dtype), normal(rng, (c, d, r), dtype)
    X = X * (0.3 ** np.arange(a))[:, None, None] * (0.5 ** np.arange(b))[:, None]
    return X / np.linalg.norm(matrix(X, Y)), Y


def matrix(X, Y):
    return np.einsum("abg,cdg->acbd", X, Y).reshape(X.shape[0] * Y.shape[0], X.shape[1] * Y.shape[1])


CASES = st.integers(0, 2**32 - 1).map(factors)
QUICK = settings(max_examples=200)


@QUICK
@given(CASES)
def test_it_is_the_dense_spectrum_where_all_pairs_are_kept(case):
    true = np.linalg.svd(matrix(*case), compute_uv=False) ** 2
    found = root_of(*case).spectrum(25)
    assert found.whole
    assert found.q[: len(true)] == pytest.approx(true, abs=1e-12)
    assert found.missing == pytest.approx(0, abs=1e-12)


@QUICK
@given(CASES, st.integers(1, 8))
def test_fewer_pairs_are_a_projection(case, K):
    """q_k <= p_k, and exactly the spectrum of the strongest rows and columns of the shorter side and the longer."""
    M = matrix(*case)
    true = np.linalg.svd(M, compute_uv=False) ** 2
    found = root_of(*case).spectrum(K)
    assert len(found.q) == min(K, *M.shape)
    assert (found.q <= true[: len(found.q)] + 1e-12).all()
    assert found.missing == pytest.approx(1 - found.q.sum(), abs=1e-12)
    M = M if M.shape[0] <= M.shape[1] else M.T
    rows, columns = (np.argsort(-(np.abs(M) ** 2).sum(axis=axis), kind="stable") for axis in (1, 0))
    part = M[np.ix_(rows[:K], columns[: LONGER * K])]
    assert found.q == pytest.approx(np.linalg.svd(part, compute_uv=False)[: len(found.q)] ** 2, abs=1e-12)
    assert found.whole == (part.shape == M.shape)


@QUICK
@given(CASES, st.integers(1, 8))
def test_pieces_are_the_diagonals_of_both_sides(case, K):
    found = root_of(*case).spectrum(K)
    if found.whole:
        assert found.missing == pytest.approx(0, abs=1e-12)
        return
    M = matrix(*case)
    M = M if M.shape[0] <= M.shape[1] else M.T
    for piece, axis, most in zip(found.pieces, (1, 0), (K, LONGER * K), strict=True):
        weights = np.sort((np.abs(M) ** 2).sum(axis=axis))[::-1]
        assert np.sort(piece.kept[0])[::-1] == pytest.approx(weights[:most], abs=1e-12)
        dropped = np.sort(piece.dropped[0])[::-1]
        assert dropped == pytest.approx(weights[most:] if most < len(weights) else np.zeros(1), abs=1e-12)
    assert sum(piece.lost for piece in found.pieces) == pytest.approx(found.missing, abs=1e-12)


def test_best_pairs_and_not_a_grid_of_the_best():
    """Weights 1, .1 (twice) and .01: of four pairs the three best are no grid."""
    X = np.diag([1.0, 0.1])[:, :, None]
    X = X / 1.01
    found = root_of(X, X).spectrum(3)
    assert found.q * 1.01**4 == pytest.approx([1, 0.01, 0.01], abs=1e-12)


@QUICK
@given(CASES, st.integers(1, 8))
def test_what_fewer_pairs_leave_out_is_known_beforehand(case, K):
    root = root_of(*case)
    found, bound = root.spectrum(K), root.dropped(np.array([K, K + 1, 25]))
    assert found.missing <= bound[0] + 1e-12
    assert bound[0] >= bound[1]
    assert bound[2] == pytest.approx(0, abs=1e-12)
    assert (bound[0] == 0) or not found.whole


@QUICK
@given(CASES)
def test_the_number_of_pairs_leaves_nothing_out_and_one_less_does(case):
    root = root_of(*case)
    assert root.spectrum(root.pairs).whole
    assert root.pairs == 1 or not root.spectrum(root.pairs - 1).whole
