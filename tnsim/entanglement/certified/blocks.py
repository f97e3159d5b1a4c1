"""Upper bound by blocks: the entropies of disjoint blocks of sites that cover a side (U4). Uses joins, upper.

    S(A) <= S(A_1) + S(A_2) + ..     A_i: the sites of A below edge i of an antichain (subadditivity)

A block's entropy is bounded by water filling of its computed eigenvalues, with the min-cut of the block against all the
rest; the best antichain comes from the leaves up, one minimum an edge. docs/certified-entropy.md.
"""

from __future__ import annotations

from math import log

import numpy as np
from jaxtyping import Float

from tnsim.entanglement.certified import upper
from tnsim.entanglement.certified.environments import Environments
from tnsim.entanglement.certified.factors import edge_weights
from tnsim.entanglement.certified.joins import A, B, Joins, JoinTree, Matrices
from tnsim.entanglement.certified.truncate import Lists


def block_bound(
    tree: JoinTree, env: Environments, lists: dict[int, tuple[Lists, Lists]], sides: tuple[int, ...] = (A, B)
) -> float:
    """The least bound of S in nats by blocks of A, or by blocks of B; lists: of both, after every join layer.

    sides: those whose sites are all there is, so that their entropy is S.
    """
    cuts = local_cuts(tree)
    return min(_side(tree, env, cuts, {number: pair[side] for number, pair in lists.items()}, side) for side in sides)


def _side(tree: JoinTree, env: Environments, cuts, lists: dict[int, Lists], side: int) -> float:
    entropy = np.zeros(len(tree.purity))
    own = np.flatnonzero(tree.purity == side)
    weights = edge_weights(env.grams[0][own], env.outside[0][own])
    entropy[own] = _bounded(weights, cuts[0][own, side], env)
    for number, layer in enumerate(tree.layers):
        if isinstance(layer, Matrices):
            entropy = entropy[layer.sources]
            continue
        entropy = entropy[layer.left] + np.where(layer.right < 0, 0, entropy[layer.right])
        if number in lists:
            whole = _bounded(lists[number].values, cuts[number + 1][:, side], env)
            entropy = np.minimum(entropy, whole)
    return float(entropy[0])


def _bounded(values: Float[np.ndarray, "n k"], cuts: Float[np.ndarray, "n"], env: Environments):
    """Water filling of every block; none has more than 1 in total."""
    return upper.block(values, np.ones(len(values)), cuts, slack=env.rounding) if len(values) else np.zeros(0)


def local_cuts(tree: JoinTree) -> list[Float[np.ndarray, "edges 2"]]:
    """ln of the least weight that separates A's (B's) sites below each edge from all else; before the first layer and
    after each. A copy index is paid once, however many of its legs are cut."""
    M = log(tree.features)
    found = [np.stack([np.where(tree.purity == side, M, 0.0) for side in (A, B)], axis=1)]
    for layer in tree.layers:
        if isinstance(layer, Matrices):  # a new window: the cuts below it are final
            b, a = found[-1][layer.sources].T
            best = np.minimum(a, b)  # the edge on whichever side is cheaper
            found.append(np.stack([b, a], axis=1))
        else:
            a, b, best = (_summed(layer, x) for x in (a, b, best))
            found.append(np.stack([np.minimum(side, log(layer.dim) + best) for side in (b, a)], axis=1))
    return found


def _summed(layer: Joins, x: Float[np.ndarray, "n"]) -> Float[np.ndarray, "m"]:
    return x[layer.left] + np.where(layer.right < 0, 0, x[layer.right])
