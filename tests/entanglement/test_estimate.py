"""A measured number prints how sure it is, and compares by its interval."""

import numpy as np
import pytest

from tnsim.entanglement.estimate import Estimate, Stopwatch


def test_an_estimate_is_a_number_and_an_array():
    one = Estimate(1.5, 1.0, 2.0, "by hand")
    assert float(one) == 1.5
    assert (one.width, one.tolerance) == (1.0, 0.5)
    many = Estimate(*np.arange(6.0).reshape(3, 2), "by hand")
    np.testing.assert_array_equal(np.asarray(many), [0, 1])
    assert np.asarray(many, dtype=np.float32).dtype == np.float32


def test_it_prints_value_interval_tolerance_method_precision_and_time():
    one = Estimate(1.5, 1.0, 2.0, "by hand", seconds=0.25, note="the memory limit was reached")
    assert repr(one) == ("Estimate(1.5 in [1, 2], within 0.5; by hand, float64, 0.25 s, the memory limit was reached)")
    sampled = Estimate(1.5, 1.0, 2.25, "sampled", confidence=0.95)
    assert repr(sampled) == "Estimate(1.5 in [1, 2.25], within 0.8; sampled, float64, 95 % confidence)"
    many = Estimate(np.array([1.0, 2.0]), np.array([0.5, 2.0]), np.array([1.0, 2.0]), "by hand")
    assert repr(many) == "Estimate((2,) values, each within 0.5; by hand, float64)"


def test_comparisons_use_the_interval():
    low, high, between = (Estimate(v, v - 1, v + 1, "by hand") for v in (0.0, 3.0, 1.5))
    assert low < high
    assert high > low
    assert not low < between
    assert not low > between
    assert low.agrees(between)
    assert not low.agrees(high)
    assert low < 1.5
    assert low <= 1.0
    assert not low < 1.0
    assert high >= 2.0
    assert low.agrees(0.99)


def test_comparisons_of_arrays_are_elementwise():
    many = Estimate(np.array([1.0, 5.0]), np.array([0.0, 4.0]), np.array([2.0, 6.0]), "by hand")
    np.testing.assert_array_equal(many < 3, [True, False])
    np.testing.assert_array_equal(many.agrees(5.0), [False, True])


def test_a_rising_map_keeps_what_else_is_known():
    bits = Estimate(1.0, 0.5, 2.0, "by hand", note="kept", confidence=0.9).map(lambda nats: nats / np.log(2))
    assert bits.upper == pytest.approx(2.0 / np.log(2))
    assert (bits.note, bits.confidence) == ("kept", 0.9)


def test_a_stopwatch_runs():
    watch = Stopwatch()
    assert 0 <= watch.seconds <= watch.seconds + 1
