"""Quantum circuits as networks: gates in, the final state or an amplitude out; from OpenQASM files, or at random."""

from tnsim.circuits.circuit import Circuit, Gate, circuit
from tnsim.circuits.qasm import QasmError, read_qasm
from tnsim.circuits.sycamore import sycamore

__all__ = ["Circuit", "Gate", "QasmError", "circuit", "read_qasm", "sycamore"]
