"""Rounding of a replica fold as its own edges feel it: never less than it does, and of use where S_2 is large."""

from unittest import mock

import jax
import numpy as np
import oracle
import pytest
import strategies
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import FEW, cases

import tnsim
from tnsim.entanglement import renyi, running_error

WIDE = ("float64", "complex128")
EPS_32 = float(np.finfo(np.float32).eps) / running_error.EPS


def asked(case, order):
    state = case.state
    return state.network, renyi.finite(state.banks), state.vector, state.measure, case.mask, order


def in_single_precision(network, banks, vector, measure, mask, order):
    """ln Tr rho^n by the same fold, with a rounding 2^29 times as large."""
    single = {name: bank.astype(np.result_type(np.float32, bank.dtype.char.lower())) for name, bank in banks.items()}
    grams = measure.grams[measure.kind].astype(np.float32)
    return float(renyi.log_trace(network, single, vector.astype(np.float32), grams, mask, order))


@settings(max_examples=24, deadline=None)
@given(cases(WIDE, FEW[:2], scaled=False) | cases(WIDE, FEW[:2], scaled=False, measured=True))
def test_the_dense_entropy_is_inside(case):
    values, _ = oracle.spectrum(case.dense, case.mask)
    value, error = running_error.entropy(*asked(case, 2))
    assert abs(value - oracle.renyi(values[values > 0] ** 2, 2)) <= error + 1e-12


@pytest.mark.slow
@settings(max_examples=24, deadline=None)
@given(cases(WIDE[:1], FEW[:2], scaled=False), st.sampled_from([1, 2]))
def test_single_precision_strays_no_further_than_its_bound(case, order):
    """The same fold with roundings so large that they show; where even they are first order."""
    network, banks, *rest = asked(case, order)
    banks = {name: bank.astype(np.float32).astype(np.float64) for name, bank in banks.items()}
    found = running_error.trace(network, banks, *rest)
    allowed = found.error * EPS_32
    assume(allowed < 0.05)
    assert abs(in_single_precision(network, banks, *rest) - found.log) <= 1.1 * allowed


def entangled():
    """Random weights over every other of 64 sites: S_2 of some 30 nats."""
    arch = tnsim.ConvAC(64, 8, (8,) * 6, (2,) * 6, 2)
    rng = np.random.default_rng(0)
    return arch.state(strategies.named([rng.normal(size=shape) for shape in strategies.shapes(arch)]), 0)


def test_large_entropies_are_known_to_rounding():
    state = entangled()
    found = state.renyi("interleaved")
    assert float(found) > 25
    assert found.width < 1e-6
    with mock.patch.object(renyi, "FEW", 0):
        assert state.renyi("interleaved").width > 1  # what is known of any partition says nothing here


def test_without_memory_for_it_the_wide_interval_stands():
    state = entangled()
    held = 8 * running_error.numbers(state.network, 2)
    assert state.renyi("interleaved", memory=1.1 * held).width < 1e-6
    assert state.renyi("interleaved", memory=0.9 * held).width > 1


def test_a_state_that_is_zero_has_no_trace():
    state = entangled()
    zero = {name: np.zeros_like(bank) for name, bank in state.banks.items()}
    mask = np.arange(64) % 2 == 0
    found = running_error.trace(state.network, zero, state.vector, state.measure, mask, 2)
    assert found == (-np.inf, np.inf)
    assert running_error.entropy(state.network, zero, state.vector, state.measure, mask, 2)[1] == np.inf


@pytest.mark.slow
def test_its_trace_is_that_of_the_plain_fold():
    state = entangled()
    mask = np.arange(64) % 3 == 0
    grams = state.measure.grams[state.measure.kind]
    with jax.enable_x64(True):
        plain = float(renyi.log_trace(state.network, state.banks, state.vector, grams, mask))
    found = running_error.trace(state.network, state.banks, state.vector, state.measure, mask, 2)
    assert found.log == pytest.approx(plain, rel=1e-12)
