"""One compressed pass from the sites up: a projected state whose missing mass is known exactly. Uses factors.

    chi_A --[ C ]-- chi_B      as in schmidt.py, but at every join only the strongest eigenvectors of the exact reduced
              |                density of A, and then of B, are kept, as many as chi and the tolerance allow
              r

Nested projectors of one side multiply to the last one, so the result is (Pi_A x Pi_B) psi: its squared Schmidt values
q_k are at most the true p_k, and 1 - sum q is the missing mass. docs/certified-entropy.md; THEORY section 6.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int, Num

from tnsim.banks import Banks
from tnsim.entanglement.certified import kronecker
from tnsim.entanglement.certified.environments import Environments, norm_squared, rows_of
from tnsim.entanglement.certified.factors import (
    Factors,
    edge_weights,
    gram_of,
    hermitian,
    kept_sizes,
    one_sided,
    padded,
)  # fmt: skip
from tnsim.entanglement.certified.joins import MIXED, A, B, Joins, JoinTree, Matrices
from tnsim.entanglement.certified.placement import placed

DENSE = 1200  # pair spaces up to this size are diagonalised whole
BATCH = 2**24  # numbers that a batch of dense densities may take
ROOT = 768  # pairs of the shorter side kept at the root, at most, in sqrt(chi)
SIDES: tuple[kronecker.Side, kronecker.Side] = ("A", "B")


class Policy(NamedTuple):
    """How much is kept on a side of a join: no more states than `chi` (of the layer: `caps`) allows, nor than
    `tolerance`, the weight that may be dropped there, asks for."""

    chi: int
    tolerance: float = 0.0
    iterations: int = 1
    seed: int = 0

    @property
    def root_pairs(self) -> int:
        """Pairs of the shorter side kept at the root: their cube is the cost there, as chi^3 is below."""
        return int(min(192 * self.chi, ROOT * self.chi**0.5))

    def caps(self, tree: JoinTree) -> list[int]:
        """chi of every layer: eight times as much just below the root's last join, twice one join further down."""
        joins = [number for number, layer in enumerate(tree.layers) if isinstance(layer, Joins)]
        more = dict(zip(joins[-2:-4:-1], (8, 2), strict=False))
        return [self.chi * more.get(number, 1) for number in range(len(tree.layers))]


@dataclass(frozen=True, eq=False)
class Lists:
    """What was computed of one side's reduced density at every edge after a layer, descending, padded with zeros.

    values: eigenvalues, each at most the true one. kept: those of them that stay after the cut. dropped: what the cut
    takes away, as eigenvalues or as a diagonal (whose entropy is higher). lost: what all cuts of this side at this
    layer really take from the state's squared norm, at most the sum of what each would take alone.
    """

    values: Float[np.ndarray, "edges n"]
    kept: Float[np.ndarray, "edges k"]
    dropped: Float[np.ndarray, "edges d"]
    lost: float

    def with_row(self, values: Float[np.ndarray, "n"]) -> Lists:
        """With an edge more, which is kept as it is."""
        values, kept = (padded([*rows, values]) for rows in (self.values, self.kept))
        return Lists(values, kept, padded([*self.dropped, np.zeros(1)]), self.lost)


class Truncation(NamedTuple):
    """The root's two factors, the class vectors in the first (state norm 1; the class leg is B's), and lists (A, B)
    after every join layer."""

    left: Num[np.ndarray, "a b r"]
    right: Num[np.ndarray, "c d r"]
    lists: dict[int, tuple[Lists, Lists]]

    @property
    def cuts(self) -> tuple[Lists, ...]:
        """The lists of all cuts, in the order in which they were made."""
        return tuple(side for pair in self.lists.values() for side in pair)

    def complete(self, policy: Policy, rounding: float = 0.0) -> bool:
        """Whether nothing was dropped but what the tolerance lets go, and rounding."""
        return all((side.dropped.sum(axis=1) <= policy.tolerance + rounding).all() for side in self.cuts)


