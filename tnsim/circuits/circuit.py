"""A circuit's final state, or one of its amplitudes, as a network. Uses gates and network; used by qasm and sycamore.

    |0> --( )----[h]--( )------ site_0       a gate's qubits on which it is diagonal are copy indices: of cx the
           |           |                     control, of cz and rz all; only where it is not, a wire goes on
          [cz]        [cx]
           |           |
    |0> --( )---------'  '----- site_1
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, SupportsIndex

import numpy as np
from jaxtyping import Complex, Num

from tnsim.circuits.gates import known, matrix
from tnsim.network import Indices, Network, Stack, Table, build

DTYPES = ("complex64", "complex128")
Banks = dict[str, Complex[np.ndarray, "..."]]


class Gate(NamedTuple):
    """A gate on qubits: its name ("cp", with parameters in radians) or its unitary, (2^k, 2^k) for k qubits."""

    gate: Any
    qubits: tuple[int, ...]
    parameters: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Circuit:
    """Gates in the order in which they act on |0..0>; notes: what was left out of a file that was read."""

    gates: tuple[Gate, ...]
    qubits: int
    notes: tuple[str, ...] = ()

    def network(self, bits: Sequence[SupportsIndex] | None = None, dtype: str = "complex128", copies: bool = True):
        """(network, banks) of the final state or an amplitude, as `tnsim.circuit`."""
        return circuit(self.gates, self.qubits, bits, dtype, copies)


def circuit(
    gates: Sequence[Gate | tuple],
    qubits: int,
    bits: Sequence[SupportsIndex] | None = None,
    dtype: str = "complex128",
    copies: bool = True,
) -> tuple[Network, Banks]:
    """The network of the state that gates make of |0..0>, qubit i as site i, and its banks; or of an amplitude.

    gates: (gate, qubits) or (gate, qubits, parameters), of which qubits and parameters may be a single number: gate is
    a name ("h", "cx", "rz", .., those of OpenQASM's stdgates.inc and a few more) or a unitary (2^k, 2^k), its first
    qubit the most significant; k = 0 is a phase. bits: an outcome <bits| to close the network with, one 0 or 1 a qubit.
    copies: a qubit on which a gate is diagonal stays on its index, a copy index then (a cz is one 2 x 2 matrix, an rz a
    vector); without, every gate is a dense tensor. Equal gates read one row of the bank of their name.

    Raises ValueError, naming gates[i], for unknown gates, matrices that are not unitary or of another size, qubits out
    of range or repeated, and wrong numbers of parameters.
    """
    if dtype not in DTYPES:
        raise ValueError(f"dtype: wanted one of {DTYPES}, found {dtype!r}")
    if qubits < 1:
        raise ValueError(f"qubits: wanted at least one, found {qubits}")
    wires = _Wires(list(range(qubits)), qubits)
    for qubit in range(qubits):
        wires.put("zero", np.array([1, 0]), (qubit,))
    for place, made in enumerate(gates):
        wires.act(*_checked(f"gates[{place}]", made, qubits), copies)
    if bits is not None:
        for qubit, bit in enumerate(_bits(bits, qubits)):
            wires.put("outcome", np.eye(2)[bit], (wires.now[qubit],))
    sites = [] if bits is not None else wires.now
    stacks, banks = wires.stacks(dtype)
    return build([Indices("wire", wires.count, 2)], stacks, np.array(sites, np.int32), ()), banks


def _bits(bits: Sequence[SupportsIndex], qubits: int) -> list[int]:
    found = [int(bit) for bit in bits]
    if len(found) != qubits or not set(found) <= {0, 1}:
        raise ValueError(f"bits: wanted {qubits} of 0 and 1, found {found}")
    return found


def _checked(where: str, made: Gate | tuple, qubits: int) -> tuple[str, Num[np.ndarray, "after before"], list[int]]:
    """(bank, unitary, qubits) of a gate. Raises ValueError."""
    gate, on, *rest = made
    on = [int(qubit) for qubit in np.atleast_1d(np.array(on, dtype=np.int64))]
    if outside := [qubit for qubit in on if not 0 <= qubit < qubits]:
        raise ValueError(f"{where}: wanted qubits in 0..{qubits - 1}, found {outside[0]}")
    if len(set(on)) != len(on):
        raise ValueError(f"{where}: wanted every qubit once, found {tuple(on)}")
    if isinstance(gate, str):
        try:
            wanted, unitary = known(gate).qubits, matrix(gate, *np.atleast_1d(rest[0] if rest else ()).tolist())
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
        if len(on) != wanted:
            raise ValueError(f"{where}: wanted {wanted} qubits for {gate!r}, found {tuple(on)}")
        return gate, unitary, on
    return f"unitary_{len(on)}", _unitary(where, np.asarray(gate), len(on)), on


def _unitary(where: str, gate: Num[np.ndarray, "..."], qubits: int) -> Num[np.ndarray, "after before"]:
    size = 2**qubits
    if gate.shape not in ((size, size), (2,) * (2 * qubits)):
        raise ValueError(f"{where}: wanted a matrix of shape {(size, size)} for its qubits, found {gate.shape}")
    unitary = gate.reshape(size, size)
    error = float(np.abs(unitary.conj().T @ unitary - np.eye(size)).max())
    limit = 1e-5 if unitary.dtype in (np.float32, np.complex64) else 1e-10
    if not error <= limit:
        raise ValueError(f"{where}: wanted a unitary matrix, found one with |U* U - 1| up to {error:.1e}")
    return unitary


@dataclass
class _Wires:
    """The network so far: the present index of every qubit, and of every bank the tensors' numbers and legs."""

    now: list[int]
    count: int
    tensors: dict[tuple[str, tuple[int, ...]], list[tuple[Num[np.ndarray, "..."], tuple[int, ...]]]] = field(
        default_factory=dict
    )

    def put(self, bank: str, numbers: Num[np.ndarray, "..."], legs: tuple[int, ...]) -> None:
        self.tensors.setdefault((bank, numbers.shape), []).append((numbers, legs))

    def act(self, bank: str, unitary: Num[np.ndarray, "after before"], on: list[int], copies: bool) -> None:
        """A gate: legs after it, then before it, one for both where it is diagonal."""
        k = len(on)
        tensor = unitary.reshape((2,) * (2 * k))
        kept = [copies and _diagonal(tensor, qubit, k) for qubit in range(k)]
        before = [self.now[qubit] for qubit in on]
        for qubit, stays in zip(on, kept, strict=True):
            if not stays:
                self.now[qubit] = self.count
                self.count += 1
        letters = [qubit if kept[qubit] else k + qubit for qubit in range(k)]
        axes = [letters[qubit] for qubit in range(k)] + [qubit for qubit in range(k) if not kept[qubit]]
        numbers = np.asarray(np.einsum(tensor, [*letters, *range(k)], axes))
        legs = [self.now[qubit] for qubit in on] + [before[qubit] for qubit in range(k) if not kept[qubit]]
        self.put(bank, numbers, tuple(legs))

    def stacks(self, dtype: str) -> tuple[list[Stack], Banks]:
        """A stack and a bank for every name (and shape, where a name has several), equal tensors one row."""
        stacks: list[Stack] = []
        banks: Banks = {}
        for (name, shape), tensors in self.tensors.items():
            rows: dict[bytes, int] = {}
            slots = [rows.setdefault(numbers.astype(dtype).tobytes(), len(rows)) for numbers, _ in tensors]
            bank = name if name not in banks else f"{name}_{len(stacks)}"
            banks[bank] = np.stack([np.frombuffer(row, dtype).reshape(shape) for row in rows])
            legs = np.array([legs for _, legs in tensors], np.int32).reshape(len(tensors), len(shape))
            stacks.append(Stack(bank, len(rows), shape, Table(slots), Table(legs)))
        return stacks, banks


def _diagonal(tensor: Num[np.ndarray, "..."], qubit: int, qubits: int) -> bool:
    """Whether a gate never changes a qubit: exact zeros wherever it differs before and after."""
    by_qubit = np.moveaxis(tensor, (qubit, qubits + qubit), (0, 1))
    return not by_qubit[0, 1].any() and not by_qubit[1, 0].any()
