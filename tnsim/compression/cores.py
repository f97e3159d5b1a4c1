"""A ConvAC as a tree tensor network with dense cores, whose bonds can be cut. Uses weights.

    joins of two:  C[g, a, b] = sum_c  P+[g, c] (K P)[c, a] (K' P')[c, b]        P P+ ~ 1 on every bond

A window of 2^m positions becomes m joins. A bond keeps the leading eigenvectors V of G^(1/2) E G^(1/2):
P = G^(1/2) V, P+ = V^T G^(-1/2); what it leaves out is the loss of that cut alone. Source: THEORY section 6.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log2
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from tnsim.architectures.convac import ConvACArchitecture
from tnsim.banks import Banks
from tnsim.compression.factors import closed_above, roots, rows_of, summed_by
from tnsim.compression.weights import RealBanks, Weights, real_banks
from tnsim.entanglement.measure import SiteMeasure

__all__ = ["Cores", "Join", "cores_distance", "dense_cores"]


class Join(NamedTuple):
    """Nodes that each join two positions: cores[rows[n]] with the values at pairs[n]."""

    cores: Float[np.ndarray, "copies g a b"]
    rows: Int[np.ndarray, "nodes"]
    pairs: Int[np.ndarray, "nodes 2"]

    @property
    def multiply_adds(self) -> int:
        """Of one sample: the core with both values."""
        _, g, a, b = self.cores.shape
        return len(self.rows) * (g * a * b + g * a)


class Cores(NamedTuple):
    """A tree of joins from the sites up, and the output."""

    joins: tuple[Join, ...]
    output: Float[np.ndarray, "classes r"]

    @property
    def parameters(self) -> int:
        """Numbers in all cores and the output."""
        return sum(join.cores.size for join in self.joins) + self.output.size

    @property
    def multiply_adds(self) -> int:
        """Of the scores of one sample."""
        return sum(join.multiply_adds for join in self.joins) + self.output.size


class Bond(NamedTuple):
    """Where a join ends: how many nodes of a window, the projectors by kind, and the kind of each node."""

    values: Float[np.ndarray, "kinds r"]
    left: Float[np.ndarray, "kinds r r"]
    right: Float[np.ndarray, "kinds r r"]
    kind: Int[np.ndarray, "nodes"]


def dense_cores(
    arch: ConvACArchitecture, banks: Banks, parameters: int | None = None, weights: Weights | None = None
) -> Cores:
    """The tree of at most so many parameters, one threshold for what all bonds leave out; without, it is exact.

    Cores are shared as far as all levels share their matrices. Raises ValueError for windows that are no powers of 2,
    a budget below that of bonds of 1, a budget without weights, and complex banks.
    """
    found = real_banks(banks)
    for level, window in enumerate(arch.window_sizes):
        if window & (window - 1):
            raise ValueError(f"windows: level {level}: wanted 2, 4, 8, .. positions in each, found {window}")
    if parameters is None:
        return _joined(arch, found, None, None)
    if weights is None:
        raise ValueError("weights: wanted those that say what a bond loses, beside a budget, found None")
    bonds = list(_bonds(arch, found, weights))
    return _joined(arch, found, bonds, _ranks(arch, bonds, parameters))


def cores_distance(one: Cores, other: Cores, measure: SiteMeasure) -> float:
    """|h - h'|^2 / |h|^2 in a measure, all classes together, of trees on the same sites; below 1e-13 it is rounding."""
    pairs = ((one, one), (one, other), (other, other))
    logs, values = zip(*(_overlap(*pair, measure) for pair in pairs), strict=True)
    whole, crossed, rest = (value * np.exp(log - logs[0]) for log, value in zip(logs, values, strict=True))
    return float(max(0.0, (whole - 2 * crossed + rest) / whole))


# ---- bonds


def _bonds(arch: ConvACArchitecture, banks: RealBanks, weights: Weights) -> Iterator[Bond]:
    """Of every join, from the sites up."""
    own = "none" in arch.sharing
    for level in range(arch.depth):
        K = banks[f"conv_{level}"][rows_of(arch, level)]
        lifted = (K @ weights.grams[level] @ np.swapaxes(K, 1, 2))[arch.groups(level)]
        E = closed_above(arch, banks, level, weights)
        for step in range(_steps(arch, level)):
            yield _bond(lifted, E, 2 ** (step + 1), own)


def _bond(lifted: Float[np.ndarray, "nodes w r r"], E: Float[np.ndarray, "nodes r r"], size: int, own: bool) -> Bond:
    """After joining `size` positions of each window."""
    nodes, window, r, _ = lifted.shape
    blocks = window // size
    parts = lifted.reshape(nodes, blocks, size, r, r).prod(axis=2)
    around = np.stack([np.delete(parts, k, axis=1).prod(axis=1) * E for k in range(blocks)], axis=1)
    kind = np.arange(nodes * blocks) if own else np.tile(np.arange(blocks), nodes)
    kinds = int(kind.max()) + 1
    G, E = (summed_by(x.reshape(-1, r, r), kind, kinds) for x in (parts, around))
    root, inverse = roots(G * (kinds / len(kind)))
    values, vectors = np.linalg.eigh(root @ E @ root)
    vectors = vectors[:, :, ::-1]
    return Bond(values[:, ::-1], root @ vectors, np.swapaxes(vectors, 1, 2) @ inverse, kind)


