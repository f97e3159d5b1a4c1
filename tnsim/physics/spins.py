"""Spin matrices, hbar = 1. The ground of physics."""

from __future__ import annotations

import numpy as np
from jaxtyping import Num


def spin(s: float) -> tuple[Num[np.ndarray, "d d"], Num[np.ndarray, "d d"], Num[np.ndarray, "d d"]]:
    """(S^z, S^+, S^-), real, of dimension 2 s + 1, the largest S^z first. Raises ValueError unless 2 s = 1, 2, .."""
    d = round(2 * s) + 1
    if d < 2 or abs(2 * s - (d - 1)) > 1e-12:
        raise ValueError(f"s: wanted 1/2, 1, 3/2, .., found {s}")
    m = s - np.arange(d)
    raising = np.diag(np.sqrt(s * (s + 1) - m[1:] * (m[1:] + 1)), 1)
    return np.diag(m), raising, raising.T.copy()


def pauli() -> tuple[Num[np.ndarray, "2 2"], Num[np.ndarray, "2 2"], Num[np.ndarray, "2 2"]]:
    """(X, Y, Z)."""
    return np.array([[0.0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1.0, -1])
