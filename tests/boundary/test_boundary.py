"""Grids contracted by boundary chains against their dense tensors: exact where nothing is left out, else in bounds."""

from dataclasses import replace

import network_worlds as worlds
import numpy as np
import opt_einsum
import oracle
import pytest
from architectures.networks import cases
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import normal

import tnsim
from tnsim.boundary import layers
from tnsim.boundary.grids import rows_of
from tnsim.memory import MemoryLimitError

SEEDS = st.integers(0, 2**32 - 1)


def grid(height, width, bond, seed=0, dtype="float64", d=2, measured=False):
    """(state, the world that it is of)."""
    world, rng = worlds.peps(height, width, bond, d, seed), np.random.default_rng(seed)
    world = replace(world, tensors=[normal(rng, tensor.shape, dtype) for tensor in world.tensors])
    if measured:
        root = normal(rng, (d, d), dtype)
        world = replace(world, gram=root @ root.conj().T + 0.1 * np.eye(d))
    measure = ("coefficient", None) if world.gram is None else ("function", world.gram)
    return tnsim.network_state(world.network, world.banks, None, *measure, grid=(height, width)), world


SHAPES = [(1, 2), (1, 4), (2, 1), (3, 1), (2, 2), (2, 3), (3, 2), (3, 3), (2, 4), (4, 2)]
# Their numbers are drawn and they are made in the tests: type checkers draw random numbers, which no strategy may.
DRAWN = st.tuples(st.sampled_from(SHAPES), st.integers(1, 3), SEEDS, st.sampled_from(["float64", "complex128"]),
                  st.booleans())  # fmt: skip


def made(drawn):
    """`grid` of what was drawn."""
    shape, bond, seed, dtype, measured = drawn
    return grid(*shape, bond, seed, dtype, measured=measured)


def number(found):
    return found.value * np.exp(found.log_scale)


def within(found, wanted):
    """The bound holds, and the estimate is no more than it."""
    off = np.abs(found.value - wanted * np.exp(-found.log_scale))
    assert (off <= found.bound).all()
    assert (found.estimate <= found.bound * (1 + 1e-12)).all()
    return off


def vectors(seed, samples, sites, dtype="float64", d=2):
    return normal(np.random.default_rng(seed), (samples, sites, d), dtype)


@settings(max_examples=15)
@given(DRAWN, SEEDS)
def test_nothing_left_out_is_exact(drawn, seed):
    state, world = made(drawn)
    boundary = tnsim.boundary_mps(state)
    features = vectors(seed, 2, len(world.sites), world.tensors[0].dtype)
    plain = replace(world, gram=None).dense
    found, wanted = boundary.scores(features), np.array([oracle.multilinear(plain, x) for x in features])
    np.testing.assert_allclose(number(found), wanted, rtol=1e-9, atol=1e-9 * np.linalg.norm(plain))
    within(found, wanted)
    found = boundary.norm_squared()
    assert number(found) == pytest.approx(np.linalg.norm(world.dense) ** 2, rel=1e-9)
    within(found, np.linalg.norm(world.dense) ** 2)
    assert found.bound < 1e-6
    for site, rho in enumerate(boundary.density_matrices().matrices):
        np.testing.assert_allclose(rho, oracle.density_matrix(world.dense, [site]), atol=1e-9)


@settings(max_examples=15)
@given(DRAWN, SEEDS, st.integers(1, 5))
def test_what_a_width_leaves_out_stays_within_the_bound(drawn, seed, width):
    state, world = made(drawn)
    boundary = tnsim.boundary_mps(state, width)
    features = vectors(seed, 2, len(world.sites), world.tensors[0].dtype)
    plain = replace(world, gram=None).dense
    found = boundary.scores(features)
    within(found, np.array([oracle.multilinear(plain, x) for x in features]))
    assert found.discarded.shape == (2, state.sites.grid[0])
    within(boundary.norm_squared(), np.linalg.norm(world.dense) ** 2)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_errors_fall_as_the_width_grows(dtype):
    state, world = grid(4, 4, 2, 3, dtype)
    wanted = np.linalg.norm(world.dense) ** 2
    found = [tnsim.boundary_mps(state, width).norm_squared() for width in (1, 2, 4, 8, 16)]
    off = [float(within(one, wanted)) for one in found]
    assert off[0] > 1e-3
    assert off[3] < 0.5 * off[0]
    assert off[4] < 1e-10  # two rows hold no more
    assert found[4].estimate < 1e-9 < found[3].estimate < found[0].estimate
    assert found[4].discarded[:4].sum() < 1e-20 < found[3].discarded.sum() < found[0].discarded.sum()


