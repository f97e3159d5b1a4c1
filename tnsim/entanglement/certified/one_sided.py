"""What every subtree holds of side A, side B traced exactly: the fold bottom-up. THEORY section 6. Uses operators.

    a --[ H ]-- a'      H[g, h, a, a'] = sum_b C[a, b, g] conj(C[a', b, h])    b: all configurations of the sites of B
       g | | h          a: the leading eigenvectors of rho_A = sum_gh E[g, h] H[g, h], nested from child to parent

Only A is ever projected, so eigenvalues are those of a projected rho_A: no more than the true ones, one by one, and
what is missing of 1 is known. An edge wholly in A has a factor L[a, g] with H = L L^dagger, cut at ROUNDED only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import log
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Num

from tnsim.banks import Banks
from tnsim.entanglement.certified import operators as ops
from tnsim.entanglement.certified.environments import Environments, rows_of
from tnsim.entanglement.certified.joins import MIXED, A, B, Joins, JoinTree, Matrices
from tnsim.entanglement.measure import SiteMeasure

ROUNDED = 1e-15  # weight that a factor of an edge wholly in A may lose at a join


@dataclass(frozen=True, eq=False)
class OneSided:
    """Of the edges before the first layer and after each.

    values: a factor L (a, r) where all sites below are in A, else an operator H (p, a, a); none at the root.
    lists: eigenvalues of the projected rho_A, descending, padded by zeros; every one is at most the true one.
    lost: the weight outside of the edge's a states, exactly 0 where nothing has been cut. log_dims: ln of a dimension
    that rho_A surely fits in.
    """

    values: tuple[list[np.ndarray], ...]
    lists: tuple[Float[np.ndarray, "_ _"], ...]
    lost: tuple[Float[np.ndarray, "_"], ...]
    log_dims: tuple[Float[np.ndarray, "_"], ...]


class Cut(NamedTuple):
    """States kept at most; weight that may be lost where fewer are; whether this is the root, where none is used."""

    chi: int
    tol: float
    last: bool


@dataclass(frozen=True, eq=False)
class _Edges:
    """One level of OneSided: value, eigenvalues and lost weight of each edge."""

    values: list[np.ndarray]
    lists: list[np.ndarray]
    lost: Float[np.ndarray, "edges"]


def one_sided(tree: JoinTree, banks: Banks, measure: SiteMeasure, env: Environments, chi: int, tol: float) -> OneSided:
    """The fold. chi: states kept of an edge's A side, at most. tol: weight that all cuts may lose where fewer are."""
    each = tol / max(1, sum(len(layer.pairs) for layer in tree.layers if isinstance(layer, Joins)))
    levels = [_leaves(tree, measure, env)]
    for i, layer in enumerate(tree.layers):
        around = (env.grams[i], env.grams[i + 1], env.outside[i + 1], env.shrink[i])
        if isinstance(layer, Matrices):
            levels.append(_through(layer, rows_of(layer, banks), levels[-1], *around))
        else:
            cut = Cut(chi, each, layer is tree.layers[-1])
            levels.append(_joined(layer, tree.purities[i], levels[-1], around, cut))
    return OneSided(
        tuple(level.values for level in levels), tuple(_padded(level.lists) for level in levels),
        tuple(level.lost for level in levels), tuple(log_dims(tree)),
    )  # fmt: skip


def operator(value: Num[np.ndarray, "..."]) -> Num[np.ndarray, "p a a"]:
    """An edge's H, written out where it is held as a factor."""
    return value if value.ndim == 3 else ops.lifted(value[None])[0]


def log_dims(tree: JoinTree) -> list[Float[np.ndarray, "_"]]:
    """ln of the least of (sites of A below), (sites of B below) x edge and so on downward: at least ln rank rho_A."""
    full = log(tree.features)
    a, b = np.where(tree.purity == A, full, 0.0), np.where(tree.purity == B, full, 0.0)
    found = [a]
    for layer in tree.layers:
        if isinstance(layer, Matrices):
            a, b = a[layer.sources], b[layer.sources]
        else:
            a, b = (side[layer.left] + np.where(layer.right < 0, 0, side[layer.right]) for side in (a, b))
        a, b = np.minimum(a, b + log(layer.dim)), np.minimum(b, a + log(layer.dim))
        found.append(a)
    return found


def _leaves(tree: JoinTree, measure: SiteMeasure, env: Environments) -> _Edges:
    scale = np.sqrt(np.einsum("ncc->n", measure.grams).real)
    factors = np.swapaxes(measure.factors / scale[:, None, None], 1, 2)[measure.kind]  # [a, c]
    flat = ops.packed(env.grams[0])[:, :, None, None]
    inside = tree.purity == A
    values = [L if on_a else G for L, G, on_a in zip(factors, flat, inside, strict=True)]
    return _listed(values, [np.ones(1)] * len(values), inside, env.outside[0])


def _listed(values: list, lists: list, pure, outside: Num[np.ndarray, "edges r r"]) -> _Edges:
    """The eigenvalues of edges wholly in A, of which nothing is lost."""
    ids = np.flatnonzero(pure).tolist()
    found = ops.batched(_weights, [values[i] for i in ids], list(outside[ids]))
    lists = list(lists)
    for i, (eigenvalues, _) in zip(ids, found, strict=True):
        lists[i] = eigenvalues
    return _Edges(values, lists, np.zeros(len(values)))


