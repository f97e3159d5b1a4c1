"""Gram matrices, their factors and sweeps against products of whole matrices, over many tiles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tnsim.correlations import Batching, data_tensor, sweeps
from tnsim.correlations.factors import factor
from tnsim.correlations.gram import columns_of, gram, side
from tnsim.correlations.sweeps import sweep
from tnsim.distributed.parts import PartsError


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 30))
def test_everything_is_of_the_whole_matrices(seed, joined, tile):
    rng = np.random.default_rng(seed)
    m, N = int(rng.integers(2, 26)), int(rng.integers(2, 9))
    x, mask = rng.normal(size=(m, N, 2)), np.arange(N) < N // 2
    tensor = data_tensor(x, rng.normal(size=m))
    units, v = x / np.linalg.norm(x, axis=2, keepdims=True), tensor.weights
    a, b = (np.prod(np.einsum("ins,jns->ijn", units[:, part], units[:, part]), axis=2) for part in (mask, ~mask))
    one, other = (side(tensor, part, Batching(joined, tile)) for part in (mask, ~mask))
    np.testing.assert_allclose(gram(one, slice(1, m), slice(0, m)), a[1:], atol=1e-12)
    np.testing.assert_allclose(columns_of(other, np.array([m - 1, 0])), b[:, [m - 1, 0]], atol=1e-12)
    C, E = rng.normal(size=(m, 3)), rng.normal(size=(m, 2))
    found = sweep(one, other, v, C, E)
    assert found.squared == pytest.approx(v @ (a * b) @ v, abs=1e-10)
    np.testing.assert_allclose(found.left, a @ C, atol=1e-10)
    np.testing.assert_allclose(found.right, b @ E, atol=1e-10)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(1, 90))
def test_a_factor_is_a_projection_onto_the_span_of_samples(seed, most):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(90, 7, 2)) + 1
    one = side(data_tensor(x, np.ones(90)), np.ones(7, bool))
    G = gram(one, slice(0, 90), slice(0, 90))
    L, residual = factor(one, np.ones(90), most)
    rest = G - L @ L.T
    assert L.shape[1] <= most
    np.testing.assert_allclose(np.diag(rest), residual, atol=1e-10)
    assert np.linalg.eigvalsh(rest).min() > -1e-10
    spanned = residual < 1e-10
    assert spanned.sum() >= L.shape[1]
    np.testing.assert_allclose(rest[spanned], 0, atol=1e-5)


def test_all_samples_as_pivots_leave_nothing():
    x = np.random.default_rng(0).normal(size=(150, 9, 2))
    L, residual = factor(side(data_tensor(x, np.ones(150)), np.ones(9, bool)), np.ones(150), 150)
    assert L.shape[1] == 150
    assert residual.max() < 1e-11


def test_a_sweep_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    tensor, mask, file = data_tensor(rng.normal(size=(40, 6, 2)), rng.normal(size=40)), np.arange(6) < 2, tmp_path / "s"
    one, other = (side(tensor, part, Batching(2, 5)) for part in (mask, ~mask))
    C = rng.normal(size=(40, 3))
    whole, panel, made = sweep(one, other, tensor.weights, C, C), sweeps._panel, []

    def stopped(*given):
        made.append(given[-1])
        if len(made) == 5:
            raise KeyboardInterrupt
        return panel(*given)

    monkeypatch.setattr(sweeps, "EVERY", -1.0)
    monkeypatch.setattr(sweeps, "_panel", stopped)
    with pytest.raises(KeyboardInterrupt):
        sweep(one, other, tensor.weights, C, C, file)
    again = sweep(one, other, tensor.weights, C, C, file)
    assert len(made) == 9  # 8 panels, one of them twice
    for one_part, other_part in zip(whole, again, strict=True):
        np.testing.assert_array_equal(one_part, other_part)
    with pytest.raises(PartsError, match="made for another job"):
        sweep(one, other, 2 * tensor.weights, C, C, file)
