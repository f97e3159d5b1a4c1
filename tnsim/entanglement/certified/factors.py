"""Factors C of the edges of a tree, stacked by shape, and exact ones of one-sided subtrees. Uses environments.

chi_A --[ C ]-- chi_B      psi[a, b, g] in orthonormal bases of the sites of A and of B below an edge
          |
          r
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Num

from tnsim.entanglement.certified.environments import EPS

LADDER = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048])
"""Sizes that factors may have: few, so that nodes of like size are one batch (and one compilation)."""


@dataclass(frozen=True, eq=False)
class Factors:
    """C of every edge: edge i is row where[i, 1] of stacks[where[i, 0]]; -1 for edges without one."""

    where: Int[np.ndarray, "edges 2"]
    stacks: tuple[Num[np.ndarray, "_ _ _ _"], ...] = ()

    def with_more(self, groups: list[tuple[Int[np.ndarray, "_"], Num[np.ndarray, "_ _ _ _"]]]) -> Factors:
        """With factors of further edges, those of one shape in one stack."""
        where, stacks = self.where.copy(), list(self.stacks)
        for shape in sorted({C.shape[1:] for _, C in groups}):
            same = [(ids, C) for ids, C in groups if C.shape[1:] == shape]
            ids = np.concatenate([ids for ids, _ in same])
            where[ids] = np.stack([np.full(len(ids), len(stacks)), np.arange(len(ids))], axis=1)
            stacks.append(np.concatenate([C for _, C in same]))
        return Factors(where, tuple(stacks))

    def of(self, edges: Int[np.ndarray, "n"]) -> Num[np.ndarray, "n a b r"]:
        """The factors of edges that lie in one stack."""
        stack, rows = self.where[edges].T
        return self.stacks[int(stack[0])][rows]


def one_sided(
    edges: Int[np.ndarray, "n"], G: Num[np.ndarray, "n r r"], E: Num[np.ndarray, "n r r"]
) -> Iterator[tuple[Int[np.ndarray, "m"], Num[np.ndarray, "m x r"]]]:
    """(edges, psi[x, g]) with sum_x psi[x, g] conj(psi[x, h]) = G in the eigenbasis of its density, size by size.

    Nothing is left out but what is below rounding.
    """
    if not len(edges):
        return
    values, U = np.linalg.eigh(G)
    psi = np.swapaxes(U * np.sqrt(np.maximum(values, 0))[:, None], 1, 2)
    weights, V = np.linalg.eigh(hermitian(psi @ E @ np.conj(np.swapaxes(psi, 1, 2))))
    psi = np.conj(np.swapaxes(V[:, :, ::-1], 1, 2)) @ psi
    r = weights.shape[1]
    sizes = kept_sizes(weights[:, ::-1], 0.1 * EPS * r, r)
    for size in np.unique(sizes):
        same = np.flatnonzero(sizes == size)
        yield edges[same], psi[same, :size]


def edge_weights(G: Num[np.ndarray, "n r r"], E: Num[np.ndarray, "n r r"]) -> Float[np.ndarray, "n r"]:
    """Schmidt probabilities across edges, descending: the eigenvalues of G^(1/2) E^T G^(1/2)."""
    values, U = np.linalg.eigh(G)
    root = U * np.sqrt(np.maximum(values, 0))[:, None]
    rho = np.swapaxes(root, 1, 2) @ E @ np.conj(root)
    return np.maximum(np.linalg.eigvalsh(hermitian(rho))[:, ::-1], 0)


def gram_of(C: Num[np.ndarray, "n a b r"]) -> Num[np.ndarray, "n r r"]:
    """sum_ab C[a, b, g] conj(C[a, b, h])."""
    flat = C.reshape(len(C), -1, C.shape[-1])
    return np.swapaxes(flat, 1, 2) @ np.conj(flat)


def kept_sizes(weights: Float[np.ndarray, "n k"], tolerance: float, cap: int) -> Int[np.ndarray, "n"]:
    """How many of the descending weights to keep: all but a tail of `tolerance`, at most `cap`; on the ladder."""
    tail = np.cumsum(np.maximum(weights, 0)[:, ::-1], axis=1)[:, ::-1]
    needed = np.maximum((tail > tolerance).sum(axis=1), 1)
    rungs = np.append(LADDER[weights.shape[1] > LADDER], weights.shape[1])
    return np.minimum(rungs[np.searchsorted(rungs, needed)], min(cap, weights.shape[1]))


def hermitian(x: Num[np.ndarray, "*n k k"]) -> Num[np.ndarray, "*n k k"]:
    """The Hermitian part."""
    return 0.5 * (x + np.conj(np.swapaxes(x, -1, -2)))


def padded(rows: list[Float[np.ndarray, "_"]]) -> Float[np.ndarray, "n k"]:
    """Rows of any lengths as one table, zeros at their ends."""
    table = np.zeros((len(rows), max(1, max(len(row) for row in rows))))
    for number, row in enumerate(rows):
        table[number, : len(row)] = row
    return table
