"""What the sites of A before an edge leave behind, on the way down: registers. THEORY section 6. Used by chain.

    sites of A before v --[ channel ]-- k       X[g, h, k, k'] on the edge above v: the register's density operator,
                             g | | h            B and all of A that comes after v traced exactly

At a join the second edge's registers take up the first edge's sites, H[a, a'], and keep the leading states of (k, a).
All else becomes a flag, which the next register has as one more state, and so on; the last one is a flag alone.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int, Num

from tnsim.entanglement.certified import operators as ops
from tnsim.entanglement.certified.joins import B, Joins, Matrices
from tnsim.entanglement.certified.one_sided import Cut, leading_pairs, operator

Registers = dict[int, list[np.ndarray]]  # of some edges of a level: X (p, k, k) of each register, the flag's last


def opened(outside: Num[np.ndarray, "r r"], count: int) -> Registers:
    """At the root nothing has been seen: the first of `count` registers has one state, the others have none."""
    X = ops.packed(outside[None])[0][:, None, None]
    return {0: [X, *(X[:, :0, :0] for _ in range(count - 1)), np.zeros_like(X)]}


def through(
    layer: Matrices, W: Num[np.ndarray, "m s r"], above: Registers, shrink: Float[np.ndarray, "m"]
) -> Registers:
    """Registers below matrices."""
    edges = list(above)
    turned = list(np.swapaxes(W[edges], 1, 2) / np.sqrt(shrink[edges])[:, None, None])
    stacks = [ops.batched(ops.sandwiched, turned, list(blocks)) for blocks in zip(*above.values(), strict=True)]
    return {int(layer.sources[edge]): list(blocks) for edge, *blocks in zip(edges, *stacks, strict=True)}


def parted(
    layer: Joins, purity: Int[np.ndarray, "_"], above: Registers, around: tuple, chi: tuple[int, ...], tol: float
) -> Registers:
    """Registers below joins: the first edge's trace the second, the second's take up the first. Those in B have none.

    around: G of the edges below, what G was divided by above, H or factors of the edges below, weight lost there. The
    first is the one whose H has lost less: what H has lost, the registers lose too, but the second's H enters none.
    """
    grams, shrink, values, lost = around
    below: Registers = {}
    pairs = []
    for edge, found in above.items():
        first, second = int(layer.left[edge]), int(layer.right[edge])
        if second >= 0 and lost[second] < lost[first]:
            first, second = second, first
        found = [X / shrink[edge] for X in found]
        for one, other in ((first, second), (second, first)):
            if one >= 0 and purity[one] != B:
                below[one] = found if other < 0 else [X * grams[other][:, None, None] for X in found]
        if first in below and second in below:
            pairs.append((first, second, found))
    H = [operator(values[first]) for first, _, _ in pairs]
    before, after = ([grams[pair[place]] for pair in pairs] for place in (0, 1))
    taken = _taken_up([found for *_, found in pairs], H, before, after, chi, tol)
    return below | {second: found for (_, second, _), found in zip(pairs, taken, strict=True)}


def _taken_up(above: list, H: list, before: list, after: list, chi: tuple[int, ...], tol: float) -> list[list]:
    """The registers with the first edge's sites in them. before, after: G of the first and of the second edge."""
    result: list[list] = [[] for _ in above]
    flags = [np.zeros_like(G) for G in before]
    for number, most in enumerate(chi):
        states = [found[number] for found in above]
        cut = Cut(most - (number > 0), tol, False)  # room for the flag
        for i, (X, left) in enumerate(_cut(states, H, before, after, cut)):
            apart = number > 0 and _weight(flags[i], after[i]) > tol
            result[i].append(ops.beside(X[None], flags[i][None])[0] if apart else X)
            flags[i] = left if apart else left + flags[i]
    for found, old, flag, G in zip(result, above, flags, before, strict=True):
        found.append(old[-1] * G[:, None, None] + flag[:, None, None])
    return result


def _cut(states: list, H: list, before: list, after: list, cut: Cut) -> list[tuple[np.ndarray, np.ndarray]]:
    """The leading states of each register with the first edge's sites; and all else, traced."""
    result = [(X[:, :0, :0], np.einsum("pkk->p", X) * G) for X, G in zip(states, before, strict=True)]
    ids = [i for i, X in enumerate(states) if X.shape[-1] and cut.chi]
    X, H, before, after = ([column[i] for i in ids] for column in (states, H, before, after))
    bases = ops.batched(lambda x, h, G: [P for _, P in leading_pairs(ops.density(x, h, G), cut)], X, H, after)
    for i, x, G, new in zip(ids, X, before, ops.batched(ops.projected, X, H, bases), strict=True):
        result[i] = new, np.einsum("pkk->p", x) * G - np.einsum("pkk->p", new)
    return result


def _weight(flag: Num[np.ndarray, "p"], G: Num[np.ndarray, "p"]) -> float:
    return float(ops.closed(flag[None, :, None, None], G[None])[0, 0, 0].real)
