"""The door to any network's state: the same answers as a layered tree's own, other measures, and every refusal."""

from itertools import combinations

import jax
import network_worlds as worlds
import numpy as np
import oracle
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import FEW, cases

import tnsim
from tnsim.contract.schedule import NotLayered
from tnsim.entanglement import entropy as spectral
from tnsim.entanglement.networks import spectra
from tnsim.memory import MemoryLimitError


@pytest.mark.slow
@settings(max_examples=12)
@given(cases(archs=[arch for arch in FEW if arch.size <= 9], measured=True))
def test_a_layered_tree_is_measured_alike(case):
    measure = "coefficient" if case.gram is None else "function"
    state = tnsim.network_state(case.arch.network, case.params, case.label, measure, case.gram, grid=case.arch.grid)
    ours, theirs = (one.schmidt(case.mask) for one in (state, case.state))
    k = max(len(ours.values), len(theirs.values))
    ours_, theirs_ = (np.pad(one.values, (0, k - len(one.values))) for one in (ours, theirs))
    np.testing.assert_allclose(ours_, theirs_, atol=ours.error_bound + theirs.error_bound)
    assert ours.log_norm == pytest.approx(theirs.log_norm, abs=1e-8)
    assert state.exact_rank(case.mask) == case.state.exact_rank(case.mask)
    assert state.entropy(case.mask).agrees(case.state.entropy(case.mask))
    ours, theirs = (one.window_map() for one in (state, case.state))
    for mine, other in zip(ours.levels, theirs.levels, strict=True):
        np.testing.assert_array_equal(mine.probabilities, other.probabilities)


@settings(max_examples=20)
@given(worlds.drawn(measured=True))
def test_density_matrices_and_mutual_information(world):
    assume(not world.is_zero)
    rng = np.random.default_rng(0)
    sites = rng.permutation(len(world.sites))[: rng.integers(1, len(world.sites) + 1)].tolist()
    rho = world.state.reduced_density_matrix(sites)
    np.testing.assert_allclose(rho, oracle.density_matrix(world.dense, sites), atol=1e-9)
    for order in (1, 2):
        found = world.state.mutual_information([0], [1], order)
        wanted = oracle.mutual_information(world.dense, [0], [1], order)
        assert found.lower - 1e-10 <= wanted <= found.upper + 1e-10


def test_partitions_by_name_and_maps_of_blocks():
    world = worlds.peps(3, 3, 2)
    state = tnsim.network_state(world.network, world.banks, grid=(3, 3))
    assert np.flatnonzero(state.mask("quadrant")).tolist() == [0]
    found = state.block_map(2)
    assert found.value.shape == (2, 2)
    wanted = oracle.renyi(oracle.spectrum(world.dense, np.isin(np.arange(9), [4, 5, 7, 8]))[0] ** 2, 2)
    assert found.value[1, 1] == pytest.approx(wanted, abs=1e-11)
    with pytest.raises(ValueError, match="partition: wanted levels"):
        state.mask("window:0:0")


def test_windows_are_an_architectures_own_or_blocks_of_the_grid():
    peps = tnsim.PEPS((4, 6), 2, 2)
    state = peps.state(peps.init(jax.random.key(0)))
    block = state.mask("window:0:4").reshape(4, 6)
    assert np.argwhere(block).tolist() == [[2, 2], [2, 3], [3, 2], [3, 3]]
    with pytest.raises(ValueError, match=r"partition: levels are 0\.\.0, found 1"):
        state.mask("window:1:0")
    with pytest.raises(ValueError, match=r"partition: level 0 has nodes 0\.\.5, found 6"):
        state.mask("window:0:6")
    tree = tnsim.TTN(6, 2, (3,), (3, 2), classes=2, geometry=(((0, 2, 4), (5, 1, 3)), ((1, 0),)))
    state = tree.state(tree.init(jax.random.key(0)), 1)
    assert np.flatnonzero(state.mask("window:0:1")).tolist() == [1, 3, 5]
    row = tnsim.network_state(worlds.random_chain(8, 2).network, worlds.random_chain(8, 2).banks)
    assert np.flatnonzero(row.mask("window:1:1")).tolist() == [4, 5, 6, 7]


