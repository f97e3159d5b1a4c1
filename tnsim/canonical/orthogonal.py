"""The orthogonality centre: all other cores made isometries towards it, by QR. Uses state.

    core (rest, r) = Q (rest, k) R (k, r)     Q stays, R goes into the next core on the way to the centre

Source: Schollwoeck, Annals of Physics 326 (2011), sections 4.4 and 4.6; Shi, Duan, Vidal, PRA 74 (2006), for trees.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tnsim.canonical.state import (
    Core,
    TreeState,
    absorbed,
    namespace,
    refolded,
    refuse_zero,
    rescaled,
    unfolded,
)
from tnsim.canonical.wiring import Step, path, rooted


def orthogonalised(state: TreeState, centre: int = 0) -> TreeState:
    """The same state with its centre at a core, whose norm is 1: |psi| = exp(log_scale).

    From a known centre only the cores between are touched. Raises ValueError for an unknown core and a state that is
    zero.
    """
    if not 0 <= centre < len(state.cores):
        raise ValueError(f"centre: wanted a core of 0..{len(state.cores) - 1}, found {centre}")
    steps = rooted(state.wiring, centre) if state.centre is None else path(state.wiring, state.centre, centre)
    cores, log_scale = stepped(state, steps)
    xp = namespace(state)
    norm = xp.sqrt(xp.vdot(cores[centre], cores[centre]).real)
    refuse_zero(norm)
    cores[centre] = cores[centre] / norm
    return state.with_cores(cores, centre, log_scale + xp.log(norm))


def stepped(state: TreeState, steps: Iterable[Step]) -> tuple[list[Core], Any]:
    """The cores after one orthogonal step along each bond, and the scale taken out of them."""
    xp, cores, log_scale = namespace(state), list(state.cores), state.log_scale
    for step in steps:
        cores[step.core], right = isometry(xp, cores[step.core], step.axis)
        right, log = rescaled(xp, right)
        cores[step.onto] = absorbed(xp, cores[step.onto], step.at, right)
        log_scale = log_scale + log
    return cores, log_scale


def isometry(xp, core: Core, axis: int) -> tuple[Core, Core]:
    """(the core with an orthonormal leg, what is left (k, r))."""
    matrix = unfolded(xp, core, axis)
    rows, columns = matrix.shape
    if rows <= columns:  # the identity is an isometry, and has a gradient where QR of a wide matrix has none
        return refolded(xp, xp.eye(rows, dtype=matrix.dtype), core, axis), matrix
    q, r = xp.linalg.qr(matrix)
    return refolded(xp, q, core, axis), r


def centre_at_bond(state: TreeState, bond: int) -> TreeState:
    """The centre at one of a bond's two cores, the nearer one if there is a centre."""
    one, other = state.wiring.ends[bond]
    if state.centre is None:
        return orthogonalised(state, one)
    distance = {core: len(path(state.wiring, state.centre, core)) for core in (one, other)}
    return orthogonalised(state, min(distance, key=distance.__getitem__))
