"""Upper bound of S(A) by a chain of conditional entropies with a compressed memory. THEORY section 6. Uses registers.

    S(A) = sum_v S(A_v | A before v) <= sum_v S(A_v | registers at v)        v: blocks of A's sites, one after another

for the registers are got from the sites before v by a channel. What may be a block: an edge wholly in A, and any edge
whose H has lost so little that its price is less than the blocks inside would cost. Proof: docs/certified-chain.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import e, inf, log
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Num

from tnsim.banks import Banks
from tnsim.entanglement.certified import operators as ops
from tnsim.entanglement.certified.environments import Environments, rows_of
from tnsim.entanglement.certified.joins import A, B, Joins, JoinTree, Matrices
from tnsim.entanglement.certified.one_sided import OneSided, log_dims, one_sided, operator
from tnsim.entanglement.certified.registers import Registers, opened, parted, through
from tnsim.entanglement.measure import SiteMeasure

WORTH = 1.0  # nats: a block whose cuts cost more is no use
LARGEST = 2304  # dimension of (register, block) that is worth its eigenvalues, unless there is no choice
NONE = 1e-13  # nats of a term that its dimension bounds well enough

Bounds = Float[np.ndarray, "3 _"]  # of the blocks that an edge's sites are cut into: nats, rounding, how many


@dataclass(frozen=True, eq=False)
class ChainBound:
    """upper: S(A) is at most this, which includes `rounding`. terms: how many conditional entropies it adds up.

    side: what the fold found of every edge's A sites, the lists of eigenvalues among it.
    """

    upper: float
    rounding: float
    terms: int
    side: OneSided


class _Term(NamedTuple):
    """A conditional entropy to be bounded: a register X at an edge, the edge's H and G, its lost weight and ln dim."""

    X: Num[np.ndarray, "p k k"]
    H: Num[np.ndarray, "p a a"]
    gram: Num[np.ndarray, "p"]
    lost: float
    log_dim: float
    rounding: float


def chain_bound(
    tree: JoinTree, banks: Banks, measure: SiteMeasure, env: Environments, chi: tuple[int, ...] = (24, 8),
    tol: float = 1e-6, price: float = 1e-4,
) -> ChainBound:  # fmt: skip
    """S(A) <= upper, A the sites whose purity is A.

    chi: states of each register, the first one's also of every subtree. tol: weight that all cuts together may lose
    where chi does not bind. price: nats that a subtree's cuts may cost for it to be a block without a look inside.
    """
    side = one_sided(tree, banks, measure, env, chi[0], tol)
    each = tol / max(1, sum(len(layer.pairs) for layer in tree.layers if isinstance(layer, Joins)))
    best = [np.where(purity == B, 0, np.array([[inf], [0.0], [0.0]])) for purity in tree.purities]
    best[-1][:, 0], cost = _whole(side, env.rounding)
    registers = opened(env.outside[-1][0], len(chi)) if cost > price else {}
    for i in reversed(range(len(tree.layers))):
        layer = tree.layers[i]
        if isinstance(layer, Matrices):
            registers = through(layer, rows_of(layer, banks), registers, env.shrink[i])
            continue
        grams = ops.packed(env.grams[i])
        around = (grams, env.shrink[i], side.values[i], side.lost[i])
        registers = parted(layer, tree.purities[i], registers, around, chi, each)
        best[i], done = _blocks(registers, tree.purities[i] == A, _parts(side, i, grams, env.rounding), price, best[i])
        registers = {edge: found for edge, found in registers.items() if edge not in done}
    nats, rounding, terms = _cheapest(tree, best)[:, 0].tolist()
    return ChainBound(nats, rounding, int(terms), side)


def estimate(tree: JoinTree, chi: tuple[int, ...], item: int = 8) -> float:
    """Bytes that a chain bound holds at its peak, at most: every H, two levels of registers, one product.

    item: bytes of a number, 16 for complex banks or measures. Where weights are small, tol makes it much less.
    """
    dims = [tree.features] + [layer.dim for layer in tree.layers]
    held, registers, product = 0.0, 0.0, 0.0
    for r, a, purity in zip(dims, log_dims(tree), tree.purities, strict=True):
        most = np.where(purity == A, r, chi[0])
        pairs, states = r * (r + 1) / 2, np.round(np.exp(np.minimum(a, np.log(most))))
        held += float(np.where(purity == A, r * states, pairs * states**2).sum())
        registers = max(registers, pairs * (1 + sum(k**2 for k in chi)) * int((purity != B).sum()))
        largest = float(states.max())
        product = max(product, 4 * (max(chi) * largest) ** 2, 3 * r * r * max(chi[0], largest) ** 2)
    return item * (held + 2 * registers + product + 4 * ops.BATCH)


