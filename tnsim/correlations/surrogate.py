"""Correlation of every pair of sites, and the surrogate entanglement that it makes of a partition. NumPy only.

    SE(X; K, K^c) = sum over n in K, n' in K^c of rho(n, n')                 arXiv 2303.11249, section 5

rho of scalars is |Pearson|. Of vectors it is the multivariate coefficient

    rho(x, y) = |S_xy|_1 / sum_k (l_k(S_x) l_k(S_y))^(1/2)        |.|_1: sum of singular values, l_k: k-th eigenvalue

in [0, 1], from covariances S. It is Puccetti's coefficient (Statistics & Probability Letters 2022: tr S_xy over the
largest value that it can have for given S_x and S_y) at the rotations of x and of y that make it largest, so that it
depends on no choice of axes: von Neumann's trace inequality bounds tr(Q S_xy) by the denominator, for every rotation Q.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Num

from tnsim.correlations.tensor import chunks

__all__ = ["Correlations", "correlations", "surrogate_entanglement"]

NOTHING = 1e-12  # of a site's mean square: a variance below is rounding, and the site constant


class Correlations(NamedTuple):
    """rho of all pairs of sites, its diagonal 0, and which sites are constant (their rho is 0, not undefined)."""

    rho: Float[np.ndarray, "N N"]
    constant: Bool[np.ndarray, "N"]

    @property
    def constant_sites(self) -> tuple[int, ...]:
        """Numbers of the constant sites."""
        return tuple(np.flatnonzero(self.constant).tolist())


def correlations(values: Num[np.ndarray, "..."], vectors: bool = False) -> Correlations:
    """rho of all pairs of sites of samples.

    values: (samples, sites) or (samples, height, width), a number a site; with `vectors`, (samples, sites, M). Work: m
    (N M)^2. Raises ValueError for other shapes, fewer than two samples or sites, and numbers that are not finite.
    """
    x = _checked(values, vectors)
    S = _covariances(x)
    N, M = x.shape[1:]
    own = np.maximum(np.linalg.eigvalsh(S[np.arange(N), :, np.arange(N)])[:, ::-1], 0.0)
    squares = own.sum(axis=1) + (_mean(x) ** 2).sum(axis=1)
    constant = own.sum(axis=1) <= NOTHING * squares
    root = np.sqrt(np.where(constant[:, None], 0.0, own))
    most = root @ root.T
    found = np.abs(S[:, 0, :, 0]) if M == 1 else _trace_norms(S)
    rho = np.where(most > 0, found / np.where(most > 0, most, 1), 0.0)
    np.fill_diagonal(rho, 0.0)
    return Correlations(np.minimum(0.5 * (rho + rho.T), 1.0), constant)


def surrogate_entanglement(rho: Float[np.ndarray, "N N"], inside: Bool[np.ndarray, "..."]) -> float:
    """Sum of rho over all pairs that a partition separates. Raises ValueError for an A that is empty or everything."""
    if inside.shape != rho.shape[:1] or inside.all() or not inside.any():
        raise ValueError(
            f"partition: wanted a mask over {len(rho)} sites, neither side empty, found shape {inside.shape} with "
            f"{int(inside.sum())} sites in A"
        )
    return float(rho[inside][:, ~inside].sum())


def _checked(values: np.ndarray, vectors: bool) -> np.ndarray:
    """(samples, sites, M), as it is."""
    x = np.asarray(values)
    if (x.ndim != 3 if vectors else x.ndim not in (2, 3)) or x.dtype.kind not in "fiu":
        wanted = "(samples, sites, M)" if vectors else "(samples, sites) or (samples, height, width)"
        raise ValueError(f"values: wanted numbers of shape {wanted}, found {x.dtype} of shape {x.shape}")
    x = x if vectors else x.reshape(len(x), -1, 1)
    if len(x) < 2 or x.shape[1] < 2 or not x.shape[2]:
        raise ValueError(f"values: wanted at least two samples and two sites, found shape {np.shape(values)}")
    if not all(np.isfinite(x[rows]).all() for rows in chunks(x.shape)):
        raise ValueError("values: wanted finite numbers, found NaN or infinity")
    return x


def _mean(x: np.ndarray) -> Float[np.ndarray, "N M"]:
    return sum((x[rows].sum(axis=0, dtype=np.float64) for rows in chunks(x.shape)), np.zeros(x.shape[1:])) / len(x)


def _covariances(x: np.ndarray) -> Float[np.ndarray, "N M N M"]:
    """Covariance of every number with every other, samples some at a time; their mean taken out first."""
    mean, size = _mean(x), x.shape[1] * x.shape[2]
    found = np.zeros((size, size))
    for rows in chunks(x.shape):
        centred = (x[rows] - mean).reshape(-1, size)
        found += centred.T @ centred
    return (found / len(x)).reshape(*x.shape[1:], *x.shape[1:])


def _trace_norms(S: Float[np.ndarray, "N M N M"]) -> Float[np.ndarray, "N N"]:
    """Sum of the singular values of every block, a row of blocks at a time."""
    return np.stack([np.linalg.svd(row.transpose(1, 0, 2), compute_uv=False).sum(axis=1) for row in S])