def test_scores_of_a_grid_of_bond_3():
    state, world = grid(4, 4, 3, 1)
    features = vectors(5, 3, 16)
    wanted = np.array([oracle.multilinear(world.dense, x) for x in features])
    off = [within(tnsim.boundary_mps(state, width).scores(features), wanted).max() for width in (2, 4, 9)]
    assert off[2] < 1e-8 < off[0]  # two rows hold no more than 9


def test_sites_come_closer_as_the_width_grows():
    state, world = grid(4, 3, 2, 1)
    exact, worst = [oracle.density_matrix(world.dense, [site]) for site in range(12)], []
    for width in (1, 2, 16):
        found = tnsim.boundary_mps(state, width).density_matrices()
        worst.append(max(abs(rho - one).max() for rho, one in zip(found.matrices, exact, strict=True)))
        assert worst[-1] <= 10 * found.estimate.max() + 1e-9
    assert worst[2] < 1e-9 < worst[1]


@settings(max_examples=10)
@given(cases(["peps", "peps-state"]), SEEDS)
def test_an_architectures_classes_are_its_scores(case, seed):
    features = vectors(seed, 2, case.arch.size, "float64", case.arch.features)
    for label in case.classes:
        found = tnsim.boundary_mps(case.arch.state(case.params, label)).scores(features)
        wanted = [oracle.multilinear(case.dense(label), x) for x in features]
        np.testing.assert_allclose(number(found), wanted, rtol=1e-8, atol=1e-8 * np.abs(case.dense(label)).max())


def test_local_expectations():
    state, world = grid(3, 3, 2, 7, "complex128", measured=True)
    Z = np.array([[1.0, 1j], [-1j, -2.0]])
    found = tnsim.boundary_mps(state, 16).expectations(Z)
    wanted = [np.trace(oracle.density_matrix(world.dense, [site]) @ Z).real for site in range(9)]
    np.testing.assert_allclose(found.value, wanted, atol=1e-9)
    assert (np.abs(tnsim.boundary_mps(state, 3).expectations(Z).value - wanted) < 1).all()
    for wrong in (np.eye(3), np.array([[0.0, 1.0], [0.0, 0.0]])):
        with pytest.raises(ValueError, match="operator: wanted a Hermitian matrix of shape"):
            tnsim.boundary_mps(state, 2).expectations(wrong)


@given(SEEDS, st.integers(1, 4), st.integers(1, 3))
def test_a_stretch_bounds_the_largest_singular_value(seed, columns, bond):
    rng = np.random.default_rng(seed)
    bonds = [1, *rng.integers(1, bond + 1, columns - 1), 1]
    layer = tuple(
        layers.Column(normal(rng, (bonds[c], *rng.integers(1, 4, 2), bonds[c + 1]), "complex128"), True)
        for c in range(columns)
    )
    dense = np.ones((1, 1, 1))
    for tensor, _, _ in layer:
        dense = np.einsum("ioa,axyb->ixoyb", dense, tensor)
        dense = dense.reshape(dense.shape[0] * dense.shape[1], -1, dense.shape[-1])
    most = np.linalg.norm(dense[..., 0], 2)
    assert most <= np.exp(layers.log_stretch(layer)) * (1 + 1e-12)
    assert np.exp(layers.log_stretch(layer)) <= most * np.sqrt(min(dense.shape[:2])) * (1 + 1e-12)


@pytest.mark.slow
def test_a_large_grid_that_no_exact_way_holds():
    arch, rng = tnsim.PEPS((10, 10), features=2, bond=3), np.random.default_rng(0)
    params = {name: 0.03 * normal(rng, shape) for name, shape in arch.network.bank_shapes.items()}
    for bank in params.values():
        bank[(slice(None), *(0,) * (bank.ndim - 1))] += 1
    state = arch.state(params)
    with pytest.raises(MemoryLimitError, match="the norm needs about"):
        state.norm(memory="100MB")
    found = tnsim.boundary_mps(state, 9, memory="100MB").norm_squared()
    assert found.value == 1
    assert found.estimate < 0.1
    features = np.abs(rng.normal(size=(1, 100, 2)))
    value = closed_by_hand(arch.network, params, features[0])
    scores = tnsim.boundary_mps(state, 9).scores(features)
    assert abs(number(scores)[0] / value - 1) < 1e-3
    within(scores, value)