@settings(max_examples=12)
@given(worlds.drawn(measured=True), st.sampled_from([1, 2, 0.5]))
def test_all_sites_and_all_pairs(world, order):
    assume(not world.is_zero)
    N = len(world.sites)
    found = world.state.site_entropies(order)
    for site, (lower, upper) in enumerate(zip(found.lower, found.upper, strict=True)):
        if order == 0.5:
            assert found.value[site] == world.state.renyi([site], order).value
        else:
            assert lower - 1e-10 <= oracle.set_entropy(world.dense, [site], order) <= upper + 1e-10
    if order == 0.5:  # what is below rounding counts much
        return
    told = []
    pairs = world.state.mutual_information_map(order, progress=lambda *done: told.append(done))
    assert told[-1] == (N * (N - 1) // 2,) * 2
    np.testing.assert_array_equal(pairs.entropies, found.value)
    for i, j in combinations(range(N), 2):
        wanted = oracle.mutual_information(world.dense, [i], [j], order)
        assert abs(pairs.values[i, j] - wanted) <= pairs.error + 1e-10
        rho, one, other = (oracle.density_matrix(world.dense, its) for its in ([i, j], [i], [j]))
        assert pairs.correlations[j, i] == pytest.approx(np.linalg.norm(rho - np.kron(one, other)), abs=1e-9)


def test_a_layered_tree_has_certified_intervals_where_no_spectrum_fits(monkeypatch):
    arch = tnsim.ConvAC(sites=8, features=2, channels=(3, 4, 4), windows=(2, 2, 2), classes=2)
    params = arch.init(jax.random.key(0))
    state, other = tnsim.network_state(arch.network, params, 1, grid=arch), worlds.random_chain(4, 2).state
    assert np.flatnonzero(state.mask("window:0:1")).tolist() == [2, 3]
    whole = state.entropy("interleaved")
    assert whole.method == "exact spectrum"

    def refused(*_):
        raise MemoryLimitError("its exact Schmidt spectrum does not fit")

    monkeypatch.setattr(spectra, "spectrum", refused)
    monkeypatch.setattr(spectral, "EXACT", 1)
    found = state.entropy("interleaved")
    assert found.method.startswith("certified")
    assert found.agrees(whole)
    with pytest.raises(MemoryLimitError, match="does not fit"):  # no layered tree: said as it is
        other.entropy([0, 2])


def test_tree_only_measures_say_why_and_what_else():
    state = worlds.random_chain(4, 2).state
    with pytest.raises(NotLayered, match=r"one matrix a position.*tnsim\.network_state measures.*network_min_cut"):
        state.window_map()
    with pytest.raises(MemoryLimitError, match=r"min-cut, NetworkCut.*renyi\(A, order=2\).*Certified intervals"):
        state.entropy([0, 2], memory=100)


def test_an_entropy_that_is_not_sure_enough_is_refused():
    state = worlds.random_chain(4, 2).state
    assert state.entropy([0], atol=1e-6).method == "exact spectrum"
    with pytest.raises(ValueError, match="atol: wanted 1e-18 nats, found a rounding error of up to"):
        state.entropy([0], atol=1e-18)
    with pytest.raises(ValueError, match="atol: wanted a number > 0"):
        state.entropy([0], atol=0)


WORLD = worlds.World([2, 3, 2, 4], [(0, 2), (2, 1, 3)], [np.ones((2, 2)), np.ones((2, 3, 4))], [0, 1], (3,), (0,))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "label: wanted 1 numbers, one for each output, found None"),
        ({"label": 4}, r"label: wanted an integer in 0\.\.3, found 4"),
        ({"label": True}, r"label: wanted an integer in 0\.\.3, found True"),
        ({"label": (0, 1)}, "label: wanted 1 numbers"),
        ({"label": 0, "measure": "data"}, "measure: wanted one of"),
        ({"label": 0, "measure": "function"}, "gram: measure 'function' wants the Gram matrices"),
        ({"label": 0, "measure": "function", "gram": np.eye(2)}, "gram: wanted a list of 2 matrices"),
        ({"label": 0, "measure": "function", "gram": [np.eye(2)] * 2}, r"gram: wanted shape \(3, 3\) at site 1"),
        ({"label": 0, "grid": (3, 3)}, r"grid: wanted a shape of 2 sites, found \(3, 3\)"),
    ],
)
def test_what_does_not_fit(asked, words):
    with pytest.raises(ValueError, match=words):
        tnsim.network_state(WORLD.network, WORLD.banks, **asked)


def test_arguments_of_measures():
    state = WORLD.state
    with pytest.raises(ValueError, match=r"digits must lie in 0\.\.2, found 3"):
        state.amplitude(np.array([[0, 3]]))
    with pytest.raises(ValueError, match="sides: wanted two sets of sites"):
        state.mutual_information([0], [0])
    with pytest.raises(ValueError, match="sites: wanted at least one site"):
        state.reduced_density_matrix([])
    with pytest.raises(ValueError, match="network: wanted at least two sites"):
        tnsim.network_state(*tnsim.from_einsum("ab,bc->ac", np.eye(2), np.eye(2)))
