"""A circuit's network is its state vector, gate by gate from the definition; its cuts bound what it entangles."""

from itertools import pairwise

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import matricise, spectrum
from scipy.stats import unitary_group

import tnsim
from tnsim.circuits import Gate, circuit, sycamore
from tnsim.circuits.gates import KNOWN, matrix
from tnsim.circuits.sycamore import pairs


def evolved(gates, qubits):
    """The state by the definition: every gate as a sum over the basis, psi'[..a'..] = sum_a U[a', a] psi[..a..]."""
    psi = np.zeros((2,) * qubits, complex)
    psi[(0,) * qubits] = 1
    for gate, on, *rest in gates:
        on = np.atleast_1d(np.array(on, int)).tolist()
        unitary = matrix(gate, *np.atleast_1d(rest[0] if rest else ())) if isinstance(gate, str) else gate
        after = np.zeros_like(psi)
        for bits in np.ndindex(psi.shape):
            row = int("0" + "".join(str(bits[q]) for q in on), 2)
            for column in range(2 ** len(on)):
                before = list(bits)
                for place, qubit in enumerate(on):
                    before[qubit] = column >> (len(on) - 1 - place) & 1
                after[bits] += np.reshape(unitary, (2 ** len(on),) * 2)[row, column] * psi[tuple(before)]
        psi = after
    return psi


def contracted(network, banks):
    with jax.enable_x64(True):
        return np.asarray(tnsim.contract_network(network, banks))


def dense(network, banks):
    """By one einsum of NumPy."""
    parts = [part for t in network.tensors() for part in (banks[t.bank][t.slot], list(t.legs))]
    return np.einsum(*parts, network.sites.array.tolist(), optimize="greedy")


