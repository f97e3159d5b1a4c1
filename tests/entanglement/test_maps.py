"""Maps: every window, site and block at once, against the spectrum of each. THEORY sections 3 and 6."""

from itertools import product

import numpy as np
import oracle
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import FEW, POOL, cases

import tnsim
from tnsim.entanglement import environment, maps
from tnsim.entanglement.reduced import density_matrices, entropies, entropy_error, felt, site_density_matrices
from tnsim.memory import MemoryLimitError

SOME = [POOL[0], POOL[6], POOL[9], POOL[-3]]  # windows of 2, one window, 2D, and groups of the user's; each compiles
WIDE = ("float64", "complex128")
SLACK = 1e-12  # of the oracle's own rounding


def parts(state):
    return state.network, state.banks, state.vector, state.measure


def drawn(arch, dtype="float64"):
    rng = np.random.default_rng(3)
    return strategies.named([strategies.normal(rng, shape, dtype) for shape in strategies.shapes(arch)])


def check_windows(case, order):
    """Against the oracle: entropies inside their intervals, probabilities, and ranks."""
    found = maps.window_map(*parts(case.state))
    assert [level.level for level in found.levels] == list(range(-1, case.arch.depth - 1))
    for level in found.levels:
        below = case.arch.sites_below(level.level) if level.level >= 0 else np.arange(case.arch.size)[:, None]
        S, ranks, top = level.entropy(order), level.rank(1e-4).ravel(), level.top(2).reshape(len(below), -1)
        assert level.sites == below.shape[1]
        for node, sites in enumerate(below):
            wanted = oracle.set_entropy(case.dense, sites, order)
            assert S.lower.ravel()[node] - SLACK <= wanted <= S.upper.ravel()[node] + SLACK
            if order >= 1:
                assert S.value.ravel()[node] == pytest.approx(wanted, abs=1e-9)
            values = oracle.spectrum(case.dense, np.isin(np.arange(case.arch.size), sites))[0]
            np.testing.assert_allclose(top[node], np.append(values**2, 0)[: top.shape[1]], atol=1e-10)
            assert (values > 1.01e-4).sum() <= ranks[node] <= (values > 0.99e-4).sum()


@settings(max_examples=12)
@given(cases(WIDE, SOME) | cases(WIDE, SOME[1:3], measured=True), st.sampled_from([0.5, 1, 2, np.inf]))
def test_windows_and_sites(case, order):
    check_windows(case, order)


@pytest.mark.slow
@settings(max_examples=36)
@given(cases(archs=POOL[::2]) | cases(archs=FEW, measured=True), st.sampled_from([0.5, 1, 3]))
def test_windows_and_sites_everywhere(case, order):
    check_windows(case, order)


@settings(max_examples=5)
@given(cases(WIDE, SOME[-1:]))
def test_a_window_of_the_map_is_the_window_of_the_spectrum(case):
    found = maps.window_map(*parts(case.state))
    for level in found.levels[1:]:
        for node, S in enumerate(level.entropy().value.ravel()):
            wanted = case.state.schmidt(f"window:{level.level}:{node}").entropy()
            assert pytest.approx(wanted, abs=1e-9) == S


@settings(max_examples=9)
@given(cases(WIDE, SOME) | cases(WIDE, SOME[1:3], measured=True))
def test_single_sites(case):
    found = maps.site_entropies(*parts(case.state))
    wanted = [oracle.set_entropy(case.dense, [site]) for site in range(case.arch.size)]
    np.testing.assert_allclose(found.value, wanted, atol=1e-9)
    assert (found.lower - SLACK <= wanted).all()
    assert (wanted <= found.upper + SLACK).all()
    np.testing.assert_allclose(found.value, maps.window_map(*parts(case.state)).level(-1).entropy().value.ravel(),
                               atol=1e-9)  # fmt: skip


@settings(max_examples=9)
@given(cases(WIDE, SOME) | cases(WIDE, SOME[1:3], measured=True))
def test_every_edge_closes_to_the_same_norm(case):
    """sum_gh G E is <psi|psi> on every edge, up to the scales that were dropped: they are ratios of leaves' rho."""
    found = environment.environments(*parts(case.state))
    for G, E in zip(found.grams, found.environments, strict=True):
        assert ((G * E).sum(axis=(1, 2)).real > 0).all()
        np.testing.assert_allclose((G * E).sum(axis=(1, 2)).imag, 0, atol=1e-9)
        np.testing.assert_allclose(E, np.conj(np.swapaxes(E, 1, 2)), atol=1e-12 * np.abs(E).max())
    sites = [[site] for site in range(case.arch.size)]
    single = density_matrices(*parts(case.state), sites)
    np.testing.assert_allclose(site_density_matrices(found, case.state.measure), single, atol=1e-10)


GRIDS = [((4, 4), (2, 2), (1, 2)), ((4, 4), (2, 2), (3, 3)), ((12,), (3, 2, 2), (5,))]


@pytest.mark.parametrize(("grid", "windows", "block"), GRIDS)
def test_blocks_at_every_position(grid, windows, block):
    sites = grid if len(grid) == 2 else grid[0]
    arch = tnsim.ConvAC(sites, 2, (3,) * len(windows), windows, 1)
    banks = drawn(arch)
    dense = oracle.tensor(strategies.wiring(arch), [*banks.values()][:-1], banks["output"], 0)
    found = maps.block_map(*parts(arch.state(banks, 0)), arch.grid, block)
    positions = [range(n - b + 1) for n, b in zip(grid, block, strict=True)]
    assert found.value.shape == tuple(map(len, positions))
    for first in product(*positions):
        mask = np.zeros(grid, dtype=bool)
        mask[tuple(slice(f, f + b) for f, b in zip(first, block, strict=True))] = True
        np.testing.assert_array_equal(maps.block_masks(grid, block)[first], mask.ravel())
        assert found.value[first] == pytest.approx(oracle.set_entropy(dense, np.flatnonzero(mask), 2), abs=1e-9)
        assert found.lower[first] <= found.value[first] <= found.upper[first]


