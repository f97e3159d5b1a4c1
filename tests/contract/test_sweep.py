"""Chains are swept with the batch last or first, whichever is faster: scores and gradients are those of the einsum."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tnsim
from tnsim.contract import sweep
from tnsim.contract.branches import branches
from tnsim.contract.execution import DEFAULT, Execution

CHAINS = (
    tnsim.MPS(26, 2, 3, classes=4), tnsim.MPS(24, 3, 2, classes=2, boundary="periodic", sharing="full"),
    tnsim.RAC(13, 2, 3, 2),
)  # fmt: skip


@pytest.mark.parametrize("inline", [0, 99])
@pytest.mark.parametrize("arch", CHAINS, ids=lambda arch: type(arch).__name__)
def test_scores_and_gradients_are_those_of_the_einsum(arch, inline, monkeypatch):
    monkeypatch.setattr(sweep, "INLINE", inline)
    assert any(step.start is not None for step in branches(arch.network).steps)
    banks = arch.init(jax.random.key(0))
    features = np.random.default_rng(0).normal(size=(5, arch.size, arch.features)).astype(np.float32)

    def swept(banks):
        scores = sweep._scores(branches(arch.network), banks, jnp.asarray(features), DEFAULT)
        value = scores.value * jnp.exp(scores.log_scale)[:, None]
        return (value**2).sum(), value

    def contracted(banks):
        value = arch.to_einsum(banks, jnp.asarray(features)).contract()
        return (value**2).sum(), value

    sides = [jax.value_and_grad(f, has_aux=True)(banks) for f in (swept, contracted)]
    ((_, found), slopes), ((_, wanted), rights) = sides
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())
    for name, right in rights.items():
        np.testing.assert_allclose(slopes[name], right, rtol=1e-3, atol=1e-4 * np.abs(right).max())


@pytest.mark.parametrize(
    ("execution", "apart"), [(Execution(accumulate="compensated"), 1e-5), (Execution(compute="bfloat16"), 5e-2)]
)
def test_other_products_are_kept_with_the_batch_first(execution, apart, monkeypatch):
    arch = CHAINS[0]
    banks = arch.init(jax.random.key(0))
    features = jnp.asarray(np.random.default_rng(0).random((4, arch.size, arch.features)), jnp.float32)
    found = []
    for inline in (0, 99):
        monkeypatch.setattr(sweep, "INLINE", inline)
        scores = sweep._scores(branches(arch.network), banks, features, execution)
        found.append(scores.value * np.exp(scores.log_scale)[:, None])
    np.testing.assert_allclose(*found, rtol=0, atol=apart * np.abs(found[0]).max())  # rounded at different places
    plain = sweep._scores(branches(arch.network), banks, features, Execution())
    assert all((one != plain.value * np.exp(plain.log_scale)[:, None]).any() for one in found)


@pytest.mark.parametrize("batch", [40, 64, 120])
def test_a_tensor_of_many_axes_is_met_by_all_samples_alike(batch):
    """With an axis an index, XLA on CPUs answers from 64 samples on with other numbers, and not always the same."""
    arch = tnsim.Tucker(8, 3, 2, 3)
    banks = arch.init(jax.random.key(0))
    features = np.random.default_rng(0).random((batch, 8, 3)).astype(np.float32)
    found = arch.apply(banks, features)
    factors = np.einsum("irm,bim->ibr", np.asarray(banks["core_0"], float), features)
    wanted = np.broadcast_to(np.asarray(banks["output"], float), (batch, 3, *[2] * 8))
    for factor in factors:
        wanted = np.einsum("byr...,br->by...", wanted, factor)
    np.testing.assert_allclose(found.value * np.exp(found.log_scale)[:, None], wanted, rtol=1e-4, atol=1e-5)
