"""The door to whole classifiers: what it opens is tested beside classes; here that it opens it."""

import numpy as np
import pytest
import strategies

import tnsim

ARCH = tnsim.ConvAC(sites=(4, 4), features=3, channels=(4, 4), windows=(2, 2), classes=3)


def _params():
    rng = np.random.default_rng(5)
    return strategies.named([rng.normal(size=shape) for shape in strategies.shapes(ARCH)])


def test_the_class_leg_is_a_party():
    states = ARCH.states(_params())
    alone = states.class_entropy()
    assert alone.value == pytest.approx(states.class_schmidt().entropy())
    assert alone.upper <= np.log(ARCH.classes) + 1e-9
    with_a, with_b = (states.entropy("left-right", side) for side in "AB")
    known = states.mutual_information("left-right")
    # S(A) is S(class B) and S(class A) is S(B): the whole is pure.
    assert known.value == pytest.approx(alone.value + with_b.value - with_a.value, abs=1e-9)
    assert states.renyi("left-right", "A").value <= with_a.upper
    assert states.entropy("left-right", "A", base=2).value == pytest.approx(with_a.value / np.log(2))


def test_overlaps_are_the_classes_own():
    states, params = ARCH.states(_params()), _params()
    found = states.overlaps()
    for label in range(ARCH.classes):
        value, log_scale = ARCH.state(params, label).norm()
        assert found.log_norms[label] == pytest.approx(np.log(value) + log_scale)


def test_notes_tell_of_features_that_span_less():
    gram = np.diag([1.0, 1.0, 0.0])
    assert "span only 2 of 3" in ARCH.states(_params(), "function", gram).class_entropy().note
