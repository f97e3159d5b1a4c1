"""What rounding does to the trace of n replicas, at most. THEORY sections 6 and 8."""

from unittest import mock

import numpy as np
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import FEW, cases

import tnsim
from tnsim.entanglement import renyi, replicas, roundoff


def felt(case, order=2, by_site=False):
    state = case.state
    measure = state.measure
    if by_site:
        measure = renyi.by_site(measure)
    how = replicas.form(order, replicas.widest(state.network))
    return roundoff.felt(roundoff.gram_waves(state.network, state.banks, measure), state.vector, how, real=True)


@settings(max_examples=40)
@given(cases(archs=FEW, measured=True))
def test_the_norm_is_that_of_the_tensor(case):
    wanted = np.log(np.linalg.norm(case.dense)) + case.log_scale
    assert felt(case).log_norm == pytest.approx(wanted, abs=1e-9 * felt(case).trace / roundoff.EPS, rel=1e-12)


@settings(max_examples=30)
@given(cases(archs=FEW, scaled=False), st.sampled_from([2, 3]))
def test_what_is_felt_of_an_error_at_one_edge_is_bounded(case, order):
    """E above the matrix of a random position moved by u x .. x u times signs: the trace moves by the bound at most."""
    state = case.state
    waves, root = roundoff.gram_waves(state.network, state.banks, state.measure)
    unit = state.vector / np.abs(state.vector).max()
    closed = (unit @ root.value[0] @ unit.conj()).real
    V = roundoff.Environments(np.zeros(1, int), np.ones(1), (unit[:, None] * unit.conj()[None] / closed)[None])
    for wave in reversed(waves):
        position = roundoff._of_positions(wave, V)
        sizes = roundoff._sizes(wave, position)
        assert (sizes >= 1 - 1e-9 * sizes.max()).all()  # by Cauchy and Schwarz, as Tr V G = 1
        overlap = np.einsum("ngh,ngh->n", position.value, wave.above[position.kind]).real
        np.testing.assert_allclose(overlap, 1, atol=1e-9 * sizes.max())
        V = roundoff._below(wave, position)
    counted = sum(len(slots) for _, slots in strategies.wiring(case.arch)[:1])
    assert position.weight.sum() == counted


@pytest.mark.parametrize("window", [2, 4])
def test_equal_edges_are_counted_and_not_visited(window):
    """Full sharing: one environment a wave; every site its own kind gives the same bound by visiting all."""
    arch = tnsim.ConvAC(16, 2, (3,) * (4 if window == 2 else 2), (window,) * (4 if window == 2 else 2), 1, "full")
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=shape) for shape in strategies.shapes(arch)]
    case = strategies.Case(arch, weights, (0,) * len(weights), 0, np.arange(16) < 3)
    assert felt(case).trace == pytest.approx(felt(case, by_site=True).trace)
    assert felt(case).logs == pytest.approx(felt(case, by_site=True).logs)


def test_environments_that_are_added_up_keep_the_bound():
    arch = tnsim.ConvAC(16, 2, (3,) * 4, (2,) * 4, 1, sharing="window")
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=shape) for shape in strategies.shapes(arch)]
    case = strategies.Case(arch, weights, (0,) * len(weights), 0, np.arange(16) < 3)
    exact = felt(case).trace
    with mock.patch.object(roundoff, "CLASSES", 4):
        merged = felt(case).trace
    assert exact < merged < 16 * exact


def test_a_zero_among_the_others_of_a_window_is_taken_out_again():
    grams = np.array([[[0.0, 2.0], [2.0, 1.0]], [[3.0, 1.0], [1.0, -1.0]], [[1.0, 0.0], [0.0, 5.0]]])
    wave = roundoff.GramWave(None, grams, grams, grams, np.ones(3), np.zeros(1), 0.0)
    others = roundoff._others(wave, np.array([[0, 1, 2]]), np.zeros(3, int), np.arange(3), np.full(3, np.log(2)))
    wanted = [np.prod([grams[j] for j in range(3) if j != i], axis=0) for i in range(3)]
    np.testing.assert_allclose(2 * others, wanted, atol=1e-12)


def test_products_over_wide_windows_leave_no_float_range():
    """1e-2000 times smaller than the factors' peaks: a trace that is bounded all the same."""
    arch = tnsim.ConvAC(2000, 2, (2,), (2000,), 1)
    weights = [np.tile(np.array([[1.0, 0.0], [0.1, 0.1]]), (2000, 1, 1)), np.array([[0.0, 1.0]])]
    weights[0][:1000, 0] = [0.0, 1e-3]
    weights[0][1000:, 0] = [1e-3, 0.0]
    case = strategies.Case(arch, weights, (0, 0), 0, np.arange(2000) < 1000)
    assert 0 < felt(case).trace < 1e-6


def test_a_state_that_is_zero_has_no_norm():
    arch = tnsim.ConvAC(4, 2, (2,), (4,), 1)
    case = strategies.Case(arch, [np.ones((4, 2, 2)), np.zeros((1, 2))], (0, 0), 0, np.arange(4) < 2)
    assert felt(case).log_norm == -np.inf