def truncated(tree: JoinTree, env: Environments, banks: Banks, policy: Policy) -> Truncation:
    """The projected state of a join tree, its last join left open: a Kronecker sum of two factors."""
    factors = Factors(np.full((len(tree.purity), 2), -1))
    lists: dict[int, tuple[Lists, Lists]] = {}
    caps, norm = policy.caps(tree), 1.0
    for number, layer in enumerate(tree.layers[:-1]):
        if isinstance(layer, Matrices):
            factors = _through(layer, rows_of(layer, banks), env.shrink[number], factors)
            continue
        level = _Level(layer, number, tree.purities[number], env)
        cut = _joined(level, factors, caps[number], policy)
        factors, found = cut.factors, []
        for side, grams in enumerate(cut.grams):
            after = norm_squared(tree, env, banks, number + 1, grams)
            found.append(_lists(level, cut.rows[side], side, max(norm - after, 0.0)))
            norm = after
        lists[number] = (found[A], found[B])
    last = tree.layers[-1]
    assert isinstance(last, Joins)
    factors = _with_one_sided(_Level(last, len(tree.layers) - 1, tree.purities[-2], env), factors)
    left = _closed(factors.of(last.left)[0], env.vectors / env.shrink[-1] ** 0.5)
    right = np.ones((1, 1, last.dim)) if last.right[0] < 0 else factors.of(last.right)[0]
    return Truncation(left, right, lists)


def _closed(C: Num[np.ndarray, "a b r"], vectors: Num[np.ndarray, "classes r"]) -> Num[np.ndarray, "a by r"]:
    """The class vectors in a factor; their leg, where there are several, is B's."""
    a, b, r = C.shape
    return (C[:, :, None] * vectors).reshape(a, b * len(vectors), r)


class _Level(NamedTuple):
    """A layer of joins, its number, on which side the edges below it lie, and the environments."""

    joins: Joins
    number: int
    below: Int[np.ndarray, "edges"]
    env: Environments


def _through(layer: Matrices, W: Num[np.ndarray, "n g c"], shrink: Float[np.ndarray, "n"], factors: Factors) -> Factors:
    """Matrices on the r legs."""
    W = np.swapaxes(W, 1, 2) / np.sqrt(shrink)[:, None, None]
    where, groups = factors.where[layer.sources], []
    for number, stack in enumerate(factors.stacks):
        ids = np.flatnonzero(where[:, 0] == number)
        C = stack[where[ids, 1]]
        n, a, b, c = C.shape
        groups.append((ids, (C.reshape(n, a * b, c) @ W[ids]).reshape(n, a, b, -1)))
    return Factors(np.full_like(where, -1)).with_more([group for group in groups if len(group[0])])


def _with_one_sided(level: _Level, factors: Factors) -> Factors:
    """With factors for the one-sided edges that meet the other side in this layer."""
    joins, mixed = level.joins, np.flatnonzero(level.joins.purity == MIXED)
    members = np.concatenate([joins.left[mixed], joins.right[mixed]])
    members = np.unique(members[members >= 0])
    groups = []
    for side in (A, B):
        edges = members[level.below[members] == side]
        for ids, C in one_sided(edges, level.env.grams[level.number][edges], level.env.outside[level.number][edges]):
            groups.append((ids, C[:, :, None] if side == A else C[:, None]))
    return factors.with_more(groups)


class _Cut:
    """What a layer of joins leaves: factors, Gram matrices after A's cuts and after B's, rows of the lists by edge."""

    def __init__(self, level: _Level) -> None:
        count, exact = len(level.joins.left), level.env.grams[level.number + 1]
        self.groups: list[tuple] = []
        self.grams = (exact.copy(), exact.copy())
        self.rows: tuple[dict[int, tuple], dict[int, tuple]] = ({}, {})
        self._count = count

    def note(self, ids: Int[np.ndarray, "n"], side: int, basis: _Basis, C: Num[np.ndarray, "n a b r"]) -> None:
        """The cut of one side at some edges, and the factors after it."""
        self.rows[side].update(zip(ids.tolist(), basis.rows, strict=True))
        self.grams[side][ids] = gram_of(C)

    @property
    def factors(self) -> Factors:
        return Factors(np.full((self._count, 2), -1)).with_more(self.groups)


