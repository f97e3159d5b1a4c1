"""When what is computed: waves of equal nodes, equal subtrees once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import POOL, masks, wiring

import tnsim
from tnsim.contract.schedule import Grid, NotLayered, distinct, whole, windows_on
from tnsim.network import Stack, Table, build

SHARED = tnsim.ConvAC(sites=64, features=2, channels=(3,) * 6, windows=(2,) * 6, classes=2, sharing="full")


def test_equal_subtrees_of_a_shared_tree_are_one():
    schedule = distinct(whole(SHARED.network), np.zeros(64, int))
    assert [(wave.positions, wave.nodes) for wave in schedule.waves] == [(1, 1)] * 6


def test_unshared_subtrees_are_all_distinct_but_not_for_their_dimensions():
    arch = tnsim.ConvAC(sites=64, features=2, channels=(3,) * 6, windows=(2,) * 6, classes=2)
    by_bank = distinct(whole(arch.network), np.zeros(64, int))
    assert [wave.positions for wave in by_bank.waves] == [64, 32, 16, 8, 4, 2]
    by_dimension = distinct(whole(arch.network), np.zeros(64, int), by_bank=False)
    assert [wave.positions for wave in by_dimension.waves] == [1] * 6


def test_the_order_within_a_window_makes_no_new_kind():
    kinds = np.zeros(64, int)
    kinds[[1, 2, 12]] = 1  # three windows with one marked site, left or right
    schedule = distinct(whole(SHARED.network), kinds)
    assert schedule.waves[0].nodes == 2
    assert len(schedule.leaves) == 2


@st.composite
def marked(draw):
    place = draw(st.integers(0, len(POOL) - 1))
    return place, draw(masks(SIZES[place]))


SIZES = [arch.size for arch in POOL]


def subtree(levels, level, node, mask, by_bank=True):
    """A subtree as nested sorted tuples of (bank row, what is below it)."""
    if level < 0:
        return bool(mask[node])
    groups, slots = levels[level]
    children = ((slots[j] if by_bank else 0, subtree(levels, level - 1, j, mask, by_bank)) for j in groups[node])
    return tuple(sorted(children, key=repr))


@given(marked(), st.booleans())
def test_two_nodes_are_of_one_kind_exactly_if_their_subtrees_are_equal(drawn, by_bank):
    place, mask = drawn
    arch = POOL[place]
    schedule, levels = distinct(whole(arch.network), mask.astype(int), by_bank), wiring(arch)
    for level, kinds in enumerate(schedule.kinds[1:]):
        subtrees = [subtree(levels, level, node, mask, by_bank) for node in range(len(kinds))]
        assert [subtrees.index(s) for s in subtrees] == [kinds.tolist().index(k) for k in kinds]


@pytest.mark.parametrize(("sites", "window", "grid"), [
    (8, 2, Grid(1, 8, (1, 2))), ((4, 6), (2, 3), Grid(4, 6, (2, 3))), ((4, 6), (1, 6), Grid(1, 24, (1, 6))),
    ((6, 1), (2, 1), Grid(1, 6, (1, 2))), ((4, 4), (4, 1), Grid(4, 4, (4, 1))),
])  # fmt: skip
def test_windows_side_by_side_stand_on_a_grid(sites, window, grid):
    rest = tuple(np.floor_divide(sites, window).tolist()) if np.ndim(sites) else sites // window
    arch = tnsim.ConvAC(sites=sites, features=2, channels=(2, 2), windows=(window, rest), classes=1)
    wave = whole(arch.network).waves[0]
    assert wave.grid == grid
    np.testing.assert_array_equal(windows_on(wave.grid), wave.children.array)


def test_other_groups_stand_on_none():
    arch = tnsim.ConvAC(sites=8, features=2, channels=(2,) * 3, windows=(2,) * 3, classes=1, geometry="mirror")
    assert whole(arch.network).waves[0].grid is None


@given(st.integers(0, len(POOL) - 1))
def test_every_position_is_pooled_once(place):
    for wave in whole(POOL[place].network).waves:
        assert sorted(wave.children.array.ravel().tolist()) == list(range(wave.positions))


def test_the_schedule_of_a_network_is_kept():
    assert whole(SHARED.network) is whole(SHARED.network)


def layered(**change):
    fields = {
        "runs": [("site", 2, 3), ("pool_0", 1, 4), ("class", 1, 5)],
        "first": Stack("conv_0", 1, (4, 3), Table([0, 0]), Table([[2, 0], [2, 1]])),
        "last": Stack("output", 0, (5, 4), Table([0]), Table([[3, 2]])),
        "sites": [0, 1], "outputs": (3,),
    } | change  # fmt: skip
    return build(fields["runs"], [fields["first"], fields["last"]], fields["sites"], fields["outputs"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sites": [1, 0]}, "sites: wanted the first run of indices, in order, and one class leg"),
        ({"outputs": ()}, "sites: wanted the first run of indices, in order, and one class leg"),
        ({"first": Stack("conv_0", 1, (4, 3), Table([0, 0]), Table([[2, 1], [2, 0]]))}, "wanted one matrix a position"),
        ({"first": Stack("conv_0", 1, (4, 3), Table([0]), Table([[2, 0]]))}, "'conv_0': wanted one matrix a position"),
        ({"outputs": (2,)}, "bank 'output': wanted one matrix from the last node to the class leg"),
        ({"runs": [("site", 2, 3), ("pool_0", 2, 4), ("class", 1, 5)], "outputs": (4,),
          "last": Stack("output", 0, (5, 4), Table([0]), Table([[4, 2]]))}, "wanted windows of one size"),
    ],
)  # fmt: skip
def test_networks_that_are_no_layered_tree(change, words):
    assert whole(layered())
    with pytest.raises(NotLayered, match=words):
        whole(layered(**change))
