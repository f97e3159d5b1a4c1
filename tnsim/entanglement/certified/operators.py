"""Density operators with an open edge, half of them kept, and their products and cuts. THEORY section 6. NumPy only.

    k --[ X ]-- k'      X[g, h, k, k'] with X[h, g] = X[g, h]^dagger: kept for g <= h only, as X[p, k, k'],
        g | | h         p = (0,0), (0,1), .., (0,r-1), (1,1), ..

Used by traced (operators of the sites below an edge) and chain (operators of a register and an edge). Operators of
one shape are stacked along the first axis, n.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from math import isqrt
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, Num

EPS = float(np.finfo(np.float64).eps)
SIZES = (
    *range(5),
    6,
    8,
    10,
    12,
    14,
    16,
    20,
    24,
    28,
    32,
    40,
    48,
    56,
    64,
)  # few different ones, so that batches are large
BATCH = 2**22  # numbers stacked at once
CACHED = 2**17  # numbers formed at once between two products: they should not leave the cache
SMALL = 160  # dimension below which all eigenvectors are as cheap as the leading ones
SPARE, ROUNDS = 8, 3  # of the subspace iteration: columns more than wanted, and multiplications


class Triangle(NamedTuple):
    """The pairs g <= h of r channels: their g and h, the place of each (g, h), and 1, or 1/2 where g = h."""

    g: Int[np.ndarray, "p"]
    h: Int[np.ndarray, "p"]
    place: Int[np.ndarray, "r r"]
    once: Float[np.ndarray, "p"]


@lru_cache
def triangle(r: int) -> Triangle:
    g, h = np.triu_indices(r)
    place = np.zeros((r, r), np.int64)
    place[g, h] = place[h, g] = np.arange(len(g))
    return Triangle(g, h, place, np.where(g == h, 0.5, 1.0))


def channels(pairs: int) -> int:
    """r of r (r + 1) / 2 pairs."""
    return (isqrt(8 * pairs + 1) - 1) // 2


def packed(X: Num[np.ndarray, "n r r"]) -> Num[np.ndarray, "n p"]:
    """A Hermitian matrix by its upper half."""
    half = triangle(X.shape[-1])
    return X[:, half.g, half.h]


def lifted(L: Num[np.ndarray, "n a r"]) -> Num[np.ndarray, "n p a a"]:
    """The operator L[a, g] conj(L[a', h]) of a factor."""
    half, rows = triangle(L.shape[-1]), np.swapaxes(L, 1, 2)
    return rows[:, half.g, :, None] * np.conj(rows[:, half.h, None, :])


def sandwiched(W: Num[np.ndarray, "n s r"], X: Num[np.ndarray, "n p k k"]) -> Num[np.ndarray, "n q k k"]:
    """sum_gh W[s, g] X[g, h] conj(W[s', h])."""
    n, _, k, _ = X.shape
    s, r = W.shape[1:]
    half, target = triangle(r), triangle(s)
    full = X[:, half.place]
    below = np.tril_indices(r, -1)
    full[:, below[0], below[1]] = np.conj(np.swapaxes(full[:, below[0], below[1]], -1, -2))
    full = (W @ full.reshape(n, r, r * k * k)).reshape(n * s, r, k * k)
    full = (np.conj(W)[:, None] @ full.reshape(n, s, r, k * k)).reshape(n, s, s, k, k)
    return full[:, target.g, target.h]


def closed(X: Num[np.ndarray, "n p k k"], weight: Num[np.ndarray, "n p"]) -> Num[np.ndarray, "n k k"]:
    """sum_gh X[g, h] weight[g, h]: the edge summed over, a density matrix of k."""
    n, p, k, _ = X.shape
    weight = weight * triangle(channels(p)).once
    half = (weight[:, None] @ X.reshape(n, p, k * k)).reshape(n, k, k)
    return half + np.conj(np.swapaxes(half, 1, 2))


def density(
    X: Num[np.ndarray, "n p k k"], H: Num[np.ndarray, "n p a a"], weight: Num[np.ndarray, "n p"] | None = None
) -> Num[np.ndarray, "n ak ak"]:
    """rho[a k, a' k'] = sum_gh X[k, k', g, h] H[a, a', g, h] weight[g, h]."""
    (n, p, k, _), a = X.shape, H.shape[-1]
    once = triangle(channels(p)).once
    weight = once[None] if weight is None else weight * once
    X = (X * weight[..., None, None]) if k <= a else X
    H = (H * weight[..., None, None]) if k > a else H
    half = np.swapaxes(H.reshape(n, p, a * a), 1, 2) @ X.reshape(n, p, k * k)
    half = np.swapaxes(half.reshape(n, a, a, k, k), 2, 3).reshape(n, a * k, a * k)
    return half + np.conj(np.swapaxes(half, 1, 2))


def projected(
    X: Num[np.ndarray, "n p k k"], H: Num[np.ndarray, "n p a a"], P: Num[np.ndarray, "n ak q"]
) -> Num[np.ndarray, "n p q q"]:
    """P^dagger (H x X) P for every g <= h; the product is never formed."""
    (n, p, k, _), a, q = X.shape, H.shape[-1], P.shape[-1]
    result = np.empty((n, p, q, q), np.result_type(X, H, P))
    bra, ket = np.conj(np.swapaxes(P, 1, 2))[:, None], P.reshape(n, 1, a, k * q)
    step = max(1, CACHED // (n * a * k * q))
    for start in range(0, p, step):
        rows = slice(start, start + step)
        T = H[:, rows].reshape(n, 1, -1, a) @ ket  # (pairs a) x (k' q), in one product
        T = X[:, rows, None] @ T.reshape(n, -1, a, k, q)
        result[:, rows] = bra @ T.reshape(n, -1, a * k, q)
    return result


def traced(X: Num[np.ndarray, "n p k k"]) -> Num[np.ndarray, "n p"]:
    """sum_k X[k, k, g, h]."""
    return np.einsum("npkk->np", X)


def beside(X: Num[np.ndarray, "n p k k"], flag: Num[np.ndarray, "n p"]) -> Num[np.ndarray, "n p j j"]:
    """The register with one more state, which has no coherence with the others."""
    n, p, k, _ = X.shape
    result = np.zeros((n, p, k + 1, k + 1), np.result_type(X, flag))
    result[:, :, :k, :k] = X
    result[:, :, k, k] = flag
    return result


def leading(rho: Num[np.ndarray, "n d d"], count: int) -> tuple[Float[np.ndarray, "n e"], Num[np.ndarray, "n d e"]]:
    """Eigenvalues, descending and not below 0, and orthonormal eigenvectors: all; of a large rho `count` and some.

    Those of a large one are Ritz pairs of a subspace iteration: a true projection all the same, so that nothing that
    is said of a projection depends on how far it has converged.
    """
    d, wanted = rho.shape[-1], count + SPARE
    if d <= max(SMALL, 2 * wanted):
        values, vectors = np.linalg.eigh(rho)
    else:
        start = np.random.default_rng(0).normal(size=(d, wanted))
        Q = np.linalg.qr(rho @ start)[0]
        for _ in range(ROUNDS - 1):
            Q = np.linalg.qr(rho @ Q)[0]
        values, inner = np.linalg.eigh(np.conj(np.swapaxes(Q, 1, 2)) @ rho @ Q)
        vectors = Q @ inner
    return np.maximum(values[:, ::-1], 0), vectors[:, :, ::-1]


def kept(values: Float[np.ndarray, "e"], total: float, most: int, tol: float) -> int:
    """How many leading values to keep: at most `most`, and no more than leave `tol` of the total out, rounded up."""
    left = total - np.cumsum(values)
    needed = 1 + int(np.argmax(left <= tol)) if (left <= tol).any() else len(values)
    rounded = next((size for size in SIZES if size >= needed), needed)
    return max(1, min(rounded, most, len(values)))


def eta(values: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """-x ln x; 0 where rounding made x negative."""
    positive = values > 0
    return np.where(positive, -values * np.log(np.where(positive, values, 1)), 0)


def batches(columns: Sequence[Sequence[Any]]) -> Iterator[tuple[list[int], list[np.ndarray]]]:
    """Rows of equal shapes, their arrays stacked, in portions."""
    groups: dict[Any, list[int]] = {}
    for i, row in enumerate(zip(*columns, strict=True)):
        groups.setdefault(tuple(np.shape(array) for array in row), []).append(i)
    for ids in groups.values():
        size = sum(np.size(column[ids[0]]) for column in columns)
        portion = max(1, BATCH // max(1, size))
        for start in range(0, len(ids), portion):
            some = ids[start : start + portion]
            yield some, [np.stack([column[i] for i in some]) for column in columns]


def batched(f: Callable[..., Iterable[Any]], *columns: Sequence[Any]) -> list[Any]:
    """f, which takes and gives stacks, for every row of the columns."""
    results: list[Any] = [None] * len(columns[0])
    for ids, stacks in batches(columns):
        for i, found in zip(ids, f(*stacks), strict=True):
            results[i] = found
    return results