def test_more_blocks_than_a_batch(monkeypatch):
    arch = tnsim.ConvAC(12, 2, (3, 3, 3), (3, 2, 2), 1)
    state = arch.state(drawn(arch), 0)
    whole = maps.block_map(*parts(state), (12,), (5,))
    monkeypatch.setattr(maps, "BATCH", 2)
    np.testing.assert_allclose(maps.block_map(*parts(state), (12,), (5,)).value, whole.value, atol=1e-12)


@pytest.mark.parametrize("block", [(4, 4), (5, 1), (0, 1), (2,)])
def test_blocks_that_do_not_fit(block):
    with pytest.raises(ValueError, match=r"block: wanted a part of the grid \(4, 4\), found \("):
        maps.block_masks((4, 4), block)


def test_shapes_follow_the_grid_and_the_profile_the_scales():
    arch = tnsim.ConvAC((4, 8), 2, (3, 3, 3), ((2, 2), (1, 2), (2, 2)), 1)
    found = maps.window_map(*parts(arch.state(drawn(arch), 0)), arch.grid)
    assert [level.shape for level in found.levels] == [(4, 8), (2, 4), (2, 2)]
    assert [level.entropy().value.shape for level in found.levels] == [(4, 8), (2, 4), (2, 2)]
    assert found.level(0).top(2).shape == (2, 4, 2)
    means = [level.entropy().value.mean() for level in found.levels]
    np.testing.assert_allclose(found.profile(), np.stack([[1, 4, 8], means], axis=1))
    with pytest.raises(ValueError, match=r"level: wanted -1 \(sites\)\.\.1, found 2"):
        found.level(2)


@pytest.mark.parametrize(
    ("sites", "windows", "geometry", "shapes"),
    [
        (8, (2, 2, 2), None, [(8,), (4,), (2,)]),
        ((4, 4), (2, 2), "mirror", [(4, 4), (4,)]),
        ((2, 6), ((1, 3), (2, 2)), None, [(2, 6), (2, 2)]),
        ((2, 4), ((2, 1), (1, 4)), None, [(2, 4), (1, 4)]),
    ],
)
def test_windows_lie_as_they_tile_the_grid(sites, windows, geometry, shapes):
    arch = tnsim.ConvAC(sites, 2, (2,) * len(windows), windows, 1, geometry=geometry)
    below = [np.arange(arch.size)[:, None], *(arch.sites_below(level) for level in range(arch.depth - 1))]
    assert [maps.tiling(part, arch.grid) for part in below] == shapes
    assert [maps.tiling(part, None) for part in below] == [(len(part),) for part in below]


def test_a_state_that_is_zero_has_no_map():
    arch = POOL[0]
    state = arch.state(drawn(arch) | {"output": np.zeros((arch.classes, arch.channels[-1]))}, 0)
    for measured in (maps.window_map, maps.site_entropies):
        with pytest.raises(ValueError, match="state: it is exactly zero or not finite, so it has no density matrix"):
            measured(*parts(state))


def test_too_large_a_sweep_is_refused():
    words = r"environments: the Gram matrices of all edges needs about .*B, above the limit of 1 KB\. Ways out"
    with pytest.raises(MemoryLimitError, match=words):
        maps.window_map(*parts(POOL[0].state(drawn(POOL[0]), 0)), limit=1000)


@settings(max_examples=180)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.3, 0.5, 0.9, 1, 1.5, 2, 3, np.inf]))
def test_moved_probabilities_move_the_entropy_by_no_more(seed, order):
    """p moved by T to another p', both normalised: flat or steep, by little or by much."""
    rng = np.random.default_rng(seed)
    k = int(rng.integers(2, 9))
    p = rng.dirichlet(np.full(k, 10 ** rng.uniform(-1, 1)))
    T = 10 ** rng.uniform(-12, -3)
    q = p.copy()
    q[np.argmax(p)] -= T
    q[rng.integers(k)] += T
    S, moved = entropies(p, order), entropies(q, order)
    T = 0.5 * np.abs(p - q).sum()
    # Orders other than 1 are bounded to first order in T.
    assert abs(S - moved) <= entropy_error(T, k, order, S) * (1 + 0.1 * (order != 1)) + 1e-13


@settings(max_examples=15)
@given(cases(WIDE, SOME), st.integers(0, 2**32 - 1))
def test_what_is_felt_covers_banks_that_are_rounded(case, seed):
    """The first level's weights rounded to eps = 1e-9: rho moves by less than `felt` at that eps."""
    rng, banks = np.random.default_rng(seed), dict(case.state.banks)
    rounded = banks["conv_0"] * (1 + 1e-9 * rng.uniform(-1, 1, banks["conv_0"].shape))
    other = case.arch.state(banks | {"conv_0": rounded}, case.label)
    sites = np.flatnonzero(case.mask)[:2].tolist()
    found = environment.environments(*parts(case.state))
    before, after = (density_matrices(*parts(state), [sites])[0] for state in (case.state, other))
    moved = 0.5 * np.abs(np.linalg.eigvalsh(after - before)).sum()
    assert moved <= 1e-9 / environment.EPS * felt(found, sites, case.arch.features) + 1e-13
