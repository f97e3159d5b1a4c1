"""What sweeps of chains and of trees share: how well a pair is solved, and how it is cut. Used by dmrg, tree_dmrg."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Num

FIRST_RESIDUAL = 1e-3  # |H theta - E theta| of a pair in the first sweep; a hundredth of it in each that follows
CLOSE = 1e-6  # of a pair that is done: its energy is off by the square of it over the gap


class Cut(NamedTuple):
    """U s V of few values, s of norm 1, and the weight that was left out."""

    u: Num[np.ndarray, "rows k"]
    s: Float[np.ndarray, "k"]
    v: Num[np.ndarray, "k columns"]
    discarded: float


def truncated(theta: Num[np.ndarray, "rows columns"], width: int, tolerance: float) -> Cut:
    """The largest singular values of a theta of norm 1: at most `width`, and no more than the tolerance needs."""
    u, s, v = np.linalg.svd(theta, full_matrices=False)
    p = s**2
    tail = p[::-1].cumsum()  # of the last one, two, ..
    kept = max(1, min(width, len(s) - int((tail <= tolerance).sum())))
    return Cut(u[:, :kept], s[:kept] / np.linalg.norm(s[:kept]), v[:kept], p[kept:].sum())
