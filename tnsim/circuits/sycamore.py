"""Random circuits of the family with which quantum advantage was claimed, on a rectangle of qubits. Uses circuit.

    cycle: [sqrt(X), sqrt(Y) or sqrt(W) on every qubit, never its last one's] [fSim(pi/2, pi/6) on a pattern's pairs]

    A: pairs down a column, upper qubit on an even diagonal    C: pairs along a row, left qubit on an odd diagonal
    B: the same, on an odd one                                 D: the same, on an even one
"""

from __future__ import annotations

from math import pi

import numpy as np

from tnsim.circuits.circuit import Circuit, Gate

PATTERN = "ABCDCDAB"
SINGLE = ("sqrt_x", "sqrt_y", "sqrt_w")
ANGLES = (pi / 2, pi / 6)


def sycamore(rows: int, columns: int, cycles: int, seed: int = 0, pattern: str = PATTERN) -> Circuit:
    """A random circuit by the published rule: `cycles` cycles, then single-qubit gates once more before measurement.

    Qubit i * columns + j lies at row i, column j. In each cycle every qubit takes sqrt(X), sqrt(Y) or sqrt(W), where
    W = (X + Y) / sqrt(2), at random but never the one that it took last; then fSim(pi/2, pi/6), of the published mean
    angles, acts on the pairs of the pattern's next letter. Drawn by NumPy's generator from `seed`: a member of the
    family, none of the published files, whose angles were calibrated pair by pair on a lattice of another outline.

    Raises ValueError for fewer than one row or column, negative cycles, or letters other than A, B, C, D.
    Source: Arute et al. (2019), Nature 574, 505, Fig. 3 and section VII of its supplement.
    """
    if rows < 1 or columns < 1 or cycles < 0:
        raise ValueError(f"rows, columns, cycles: wanted at least 1, 1 and 0, found {rows}, {columns}, {cycles}")
    if not pattern or not set(pattern) <= set("ABCD"):
        raise ValueError(f"pattern: wanted letters A, B, C, D, found {pattern!r}")
    rng = np.random.default_rng(seed)
    last = rng.integers(0, 3, rows * columns)
    gates: list[Gate] = []
    for cycle in range(cycles + 1):
        last = (last + rng.integers(1, 3, rows * columns)) % 3  # one of the two others
        gates += [Gate(SINGLE[kind], (qubit,)) for qubit, kind in enumerate(last.tolist())]
        if cycle < cycles:
            joined = pairs(rows, columns, pattern[cycle % len(pattern)])
            gates += [Gate("fsim", pair, ANGLES) for pair in joined]
    return Circuit(tuple(gates), rows * columns)


def pairs(rows: int, columns: int, letter: str) -> list[tuple[int, int]]:
    """The neighbours that a letter of the pattern joins: every inner qubit meets one; A to D are all edges once."""
    down, parity = letter in "AB", letter in "BC"
    return [
        (i * columns + j, (i + down) * columns + j + 1 - down)
        for i in range(rows - down)
        for j in range(columns - 1 + down)
        if (i + j) % 2 == parity
    ]
