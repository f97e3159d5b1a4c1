"""Partitions by name, number and mask, against pictures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tnsim
from tnsim.partitions import mask, site_list, site_set, windows

PLANE = tnsim.ConvAC(sites=(4, 6), features=2, channels=(2, 2), windows=((2, 2), (2, 3)), classes=1)
LINE = tnsim.ConvAC(sites=8, features=2, channels=(2, 2), windows=(2, 4), classes=1)
ODD = tnsim.ConvAC(sites=(3, 5), features=2, channels=(2,), windows=((3, 5),), classes=1)

PICTURES = [
    (PLANE, "left-right", "AAA... AAA... AAA... AAA..."),
    (PLANE, "top-bottom", "AAAAAA AAAAAA ...... ......"),
    (PLANE, "quadrant", "AAA... AAA... ...... ......"),
    (PLANE, "center", "...... .AAAA. .AAAA. ......"),
    (PLANE, "chess:1", "A.A.A. .A.A.A A.A.A. .A.A.A"),
    (PLANE, "checkerboard", "A.A.A. .A.A.A A.A.A. .A.A.A"),
    (PLANE, "chess:2", "AA..AA AA..AA ..AA.. ..AA.."),
    (PLANE, "chess:3", "AAA... AAA... AAA... ...AAA"),
    (PLANE, "interleaved", "A.A.A. A.A.A. A.A.A. A.A.A."),
    (PLANE, "window:0:4", "...... ...... ..AA.. ..AA.."),
    (LINE, "left-right", "AAAA...."),
    (LINE, "quadrant", "AA......"),
    (LINE, "center", "..AAAA.."),
    (LINE, "chess:2", "AA..AA.."),
    (LINE, "interleaved", "A.A.A.A."),
    (LINE, "window:0:3", "......AA"),
    (ODD, "left-right", "AA... AA... AA..."),
    (ODD, "top-bottom", "AAAAA ..... ....."),
    (ODD, "center", ".AAA. .AAA. .AAA."),
]


@pytest.mark.parametrize(("arch", "name", "picture"), PICTURES)
def test_names_against_pictures(arch, name, picture):
    if (arch, name) == (ODD, "center"):
        picture = ".AAA. .AAA. .AAA."  # three rows: 3 // 4 = 0 are left out above and below
    assert "".join("A" if in_a else "." for in_a in mask(arch, name)) == picture.replace(" ", "")


def test_windows_of_a_level():
    assert [np.flatnonzero(m).tolist() for m in windows(LINE, 0)] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert len(windows(PLANE, 0)) == 6
    np.testing.assert_array_equal(windows(PLANE, 0)[4], mask(PLANE, "window:0:4"))


def test_windows_follow_the_geometry():
    arch = tnsim.ConvAC(sites=(4, 4), features=2, channels=(2, 2), windows=(2, 2), classes=1, geometry="mirror")
    assert np.flatnonzero(mask(arch, "window:0:1")).tolist() == [1, 2, 13, 14]


@given(st.sets(st.integers(0, 23), min_size=1, max_size=23))
def test_numbers_masks_and_pictures_of_the_grids_shape_are_one_thing(sites):
    wanted = np.isin(np.arange(24), list(sites))
    for A in (
        sites,
        sorted(sites),
        np.array(sorted(sites)),
        iter(sites),
        wanted,
        wanted.reshape(4, 6),
        wanted[None].tolist()[0],
    ):
        np.testing.assert_array_equal(mask(PLANE, A), wanted)


def test_a_mask_is_a_copy():
    own = np.arange(8) < 3
    found = mask(LINE, own)
    found[:] = True
    assert own.sum() == 3


@pytest.mark.parametrize(
    ("A", "words"),
    [
        ([], "partition: A must hold at least one site, found none"),
        (np.zeros(8, bool), "partition: A must hold at least one site, found none"),
        (range(8), "partition: A must leave at least one site to B, found all 8 sites in A"),
        ([8], r"partition: sites must lie in 0\.\.7, found 8"),
        ([-1], r"partition: sites must lie in 0\.\.7, found -1"),
        ([3, 3], "partition: every site at most once, found 3 more than once"),
        (np.array([[1, 2]]), r"partition: wanted integer site numbers, found shape \(1, 2\)"),
        (np.zeros(7, bool), r"partition: a mask must have shape \(8,\) or \(8,\), found \(7,\)"),
        ("top-bottom", r"partition: 'top-bottom' needs sites=\(height, width\), found 1D sites=8"),
        ("diagonal", "partition: wanted site numbers, a mask or one of left-right, .*; found 'diagonal'"),
        ("chess:0", "found 'chess:0'"),
        ("chess:8", "partition: A must leave at least one site to B"),
        ("window:0", "partition: 'window:0' names one partition per node; add :j"),
        ("window:2:0", r"partition: levels are 0\.\.1, found 2"),
        ("window:0:4", r"partition: level 0 has nodes 0\.\.3, found 4"),
        ("window:1:0", "partition: A must leave at least one site to B"),
    ],
)
def test_refusals_name_what_was_wanted_and_found(A, words):
    with pytest.raises(ValueError, match=words):
        mask(LINE, A)


def test_sets_of_sites_are_numbers_masks_or_names():
    assert site_set(LINE, (5, 0, 3)) == [5, 0, 3]
    assert site_set(LINE, np.eye(1, LINE.size, 2, dtype=bool)[0]) == [2]
    assert site_set(LINE, "left-right") == list(range(LINE.size // 2))
    with pytest.raises(ValueError, match="X: a mask must have shape"):
        site_set(LINE, np.ones(LINE.size + 1, bool), "X")


def test_site_lists_keep_their_order():
    assert site_list(LINE, (5, 0, 3)) == [5, 0, 3]
    assert site_list(LINE, []) == []
    with pytest.raises(ValueError, match="kept: wanted site numbers, found 3"):
        site_list(LINE, 3, "kept")
    with pytest.raises(ValueError, match=r"sites: wanted integer site numbers, found shape \(1,\) of type float64"):
        site_list(LINE, [1.5])
    with pytest.raises(ValueError, match=r"window: levels are 0\.\.1, found 2"):
        windows(LINE, 2)