def _cheapest(tree: JoinTree, blocks: list[Bounds]) -> Bounds:
    """The sites below every edge as one block, or as those of the edges below it: whichever bound is less."""
    best = blocks[0]
    for layer, here in zip(tree.layers, blocks[1:], strict=True):
        if isinstance(layer, Matrices):
            parts = best[:, layer.sources]
        else:
            parts = best[:, layer.left] + np.where(layer.right < 0, 0, best[:, layer.right])
        best = np.where(here[0] <= parts[0], here, parts)
    return best


def _whole(side: OneSided, weight: float) -> tuple[tuple[float, float, float], float]:
    """All of A as one block: the entropy of the root's list and, given apart too, that of what is missing, at most."""
    values = side.lists[-1][0]
    lost, error = max(0.0, 1 - values.sum()), _rounding(weight, len(values))
    cost = float(ops.eta(np.asarray(lost)) + lost * side.log_dims[-1][0])
    return (float(ops.eta(values).sum()) + cost + error, error, 1.0), cost


def _parts(side: OneSided, level: int, grams: Num[np.ndarray, "edges p"], weight: float) -> list[tuple]:
    """Of each edge of a level: all of its terms but the registers; and what its cuts may cost as a block, in nats."""
    lost, log_dims = side.lost[level], side.log_dims[level]
    rounding = np.full(len(grams), weight)
    prices = ops.eta(lost) + lost * log_dims
    return list(zip(side.values[level], grams, lost, log_dims, rounding, prices, strict=True))


def _blocks(registers: Registers, pure, parts: list[tuple], price: float, bounds: Bounds) -> tuple[Bounds, set[int]]:
    """Bounds of the edges that may be a block, and which of them need no look inside."""
    ids, terms, done = list[int](), list[_Term](), set[int]()
    for edge, found in registers.items():
        value, *rest, cost = parts[edge]
        H = operator(value)
        if pure[edge] or (cost <= WORTH and max(X.shape[-1] for X in found) * H.shape[-1] <= LARGEST):
            some = [_Term(X, H, *rest) for X in found if X.shape[-1]]
            ids, terms = ids + [edge] * len(some), terms + some
            done |= {edge} if pure[edge] or cost <= price else set()
    bounds = bounds.copy()
    bounds[:, ids] = 0
    for edge, found in zip(ids, ops.batched(_conditional, *zip(*terms, strict=True)) if terms else [], strict=True):
        bounds[:, edge] += found
    return bounds, done


def _conditional(X, H, gram, lost, log_dim, rounding) -> Float[np.ndarray, "n 3"]:
    """At least S(register, A_v) - S(register) of unnormalised blocks; the error in it; 1."""
    density = ops.closed(X, gram)
    most = np.maximum(np.einsum("nkk->n", density).real, 0) * log_dim
    error = np.full(len(X), _rounding(float(rounding[0]), X.shape[-1] * H.shape[-1]))
    if most.max() > NONE:
        value = _entropies(ops.density(X, H)) - _entropies(density)
        if lost.any():
            outside = ops.closed(X, gram - ops.traced(H))
            value += _entropies(outside) + np.einsum("nkk->n", outside).real * log_dim
        most = np.minimum(value, most)
    return np.stack([most + error, error, np.ones(len(X))], axis=1)


def _entropies(rho: Num[np.ndarray, "n d d"]) -> Float[np.ndarray, "n"]:
    return ops.eta(np.linalg.eigvalsh(rho)).sum(axis=1)


def _rounding(weight: float, dim: int) -> float:
    """Error of two entropies of `dim` eigenvalues that are off by `weight` in sum: each weight ln dim + eta(weight)."""
    weight = min(4 * weight + ops.EPS * dim, 1 / e)
    return 2 * weight * (log(dim) - log(weight))
