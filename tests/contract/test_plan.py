"""A plan counts what a contraction costs, prints itself, and refuses before memory is spent."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tensornetwork as tn
from hypothesis import given, settings
from hypothesis import strategies as st

import tnsim
from tnsim.contract import device_memory
from tnsim.contract import plan as plans
from tnsim.contract.paths import contract_network
from tnsim.contract.plan import plan_path
from tnsim.contract.steps import walk
from tnsim.memory import MemoryLimitError


def counted(arch):
    """Multiply-adds by hand: every matrix entry once, every product of a window, the output."""
    convs = sum(n * r * r_in for n, r, r_in in zip(arch.positions, arch.channels, arch.widths_in, strict=True))
    pools = sum(n // w * (w - 1) * r for n, w, r in zip(arch.positions, arch.window_sizes, arch.channels, strict=True))
    return convs + pools + arch.classes * arch.channels[-1]


@pytest.mark.parametrize(("sharing", "distinct"), [("none", 127), ("window", 13), ("full", 7)])
def test_the_fold_is_counted_by_hand(sharing, distinct):
    arch = tnsim.ConvAC(sites=64, features=3, channels=(4,) * 6, windows=(2,) * 6, classes=10, sharing=sharing)
    plan = arch.plan()
    assert plan.multiply_adds == counted(arch)
    assert (plan.distinct, plan.subtrees) == (distinct, 127)
    assert plan.largest == 64 * 4
    assert plan.largest_bytes == 1024
    assert f"{distinct} of 127 subtrees distinct" in str(plan)
    assert str(plan).startswith("fold of 6 waves")
    assert repr(plan) == str(plan)
    assert len(str(plan).splitlines()) == 8


def ring(length, dim):
    nodes = [tn.Node(np.random.default_rng(i).normal(size=(2, dim, dim)), backend="jax") for i in range(length)]
    for i in range(length):
        nodes[i][2] ^ nodes[(i + 1) % length][1]
    return tnsim.from_tensornetwork(nodes)


def test_a_ring_goes_by_a_path():
    network, banks = ring(4, 3)
    plan = tnsim.plan(network)
    assert plan.waves == ()
    assert plan.steps == 3
    assert plan.largest >= 2 * 2 * 3 * 3
    assert str(plan).startswith("path of 3 pairwise contractions")
    matrices = np.asarray(banks["tensors_0"])
    wanted = np.einsum("aij,bjk,ckl,dli->abcd", *matrices)
    np.testing.assert_allclose(contract_network(network, banks), wanted, rtol=1e-4, atol=1e-4)
    turned = contract_network(network, banks, order=[3, 1, 0, 2])
    np.testing.assert_allclose(turned, wanted.transpose(3, 1, 0, 2), rtol=1e-4, atol=1e-4)


@given(st.integers(2, 5), st.integers(1, 3))
@settings(max_examples=8)
def test_the_cost_of_a_path_is_the_product_of_all_dimensions_of_each_step(length, dim):
    network, _ = ring(length, dim)
    plan = plan_path(network)
    assert plan_path(network) is plan
    found = walk(network, plan.path)
    sizes = dict(enumerate(network.dims.tolist()))
    cost = sum(np.prod([sizes[i] for i in {i for term in step.terms for i in term}]) for step in found.steps)
    assert plan.multiply_adds == cost
    assert set(found.steps[-1].kept) == set(found.opened)


def test_refused_above_the_limit_with_ways_out():
    network, banks = ring(4, 3)
    with pytest.raises(MemoryLimitError, match=r"sliced as far as .* above the limit of 50 B.* Close more"):
        tnsim.plan(network, memory="50B")
    with pytest.raises(MemoryLimitError):
        contract_network(network, banks, memory=50)
    arch = tnsim.ConvAC(sites=64, features=3, channels=(4,) * 6, windows=(2,) * 6, classes=10)
    with pytest.raises(MemoryLimitError):
        arch.plan(memory=1000)


def test_an_order_names_every_axis():
    network, banks = ring(3, 2)
    with pytest.raises(ValueError, match=r"order: wanted each of 0..2 once, found \(0, 0, 1\)"):
        contract_network(network, banks, order=[0, 0, 1])


def test_disconnected_networks_multiply():
    nodes = [tn.Node(jnp.array([1.0, 2.0]), backend="jax"), tn.Node(jnp.array([3.0, 5.0]), backend="jax")]
    network, banks = tnsim.from_tensornetwork(nodes, allow=("parts",))
    np.testing.assert_array_equal(contract_network(network, banks), [[3, 5], [6, 10]])


class Accelerator:
    """A device with 4 GB, half of them taken."""

    def memory_stats(self):
        return {"bytes_limit": 4 * 10**9, "bytes_in_use": 2 * 10**9}


def test_without_a_limit_the_device_s_own_memory_counts(monkeypatch):
    monkeypatch.setattr(jax, "devices", lambda: [Accelerator()])
    assert device_memory.allowed(None) == 10**9
    assert device_memory.allowed("3GB") == 3 * 10**9
    with pytest.raises(MemoryLimitError, match=r"needs about 1\.\d* GB, above the limit of 1 GB"):
        plans.check(1.2e9, None)
