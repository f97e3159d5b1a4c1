"""DMRG and descent: ground states against exact diagonalisation, free fermions and closed forms."""

import numpy as np
import pytest
from scipy.sparse import csr_array, diags_array
from scipy.sparse.linalg import LinearOperator, eigsh

from tnsim.canonical import (
    binary_wiring,
    chain_wiring,
    dense,
    entropies,
    entropy,
    random_state,
    reduced_density_matrix,
    schmidt,
)  # fmt: skip
from tnsim.physics import (
    Stops,
    aklt,
    aklt_ring,
    aklt_state,
    descended,
    energy,
    energy_and_variance,
    ghz,
    ground_state,
    hamiltonian,
    heisenberg,
    ising,
    pauli,
    w_state,
)  # fmt: skip
from tnsim.physics.dmrg import effective
from tnsim.physics.lanczos import lowest


def diagonalised(sites):
    """The lowest energy of the open Heisenberg chain of spins 1/2: S.S is half an exchange, less a quarter."""

    def apply(psi):
        psi = psi.reshape((2,) * sites)
        return sum(0.5 * np.swapaxes(psi, i, i + 1) - 0.25 * psi for i in range(sites - 1)).reshape(-1)

    size = 2**sites
    return eigsh(LinearOperator((size, size), matvec=apply, dtype=float), 1, which="SA", tol=1e-12)[0][0]


