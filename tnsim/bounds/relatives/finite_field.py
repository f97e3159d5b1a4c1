"""One prime near 2^31 for generic ranks: weights are drawn mod it. Short names over `modular`.

A rank mod p is a rank over the rationals of weights that are integers, or below it for unlucky primes and weights: for
almost all weights and all but finitely many primes the two agree.
"""

from __future__ import annotations

from math import prod

import numpy as np
from jaxtyping import Int

from tnsim import modular

__all__ = ["PRIME", "draw", "matmul", "rank"]

PRIME = 2147483629
Residues = Int[np.ndarray, "..."]


def draw(rng: np.random.Generator, *shape: int) -> Residues:
    """Residues other than zero, uniform."""
    return rng.integers(1, PRIME, prod(shape), dtype=np.int64).reshape(shape)


def matmul(matrix: Int[np.ndarray, "r c"], vectors: Int[np.ndarray, "*batch c"]) -> Int[np.ndarray, "*batch r"]:
    """The matrix times each vector, mod PRIME."""
    flat = modular.matmul(vectors.reshape(-1, vectors.shape[-1]), matrix.T, PRIME)
    return flat.reshape(*vectors.shape[:-1], len(matrix))


def rank(matrix: Int[np.ndarray, "m n"]) -> int:
    """Rank over GF(PRIME)."""
    return modular.rank(matrix, PRIME)
