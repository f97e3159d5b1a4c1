"""Schmidt values of a truncated state at its root, of the strongest pairs. Uses kronecker, truncate.

    M[(a1 a2), (b1 b2)] = sum_g X[a1, b1, g] Y[a2, b2, g]

Rows and columns are pairs; those of the largest weights are kept, which is one more orthogonal projection: q_k, the
squared singular values of what is left, are each at most the true one. A grid of the strongest a1 times the strongest
a2 would keep worse pairs and leave out better ones.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int, Num

from tnsim.entanglement.certified import kronecker
from tnsim.entanglement.certified.placement import placed
from tnsim.entanglement.certified.truncate import Lists

LONGER = 2  # columns kept for every row, where there are more: the entries are cheap, the decomposition is not


class RootSpectrum(NamedTuple):
    """q descending; missing: 1 - sum q, at least 0; pieces: what was dropped of A's pairs, and then of B's."""

    q: Float[np.ndarray, "k"]
    missing: float
    pieces: tuple[Lists, ...]

    @property
    def whole(self) -> bool:
        """Whether every pair was kept."""
        return not self.pieces


class Root(NamedTuple):
    """Two factors, their Kronecker sum's shorter side first, and the weights of the pairs of both sides."""

    X: Num[np.ndarray, "a b r"]
    Y: Num[np.ndarray, "c d r"]
    weights: tuple[Float[np.ndarray, "ac"], Float[np.ndarray, "bd"]]

    @property
    def pairs(self) -> int:
        """The K at which nothing is left out of either side."""
        short, long = (len(of_side) for of_side in self.weights)
        return max(short, -(-long // LONGER))

    def dropped(self, K: Int[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
        """What K pairs of the shorter side and some more of the other leave out, at most: read off the weights."""
        lost = np.zeros(len(K))
        for of_side, most in zip(self.weights, (K, LONGER * K), strict=True):
            rest = of_side.sum() - np.cumsum(np.sort(of_side)[::-1])
            lost += np.where(most < len(of_side), rest[np.minimum(most, len(of_side)) - 1], 0.0)
        return np.maximum(lost, 0.0)

    def spectrum(self, K: int) -> RootSpectrum:
        """By at most K pairs of the shorter side, some more of the other."""
        kept = [_strongest(of_side, most) for of_side, most in zip(self.weights, (K, LONGER * K), strict=True)]
        q = _squares(_entries(self.X, self.Y, *kept))
        pieces: list[Lists] = []
        if any(len(pairs) < len(of_side) for pairs, of_side in zip(kept, self.weights, strict=True)):
            in_rows = float(self.weights[0][kept[0]].sum())
            losses = (max(float(self.weights[0].sum()) - in_rows, 0.0), max(in_rows - float(q.sum()), 0.0))
            pieces = [_piece(*side) for side in zip(self.weights, kept, losses, strict=True)]
        return RootSpectrum(q, max(1 - float(q.sum()), 0.0), tuple(pieces))


def root_of(X: Num[np.ndarray, "a b r"], Y: Num[np.ndarray, "c d r"]) -> Root:
    """The root of two factors; the shorter side first: S(A) = S(B)."""
    if X.shape[0] * Y.shape[0] > X.shape[1] * Y.shape[1]:
        X, Y = np.swapaxes(X, 0, 1), np.swapaxes(Y, 0, 1)
    ones = np.ones((X.shape[2], X.shape[2]))
    on_a, on_b = (np.maximum(kronecker.diagonal(X, Y, ones, side), 0) for side in ("A", "B"))
    return Root(X, Y, (on_a, on_b))


def _squares(M: Num[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows"]:
    """Squared singular values of a matrix with no more rows than columns, descending."""
    with jax.enable_x64(True):
        at = placed(M)
        gram = at @ at.conj().T  # no copy of a real M: half of the product
        return np.maximum(np.asarray(kronecker.arrays_of(at).linalg.eigvalsh(gram))[::-1], 0)


def _strongest(weights: Float[np.ndarray, "n"], most: int) -> Int[np.ndarray, "k"]:
    """The pairs of largest weight, in order of their numbers."""
    return np.sort(np.argsort(-weights)[:most])


def _piece(weights: Float[np.ndarray, "n"], kept: Int[np.ndarray, "k"], lost: float) -> Lists:
    """A side as one block: its diagonal, what is kept of it and what is not."""
    rest = np.delete(weights, kept)
    return Lists(np.zeros((1, 1)), weights[kept][None], rest[None] if len(rest) else np.zeros((1, 1)), lost)


def _entries(X, Y, rows: Int[np.ndarray, "k"], columns: Int[np.ndarray, "l"]) -> Num[np.ndarray, "k l"]:
    """M at some rows and columns: for each a1 one product over g with all that meet it."""
    (_, _, _), (c, d, _) = X.shape, Y.shape
    (a1, a2), (b1, b2) = np.divmod(rows, c), np.divmod(columns, d)
    M = np.empty((len(rows), len(columns)), np.result_type(X, Y))
    for first in np.unique(a1):
        at = np.flatnonzero(a1 == first)
        M[at] = (Y[a2[at]] @ X[first].T)[:, b2, b1]
    return M
