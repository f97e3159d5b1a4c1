"""OpenQASM 3 programs are read as the circuits that they say; everything else is refused with its line."""

import numpy as np
import pytest
from circuits.test_circuit import dense, evolved
from scipy.linalg import fractional_matrix_power, schur

from tnsim.circuits import QasmError, read_qasm
from tnsim.circuits.gates import controlled, matrix
from tnsim.circuits.values import kind

pytest.importorskip("openqasm3")
pytest.importorskip("antlr4")

HEAD = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'


def gates(text):
    """(name, qubits, parameters) of a program, the head not counted."""
    return [tuple(gate) for gate in read_qasm(HEAD + text).gates]


def unitary(text, qubits):
    """The matrix of a program, a column for each basis state."""
    made = read_qasm(HEAD + f"qubit[{qubits}] q;\n" + text)
    columns = []
    for column in range(2**qubits):
        flips = [("x", q) for q in range(qubits) if column >> (qubits - 1 - q) & 1]
        columns.append(evolved([*flips, *made.gates], qubits).ravel())
    return np.array(columns).T


def test_registers_broadcast_and_loops():
    text = """
    qubit[3] q; qubit a;
    const int n = 2;
    h q;                       // each of them
    cx q, a;                   // each with a
    cz q[0], q[-1];
    for int i in [0:n - 1] { cx q[i], q[i + 1]; rz(pi / 2 ** i) q[i]; }
    for int i in {2, 0} x q[i];
    for int i in [2:-2:0] y q[i];
    swap q[0:1], q[1:2];
    """
    with pytest.raises(QasmError, match="registers of one size"):
        gates("qubit[3] q; qubit[2] r; cx q, r;")
    found = gates(text)
    assert found[:3] == [("h", (i,), ()) for i in range(3)]
    assert found[3:6] == [("cx", (i, 3), ()) for i in range(3)]
    assert found[6:8] == [("cz", (0, 2), ()), ("cx", (0, 1), ())]
    assert found[8:11] == [("rz", (0,), (np.pi,)), ("cx", (1, 2), ()), ("rz", (1,), (np.pi / 2,))]
    assert found[11:13] == [("x", (2,), ()), ("x", (0,), ())]
    assert found[13:15] == [("y", (2,), ()), ("y", (0,), ())]
    assert found[15:] == [("swap", (0, 1), ()), ("swap", (1, 2), ())]


def test_definitions_are_inlined():
    text = """
    gate turn(a, b) x, y { rz(a + b) x; cx x, y; gphase(a); }
    gate twice(a) x, y { turn(a, 1) y, x; turn(a, sin(a)) x, y; }
    qubit[2] q; turn(0.25, 2 * pi) q[1], q[0];
    """
    found = gates(text)
    assert found[:2] == [("rz", (1,), (0.25 + 2 * np.pi,)), ("cx", (1, 0), ())]
    np.testing.assert_allclose(found[2][0], [[np.exp(0.25j)]])
    found = gates(text + "twice(0.5) q[0], q[1];")
    assert [gate[1] for gate in found[3:]] == [(1,), (1, 0), (), (0,), (0, 1), ()]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("ctrl @ x q[0], q[1];", matrix("cx")),
        ("ctrl(2) @ x q[0], q[1], q[2];", matrix("ccx")),
        ("negctrl @ x q[0], q[1];", controlled(matrix("x"), 0)),
        ("ctrl @ negctrl @ x q[0], q[1], q[2];", controlled(controlled(matrix("x"), 0))),
        ("inv @ rx(0.3) q[0];", matrix("rx", -0.3)),
        ("inv @ s q[0];", matrix("sdg")),
        ("pow(1/2) @ x q[0];", matrix("sx")),
        ("pow(-2) @ t q[0];", matrix("sdg")),
        ("pow(1/2) @ z q[0];", matrix("s")),
        ("ctrl @ pow(0.5) @ z q[0], q[1];", controlled(matrix("s"))),
        ("ctrl @ inv @ pow(3) @ t q[0], q[1];", controlled(matrix("t").conj().T @ matrix("sdg"))),
        ("ctrl @ gphase(0.4) q[0];", matrix("p", 0.4)),
        ("U(0.1, 0.2, 0.3) q[0];", matrix("U", 0.1, 0.2, 0.3)),
        ("ctrl @ U(0.1, 0.2, 0.3) q[0], q[1];", controlled(matrix("U", 0.1, 0.2, 0.3))),
        ("gate pair x, y { h x; cx x, y; } inv @ pair q[0], q[1];",
         (matrix("cx") @ np.kron(matrix("h"), np.eye(2))).conj().T),
        ("gate pair x, y { h x; cx x, y; } ctrl @ pair q[0], q[1], q[2];",
         controlled(matrix("cx") @ np.kron(matrix("h"), np.eye(2)))),
    ],
)  # fmt: skip
def test_modifiers_change_the_matrix(text, wanted):
    np.testing.assert_allclose(unitary(text, int(np.log2(len(wanted)))), wanted, atol=1e-12)


