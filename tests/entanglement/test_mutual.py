"""Mutual information of sets and of all pairs against the dense tensor. THEORY sections 3 and 6."""

from itertools import combinations

import numpy as np
import oracle
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import FEW, POOL, cases

import tnsim
from tnsim.entanglement import mutual
from tnsim.memory import MemoryLimitError

SOME = [POOL[0], POOL[6], POOL[9], POOL[-3]]  # windows of 2, one window, 2D, and groups of the user's; each compiles
WIDE = ("float64", "complex128")
SLACK = 1e-12  # of the oracle's own rounding


def parts(state):
    return state.network, state.banks, state.vector, state.measure


def drawn(arch, dtype="float64"):
    rng = np.random.default_rng(3)
    return strategies.named([strategies.normal(rng, shape, dtype) for shape in strategies.shapes(arch)])


def inside(estimate, wanted):
    return estimate.lower - SLACK <= wanted <= estimate.upper + SLACK


@st.composite
def sides(draw, sites):
    """Two sets of sites with none in common."""
    order = draw(st.permutations(range(sites)))
    ends = sorted(draw(st.sets(st.integers(1, sites), min_size=2, max_size=2)))
    return list(order[: ends[0]]), list(order[ends[0] : ends[1]])


@settings(max_examples=12)
@given(cases(WIDE, SOME) | cases(WIDE, SOME[1:3], measured=True), st.sampled_from([1, 2]), st.data())
def test_two_sets_of_sites(case, order, data):
    check_two_sets(case, order, data)


@pytest.mark.slow
@settings(max_examples=36)
@given(cases(archs=FEW) | cases(archs=FEW, measured=True), st.sampled_from([1, 2]), st.data())
def test_two_sets_of_sites_everywhere(case, order, data):
    check_two_sets(case, order, data)


def check_two_sets(case, order, data):
    X, Y = data.draw(sides(case.arch.size))
    found = mutual.mutual_information(*parts(case.state), (X, Y), order)
    wanted = oracle.mutual_information(case.dense, X, Y, order)
    assert inside(found, wanted)
    assert found.value == pytest.approx(wanted, abs=1e-9)
    other = mutual.mutual_information(*parts(case.state), (Y, X), order)
    assert found.value == pytest.approx(other.value, abs=1e-10)
    if order == 1:
        ends = [mutual.entropy(*parts(case.state), side) for side in (X, Y)]
        assert found.lower >= 0
        assert found.value <= 2 * min(end.upper for end in ends) + 1e-12


@settings(max_examples=18)
@given(cases(WIDE, SOME) | cases(WIDE, SOME[1:3], measured=True), st.sampled_from([0.5, 1, 2, 3, np.inf]), st.data())
def test_the_entropy_of_a_set(case, order, data):
    sites = list(data.draw(st.permutations(range(case.arch.size)))[: data.draw(st.integers(1, case.arch.size))])
    found = mutual.entropy(*parts(case.state), sites, order)
    assert inside(found, oracle.set_entropy(case.dense, sites, order))
    if order >= 1:  # below 1 the smallest values count, and those are rounding: the interval says how much
        assert found.value == pytest.approx(oracle.set_entropy(case.dense, sites, order), abs=1e-9)


@settings(max_examples=5)
@given(cases(WIDE, SOME[-1:]))
def test_large_sets_are_measured_by_their_spectrum(case):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mutual, "DENSE", 0)
        found = mutual.entropy(*parts(case.state), np.flatnonzero(case.mask).tolist())
    assert found.method == "exact spectrum"
    assert inside(found, oracle.set_entropy(case.dense, np.flatnonzero(case.mask)))


@settings(max_examples=12)
@given(cases(WIDE, SOME) | cases(WIDE, SOME[1:3], measured=True), st.sampled_from([1, 2]))
def test_all_pairs(case, order):
    check_all_pairs(case, order)


@pytest.mark.slow
@settings(max_examples=15)
@given(cases(archs=POOL[1::4]) | cases(archs=FEW, measured=True), st.sampled_from([1, 2]))
def test_all_pairs_everywhere(case, order):
    check_all_pairs(case, order)


def check_all_pairs(case, order):
    found = mutual.mutual_information_map(*parts(case.state), order)
    for i, j in combinations(range(case.arch.size), 2):
        wanted = oracle.mutual_information(case.dense, [i], [j], order)
        assert inside(found.pair(i, j), wanted)
        assert found.values[i, j] == pytest.approx(wanted, abs=1e-9)
        rho = oracle.density_matrix(case.dense, [i, j])
        single = [oracle.density_matrix(case.dense, [site]) for site in (i, j)]
        assert found.correlations[i, j] == pytest.approx(np.linalg.norm(rho - np.kron(*single)), abs=1e-10)
    wanted = [oracle.set_entropy(case.dense, [i], order) for i in range(case.arch.size)]
    np.testing.assert_allclose(found.entropies, wanted, atol=1e-9)


