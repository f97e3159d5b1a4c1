"""Which geometry favours which partition: THEORY's table, and exact generic ranks of small networks."""

from math import log, log2

import numpy as np
import oracle
import pytest
import strategies

import tnsim
from tnsim.bounds import min_cut
from tnsim.bounds.relatives import geometries

TABLE = {"left-right": (4, 512), "checkerboard": (512, 512), "quadrant": (4, 256), "center": (16, 256)}


def named(*partitions):
    return dict(zip(partitions, partitions, strict=True))


def test_the_table_of_theory():
    rows = geometries.compare(geometries.square_and_mirror(32, 2, 16), named(*TABLE))
    for row in rows:
        assert [row.logs[name] / log(2) for name in ("square", "mirror")] == pytest.approx(TABLE[row.partition])
    assert geometries.favoured(rows) == {"square": [], "mirror": ["left-right", "quadrant", "center"]}
    assert {row.partition: row.winner for row in rows}["checkerboard"] is None


def test_each_geometry_has_partitions_that_it_favours():
    """On a line: neighbours in a window favour interleaved sides, images left against right."""
    made = {
        name: tnsim.ConvAC(8, 2, (4, 4, 4), (2, 2, 2), 1, geometry=kind)
        for name, kind in (("square", None), ("mirror", "mirror"))
    }
    rows = geometries.compare(made, named("interleaved", "left-right", "center", "chess:2"))
    found = {row.partition: row.winner for row in rows}
    assert found["left-right"] == "mirror"
    for row in rows:
        values = {name: min_cut(arch, row.partition).value for name, arch in made.items()}
        most = [name for name in values if values[name] == max(values.values())]
        assert row.winner == (most[0] if len(most) == 1 else None)


@pytest.mark.parametrize("partition", ["left-right", "top-bottom", "checkerboard", "quadrant", "chess:2", "folded"])
def test_the_winner_separates_more_for_almost_all_weights(partition):
    """Exact generic ranks of unshared weights: the min-cuts that are compared are what such networks have."""
    made = geometries.square_and_mirror(4, 2, 3)
    A = geometries.folded_checkerboard(4) if partition == "folded" else partition
    (row,) = geometries.compare(made, {partition: A})
    ranks = {}
    for name, arch in made.items():
        mask = tnsim.partitions.mask(arch, A)
        wiring, shapes = strategies.wiring(arch), strategies.shapes(arch)
        ranks[name] = oracle.generic_rank(wiring, shapes, mask, np.random.default_rng(0))
        assert log(ranks[name]) == pytest.approx(row.logs[name])
    best = max(ranks.values())
    assert row.winner == (None if min(ranks.values()) == best else max(ranks, key=ranks.get))


def test_square_windows_favour_what_mirrors_itself():
    (row,) = geometries.compare(
        geometries.square_and_mirror(32, 2, 16), {"folded checkerboard": geometries.folded_checkerboard(32)}
    )
    assert row.winner == "square"
    assert row.logs["square"] / log(2) == pytest.approx(512)


def test_square_pooling_of_width_r_holds_left_from_right_at_r():
    for width in (4, 8):
        made = geometries.square_and_mirror(16, 2, width)
        square, mirror = (log2(min_cut(made[name], "left-right").value) for name in ("square", "mirror"))
        assert square == log2(width)
        assert mirror == log2(min(width, 4)) * 64


def test_geometries_that_do_not_fit():
    made = geometries.square_and_mirror(4, 2, 3)
    with pytest.raises(ValueError, match="geometries: wanted at least one, all over the same sites"):
        geometries.compare({}, named("left-right"))
    with pytest.raises(ValueError, match="geometries: wanted at least one, all over the same sites"):
        geometries.compare({**made, "other": geometries.square_and_mirror(8, 2, 3)["square"]}, named("left-right"))
    with pytest.raises(ValueError, match="side: wanted a power of two, at least 2, found 12"):
        geometries.square_and_mirror(12, 2, 3)
