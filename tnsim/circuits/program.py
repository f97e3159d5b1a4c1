"""The statements of an OpenQASM program, done one by one: what is left is a list of gates. Uses values and gates.

    gate f(a) x, y { rz(a) x; cx x, y; }     f(0.3) q[0], q[1];        --> its body, inlined
                                             ctrl @ inv @ f(0.3) ..;   --> its matrix, changed
"""

from __future__ import annotations

import cmath
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.linalg import schur

from tnsim.circuits.circuit import Gate
from tnsim.circuits.gates import KNOWN, STANDARD, Matrix, controlled, unknown
from tnsim.circuits.values import Number, integer, integers, kind, refuse, value

LARGEST = 10  # qubits of a gate that modifiers make a matrix of
FILES = {"stdgates.inc": STANDARD, "qelib1.inc": STANDARD}
NO_STATE = ("QuantumBarrier", "ClassicalDeclaration", "Pragma", "Annotation")  # what does nothing to it


@dataclass
class Program:
    """What a program has declared and done so far.

    registers: the qubits of each; names: constants; defined: gate definitions; measured: qubits that are.
    """

    qubits: int = 0
    gates: list[Gate] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    registers: dict[str, list[int]] = field(default_factory=dict)
    names: dict[str, Number] = field(default_factory=dict)
    defined: dict[str, Any] = field(default_factory=dict)
    standard: set[str] = field(default_factory=lambda: {"U", "CX"})
    measured: set[int] = field(default_factory=set)

    def do(self, node: Any) -> None:
        """One statement. Raises QasmError for one that makes no circuit."""
        found: Callable[[Any], None] | None = {
            "Include": self._include, "QubitDeclaration": self._declare, "QuantumGateDefinition": self._define,
            "QuantumGate": self._apply, "QuantumPhase": self._apply, "ConstantDeclaration": self._constant,
            "ForInLoop": self._loop, "QuantumMeasurementStatement": self._measure,
        }.get(kind(node))  # fmt: skip
        if found is not None:
            found(node)
        elif kind(node) not in NO_STATE:
            raise refuse(node, f"wanted gates, registers, definitions and loops, found {kind(node)}")
        elif kind(node) == "ClassicalDeclaration" and kind(node.type) != "BitType":
            raise refuse(node, f"wanted constants and bits, found a variable {node.identifier.name!r}; make it const")
        elif kind(node) == "ClassicalDeclaration" and node.init_expression is not None:
            self._measure(node.init_expression)

    def _include(self, node: Any) -> None:
        if node.filename not in FILES:
            raise refuse(node, f"wanted one of {sorted(FILES)}, found {node.filename!r}")
        self.standard |= FILES[node.filename]

    def _declare(self, node: Any) -> None:
        size = 1 if node.size is None else integer(node.size, self.names)
        if size < 1:
            raise refuse(node, f"wanted at least one qubit, found {size}")
        self.registers[node.qubit.name] = list(range(self.qubits, self.qubits + size))
        self.qubits += size

    def _define(self, node: Any) -> None:
        self.defined[node.name.name] = node

    def _constant(self, node: Any) -> None:
        self.names[node.identifier.name] = value(node.init_expression, self.names)

    def _loop(self, node: Any) -> None:
        for turn in integers(node.set_declaration, self.names):
            with self._scope({node.identifier.name: turn}):
                for statement in node.block:
                    self.do(statement)

    def _measure(self, node: Any) -> None:
        measure = getattr(node, "measure", node)
        if kind(measure) != "QuantumMeasurement":
            raise refuse(node, f"wanted a measurement, found {kind(measure)}")
        found = self._places(measure.qubit)
        self.measured |= set(found)
        self.notes.append(f"line {node.span.start_line}: the measurement of {len(found)} qubits is left out")

    @contextmanager
    def _scope(self, names: dict[str, Number], registers: dict[str, list[int]] | None = None) -> Iterator[None]:
        """Names that hold inside; registers: those that there are inside."""
        kept = self.names, self.registers
        self.names = {**self.names, **names}
        self.registers = self.registers if registers is None else registers
        try:
            yield
        finally:
            self.names, self.registers = kept

    def _places(self, node: Any) -> list[int]:
        """The qubits that q, q[2], q[0:3] or q[{0, 2}] names."""
        name = node.name if isinstance(node.name, str) else node.name.name
        if name not in self.registers:
            raise refuse(node, f"wanted qubits, {unknown(name, list(self.registers))}")
        register = self.registers[name]
        for index in getattr(node, "indices", []):
            chosen = index if isinstance(index, list) else [index]
            places = [place for part in chosen for place in integers(part, self.names, len(register))]
            if outside := [place for place in places if not -len(register) <= place < len(register)]:
                raise refuse(node, f"wanted a place in 0..{len(register) - 1} of {name!r}, found {outside[0]}")
            register = [register[place] for place in places]
        return register

    def _apply(self, node: Any) -> None:
        """A gate or phase on qubits, or on registers of one size, qubit by qubit."""
        given = [self._places(qubit) for qubit in node.qubits]
        sizes = {len(places) for places in given} - {1}
        if len(sizes) > 1:
            raise refuse(node, f"wanted registers of one size, found {sorted(sizes)}")
        parameters = [value(argument, self.names) for argument in _arguments(node)]
        for turn in range(sizes.pop() if sizes else 1):
            on = [places[turn if len(places) > 1 else 0] for places in given]
            if gone := self.measured.intersection(on):
                raise refuse(node, f"wanted measurements at the end, found a gate on measured qubit {min(gone)}")
            if len(set(on)) != len(on):
                raise refuse(node, f"wanted every qubit once, found {on}")
            self._act(node, parameters, on)

    def _act(self, node: Any, parameters: Sequence[Number], on: list[int]) -> None:
        if node.modifiers:
            self.gates.append(Gate(self._modified(node, parameters, len(on)), tuple(on)))
        elif kind(node) == "QuantumPhase":
            self.gates.append(Gate(np.array([[cmath.exp(1j * parameters[0])]]), ()))
        elif node.name.name in self.defined:
            self._inline(node, parameters, on)
        else:
            self._check(node, len(parameters), len(on))
            self.gates.append(Gate(node.name.name, tuple(on), tuple(map(float, parameters))))

    def _check(self, node: Any, parameters: int, qubits: int) -> None:
        name = node.name.name
        if name not in self.standard:
            hint = '; include "stdgates.inc"?' if name in STANDARD else ""
            raise refuse(node, f"wanted a known gate, {unknown(name, [*self.standard, *self.defined])}{hint}")
        wanted = KNOWN[name]
        if (parameters, qubits) != (wanted.parameters, wanted.qubits):
            asked = f"{wanted.parameters} parameters and {wanted.qubits} qubits"
            raise refuse(node, f"wanted {asked} of {name!r}, found {parameters} and {qubits}")

    def _inline(self, node: Any, parameters: Sequence[Number], on: Sequence[int]) -> None:
        made = self.defined[node.name.name]
        if (len(parameters), len(on)) != (len(made.arguments), len(made.qubits)):
            asked = f"{len(made.arguments)} parameters and {len(made.qubits)} qubits"
            raise refuse(node, f"wanted {asked} of {node.name.name!r}, found {len(parameters)} and {len(on)}")
        names = {argument.name: number for argument, number in zip(made.arguments, parameters, strict=True)}
        inside = {qubit.name: [place] for qubit, place in zip(made.qubits, on, strict=True)}
        with self._scope(names, inside):
            for statement in made.body:
                self.do(statement)

    def _modified(self, node: Any, parameters: Sequence[Number], qubits: int) -> Matrix:
        """The matrix of a gate under its modifiers, the innermost first."""
        counts = [
            (1 if modifier.argument is None else integer(modifier.argument, self.names))
            if modifier.modifier.name.endswith("ctrl") else 0
            for modifier in node.modifiers
        ]  # fmt: skip
        inner = qubits - sum(counts)
        if not 0 <= inner <= qubits <= LARGEST or min(counts) < 0:
            raise refuse(node, f"wanted 1 to {LARGEST} qubits below the modifiers, found {inner} of {qubits}")
        plain = Program(inner, names=self.names, defined=self.defined, standard=self.standard)
        bare = type(node)(**{**_fields(node), "modifiers": []})
        plain._act(bare, parameters, list(range(inner)))
        found = _matrix(plain.gates, inner)
        for modifier, count in zip(reversed(node.modifiers), reversed(counts), strict=True):
            name = modifier.modifier.name
            if name == "inv":
                found = found.conj().T
            elif name == "pow":
                found = _power(found, value(modifier.argument, self.names))
            for _ in range(count):
                found = controlled(found, int(name == "ctrl"))
        return found


