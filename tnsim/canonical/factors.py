"""Of every bond two factors, one of each side, in one walk up and one down. Uses state. Used by spectra and gauges.

    psi across a bond = (isometry) R F^T (isometry)        R (k, r): what is below the bond, F (l, r): what is above

QR without its Q: only the small factors are formed. A Gram matrix R^dagger R would do too, but lose what is below
1e-8 of the largest value.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Num

from tnsim.canonical.state import TreeState, absorbed, concrete, refuse_zero, rescaled, unfolded
from tnsim.canonical.wiring import Step, children, rooted

EPS = float(np.finfo(np.float64).eps)
Matrix = Num[np.ndarray, "_ _"]


class Factors(NamedTuple):
    """R (below) and F (above) of every bond, each of norm 1; steps: the bonds as seen from the root, leaves first.

    error_bound: on singular values of R F^T over their norm, from rounding, to first order.
    """

    below: tuple[Matrix, ...]
    above: tuple[Matrix, ...]
    steps: tuple[Step, ...]
    log_norm: float
    error_bound: float


def factors(state: TreeState) -> Factors:
    """R and F of all bonds, below: away from the centre or core 0. Raises ValueError for a state that is zero."""
    state = concrete(state)
    root = state.centre or 0
    steps, parts = rooted(state.wiring, root), children(state.wiring, root)
    below, log = _below(state, steps, parts)
    above: dict[int, Matrix] = {}
    up = {step.core: step for step in steps}
    for core in (root, *(step.core for step in reversed(steps))):
        for child in parts[core]:
            others = [(step.at, below[step.core]) for step in parts[core] if step is not child]
            others += [(up[core].axis, above[core])] if core != root else []
            above[child.core], _ = _triangle(_with(state.cores[core], others), child.at)
    kept = [(step, below[step.core], above[step.core]) for step in sorted(steps, key=lambda step: step.bond)]
    norms = [float(np.linalg.norm(R @ F.T)) for _, R, F in kept]
    refuse_zero(min(norms, default=np.abs(state.cores[root]).max()))
    # Each QR is off by a few eps of its matrix, which what lies on the other side multiplies: |R| |F| / |R F^T| is 1 at
    # an orthogonality centre, and large where cores cancel each other.
    error = EPS * sum(4 * R.shape[1] ** 0.5 / norm for (_, R, _), norm in zip(kept, norms, strict=True))
    return Factors(tuple(R for _, R, _ in kept), tuple(F for *_, F in kept), steps, log, error)


def _below(state: TreeState, steps, parts) -> tuple[dict[int, Matrix], float]:
    """R of every bond, by the core below it, and ln of the state's norm, which the root has with all of them."""
    root, log, below = state.centre or 0, float(state.log_scale), dict[int, Matrix]()
    for step in steps:
        if state.centre is not None:  # isometries already
            below[step.core] = np.eye(state.cores[step.core].shape[step.axis])
            continue
        ready = _with(state.cores[step.core], [(one.at, below[one.core]) for one in parts[step.core]])
        below[step.core], taken = _triangle(ready, step.axis)
        log += taken
    top = _with(state.cores[root], [(one.at, below[one.core]) for one in parts[root]])
    return below, log + rescaled(np, top)[1]


def _with(core, matrices):
    for axis, matrix in matrices:
        core = absorbed(np, core, axis, matrix)
    return core


def _triangle(core, axis: int) -> tuple[Matrix, float]:
    """R of the core's QR at a leg, of norm 1, and ln of the norm it had; a wide matrix is its own."""
    matrix: Any = unfolded(np, core, axis)
    if matrix.shape[0] > matrix.shape[1]:
        matrix = np.linalg.qr(matrix, mode="r")
    matrix, log = rescaled(np, matrix)
    return np.asarray(matrix), log
