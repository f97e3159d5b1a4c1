"""Upper bound by pinching: what was kept, and the entropies of the pieces that were dropped (U2). Uses upper.

    S <= sum eta(q) + sum over nodes v and sides of S[piece],   piece = what the projector at v takes away, weight w

A piece's entropy is at most that of its own list, plus for every other node u of the same layer the most that u can
have at weight w under its own list: F_u(w). No dimension enters; best where little is missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import e, log

import numpy as np
from jaxtyping import Float

from tnsim.entanglement.certified import upper
from tnsim.entanglement.certified.truncate import Lists

STEP = 1.25  # weights are rounded up to powers of it: F_u rises with w, so one table serves all nodes


def pinching_bound(q: Float[np.ndarray, "k"], cuts: Iterable[Lists], slack: float = 0.0) -> float:
    """The bound of S in nats; cuts: the lists of every cut of one side at one layer; slack: rounding of any weight."""
    pieces = sum(_layer(lists, slack) for lists in cuts)
    rounding = upper.flat(slack, log(2 * len(q) + 1)) + upper.rounding(len(q)) * len(q)
    return float(upper.eta(q).sum() + pieces + rounding)


def _layer(lists: Lists, slack: float) -> float:
    """Entropies of all pieces of one side that were dropped at one layer.

    As functions of their weights they are concave, so where together they weigh less than each alone, the tangents
    say by how much their sum is less.
    """
    weights = lists.dropped.sum(axis=1)
    cut = np.flatnonzero(weights > 0)
    if not len(cut):
        return 0.0
    dropped = np.minimum(lists.dropped[cut], 1 / e)  # 1/e: eta falls beyond it
    own = upper.eta(dropped).sum(axis=1)
    slope = float((-np.log(dropped.max(axis=1)) - 1).min())
    less = slope * max(float(weights.sum()) - lists.lost - slack, 0.0)
    power = np.ceil(np.log(weights[cut]) / np.log(STEP))
    grid, at = np.unique(power, return_inverse=True)
    limits = np.sort(np.concatenate([lists.kept, lists.dropped], axis=1), axis=1)[:, ::-1]
    table = np.stack([upper.capped(row, np.minimum(STEP**grid, 1.0)) for row in limits])  # (edges, weights)
    others = table.sum(axis=0)[at] - table[cut, at]
    return max(float((own + others).sum()) - less, 0.0)
