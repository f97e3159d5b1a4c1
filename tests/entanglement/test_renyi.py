"""Renyi-2 by two replicas: the oracle's value for any partition, differentiable in the banks. THEORY section 6."""

import jax
import numpy as np
import oracle
import pytest
import strategies
from hypothesis import given, settings
from strategies import FEW, POOL, cases

import tnsim
from tnsim.entanglement import renyi
from tnsim.memory import MemoryLimitError


def wanted(case, mask):
    values, _ = oracle.spectrum(case.dense, mask)
    return -np.log((values**4).sum())


@settings(max_examples=50)
@given(cases(archs=POOL[::2]) | cases(archs=FEW, measured=True))
def test_two_replicas_equal_the_spectrum_and_their_interval_holds(case):
    value = wanted(case, case.mask)
    replicas = case.state.renyi_many(case.mask[None]).map(lambda one: one[0])
    assert replicas.method == "two replicas"
    for found in (replicas, case.state.renyi(case.mask)):
        assert found.lower - 1e-13 <= value <= found.upper + 1e-13
    assert case.state.renyi(case.mask).value == pytest.approx(value, abs=1e-10)


def test_states_that_nearly_cancel_are_measured_by_their_spectrum():
    arch = tnsim.ConvAC(2, 2, (2,), (2,), 1)
    twin = np.array([[1.0, 0.3], [1.0, 0.3 + 1e-3]])
    params = {"conv_0": np.stack([twin, twin[::-1]]), "output": np.array([[1.0, -1.0]])}
    found = arch.state(params, 0).renyi([0])
    banks = [params["conv_0"], params["output"]]
    dense = np.einsum("g,gi,gj->ij", banks[1][0], banks[0][0], banks[0][1])
    p = np.linalg.svd(dense, compute_uv=False) ** 2
    assert found.method == "exact spectrum"
    assert found.value == pytest.approx(-np.log((p**2).sum() / p.sum() ** 2), abs=1e-8)


@settings(max_examples=15)
@given(cases(archs=FEW[:3], dtypes=["float32", "complex128"]))
def test_many_partitions_at_once(case):
    rng = np.random.default_rng(0)
    masks = rng.random((5, case.arch.size)) < 0.5
    masks[:, 0], masks[:, -1] = True, False
    found = case.state.renyi_many(masks)
    assert found.value.shape == found.lower.shape == found.upper.shape == (5,)
    rounding = 1e-10 + (found.upper - found.lower).max()  # grows where channels nearly cancel
    assert np.asarray(found) == pytest.approx([wanted(case, mask) for mask in masks], abs=rounding)
    assert found.value == pytest.approx(case.state.renyi_many(~masks).value, abs=2 * rounding)


ARCH = tnsim.ConvAC(sites=(2, 6), features=2, channels=(3, 2), windows=((2, 2), (1, 3)), classes=2, sharing="window")
SMALL = tnsim.ConvAC(sites=4, features=2, channels=(3, 2), windows=(2, 2), classes=2)


def drawn(arch, dtype="float64"):
    rng = np.random.default_rng(3)
    return strategies.named([strategies.normal(rng, shape, dtype) for shape in strategies.shapes(arch)])


def test_partitions_are_mapped_in_chunks_that_fit_the_memory():
    state = ARCH.state(drawn(ARCH), 0)
    masks = np.random.default_rng(0).random((7, 12)) < 0.5
    found = state.renyi_many(masks, memory=40 * renyi.estimate(ARCH.network))
    assert found.value == pytest.approx(state.renyi_many(masks).value, abs=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_the_gradient_is_that_of_finite_differences(dtype):
    banks = drawn(SMALL, dtype)
    mask = np.array([True, False, True, True])
    grams = np.broadcast_to(np.eye(2), (4, 2, 2))

    def log_purity(banks):
        return renyi.log_purity(SMALL.network, banks, banks["output"][1], grams, mask)

    rng = np.random.default_rng(5)
    step = {name: strategies.normal(rng, bank.shape, dtype) for name, bank in banks.items()}
    moved = [{name: bank + t * step[name] for name, bank in banks.items()} for t in (1e-5, -1e-5)]
    with jax.enable_x64(True):
        gradient = jax.grad(log_purity)(jax.tree.map(jax.numpy.asarray, banks))
        up, down = (float(jax.jit(log_purity)(banks)) for banks in moved)
    along = sum(float((np.asarray(gradient[name]) * step[name]).real.sum()) for name in banks)
    assert along == pytest.approx((up - down) / 2e-5, rel=1e-7)


def test_the_purity_is_not_divided_by_the_norm():
    banks = drawn(ARCH)
    grams, mask = np.broadcast_to(np.eye(2), (12, 2, 2)), np.arange(12) < 6
    with jax.enable_x64(True):
        one, two = (float(renyi.log_purity(ARCH.network, banks, s * banks["output"][0], grams, mask)) for s in (1, 2))
    assert two - one == pytest.approx(4 * np.log(2))


def test_too_wide_a_network_is_refused_before_memory_is_spent():
    arch = tnsim.ConvAC(sites=64, features=2, channels=(64,) * 6, windows=(2,) * 6, classes=1)
    words = (
        r"renyi: the fold of two replicas needs about \d.*B, above the limit of 1 GB. "
        r"Ways out: narrower levels .* memory="
    )
    with pytest.raises(MemoryLimitError, match=words):
        arch.state(drawn(arch), 0).renyi("left-right", memory="1GB")


@pytest.mark.parametrize(
    ("masks", "order", "words"),
    [
        (np.zeros((0, 12), bool), 2, r"masks: wanted booleans .*found shape \(0, 12\)"),
        (np.ones((1, 12), bool), 2, "partition: A must leave at least one site to B"),
        (
            np.eye(2, 12).astype(bool),
            3,
            r"order: many partitions at once are for order 2, found 3; use renyi\(A, order\)",
        ),
        (np.eye(2, 5).astype(bool), 2, r"partition: a mask must have shape \(12,\) or \(2, 6\), found \(5,\)"),
    ],
)
def test_masks_that_do_not_fit(masks, order, words):
    with pytest.raises(ValueError, match=words):
        ARCH.state(drawn(ARCH), 0).renyi_many(masks, order)


def test_a_state_that_is_zero_has_no_renyi_entropy():
    params = drawn(ARCH) | {"output": np.zeros((2, 2))}
    with pytest.raises(ValueError, match="state: it is exactly zero or not finite, so it has no Renyi entropy"):
        ARCH.state(params, 0).renyi([0])
