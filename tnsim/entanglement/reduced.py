"""Reduced density matrices of a few sites: open legs between them, Grams elsewhere. THEORY section 6.

X[D, D', g, h]    D: configurations (ket) of the kept sites on one side of an edge, D': (bra), g, h: the edge itself

The legs meet at the node that leaves no branch with more than half of the sites, and are never all open on one edge:

    X_1 --.
           o--- X_3        rho = X_1 (r^2 numbers summed over) (X_2 o X_3)
    X_2 --'
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import log, prod
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int, Num

from tnsim import memory
from tnsim.banks import Banks
from tnsim.contract.schedule import Wave, whole
from tnsim.entanglement.environment import EPS, Environments, node_of
from tnsim.entanglement.gram import grams_of_waves
from tnsim.entanglement.measure import SiteMeasure, item_size
from tnsim.network import Network


class Open(NamedTuple):
    """An edge with kept sites on one side of it; sites: in the order of D's digits."""

    sites: tuple[int, ...]
    X: Num[np.ndarray, "D D g g"]


class Tree(NamedTuple):
    """A network with numbers; grams: of the edges below every wave's positions, and above: of each position its node.

    at: the position over every kept site, a row a wave.
    """

    waves: tuple[Wave, ...]
    banks: Banks
    measure: SiteMeasure
    grams: Sequence[Num[np.ndarray, "_ _ _"]]
    above: list[Int[np.ndarray, "_"]]
    at: Int[np.ndarray, "waves k"]


def reduced_density_matrix(
    network: Network,
    banks: Banks,
    vector: Num[np.ndarray, "r"],
    measure: SiteMeasure,
    sites: list[int],
    limit: str | float | None = None,
) -> Num[np.ndarray, "D D"]:
    """rho of `sites`, in the order given (the first is the slowest digit), trace 1; D = M^len(sites).

    Raises MemoryLimitError where the estimate is above the limit, and ValueError for a state that is zero.
    """
    return density_matrices(network, banks, vector, measure, [sites], limit)[0]


def density_matrices(
    network: Network,
    banks: Banks,
    vector: Num[np.ndarray, "r"],
    measure: SiteMeasure,
    sets: list[list[int]],
    limit: str | float | None = None,
    grams: Sequence[Num[np.ndarray, "_ _ _"]] | None = None,
) -> list[Num[np.ndarray, "D D"]]:
    """`reduced_density_matrix` of many sets of sites, by one fold of Gram matrices; or with those of Environments."""
    waves = whole(network).waves
    above = [node_of(wave) for wave in waves]
    trees = [Tree(waves, banks, measure, [], above, _positions(above, sites)) for sites in sets]
    paths = [_path(tree) for tree in trees]
    for tree, path, sites in zip(trees, paths, sets, strict=True):
        memory.check(
            _estimate(tree, path) * item_size(banks, measure), limit, f"sites: a density matrix of {len(sites)} sites",
            "Ways out: fewer sites; a higher memory=.",
        )  # fmt: skip
    if grams is None:
        with jax.enable_x64(True), jax.default_matmul_precision("highest"):
            grams = [np.asarray(gram.value) for gram in grams_of_waves(network, banks, measure)]
    # The few nodes on the paths go on in NumPy: each has its own shape, and would else be compiled for one use.
    M = waves[0].dim_in
    found = (_closed(tree._replace(grams=grams), path, vector) for tree, path in zip(trees, paths, strict=True))
    return [normalised(*rho, sites, (M,) * len(sites)) for rho, sites in zip(found, sets, strict=True)]


def _positions(above: list[Int[np.ndarray, "_"]], sites: list[int]) -> Int[np.ndarray, "waves k"]:
    at = [np.asarray(sites, np.int64)]
    for nodes in above[:-1]:
        at.append(nodes[at[-1]])
    return np.stack(at)


def _path(tree: Tree) -> list[int]:
    """Positions from the root down, each with more than half of the kept sites below it."""
    path: list[int] = []
    for at in tree.at[::-1]:
        positions, counts = np.unique(at, return_counts=True)
        if 2 * counts.max() <= tree.at.shape[1]:
            break
        path.append(int(positions[counts.argmax()]))
    return path


