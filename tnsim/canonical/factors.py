"""Of every bond two factors, one of each side, in one walk up and one down. Uses state. Used by spectra and gauges.

    psi across a bond = (isometry) R F^T (isometry)        R (k, r): what is below the bond, F (l, r): what is above

QR without its Q: only the small factors are formed. A Gram matrix R^dagger R would do too, but lose what is below
1e-8 of the largest value. Under a trace they have gradients where no bond is wider than the state's rank there.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Num

from tnsim.banks import AnyArray
from tnsim.canonical.state import TreeState, absorbed, measured, namespace, refuse_zero, rescaled, unfolded
from tnsim.canonical.wiring import Step, children, rooted

Matrix = Num[AnyArray, "_ _"]


class Factors(NamedTuple):
    """R (below) and F (above) of every bond, each of norm (in JAX: largest number) 1; steps: the bonds as seen from
    the root, leaves first.

    error_bound: on singular values of R F^T over their norm, from rounding, to first order.
    """

    below: tuple[Matrix, ...]
    above: tuple[Matrix, ...]
    steps: tuple[Step, ...]
    log_norm: Any
    error_bound: Any


def factors(state: TreeState) -> Factors:
    """R and F of all bonds, below: away from the centre or core 0. Raises ValueError for a state that is zero."""
    state = measured(state)
    xp, root = namespace(state), state.centre or 0
    steps, parts = rooted(state.wiring, root), children(state.wiring, root)
    below, log = _below(xp, state, steps, parts)
    above: dict[int, Matrix] = {}
    up = {step.core: step for step in steps}
    for core in (root, *(step.core for step in reversed(steps))):
        for child in parts[core]:
            others = [(step.at, below[step.core]) for step in parts[core] if step is not child]
            others += [(up[core].axis, above[core])] if core != root else []
            above[child.core], _ = _triangle(xp, _with(xp, state.cores[core], others), child.at)
    kept = [(step, below[step.core], above[step.core]) for step in sorted(steps, key=lambda step: step.bond)]
    norms = [xp.linalg.norm(R @ F.T) for _, R, F in kept]
    if xp is np:
        refuse_zero(min(norms, default=np.abs(state.cores[root]).max()))
    # Each QR is off by a few eps of its matrix, which what lies on the other side multiplies: |R| |F| / |R F^T| is 1 at
    # an orthogonality centre, and large where cores cancel each other.
    sizes = [1.0 if xp is np else xp.linalg.norm(R) * xp.linalg.norm(F) for _, R, F in kept]
    widths = [4 * R.shape[1] ** 0.5 for _, R, _ in kept]
    each = [width * size / norm for width, size, norm in zip(widths, sizes, norms, strict=True)]
    error = float(np.finfo(state.cores[root].dtype).eps) * sum(each)
    return Factors(tuple(R for _, R, _ in kept), tuple(F for *_, F in kept), steps, log, error)


def _below(xp, state: TreeState, steps, parts) -> tuple[dict[int, Matrix], Any]:
    """R of every bond, by the core below it, and ln of the state's norm, which the root has with all of them."""
    root, log, below = state.centre or 0, state.log_scale, dict[int, Matrix]()
    for step in steps:
        if state.centre is not None:  # isometries already
            below[step.core] = xp.eye(state.cores[step.core].shape[step.axis], dtype=state.cores[root].dtype)
            continue
        ready = _with(xp, state.cores[step.core], [(one.at, below[one.core]) for one in parts[step.core]])
        below[step.core], taken = _triangle(xp, ready, step.axis)
        log = log + taken
    top, taken = rescaled(xp, _with(xp, state.cores[root], [(one.at, below[one.core]) for one in parts[root]]))
    # What was taken out is no part of a gradient; what is left is.
    return below, log + taken + (0.0 if xp is np else xp.log(xp.linalg.norm(top)))


def _with(xp, core, matrices):
    for axis, matrix in matrices:
        core = absorbed(xp, core, axis, matrix)
    return core


def _triangle(xp, core, axis: int) -> tuple[Matrix, Any]:
    """R of the core's QR at a leg, over its norm (in JAX: its peak), and ln of that; a wide matrix is its own."""
    matrix: Any = unfolded(xp, core, axis)
    if matrix.shape[0] > matrix.shape[1]:
        matrix = xp.linalg.qr(matrix, mode="r")
    return rescaled(xp, matrix)
