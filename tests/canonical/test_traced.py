"""Chains of JAX cores: compiled, batched and with gradients, the same numbers as in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tnsim.canonical import chain_wiring, compressed, expectation, log_likelihood, overlap, random_state

Z = np.diag([1.0, -1.0])


@pytest.fixture(scope="module")
def chains():
    return [random_state(chain_wiring(5), (2,) * 5, 3, np.random.default_rng(seed)) for seed in range(3)]


def in_jax(state):
    return jax.tree.map(jnp.asarray, state)


def log_fidelity_loss(state):
    """What the cut loses, and other measures, as one number."""
    cut = compressed(state, 2)
    x = jnp.array([[0, 1, 0, 1, 1], [1, 1, 0, 0, 1]])
    return cut.discarded.sum() + expectation(state, {1: Z, 3: Z}) + 0.1 * log_likelihood(state, x).mean()


def test_one_compilation_takes_many_states_and_gives_the_numbers_of_numpy(chains):
    with jax.enable_x64(True):
        together = jax.tree.map(lambda *x: jnp.stack(x), *map(in_jax, chains))
        one = jax.jit(jax.vmap(lambda a: log_fidelity_loss(a)))(together)
        value, log_scale = jax.vmap(overlap)(together, together)
        norms = np.asarray(jnp.log(value) + log_scale)
        one = np.asarray(one)
    for found, norm, state in zip(one, norms, chains, strict=True):
        x = np.array([[0, 1, 0, 1, 1], [1, 1, 0, 0, 1]])
        cut, likelihood = compressed(state, 2), log_likelihood(state, x).mean()
        wanted = cut.discarded.sum() + expectation(state, {1: Z, 3: Z}) + 0.1 * likelihood
        assert found == pytest.approx(wanted, abs=1e-10)
        plain = overlap(state, state)
        assert norm == pytest.approx(np.log(plain.value) + plain.log_scale, abs=1e-10)


def test_gradients_are_those_of_differences(chains):
    state = chains[0]
    with jax.enable_x64(True):
        loss = jax.jit(log_fidelity_loss)
        slope = jax.jit(jax.grad(log_fidelity_loss))(in_jax(state))
        rng = np.random.default_rng(0)
        step = [rng.normal(size=core.shape) for core in state.cores]
        moved = lambda s: [core + s * way for core, way in zip(state.cores, step, strict=True)]  # noqa: E731
        ends = [float(loss(in_jax(state.with_cores(moved(s))))) for s in (-1e-5, 1e-5)]
        found = sum(float((np.asarray(g) * d).sum()) for g, d in zip(slope.cores, step, strict=True))
    assert found == pytest.approx((ends[1] - ends[0]) / 2e-5, rel=1e-5)
