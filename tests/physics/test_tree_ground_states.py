"""Two-site DMRG on trees: binary, ternary, combs, against exact diagonalisation and closed forms."""

import numpy as np
import oracle
import pytest
from canonical import drawn
from hypothesis import given, settings
from physics.test_ground_states import diagonalised, free_fermions
from physics.test_hamiltonian import drawn_terms

from tnsim.canonical import binary_wiring, dense, random_state, wiring
from tnsim.physics import (
    Stops,
    aklt,
    energy,
    energy_and_variance,
    ground_state,
    hamiltonian,
    heisenberg,
    ising,
    pauli,
    tree_dmrg,
)  # fmt: skip
from tnsim.physics.environments import beyond, of_site
from tnsim.physics.pairs import truncated


def ternary(sites):
    """Three sites a core, and one core over all: fewer sites on the last."""
    groups = [range(start, min(start + 3, sites)) for start in range(0, sites, 3)]
    return wiring([*([*(~site for site in group), bond] for bond, group in enumerate(groups)), range(len(groups))])


def comb(sites):
    """A spine of cores without sites, from each a core with one site."""
    inner, spine = sites - 2, []
    for core in range(inner):
        left = core - 1 if core else inner - 1
        right = core if core < inner - 1 else inner
        spine.append((left, right, inner + 1 + core))
    leaves = [(~(core + 1), inner + 1 + core) for core in range(inner)]
    return wiring([*spine, (~0, inner - 1), (inner, ~(sites - 1)), *leaves])


TREES = {"binary": binary_wiring, "ternary": ternary, "comb": comb}
MODELS = {
    "Heisenberg": (heisenberg(8), lambda: diagonalised(8)),
    "Ising": (ising(9, 0.7), lambda: free_fermions(9, 0.7)),
    "AKLT": (aklt(6), lambda: -2 / 3 * 5),
}


@pytest.mark.parametrize(
    ("model", "tree"),
    [pytest.param(model, tree, marks=pytest.mark.slow if model == "AKLT" and tree != "binary" else [])
     for model in MODELS for tree in TREES],
)  # fmt: skip
def test_ground_energies_are_exact(model, tree):
    H, exact = MODELS[model][0], MODELS[model][1]()
    found = ground_state(H, wiring=TREES[tree](H.sites))
    assert found.energy == pytest.approx(exact, abs=1e-8)
    assert found.state.wiring == TREES[tree](H.sites)
    assert energy(H, found.state) == pytest.approx(found.energy, abs=1e-10)
    assert (np.diff(found.energies) < 1e-9).all()
    assert -1e-12 < found.variance < 1e-9
    assert np.linalg.norm(dense(found.state)) == pytest.approx(1, abs=1e-12)


def test_a_start_is_gone_on_from_in_complex_numbers():
    """X Y - Y X is what complex Hamiltonians are made of; its ground state has an energy by diagonalisation."""
    X, Y, Z = pauli()
    bonds = [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4)]
    terms = [({i: A, j: B}, s) for i, j in bonds for A, B, s in ((X, Y, 1.0), (Y, X, -1.0), (Z, Z, 0.5))]
    terms += [({0: X, 2: Y, 4: Z}, 0.7), ({3: X}, 0.3)]
    start = random_state(binary_wiring(5), (2,) * 5, 3, np.random.default_rng(1))
    found = ground_state(hamiltonian(5, 2, terms), start=start)
    wanted, vectors = np.linalg.eigh(oracle.matrix_of(5, 2, terms))
    assert found.energy == pytest.approx(wanted[0], abs=1e-9)
    gap = wanted[1] - wanted[0]
    assert abs(np.vdot(vectors[:, 0], dense(found.state).reshape(-1))) == pytest.approx(1, abs=1e-8 / gap)


