"""Renyi entropies inside a loss: the measure's value, and its gradient in double precision within a single one."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import cases

import tnsim
from tnsim.entanglement.measure import site_measure
from tnsim.entanglement.renyi import log_trace, renyi_value_and_grad
from tnsim.entanglement.trainable import renyi_entropy

ARCH = tnsim.ConvAC(sites=16, features=2, channels=(4,) * 4, windows=(2,) * 4, classes=3)
PLAIN = site_measure("coefficient", None, 16, 2)
MASK = np.arange(16) % 2 == 0


@pytest.mark.slow
@settings(max_examples=5)
@given(cases(("float32", "complex64"), archs=strategies.POOL[:1]), st.sampled_from([2, 3]))
def test_value_and_gradient_are_the_measures_to_single_precision(case, order):
    banks = {name: jnp.asarray(bank) for name, bank in strategies.named(case.weights).items()}
    measure = case.state.measure
    wide = {name: np.asarray(bank, np.result_type(bank.dtype, np.float64)) for name, bank in banks.items()}
    value, gradient = renyi_value_and_grad(case.arch.network, wide, case.label, measure, case.mask, order)
    found, grads = jax.jit(
        jax.value_and_grad(lambda banks: renyi_entropy(case.arch.network, banks, case.label, measure, case.mask, order))
    )(banks)
    assert found.dtype == jnp.float32
    assert found == pytest.approx(value, rel=1e-6, abs=1e-6)
    for name, bank in banks.items():
        assert grads[name].dtype == bank.dtype
        peak = np.abs(gradient[name]).max()
        np.testing.assert_allclose(grads[name], gradient[name], rtol=1e-6, atol=1e-6 * peak)


def test_the_gradient_is_double_where_single_loses_it():
    """A state near a product: the purity's distance to 1 is about 1e-6, of which float32 sees little."""
    rng = np.random.default_rng(0)
    shapes = ARCH.network.bank_shapes
    banks = {name: jnp.asarray(1 + 1e-2 * rng.normal(size=shape), jnp.float32) for name, shape in shapes.items()}
    wide = {name: np.asarray(bank, np.float64) for name, bank in banks.items()}
    value, gradient = renyi_value_and_grad(ARCH.network, wide, 0, PLAIN, MASK)
    found, grads = jax.jit(
        jax.value_and_grad(lambda banks: 3 * renyi_entropy(ARCH.network, banks, 0, PLAIN, MASK))
    )(banks)

    def single(banks):
        grams = PLAIN.grams[PLAIN.kind].astype(np.float32)
        one, two = (log_trace(ARCH.network, banks, banks["output"][0], grams, MASK, n) for n in (1, 2))
        return 3 * (2 * one - two)

    lost, lost_grads = jax.jit(jax.value_and_grad(single))(banks)
    assert value < 1e-4
    assert found == pytest.approx(3 * value, rel=1e-6)
    assert lost != pytest.approx(3 * value, rel=1e-2)
    peak = max(np.abs(part).max() for part in gradient.values())
    assert max(np.abs(lost_grads[name] - 3 * part).max() for name, part in gradient.items()) > 1e-2 * peak
    for name, part in gradient.items():
        np.testing.assert_allclose(grads[name], 3 * part, rtol=1e-5, atol=1e-6 * peak)


def test_masks_and_labels_are_data():
    params = ARCH.init(jax.random.key(0))
    traced = []

    @jax.jit
    def entropies(params, masks, label):
        traced.append(1)
        return jax.vmap(lambda mask: renyi_entropy(ARCH.network, params, label, PLAIN, mask))(masks)

    rng = np.random.default_rng(0)
    for label in range(3):
        masks = rng.random((5, 16)) < 0.5
        found = entropies(params, masks, label)
        np.testing.assert_allclose(found, ARCH.state(params, label).renyi_many(masks).value, rtol=1e-6, atol=1e-6)
    assert len(traced) == 1


def test_a_few_steps_lower_the_entropy():
    params = ARCH.init(jax.random.key(0))
    optimizer = optax.adam(1e-2)
    state = optimizer.init(params)

    @jax.jit
    def step(params, state):
        value, grads = jax.value_and_grad(lambda p: renyi_entropy(ARCH.network, p, 0, PLAIN, MASK))(params)
        updates, state = optimizer.update(grads, state)
        return optax.apply_updates(params, updates), state, value

    values = []
    for _ in range(30):
        params, state, value = step(params, state)
        values.append(float(value))
    assert values[-1] < 0.7 * values[0]
    assert float(ARCH.state(params, 0).renyi(MASK)) < values[-2]


def test_other_orders_are_refused():
    with pytest.raises(ValueError, match=r"order: replicas are for whole numbers >= 2, found 1\.5"):
        renyi_entropy(ARCH.network, ARCH.init(jax.random.key(0)), 0, PLAIN, MASK, 1.5)