def _arguments(node: Any) -> Sequence[Any]:
    return [node.argument] if kind(node) == "QuantumPhase" else node.arguments


def _fields(node: Any) -> dict[str, Any]:
    """What a node's constructor takes."""
    return {name: getattr(node, name) for name, made in type(node).__dataclass_fields__.items() if made.init}


def _matrix(gates: Sequence[Gate], qubits: int) -> Matrix:
    """The unitary of gates, a column for each basis state."""
    if qubits == 0:
        return np.prod([gate.gate for gate in gates], axis=0).reshape(1, 1)
    found = np.eye(2**qubits, dtype=complex).reshape((2,) * qubits + (-1,))
    for gate in gates:
        unitary = _dense(gate)
        k = len(gate.qubits)
        found = np.tensordot(unitary.reshape((2,) * 2 * k), found, (range(k, 2 * k), gate.qubits))
        found = np.moveaxis(found, range(k), gate.qubits)
    return found.reshape(2**qubits, -1)


def _dense(gate: Gate) -> Matrix:
    return KNOWN[gate.gate].matrix(*gate.parameters) if isinstance(gate.gate, str) else np.asarray(gate.gate)


def _power(unitary: Matrix, exponent: Number) -> Matrix:
    """A power: of an integer by products, else the principal one by eigenvalues exp(i a), -pi < a <= pi."""
    if float(exponent).is_integer():
        base = unitary if exponent >= 0 else unitary.conj().T
        return np.linalg.matrix_power(base, abs(int(exponent)))
    triangle, vectors = schur(unitary, output="complex")  # diagonal, as the matrix is normal, with orthogonal vectors
    angles = np.angle(np.diag(triangle))
    angles = np.where(angles < 1e-9 - np.pi, np.pi, angles)
    return (vectors * np.exp(1j * exponent * angles)) @ vectors.conj().T
