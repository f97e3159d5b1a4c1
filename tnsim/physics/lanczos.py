"""The lowest eigenvector of a Hermitian matrix that is only applied, from a good guess, in few steps. Used by dmrg."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Num

Vector = Num[np.ndarray, "n"]


def lowest(
    apply: Callable[[Vector], Vector], guess: Vector, residual: float, steps: int = 20
) -> tuple[float, Vector]:  # fmt: skip
    """(value, vector of norm 1), as soon as |A v - value v| is below `residual`, or after so many products.

    Every vector is made orthogonal to all before it, twice: few enough for that, and no ghosts arise.
    """
    basis = np.empty((min(steps, guess.size) + 1, guess.size), dtype=guess.dtype)
    basis[0] = guess / np.linalg.norm(guess)
    T = np.zeros((len(basis), len(basis)))
    for k in range(len(basis) - 1):
        w = apply(basis[k])
        T[k, k] = np.vdot(basis[k], w).real
        for _ in range(2):
            w = w - basis[: k + 1].T @ (basis[: k + 1].conj() @ w)
        norm = float(np.linalg.norm(w))
        values, vectors = np.linalg.eigh(T[: k + 1, : k + 1])  # so small that a tridiagonal solver takes longer
        if norm * abs(vectors[-1, 0]) < residual or k + 2 == len(basis):
            break
        T[k, k + 1] = T[k + 1, k] = norm
        basis[k + 1] = w / norm
    return float(values[0]), basis[: k + 1].T @ vectors[:, 0]
