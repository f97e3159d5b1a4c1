"""An amplitude of a random quantum circuit on a grid of qubits, in the pattern of Boixo et al. (2018). Uses graphs.

    |0> --[H]--( CZs in eight layouts in turn, sqrt(X), sqrt(Y) or T between them, `width` cycles )--[H]-- <x|

CZ and T are diagonal, so they are hyperedges: a CZ is a matrix on the two qubits' present indices, a T a vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod

import numpy as np

from tnsim.bench.cases import Case
from tnsim.bench.workloads.graphs import path_floor, searched
from tnsim.bench.workloads.workload import Answer, Arrays, Einsum, Floor, Operand, real

HADAMARD = np.array([[1, 1], [1, -1]]) / 2**0.5
GATES = {
    "plus": HADAMARD[:, 0],
    "cz": np.array([[1, 1], [1, -1]]),
    "t": np.exp(1j * np.pi / 4 * np.arange(2)),
    "sqrt_x": np.array([[1 + 1j, 1 - 1j], [1 - 1j, 1 + 1j]]) / 2,
    "sqrt_y": np.array([[1 + 1j, -1 - 1j], [1 + 1j, 1 + 1j]]) / 2,
}
LAYOUTS = ((0, 0), (1, 2), (0, 2), (1, 0), (0, 1), (1, 3), (0, 3), (1, 1))  # (direction, shift) of every cycle in turn


@dataclass
class Wires:
    """The circuit so far: the present index of every qubit, and the gates as terms over indices."""

    now: list[int]
    terms: list[tuple[int, ...]] = field(default_factory=list)
    operands: list[Operand] = field(default_factory=list)

    def put(self, gate: str, *indices: int) -> None:
        self.terms.append(indices)
        self.operands.append(Operand(gate))

    def turn(self, gate: str, qubit: int, fresh: int) -> None:
        """A gate that is not diagonal: the qubit goes on along a fresh index."""
        self.put(gate, fresh, self.now[qubit])
        self.now[qubit] = fresh


def pairs(grid: tuple[int, int], cycle: int) -> list[tuple[int, int]]:
    """Qubits joined by a CZ in a cycle."""
    (height, width), (down, shift) = grid, LAYOUTS[cycle % len(LAYOUTS)]
    return [
        (i * width + j, (i + down) * width + j + 1 - down)
        for i in range(height - down)
        for j in range(width - 1 + down)
        if ((i + 2 * j) if down else (j + 2 * i)) % 4 == shift
    ]


def grid_of(case: Case) -> tuple[int, int]:
    """Qubits as (height, width). Raises ValueError for sites that are no grid."""
    if isinstance(case.sites, int):
        raise ValueError(f"sites: wanted (height, width) of the qubits, found {case.sites}")
    return case.sites


@lru_cache(maxsize=8)
def _einsum(case: Case) -> Einsum:
    grid, rng = grid_of(case), np.random.default_rng(case.seed)
    qubits = prod(grid)
    wires, last, before = Wires(list(range(qubits))), [""] * qubits, set[int]()
    for qubit in range(qubits):
        wires.put("plus", qubit)
    for cycle in range(case.width):
        joined = pairs(grid, cycle)
        busy = {qubit for pair in joined for qubit in pair}
        for qubit in sorted(before - busy):  # a qubit that a CZ has just left gets a gate, T first, none twice in turn
            last[qubit] = rng.choice([g for g in ("sqrt_x", "sqrt_y") if g != last[qubit]]) if last[qubit] else "t"
            if last[qubit] == "t":
                wires.put("t", wires.now[qubit])
            else:
                wires.turn(last[qubit], qubit, qubits + len(wires.terms))
        for pair in joined:
            wires.put("cz", *(wires.now[qubit] for qubit in pair))
        before = busy
    wires.terms += [(index,) for index in wires.now]
    wires.operands += [Operand("bra", 0, qubit) for qubit in range(qubits)]
    sizes = dict.fromkeys(sorted({index for term in wires.terms for index in term}), 2)
    return Einsum(tuple(wires.terms), (), sizes, tuple(wires.operands), searched(wires.terms, (), sizes))


def circuit_einsums(case: Case) -> tuple[Einsum, ...]:
    """One closed network over hyperedges."""
    return (_einsum(case),)


def circuit_inputs(case: Case) -> Arrays:
    """Each kind of gate once, and "bra" (qubits, 2): the bits of one outcome behind the last Hadamards."""
    bits = np.random.default_rng(case.seed + 1).integers(0, 2, prod(grid_of(case)))
    return {name: gate.astype(case.dtype) for name, gate in (GATES | {"bra": HADAMARD[bits]}).items()}


def circuit_floor(case: Case) -> Floor:
    """Of the one path; every gate counts as read."""
    return path_floor(case, _einsum(case))


def circuit_answer(case: Case, tensors: Sequence) -> Answer:
    """The amplitude times 2^(qubits/2): of order 1."""
    return real(np.asarray(tensors[0], np.complex128) * 2 ** (prod(grid_of(case)) / 2))
