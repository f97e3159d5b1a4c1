"""Schmidt spectra of any network against the definition: drawn hypergraphs, and networks whose spectrum is known."""

from dataclasses import replace
from math import log

import network_worlds as worlds
import numpy as np
import oracle
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tnsim
from tnsim.architectures.overlapping import OverlappingConvAC
from tnsim.bounds import network_min_cut


def agree(spectrum, values, within=1e-9):
    """Equal within the spectrum's own bound, which is small."""
    k = max(len(values), len(spectrum.values))
    ours, theirs = (np.pad(each, (0, k - len(each))) for each in (spectrum.values, values))
    assert spectrum.error_bound < within
    assert np.abs(ours - theirs).max() <= spectrum.error_bound + 1e-15


@settings(max_examples=60)
@given(worlds.drawn(measured=True))
def test_a_spectrum_is_the_definitions(world):
    assume(not world.is_zero)
    values, norm = oracle.spectrum(world.dense, world.mask)
    found = world.state.schmidt(world.mask)
    agree(found, values)
    assert found.log_norm == pytest.approx(log(norm), abs=1e-9)
    assert len(found.values) <= network_min_cut(world.network, world.mask, outputs="fixed").value * len(values)


@settings(max_examples=30)
@given(worlds.drawn(), st.integers(-500, 500))
def test_sides_are_equal_and_scales_do_not_matter(world, power):
    assume(not world.is_zero)
    wide = [tensor.astype(np.result_type(tensor, np.float64)) for tensor in world.tensors]
    scaled = replace(world, tensors=[wide[0] * 2.0**power, *wide[1:]])
    A, B, other = (w.state.entropy(m) for w, m in ((world, world.mask), (world, ~world.mask), (scaled, world.mask)))
    assert A.agrees(B)
    assert A.agrees(other)
    shift = scaled.state.schmidt(world.mask).log_norm - world.state.schmidt(world.mask).log_norm
    assert shift == pytest.approx(power * log(2), abs=1e-8)


@settings(max_examples=20)
@given(st.sampled_from([worlds.random_chain(7, 3), worlds.random_chain(6, 3, ring=True), worlds.tree(3, 3)]),
       st.integers(0, 2**32 - 1), st.data())  # fmt: skip
def test_a_gauge_on_an_index_of_two_legs_changes_nothing(world, seed, data):
    mask = data.draw(worlds.masks(len(world.sites)))
    index = data.draw(st.sampled_from(range(len(world.sites), len(world.dims))))
    matrix = np.random.default_rng(seed).normal(size=(world.dims[index],) * 2)
    matrices, tensors = [matrix, np.linalg.inv(matrix).T], list(world.tensors)
    for number, its in enumerate(world.legs):
        if index in its:
            axis = its.index(index)
            tensors[number] = np.moveaxis(np.tensordot(matrices.pop(0), tensors[number], (1, axis)), 0, axis)
    before, after = (w.state.schmidt(mask).values for w in (world, replace(world, tensors=tensors)))
    k = min(len(before), len(after))
    np.testing.assert_allclose(before[:k], after[:k], atol=1e-9 * np.linalg.cond(matrix))


