"""Kronecker sums against the same matrices formed: products, diagonals, Ritz bases from below, projections."""

from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import normal

from tnsim.entanglement.certified import kronecker

SIDES = ("A", "B")
FLOATS, COMPLEXES = "float64", "complex128"


@st.composite
def factors(draw, largest=5, sizes=()):
    """X (*sizes, a1, b1, r), Y (*sizes, a2, b2, r) and an environment E, some of low rank, some with rows of zeros."""
    size, dtype = st.integers(1, largest), draw(st.sampled_from((FLOATS, COMPLEXES)))
    a1, b1, a2, b2, r = (draw(size) for _ in range(5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    X, Y = normal(rng, (*sizes, a1, b1, r), dtype), normal(rng, (*sizes, a2, b2, r), dtype)
    root = normal(rng, (*sizes, r, draw(st.integers(1, r))), dtype)
    if draw(st.booleans()):
        X[..., a1 // 2 :, :, :] *= draw(st.sampled_from((0, 1e-9, 0.1)))
        Y[..., b2 // 2 :, :] *= draw(st.sampled_from((0, 1e-9, 0.1)))
    return X, Y, root @ np.conj(np.swapaxes(root, -1, -2))


def formed(X, Y):
    """C[(a1 a2), (b1 b2), g]."""
    (a1, b1, r), (a2, b2, _) = X.shape, Y.shape
    return np.einsum("abg,cdg->acbdg", X, Y).reshape(a1 * a2, b1 * b2, r)


def density(C, E, side):
    """rho of one side, by its definition."""
    legs = {"A": "gh,abg,cbh->ac", "B": "gh,abg,ach->bc"}[side]
    return np.einsum(legs, E, C, C.conj())


def eigenvalues(rho):
    return np.linalg.eigvalsh(rho)[::-1]


def close(found, wanted, scale=None, eps=1e-12):
    """Equal beside the largest entry."""
    scale = np.abs(wanted).max(initial=0) if scale is None else scale
    assert found.shape == wanted.shape
    assert np.abs(np.asarray(found) - wanted).max(initial=0) <= eps * scale + 1e-300


@given(factors(), st.integers(1, 4), st.booleans())
def test_products_with_the_matrix_and_its_adjoint(case, k, sliced):
    X, Y, _ = case
    rng, M = np.random.default_rng(0), formed(X, Y).sum(-1)
    V, U = normal(rng, (X.shape[1], Y.shape[1], k), X.dtype), normal(rng, (X.shape[0], Y.shape[0], k), X.dtype)
    size = np.abs(X).max() * np.abs(Y).max()
    with mock.patch.object(kronecker, "FORMED", 1 if sliced else kronecker.FORMED):
        close(kronecker.apply(X, Y, V).reshape(-1, k), M @ V.reshape(-1, k), 100 * size)
        close(kronecker.adjoint(X, Y, U).reshape(-1, k), M.conj().T @ U.reshape(-1, k), 100 * size)


@given(factors())
def test_norms_without_the_matrix(case):
    X, Y, _ = case
    M = formed(X, Y).sum(-1)
    size = (np.abs(X) ** 2).sum() * (np.abs(Y) ** 2).sum()
    assert kronecker.squared_norm(X, Y) == pytest.approx(np.linalg.norm(M) ** 2, abs=1e-12 * size)
    close(kronecker.row_norms(X, Y).reshape(-1), (np.abs(M) ** 2).sum(1), size)


@given(factors(), st.sampled_from(SIDES))
def test_the_density_and_its_diagonal(case, side):
    X, Y, E = case
    rho = density(formed(X, Y), E, side)
    close(kronecker.density(X, Y, E, side), rho)
    close(kronecker.diagonal(X, Y, E, side), np.diag(rho).real)


@given(factors(largest=3, sizes=(3,)), st.sampled_from(SIDES), st.sampled_from((None, 1, 2)))
def test_a_dense_basis_has_the_eigenpairs_of_every_node(case, side, k):
    found = kronecker.dense_eigenbasis(*case, side, k)
    for node, (X, Y, E) in enumerate(zip(*case, strict=True)):
        rho = density(formed(X, Y), E, side)
        size = np.abs(rho).max()
        P, values = found.basis[node], found.values[node]
        close(values, eigenvalues(rho)[:k], size)
        close(rho @ P, P * values, size)
        close(P.conj().T @ P, np.eye(len(values)), 1)
        close(found.diagonal[node], np.diag(rho).real, size)


@given(factors(), st.sampled_from(SIDES), st.integers(1, 6), st.integers(0, 3), st.integers(0, 2))
def test_a_ritz_basis_is_orthonormal_and_from_below(case, side, k, iterations, seed):
    X, Y, E = case
    with mock.patch.object(kronecker, "OVERSAMPLED", seed):  # few columns: else small cases are all exact
        found = kronecker.eigenbasis(X, Y, E, side, k, iterations, seed)
    rho = density(formed(X, Y), E, side)
    size, true = np.abs(rho).max(), eigenvalues(rho)
    P, count = found.basis, len(found.values)
    assert count == min(k, len(rho))
    close(P.conj().T @ P, np.eye(count), 1)
    assert (np.diff(found.values) <= 0).all()
    assert (found.values <= true[:count] + 1e-12 * size).all()
    close(found.image, rho @ P, size)
    close(P.conj().T @ rho @ P, np.diag(found.values), size)
    assert found.values.sum() >= np.sort(np.diag(rho).real)[::-1][:count].sum() - 1e-12 * size  # not below the pairs


@given(factors(), st.sampled_from(SIDES), st.integers(1, 3), st.integers(1, 4))
def test_what_a_basis_leaves_has_the_diagonal_that_is_told(case, side, kept, width):
    X, Y, E = case
    rho = density(formed(X, Y), E, side)
    size, rng = np.abs(rho).max(), np.random.default_rng(1)
    start = normal(rng, (len(rho), min(width, len(rho))), X.dtype)
    found = kronecker.eigenbasis(X, Y, E, side, 3, 1, start).keep(kept)
    beside = np.eye(len(rho)) - found.basis @ found.basis.conj().T
    close(found.rest, np.diag(beside @ rho @ beside).real, size)
    assert found.trace == pytest.approx(np.trace(rho).real, abs=1e-12 * size)
    assert found.rest.sum() == pytest.approx(found.trace - found.values.sum(), abs=1e-11 * size)
    assert (found.rest >= 0).all()


@given(factors(), st.sampled_from(SIDES))
def test_the_whole_space_is_exact(case, side):
    X, Y, E = case
    true = eigenvalues(density(formed(X, Y), E, side))
    found = kronecker.eigenbasis(X, Y, E, side, len(true))
    close(found.values, np.maximum(true, 0))


def test_a_krylov_space_converges_where_the_spectrum_decays():
    rng, decay = np.random.default_rng(0), 0.6 ** np.arange(16)
    X, Y = (normal(rng, (16, 16, 5)) * decay[:, None, None] for _ in range(2))
    E = np.diag(0.5 ** np.arange(5))
    true = eigenvalues(density(formed(X, Y), E, "A"))
    missed = [true[:10].sum() - kronecker.eigenbasis(X, Y, E, "A", 10, n).values.sum() for n in range(4)]
    assert (np.diff(missed) < 0).all()
    assert missed[2] < 1e-4 * missed[0]


@given(factors(largest=3), st.sampled_from(SIDES))
def test_the_order_of_products_follows_the_cost_and_changes_nothing(case, side):
    X, Y, E = case
    with mock.patch.object(kronecker, "OVERSAMPLED", 0):
        found = [kronecker.eigenbasis(X, Y, E, side, 1, 1, 3)]
        with mock.patch.object(kronecker, "_x_first", return_value=False):
            found.append(kronecker.eigenbasis(X, Y, E, side, 1, 1, 3))
    close(found[1].values, found[0].values, eps=1e-10)
    close(found[1].rest, found[0].rest, found[0].trace, eps=1e-10)


@given(factors(largest=3))
def test_full_bases_keep_the_schmidt_values_and_turn_rho_diagonal(case):
    X, Y, E = case
    C = formed(X, Y)
    A, B = (kronecker.dense_eigenbasis(X, Y, E, side) for side in SIDES)
    turned = kronecker.project(X, Y, A.basis, B.basis)
    assert turned.shape == C.shape
    rng = np.random.default_rng(0)
    for vector in normal(rng, (2, C.shape[-1]), X.dtype):
        pair = [np.linalg.svd(D @ vector, compute_uv=False) for D in (turned, C)]
        close(*pair, np.linalg.norm(C) * 3)
    for side, found in zip(SIDES, (A, B), strict=True):
        close(density(turned, E, side), np.diag(found.values), found.values.max(), eps=1e-11)


@given(factors(sizes=(2,)), st.integers(1, 4), st.integers(1, 4), st.booleans())
def test_the_projected_state_is_the_projector_on_the_state(case, chi_A, chi_B, sliced):
    X, Y, _ = case
    rng = np.random.default_rng(2)
    pairs = (X.shape[1] * Y.shape[1], X.shape[2] * Y.shape[2])
    PA, PB = (
        np.linalg.qr(normal(rng, (2, n, min(n, chi)), X.dtype))[0] for n, chi in zip(pairs, (chi_A, chi_B), strict=True)
    )
    with mock.patch.object(kronecker, "FORMED", 1 if sliced else kronecker.FORMED):
        found = kronecker.project(X, Y, PA, PB)
    for node in range(2):
        C = formed(X[node], Y[node])
        wanted = np.einsum("aA,abg,bB->ABg", PA[node].conj(), C, PB[node].conj())
        close(found[node], wanted, np.linalg.norm(C))
        back = np.einsum("aA,ABg,bB->abg", PA[node], found[node], PB[node])
        onto = [P @ P.conj().T for P in (PA[node], PB[node])]
        close(back, np.einsum("ac,cdg,bd->abg", onto[0], C, onto[1]), np.linalg.norm(C))


def test_one_seed_one_answer():
    rng = np.random.default_rng(0)
    X, Y = normal(rng, (8, 8, 3)), normal(rng, (8, 8, 3))
    one, same, other = (kronecker.eigenbasis(X, Y, np.eye(3), "A", 4, 1, seed) for seed in (5, 5, 6))
    assert (one.basis == same.basis).all()
    assert not np.allclose(one.values, other.values, rtol=1e-13)


@pytest.mark.parametrize("dtype", [FLOATS, COMPLEXES])
def test_an_accelerator_finds_the_same(dtype):
    rng = np.random.default_rng(0)
    X, Y, E = normal(rng, (5, 4, 3), dtype), normal(rng, (6, 7, 3), dtype), np.diag([1.0, 0.5, 0.1])
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        on_device = [jnp.asarray(x) for x in (X, Y, E)]
        found = kronecker.eigenbasis(*on_device, "B", 3, 1)
        dense = kronecker.dense_eigenbasis(*on_device, "B", 3)
        projected = kronecker.project(*on_device[:2], jnp.eye(30, 3), jnp.eye(28, 2))
        rest, trace = np.asarray(found.rest), float(found.trace)
    host = kronecker.eigenbasis(X, Y, E, "B", 3, 1)
    close(np.asarray(found.values), host.values, eps=1e-10)
    close(rest, host.rest, trace, eps=1e-10)
    close(np.asarray(dense.values), kronecker.dense_eigenbasis(X, Y, E, "B", 3).values)
    close(np.asarray(projected), kronecker.project(X, Y, np.eye(30, 3), np.eye(28, 2)))


def test_bad_input_is_told():
    X = np.ones((2, 2, 1))
    with pytest.raises(ValueError, match=r"k, iterations: .* found k=0, iterations=2"):
        kronecker.eigenbasis(X, X, np.eye(1), "A", 0)
    with pytest.raises(ValueError, match=r"iterations=-1"):
        kronecker.eigenbasis(X, X, np.eye(1), "A", 1, -1)


def test_the_estimate_counts_the_blocks():
    """By hand: 256 pairs, 3 blocks of 12 columns, five arrays of those; and the sliced products."""
    assert kronecker.eigenbasis_numbers((16, 8, 2), (16, 8, 2), "A", 4) == 5 * 256 * 36 + 4 * 2**22 + 2 * 4 * 32
