"""Gates by name: unitary matrices, the first qubit the most significant. Uses nothing of tnsim.

    matrix("cp", 0.3) = diag(1, 1, 1, exp(0.3 i))        rows: the state after, columns: before

Names and phases are those of OpenQASM 3's stdgates.inc (Cross et al. 2022, ACM Trans. Quantum Comput. 3, 12), and
beside them are the gates of Arute et al. (2019): "sqrt_x", "sqrt_y", "sqrt_w" and "fsim".
"""

from __future__ import annotations

import cmath
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from math import cos, pi, sin
from typing import NamedTuple

import numpy as np
from jaxtyping import Complex, Num

Matrix = Complex[np.ndarray, "_ _"]

X = np.array([[0, 1], [1, 0]], complex)
Y = np.array([[0, -1j], [1j, 0]])
Z = np.diag([1, -1]).astype(complex)
H = (X + Z) / 2**0.5
SWAP = np.eye(4)[[0, 2, 1, 3]].astype(complex)


class Known(NamedTuple):
    """A gate of the table: how many parameters (angles, radians) and qubits it takes, and its matrix."""

    parameters: int
    qubits: int
    matrix: Callable[..., Matrix]


def controlled(unitary: Num[np.ndarray, "_ _"], value: int = 1) -> Matrix:
    """The gate on the qubits behind a first one, where that is `value`."""
    size = len(unitary)
    found = np.eye(2 * size, dtype=complex)
    found[value * size : (value + 1) * size, value * size : (value + 1) * size] = unitary
    return found


def u(theta: float, phi: float, lam: float) -> Matrix:
    """OpenQASM 3's built-in U: exp(i theta/2) [[cos, -exp(i lam) sin], [exp(i phi) sin, exp(i (phi + lam)) cos]]."""
    return cmath.exp(0.5j * theta) * _turn(theta, phi, lam)


def _turn(theta: float, phi: float, lam: float) -> Matrix:
    c, s = cos(theta / 2), sin(theta / 2)
    return np.array([[c, -cmath.exp(1j * lam) * s], [cmath.exp(1j * phi) * s, cmath.exp(1j * (phi + lam)) * c]])


def phase(angle: float) -> Matrix:
    """diag(1, exp(i angle))."""
    return np.diag([1, cmath.exp(1j * angle)])


def rotation(pauli: Matrix, angle: float) -> Matrix:
    """exp(-i angle/2 P) of a P with P P = 1."""
    return cos(angle / 2) * np.eye(len(pauli)) - 1j * sin(angle / 2) * pauli


def fsim(theta: float, phi: float) -> Matrix:
    """Excitations hop by theta; both excited turn by phi (Arute et al. 2019, eq. 53 of the supplement)."""
    found = np.diag([1, cos(theta), cos(theta), cmath.exp(-1j * phi)]).astype(complex)
    found[1, 2] = found[2, 1] = -1j * sin(theta)
    return found


def root(pauli: Matrix) -> Matrix:
    """exp(-i pi/4 P): the square root of a turn by pi."""
    return rotation(pauli, pi / 2)


def _u3(theta: float, phi: float, lam: float) -> Matrix:
    return cmath.exp(-0.5j * (phi + lam)) * _turn(theta, phi, lam)


def _fixed(qubits: int, unitary: Matrix) -> Known:
    return Known(0, qubits, lambda: unitary)


_SQRT_X = cmath.exp(0.25j * pi) * root(X)  # its square is X
KNOWN: dict[str, Known] = {
    "id": _fixed(1, np.eye(2, dtype=complex)), "x": _fixed(1, X), "y": _fixed(1, Y), "z": _fixed(1, Z),
    "h": _fixed(1, H), "s": _fixed(1, phase(pi / 2)), "sdg": _fixed(1, phase(-pi / 2)), "t": _fixed(1, phase(pi / 4)),
    "tdg": _fixed(1, phase(-pi / 4)), "sx": _fixed(1, _SQRT_X),
    "p": Known(1, 1, phase), "phase": Known(1, 1, phase), "u1": Known(1, 1, phase),
    "rx": Known(1, 1, lambda a: rotation(X, a)), "ry": Known(1, 1, lambda a: rotation(Y, a)),
    "rz": Known(1, 1, lambda a: rotation(Z, a)),
    "u2": Known(2, 1, lambda phi, lam: _u3(pi / 2, phi, lam)), "u3": Known(3, 1, _u3), "U": Known(3, 1, u),
    "cx": _fixed(2, controlled(X)), "CX": _fixed(2, controlled(X)), "cy": _fixed(2, controlled(Y)),
    "cz": _fixed(2, controlled(Z)), "ch": _fixed(2, controlled(H)), "swap": _fixed(2, SWAP),
    "cp": Known(1, 2, lambda a: controlled(phase(a))), "cphase": Known(1, 2, lambda a: controlled(phase(a))),
    "crx": Known(1, 2, lambda a: controlled(rotation(X, a))), "cry": Known(1, 2, lambda a: controlled(rotation(Y, a))),
    "crz": Known(1, 2, lambda a: controlled(rotation(Z, a))),
    "cu": Known(4, 2, lambda theta, phi, lam, gamma: controlled(cmath.exp(1j * gamma) * _turn(theta, phi, lam))),
    "ccx": _fixed(3, controlled(controlled(X))), "cswap": _fixed(3, controlled(SWAP)),
}  # fmt: skip
STANDARD = frozenset(KNOWN) - {"U"}  # of stdgates.inc
KNOWN |= {
    "sqrt_x": _fixed(1, root(X)), "sqrt_y": _fixed(1, root(Y)), "sqrt_w": _fixed(1, root((X + Y) / 2**0.5)),
    "fsim": Known(2, 2, fsim), "iswap": _fixed(2, fsim(-pi / 2, 0)),
    "rxx": Known(1, 2, lambda a: rotation(np.kron(X, X), a)), "ryy": Known(1, 2, lambda a: rotation(np.kron(Y, Y), a)),
    "rzz": Known(1, 2, lambda a: rotation(np.kron(Z, Z), a)),
}  # fmt: skip


def unknown(name: str, names: Sequence[str]) -> str:
    """What to say of a gate that is none: its name, and those that are near it."""
    near = get_close_matches(name, names, 3)
    return f"found {name!r}" + (f"; did you mean {' or '.join(map(repr, near))}?" if near else "")


def known(name: str) -> Known:
    """The gate of a name. Raises ValueError for none, with the nearest names."""
    if name not in KNOWN:
        raise ValueError(f"gate: wanted a known one, {unknown(name, list(KNOWN))}")
    return KNOWN[name]


def matrix(name: str, *parameters: float) -> Matrix:
    """The unitary of a gate. Raises ValueError for an unknown name or another number of parameters."""
    gate = known(name)
    if len(parameters) != gate.parameters:
        raise ValueError(f"gate {name!r}: wanted {gate.parameters} parameters, found {len(parameters)}")
    return gate.matrix(*map(float, parameters))
