"""Hyper-parameters to wiring and banks: what is refused, which row each position reads, how weights start."""

import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
import strategies
from hypothesis import given
from strategies import architectures

import tnsim
from tnsim.architectures.convac import ConvACArchitecture, bank_slots
from tnsim.contract.schedule import whole

GOOD = {"sites": 8, "features": 2, "channels": (3, 3, 3), "windows": (2, 2, 2), "classes": 2}
PLANE = {"sites": (4, 4), "features": 2, "channels": (3, 3), "windows": (2, 2), "classes": 2}
PAIRS = [[0, 1], [2, 3], [4, 5], [6, 7]]
UPPER = ([[0, 1], [2, 3]], [[0, 1]])


@given(architectures())
def test_groups_and_slots_are_the_oracles(arch):
    for level, (groups, slots) in enumerate(strategies.wiring(arch)):
        np.testing.assert_array_equal(arch.groups(level), groups)
        assert arch.network.stacks[level].slots.array.tolist() == slots
    assert [s.bank_shape for s in arch.network.stacks] == strategies.shapes(arch)
    assert arch.parameters == sum(np.prod(shape) for shape in strategies.shapes(arch))


@given(architectures())
def test_sites_below_a_node_are_its_subtree(arch):
    below = [[site] for site in range(arch.size)]
    for level, (groups, _) in enumerate(strategies.wiring(arch)):
        below = [[site for j in group for site in below[j]] for group in groups]
        np.testing.assert_array_equal(arch.sites_below(level), below)
    assert sorted(below[0]) == list(range(arch.size))


@given(architectures())
def test_the_scheduled_windows_are_the_groups_as_sets(arch):
    for wave, (groups, _) in zip(whole(arch.network).waves, strategies.wiring(arch), strict=True):
        assert [sorted(group) for group in wave.children.array.tolist()] == [sorted(group) for group in groups]


def test_places_in_a_window_are_row_major_or_as_given():
    arch = tnsim.ConvAC(**PLANE, sharing="window")
    assert arch.network.stacks[0].slots.array.reshape(4, 4).tolist() == [[0, 1, 0, 1], [2, 3, 2, 3]] * 2
    given_ = tnsim.ConvAC(
        **GOOD | {"sharing": "window", "geometry": ([[3, 0], [1, 2], [6, 7], [5, 4]], [[1, 0], [2, 3]], [[0, 1]])}
    )
    assert given_.network.stacks[0].slots.array.tolist() == [1, 0, 1, 0, 1, 0, 0, 1]
    assert bank_slots("full", 4, np.zeros(4, np.int32), 2)[0] == 1


def test_mirror_groups_meet_their_images_at_every_level():
    line = tnsim.ConvAC(**GOOD, geometry="mirror")
    assert line.groups(0).tolist() == [[0, 7], [1, 6], [2, 5], [3, 4]]
    assert line.groups(1).tolist() == [[0, 3], [1, 2]]
    plane = tnsim.ConvAC(**PLANE, geometry="mirror")
    assert plane.groups(0).tolist() == [[0, 3, 12, 15], [1, 2, 13, 14], [4, 7, 8, 11], [5, 6, 9, 10]]
    assert plane.groups(1).tolist() == [[0, 1, 2, 3]]


@given(architectures())
def test_json_round_trip(arch):
    assert tnsim.ConvAC.from_json(json.loads(json.dumps(arch.to_json()))) == arch


@pytest.mark.parametrize(("fields", "words"), [
    ({"sites": 4}, r"architecture: wanted the fields \['channels', .*\], found \['sites'\]"),
    (GOOD | {"sharing": "none", "geometry": None, "depth": 3}, "architecture: wanted the fields"),
])  # fmt: skip
def test_json_of_something_else(fields, words):
    with pytest.raises(ValueError, match=words):
        tnsim.ConvAC.from_json(fields)


def test_equal_architectures_are_equal_however_written():
    one = tnsim.ConvAC(**PLANE)
    other = tnsim.ConvAC(
        **PLANE | {"sites": [4, 4], "channels": [3, 3], "windows": [(2, 2), [2, 2]], "sharing": ("none", "none")}
    )
    assert one == other
    assert hash(one) == hash(other)
    assert one != replace(one, sharing="full")