def _ranks(arch: ConvACArchitecture, bonds: Sequence[Bond], budget: int) -> list[int]:
    """The rank of every bond: all values above one threshold, the lowest that the budget allows."""
    steps = np.unique(np.concatenate([bond.values.ravel() for bond in bonds]))[::-1]
    at = lambda threshold: [max(1, int((bond.values >= threshold).sum(1).max())) for bond in bonds]  # noqa: E731
    size = lambda ranks: _size(arch, bonds, ranks)  # noqa: E731
    if size([1] * len(bonds)) > budget:
        raise ValueError(f"parameters: wanted at least {size([1] * len(bonds))}, found {budget}")
    low, high = 0, len(steps) - 1  # the first fits: one value
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if size(at(steps[middle])) <= budget else (low, middle - 1)
    found = at(steps[low])
    return found if size(found) <= budget else [1] * len(bonds)


def _size(arch: ConvACArchitecture, bonds: Sequence[Bond], ranks: Sequence[int]) -> int:
    """Parameters of the cores with these ranks."""
    below, total = arch.features, arch.classes * ranks[-1]
    for bond, rank in zip(bonds, ranks, strict=True):
        total += len(bond.values) * rank * below**2
        below = rank
    return total


# ---- cores


def _steps(arch: ConvACArchitecture, level: int) -> int:
    return int(log2(arch.window_sizes[level]))


def _joined(
    arch: ConvACArchitecture, banks: RealBanks, bonds: Sequence[Bond] | None, ranks: Sequence[int] | None
) -> Cores:
    """All joins; without bonds every projector is the identity."""
    own, joins = "none" in arch.sharing, list[Join]()
    opened = np.broadcast_to(np.eye(arch.features), (arch.size, arch.features, arch.features))  # P of every position
    for level in range(arch.depth):
        maps = banks[f"conv_{level}"][rows_of(arch, level)] @ opened
        order, nodes = arch.groups(level).ravel(), arch.positions[level] // arch.window_sizes[level]
        for _ in range(_steps(arch, level)):
            pairs = order.reshape(-1, 2)
            kind = np.arange(len(pairs)) if own else np.tile(np.arange(len(pairs) // nodes), nodes)
            left, right = _projectors(kind, maps.shape[1], len(joins), bonds, ranks)
            first = np.unique(kind, return_index=True)[1]
            one, two = (maps[pairs[first, side]] for side in (0, 1))
            joins.append(Join(np.einsum("kgc,kca,kcb->kgab", right, one, two, optimize=True), kind, pairs))
            maps, order = left[kind], np.arange(len(pairs))
        opened = maps
    return Cores(tuple(joins), banks["output"] @ opened[0])


def _projectors(
    kind: Int[np.ndarray, "nodes"], r: int, place: int, bonds: Sequence[Bond] | None, ranks: Sequence[int] | None
) -> tuple[Float[np.ndarray, "kinds r k"], Float[np.ndarray, "kinds k r"]]:
    """P and P+ of every kind of node of the join at this place."""
    if bonds is None or ranks is None:
        eyes = np.broadcast_to(np.eye(r), (int(kind.max()) + 1, r, r))
        return eyes, eyes
    bond, rank = bonds[place], ranks[place]
    return bond.left[:, :, :rank], bond.right[:, :rank]


# ---- overlaps


def _overlap(one: Cores, other: Cores, measure: SiteMeasure) -> tuple[float, float]:
    """ln of a scale, and sum_y <h_y, h'_y> over it."""
    X, log_scale = measure.grams[measure.kind].real, 0.0
    for join, twin in zip(one.joins, other.joins, strict=True):
        first, second = X[join.pairs[:, 0]], X[join.pairs[:, 1]]
        found = np.empty((len(join.pairs), join.cores.shape[1], twin.cores.shape[1]))
        for n in range(len(found)):
            half = np.tensordot(join.cores[join.rows[n]], first[n], (1, 0))  # (g, b, c)
            full = np.einsum("gbc,bd->gcd", half, second[n], optimize=True)
            found[n] = np.tensordot(full, twin.cores[twin.rows[n]], ((1, 2), (1, 2)))
        peaks = np.abs(found).max(axis=(1, 2), keepdims=True)
        log_scale += float(np.log(peaks).sum())
        X = found / peaks
    return log_scale, float(np.einsum("yg,gh,yh->", one.output, X[0], other.output, optimize=True))
