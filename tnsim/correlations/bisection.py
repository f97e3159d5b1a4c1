"""Two parts of given sizes that share little weight: Fiedler's order, then swaps. Uses scipy and networkx.

    cut(K) = sum of weights between K and the rest          smallest balanced cuts are NP-hard: these are good ones

The order along the eigenvector of the second smallest eigenvalue of the Laplacian (Fiedler 1973), cut where the sizes
ask for it, then the best single swaps. Few vertices: from random parts too, and Kernighan and Lin's exchanges of whole
sequences (networkx). The least cut found is taken.
"""

from __future__ import annotations

import networkx as nx
import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse.linalg import LinearOperator, eigsh

__all__ = ["FEW", "bisected", "cut", "fiedler"]

FEW = 64  # vertices up to which more is tried
STARTS = 8  # random parts to begin from, of few vertices
SWAPS = 4  # at most this many a vertex
TRIED = 64  # vertices of each part that a swap is chosen from
DENSE = 256  # vertices up to which eigenvectors are found in full


def cut(weights: Float[np.ndarray, "n n"], inside: Bool[np.ndarray, "n"]) -> float:
    """Weight between the two parts."""
    return float(weights[inside][:, ~inside].sum())


def bisected(weights: Float[np.ndarray, "n n"], first: int, seed: int = 0) -> Bool[np.ndarray, "n"]:
    """Which vertices belong to a first part of that many, so that little weight is cut.

    weights: symmetric, not negative, diagonal 0. Equal seeds give equal parts. Raises ValueError for a part that is
    empty or everything.
    """
    n = len(weights)
    if not 0 < first < n:
        raise ValueError(f"first: wanted 1..{n - 1} of {n} vertices, found {first}")
    order = np.argsort(fiedler(weights, seed), kind="stable")
    starts = [order[:first], order[n - first :]]
    if n <= FEW:
        rng = np.random.default_rng(seed)
        starts += [rng.permutation(n)[:first] for _ in range(STARTS)]
    found = [_swapped(weights, _chosen(start, n)) for start in starts]
    if n <= FEW and 2 * first == n:
        found.append(_swapped(weights, _kernighan_lin(weights, found[0], seed)))
    return min(found, key=lambda inside: cut(weights, inside))


def _chosen(vertices: np.ndarray, n: int) -> Bool[np.ndarray, "n"]:
    inside = np.zeros(n, bool)
    inside[vertices] = True
    return inside


def fiedler(weights: Float[np.ndarray, "n n"], seed: int = 0) -> Float[np.ndarray, "n"]:
    """Eigenvector of the normalised Laplacian's second smallest eigenvalue over the square root of the degree.

    Of constant sign: its largest entry is positive. Vertices without weight get 0. Found as the second largest
    eigenvector of D^(-1/2) W D^(-1/2), whose largest is known and shifted away.
    """
    degree = weights.sum(axis=1)
    scale = np.where(degree > 0, 1 / np.sqrt(np.where(degree > 0, degree, 1)), 0.0)
    total = float(degree.sum())
    if total == 0:
        return np.zeros(len(weights))
    top = np.sqrt(degree / total)
    n = len(weights)
    if n <= DENSE:
        vector = np.linalg.eigh(scale[:, None] * weights * scale - 2 * np.outer(top, top))[1][:, -1]
    else:
        shifted = lambda x: scale * (weights @ (scale * x)) - 2 * top * (top @ x)  # noqa: E731
        operator = LinearOperator((n, n), matvec=lambda x: shifted(x.ravel()), dtype=np.float64)
        start = np.random.default_rng(seed).normal(size=n)
        vector = eigsh(operator, k=1, which="LA", v0=start, tol=1e-4)[1][:, 0]
    vector = vector * scale
    return vector * np.sign(vector[np.abs(vector).argmax()])


def _swapped(weights: Float[np.ndarray, "n n"], inside: Bool[np.ndarray, "n"]) -> Bool[np.ndarray, "n"]:
    """The best swap of two vertices among those that gain most alone, again and again, while it lowers the cut."""
    inside = inside.copy()
    across = weights @ np.where(inside, -1.0, 1.0)  # weight to the rest less weight to the first part
    for _ in range(SWAPS * len(weights)):
        gain = np.where(inside, across, -across)  # of moving each vertex over
        ones, others = (_largest(gain, np.flatnonzero(part)) for part in (inside, ~inside))
        best = gain[ones][:, None] + gain[others] - 2 * weights[np.ix_(ones, others)]
        i, j = np.unravel_index(int(best.argmax()), best.shape)
        if best[i, j] <= 1e-12 * (1 + abs(gain[ones[i]]) + abs(gain[others[j]])):
            break
        one, other = ones[i], others[j]
        inside[one], inside[other] = False, True
        across += 2 * (weights[:, one] - weights[:, other])
    return inside


def _largest(gain: Float[np.ndarray, "n"], vertices: Int[np.ndarray, "k"]) -> Int[np.ndarray, "few"]:
    return vertices[np.argsort(-gain[vertices], kind="stable")[:TRIED]]


def _kernighan_lin(
    weights: Float[np.ndarray, "n n"], start: Bool[np.ndarray, "n"], seed: int
) -> Bool[np.ndarray, "n"]:
    graph = nx.from_numpy_array(weights)
    parts = (set(np.flatnonzero(start).tolist()), set(np.flatnonzero(~start).tolist()))
    first, _ = nx.community.kernighan_lin_bisection(graph, parts, weight="weight", seed=seed)
    return _chosen(np.array(sorted(first)), len(weights))