def test_a_shallow_one_is_one_global_window():
    arch = tnsim.ConvAC.shallow(sites=(2, 3), features=2, rank=5, classes=4)
    assert (arch.depth, arch.windows, arch.channels) == (1, ((2, 3),), (5,))
    assert arch.parameters == 6 * 5 * 2 + 4 * 5


def test_counts():
    arch = tnsim.ConvAC(
        sites=(4, 6), features=3, channels=(2, 5), windows=((2, 2), (2, 3)), classes=7, sharing=("window", "full")
    )
    assert (arch.grid, arch.size, arch.depth) == ((4, 6), 24, 2)
    assert (arch.window_sizes, arch.positions, arch.widths_in) == ((4, 6), (24, 6), (3, 2))
    assert arch.parameters == 4 * 2 * 3 + 1 * 5 * 2 + 7 * 5


REFUSALS = [
    ({"windows": (2, 2)}, r"windows: level 1: the last window must leave one node, found \(2,\) after"),
    ({"windows": (2, 3, 2)}, r"windows: level 1: \(3,\) does not divide the \(4,\) positions of that level"),
    ({"windows": ()}, r"windows: wanted one per level, found \(\)"),
    ({"windows": (2, 0, 2)}, "windows: level 1: wanted a positive integer, found 0"),
    ({"windows": (2, (2, 2), 2)}, r"windows: level 1: wanted 1 number\(s\) for 1D sites, found \(2, 2\)"),
    ({"channels": (3, 3)}, r"channels: wanted one width per level, 3 in all, found \(3, 3\)"),
    ({"channels": (3, 0, 3)}, "channels: level 1: wanted a positive integer, found 0"),
    ({"features": 0}, "features: wanted a positive integer, found 0"),
    ({"classes": -1}, "classes: wanted a positive integer, found -1"),
    ({"classes": True}, "classes: wanted a positive integer, found True"),
    ({"sites": 0}, "sites: wanted a positive integer, found 0"),
    ({"sites": (2, 2, 2)}, r"sites: wanted an int \(1D\) or \(height, width\), found \(2, 2, 2\)"),
    ({"sharing": "some"}, r"sharing: level 0: wanted one of \('none', 'window', 'full'\), found 'some'"),
    ({"sharing": ("none", "full", "half")}, r"sharing: level 2: wanted one of .*, found 'half'"),
    ({"sharing": ("none", "full")}, r"sharing: wanted one for all levels or one per level, 3 in all, found"),
    ({"geometry": "round"}, "geometry: wanted None, 'mirror' or the groups of every level, found 'round'"),
    ({"geometry": (PAIRS, [[0, 1], [2, 3]])}, "geometry: wanted the groups of each of the 3 levels, found tuple"),
    ({"geometry": ([[0, 1], [2, 3], [4, 5], [6, 6]], *UPPER)}, "geometry: level 0: position 6 is pooled 2 times"),
    ({"geometry": (PAIRS, [[0, 1], [2, 4]], [[0, 1]])}, r"geometry: level 1: positions must lie in 0\.\.3, found 4"),
    ({"geometry": (PAIRS, [[0, 1], [2, -1]], [[0, 1]])}, r"geometry: level 1: positions must lie in 0\.\.3, found -1"),
    ({"geometry": (PAIRS[:3], [[0, 1], [2, 3]], [[0, 1]])}, "geometry: level 0: position 6 is not pooled"),
    ({"geometry": ([[0, 1], [2, 3], [4, 5, 6], [7]], *UPPER)}, "geometry: level 0: every group must have 2 positions"),
    ({"geometry": (PAIRS, [[0, 1, 2, 3]], [[0, 1]])}, r"level 1: wanted groups of 2 integer .* found .*\(1, 4\)"),
    ({"geometry": (PAIRS, [[0.0, 1], [2, 3]], [[0, 1]])}, "level 1: wanted groups of 2 integer .* found .*float64"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"), REFUSALS, ids=[f"{next(iter(c))}-{i}" for i, (c, _) in enumerate(REFUSALS)]
)
def test_refusals_name_argument_and_level(change, words):
    # The class of the hyper-parameters, as the doors' types are checked in tests before their own words are heard.
    with pytest.raises(ValueError, match=words):
        ConvACArchitecture(**GOOD | change)


def test_mirror_pooling_needs_windows_of_two():
    with pytest.raises(ValueError, match=r"geometry: level 0: mirror pooling needs windows of 2, found \(3,\)"):
        tnsim.ConvAC(sites=9, features=2, channels=(3, 3), windows=(3, 3), classes=2, geometry="mirror")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "complex64"])
