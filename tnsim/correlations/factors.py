"""Samples of one side as short vectors: pivoted Cholesky of their Gram matrix, which is never formed. Uses gram.

    G ~ L L^T,  L (m, r):  row i holds the coordinates of P a_i,  a_i = (x)_{n in side} u_i^n,
                           P: the orthogonal projector onto the span of r samples
    diag(G - L L^T)[i] = |a_i - P a_i|^2

Samples are drawn with what is missing of them as their odds: the largest would be outliers. Columns are made some at a
time, so that nearly all work is matrix products: m r N + m r^2. Source: Chen, Epperly, Tropp, Webber 2022 (arXiv
2207.06503), randomly pivoted Cholesky.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpstrf

from tnsim.correlations.gram import Side, columns_of

__all__ = ["EPS", "Factor", "factor"]

EPS = float(np.finfo(np.float64).eps)
BLOCK = 64  # columns made at once
FLOOR = 16  # eps a step of the factorisation: residuals below are rounding
WORTH = 1e-3  # of a block's largest residual: what is to become a pivot with it


class Factor(NamedTuple):
    """L, and of every sample what the pivots do not span, |a_i - P a_i|^2."""

    L: Float[np.ndarray, "m r"]
    residual: Float[np.ndarray, "m"]

    @property
    def rank(self) -> int:
        """r, the number of pivots."""
        return self.L.shape[1]


def factor(one: Side, weights: Float[np.ndarray, "m"], most: int, seed: int = 0) -> Factor:
    """L of a side with at most `most` columns; fewer where they span all samples, up to rounding.

    weights: the odds of a sample are weight^2 times its residual. seed: of the draws.
    """
    rng, most = np.random.default_rng(seed), min(most, one.samples)
    L = np.zeros((one.samples, most), order="F")
    residual, r = np.ones(one.samples), 0
    while r < most:
        floor = FLOOR * EPS * (r + 1)
        worth = np.where(residual > floor, weights**2 * residual, 0.0)
        if worth.max() == 0:
            break
        count = min(BLOCK, most - r, int((worth > 0).sum()))
        candidates = rng.choice(len(worth), count, replace=False, p=worth / worth.sum())
        new = _columns(one, L[:, :r], candidates, floor)
        if not new.shape[1]:
            residual[candidates] = 0.0  # what was left of them was rounding
        L[:, r : r + new.shape[1]] = new
        residual = np.maximum(residual - (new**2).sum(axis=1), 0.0)
        r += new.shape[1]
    return Factor(L[:, :r], residual)


def _columns(
    one: Side, L: Float[np.ndarray, "m r"], candidates: Int[np.ndarray, "k"], floor: float
) -> Float[np.ndarray, "m new"]:
    """The next columns of L: the candidates' residual columns over the Cholesky factor of their own block."""
    rest = columns_of(one, candidates) - L @ L[candidates].T
    block = rest[candidates]
    level = max(WORTH * float(np.diag(block).max()), floor)
    lower, order, rank, _ = dpstrf(0.5 * (block + block.T), lower=1, tol=level)
    pivots = order[:rank] - 1
    return solve_triangular(np.tril(lower[:rank, :rank]), rest[:, pivots].T, lower=True).T
