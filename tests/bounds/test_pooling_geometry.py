"""Cohen & Shashua's bounds enclose the min-cut, and are what their definition says."""

from math import prod

import jaxtyping
import numpy as np
import pytest
import strategies
from bounds import drawn

import tnsim
from tnsim.bounds import min_cut, pooling_bounds


def windows_of_four(rng):
    """The paper's case: windows of 4, in a row or 2x2, square, mirror or any groups; widths of any size."""
    depth, plane = int(rng.integers(1, 4)), rng.random() < 0.6
    sites, windows = ((2**depth,) * 2, (2,) * depth) if plane else (4**depth, (4,) * depth)
    groups = strategies.random_groups(rng, 4**depth, [4] * depth)
    geometry = [None, "mirror" if plane else None, groups][rng.integers(3)]
    channels = tuple(np.exp(rng.uniform(0, 5, depth)).astype(int).tolist())
    sharing = drawn.KINDS[rng.integers(3)]
    return tnsim.ConvAC(sites, int(rng.integers(1, 11)), channels, windows, 1, sharing=sharing, geometry=geometry)


def enclosed(seed, count, draw):
    """How often the bounds meet the min-cut, from below and above."""
    rng, met = np.random.default_rng(seed), np.zeros(2, int)
    for _ in range(count):
        arch = draw(rng)
        mask = drawn.partition(rng, arch)
        lower, upper, _ = pooling_bounds(arch, mask)
        cut = min_cut(arch, mask).value
        assert lower <= cut <= upper, (arch, np.flatnonzero(mask))
        met += (lower == cut, upper == cut)
    return met.tolist()


def test_the_bounds_enclose_the_min_cut(monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # the other tests here check them
    assert all(0 < met < 500 for met in enclosed(0, 500, windows_of_four))


def test_other_windows_too():
    assert all(0 < met < 200 for met in enclosed(1, 200, drawn.architecture))


@pytest.mark.slow
def test_the_bounds_enclose_the_min_cut_in_ten_thousand_cases():
    assert all(0 < met < 10_000 for met in enclosed(2, 10_000, windows_of_four))


def recursion(arch, mask, level, node):
    """c^{l,k}, from the top down."""
    if level < 0:
        return 1
    below = arch.sites_below(level)[node]
    inside = int(mask[below].sum())
    children = prod(recursion(arch, mask, level - 1, child) for child in arch.groups(level)[node].tolist())
    return min(arch.features ** min(inside, len(below) - inside), arch.channels[level] * children)


def test_by_definition():
    rng = np.random.default_rng(3)
    for _ in range(60):
        arch = drawn.architecture(rng)
        mask = drawn.partition(rng, arch)
        found = pooling_bounds(arch, mask)
        split = sum(len(set(mask[sites].tolist())) == 2 for sites in arch.sites_below(0))
        assert found == (min(arch.channels[0], arch.features) ** split, recursion(arch, mask, arch.depth - 1, 0), split)


def test_the_tables_of_square_and_mirror_pooling():
    for geometry, split, cut in [(None, 0, 2**4), ("mirror", 256, 2**512)]:
        arch = tnsim.ConvAC((32, 32), 2, (16,) * 5, (2,) * 5, 1, geometry=geometry)
        found = pooling_bounds(arch, "left-right")
        assert found.split == split
        assert found.lower == 2**split <= cut == min_cut(arch, "left-right").value <= found.upper
    with pytest.raises(ValueError, match="at least one site"):
        pooling_bounds(arch, [])