def test_random_starts_have_variance_one_over_fan_in(dtype):
    arch = tnsim.ConvAC(sites=64, features=9, channels=(24, 16), windows=(8, 8), classes=50)
    banks = arch.init(jax.random.key(0), dtype)
    assert {name: bank.shape for name, bank in banks.items()} == arch.network.bank_shapes
    for bank in banks.values():
        assert bank.dtype == jnp.dtype(dtype)
        wide = np.asarray(bank).astype("complex128")
        n = wide.size
        assert (abs(wide) ** 2).mean() * bank.shape[-1] == pytest.approx(1, abs=5 * (2 / n) ** 0.5)
        assert abs(wide.mean()) * bank.shape[-1] ** 0.5 < 5 / n**0.5
    other = arch.init(jax.random.key(1), dtype)
    assert not np.array_equal(banks["conv_0"], other["conv_0"])


RESIDUAL = tnsim.ConvAC(sites=(32, 32), features=3, channels=(9, 17, 17, 17, 17), windows=(2,) * 5, classes=10)


def constant_and_cosines(rng, batch, sites):
    x = rng.random((batch, sites)) * np.pi / 2
    return np.stack([np.ones_like(x), np.cos(x), np.sin(x)], axis=-1).astype(np.float32)


@pytest.mark.parametrize("sharing", ["none", "window"])
def test_the_residual_start_keeps_a_constant_and_scores_of_order_one(sharing):
    arch = replace(RESIDUAL, sharing=sharing)
    banks = arch.init(jax.random.key(0), start="residual")
    features = constant_and_cosines(np.random.default_rng(0), 32, arch.size)
    for name, bank in list(banks.items())[:-1]:
        np.testing.assert_array_equal(bank[:, 0], np.eye(bank.shape[-1])[:1].repeat(len(bank), 0), err_msg=name)
    only_constant = banks | {"output": jnp.zeros_like(banks["output"]).at[:, 0].set(1)}
    value, log_scale = arch.apply(only_constant, features)
    np.testing.assert_allclose(value * jnp.exp(log_scale)[:, None], 1, rtol=1e-4)  # the scale is a float32 logarithm
    value, log_scale = arch.apply(banks, features)
    logits = np.asarray(value * jnp.exp(log_scale)[:, None])
    assert 0.001 < logits.std() < 3
    assert abs(logits).max() < 10


def test_the_constant_channel_is_exactly_one_at_its_own_level():
    arch = tnsim.ConvAC(**PLANE | {"features": 3})
    *banks, output = [np.asarray(bank, np.float64) for bank in arch.init(jax.random.key(0), start="residual").values()]
    features = constant_and_cosines(np.random.default_rng(0), 1, 16)[0].astype(np.float64)
    first = np.eye(1, output.shape[1])
    h, _ = oracle.score(strategies.wiring(arch), banks, first, features)
    assert h.tolist() == [1.0]


@pytest.mark.parametrize("change", [{"features": 1}, {"channels": (3, 1)}])
def test_a_residual_start_needs_room_beside_the_constant(change):
    with pytest.raises(ValueError, match="start: 'residual' needs features and channels of at least 2"):
        tnsim.ConvAC(**PLANE | change).init(jax.random.key(0), start="residual")


def test_other_starts_are_refused():
    with pytest.raises(ValueError, match="start: wanted 'random' or 'residual', found 'zero'"):
        tnsim.ConvAC(**PLANE).init(jax.random.key(0), start="zero")


def test_starts_are_determined_by_the_key():
    one, other = (tnsim.ConvAC(**PLANE).init(jax.random.key(5)) for _ in range(2))
    jax.tree.map(np.testing.assert_array_equal, one, other)
