"""Narrower bonds, each cut by the Schmidt values at its own centre, with what that loses. Uses orthogonal, overlap.

    core (rest, r) = U s V        the largest values stay: U here, s V in the next core, whose turn it then is

A walk passes every bond once with the centre on it, so that each cut is the best of its bond. Source: Schollwoeck
(2011), section 4.5. With JAX cores and a width it is traced; its gradient needs Schmidt values that differ.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from jaxtyping import Float

from tnsim.banks import AnyArray
from tnsim.canonical.orthogonal import isometry, orthogonalised
from tnsim.canonical.overlap import fidelity
from tnsim.canonical.state import Core, TreeState, absorbed, is_traced, namespace, refolded, unfolded
from tnsim.canonical.wiring import tour


class Compressed(NamedTuple):
    """The state of narrower bonds and the norm that is left.

    discarded: of every bond the sum w of the p_k that went, p those of the state as its turn came; fidelity: with the
    whole state, from their overlap. On a chain it is the product of all 1 - w; on any tree its angle, arccos of its
    root, is at most the sum of all arcsin sqrt(w).
    """

    state: TreeState
    discarded: Float[AnyArray, "bonds"]
    fidelity: Any


def compressed(state: TreeState, width: int | None = None, tolerance: float = 0.0) -> Compressed:
    """At most `width` values a bond, and no more than needed for a discarded weight of `tolerance` at each bond.

    A tolerance > 0 sets bonds by the numbers and cannot be traced. Raises ValueError for a width < 1, a tolerance
    outside of [0, 1), one > 0 under a trace, and a state that is zero.
    """
    if width is not None and width < 1:
        raise ValueError(f"width: wanted at least 1, found {width}")
    if not 0 <= tolerance < 1:
        raise ValueError(f"tolerance: wanted a discarded weight in [0, 1), found {tolerance}")
    if tolerance > 0 and is_traced(state):
        raise ValueError(
            f"tolerance: wanted 0 under jit, grad and vmap, where no bond may depend on numbers, found {tolerance}: "
            "compressed(state, width) is traced"
        )
    xp, start = namespace(state), state.centre or 0
    whole = orthogonalised(state, start)
    cores, discarded, at = list(whole.cores), [xp.zeros(())] * state.wiring.bonds, start
    for step, first in tour(state.wiring, start):
        if first:
            cores[step.core], right, discarded[step.bond] = cut(xp, cores[step.core], step.axis, width, tolerance)
        else:
            cores[step.core], right = isometry(xp, cores[step.core], step.axis)
        cores[step.onto] = absorbed(xp, cores[step.onto], step.at, right)
        at = step.onto
    found = whole.with_cores(cores, at, whole.log_scale)
    weights = xp.stack(discarded) if discarded else xp.zeros((0,))
    return Compressed(found, weights, fidelity(whole, found))


def cut(xp, core: Core, axis: int, width: int | None, tolerance: float) -> tuple[Core, Core, Any]:
    """(the centre core with an orthonormal leg of few dimensions, what is left (k, r), the discarded weight)."""
    u, s, v = xp.linalg.svd(unfolded(xp, core, axis), full_matrices=False)
    p = s**2 / (s**2).sum()
    kept = len(s) if width is None else min(width, len(s))
    if tolerance > 0:
        tail = p[::-1].cumsum()  # of the last one, two, ..
        kept = max(1, min(kept, len(s) - int((tail <= tolerance).sum())))
    return refolded(xp, u[:, :kept], core, axis), s[:kept, None] * v[:kept], p[kept:].sum()