@settings(max_examples=9)
@given(cases(WIDE, SOME))
def test_the_map_is_symmetric_and_keeps_its_bounds(case):
    found = mutual.mutual_information_map(*parts(case.state))
    np.testing.assert_array_equal(found.values, found.values.T)
    np.testing.assert_array_equal(found.correlations, found.correlations.T)
    np.testing.assert_array_equal(np.isnan(found.values), np.eye(case.arch.size, dtype=bool))
    off = ~np.eye(case.arch.size, dtype=bool)
    smaller = np.minimum(found.entropies[:, None], found.entropies[None])
    assert (found.values[off] >= 0).all()
    assert (found.values - 2 * smaller)[off].max() <= found.error
    assert (found.correlations**2 / 2 - found.values)[off].max() <= found.error + 1e-15  # Pinsker


ARCH = tnsim.ConvAC(sites=8, features=2, channels=(3, 4, 3), windows=(2, 2, 2), classes=2)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_sites_by_other_numbers(dtype):
    """Sites numbered anew, with their matrices: the same map, rows and columns exchanged."""
    rng, banks = np.random.default_rng(1), drawn(ARCH, dtype)
    new = rng.permutation(8)
    groups = [new[ARCH.groups(0)].tolist(), ARCH.groups(1).tolist(), ARCH.groups(2).tolist()]
    other = tnsim.ConvAC(8, 2, (3, 4, 3), (2, 2, 2), 2, geometry=groups)
    moved = banks | {"conv_0": banks["conv_0"][np.argsort(new)]}
    before = mutual.mutual_information_map(*parts(ARCH.state(banks, 1)))
    after = mutual.mutual_information_map(*parts(other.state(moved, 1)))
    np.testing.assert_allclose(after.values[np.ix_(new, new)], before.values, atol=1e-12)


@pytest.mark.parametrize("chunk", [1, 40, 300])
def test_chunks_change_nothing_and_are_told(chunk, monkeypatch):
    state, told = ARCH.state(drawn(ARCH), 0), []
    whole = mutual.mutual_information_map(*parts(state))
    monkeypatch.setattr(mutual, "CHUNK", chunk)
    found = mutual.mutual_information_map(*parts(state), progress=lambda *done: told.append(done))
    np.testing.assert_allclose(found.values, whole.values, atol=1e-13)
    assert [total for _, total in told] == [28] * len(told)
    assert told[-1] == (28, 28)
    assert len(told) >= (7 if chunk < 300 else 3)
    assert sorted(told) == told


def test_two_sites_of_one_bell_pair_and_no_others():
    """conv_0 the identity, deeper channels that sum them: pairs in the same window of 2 hold 2 ln 2, others nothing."""
    arch = tnsim.ConvAC(8, 2, (2, 1, 1), (2, 2, 2), 1, sharing="full")
    params = strategies.named([np.eye(2)[None], np.ones((1, 1, 2)), np.ones((1, 1, 1)), np.ones((1, 1))])
    found = mutual.mutual_information_map(*parts(arch.state(params, 0)))
    wanted = 2 * np.log(2) * (np.arange(8)[:, None] // 2 == np.arange(8)[None] // 2)
    off = ~np.eye(8, dtype=bool)
    np.testing.assert_allclose(found.values[off], wanted[off], atol=1e-13)
    fall = found.decay((8,))
    np.testing.assert_array_equal(fall.distance, np.arange(1, 8))
    np.testing.assert_allclose(fall.mean, [8 / 7 * np.log(2), *np.zeros(6)], atol=1e-13)
    np.testing.assert_allclose(fall.largest, [2 * np.log(2), *np.zeros(6)], atol=1e-13)
    np.testing.assert_array_equal(fall.count, np.arange(7, 0, -1))


@pytest.mark.parametrize("grid", [(7,), (3, 4), (5, 5)])
def test_decay_is_by_distance_on_the_grid(grid):
    N = int(np.prod(grid))
    values = np.random.default_rng(0).random((N, N))
    values = values + values.T
    found = mutual.decay(values, grid)
    bins = {}
    for i, j in combinations(range(N), 2):
        bins.setdefault(round(oracle.distance(grid, i, j)), []).append(values[i, j])
    assert found.distance.tolist() == sorted(bins)
    for distance, mean, largest, count in zip(*vars(found).values(), strict=True):
        assert mean == pytest.approx(np.mean(bins[distance]))
        assert largest == max(bins[distance])
        assert count == len(bins[distance])


def test_a_grid_of_other_sites_is_refused():
    with pytest.raises(ValueError, match=r"grid: wanted a shape of 4 sites, found \(3, 2\)"):
        mutual.decay(np.zeros((4, 4)), (3, 2))


@settings(max_examples=18)
@given(cases(archs=FEW), st.sampled_from([1, 2, 3]), st.data())
def test_sets_whose_spectra_are_out_of_reach(case, order, data):
    """By intervals of von Neumann entropies, and by replicas."""
    X, Y = data.draw(sides(case.arch.size))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mutual, "DENSE", 0)
        patch.setattr(mutual.spectral, "EXACT", 1)
        patch.setattr(mutual, "_by_spectrum", refused)
        found = mutual.mutual_information(*parts(case.state), (X, Y), order, mutual.Asked(atol=0.03))
    wanted = oracle.mutual_information(case.dense, X, Y, order)
    assert found.lower - 1e-9 <= wanted <= found.upper + 1e-9
    assert ("certified" if order == 1 else "replicas") in found.method
    assert order > 1 or found.width <= 0.03 + 1e-9


