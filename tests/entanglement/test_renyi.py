"""Renyi entropies by replicas: the oracle's values for any partition and order, honest intervals. THEORY section 6."""

import contextlib
from math import log

import numpy as np
import oracle
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import FEW, POOL, cases

import tnsim
from tnsim.entanglement import renyi
from tnsim.memory import MemoryLimitError

NARROW = [arch for arch in POOL if max(arch.channels) <= 3]  # 8 legs of 4 are 65,536 numbers a node


def wanted(case, mask, order=2):
    values, _ = oracle.spectrum(case.dense, mask)
    return oracle.renyi(values[values > 0] ** 2, order)


def measured(case, order, masks=None):
    """The door of all orders, of one label."""
    masks = case.mask[None] if masks is None else masks
    state = case.state
    return renyi.renyi(state.network, state.banks, state.vector[None], state.measure, masks, order).map(lambda x: x[0])


def holds(found, value):
    return (found.lower - 1e-13 <= value).all() and (value <= found.upper + 1e-13).all()


@settings(max_examples=36)
@given(cases(archs=POOL) | cases(archs=FEW, measured=True), st.sampled_from([2, 3, 2.0]))
def test_replicas_equal_the_spectrum_and_their_interval_holds(case, order):
    value, found = wanted(case, case.mask, order), measured(case, order)
    assert found.method == ("two replicas" if order == 2 else "three replicas")
    assert holds(found, value)
    assert found.value == pytest.approx(value, abs=1e-9 + found.width[0] / 100)


@settings(max_examples=12)
@given(cases(archs=NARROW) | cases(archs=NARROW[:4], measured=True))
def test_four_replicas(case):
    value, found = wanted(case, case.mask, 4), measured(case, 4)
    assert holds(found, value)
    assert found.value == pytest.approx(value, abs=1e-9 + found.width[0] / 100)


@settings(max_examples=15)
@given(cases(archs=FEW) | cases(archs=FEW, measured=True))
def test_the_state_measures_order_two_so(case):
    value = wanted(case, case.mask)
    replicas = case.state.renyi_many(case.mask[None]).map(lambda one: one[0])
    assert replicas.method == "two replicas"
    for found in (replicas, case.state.renyi(case.mask)):
        assert found.lower - 1e-13 <= value <= found.upper + 1e-13
    assert case.state.renyi(case.mask).value == pytest.approx(value, abs=1e-10)


@settings(max_examples=18)
@given(cases(archs=FEW))
def test_both_sides_have_one_entropy_that_falls_with_the_order(case):
    found = [measured(case, order, np.stack([case.mask, ~case.mask])) for order in (2, 3)]
    for entropy in found:
        assert entropy.value[0] == pytest.approx(entropy.value[1], abs=1e-12 + entropy.width.max())
    assert (found[1].lower <= found[0].upper + 1e-13).all()


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


@settings(max_examples=9)
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


def drawn(arch, dtype="float64"):
    rng = np.random.default_rng(3)
    return strategies.named([strategies.normal(rng, shape, dtype) for shape in strategies.shapes(arch)])


def entropy_of(arch, params, masks, order=2, memory=None):
    state = arch.state(params, 0)
    return renyi.renyi(arch.network, state.banks, state.banks["output"], state.measure, masks, order, memory)


def test_all_labels_share_one_fold():
    masks = np.random.default_rng(0).random((7, 12)) < 0.5
    both = entropy_of(ARCH, drawn(ARCH), masks)
    assert both.value.shape == (2, 7)
    for label in range(2):
        assert both.value[label] == pytest.approx(ARCH.state(drawn(ARCH), label).renyi_many(masks).value, abs=1e-12)


def test_copies_of_pairs_have_all_values_equal():
    """r_0 = M = 3, conv_0 and conv_1 as in THEORY section 5: A(odd | even) is the identity, S_n = (N / 2) ln M."""
    arch = tnsim.ConvAC(8, 3, (3, 3, 3), (2, 2, 2), 1)
    one = np.zeros((3, 3))
    one[0, 0] = 1
    params = {
        "conv_0": np.tile(np.eye(3), (8, 1, 1)),
        "conv_1": np.stack([np.eye(3)[[0]].T @ np.ones((1, 3))] * 4),
        "conv_2": np.stack([one] * 2),
        "output": np.array([[1.0, 0, 0]]),
    }
    for order in (2, 3):
        found = entropy_of(arch, params, (np.arange(8) % 2 == 0)[None], order)
        assert found.value == pytest.approx(4 * log(3))


def test_too_wide_a_network_is_refused_before_memory_is_spent():
    arch = tnsim.ConvAC(sites=64, features=2, channels=(64,) * 6, windows=(2,) * 6, classes=1)
    words = (
        r"renyi: the fold of two replicas needs about \d.*B, above the limit of 100 MB. "
        r"Ways out: narrower levels .* memory="
    )
    with pytest.raises(MemoryLimitError, match=words):
        entropy_of(arch, drawn(arch), (np.arange(64) % 3 == 0)[None], memory="100MB")
    with pytest.raises(MemoryLimitError, match="renyi: the fold of three replicas needs about"):
        entropy_of(arch, drawn(arch), (np.arange(64) % 3 == 0)[None], 3, "10GB")


