"""Exact arithmetic over GF(p) for generic ranks: weights are drawn mod a prime near 2^31. NumPy alone.

A rank mod p is a rank over the rationals of weights that are integers, or below it for unlucky primes and weights: for
almost all weights and all but finitely many primes the two agree.
"""

from __future__ import annotations

from math import prod

import numpy as np
from jaxtyping import Int

__all__ = ["PRIME", "draw", "matmul", "rank"]

PRIME = 2147483629  # products of two residues fit in 63 bits
Residues = Int[np.ndarray, "..."]


def draw(rng: np.random.Generator, *shape: int) -> Residues:
    """Residues other than zero, uniform."""
    return rng.integers(1, PRIME, prod(shape), dtype=np.int64).reshape(shape)


def matmul(matrix: Int[np.ndarray, "r c"], vectors: Int[np.ndarray, "*batch c"]) -> Int[np.ndarray, "*batch r"]:
    """The matrix times each vector, mod PRIME."""
    total = np.zeros((*vectors.shape[:-1], len(matrix)), dtype=np.int64)
    for c in range(vectors.shape[-1]):  # reduced term by term: a sum of two products would overflow
        total = (total + vectors[..., c, None] * matrix[:, c]) % PRIME
    return total


def rank(matrix: Int[np.ndarray, "m n"]) -> int:
    """Rank over GF(PRIME), by elimination."""
    rows, found = matrix % PRIME, 0
    for column in range(rows.shape[1]):
        pivots = np.flatnonzero(rows[found:, column])
        if not len(pivots):
            continue
        rows[[found, found + pivots[0]]] = rows[[found + pivots[0], found]]
        rows[found] = rows[found] * pow(int(rows[found, column]), -1, PRIME) % PRIME
        below = rows[found + 1 :, column:]
        below -= below[:, :1] * rows[found, column:] % PRIME
        below %= PRIME
        found += 1
        if found == len(rows):
            break
    return found