def refused(*problem):
    raise MemoryLimitError("too large")


def test_only_whole_orders_have_replicas(monkeypatch):
    monkeypatch.setattr(mutual, "DENSE", 0)
    monkeypatch.setattr(mutual, "_by_spectrum", refused)
    with pytest.raises(MemoryLimitError, match="too large"):
        mutual.entropy(*parts(ARCH.state(drawn(ARCH), 0)), [0], 1.5)


@pytest.mark.parametrize("chosen", [([], [1]), ([0], []), ([0, 1], [1, 2])])
def test_sides_that_do_not_fit(chosen):
    with pytest.raises(ValueError, match="sides: wanted two sets of sites, none empty and no site in both, found"):
        mutual.mutual_information(*parts(ARCH.state(drawn(ARCH), 0)), chosen)


def test_orders_that_rounding_decides_are_refused():
    with pytest.raises(ValueError, match="order: wanted a number > 0, found 0"):
        mutual.entropy(*parts(ARCH.state(drawn(ARCH), 0)), [0], 0)


def test_too_large_a_map_is_refused():
    words = r"mutual_information: all pairs of sites needs about .*B, above the limit of 1 MB\. Ways out: narrower"
    with pytest.raises(MemoryLimitError, match=words):
        mutual.mutual_information_map(*parts(ARCH.state(drawn(ARCH), 0)), limit="1MB")


def test_a_state_that_is_zero_has_no_map():
    params = drawn(ARCH) | {"output": np.zeros((2, 3))}
    with pytest.raises(ValueError, match="state: it is exactly zero or not finite, so it has no density matrix"):
        mutual.mutual_information_map(*parts(ARCH.state(params, 0)))


def test_channels_that_cancel_are_told_by_the_interval():
    arch = tnsim.ConvAC(2, 2, (2,), (2,), 1)
    for step in (1e-3, 1e-5, 1e-7, 1e-8):
        twin = np.array([[1.0, 0.3], [1.0, 0.3 + step]])
        params = {"conv_0": np.stack([twin, twin[::-1] + step * np.eye(2)[1:].T]), "output": np.array([[1.0, -1.0]])}
        dense = np.einsum("gi,gj->ij", [[1], [-1]] * params["conv_0"][0], params["conv_0"][1])
        assert inside(mutual.entropy(*parts(arch.state(params, 0)), [0]), oracle.set_entropy(dense, [0]))
        assert inside(mutual.mutual_information_map(*parts(arch.state(params, 0))).pair(0, 1),
                      2 * oracle.set_entropy(dense, [0]))  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sites", "windows", "dtype"), [((32, 32), (2,) * 5, "float64"), (1024, (1024,), "complex128")]
)
def test_a_thousand_sites(sites, windows, dtype):
    arch = tnsim.ConvAC(sites, 2, (16 if len(windows) > 1 else 4,) * len(windows), windows, 1)
    state = arch.state(drawn(arch, dtype), 0)
    found = mutual.mutual_information_map(*parts(state))
    rng = np.random.default_rng(0)
    for _ in range(10):
        i, j = rng.permutation(1024)[:2].tolist()
        pair = mutual.mutual_information(*parts(state), ([i], [j]))
        assert found.pair(i, j).agrees(pair)
        assert found.values[i, j] == pytest.approx(pair.value, abs=1e-10)
