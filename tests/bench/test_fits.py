"""Scaling laws recover exponents that are known."""

import math

import pytest
from bench.samples import failed, measured
from hypothesis import given
from hypothesis import strategies as st

from tnsim.bench.fits import fit, series, slope

SIZES = (64, 256, 1024, 4096)


def grown(axis, exponent, peer="tnsim", theory=1.0, sizes=SIZES):
    rows = [measured(peer, 1e-6 * size**exponent, **{axis: size}) for size in sizes]
    return [{**row, "theory": float(size) ** theory} for row, size in zip(rows, sizes, strict=True)]


@given(axis=st.sampled_from(["sites", "width", "batch"]), exponent=st.floats(-1, 3), theory=st.floats(0.5, 3))
def test_exponents_are_recovered(axis, exponent, theory):
    (found,) = series(grown(axis, exponent, theory=theory))
    law = fit(found)
    assert found.axis == axis
    assert law.exponent == pytest.approx(exponent, abs=1e-9)
    assert law.error == pytest.approx(0, abs=1e-6)
    assert law.theory == pytest.approx(theory, abs=1e-9)


@given(noise=st.lists(st.floats(-0.2, 0.2), min_size=4, max_size=4))
def test_the_error_is_that_of_least_squares(noise):
    times = [size * math.exp(off) for size, off in zip(SIZES, noise, strict=True)]
    found, error = slope(SIZES, times)
    x = [math.log(size) for size in SIZES]
    middle, height = sum(x) / 4, sum(map(math.log, times)) / 4
    across = sum((a - middle) ** 2 for a in x)
    left = sum((math.log(t) - height - found * (a - middle)) ** 2 for a, t in zip(x, times, strict=True))
    assert error == pytest.approx(math.sqrt(left / 2 / across), abs=1e-9)
    assert abs(found - 1) < 0.2


def test_series_keep_all_other_sizes():
    rows = grown("sites", 1.0) + grown("sites", 1.0, "torch") + grown("sites", 1.0, sizes=(64, 256))[:0]
    rows += [measured(sites=64, width=width, features=width) for width in (4, 8, 32)]  # features go with the width
    rows += [failed("quimb", "time", sites=size) for size in SIZES]
    rows += [measured(sites=(n, n), median=n * 1e-3) for n in (32, 64)]  # two pictures are no law
    found = {(one.peer, one.axis) for one in series(rows)}
    assert found == {("tnsim", "sites"), ("torch", "sites"), ("tnsim", "width")}


def test_a_width_equal_to_the_features_stands_in_both_series():
    rows = [measured(sites=64, width=width, features=16) for width in (4, 16, 64)]
    rows += [measured(sites=64, width=width, features=width) for width in (8, 32)]
    assert [one.sizes for one in series(rows)] == [(4, 16, 64), (8, 16, 32)]


def test_pictures_are_a_series_of_their_own():
    rows = [measured(sites=(n, n), median=n * n * 1e-6) for n in (32, 64, 256)] + grown("sites", 2.0)
    laws = {one.kept.startswith("pictures"): fit(one).exponent for one in series(rows)}
    assert laws == {True: pytest.approx(1.0), False: pytest.approx(2.0)}


def test_two_points_have_no_error_and_one_no_slope():
    assert slope([1, 2], [1, 4]) == (pytest.approx(2.0), math.inf)
    with pytest.raises(ValueError, match="at least two different"):
        slope([2, 2], [1, 4])