def _branches(tree: Tree, path: list[int]) -> tuple[int, list[int]]:
    """The wave whose node closes (-1: a site), and the positions that the node pools."""
    wave = len(tree.waves) - 1 - len(path)
    return wave, tree.waves[wave].children.array[path[-1] if path else 0].tolist() if wave >= 0 else []


def _estimate(tree: Tree, path: list[int]) -> float:
    """Peak numbers held: rho and its copies, and the two groups of branches that close to it."""
    wave, positions = _branches(tree, path)
    k, M = tree.at.shape[1], tree.waves[0].dim_in
    inside = [int((tree.at[wave] == position).sum()) for position in positions] if wave >= 0 else [1]
    larger = max(sum(sizes) for sizes in _groups([*inside, k - sum(inside)], lambda size: size))
    widest = max(wave.dim_out for wave in tree.waves)
    return 3 * (float(M) ** (2 * k) + float(M) ** (2 * larger) * widest**2)


def _groups(branches: list, size) -> tuple[list, list]:
    """Branches in two groups of like size, the largest first."""
    left, right = [], []  # type: ignore[var-annotated]
    for branch in sorted(branches, key=size, reverse=True):
        lighter = left if sum(map(size, left)) <= sum(map(size, right)) else right
        lighter.append(branch)
    return left, right


def _closed(tree: Tree, path: list[int], vector) -> tuple[Num[np.ndarray, "D D"], tuple[int, ...]]:
    """rho, not normalised, and the order of its sites."""
    unit = vector / (np.abs(vector).max() or 1)
    outside, node = Open((), np.outer(unit, np.conj(unit))[None, None]), 0
    for wave, position in zip(range(len(tree.waves) - 1, -1, -1), path, strict=False):
        siblings = [p for p in tree.waves[wave].children.array[node].tolist() if p != position]
        joined = reduce(_times, (_lifted(tree, wave, sibling) for sibling in siblings), outside)
        W = _matrix(tree, wave, position)
        outside, node = _unit(Open(joined.sites, W.T @ joined.X @ np.conj(W))), position
    wave, positions = _branches(tree, path)
    inside = [_lifted(tree, wave, position) for position in positions] if wave >= 0 else [_leaf(tree.measure, node)]
    left, right = (reduce(_times, group) for group in _groups([*inside, outside], lambda branch: len(branch.sites)))
    d, e = left.X.shape[0], right.X.shape[0]
    rho = left.X.reshape(d * d, -1) @ right.X.reshape(e * e, -1).T
    return rho.reshape(d, d, e, e).swapaxes(1, 2).reshape(d * e, d * e), left.sites + right.sites


def _leaf(measure: SiteMeasure, site: int) -> Open:
    L = measure.factors[measure.kind[site]].T  # [a, c]
    return Open((site,), np.einsum("ac,bd->abcd", L, np.conj(L)))


def _matrix(tree: Tree, wave: int, position: int) -> Num[np.ndarray, "g c"]:
    bank, slots = np.asarray(tree.banks[tree.waves[wave].bank]), tree.waves[wave].slots
    return bank[position if slots is None else slots.array[position]]


def _lifted(tree: Tree, wave: int, position: int) -> Open:
    """The value above the matrix of a position: open where kept sites are below, else a Gram matrix."""
    W = _matrix(tree, wave, position)
    if not (tree.at[wave] == position).any():
        below = Open((), tree.grams[wave][position][None, None])
    elif wave == 0:
        below = _leaf(tree.measure, position)
    else:
        children = tree.waves[wave - 1].children.array[position].tolist()
        below = reduce(_times, (_lifted(tree, wave - 1, child) for child in children))
    return _unit(Open(below.sites, W @ below.X @ np.conj(W.T)))


def _unit(x: Open) -> Open:
    """With peak 1: only ratios matter, and long products leave float range."""
    return Open(x.sites, x.X / (np.abs(x.X).max() or 1))


def _times(x: Open, y: Open) -> Open:
    size = x.X.shape[0] * y.X.shape[0]
    product = x.X[:, None, :, None] * y.X[None, :, None, :]
    return _unit(Open(x.sites + y.sites, product.reshape(size, size, *x.X.shape[2:])))


