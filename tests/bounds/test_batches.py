"""Many min-cuts at once are the min-cuts one by one."""

from math import log

import numpy as np
import pytest
from bounds import drawn

import tnsim
from tnsim.bounds import batches, min_cut, min_cuts, network_min_cut
from tnsim.network import Stack, Table, build


def test_many_are_each():
    rng = np.random.default_rng(0)
    for _ in range(20):
        shape = drawn.architecture(rng)
        arch = drawn.with_dims(shape, rng.choice([1, 2, 3, 7, 2**40, 3**30], shape.depth + 1))
        masks = np.array([drawn.partition(rng, arch) for _ in range(7)])
        found = min_cuts(arch, masks)
        assert found.values == tuple(min_cut(arch, mask).value for mask in masks)
        assert found.values == min_cuts(arch.network, masks).values
        assert found.logs == pytest.approx([log(value) for value in found.values])


def test_chunks_change_nothing(monkeypatch):
    arch = tnsim.ConvAC((8, 8), 3, (4, 5, 6), (2, 2, 2), 2)
    masks = np.random.default_rng(0).random((50, 64)) < 0.5
    whole = min_cuts(arch, masks)
    monkeypatch.setattr(batches, "ENTRIES", 64 * 7)
    assert min_cuts(arch, masks).values == whole.values
    assert repr(whole).startswith("CutValues(50 partitions, ln ")
    assert len(whole) == 50


def test_networks_with_loops_go_by_flows():
    ring = Stack("tensors", 6, (2, 3, 3), Table(range(6)), Table([[i, 6 + i, 6 + (i + 1) % 6] for i in range(6)]))
    network = build([("site", 6, 2), ("bond", 6, 3)], [ring], range(6), ())
    masks = np.array([[True, False] * 3, [True] * 3 + [False] * 3])
    assert min_cuts(network, masks).values == (8, 8)
    assert [network_min_cut(network, mask).factors for mask in masks] == [{2: 3}, {2: 3}]


@pytest.mark.parametrize(
    ("masks", "words"),
    [
        (np.ones((2, 7), bool), r"wanted boolean masks of shape \(partitions, 8\)"),
        (np.ones((2, 8), int), "found shape"), (np.zeros((0, 8), bool), "at least one"),
        (np.array([[True] + [False] * 7, [False] * 8]), "found none in A in row 1"),
        (np.ones((1, 8), bool), "found all in A in row 0"),
    ],
)  # fmt: skip
def test_masks_that_do_not_fit(masks, words):
    with pytest.raises(ValueError, match=words):
        batches._check(masks, 8)