def test_a_fractional_power_is_the_principal_one():
    text = "gate two x, y { h x; cx x, y; t y; } pow(0.37) @ two q[0], q[1];"
    two = np.kron(np.eye(2), matrix("t")) @ matrix("cx") @ np.kron(matrix("h"), np.eye(2))
    np.testing.assert_allclose(unitary(text, 2), fractional_matrix_power(two, 0.37), atol=1e-9)
    assert np.abs(np.angle(np.diag(schur(two, output="complex")[0]))).max() < np.pi - 1e-3


STDGATES = {  # name: angles, and the body by which stdgates.inc defines it, on q, r, s
    "p": ("a", "ctrl @ gphase(a) q;"), "x": ("", "U(pi, 0, pi) q; gphase(-pi / 2);"),
    "y": ("", "U(pi, pi/2, pi/2) q; gphase(-pi/2);"), "z": ("", "p(pi) q;"),
    "h": ("", "U(pi/2, 0, pi) q; gphase(-pi/4);"),
    "s": ("", "pow(1/2) @ z q;"), "sdg": ("", "inv @ pow(1/2) @ z q;"), "t": ("", "pow(1/2) @ s q;"),
    "tdg": ("", "inv @ pow(1/2) @ s q;"), "sx": ("", "pow(1/2) @ x q;"),
    "rx": ("a", "U(a, -pi/2, pi/2) q; gphase(-a/2);"), "ry": ("a", "U(a, 0, 0) q; gphase(-a/2);"),
    "rz": ("a", "gphase(-a/2); U(0, 0, a) q;"), "cp": ("a", "ctrl @ p(a) q, r;"), "crx": ("a", "ctrl @ rx(a) q, r;"),
    "crz": ("a", "ctrl @ rz(a) q, r;"), "ch": ("", "ctrl @ h q, r;"), "swap": ("", "cx q, r; cx r, q; cx q, r;"),
    "cswap": ("", "ctrl @ swap q, r, s;"), "cu": ("abcd", "p(d - a/2) q; ctrl @ U(a, b, c) q, r;"),
    "u2": ("bc", "gphase(-(b + c + pi/2)/2); U(pi/2, b, c) q;"),
    "u3": ("abc", "gphase(-(b + c + a)/2); U(a, b, c) q;"),
}  # fmt: skip
ANGLES = {"a": 0.3, "b": -0.7, "c": 1.9, "d": 0.11}


@pytest.mark.parametrize("name", STDGATES)
def test_the_table_is_stdgates(name):
    angles, body = STDGATES[name]
    qubits = 3 if "s;" in body.split(",")[-1] and "," in body else 2 if " r" in body else 1
    constants = "".join(f"const float {angle} = {number};\n" for angle, number in ANGLES.items())
    aliased = f"gate tried q{', r' * (qubits > 1)}{', s' * (qubits > 2)} {{ {body} }}\n"
    call = "tried " + ", ".join(f"q[{i}]" for i in range(qubits)) + ";"
    wanted = matrix(name, *(ANGLES[angle] for angle in angles))
    np.testing.assert_allclose(unitary(constants + aliased + call, qubits), wanted, atol=1e-12)