@pytest.mark.parametrize("N", [2, 5, 300])
def test_a_copy_index_that_joins_all_sites_is_one_bit_at_any_partition(N):
    state = worlds.ghz(N).state
    for A in ([0], range(N // 2), range(0, N, 2)):
        assert float(state.entropy(A)) == pytest.approx(log(2), abs=1e-12)
        assert state.exact_rank(A) == 2
    assert float(state.entropy([0], base=2)) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("length", [1, 2, 3, 6])
def test_a_block_of_the_aklt_ring(length):
    x = (-1 / 3) ** length
    wanted = np.sort([(1 + 3 * x) / 4, *[(1 - x) / 4] * 3])[::-1]
    found = worlds.aklt(40).state.schmidt(range(10, 10 + length)).probabilities
    np.testing.assert_allclose(np.pad(found, (0, 4))[:4], wanted, atol=1e-13)


def test_small_values_survive_a_chain():
    """Values of 1e-12 of the largest: a Gram matrix would have lost them."""
    wanted = np.array([1.0, 1e-6, 1e-12])
    rng = np.random.default_rng(0)
    U, V = (np.linalg.qr(rng.normal(size=(27, 3)))[0] for _ in range(2))
    left, right = U * wanted, V.T
    sites = [np.eye(3).reshape(1, 3, 3), np.eye(9).reshape(3, 3, 9), left.reshape(9, 3, 3)]
    sites += [right.reshape(3, 3, 9), np.eye(9).reshape(9, 3, 3), np.eye(3).reshape(3, 3, 1)]
    found = worlds.chain(sites).state.schmidt([0, 1, 2])
    assert found.values[2] == pytest.approx(1e-12, rel=1e-2)
    assert found.rank() == 3


def test_a_grid_with_loops():
    world = worlds.peps(3, 4, 2)
    state = tnsim.network_state(world.network, world.banks, grid=(3, 4))
    for name in ("left-right", "checkerboard", "center"):
        agree(state.schmidt(name), oracle.spectrum(world.dense, state.mask(name))[0])


@pytest.mark.slow
def test_a_larger_grid_with_loops():
    world = worlds.peps(4, 4, 2)
    state = tnsim.network_state(world.network, world.banks, grid=(4, 4))
    for name in ("left-right", "checkerboard"):
        agree(state.schmidt(name), oracle.spectrum(world.dense, state.mask(name))[0])


def test_overlapping_windows():
    arch = OverlappingConvAC(sites=5, features=2, channels=(2, 3), windows=(2, 2), classes=2, sharing="none")
    rng = np.random.default_rng(1)
    banks = {name: rng.normal(size=shape) for name, shape in arch.bank_shapes.items()}
    state = tnsim.network_state(arch.network, banks, 1)
    digits = oracle.configurations([2] * 5)
    value, log_scale = state.amplitude(digits)
    dense = _scores(arch, banks, digits)[:, 1].reshape((2,) * 5)
    np.testing.assert_allclose((value * np.exp(log_scale)).reshape(dense.shape), dense, atol=1e-12 * abs(dense).max())
    agree(state.schmidt([0, 2, 4]), oracle.spectrum(dense, [True, False] * 2 + [True])[0])


def _scores(arch, banks, digits):
    """The definition in overlapping.py: windows slide, what they read is multiplied."""
    found = []
    for row in digits:
        values = list(np.eye(2)[row])
        for level, rows in enumerate([banks["conv_0"].reshape(4, 2, 2, 2), banks["conv_1"].reshape(3, 2, 3, 2)]):
            values = [np.prod([rows[u, j] @ values[u + j] for j in range(2)], axis=0) for u in range(4 - level)]
        found.append(banks["output"] @ np.prod(values, axis=0))
    return np.array(found)


def test_a_long_chain_at_its_middle():
    world = worlds.random_chain(200, 8)
    found = world.state.schmidt(range(100))
    assert len(found.values) == 8
    assert found.error_bound < 1e-9
    assert found.entropy() == pytest.approx(world.state.schmidt(range(100, 200)).entropy(), abs=1e-9)


@pytest.mark.slow
def test_four_thousand_sites_stay_finite():
    world = worlds.random_chain(4096, 4)
    found = world.state.schmidt(range(2048))
    assert found.error_bound < 1e-8
    assert np.isfinite(found.log_norm)
    value, log_scale = world.state.norm()
    assert value == 1
    assert log_scale == pytest.approx(found.log_norm, abs=1e-6)
    value, log_scale = world.state.amplitude(np.zeros((1, 4096), int))
    assert abs(value[0]) == 1
    assert log_scale[0] < -1000
