"""The lowest eigenvector of a Hermitian matrix that is only applied, from a good guess, in few steps. Used by dmrg."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Num
from scipy.linalg import eigh_tridiagonal

Vector = Num[np.ndarray, "n"]


def lowest(
    apply: Callable[[Vector], Vector], guess: Vector, residual: float, steps: int = 20
) -> tuple[float, Vector]:  # fmt: skip
    """(value, vector of norm 1), as soon as |A v - value v| is below `residual`, or after so many products.

    Every vector is made orthogonal to all before it, twice: few enough for that, and no ghosts arise.
    """
    basis = np.empty((min(steps, guess.size) + 1, guess.size), dtype=guess.dtype)
    basis[0] = guess / np.linalg.norm(guess)
    diagonal, beside = [], list[float]()
    for k in range(len(basis) - 1):
        w = apply(basis[k])
        diagonal.append(float(np.vdot(basis[k], w).real))
        for _ in range(2):
            w = w - basis[: k + 1].T @ (basis[: k + 1].conj() @ w)
        norm = float(np.linalg.norm(w))
        values, vectors = eigh_tridiagonal(np.array(diagonal), np.array(beside), select="i", select_range=(0, 0))
        if norm * abs(vectors[-1, 0]) < residual or k + 2 == len(basis):
            break
        beside.append(norm)
        basis[k + 1] = w / norm
    return float(values[0]), basis[: len(diagonal)].T @ vectors[:, 0]