def heisenberg_without_magnetisation(sites):
    """The open chain's matrix on configurations with as many spins up as down: S.S is 1/4 of equal neighbours, and of
    others -1/4 and 1/2 between them and their exchange."""
    every = np.arange(2**sites)
    states = every[np.bitwise_count(every) == sites // 2]
    diagonal, hops = np.zeros(len(states)), []
    for site in range(sites - 1):
        unlike = (states >> site ^ states >> site + 1) & 1 == 1
        diagonal += np.where(unlike, -0.25, 0.25)
        rows = np.flatnonzero(unlike)
        columns = np.searchsorted(states, states[rows] ^ (3 << site))
        hops.append(csr_array((np.full(len(rows), 0.5), (rows, columns)), shape=(len(states),) * 2))
    return sum(hops) + diags_array(diagonal)


def free_fermions(sites, field):
    """The ground energy of the open transverse-field Ising chain (Lieb, Schultz, Mattis, 1961; Pfeuty, 1970)."""
    return -np.linalg.svd(field * np.eye(sites) + np.eye(sites, k=1), compute_uv=False).sum()


def test_the_heisenberg_chain():
    """E0 = -8.682473334398 of 20 spins: of the exact diagonalisation below; smaller ones are diagonalised here."""
    found = ground_state(heisenberg(20), width=100)
    assert found.energy == pytest.approx(-8.682473334398, abs=1e-9)
    assert 0 <= found.variance + 1e-12 < 1e-9
    small = ground_state(heisenberg(12))
    assert small.energy == pytest.approx(diagonalised(12), abs=1e-10)
    assert energy_and_variance(heisenberg(12), small.state)[0] == pytest.approx(small.energy, abs=1e-10)


def test_a_cap_is_kept_and_energies_stay_above_the_ground_state():
    found = ground_state(heisenberg(12), width=6)
    assert max(found.state.bond_dims) == 6
    assert found.discarded.max() > 1e-6
    assert 1e-6 < found.energy - diagonalised(12) < 1e-2
    assert found.variance > 1e-6
    assert (np.diff(found.energies) < 1e-4).all()


@pytest.mark.parametrize("field", [0.9, 1.0, 2.0])
def test_the_ising_chain_is_free_fermions(field):
    """Below 1 two states lie close: of field 1/2 they differ by 2^-24, and either will do."""
    found = ground_state(ising(24, field), width=32)
    assert found.energy == pytest.approx(free_fermions(24, field), abs=1e-9)


def test_a_complex_hamiltonian():
    """A turn about x maps Z to -Y and keeps X: the spectrum stays."""
    X, Y, _ = pauli()
    terms = [({i: Y, i + 1: Y}, -1.0) for i in range(7)] + [({i: X}, -1.0) for i in range(8)]
    assert ground_state(hamiltonian(8, 2, terms)).energy == pytest.approx(free_fermions(8, 1.0), abs=1e-9)


def test_both_ways_to_apply_h_are_one():
    rng = np.random.default_rng(0)
    shapes = [(33, 5, 33), (5, 4, 2, 2), (4, 5, 2, 2), (6, 5, 6)]
    L, W, V, R = (rng.normal(size=shape) for shape in shapes)
    theta = rng.normal(size=33 * 2 * 2 * 6)
    wanted = np.einsum("awp,wxdq,xyer,bys,pqrs->adeb", L, W, V, R, theta.reshape(33, 2, 2, 6), optimize=True)
    assert np.allclose(effective(L, W, V, R)(theta), wanted.reshape(-1))
    inner = theta[: 9 * 4 * 6].reshape(9, 2, 2, 6)
    small = effective(L[:9, :, :9], W, V, R)(inner.reshape(-1))
    wanted = np.einsum("awp,wxdq,xyer,bys,pqrs->adeb", L[:9, :, :9], W, V, R, inner, optimize=True)
    assert np.allclose(small, wanted.reshape(-1))


@pytest.mark.parametrize("n", [1, 2, 30])
def test_lanczos_finds_the_lowest_vector(n):
    rng = np.random.default_rng(n)
    A = rng.normal(size=(n, n))
    A = A + A.T
    value, vector = lowest(lambda v: A @ v, rng.normal(size=n), 1e-10, steps=n)
    assert value == pytest.approx(np.linalg.eigvalsh(A)[0], abs=1e-9)
    assert np.allclose(A @ vector, value * vector, atol=1e-7)


def test_an_exact_guess_is_kept():
    A = np.diag([-2.0, 1, 3])
    value, vector = lowest(lambda v: A @ v, np.array([1.0, 0, 0]), 1e-12)
    assert (value, vector.tolist()) == (-2.0, [1.0, 0, 0])


def test_the_aklt_chain():
    assert ground_state(aklt(12), width=20).energy == pytest.approx(-2 / 3 * 11, abs=1e-8)
    for edges in ((0, 0), (0, 1), (1, 0), (1, 1)):
        state = aklt_state(30, *edges)
        energy, variance = energy_and_variance(aklt(30), state)
        assert (energy, variance) == (pytest.approx(-2 / 3 * 29), pytest.approx(0, abs=1e-10))
        assert entropies(state)[14] == pytest.approx(np.log(2), abs=1e-12)


@pytest.mark.parametrize("block", [1, 2, 3, 6])
def test_a_block_of_the_aklt_ring(block):
    p, x = schmidt(aklt_ring(60), block - 1).probabilities, (-1 / 3) ** block
    wanted = np.sort([(1 + 3 * x) / 4] + [(1 - x) / 4] * 3)[::-1]
    assert np.allclose(np.pad(p, (0, 4 - len(p))), wanted, atol=1e-12)


def test_states_in_closed_form():
    assert np.allclose(entropies(ghz(7)), np.log(2))
    assert np.allclose(entropies(ghz(4, 3), order=2), np.log(3))
    n = 9
    p = np.arange(1, n) / n
    assert np.allclose(entropies(w_state(n)), -p * np.log(p) - (1 - p) * np.log(1 - p))
    assert np.array_equal(np.argwhere(dense(w_state(3))), [[0, 0, 1], [0, 1, 0], [1, 0, 0]])
    assert np.array_equal(np.argwhere(dense(ghz(3))), [[0, 0, 0], [1, 1, 1]])


@pytest.mark.parametrize("A", [(0,), (1, 4), (0, 3, 8), (6, 1, 4, 2), (0, 2, 4, 6, 8, 1)])
def test_any_sites_of_a_w_state_have_the_entropy_of_their_share(A):
    """{k/n, 1 - k/n} of k sites, wherever they lie."""
    state, p = w_state(9), len(A) / 9
    found = np.linalg.eigvalsh(reduced_density_matrix(state, A))[::-1]
    wanted = [max(p, 1 - p), min(p, 1 - p)] + [0] * (len(found) - 2)
    assert np.allclose(found, wanted, atol=1e-12)
    assert entropy(state, A) == pytest.approx(-p * np.log(p) - (1 - p) * np.log(1 - p), abs=1e-12)


@pytest.mark.slow
def test_the_heisenberg_chain_of_20_is_diagonalised():
    """In the sector of S^z = 0, which holds the ground state (Lieb, Mattis, 1962): 184756 states of 2^20."""
    energy = eigsh(heisenberg_without_magnetisation(20), 1, which="SA", tol=1e-10)[0][0]
    assert energy == pytest.approx(-8.682473334398, abs=1e-9)
    assert ground_state(heisenberg(20), width=100).energy == pytest.approx(energy, abs=1e-8)


@pytest.mark.slow
def test_the_critical_ising_chain_has_central_charge_one_half():
    """S(l) = c/6 ln((2 L/pi) sin(pi l/L)) + const (Calabrese and Cardy, 2004), in the middle half of an open chain."""
    L = 96
    found = ground_state(ising(L), width=48, tolerance=1e-13, stops=Stops(variance=1e-8))
    assert found.energy == pytest.approx(free_fermions(L, 1.0), abs=1e-7)
    S, l = entropies(found.state), np.arange(1, L)
    middle = slice(L // 4, 3 * L // 4)
    chord = np.log(2 * L / np.pi * np.sin(np.pi * l / L))
    slope = np.polyfit(chord[middle], S[middle], 1)[0]
    assert 6 * slope == pytest.approx(0.5, abs=0.02)
    gapped = entropies(ground_state(ising(L, 2.0), width=48).state)
    assert abs(6 * np.polyfit(chord[middle], gapped[middle], 1)[0]) < 1e-3


@pytest.mark.parametrize(
    ("model", "tree"),
    [
        ("Heisenberg", chain_wiring),
        ("Heisenberg", binary_wiring),
        ("Ising", binary_wiring),
        ("AKLT", binary_wiring),
        pytest.param("Ising", chain_wiring, marks=pytest.mark.slow),
        pytest.param("AKLT", chain_wiring, marks=pytest.mark.slow),
    ],
)
def test_descent_reaches_the_ground_state(model, tree):
    H, wanted = {
        "Heisenberg": lambda: (heisenberg(6), diagonalised(6)),
        "Ising": lambda: (ising(6, 0.8), free_fermions(6, 0.8)),
        "AKLT": lambda: (aklt(4), -2 / 3 * 3),
    }[model]()
    tree = tree(H.sites)
    start = random_state(tree, (H.dim,) * H.sites, 8, np.random.default_rng(0))
    state, energies = descended(H, start, steps=1500)
    assert energies[0] > wanted + 0.5
    slow = model == "Ising" and not tree.is_chain  # its tree is still 1.3e-4 above after so many steps
    assert wanted - 1e-10 < energies[-1] < wanted + (3e-4 if slow else 1e-4)
    assert state.wiring == tree
    assert energy(H, state) == pytest.approx(energies[-1], abs=1e-4)
    assert entropies(state).min() > 0.05  # no product state is one of these ground states