def test_a_narrow_tree_is_above_the_ground_state_by_what_its_cuts_leave_out():
    H = heisenberg(8)
    found = ground_state(H, width=5, wiring=binary_wiring(8), stops=Stops(sweeps=3))
    assert max(found.state.bond_dims) == 5
    assert 1e-5 < found.energy - diagonalised(8) < 1e-3
    widths = np.array([2 ** min(len(sides), 8 - len(sides)) for sides in bond_sides(found.state.wiring)])
    assert (found.discarded[widths > 5] > 1e-8).all()
    assert (found.discarded[widths <= 5] < 1e-13).all()
    wide = ground_state(H, width=10, wiring=binary_wiring(8), stops=Stops(sweeps=3))
    assert wide.energy < found.energy
    assert wide.discarded.max() < found.discarded.max()


def bond_sides(tree):
    """Of every bond the sites on one side."""
    return [beyond(tree)[core][tree.legs[core].index(bond)] for bond, (core, _) in enumerate(tree.ends)]


@pytest.mark.parametrize(("width", "tolerance"), [(3, 0.0), (9, 0.02), (9, 0.0)])
def test_a_cut_leaves_out_the_smallest_values(width, tolerance):
    theta = np.random.default_rng(0).normal(size=(6, 9))
    theta /= np.linalg.norm(theta)
    u, s, v, discarded = truncated(theta, width, tolerance)
    weight = np.linalg.eigvalsh(theta @ theta.T)[::-1]
    kept = min(width, next(k for k in range(1, 7) if weight[k:].sum() <= tolerance + 1e-15))
    assert len(s) == kept
    assert discarded == pytest.approx(weight[kept:].sum(), abs=1e-14)
    rest = theta - u * s * (1 - discarded) ** 0.5 @ v
    assert np.linalg.norm(rest) ** 2 == pytest.approx(discarded, abs=1e-14)


@settings(max_examples=15)
@given(drawn.SEEDS)
def test_between_open_legs_h_is_the_sum_of_all_terms(seed):
    rng = np.random.default_rng(seed)
    sites = int(rng.integers(1, 6))
    terms = drawn_terms(rng, sites, 2)
    H = hamiltonian(sites, 2, terms)
    met = {site: of_site(np, H, site) for site in range(sites)}
    sides = {site: frozenset([site]) for site in range(sites)}
    theta = drawn.numbers(rng, 2**sites, complex)
    found = tree_dmrg.effective(H, met, sides, (2,) * sites)(theta)
    assert np.allclose(found, oracle.matrix_of(sites, 2, terms) @ theta, atol=1e-10)


@pytest.mark.parametrize("sites", [2, 3, 4])
def test_few_sites(sites):
    """One core, and a bridge between two."""
    found = ground_state(heisenberg(sites), wiring=binary_wiring(sites))
    assert found.energy == pytest.approx(diagonalised(sites), abs=1e-10)
    assert len(found.discarded) == found.state.wiring.bonds


def test_what_does_not_fit_is_refused(monkeypatch):
    with pytest.raises(ValueError, match="wiring: wanted it or a start, which has one, found both"):
        ground_state(ising(4), wiring=binary_wiring(4), start=drawn.state(0, of=binary_wiring(4), dims=(2,) * 4))
    with pytest.raises(ValueError, match="state: wanted 4 sites of dimension 2"):
        ground_state(ising(4), wiring=binary_wiring(5))
    monkeypatch.setattr(tree_dmrg, "VECTORS", 1e15)
    with pytest.raises(MemoryError, match=r"ground_state: vectors of two cores, .* Ways out: a smaller width"):
        ground_state(ising(4), wiring=binary_wiring(4))


@pytest.mark.slow
def test_the_heisenberg_chain_of_20_on_a_binary_tree():
    """E0 = -8.682473334398: of exact diagonalisation."""
    found = ground_state(heisenberg(20), width=96, wiring=binary_wiring(20), stops=Stops(variance=1e-6))
    assert found.energy == pytest.approx(-8.682473334398, abs=1e-6)
    assert energy_and_variance(heisenberg(20), found.state)[1] == pytest.approx(found.variance, abs=1e-9)
