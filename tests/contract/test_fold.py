"""The one fold: what an algebra is asked, in which order, and the scale that travels with the value."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import architectures, wiring

from tnsim.contract.fold import Algebra, Scaled, _product, fold, rescale, sweep
from tnsim.contract.schedule import distinct, whole

COUNT = Algebra(  # how many sites lie below
    conv=lambda wave, bank, values: values if wave.below is None else [values[i] for i in wave.below.array.tolist()],
    pool=lambda wave, values: [sum(values[j] for j in window) for window in wave.children.array.tolist()],
)


def no_banks(schedule):
    return dict.fromkeys(wave.bank for wave in schedule.waves)


@given(architectures())
def test_the_fold_visits_every_site_once(arch):
    schedule = whole(arch.network)
    assert fold(COUNT, schedule, no_banks(schedule), [1] * arch.size) == [arch.size]


@given(architectures())
def test_equal_subtrees_come_once_and_count_alike(arch):
    schedule = distinct(whole(arch.network), np.zeros(arch.size, int))
    assert fold(COUNT, schedule, no_banks(schedule), [1]) == [arch.size]


@given(architectures())
def test_a_sweep_yields_the_leaves_and_every_wave(arch):
    schedule = whole(arch.network)
    *waves, root = sweep(COUNT, schedule, no_banks(schedule), [1] * arch.size)
    assert [len(values) for values in waves] == [len(slots) for _, slots in wiring(arch)]
    assert root == [arch.size]


def number(x):
    return np.asarray(x.value) * np.exp(np.asarray(x.log_scale))[:, None]


@given(st.integers(0, 2**32 - 1), st.integers(-30, 30))
def test_rescaling_changes_no_number(seed, power):
    value = np.random.default_rng(seed).normal(size=(3, 4)) * 10.0**power
    with jax.enable_x64(True):
        found = rescale(Scaled(jnp.asarray(value), jnp.zeros(3)), (-1,))
        np.testing.assert_allclose(number(found), value, rtol=1e-12)
        np.testing.assert_allclose(abs(found.value).max(axis=1), 1, rtol=1e-15)


def test_an_exact_zero_stays_zero():
    found = rescale(Scaled(jnp.zeros((2, 3)), jnp.zeros(2)), (-1,))
    assert (found.value == 0).all()
    assert (found.log_scale == 0).all()


def test_the_scale_takes_no_part_in_gradients():
    def norm(x):
        scaled = rescale(Scaled(x, jnp.zeros(2)), (-1,))
        return (scaled.value * jnp.exp(scaled.log_scale)[:, None]).sum()

    np.testing.assert_allclose(jax.grad(norm)(jnp.array([[1.0, 2], [3, 4]])), 1, rtol=1e-6)


@jax.jit
def halved(x):
    return _product(x, 1, (-1,))


@settings(max_examples=12)
@given(st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_products_by_halving_are_products(length, seed):
    rng = np.random.default_rng(seed)
    value, log_scale = rng.normal(size=(2, length, 3)), rng.normal(size=(2, length))
    with jax.enable_x64(True):
        found = halved(Scaled(jnp.asarray(value), jnp.asarray(log_scale)))
        np.testing.assert_allclose(number(found), (value * np.exp(log_scale)[..., None]).prod(axis=1), rtol=1e-10)


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_long_products_stay_in_range(size):
    value = jnp.full((1, 64, 2), size, jnp.float32)
    units = rescale(Scaled(value, jnp.zeros((1, 64))), (-1,))
    found = halved(units)
    assert np.isfinite(found.value).all()
    assert float(found.log_scale[0]) == pytest.approx(64 * np.log(size), rel=1e-5)