def test_measurements_at_the_end_are_left_out_and_said(tmp_path):
    path = tmp_path / "bell.qasm"
    text = "qubit[2] q;\nbit[2] c;\nh q[0];\ncx q[0], q[1];\nbarrier q;\nc = measure q;\nbit b = measure q[0];\n"
    path.write_text(HEAD + text)
    made = read_qasm(path)
    assert made.notes == tuple(f"line {n}: the measurement of {k} qubits is left out" for n, k in ((8, 2), (9, 1)))
    np.testing.assert_allclose(dense(*made.network()), np.eye(2) / 2**0.5, atol=1e-12)
    assert read_qasm(str(path)).gates == made.gates


def test_openqasm_2_is_read_too():
    head = 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'
    made = read_qasm(head + "qreg q[2];\ncreg c[2];\nu2(0,pi) q[0];\ncx q[0],q[1];\nmeasure q -> c;\n")
    np.testing.assert_allclose(np.abs(dense(*made.network())), np.eye(2) / 2**0.5, atol=1e-12)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("qubit q;\nhh q;", 4, "wanted a known gate, found 'hh'; did you mean 'h'"),
        ("qubit q;\nreset q;", 4, "wanted gates, .* found QuantumReset"),
        ("qubit q; bit c;\nc = measure q;\nx q;", 5, "wanted measurements at the end, found a gate on"),
        ("qubit q; bit c;\nif (c == 1) x q;", 4, "wanted gates, .* found BranchingStatement"),
        ("qubit[2] q;\nx q[2];", 4, "wanted a place in 0..1 of 'q', found 2"),
        ("qubit[2] q;\ncx q[1], q[1];", 4, "wanted every qubit once"),
        ("qubit[2] q;\ncx q[1];", 4, "wanted 0 parameters and 2 qubits of 'cx', found 0 and 1"),
        ("qubit[2] q;\nrx q[1];", 4, "wanted 1 parameters and 1 qubits of 'rx', found 0 and 1"),
        ("qubit q;\nx r;", 4, "wanted qubits, found 'r'"),
        ("qubit q;\nrx(b) q;", 4, "wanted a constant, found 'b'"),
        ("qubit q;\nrx(1.0 / 0) q;", 4, "wanted a number, found float division by zero"),
        ("qubit q;\nfor int i in [0:0:2] x q;", 4, "wanted a range with both ends and a step other than 0"),
        ("qubit q;\nfor int i in [0:1e7] x q;", 4, "wanted an integer, found 1"),
        ("qubit q;\nfor int i in [0:9999999] x q;", 4, "wanted a range of at most 1000000 numbers"),
        ("qubit[0] q;", 3, "wanted at least one qubit, found 0"),
        ("int n = 3;", 3, "wanted constants and bits, found a variable 'n'; make it const"),
        ('include "mine.inc";', 3, "wanted one of .*, found 'mine.inc'"),
        ("gate g(a) x { rz(a) x; }\nqubit q;\ng q;", 5, "wanted 1 parameters and 1 qubits of 'g', found 0 and 1"),
        ("qubit[2] q;\nctrl(3) @ x q[0], q[1];", 4, "wanted 1 to 10 qubits below the modifiers"),
    ],
)
def test_what_is_no_circuit_names_its_line(text, line, words):
    with pytest.raises(QasmError, match=f"line {line}: {words}"):
        read_qasm(HEAD + text)


def test_other_faults_are_said_too(tmp_path):
    with pytest.raises(QasmError, match="line 2: wanted OpenQASM 3, found 'q' where the parser expects something else"):
        read_qasm("OPENQASM 3.0;\n qubit[2 q;")
    with pytest.raises(QasmError, match="line 2: wanted OpenQASM 3, found: qubit declarations must be global"):
        read_qasm("OPENQASM 3.0;\n gate g x { qubit y; }")
    with pytest.raises(QasmError, match="wanted an OpenQASM file, found none"):
        read_qasm(tmp_path / "none.qasm")
    with pytest.raises(QasmError, match="wanted at least one qubit, found none"):
        read_qasm("OPENQASM 3.0;")
    with pytest.raises(QasmError, match=r"found 'h'.*include .stdgates\.inc."):
        read_qasm("OPENQASM 3.0; qubit q; h q;")
    assert kind(1) == "int"
