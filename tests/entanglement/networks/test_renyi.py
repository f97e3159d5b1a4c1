"""Renyi entropies, norms and amplitudes of any network, by layers of it, against the definition."""

from dataclasses import replace
from itertools import pairwise
from math import log

import network_worlds as worlds
import numpy as np
import oracle
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tnsim.entanglement.networks import renyi
from tnsim.memory import MemoryLimitError


def cancellation(world):
    """How much larger the state would be if all of its numbers were positive: at least 1."""
    plain = replace(world, gram=None)
    sizes = replace(plain, tensors=[np.abs(tensor) for tensor in world.tensors])
    return np.linalg.norm(sizes.dense) / np.linalg.norm(plain.dense)


@settings(max_examples=20)
@given(worlds.drawn(measured=True), st.sampled_from([2, 3]))
def test_replicas_are_the_definitions_moments(world, order):
    assume(not world.is_zero)
    every = np.stack([world.mask, ~world.mask, world.mask])
    found = world.state.renyi_many(every, order)
    wanted = oracle.renyi(oracle.spectrum(world.dense, world.mask)[0] ** 2, order)
    assert found.value.shape == (3,)
    assert (found.lower <= found.value).all()
    assert (found.value <= found.upper).all()
    assert (found.width < 1e-7 * cancellation(world) ** (2 * order)).all()
    assert (found.lower - 1e-13 <= wanted).all()
    assert (wanted <= found.upper + 1e-13).all()


@settings(max_examples=12)
@given(worlds.drawn(measured=True))
def test_entropies_fall_as_the_order_rises(world):
    assume(not world.is_zero)
    orders = (0.5, 1, 2, 3, 7.5, np.inf)
    found = [world.state.renyi(world.mask, order) for order in orders]
    for order, one in zip(orders, found, strict=True):
        p = oracle.spectrum(world.dense, world.mask)[0]
        p = p[p > (0 if order > 1 else world.state.schmidt(world.mask).tolerance)] ** 2
        assert one.lower - 1e-12 <= oracle.renyi(p, order) <= one.upper + 1e-12
    for higher, lower in pairwise(found):
        assert lower.lower <= higher.upper + 1e-12
    assert world.state.renyi(world.mask, 2, base=2).agrees(found[2].map(lambda nats: nats / log(2)))


@settings(max_examples=20)
@given(worlds.drawn(measured=True))
def test_norms_and_amplitudes_are_the_tensors(world):
    scale = np.linalg.norm(world.dense)
    value, log_scale = world.state.norm()
    value, least = value * np.exp(log_scale), 1e-7 * np.prod([np.linalg.norm(tensor) for tensor in world.tensors])
    assert abs(value - scale) <= 1e-10 * scale + least
    value, log_scale = world.state.amplitude(oracle.configurations(world.site_dims))
    np.testing.assert_allclose(value * np.exp(log_scale), world.dense.ravel(), atol=1e-9 * least + 1e-10 * scale)


def test_batches_of_partitions_are_those_one_by_one(monkeypatch):
    world = worlds.random_chain(8, 3, ring=True)
    masks = np.random.default_rng(0).random((7, 8)) < 0.5
    masks[:, 0], masks[:, 1] = True, False
    together = world.state.renyi_many(masks)
    monkeypatch.setattr(renyi, "AT_ONCE", 1)
    alone = world.state.renyi_many(masks)
    np.testing.assert_allclose(together.value, alone.value, atol=1e-13)
    wanted = [oracle.renyi(oracle.spectrum(world.dense, mask)[0] ** 2, 2) for mask in masks]
    np.testing.assert_allclose(together.value, wanted, atol=1e-11)


@pytest.mark.parametrize(("world", "largest"), [
    (worlds.random_chain(60, 4), 4**4 * 2**4), (worlds.tree(5, 3), 3**8 + 1), (worlds.peps(4, 4, 2), 2**22),
    (worlds.random_chain(20, 2, ring=True), 2**14),
])  # fmt: skip
def test_two_replicas_stay_small(world, largest):
    """No tensor on the way is larger than what an order by hand makes, within a factor of 4 (2^20 for the grid)."""
    found = renyi.replicas.layered(world.state._parts, renyi.Layers(2, 2))
    assert max(found.numbers()) <= largest


def test_slices_add_up_to_the_whole():
    world = worlds.random_chain(6, 3, ring=True, dtype="complex128")
    masks = np.stack([np.arange(6) % 2 == 0, np.arange(6) < 3])
    wiring = renyi.replicas.layered(world.state._parts, renyi.Layers(2, 2))
    room = sum(wiring.numbers()) / 6
    assert 1 <= len(wiring.sliced(room)) <= 5
    whole, sliced = (world.state.renyi_many(masks, memory=memory) for memory in (None, 16 * 6 * room))
    np.testing.assert_allclose(sliced.value, whole.value, atol=1e-12)
    assert (sliced.width < 1e-8).all()
    with pytest.raises(MemoryLimitError, match=r"the norm needs about .* above the limit of 1 KB. Ways out"):
        world.state.norm(memory="1KB")


def test_replicas_that_do_not_fit_leave_it_to_the_spectrum():
    world = worlds.random_chain(30, 6)
    found = world.state.renyi(range(15), 3, memory=3e6)
    assert found.method == "exact spectrum"
    assert found.agrees(world.state.renyi(range(15), 3))


def test_a_state_that_is_zero():
    state = worlds.chain([np.zeros((1, 2, 2)), np.ones((2, 2, 1))]).state
    assert state.norm() == (0, 0)
    for measured in (state.renyi, state.entropy, state.schmidt, state.exact_rank):
        with pytest.raises(ValueError, match="state: it is exactly zero"):
            measured([0])
