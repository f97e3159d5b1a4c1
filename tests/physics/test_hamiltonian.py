"""Hamiltonians as sums and as matrix product operators, and their energies, against matrices written out."""

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from canonical import drawn
from hypothesis import given, settings

from tnsim.canonical import binary_wiring, chain_wiring, dense, random_state, scaled
from tnsim.physics import (
    Stops,
    aklt,
    descended,
    energy,
    energy_and_variance,
    ground_state,
    hamiltonian,
    heisenberg,
    ising,
    pauli,
    product_operator,
    spin,
)  # fmt: skip

FEW = settings(max_examples=15)


def drawn_terms(rng, sites, dim):
    """Products of Hermitian matrices on one to all sites, some of them beginning alike."""
    pool = [x + x.conj().T for x in (drawn.numbers(rng, (dim, dim), kind) for kind in (float, complex, float))]
    places = [sorted(rng.permutation(sites)[: rng.integers(1, sites + 1)].tolist()) for _ in range(rng.integers(1, 7))]
    return [({site: pool[rng.integers(3)] for site in some}, float(rng.normal())) for some in places]


def written_out(H):
    """The operator of the W's, (D, D)."""
    total = np.ones((1, 1, 1))
    for W in product_operator(H):
        total = np.einsum("abw,wxcd->acbdx", total, W)
        total = total.reshape(total.shape[0] * total.shape[1], -1, total.shape[-1])
    return total[:, :, 0]


@FEW
@given(drawn.SEEDS)
def test_product_operators_are_the_sum_of_all_terms(seed):
    rng = np.random.default_rng(seed)
    sites, dim = int(rng.integers(1, 5)), int(rng.integers(2, 4))
    terms = drawn_terms(rng, sites, dim)
    assert np.allclose(written_out(hamiltonian(sites, dim, terms)), oracle.matrix_of(sites, dim, terms), atol=1e-10)


@FEW
@given(drawn.SEEDS)
def test_energies_and_variances_of_trees(seed):
    rng = np.random.default_rng(seed)
    tree = drawn.tree(rng)
    state = drawn.state(seed, of=tree, dims=(2,) * tree.sites, scaled=False)
    terms = drawn_terms(rng, tree.sites, 2)
    H, matrix, psi = hamiltonian(tree.sites, 2, terms), oracle.matrix_of(tree.sites, 2, terms), dense(state).reshape(-1)
    psi = psi / np.linalg.norm(psi)
    wanted = np.vdot(psi, matrix @ psi).real
    size = max(np.linalg.norm(matrix, 2), 1e-12)
    assert energy(H, state) == pytest.approx(wanted, abs=1e-10 * size)
    found, variance = energy_and_variance(H, state)
    assert found == pytest.approx(wanted, abs=1e-10 * size)
    assert variance == pytest.approx(np.linalg.norm(matrix @ psi) ** 2 - wanted**2, abs=1e-10 * size**2)


def test_energies_are_compiled_too():
    H, state = heisenberg(4), random_state(binary_wiring(4), (2,) * 4, 3, np.random.default_rng(0))
    with jax.enable_x64(True):
        found = float(jax.jit(lambda s: energy(H, s))(jax.tree.map(jnp.asarray, state)))
    assert found == pytest.approx(energy(H, state), abs=1e-12)


@pytest.mark.parametrize("s", [0.5, 1, 1.5])
def test_spins_are_spins(s):
    z, up, down = spin(s)
    x, y = (up + down) / 2, (up - down) / 2j
    assert np.allclose(x @ x + y @ y + z @ z, s * (s + 1) * np.eye(len(z)))
    assert np.allclose(x @ y - y @ x, 1j * z)


def test_models_are_what_textbooks_write():
    x, y, z = (matrix / 2 for matrix in pauli())
    bonds = [({i: a, i + 1: a}, 1.0) for i in range(3) for a in (x, y, z)]
    assert np.allclose(written_out(heisenberg(4)), oracle.matrix_of(4, 2, bonds))
    X, _, Z = pauli()
    both = [({i: Z, i + 1: Z}, -2.0) for i in range(2)] + [({i: X}, -0.5) for i in range(3)]
    assert np.allclose(written_out(ising(3, 0.5, 2.0)), oracle.matrix_of(3, 2, both))
    # Of two spins 1: twice the projector onto spin 2, less 2/3.
    assert np.allclose(np.linalg.eigvalsh(written_out(aklt(2))), [-2 / 3] * 4 + [4 / 3] * 5)
    assert max(max(W.shape[:2]) for W in product_operator(heisenberg(6))) == 5


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: hamiltonian(2, 2, []), "terms: wanted at least one"),
        (lambda: hamiltonian(2, 2, [({2: np.eye(2)}, 1.0)]), r"terms: term 0: wanted sites of 0..1, found \[2\]"),
        (lambda: hamiltonian(2, 2, [({0: np.eye(3)}, 1.0)]), r"term 0, site 0: wanted shape \(2, 2\), found \(3, 3\)"),
        (lambda: hamiltonian(2, 2, [({0: spin(0.5)[1]}, 1.0)]), r"terms: wanted a Hermitian sum, .* at sites \(0,\)"),
        (lambda: hamiltonian(2, 2, [(dict(enumerate(spin(0.5)[1:])), 1.0)]), r"Hermitian sum, .* at sites \(0, 1\)"),
        (lambda: heisenberg(1), "sites: wanted at least 2"),
        (lambda: spin(0.7), "s: wanted 1/2, 1, 3/2"),
        (lambda: ground_state(heisenberg(4), 0), "width: wanted at least 1, found 0"),
        (lambda: ground_state(heisenberg(4), stops=Stops(sweeps=0)), "stops: wanted at least 1 sweep, found 0"),
        (lambda: ground_state(heisenberg(4), start=drawn.state(0, of=chain_wiring(3))), "state: wanted 4 sites"),
        (lambda: energy(aklt(3), drawn.state(0, of=chain_wiring(3), dims=(2,) * 3)), "3 sites of dimension 3, found"),
        (lambda: energy(ising(3), scaled(drawn.state(0, of=chain_wiring(3), dims=(2,) * 3), 0.0)), "state: it is zero"),
        (lambda: descended(ising(3), drawn.state(0, of=chain_wiring(3), dims=(2,) * 3), 0), "steps: wanted at least 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()