def _joined(level: _Level, factors: Factors, cap: int, policy: Policy) -> _Cut:
    """All joins of a layer, those of like shapes at once: first A is cut, then B in what is left."""
    joins, env, cut = level.joins, level.env, _Cut(level)
    factors = _with_one_sided(level, factors)
    for ids in _alike(joins, factors):
        shrink = env.shrink[level.number][ids][:, None, None, None]
        X, Y = factors.of(joins.left[ids]) / np.sqrt(shrink), factors.of(joins.right[ids])
        E = env.outside[level.number + 1][ids]
        on_a = _basis(X, Y, E, A, _cap(X, Y, A, cap), policy)
        for rows in _same(on_a.sizes):
            C = _projected(X[rows], Y[rows], on_a.vectors[rows][:, :, : on_a.sizes[rows[0]]])
            cut.note(ids[rows], A, on_a.only(rows), C)
            on_b = _basis_of_b(C, E[rows], _cap(X, Y, B, cap), policy)
            for some in _same(on_b.sizes):
                P = np.conj(on_b.vectors[some][:, :, : on_b.sizes[some[0]]])
                left = np.moveaxis(np.moveaxis(C[some], 3, 2) @ P[:, None], 2, 3)
                cut.note(ids[rows[some]], B, on_b.only(some), left)
                cut.groups.append((ids[rows[some]], left))
    for edge in np.flatnonzero((joins.right < 0) & (joins.purity == MIXED)).tolist():
        C = factors.of(joins.left[[edge]]) / np.sqrt(env.shrink[level.number][edge])
        cut.groups.append((np.array([edge]), C))
        for side in (A, B):
            cut.note(np.array([edge]), side, _carried(C, env.outside[level.number + 1][edge], side), C)
    return cut


def _projected(X, Y, P: Num[np.ndarray, "n K k"]) -> Num[np.ndarray, "n k L r"]:
    """sum_(a1 a2) conj(P[(a1 a2), k]) X[a1, b1, g] Y[a2, b2, g]: A projected, B's pairs still whole."""
    (n, a1, b1, r), (_, a2, b2, _), k = X.shape, Y.shape, P.shape[2]
    half = np.conj(np.moveaxis(P.reshape(n, a1, a2 * k), 1, 2)) @ X.reshape(n, a1, b1 * r)
    half = half.reshape(n, a2, k, b1, r).transpose(0, 4, 2, 3, 1).reshape(n, r, k * b1, a2)
    return np.moveaxis((half @ np.moveaxis(Y, 3, 1)).reshape(n, r, k, b1 * b2), 1, 3)


