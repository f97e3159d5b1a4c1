"""Which route an entropy takes, and that the truth is in every interval."""

import numpy as np
import oracle
import pytest
import strategies
from hypothesis import given, settings
from strategies import FEW, cases

import tnsim
from tnsim.entanglement import entropy
from tnsim.entanglement.certified import lower
from tnsim.entanglement.estimate import Estimate
from tnsim.memory import MemoryLimitError

ARCH = tnsim.ConvAC(sites=(8, 8), features=2, channels=(8, 8, 8), windows=(2, 2, 2), classes=2)


@pytest.fixture
def far(monkeypatch):
    """Exact spectra out of reach, so that every entropy is an interval."""
    monkeypatch.setattr(entropy, "EXACT", 1)


@settings(max_examples=30)
@given(cases(archs=FEW) | cases(archs=FEW, measured=True))
def test_both_routes_hold_the_oracles_value(case):
    values, _ = oracle.spectrum(case.dense, case.mask)
    wanted = oracle.renyi(values[values > 0] ** 2, 1)
    exact = entropy.entropy(case.state.problem(case.mask), entropy.Asked())
    assert exact.method == "exact spectrum"
    assert exact.lower - 1e-12 <= wanted <= exact.upper + 1e-12
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entropy, "EXACT", 1)
        found = entropy.entropy(case.state.problem(case.mask), entropy.Asked(atol=1e-6))
    assert found.method.startswith("certified")
    assert found.lower - 1e-9 <= wanted <= found.upper + 1e-9
    assert found.agrees(exact)


def test_an_interval_is_as_narrow_as_asked_and_says_so(far):
    state = _state()
    wide, narrow = (state.entropy("chess:2", atol=atol) for atol in (0.5, 0.01))
    assert narrow.width <= 0.01
    assert narrow.width <= wide.width <= 0.5
    assert wide.agrees(narrow)
    assert "the interval is as narrow as asked" in narrow.note
    assert narrow.seconds > 0


def test_bits_are_nats_over_ln_2(far):
    state = _state()
    nats, bits = state.entropy("chess:2", atol=0.1), state.entropy("chess:2", base=2, atol=0.1 / np.log(2))
    assert bits.lower == pytest.approx(nats.lower / np.log(2))
    assert bits.upper == pytest.approx(nats.upper / np.log(2))


def test_time_and_memory_end_the_search_and_the_note_says_so(far):
    state = _state()
    in_time = state.entropy("checkerboard", atol=1e-9, seconds=0.01)
    assert "would end after 0.01 s" in in_time.note
    with pytest.raises(MemoryLimitError, match=r"entropy: the smallest certified pass needs about .* above the limit"):
        state.entropy("checkerboard", memory=1000)


def test_a_state_that_no_list_can_hold_is_said_to_be_one(far):
    """Gaussian weights, interleaved: a volume law."""
    rng = np.random.default_rng(0)
    state = ARCH.state(strategies.named([rng.normal(size=shape) for shape in strategies.shapes(ARCH)]), 0)
    spread = state.entropy("checkerboard", seconds=0.01)
    assert "missing mass" in spread.note
    assert "most of the state lies outside of the states kept" in spread.note
    assert "most of the state" not in _state().entropy("chess:2", atol=0.1).note


def test_every_pass_is_told(far):
    heard = []
    entropy.entropy(_state().problem("chess:2"), entropy.Asked(atol=1e-3, tell=heard.append))
    assert heard
    assert all(line.startswith("chi ") for line in heard)


@pytest.mark.parametrize("atol", [0, -1.0, float("nan")])
def test_a_tolerance_that_is_none(atol):
    with pytest.raises(ValueError, match="atol: wanted a number > 0"):
        _state().entropy("left-right", atol=atol)


def _state():
    rng = np.random.default_rng(1)
    banks = [np.eye(*shape[1:])[None] + 0.1 * rng.normal(size=shape) for shape in strategies.shapes(ARCH)[:-1]]
    return ARCH.state(strategies.named([*banks, rng.normal(size=strategies.shapes(ARCH)[-1])]), 0)


def test_no_moment_loses_the_good_end_of_its_interval(monkeypatch):
    state = _state()
    problem = state.problem("checkerboard")
    lopsided = Estimate(np.array([[3.0]]), np.array([[2.5]]), np.array([[9.0]]), "by hand")
    monkeypatch.setattr(entropy.renyi, "renyi", lambda *problem: lopsided)
    found = entropy.moments(problem, None)
    assert lower.best_lower(np.zeros(0), 1.0, found)[0] >= 2.5 - 1e-9


@pytest.mark.parametrize("side", [32, 64])
def test_a_spectrum_of_thousands_of_sites_is_refused_and_no_overflow(side):
    levels = side.bit_length() - 1
    arch = tnsim.ConvAC((side, side), 2, (16,) * levels, (2,) * levels, 1)
    state = arch.state(strategies.named([np.ones(shape) for shape in strategies.shapes(arch)]), 0)
    with pytest.raises(MemoryLimitError, match="its exact Schmidt spectrum needs about"):
        state.schmidt("checkerboard")
