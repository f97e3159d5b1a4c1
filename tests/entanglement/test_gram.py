"""Norms by the fold of Gram matrices, and how rounding spreads."""

import numpy as np
import oracle
import pytest
import strategies
from hypothesis import given, settings
from strategies import FEW, cases

import tnsim
from tnsim.entanglement import gram


@settings(max_examples=30)
@given(cases(archs=FEW) | cases(archs=FEW, measured=True))
def test_the_norm_is_that_of_the_tensor(case):
    wanted = np.log(np.linalg.norm(case.dense)) + case.log_scale
    value, log_scale = case.state.norm()
    assert value == 1
    assert log_scale == pytest.approx(wanted, abs=1e-9)


@settings(max_examples=18)
@given(cases(dtypes=["float64", "complex128"], archs=FEW))
def test_the_sensitivity_bounds_what_small_errors_do(case):
    """Channels of the first level's maps moved by a relative 1e-6: the normalised state moves by no more."""
    rng = np.random.default_rng(0)
    *banks, output = case.wide
    noise = strategies.normal(rng, banks[0].shape, banks[0].dtype)
    sizes = [np.linalg.norm(rows, axis=(-2, -1), keepdims=True) for rows in (banks[0], noise)]
    moved = banks[0] + 1e-6 * noise * sizes[0] / sizes[1]
    other = oracle.tensor(strategies.wiring(case.arch), [moved, *banks[1:]], output, case.label)
    state, norm = case.state, np.linalg.norm(case.dense)
    felt = gram.sensitivity(state.network, state.banks, state.vector, state.measure).of_values(
        np.log(norm) + case.log_scale
    )
    assert np.linalg.norm(other - case.dense) / norm <= 1.001e-6 * felt


def test_a_product_state_is_well_conditioned():
    arch = tnsim.ConvAC(sites=8, features=1, channels=(1, 1, 1), windows=(2, 2, 2), classes=1, sharing="full")
    state = arch.state(strategies.named([np.ones(shape) for shape in strategies.shapes(arch)]), 0)
    found = gram.sensitivity(state.network, state.banks, state.vector, state.measure)
    np.testing.assert_array_equal(found.counts, [8, 8, 4, 4, 2, 2, 1])
    assert found.of_values(0.0) == pytest.approx(8 + 8 + 4 + 4 + 2 + 2 + 1)


def test_a_state_that_is_zero_by_cancellation_has_a_small_or_zero_norm():
    arch = tnsim.ConvAC(sites=4, features=2, channels=(2, 2), windows=(2, 2), classes=1)
    rng = np.random.default_rng(0)
    for _ in range(20):
        banks = [rng.normal(size=shape) for shape in strategies.shapes(arch)]
        banks[1][:, 1] = 0.3 * banks[1][:, 0]  # channels that are equal but for a factor, subtracted
        banks[2][:] = 0.09, -1
        state = arch.state(strategies.named(banks), 0)
        value, log_scale = state.norm()
        assert value == 0 or log_scale < -14
        assert not np.isnan(log_scale)
        assert state.schmidt([0, 1]).error_bound > 1  # it is all rounding