def _weights(L: Num[np.ndarray, "n a r"], E: Num[np.ndarray, "n r r"]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Eigenvalues and -vectors of rho_A = L E L^dagger."""
    values, vectors = np.linalg.eigh(L @ E @ np.conj(np.swapaxes(L, 1, 2)))
    return list(zip(np.maximum(values[:, ::-1], 0), vectors[:, :, ::-1], strict=True))


def _through(layer: Matrices, W: Num[np.ndarray, "m s r"], below: _Edges, _, G, E, shrink) -> _Edges:
    values: list[np.ndarray] = list(ops.packed(G)[:, :, None, None])
    for purity, apply in ((A, _factor_through), (MIXED, ops.sandwiched)):
        ids = np.flatnonzero(layer.purity == purity).tolist()
        scaled = W[ids] / np.sqrt(shrink[ids])[:, None, None]
        found = ops.batched(apply, list(scaled), [below.values[i] for i in layer.sources[ids]])
        for i, value in zip(ids, found, strict=True):
            values[i] = value
    return _Edges(values, [below.lists[i] for i in layer.sources], below.lost[layer.sources])


def _factor_through(W: Num[np.ndarray, "n s r"], L: Num[np.ndarray, "n a r"]) -> Num[np.ndarray, "n b s"]:
    return _short(L @ np.swapaxes(W, 1, 2))


def _short(L: Num[np.ndarray, "n a r"]) -> Num[np.ndarray, "n b r"]:
    """At most r rows: R in place of Q R, an isometry of A."""
    return np.asarray(np.linalg.qr(L, mode="r")) if L.shape[1] > L.shape[2] else L


def _joined(layer: Joins, purity: Int[np.ndarray, "_"], below: _Edges, around, cut: Cut) -> _Edges:
    grams, G, E, shrink = around
    grams, values = ops.packed(grams), list(ops.packed(G)[:, :, None, None])
    lists, lost = [below.lists[i] for i in layer.left], below.lost[layer.left]
    pure, mixed = [], []
    for i, (left, right) in enumerate(zip(layer.left.tolist(), layer.right.tolist(), strict=True)):
        if right < 0:
            values[i] = below.values[left]
        elif layer.purity[i] == A:
            pure.append(i)
        elif purity[left] != B and purity[right] != B:
            mixed.append(i)
        elif layer.purity[i] == MIXED:
            left, right = (left, right) if purity[right] == B else (right, left)
            values[i] = operator(below.values[left]) * (grams[right] / shrink[i])[:, None, None]
            lists[i], lost[i] = below.lists[left], below.lost[left]
    for i, value, found in _join_pure(layer, pure, below, E, shrink):
        values[i], lists[i] = value, found
    for i, value, found, gone in _join_mixed(layer, mixed, below, (ops.packed(E), shrink), cut):
        values[i], lists[i], lost[i] = value, found, gone
    return _Edges(values, lists, lost)


def _join_pure(layer: Joins, ids: list[int], below: _Edges, E, shrink) -> Iterator[tuple]:
    """(edge, factor, eigenvalues) of two edges wholly in A: their product, in the eigenbasis of its rho_A."""
    left, right = ([below.values[j] for j in side[ids]] for side in (layer.left, layer.right))
    products = ops.batched(_product, left, right, list(1 / np.sqrt(shrink[ids])))
    for i, L, (weights, vectors) in zip(ids, products, ops.batched(_weights, products, list(E[ids])), strict=True):
        count = ops.kept(weights, weights.sum(), len(weights), ROUNDED)
        yield i, np.conj(vectors[:, :count].T) @ L, weights


def _product(x: Num[np.ndarray, "n a r"], y: Num[np.ndarray, "n b r"], scale: Float[np.ndarray, "n"]):
    value = x[:, :, None] * (y * scale[:, None, None])[:, None]
    return _short(value.reshape(len(x), -1, x.shape[-1]))


def _join_mixed(layer: Joins, ids: list[int], below: _Edges, around, cut: Cut) -> Iterator[tuple]:
    """(edge, operator, eigenvalues, lost weight) of two edges that both have sites of A: the leading pairs."""
    E, shrink = around
    left = [operator(below.values[j]) / shrink[i] for i, j in zip(ids, layer.left[ids].tolist(), strict=True)]
    right = [operator(below.values[j]) for j in layer.right[ids].tolist()]
    found = ops.batched(lambda x, y, weight: leading_pairs(ops.density(x, y, weight), cut), left, right, list(E[ids]))
    bases = [P for _, P in found]
    values = left if cut.last else ops.batched(ops.projected, left, right, bases)
    before = below.lost[layer.left[ids]] + below.lost[layer.right[ids]]
    for i, value, (weights, P), gone in zip(ids, values, found, before.tolist(), strict=True):
        whole = gone == 0 and P.shape[0] == P.shape[1]
        yield i, value, weights, 0.0 if whole else max(0.0, 1 - weights[: P.shape[1]].sum())


def leading_pairs(rho: Num[np.ndarray, "n d d"], cut: Cut) -> list[tuple[np.ndarray, np.ndarray]]:
    """Eigenvalues of each rho, and the eigenvectors that are kept."""
    values, vectors = ops.leading(rho, cut.chi)
    totals = np.einsum("nii->n", rho).real
    counts = [ops.kept(one, total, cut.chi, cut.tol) for one, total in zip(values, totals, strict=True)]
    return [(one, P[:, :count]) for one, P, count in zip(values, vectors, counts, strict=True)]


def _padded(lists: list[np.ndarray]) -> Float[np.ndarray, "edges _"]:
    result = np.zeros((len(lists), max(len(one) for one in lists)))
    for row, one in zip(result, lists, strict=True):
        row[: len(one)] = one
    return result
