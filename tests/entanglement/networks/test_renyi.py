"""Renyi entropies, norms and amplitudes of any network, by layers of it, against the definition."""

from dataclasses import replace
from itertools import pairwise
from math import log
from unittest import mock

import jax
import network_worlds as worlds
import numpy as np
import oracle
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tnsim
from tnsim.contract import finders
from tnsim.entanglement.networks import executors, renyi, replicas
from tnsim.entanglement.networks.parts import parts_of
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
@given(worlds.drawn(measured=True), st.sampled_from([2, 3]))
def test_paths_that_are_searched_for_give_the_same(world, order):
    assume(not world.is_zero)
    plain = world.state.renyi_many(world.mask[None], order)
    with mock.patch.object(replicas, "COSTLY", 0):
        searched = world.state.renyi_many(world.mask[None], order)
    assert plain.lower[0] <= searched.upper[0] + 1e-13
    assert searched.lower[0] <= plain.upper[0] + 1e-13
    assert abs(searched.value - plain.value)[0] < 1e-9 * cancellation(world) ** (2 * order)


def test_costly_replicas_go_along_a_cheaper_path():
    arch = tnsim.MERA(sites=16, features=2, bond=2)
    banks = {name: np.asarray(bank) for name, bank in arch.init(jax.random.key(0)).items()}
    parts = parts_of(arch.network, banks, (0,))
    layers = replicas.Layers(2, 2)
    network = replicas.network_of(parts, layers)
    along_groups = finders.find(network, replicas.finder(parts, layers))
    found = replicas.path_of(network, parts, layers)
    assert replicas.price(network, found) < 0.5 * replicas.price(network, along_groups)
    assert found == replicas.path_of(network, parts, layers)


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
    monkeypatch.setitem(renyi.AT_ONCE, "numpy", 1)
    alone = world.state.renyi_many(masks)
    np.testing.assert_allclose(together.value, alone.value, atol=1e-13)
    wanted = [oracle.renyi(oracle.spectrum(world.dense, mask)[0] ** 2, 2) for mask in masks]
    np.testing.assert_allclose(together.value, wanted, atol=1e-11)


COPIES = worlds.World([2, 3, 2], [(0, 1), (1, 2), (1,)], [np.eye(2, 3), np.ones((3, 2)), np.arange(1.0, 4)], [0, 1, 2])


@pytest.mark.parametrize(("world", "order"), [
    (worlds.random_chain(3, 2, ring=True, dtype="complex128"), 3), (worlds.peps(2, 2, 2), 2), (COPIES, 2),
])  # fmt: skip
def test_the_executors_agree_and_so_do_their_bounds(world, order):
    masks = np.arange(len(world.sites)) == np.arange(3)[:, None]
    by_jax = replace(world.state, executor="jax")
    ours, theirs = world.state.renyi_many(masks, order), by_jax.renyi_many(masks, order)
    np.testing.assert_allclose(theirs.value, ours.value, atol=1e-13 * cancellation(world) ** (2 * order))
    np.testing.assert_allclose(theirs.width, ours.width, rtol=1e-6, atol=1e-15)
    digits = oracle.configurations(world.site_dims)[:5]
    (value, log_scale), (other, other_scale) = world.state.amplitude(digits), by_jax.amplitude(digits)
    least = 1e-13 * np.prod([np.linalg.norm(tensor) for tensor in world.tensors])
    np.testing.assert_allclose(other * np.exp(other_scale), value * np.exp(log_scale), rtol=1e-10, atol=least)
    assert by_jax.norm().log_scale == pytest.approx(world.state.norm().log_scale, abs=1e-9)


def test_a_path_is_looked_for_once_and_a_program_compiled_once():
    state = replace(worlds.peps(2, 2, 2).state, executor="jax")
    masks = np.random.default_rng(0).random((6, 4)) < 0.5
    masks[:, 0], masks[:, 1] = True, False
    state.renyi_many(masks)
    paths, programs = finders._grouped.cache_info().misses, executors._program._cache_size()
    state.renyi_many(~masks)
    tnsim.network_state(state.network, {name: 2 * bank for name, bank in state.banks.items()}).renyi_many(masks)
    state.renyi_many(masks[:5])  # filled up to the same shape
    assert finders._grouped.cache_info().misses == paths
    assert executors._program._cache_size() == programs


def test_the_executor_is_named_or_the_devices(monkeypatch):
    world = worlds.random_chain(4, 2)
    assert executors.chosen(None, 10) == "numpy"
    monkeypatch.setattr(executors, "accelerated", lambda: True)
    assert executors.chosen(None, 10) == "jax"
    assert executors.chosen(None, executors.LONG + 1) == "numpy"
    assert executors.chosen("numpy", 10) == "numpy"
    with pytest.raises(ValueError, match=r"executor: wanted one of \('numpy', 'jax'\), or None .* found 'torch'"):
        tnsim.network_state(world.network, world.banks, executor="torch")


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
    parts, factors = world.state._parts, world.state.measure.factors
    wiring = renyi.replicas.layered(parts, renyi.Layers(2, 2))
    limit = 16 * sum(wiring.numbers())
    job = renyi._planned(parts, renyi.Layers(2, 2), factors, renyi.Asked(limit), "two replicas")
    assert 1 <= len(job.sliced) <= 5
    whole = world.state.renyi_many(masks)
    for executor in ("numpy", "jax"):
        sliced = replace(world.state, executor=executor).renyi_many(masks, memory=limit)
        np.testing.assert_allclose(sliced.value, whole.value, atol=1e-12)
        assert (sliced.width < 1e-8).all()
    with pytest.raises(MemoryLimitError, match=r"the norm needs about .* above the limit of 1 KB. Ways out"):
        world.state.norm(memory="1KB")


@pytest.mark.slow
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
