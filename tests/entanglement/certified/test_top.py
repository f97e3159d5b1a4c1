"""Top Schmidt values of Kronecker sums against dense singular values: from below, residuals, captured mass, seeds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import normal

from tnsim.entanglement.certified import kronecker, top
from tnsim.memory import MemoryLimitError

METHODS = ("lanczos", "range")


@st.composite
def factors(draw, largest=5):
    """X (a1, b1, r), Y (a2, b2, r): real or complex, some of low rank, some decaying, some zero."""
    a1, b1, a2, b2, r = (draw(st.integers(1, largest)) for _ in range(5))
    rng, dtype = (
        np.random.default_rng(draw(st.integers(0, 2**32 - 1))),
        draw(st.sampled_from(("float64", "complex128"))),
    )
    X, Y = normal(rng, (a1, b1, r), dtype), normal(rng, (a2, b2, r), dtype)
    decay = draw(st.sampled_from((1, 0.3, 1e-3, 0)))
    return X * decay ** np.arange(a1)[:, None, None], Y * decay ** np.arange(b2)[:, None]


def matrix(X, Y):
    return np.einsum("abg,cdg->acbd", X, Y).reshape(X.shape[0] * Y.shape[0], X.shape[1] * Y.shape[1])


def decaying(rng, size, r, decay, dtype="float64"):
    rows = decay ** np.arange(size)
    return normal(rng, (size, size, r), dtype) * rows[:, None, None] * rows[:, None]


@settings(max_examples=60)
@given(factors(), st.integers(1, 6), st.sampled_from(METHODS), st.integers(0, 3))
def test_values_lie_below_and_residuals_tell_how_far(case, k, method, seed):
    true = np.linalg.svd(matrix(*case), compute_uv=False)
    found = top.top_schmidt(*case, k, method=method, seed=seed)
    slack, count = 1e-12 * true[0], len(found.values)
    assert count == min(k, len(true))
    assert (np.diff(found.values) <= 0).all()
    assert (found.values <= true[:count] + slack).all()
    for value, residual in zip(found.values, found.residuals, strict=True):
        assert np.abs(true - value).min() <= residual + slack
    assert (
        found.captured is None if true[0] == 0 else (found.values**2).sum() <= found.captured * (true**2).sum() + slack
    )


@settings(max_examples=40)
@given(factors(), st.integers(1, 4))
def test_lanczos_finds_what_has_no_repetitions(case, k):
    true = np.linalg.svd(matrix(*case), compute_uv=False)
    found = top.top_schmidt(*case, k)
    assert np.abs(found.values - true[: len(found.values)]).max() <= 1e-7 * true[0]


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("method", METHODS)
def test_unconverged_values_stay_below_and_their_residuals_are_those_of_vectors(method, dtype):
    rng = np.random.default_rng(0)
    X, Y = normal(rng, (20, 18, 4), dtype), normal(rng, (19, 20, 4), dtype)  # flat: 380 x 360, nothing converges
    M, A = top.operator(X, Y), matrix(X, Y)
    true = np.linalg.svd(A, compute_uv=False)
    found = top.lanczos(M, 8, 1e-8, 0, 20) if method == "lanczos" else top.range_finder(M, 8, 1, 0)
    assert (found.values <= true[:8]).all()
    assert found.residuals.max() > 1e-2 * true[0]
    assert all(np.abs(true - value).min() <= r for value, r in zip(found.values, found.residuals, strict=True))
    assert 0 < found.captured < 1
    assert found.captured * (true**2).sum() <= (true[: found.applications] ** 2).sum()


def test_captured_is_the_mass_of_the_projected_matrix():
    """All columns wanted: everything is captured; of a known part, exactly that part."""
    rng = np.random.default_rng(0)
    X, Y = normal(rng, (4, 4, 2)), normal(rng, (4, 4, 2))
    for method in METHODS:
        found = top.top_schmidt(X, Y, 16, method=method)
        assert found.captured == pytest.approx(1)
        assert (found.values**2).sum() == pytest.approx(kronecker.squared_norm(X, Y))


def test_captured_counts_all_that_was_projected_on_not_the_wanted_values_alone():
    """Rank 9 under 10 columns of the range finder, and steps of Lanczos: all is captured, two values are not all."""
    rng = np.random.default_rng(0)
    X, Y = normal(rng, (6, 6, 1)), normal(rng, (6, 6, 1))
    X[3:], Y[3:] = 0, 0
    for method in METHODS:
        found = top.top_schmidt(X, Y, 2, 0.0, method)
        assert found.captured == pytest.approx(1)
        assert (found.values**2).sum() < 0.99 * kronecker.squared_norm(X, Y)


def test_lanczos_sees_a_repeated_value_once_and_stays_below():
    """The identity: one value, repeated. Every direction is then converged, so that a random one takes its place."""
    eye = np.eye(6)[:, :, None]
    found = top.top_schmidt(eye, eye, 3)
    assert found.values == pytest.approx(1)


def test_lanczos_stops_where_the_residuals_allow():
    rng = np.random.default_rng(0)
    X, Y = decaying(rng, 24, 4, 0.7), decaying(rng, 24, 4, 0.7)
    rough, fine = (top.top_schmidt(X, Y, 8, tol) for tol in (1e-2, 1e-12))
    assert rough.applications < fine.applications
    for found, tol in ((rough, 1e-2), (fine, 1e-12)):
        assert found.residuals.max() <= tol * found.values[0]


@pytest.mark.parametrize("method", METHODS)
def test_a_seed_gives_bitwise_the_same(method):
    rng = np.random.default_rng(0)
    X, Y = normal(rng, (12, 12, 3)), normal(rng, (12, 12, 3))
    one, same, other = (top.top_schmidt(X, Y, 4, method=method, seed=seed) for seed in (3, 3, 4))
    assert (one.values == same.values).all()
    assert (one.residuals == same.residuals).all()
    assert (one.residuals != other.residuals).any()


@pytest.mark.parametrize(("method", "dtype"), [("lanczos", "complex128"), ("range", "float64")])
def test_an_accelerator_finds_the_same(method, dtype):
    rng = np.random.default_rng(0)
    X, Y = decaying(rng, 6, 2, 0.8, dtype), decaying(rng, 6, 2, 0.8, dtype)
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        found = top.top_schmidt(jnp.asarray(X), jnp.asarray(Y), 3, method=method)
    host = top.top_schmidt(X, Y, 3, method=method)
    assert found.values == pytest.approx(host.values, rel=1e-10)
    assert found.captured == pytest.approx(host.captured, rel=1e-6)


def test_refusals_name_estimate_and_ways_out():
    X = np.ones((64, 64, 4))
    with pytest.raises(MemoryLimitError, match=r"4096 x 4096: its top 8 .* above the limit of 1 MB\. Ways out"):
        top.top_schmidt(X, X, 8, limit="1MB")
    with pytest.raises(ValueError, match=r"k, method: .* found k=0, method='lanczos'"):
        top.top_schmidt(X, X, 0)
    with pytest.raises(ValueError, match=r"method='svd'"):
        top.top_schmidt(X, X, 1, method="svd")


def test_the_estimate_by_hand():
    """16 x 16: both bases of 16 rows at most, and four vectors more; two half products; X, Y and adjoints laid out."""
    assert top.numbers((4, 4, 2), (4, 4, 2), 3, "lanczos") == 20 * 32 + 2 * 32 + 4 * 2 * 32


@pytest.mark.slow
def test_a_matrix_of_65536_rows():
    rng = np.random.default_rng(0)
    X, Y = decaying(rng, 256, 4, 0.93), decaying(rng, 256, 4, 0.93)
    one, other = (top.top_schmidt(X, Y, 16, 1e-6, method) for method in METHODS)
    assert one.residuals.max() <= 1e-6 * one.values[0]
    assert (other.values <= one.values * (1 + 1e-9)).all()
    assert other.values == pytest.approx(one.values, rel=0.02)