def closed_by_hand(network, params, vectors):
    """The number of a network with vectors at its sites: 3^10 numbers at once are no trouble."""
    operands = [part for view in network.tensors() for part in (params[view.bank][view.slot], view.legs)]
    for index, vector in zip(network.sites.array.tolist(), vectors, strict=True):
        operands += [vector, (index,)]
    return opt_einsum.contract(*operands, (), optimize="greedy")


def test_a_state_that_is_zero():
    state, world = grid(2, 3, 2)
    zero = tnsim.network_state(world.network, {**world.banks, "t4": np.zeros((2, 2, 2, 2))}, grid=(2, 3))
    found = tnsim.boundary_mps(zero, 2).norm_squared()
    assert (found.value, found.bound) == (0, 0)
    with pytest.raises(ValueError, match="state: it is zero"):
        tnsim.boundary_mps(zero, 2).density_matrices()
    assert tnsim.boundary_mps(state, 2).norm_squared().value == 1


def test_numbers_that_leave_float_range():
    state, world = grid(3, 4, 2)
    small = {name: bank * 1e-40 for name, bank in world.banks.items()}
    found = tnsim.boundary_mps(tnsim.network_state(world.network, small, grid=(3, 4)), 4).norm_squared()
    plain = tnsim.boundary_mps(state, 4).norm_squared()
    assert found.log_scale == pytest.approx(plain.log_scale - 24 * 40 * np.log(10))
    assert found.estimate == pytest.approx(plain.estimate)


def test_what_is_no_grid_says_why_and_what_else():
    ways = r"tnsim\.network_state measures any network"
    chain = worlds.random_chain(4, 2, ring=True)
    with pytest.raises(ValueError, match=r"state: wanted sites on a grid \(height, width\), found \(4,\).*" + ways):
        tnsim.boundary_mps(chain.state)
    ring = tnsim.network_state(chain.network, chain.banks, grid=(2, 2))
    with pytest.raises(ValueError, match=r"wanted bonds between neighbours on the grid alone, found index \d.*" + ways):
        tnsim.boundary_mps(ring)
    tree = worlds.tree(2, 2)
    with pytest.raises(ValueError, match="wanted one tensor for each of 4 sites"):
        tnsim.boundary_mps(tnsim.network_state(tree.network, tree.banks, grid=(2, 2)))
    ghz = worlds.ghz(4)
    with pytest.raises(ValueError, match=r"wanted one tensor for each of 4 sites.*one shared"):
        tnsim.boundary_mps(tnsim.network_state(ghz.network, ghz.banks, grid=(2, 2)))


def test_arguments():
    state, _ = grid(2, 2, 2)
    with pytest.raises(ValueError, match="width: wanted at least 1, found 0"):
        tnsim.boundary_mps(state, 0)
    boundary = tnsim.boundary_mps(state, 2, memory=100)
    with pytest.raises(MemoryLimitError, match=r"A boundary of width 2 needs about .* Ways out: a smaller width="):
        boundary.norm_squared()
    with pytest.raises(ValueError, match=r"features: wanted shape \(batch, 4, 2\), found \(1, 3, 2\)"):
        boundary.scores(np.ones((1, 3, 2)))
    with pytest.raises(ValueError, match="features: wanted at least one sample"):
        boundary.scores(np.ones((0, 4, 2)))
    two = tnsim.boundary_mps(state, 2)
    assert "within" in repr(two.norm_squared())
    assert repr(two.scores(np.ones((3, 4, 2)))).startswith("Contracted(3 values")


def test_bonds_beside_each_other_are_one():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3, 2)), rng.normal(size=(3, 2, 2))  # two bonds between two sites
    world = worlds.World([2, 3, 2, 2], [(0, 1, 2), (1, 0, 3)], [a, b], [2, 3])
    state = tnsim.network_state(world.network, world.banks, grid=(1, 2))
    assert [core.shape for core in rows_of(state)[0]] == [(1, 1, 1, 6, 2), (1, 6, 1, 1, 2)]
    wanted = np.linalg.norm(np.einsum("xyi,yxj->ij", a, b)) ** 2
    assert number(tnsim.boundary_mps(state).norm_squared()) == pytest.approx(wanted)
