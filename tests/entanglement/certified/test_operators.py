"""Half-kept operators are what their formulas say, written out in full."""

import numpy as np
import pytest
import strategies

from tnsim.entanglement.certified import operators as ops

KINDS = pytest.mark.parametrize("dtype", ["float64", "complex128"])


def operator(rng, n, r, k, dtype):
    """X[g, h, k, k'] of a positive density operator, in full."""
    root = strategies.normal(rng, (n, r * k, 7), dtype)
    full = (root @ np.conj(np.swapaxes(root, 1, 2))).reshape(n, r, k, r, k)
    return np.transpose(full, (0, 1, 3, 2, 4))


def half(full):
    g, h = np.triu_indices(full.shape[1])
    return full[:, g, h]


@KINDS
def test_products_written_out(dtype):
    rng = np.random.default_rng(0)
    X, H = operator(rng, 2, 4, 3, dtype), operator(rng, 2, 4, 5, dtype)
    G, W = operator(rng, 2, 4, 1, dtype)[..., 0, 0], strategies.normal(rng, (2, 6, 4), dtype)
    P = strategies.normal(rng, (2, 15, 2), dtype)
    product = np.einsum("nghkl,nghab->nghakbl", X, H).reshape(2, 4, 4, 15, 15)
    assert np.allclose(
        ops.projected(half(X), half(H), P), half(np.einsum("nxq,nghxy,nyp->nghqp", P.conj(), product, P))
    )
    assert np.allclose(ops.density(half(X), half(H), ops.packed(G)), np.einsum("nghxy,ngh->nxy", product, G))
    assert np.allclose(ops.density(half(X), half(H)), product.sum(axis=(1, 2)))
    assert np.allclose(ops.density(half(H), half(X)).trace(axis1=1, axis2=2), product.sum(axis=(1, 2)).trace(0, 1, 2))
    assert np.allclose(ops.closed(half(X), ops.packed(G)), np.einsum("nghkl,ngh->nkl", X, G))
    assert np.allclose(ops.sandwiched(W, half(X)), half(np.einsum("nsg,nghkl,nth->nstkl", W, X, W.conj())))
    assert np.allclose(ops.traced(half(X)), half(X.trace(axis1=3, axis2=4)))


@KINDS
def test_a_factor_lifted_and_a_flag_beside(dtype):
    rng = np.random.default_rng(1)
    L = strategies.normal(rng, (2, 5, 4), dtype)
    assert np.allclose(ops.lifted(L), half(np.einsum("nag,nbh->nghab", L, L.conj())))
    X, flag = half(operator(rng, 2, 4, 3, dtype)), half(operator(rng, 2, 4, 1, dtype))[..., 0, 0]
    both = ops.beside(X, flag)
    assert np.allclose(ops.traced(both), ops.traced(X) + flag)
    assert not both[:, :, 3, :3].any()


@KINDS
def test_leading_states_of_a_large_matrix_are_a_projection(dtype):
    rng = np.random.default_rng(2)
    q = np.linalg.qr(strategies.normal(rng, (400, 400), dtype))[0]
    exact = 0.8 ** np.arange(400.0)
    rho = ((q * exact) @ q.conj().T)[None]
    values, vectors = ops.leading(rho, 12)
    assert values.shape[1] < 400
    assert np.allclose(vectors[0].conj().T @ vectors[0], np.eye(values.shape[1]), atol=1e-12)
    assert (values[0] <= exact[: values.shape[1]] + 1e-12).all()
    assert np.allclose(values[0, :12], exact[:12], rtol=1e-3)


@pytest.mark.parametrize(("tol", "most", "wanted"), [(0.0, 9, 5), (0.0, 3, 3), (0.2, 9, 3), (2.0, 9, 1)])
def test_how_many_are_kept(tol, most, wanted):
    values = np.array([0.5, 0.3, 0.125, 0.05, 0.025])
    assert ops.kept(values, 1.0, most, tol) in (wanted, wanted - (tol == 0.2))


def test_entropy_of_what_rounding_made_negative():
    assert np.allclose(ops.eta(np.array([0.5, 0.0, -1e-17])), [0.5 * np.log(2), 0, 0])


def test_batches_gather_equal_shapes_in_order():
    shapes = [2, 3, 2, 3, 3]
    found = ops.batched(lambda x: x.sum(axis=1) + 100 * x.shape[1], [np.full(n, i) for i, n in enumerate(shapes)])
    assert [float(one) for one in found] == [i * n + 100 * n for i, n in enumerate(shapes)]
