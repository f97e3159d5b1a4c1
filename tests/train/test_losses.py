"""Losses against their formulas, at every scale and at exact zeros."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tnsim.contract.scores import Scores
from tnsim.train.losses import LOSSES, born, named, predictions, softmax

RNG = np.random.default_rng(0)
LABELS = jnp.array([0, 2, 1, 2])


def scores(log_scale=0.0, seed=0):
    value = np.random.default_rng(seed).standard_normal((4, 3)).astype(np.float32)
    return Scores(jnp.asarray(value), jnp.full(4, log_scale, jnp.float32))


def by_hand(p, smoothing):
    """Cross entropy of probabilities (batch, classes) with smoothed labels, from the definition."""
    target = (1 - smoothing) * np.eye(3)[LABELS] + smoothing / 3
    return -(target * np.log(p)).sum(axis=1)


@given(st.floats(-3, 3), st.floats(0, 0.9), st.integers(0, 9))
def test_softmax_is_the_cross_entropy_of_the_scores_with_their_scale(log_scale, smoothing, seed):
    s = scores(log_scale, seed)
    h = np.asarray(s.value, np.float64) * np.exp(np.float64(s.log_scale[0]))
    p = np.exp(h - h.max(axis=1, keepdims=True))
    wanted = by_hand(p / p.sum(axis=1, keepdims=True), smoothing)
    np.testing.assert_allclose(softmax(s, LABELS, smoothing), wanted, rtol=1e-4, atol=1e-5)


@given(st.floats(-1000, 1000), st.floats(0, 0.9), st.integers(0, 9))
def test_born_is_the_cross_entropy_of_squares_at_any_scale(log_scale, smoothing, seed):
    s = scores(log_scale, seed)
    h = np.asarray(s.value, np.float64)
    wanted = by_hand(h**2 / (h**2).sum(axis=1, keepdims=True), smoothing)
    np.testing.assert_allclose(born(s, LABELS, smoothing), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("factor", [1e-30, 2.0**-40, 1.0, 2.0**40, 1e30])
def test_born_knows_no_scale_of_the_values(factor):
    s = scores()
    scaled = Scores(s.value * jnp.float32(factor), s.log_scale)
    np.testing.assert_allclose(born(scaled, LABELS), born(s, LABELS), rtol=1e-5)


def test_born_of_complex_scores_takes_absolute_squares():
    value = jnp.asarray(RNG.standard_normal((4, 3)) + 1j * RNG.standard_normal((4, 3)), jnp.complex64)
    h = np.abs(np.asarray(value)) ** 2
    wanted = by_hand(h / h.sum(axis=1, keepdims=True), 0.0)
    np.testing.assert_allclose(born(Scores(value, jnp.zeros(4)), LABELS), wanted, rtol=1e-4)


@pytest.mark.parametrize("name", sorted(LOSSES))
@pytest.mark.parametrize("zeros", [(0, 0), (0, slice(None)), (slice(None), slice(None))])
def test_exact_zeros_have_finite_loss_and_gradient(name, zeros):
    value = scores().value.at[zeros].set(0)
    loss = lambda v: LOSSES[name](Scores(v, jnp.zeros(4)), LABELS, 0.0).sum()  # noqa: E731
    found, gradient = jax.value_and_grad(loss)(value)
    assert np.isfinite(found)
    assert np.isfinite(gradient).all()


def test_all_zero_scores_are_a_fair_guess():
    nothing = Scores(jnp.zeros((4, 3)), jnp.zeros(4))
    for loss in LOSSES.values():
        np.testing.assert_allclose(loss(nothing, LABELS, 0.1), np.log(3), rtol=1e-6)


@pytest.mark.parametrize("log_scale", [-2000.0, 89.0, 2000.0])
def test_softmax_is_finite_outside_of_float_range(log_scale):
    s = scores(log_scale)
    loss = lambda v, l: softmax(Scores(v, l), LABELS, 0.1).sum()  # noqa: E731
    found, gradients = jax.value_and_grad(loss, argnums=(0, 1))(*s)
    assert np.isfinite(found)
    assert all(np.isfinite(g).all() for g in gradients)


def test_predictions_follow_the_probabilities_of_the_loss():
    s = Scores(jnp.array([[1.0, -2.0, 0.5]]), jnp.zeros(1))
    assert predictions("softmax", s).tolist() == [0]
    assert predictions("born", s).tolist() == [1]


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match=r"loss: wanted one of \['born', 'softmax'\], found 'hinge'"):
        named("hinge")
