"""What circuits entangle: entropies of their networks are those of the state vector, under their min-cuts."""

import numpy as np
import pytest
from circuits.test_circuit import evolved
from oracle import renyi, spectrum
from scipy.stats import unitary_group

import tnsim


def probabilities(psi, mask):
    values, _ = spectrum(psi, mask)
    return values[values > 1e-14] ** 2


@pytest.mark.parametrize("copies", [True, False])
def test_a_ghz_state_has_ln_2_over_any_cut(copies):
    network, banks = tnsim.circuit([("h", 0), *(("cx", (0, i)) for i in range(1, 5))], 5, copies=copies)
    state = tnsim.network_state(network, banks)
    for A in ([0], [1, 3], [0, 2, 4]):
        assert float(state.entropy(A)) == pytest.approx(np.log(2), abs=1e-12)
        assert float(state.renyi(A)) == pytest.approx(np.log(2), abs=1e-10)
        assert state.schmidt(A).rank() == 2


@pytest.mark.parametrize(("seed", "depth"), [(0, 1), (1, 2), (2, 3), (3, 4)])
def test_a_random_brickwork_is_its_state_vector(seed, depth):
    rng, qubits = np.random.default_rng(seed), 6
    bricks = [(i, i + 1) for layer in range(depth) for i in range(layer % 2, qubits - 1, 2)]
    gates = [(unitary_group.rvs(4, random_state=rng), pair) for pair in bricks] + [("cz", (0, 5)), ("rz", 2, 0.4)]
    network, banks = tnsim.circuit(gates, qubits)
    state, psi = tnsim.network_state(network, banks), evolved(gates, qubits)
    assert np.exp(float(state.norm().log_scale)) == pytest.approx(1, abs=1e-10)
    for A in ([0, 1, 2], [0, 2, 4], [1, 5]):
        mask = np.isin(np.arange(qubits), A)
        cut = tnsim.bounds.network_min_cut(network, A)
        assert state.schmidt(A).rank() <= cut.value
        wanted = renyi(probabilities(psi, mask), 1)
        assert float(state.entropy(A)) == pytest.approx(wanted, abs=1e-10)
        assert wanted <= cut.log + 1e-12


def test_amplitudes_of_a_sycamore_circuit_by_its_state():
    circuit = tnsim.circuits.sycamore(2, 3, 3, seed=2)
    psi = evolved(circuit.gates, 6)
    found = tnsim.network_state(*circuit.network()).amplitude(np.array([[0, 1, 0, 1, 1, 0], [1, 1, 1, 1, 1, 1]]))
    values = found.value * np.exp(found.log_scale)
    np.testing.assert_allclose(values, [psi[0, 1, 0, 1, 1, 0], psi[1, 1, 1, 1, 1, 1]], atol=1e-10)