@st.composite
def circuits(draw):
    """(gates, qubits): any gates of the table with drawn angles, and drawn unitaries; the angles 0 and pi too."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    qubits = draw(st.integers(1, 5))
    gates = []
    for _ in range(draw(st.integers(0, 12))):
        k = int(rng.integers(0, min(qubits, 3) + 1))
        on = tuple(rng.permutation(qubits)[:k].tolist())
        names = [name for name, gate in KNOWN.items() if gate.qubits == k]
        if k == 0 or rng.random() < 0.3:
            gates.append((unitary_group.rvs(2**k, random_state=rng) if k else np.exp([[1j * rng.normal()]]), on))
        else:
            name = str(rng.choice(names))
            angles = rng.choice([0, np.pi, rng.normal()], KNOWN[name].parameters)
            gates.append(Gate(name, on, tuple(angles.tolist())))
    return gates, qubits


@given(circuits(), st.booleans())
@settings(max_examples=60)
def test_the_network_is_the_state(case, copies):
    network, banks = circuit(*case, copies=copies)
    wanted = evolved(*case)
    np.testing.assert_allclose(dense(network, banks), wanted, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(wanted), 1)
    bits = np.unravel_index(np.abs(wanted).argmax(), wanted.shape)
    np.testing.assert_allclose(dense(*circuit(*case, bits=bits, copies=copies)), wanted[bits], atol=1e-12)


def test_the_engine_contracts_it():
    case = [("h", 0), *((("cx", (i, i + 1))) for i in range(3)), ("rz", 2, 0.3), (np.array([[1j]]), ())]
    np.testing.assert_allclose(contracted(*circuit(case, 4)), evolved(case, 4), atol=1e-12)
    random = sycamore(2, 3, 4, seed=1)
    psi = contracted(*random.network())
    np.testing.assert_allclose(psi, evolved(random.gates, 6), atol=1e-12)
    np.testing.assert_allclose(contracted(*random.network((0, 1, 1, 0, 0, 1))), psi[0, 1, 1, 0, 0, 1], atol=1e-12)


def test_gates_that_are_diagonal_on_a_qubit_stay_on_its_index():
    network, _ = circuit([("cz", (0, 1)), ("rz", 0, 0.2), ("cx", (0, 1)), ("ccx", (0, 1, 2))], 3)
    assert {stack.bank: stack.shape for stack in network.stacks} == {
        "zero": (2,), "cz": (2, 2), "rz": (2,), "cx": (2, 2, 2), "ccx": (2, 2, 2, 2)
    }  # fmt: skip
    plain, _ = circuit([("cz", (0, 1)), ("rz", 0, 0.2)], 2, copies=False)
    assert {stack.bank: stack.shape for stack in plain.stacks} == {"zero": (2,), "cz": (2,) * 4, "rz": (2, 2)}


def test_equal_gates_are_one_row():
    network, banks = circuit([("rx", 0, 0.1), ("rx", 1, 0.1), ("rx", 1, 0.2)], 2, dtype="complex64")
    assert banks["rx"].shape == (2, 2, 2)
    assert banks["rx"].dtype == np.complex64
    assert [len(stack.slots) for stack in network.stacks] == [2, 3]


def test_a_ghz_state_has_two_values_over_any_cut_and_a_cut_of_two():
    gates = [("h", 0), *(("cx", (0, i)) for i in range(1, 5))]
    network, banks = circuit(gates, 5)
    for mask in np.ndindex((2,) * 5):
        if 0 < sum(mask) < 5:
            values, _ = spectrum(dense(network, banks), np.array(mask, bool))
            np.testing.assert_allclose(values[:2], 2**-0.5)
            assert tnsim.bounds.network_min_cut(network, np.array(mask, bool)).value == 2
    dense_gates, _ = circuit(gates, 5, copies=False)
    assert tnsim.bounds.network_min_cut(dense_gates, [0, 2, 4]).value == 4  # no copy index is paid but once


@given(st.integers(0, 2**32 - 1), st.integers(0, 4), st.booleans())
@settings(max_examples=25)
def test_no_rank_of_a_brickwork_exceeds_its_min_cut(seed, depth, copies):
    rng, qubits = np.random.default_rng(seed), 6
    bricks = [(i, i + 1) for layer in range(depth) for i in range(layer % 2, qubits - 1, 2)]
    gates = [(unitary_group.rvs(4, random_state=rng) if rng.random() < 0.7 else "cx", pair) for pair in bricks]
    network, banks = circuit(gates, qubits, copies=copies)
    mask = np.zeros(qubits, bool)
    mask[rng.permutation(qubits)[: rng.integers(1, qubits)]] = True
    rank = np.linalg.matrix_rank(matricise(dense(network, banks), mask), tol=1e-10)
    assert rank <= tnsim.bounds.network_min_cut(network, mask).value


@pytest.mark.parametrize(
    ("gates", "qubits", "options", "words"),
    [
        ([("hh", 0)], 1, {}, r"gates\[0\]: gate: wanted a known one, found 'hh'; did you mean 'h'"),
        ([("h", 0), ("swpa", (0, 1))], 2, {}, r"gates\[1\]: .*found 'swpa'; did you mean 'swap'"),
        ([("cx", (0, 2))], 2, {}, r"gates\[0\]: wanted qubits in 0..1, found 2"),
        ([("x", -1)], 2, {}, r"gates\[0\]: wanted qubits in 0..1, found -1"),
        ([("cx", (1, 1))], 2, {}, r"gates\[0\]: wanted every qubit once, found \(1, 1\)"),
        ([("cx", 1)], 2, {}, r"gates\[0\]: wanted 2 qubits for 'cx', found \(1,\)"),
        ([("rx", 0)], 1, {}, r"gates\[0\]: gate 'rx': wanted 1 parameters, found 0"),
        ([(np.ones((2, 2)), 0)], 1, {}, r"gates\[0\]: wanted a unitary matrix, found one with \|U\* U - 1\| up to 2.0"),
        ([(np.full((2, 2), np.nan), 0)], 1, {}, r"gates\[0\]: wanted a unitary matrix, found one with .* nan"),
        ([(np.eye(3), 0)], 1, {}, r"gates\[0\]: wanted a matrix of shape \(2, 2\) for its qubits, found \(3, 3\)"),
        ([], 0, {}, "qubits: wanted at least one, found 0"),
        ([], 2, {"bits": [0]}, r"bits: wanted 2 of 0 and 1, found \[0\]"),
        ([], 1, {"bits": [2]}, r"bits: wanted 1 of 0 and 1, found \[2\]"),
        ([], 1, {"dtype": "float32"}, "dtype: wanted one of"),
    ],
)  # fmt: skip
def test_what_is_no_circuit_says_where(gates, qubits, options, words):
    with pytest.raises(ValueError, match=words):
        circuit(gates, qubits, **options)


def test_single_precision_matrices_are_unitary_enough():
    circuit([(matrix("h").astype(np.complex64), 0)], 1)


@pytest.mark.parametrize("name", KNOWN)
def test_every_gate_is_unitary_and_on_its_qubits(name):
    gate = matrix(name, *np.linspace(0.3, 2, KNOWN[name].parameters))
    np.testing.assert_allclose(gate.conj().T @ gate, np.eye(2 ** KNOWN[name].qubits), atol=1e-15)


def test_gates_hang_together_as_their_names_say():
    a, b = 0.7, -1.1
    for one, other in (
        (matrix("s") @ matrix("s"), matrix("z")), (matrix("t") @ matrix("t"), matrix("s")),
        (matrix("sx") @ matrix("sx"), matrix("x")), (matrix("sdg"), matrix("s").conj().T),
        (matrix("h") @ matrix("x") @ matrix("h"), matrix("z")), (matrix("u1", a), matrix("p", a)),
        (matrix("sqrt_y") @ matrix("sqrt_y"), -1j * matrix("y")),
        (matrix("sqrt_w") @ matrix("sqrt_w"), -1j * (matrix("x") + matrix("y")) / 2**0.5),
        (matrix("rz", a) @ matrix("rz", b), matrix("rz", a + b)),
        (matrix("u3", a, b, 0), matrix("rz", b) @ matrix("ry", a)),
        (matrix("U", np.pi, 0, np.pi) * np.exp(-0.5j * np.pi), matrix("x")),
        (matrix("fsim", np.pi / 2, 0), np.array([[1, 0, 0, 0], [0, 0, -1j, 0], [0, -1j, 0, 0], [0, 0, 0, 1]])),
        (matrix("rzz", a), np.diag(np.exp(-0.5j * a * np.array([1, -1, -1, 1])))),
    ):
        np.testing.assert_allclose(one, other, atol=1e-15)


@given(st.integers(1, 6), st.integers(1, 6))
def test_the_four_layouts_are_all_neighbours_once_and_disjoint(rows, columns):
    layouts = [pairs(rows, columns, letter) for letter in "ABCD"]
    for layout in layouts:
        met = [qubit for pair in layout for qubit in pair]
        assert len(set(met)) == len(met)
    every = sorted(pair for layout in layouts for pair in layout)
    grid = [(i * columns + j, (i + d) * columns + j + 1 - d) for d in (0, 1)
            for i in range(rows - d) for j in range(columns - 1 + d)]  # fmt: skip
    assert every == sorted(grid)


def test_a_sycamore_circuit_keeps_its_rule():
    made = sycamore(3, 4, 8, seed=7)
    single = [[gate.gate for gate in made.gates if gate.qubits == (qubit,)] for qubit in range(12)]
    assert all(len(gates) == 9 for gates in single)
    assert all(one != other for gates in single for one, other in pairwise(gates))
    assert {name for gates in single for name in gates} == {"sqrt_x", "sqrt_y", "sqrt_w"}
    double = [gate for gate in made.gates if gate.gate == "fsim"]
    assert [gate.qubits for gate in double] == [pair for letter in "ABCDCDAB" for pair in pairs(3, 4, letter)]
    assert {gate.parameters for gate in double} == {(np.pi / 2, np.pi / 6)}
    assert sycamore(3, 4, 8, seed=7).gates == made.gates != sycamore(3, 4, 8, seed=8).gates


@pytest.mark.parametrize("arguments", [(0, 2, 1), (2, 2, -1), (2, 2, 1, 0, "ABX"), (2, 2, 1, 0, "")])
def test_what_is_no_sycamore_circuit_is_refused(arguments):
    with pytest.raises(ValueError, match="wanted"):
        sycamore(*arguments)
