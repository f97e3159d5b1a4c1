"""The wave function's doors: amplitudes, estimates, and every refusal. THEORY sections 2 and 3."""

from math import inf, log

import jax
import numpy as np
import oracle
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import FEW, cases

import tnsim
from tnsim.entanglement.doors import digits as digits_of
from tnsim.entanglement.state import state_of

ARCH = tnsim.ConvAC(sites=4, features=2, channels=(3, 2), windows=(2, 2), classes=3)


def drawn(arch, scale=1.0):
    rng = np.random.default_rng(3)
    return strategies.named([scale * rng.normal(size=s) / s[-1] ** 0.5 for s in strategies.shapes(arch)])


@settings(max_examples=24)
@given(cases(archs=FEW) | cases(archs=FEW, measured=True), st.integers(0, 2**32 - 1))
def test_amplitudes_are_the_tensors_entries(case, seed):
    digits = np.random.default_rng(seed).integers(0, case.arch.features, (16, case.arch.size))
    value, log_scale = case.state.amplitude(digits)
    wanted = case.dense[tuple(digits.T)]
    found = value * np.exp(log_scale - case.log_scale)
    np.testing.assert_allclose(found, wanted, atol=1e-10 * abs(case.dense).max())


@settings(max_examples=24)
@given(cases(archs=FEW), st.sampled_from([0.5, 1, 2, 3, inf]), st.sampled_from([np.e, 2]))
def test_estimates_hold_the_oracles_value(case, order, base):
    values, _ = oracle.spectrum(case.dense, case.mask)
    if order < 1:
        values = values[values > case.schmidt.tolerance]
    wanted = oracle.renyi(values[values > 0] ** 2, order) / log(base)
    found = case.state.renyi(case.mask, order, base)
    assert found.lower <= found.value <= found.upper
    assert found.lower - 1e-13 <= wanted <= found.upper + 1e-13
    if order == 1:
        entropy = case.state.entropy(case.mask, base)
        assert (entropy.lower, entropy.value, entropy.upper) == (found.lower, found.value, found.upper)


@pytest.mark.parametrize("order", [-1, -0.5, float("nan")])
def test_orders_below_zero(order):
    with pytest.raises(ValueError, match="order: wanted a number >= 0"):
        ARCH.state(drawn(ARCH), 0).renyi([0], order)


def test_an_entropy_that_is_not_sure_enough_is_refused():
    state = ARCH.state(drawn(ARCH), 0)
    assert state.entropy([0], atol=1e-6).method == "exact spectrum"
    with pytest.raises(ValueError, match=r"atol: wanted 1e-18 nats, found a rounding error of up to \d"):
        state.entropy([0], atol=1e-18)


@pytest.mark.slow
def test_four_thousand_sites_stay_finite():
    arch = tnsim.ConvAC(sites=(64, 64), features=2, channels=(16,) * 6, windows=(2,) * 6, classes=1)
    state = arch.state(drawn(arch), 0)
    value, log_scale = state.norm()
    assert value == 1
    assert np.isfinite(log_scale)
    digits = np.random.default_rng(0).integers(0, 2, (3, 4096))
    value, log_scale = state.amplitude(digits)
    assert value.dtype == np.float64
    assert abs(value).max() == 1
    assert (log_scale < -1000).all()  # far below what a float64 holds
    assert np.isfinite(log_scale).all()


def test_measures_return_numpy_and_keep_double_precision_outside():
    state = ARCH.state(drawn(ARCH), 1)
    assert not jax.config.jax_enable_x64
    value, log_scale = state.amplitude(np.zeros((1, 4), int))
    found = [value, log_scale, *state.norm(), state.schmidt([0]).values, state.reduced_density_matrix([0])]
    assert all(isinstance(x, (np.ndarray, np.float64)) and x.dtype == np.float64 for x in found)
    assert isinstance(float(state.entropy([0])), float)


@pytest.mark.parametrize("digits", [np.zeros((1, 3), int), np.zeros((1, 4)), np.zeros(4, int)])
def test_configurations_of_another_shape(digits):
    with pytest.raises(ValueError, match=r"configurations: wanted integers \(n, 4\), found shape"):
        digits_of(digits, 4, 2)


@pytest.mark.parametrize("digit", [-1, 2])
def test_configurations_out_of_range(digit):
    with pytest.raises(ValueError, match=r"configurations: digits must lie in 0\.\.1, found"):
        ARCH.state(drawn(ARCH), 0).amplitude(np.full((1, 4), digit))


def test_a_state_that_is_zero():
    state = ARCH.state(drawn(ARCH, 0.0), 0)
    assert state.norm() == (0, 0)
    value, log_scale = state.amplitude(np.zeros((1, 4), int))
    assert value == 0
    assert np.isfinite(log_scale)
    with pytest.raises(ValueError, match="state: it is exactly zero"):
        state.entropy([0])


@pytest.mark.parametrize("label", [-1, 3])
def test_labels_out_of_range(label):
    with pytest.raises(ValueError, match=rf"label: wanted an integer in 0\.\.2, found {label}"):
        ARCH.state(drawn(ARCH), label)


def spoilt(name, bank):
    return drawn(ARCH) | {name: bank}


@pytest.mark.parametrize(
    ("params", "words"),
    [
        (
            spoilt("output", np.ones((2, 2))),
            r"params\['output'\]: wanted shape \(3, 2\), found \(2, 2\); made for another",
        ),
        (spoilt("conv_2", np.ones((1, 2, 2))), r"params: wanted the banks \['conv_0', 'conv_1', 'output'\], found"),
        (
            spoilt("output", np.ones((3, 2), int)),
            r"params\['output'\]: wanted floating or complex numbers, found int32",
        ),
        (
            spoilt("output", np.array([[1, 1], [1, np.nan], [1, 1]])),
            r"params\['output'\]: wanted finite .* found nan at \(1, 1\)",
        ),
        (
            spoilt("conv_0", np.full((4, 3, 2), np.inf)),
            r"params\['conv_0'\]: wanted finite numbers, found inf at \(0, 0, 0\)",
        ),
        ([1], "params: wanted the banks .*, found list"),
    ],
)
def test_params_that_do_not_fit(params, words):
    with pytest.raises(ValueError, match=words):
        state_of(ARCH, params, 0)


@pytest.mark.parametrize(
    ("A", "words"),
    [
        ([], "at least one site"),
        (range(4), "at least one site to B"),
        ([4], r"0\.\.3, found 4"),
        ("middle", "found 'middle'"),
    ],
)
def test_partitions_that_do_not_fit(A, words):
    with pytest.raises(ValueError, match=words):
        ARCH.state(drawn(ARCH), 0).entropy(A)


def test_a_gram_of_the_wrong_shape():
    with pytest.raises(ValueError, match=r"gram: wanted shape \(2, 2\) or \(4, 2, 2\), found \(3, 3\)"):
        ARCH.state(drawn(ARCH), 0, "function", np.eye(3))