def _alike(joins: Joins, factors: Factors) -> Iterator[Int[np.ndarray, "n"]]:
    """Edges above that are products of mixed parts, in batches whose children lie in the same stacks."""
    ids = joins.pairs[joins.purity[joins.pairs] == MIXED]
    at = np.stack([factors.where[side[ids], 0] for side in (joins.left, joins.right)], axis=1)
    for pair in np.unique(at, axis=0):
        same = ids[(at == pair).all(axis=1)]
        (a, b), (c, d) = (factors.stacks[stack].shape[1:3] for stack in pair.tolist())
        numbers = 3 * max(a, b, c, d) ** 2 * joins.dim**2 + 4 * min(max(a * c, b * d), DENSE) ** 2
        step = max(1, BATCH // numbers)
        yield from (same[start : start + step] for start in range(0, len(same), step))


def _same(sizes: Int[np.ndarray, "n"]) -> Iterator[Int[np.ndarray, "m"]]:
    """Rows of one size."""
    return (np.flatnonzero(sizes == size) for size in np.unique(sizes))


def _cap(X: Num[np.ndarray, "n a b r"], Y: Num[np.ndarray, "n c d r"], side: int, cap: int) -> int:
    """Most states of a side: one to which only one of the two brings states is cut by the tolerance alone."""
    grown = (X.shape[1 + side], Y.shape[1 + side])
    return grown[0] * grown[1] if 1 in grown else min(cap, grown[0] * grown[1])


class _Basis(NamedTuple):
    """Eigenvectors of a batch of nodes, how many of them each keeps, and a row of each of the `Lists`."""

    vectors: Num[np.ndarray, "n K k"]
    sizes: Int[np.ndarray, "n"]
    rows: list[tuple[Float[np.ndarray, "_"], ...]]

    def only(self, nodes: Int[np.ndarray, "m"]) -> _Basis:
        return _Basis(self.vectors[nodes], self.sizes[nodes], [self.rows[node] for node in nodes.tolist()])


def _basis(X, Y, E: Num[np.ndarray, "n r r"], side: int, cap: int, policy: Policy) -> _Basis:
    """Eigenvectors of the reduced density of pairs: all of them where there are few, else the strongest."""
    if X.shape[1 + side] * Y.shape[1 + side] <= DENSE:
        return _dense_basis(kronecker.dense_eigenbasis(X, Y, E, SIDES[side]), cap, policy)
    nodes = [_sparse_basis(*node, side, cap, policy) for node in zip(X, Y, E, strict=True)]
    sizes = np.array([node.values.shape[0] for node in nodes])
    wider = ((0, 0), (0, int(sizes.max())))
    vectors = np.stack([np.pad(node.basis, wider)[:, : sizes.max()] for node in nodes])
    lists: list[tuple[np.ndarray, ...]] = []
    for node in nodes:
        values = np.asarray(node.values)
        lists.append((values, values, np.sort(node.rest)[::-1]))
    return _Basis(vectors, sizes, lists)


def _basis_of_b(C: Num[np.ndarray, "n k K r"], E: Num[np.ndarray, "n r r"], cap: int, policy: Policy) -> _Basis:
    """The same of B where A is projected already, so that the factor is at hand."""
    n, k, pairs, r = C.shape
    if pairs > DENSE:
        return _basis(C, np.ones((n, 1, 1, r)), E, B, cap, policy)
    weights, U = np.linalg.eigh(E)
    Z = C @ (U * np.sqrt(np.maximum(weights, 0))[:, None])[:, None]
    Z = np.moveaxis(Z, 1, 2).reshape(n, pairs, k * r)
    values, vectors = np.linalg.eigh(Z @ np.conj(np.swapaxes(Z, 1, 2)))
    values, vectors = values[:, ::-1], vectors[:, :, ::-1]
    return _dense_basis(kronecker.Eigenbasis(vectors, values, vectors, values), cap, policy)


def _dense_basis(found: kronecker.Eigenbasis, cap: int, policy: Policy) -> _Basis:
    values = np.maximum(found.values, 0)
    sizes = kept_sizes(values, policy.tolerance, cap)
    return _Basis(
        np.asarray(found.basis), sizes, [(row, row[:size], row[size:]) for row, size in zip(values, sizes, strict=True)]
    )


def _sparse_basis(x, y, e, side: int, cap: int, policy: Policy) -> kronecker.Eigenbasis:
    with jax.enable_x64(True):
        X, Y, E = map(placed, (x, y, e))
        found = kronecker.eigenbasis(X, Y, E, SIDES[side], cap, policy.iterations, policy.seed).host
    spare = policy.tolerance - float(found.rest.sum())  # what may be dropped beside what the iteration left out
    return found.keep(int(kept_sizes(np.asarray(found.values)[None], max(spare, 0.0), cap)[0]))


def _carried(C: Num[np.ndarray, "1 a b r"], E: Num[np.ndarray, "r r"], side: int) -> _Basis:
    """The rows of an edge that is carried on: nothing is dropped."""
    letters = "xabg,gh,xcbh->ac" if side == A else "xabg,gh,xach->bc"
    rho = np.einsum(letters, C, E, np.conj(C), optimize=True)
    values = np.maximum(np.linalg.eigvalsh(hermitian(rho))[::-1], 0)
    return _Basis(np.eye(len(rho))[None], np.array([len(rho)]), [(values, values, np.zeros(0))])


def _lists(level: _Level, rows: dict[int, tuple], side: int, lost: float) -> Lists:
    """Padded lists of all edges above a layer: one-sided ones are exact."""
    purity = level.joins.purity
    for edge in np.flatnonzero(purity == 1 - side).tolist():
        rows[edge] = (np.ones(1), np.ones(1), np.zeros(0))
    pure = np.flatnonzero(purity == side)
    if len(pure):
        weights = edge_weights(level.env.grams[level.number + 1][pure], level.env.outside[level.number + 1][pure])
        rows.update((edge, (row, row, np.zeros(0))) for edge, row in zip(pure.tolist(), weights, strict=True))
    values, kept, dropped = (padded([rows[edge][part] for edge in range(len(purity))]) for part in range(3))
    return Lists(values, kept, dropped, lost)


def estimate(tree: JoinTree, policy: Policy, classes: int = 1) -> float:
    """Numbers held at the peak of a pass, at most: by folding shapes alone. classes: on B's class leg."""
    shapes = np.where(tree.purity[:, None] == (A, B), tree.features, 1)
    peak = 0.0
    for layer, cap in zip(tree.layers, policy.caps(tree), strict=True):
        if isinstance(layer, Matrices):
            shapes = shapes[layer.sources]
            continue
        pure = layer.purity != MIXED
        left, right = shapes[layer.left], np.where((layer.right < 0)[:, None], 1, shapes[layer.right])
        grown = np.where((left > 1) & (right > 1), np.minimum(left * right, cap), left * right)
        grown[pure] = np.where(layer.purity[pure, None] == (A, B), layer.dim, 1)
        held = (shapes.prod(axis=1).sum() + 2 * grown.prod(axis=1).sum()) * layer.dim
        largest = int(np.argmax(np.where(pure, 0, left.prod(axis=1) * right.prod(axis=1))))
        pair = (*left[largest].tolist(), layer.dim), (*right[largest].tolist(), layer.dim)
        last = layer is tree.layers[-1]
        if last:
            formed = _root_numbers((pair[0][0], pair[0][1] * classes, layer.dim), pair[1], policy)
        else:
            formed = _pair_numbers(*pair, cap, policy, int((~pure).sum()))
        peak = max(peak, float(held) + formed)
        shapes = grown
    return peak


def _pair_numbers(X: tuple[int, ...], Y: tuple[int, ...], cap: int, policy: Policy, nodes: int) -> float:
    """Numbers formed while nodes with factors of these shapes are cut: densities, iterations, A-projected factors."""
    (a, b, r), (c, d, _) = X, Y
    pairs = min(max(a * c, b * d), DENSE)
    dense = min(3.0 * BATCH, nodes * (3.0 * max(a, b, c, d) ** 2 * r**2 + 6 * pairs**2))
    sparse = [kronecker.eigenbasis_numbers(X, Y, side, cap, policy.iterations) for side in SIDES]
    projected = 3.0 * min(cap, a * c) * b * d * r
    return max(dense, float(max(sparse)) if a * c > DENSE or b * d > DENSE else 0.0) + projected


def _root_numbers(X: tuple[int, ...], Y: tuple[int, ...], policy: Policy) -> float:
    """Numbers formed at the root: its entries at the pairs kept, and their Gram matrix, twice."""
    (a, b, r), (c, d, _) = X, Y
    rows, columns = sorted((a * c, b * d))
    rows = min(rows, policy.root_pairs)
    return 3.0 * rows * min(columns, 2 * rows) + 4.0 * rows**2 + 2.0 * r * (a * b + c * d) + c * b * d
