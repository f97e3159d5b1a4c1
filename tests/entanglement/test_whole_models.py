"""Entropies of all classes as one state where spectra are out of reach: the dense tensor's are in every interval."""

import numpy as np
import oracle
import pytest
import strategies
from certified_cases import SLACK, Whole, cases, early
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import POOL

import tnsim
from tnsim.entanglement import entropy, whole_models
from tnsim.entanglement.entropy import Asked

MANY = [arch for arch in POOL if arch.classes > 1 and arch.size < 16][::3]
ARCH = tnsim.ConvAC(sites=(8, 8), features=2, channels=(8, 8, 8), windows=(2, 2, 2), classes=3)


@pytest.fixture
def far(monkeypatch):
    """Exact spectra out of reach, so that every entropy is an interval."""
    monkeypatch.setattr(entropy, "EXACT", 1)
    monkeypatch.setattr(whole_models, "EXACT", 1)


def wanted(case, in_a):
    """The entropy of some sites and, last, the class leg by the definition."""
    dense = oracle.joint(strategies.wiring(case.arch), *case.banks, case.roots)
    p = oracle.spectrum(dense, in_a)[0] ** 2
    return oracle.renyi(p[p > 0], 1)


def model(case):
    return case.state.network, case.state.banks, case.state.measure


@pytest.mark.slow
@settings(max_examples=24)
@given(cases(MANY, made=Whole), st.sampled_from("AB"), st.sampled_from([1e-6, 0.01]))
def test_the_interval_holds_the_entropy_with_the_class_on_either_side(case, side, atol):
    truth = wanted(case, np.append(case.mask, side == "A"))
    with pytest.MonkeyPatch.context() as patch, early(2, 4):
        patch.setattr(entropy, "EXACT", 1)
        found = whole_models.joint_entropy(*model(case), case.mask, side, Asked(atol=atol))
    assert found.method.startswith("certified")
    assert found.lower - SLACK <= truth <= found.upper + SLACK
    exact = whole_models.joint_entropy(*model(case), case.mask, side)
    assert exact.method == "exact spectrum"
    assert exact.lower - SLACK <= truth <= exact.upper + SLACK


@settings(max_examples=18)
@given(cases(MANY, made=Whole))
def test_the_interval_holds_the_mutual_information_of_class_and_side(case):
    alone, of_a, with_a = (
        wanted(case, np.append(some, last))
        for some, last in ((case.mask & False, True), (case.mask, False), (case.mask, True))
    )
    truth = alone + of_a - with_a
    with pytest.MonkeyPatch.context() as patch, early(2, 4):
        for module in (entropy, whole_models):
            patch.setattr(module, "EXACT", 1)
        found = whole_models.mutual_information(*model(case), case.mask, Asked(atol=0.02))
    assert found.method.startswith("certified")
    assert found.lower - SLACK <= truth <= found.upper + SLACK
    assert found.lower <= found.value <= found.upper
    exact = whole_models.mutual_information(*model(case), case.mask)
    assert exact.lower - SLACK <= truth <= exact.upper + SLACK


def _states():
    rng = np.random.default_rng(1)
    banks = [np.eye(*shape[1:])[None] + 0.1 * rng.normal(size=shape) for shape in strategies.shapes(ARCH)[:-1]]
    return ARCH.states(strategies.named([*banks, rng.normal(size=strategies.shapes(ARCH)[-1])]))


def test_the_door_asks_in_units_of_the_base(far):
    states = _states()
    nats = states.entropy("chess:2", atol=0.1)
    bits = states.entropy("chess:2", base=2, atol=0.1 / np.log(2))
    assert nats.width <= 0.1
    assert (bits.lower, bits.upper) == pytest.approx((nats.lower / np.log(2), nats.upper / np.log(2)))
    assert "the interval is as narrow as asked" in nats.note


def test_a_wide_interval_of_what_a_side_knows_holds_a_narrow_one(far):
    states = _states()
    wide, narrow = (states.mutual_information("chess:2", atol=atol) for atol in (0.5, 0.02))
    assert narrow.width <= 0.02
    assert wide.agrees(narrow)
    other = states.mutual_information(~tnsim.partitions.mask(ARCH, "chess:2"), atol=0.02)
    both = 2 * float(states.class_entropy())
    assert narrow.lower + other.lower <= both <= narrow.upper + other.upper


def test_a_side_that_is_none():
    with pytest.raises(ValueError, match=r"class_side: wanted one of \('A', 'B'\), found 'C'"):
        _states().entropy("chess:2", "C")


@pytest.mark.parametrize(("asked", "words"), [({"atol": 0}, "atol: wanted a number > 0"),
                                              ({"atol": -1.0}, "atol: wanted a number > 0"),
                                              ({"seconds": 0}, "seconds: wanted a number > 0, found 0")])  # fmt: skip
def test_what_is_no_width_or_time_is_refused_where_exact_too(asked, words):
    states, state = _states(), ARCH.state(_states().banks, 0)
    for call in (
        lambda: states.mutual_information("left-right", **asked),
        lambda: states.entropy("left-right", **asked),
        lambda: state.mutual_information([0], [1], **asked),
        lambda: state.entropy("left-right", **asked),
    ):
        with pytest.raises(ValueError, match=words):
            call()


def test_the_note_of_a_difference_tells_of_both_entropies(far):
    found = _states().mutual_information("chess:2", atol=0.5)
    assert "S(A): certified" in found.note
    assert "S(class A): certified" in found.note
