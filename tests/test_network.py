"""Wiring is a value: interned, hashed once, small at a million sites."""

import pickle
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from strategies import architectures

import tnsim
from tnsim.network import Network, Stack, Table, build


def two_sites():
    """Two sites, a matrix each, a copy index and a class matrix."""
    runs = [("site", 2, 3), ("pool_0", 1, 4), ("class", 1, 5)]
    stacks = [
        Stack("conv_0", 1, (4, 3), Table([0, 0]), Table([[2, 0], [2, 1]])),
        Stack("output", 0, (5, 4), Table([0]), Table([[3, 2]])),
    ]
    return runs, stacks, [0, 1], (3,)


def test_equal_wirings_are_one_object():
    assert build(*two_sites()) is build(*two_sites())
    one, other = (
        tnsim.ConvAC(sites=8, features=2, channels=(3, 3, 3), windows=w, classes=2) for w in [(2, 2, 2), [(2,)] * 3]
    )
    assert one == other
    assert one.network is other.network


def test_other_wirings_are_other_objects():
    runs, stacks, sites, outputs = two_sites()
    wider = [("site", 2, 3), ("pool_0", 1, 4), ("class", 1, 5), ("spare", 1, 2)]
    assert build(runs, stacks, sites, outputs) != build(wider, stacks, sites, outputs)
    assert build(runs, stacks, sites, outputs) != "network"


@given(architectures())
def test_pickling_gives_back_the_one_object(arch):
    assert pickle.loads(pickle.dumps(arch.network)) is arch.network
    assert pickle.loads(pickle.dumps(arch)) == arch


def test_the_hash_is_kept():
    network = tnsim.ConvAC(sites=2**16, features=2, channels=(4,) * 16, windows=(2,) * 16, classes=2).network
    start = time.perf_counter()
    for _ in range(1000):
        hash(network)
    assert time.perf_counter() - start < 0.1  # hashing the tables anew would take seconds


def test_tables_compare_by_content():
    one, other = Table([[0, 1], [2, 3]]), Table(np.array([[0, 1], [2, 3]]))
    assert one == other
    assert hash(one) == hash(other)
    assert one != Table([0, 1, 2, 3])
    assert one != [[0, 1], [2, 3]]
    assert len(one) == 2
    assert pickle.loads(pickle.dumps(one)) == one
    with pytest.raises(ValueError, match="read-only"):
        one.array[0, 0] = 7


def test_tensors_are_views_on_demand():
    first, second, last = build(*two_sites()).tensors()
    assert first == ("conv_0", 0, (4, 3), (2, 0))
    assert second == ("conv_0", 0, (4, 3), (2, 1))
    assert last == ("output", 0, (5, 4), (3, 2))


@given(architectures())
def test_every_copy_tensor_has_a_leg_a_child_and_one_above(arch):
    network = arch.network
    assert network.tensor_count == len(list(network.tensors())) == sum(arch.positions) + 1
    wanted = [2] * arch.size  # the site's open end and its matrix
    for nodes, window in zip([*arch.positions[1:], 1], arch.window_sizes, strict=True):
        wanted += [window + 1] * nodes
    assert network.leg_counts.tolist() == [*wanted, 2]
    dims, counts = [arch.features, *arch.channels, arch.classes], [*arch.positions, 1, 1]
    assert network.dims.tolist() == np.repeat(dims, counts).tolist()


def test_indices_have_names():
    network = tnsim.ConvAC(sites=4, features=2, channels=(3, 3), windows=(2, 2), classes=2).network
    assert [network.index_name(i) for i in range(8)] == [
        "site_0", "site_1", "site_2", "site_3", "pool_0[0]", "pool_0[1]", "pool_1", "class",
    ]  # fmt: skip
    assert repr(network) == "Network(4 sites, 7 tensors in 3 stacks, 8 indices)"


def test_a_million_sites_are_a_few_arrays():
    tracemalloc.start()
    start = time.perf_counter()
    network = tnsim.ConvAC(sites=2**20, features=2, channels=(4,) * 20, windows=(2,) * 20, classes=2).network
    seconds, (_, peak) = time.perf_counter() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert network.tensor_count == 2**21 - 1
    assert seconds < 5  # generous; a benchmark holds the real figure
    assert peak < 150e6


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stacks": [(0, "legs", [[2, 0], [9, 1]])]}, r"legs of bank 'conv_0': wanted indices in 0\.\.3, found 0\.\.9"),
        (
            {"stacks": [(0, "legs", [[2, -1], [2, 1]])]},
            r"legs of bank 'conv_0': wanted indices in 0\.\.3, found -1\.\.2",
        ),
        (
            {"stacks": [(0, "legs", [[0, 2], [2, 1]])]},
            r"legs of bank 'conv_0': wanted dimension 4 on axis 0 of tensor 0, of shape \(4, 3\), found 3 of index 0, "
            r"'site_0'",
        ),
        ({"stacks": [(0, "slots", [0, 1])]}, r"slots of bank 'conv_0': wanted rows in 0\.\.0, found 0\.\.1"),
        ({"sites": [0, 4]}, r"sites: wanted indices in 0\.\.3, found 0\.\.4"),
        ({"outputs": (-1,)}, r"outputs: wanted indices in 0\.\.3, found -1\.\.-1"),
    ],
)
def test_bad_wiring_is_refused(change, words):
    runs, stacks, sites, outputs = two_sites()
    for number, name, table in change.get("stacks", []):
        fields = {f: getattr(stacks[number], f) for f in ("bank", "copies", "shape", "slots", "legs")}
        stacks[number] = Stack(**fields | {name: Table(table)})
    with pytest.raises(ValueError, match=words):
        build(runs, stacks, change.get("sites", sites), change.get("outputs", outputs))


def test_a_network_is_no_dataclass_by_value_of_arrays():
    assert isinstance(build(*two_sites()), Network)
    assert build(*two_sites()).bank_shapes == {"conv_0": (1, 4, 3), "output": (5, 4)}
