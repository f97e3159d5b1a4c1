"""R of tall matrices: singular values as exact as Householder's, also of nearly dependent and of zero columns."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tnsim.entanglement.triangles import triangle

SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed, shape, condition, kind=complex):
    """Matrices whose singular values fall from 1 to 1 / condition."""
    rng = np.random.default_rng(seed)
    n, rows, columns = shape
    noise = lambda *shape: rng.normal(size=shape) + (kind is complex) * 1j * rng.normal(size=shape)  # noqa: E731
    U, V = (np.linalg.qr(noise(n, size, columns)).Q for size in (rows, columns))
    return (U * np.geomspace(1, 1 / condition, columns)) @ V, np.geomspace(1, 1 / condition, columns)


@given(
    st.integers(0, 2**32 - 1),
    st.integers(32, 40),
    st.integers(2, 4),
    st.floats(0, 15),
    st.sampled_from([float, complex]),
)
def test_singular_values_and_grams_stay(seed, columns, times, digits, kind):
    X, values = drawn(seed, (2, times * columns, columns), 10**digits, kind)
    R = triangle(np, X)
    assert np.abs(np.linalg.svd(R, compute_uv=False) - values).max() < 1e-14 * 10  # of the largest, which is 1
    np.testing.assert_allclose(np.swapaxes(R, 1, 2).conj() @ R, np.swapaxes(X, 1, 2).conj() @ X, atol=1e-13)
    assert (np.abs(np.tril(R, -1)) < 1e-13).all()


@pytest.mark.parametrize("condition", [1e3, 1e6])
def test_small_singular_values_are_not_squared(condition):
    X, values = drawn(0, (10, 128, 32), condition)
    found = np.linalg.svd(triangle(np, X), compute_uv=False)
    assert np.abs(found / values - 1).max() < 1e-13 * condition / 10
    squared = np.sqrt(np.abs(np.linalg.eigvalsh(np.swapaxes(X, 1, 2).conj() @ X)))[:, ::-1]
    assert np.abs(squared / values - 1).max() > 30 * np.abs(found / values - 1).max()  # what a Gram matrix alone gives


@pytest.mark.parametrize("spoil", [0, slice(0, 3)])
def test_zero_and_equal_columns_are_right_beside_others(spoil):
    X, _ = drawn(1, (6, 128, 32), 10)
    X[spoil, :, 1] = X[spoil, :, 2]
    X[spoil, :, 3] = 0
    R = triangle(np, X)
    found, wanted = (np.linalg.svd(one, compute_uv=False) for one in (R, X))
    np.testing.assert_allclose(found, wanted, atol=1e-14)