def test_inside_one_side_there_are_only_gram_matrices():
    """Replicas of 24 would be 2.7 MB a node; left | right needs them at the root alone, where it is 3 wide."""
    arch = tnsim.ConvAC(sites=32, features=2, channels=(24, 24, 24, 24, 3), windows=(2,) * 5, classes=1)
    found = entropy_of(arch, drawn(arch), (np.arange(32) < 16)[None], memory="1MB")
    assert found.value[0, 0] == pytest.approx(arch.state(drawn(arch), 0).schmidt("left-right").renyi(2), abs=1e-9)


@pytest.mark.parametrize(
    ("masks", "order", "words"),
    [
        (np.zeros((0, 12), bool), 2, r"masks: wanted booleans .*found shape \(0, 12\)"),
        (np.ones((1, 12), bool), 2, "partition: A must leave at least one site to B"),
        (np.eye(2, 5).astype(bool), 2, r"partition: a mask must have shape \(12,\) or \(2, 6\), found \(5,\)"),
    ],
)
def test_masks_that_do_not_fit(masks, order, words):
    with pytest.raises(ValueError, match=words):
        ARCH.state(drawn(ARCH), 0).renyi_many(masks, order)


@pytest.mark.parametrize("masks", [np.zeros((0, 12), bool), np.ones((1, 5), bool)])
def test_masks_of_another_shape_are_refused_by_the_inner_door_too(masks):
    with pytest.raises(ValueError, match=r"masks: wanted booleans \(partitions, 12\), found shape"):
        entropy_of(ARCH, drawn(ARCH), masks)


@pytest.mark.parametrize("order", [1, 0, 2.5, -3, True, np.inf, np.nan])
def test_orders_for_which_there_are_no_replicas(order):
    with pytest.raises(ValueError, match="order: replicas are for whole numbers >= 2, found"):
        entropy_of(ARCH, drawn(ARCH), np.eye(2, 12).astype(bool), order)


def test_a_state_that_is_zero_has_no_renyi_entropy():
    params = drawn(ARCH) | {"output": np.zeros((2, 2))}
    for order in (2, 3):
        with pytest.raises(ValueError, match="state: it is exactly zero or not finite, so it has no Renyi entropy"):
            entropy_of(ARCH, params, np.eye(1, 12).astype(bool), order)


@pytest.mark.parametrize("wrong", [np.inf, np.nan])
def test_numbers_that_are_not_finite_are_named(wrong):
    banks = drawn(ARCH)
    state = ARCH.state(banks, 0)
    banks["conv_1"][1, 0, 2] = wrong
    with pytest.raises(ValueError, match=r"conv_1: wanted finite numbers, found (inf|nan) at \(1, 0, 2\)"):
        renyi.renyi(ARCH.network, banks, banks["output"], state.measure, np.eye(1, 12).astype(bool))
    with pytest.raises(ValueError, match=r"conv_1: wanted finite numbers"):
        renyi.renyi_value_and_grad(ARCH.network, banks, 0, state.measure, np.eye(1, 12).astype(bool)[0])


@pytest.mark.parametrize("difference", [1e-2, 1e-3, 1e-5, 1e-9, 1e-13])
def test_what_rounding_swallows_is_an_interval_and_no_nan(difference):
    arch = tnsim.ConvAC(4, 2, (2, 2), (2, 2), 1)
    rng = np.random.default_rng(0)
    params = {
        "conv_0": rng.normal(size=(4, 2, 2)), "conv_1": np.ones((2, 2, 2)) * rng.normal(size=(2, 1, 2)),
        "output": np.array([[1.0, -1.0 - difference]]),
    }  # fmt: skip
    params["conv_1"][:, 1] += difference * rng.normal(size=(2, 2))
    dense = oracle.tensor(strategies.wiring(arch), [params["conv_0"], params["conv_1"]], params["output"], 0)
    for order in (2, 3):
        with contextlib.suppress(ValueError):  # raised where the norm is lost too
            found = entropy_of(arch, params, np.array([[True, False, True, False]]), order)
            ends = np.array([found.lower, found.value, found.upper])
            values, _ = oracle.spectrum(dense, np.array([True, False, True, False]))
            assert np.isfinite(ends).all()
            assert (np.diff(ends, axis=0) >= 0).all()
            assert difference < 1e-8 or holds(found, oracle.renyi(values[values > 0] ** 2, order))


def test_the_bound_is_not_idle():
    """Channels that cancel to 1e-3: errors of 1e-5 are seen, which no bound from the size of the logarithms covers."""
    arch = tnsim.ConvAC(2, 2, (2,), (2,), 1)
    errors = []
    for seed in range(20):
        twin = np.random.default_rng(seed).normal(size=(2, 1, 2)) * np.ones((2, 2, 1))
        twin[:, 1] += 1e-3 * np.random.default_rng(seed + 100).normal(size=(2, 2))
        params = {"conv_0": twin, "output": np.array([[1.0, -1.0]])}
        found = entropy_of(arch, params, np.array([[True, False]])).map(lambda x: x[0, 0])
        dense = twin[0, 0][:, None] * twin[1, 0] - twin[0, 1][:, None] * twin[1, 1]
        p = np.linalg.svd(dense, compute_uv=False) ** 2
        value = -np.log(((p / p.sum()) ** 2).sum())
        assert holds(found, value)
        errors.append(abs(found.value - value))
    assert max(errors) > 1e-7