def normalised(rho, found: tuple[int, ...], wanted: list[int], dims: Sequence[int]) -> Num[np.ndarray, "D D"]:
    """Digits in the order wanted, Hermitian, trace 1. found: the sites in the order of rho's; dims: their dimensions,
    in the order wanted."""
    k, D = len(wanted), prod(dims)
    shape = [dims[wanted.index(site)] for site in found]
    order = [found.index(site) for site in wanted]
    rho = rho.reshape(shape * 2).transpose(*order, *(k + i for i in order)).reshape(D, D)
    rho = 0.5 * (rho + np.conj(rho.T))
    trace = np.trace(rho).real
    if not (np.isfinite(trace) and trace > 0):
        raise ValueError("state: it is exactly zero or not finite, so it has no density matrix")
    return rho / trace


def site_density_matrices(found: Environments, measure: SiteMeasure) -> Num[np.ndarray, "sites M M"]:
    """rho of every single site, L E L^dagger of its leaf L = F^T and its environment E; trace 1."""
    L = np.swapaxes(measure.factors, -1, -2)[measure.kind]
    rho = L @ found.environments[0] @ np.conj(np.swapaxes(L, -1, -2))
    return rho / np.einsum("nii->n", rho).real[:, None, None]


def entropies(p: Float[np.ndarray, "*n k"], order: float) -> Float[np.ndarray, "*n"]:
    """Renyi entropies ln(sum p^order) / (1 - order) of rows of probabilities, in nats; order 1 is -sum p ln p.

    What rounding left below zero counts as zero. Raises ValueError for order <= 0, which the smallest values decide,
    and those are rounding. Source: THEORY section 3.
    """
    if not order > 0:
        raise ValueError(f"order: wanted a number > 0, found {order!r}")
    p = np.maximum(p, 0.0)
    if np.isinf(order):
        return np.asarray(np.maximum(-np.log(p.max(axis=-1)), 0.0))
    if order == 1:
        return np.asarray(np.maximum(-(p * np.log(np.where(p > 0, p, 1.0))).sum(axis=-1), 0.0))
    top = p.max(axis=-1, keepdims=True)  # taken out, so that p^order does not underflow
    powers = np.log(((p / top) ** order).sum(axis=-1)) + order * np.log(top[..., 0])
    return np.asarray(np.maximum(powers / (1 - order), 0.0))


def felt(found: Environments, sites: list[int], M: int) -> float:
    """How far rounding may move the normalised rho of `sites`: half the trace norm of the change, to first order.

    Closed edges: `rounding`. On open ones, and where they close over r^2 terms, the Frobenius norm of the change is
    known, and its trace norm is up to D^(1/2) times that. Then eigenvalues, D^(1/2) eps each.
    """
    D, r = float(M) ** len(sites), max(gram.shape[-1] for gram in found.grams)
    opened = (1 + r / 16) * D**0.5 * float(found.along[sites].sum())
    return EPS * (found.rounding + opened + D**1.5)


def entropy_error(T: float, k: float, order: float, entropy) -> Float[np.ndarray, "*n"]:
    """How far probabilities moved by T (half the sum of changes) can move an entropy, in nats; k of them.

    Order 1: T ln(k - 1) + h(T) (Fannes, Audenaert). Order n > 1: p of norm sum p^n = exp(-(n - 1) S_n) in all, moved
    by n p_1^(n - 1) 2T at most, p_1 <= exp(-(n - 1) S_n / n). Below 1: by the k largest it could be, k (2T/k)^n.
    """
    entropy = np.asarray(entropy, dtype=float)
    if k <= 1:
        return np.zeros(entropy.shape)
    if T + 1 / k >= 1 or np.isnan(T):
        return np.full(entropy.shape, log(k))
    if order == 1:
        error = np.full(entropy.shape, T * log(max(k - 1, 1)) - T * log(T or 1) - (1 - T) * np.log1p(-T))
    elif np.isinf(order):
        error = -np.log1p(-np.minimum(2 * T * np.exp(entropy), 1 - 1e-16))
    elif order > 1:
        power = (order - 1) / order
        error = -np.log1p(-np.minimum(order * 2 * T * np.exp(power * entropy), 1 - 1e-16)) / (order - 1)
    else:
        error = k * (2 * T / k) ** order * np.exp((order - 1) * entropy) / (1 - order)
    return np.asarray(np.minimum(error, log(k)))
