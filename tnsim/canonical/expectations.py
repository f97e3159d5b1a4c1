"""Expectations of products of one-site operators, and correlators of all pairs of sites. Uses overlap.

    <O_i P_j>:   X_i[n, a, b]   on a bond: Gram matrices (bra, ket) with O at site i of those below, all i at once

Where two branches meet, what one of them holds closes the core, and what is left meets the other: one product of
matrices for all pairs of sites there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Num

from tnsim import memory
from tnsim.banks import AnyArray
from tnsim.canonical.arithmetic import applied
from tnsim.canonical.orthogonal import orthogonalised
from tnsim.canonical.overlap import overlap
from tnsim.canonical.state import TreeState, absorbed, check_operators, measured, namespace, refuse_zero
from tnsim.canonical.wiring import children, rooted

Stack = Num[AnyArray, "n _ _"]  # (n, bra, ket)


def expectation(state: TreeState, operators: Mapping[int, Num[AnyArray, "d d"]]) -> Any:
    """<psi| product of one-site operators |psi> / <psi|psi>: {site: (d, d)}; none at all give 1.

    Traced with JAX cores. Raises ValueError for unknown sites, operators of another shape and a state that is zero.
    """
    xp = namespace(state)
    value, log_scale = overlap(state, applied(state, operators))
    norm, log_norm = overlap(state, state)
    refuse_zero(norm.real)
    return value / norm.real * xp.exp(log_scale - log_norm)


class Part(NamedTuple):
    """What meets at a core on one leg: of its sites the Gram matrices with O at one of them, and with P."""

    axis: int
    sites: tuple[int, ...]
    O: Stack
    P: Stack


def correlators(
    state: TreeState, O: Num[AnyArray, "d d"], P: Num[AnyArray, "d d"] | None = None, limit=None
) -> Num[AnyArray, "sites sites"]:
    """<O_i P_j> of all pairs of sites, of one dimension (P: O itself unless given); on the diagonal <(O P)_i>.

    Traced with JAX cores; its gradient wants bonds no wider than the state's rank there, as QR has none else.
    Raises ValueError for operators of another shape and a state that is zero, MemoryLimitError.
    """
    state = measured(state)
    xp = namespace(state)
    O = xp.asarray(O)
    P = O if P is None else xp.asarray(P)
    for operator in (O, P):
        check_operators(state, dict.fromkeys(range(state.sites), operator))
    widest = max(state.bond_dims, default=1)
    memory.check(
        48.0 * state.sites * max(core.size for core in state.cores) * widest, limit,
        "correlators: operators at all sites, below a bond",
        "Ways out: compressed(state, width) first; expectation of some pairs; a higher limit.",
    )  # fmt: skip
    root = len(state.cores) // 2  # of a chain the middle, which halves the work
    state = orthogonalised(state, root)
    found = xp.zeros((state.sites,) * 2, dtype=xp.result_type(state.cores[0], O, P))
    around, below = _around(state, root), dict[int, Part]()
    parts = children(state.wiring, root)
    for core, axis in [*((step.core, step.axis) for step in rooted(state.wiring, root)), (root, None)]:
        own = [_site(leg, at, O, P) for at, leg in enumerate(state.wiring.legs[core]) if leg < 0]
        met = [below.pop(step.core)._replace(axis=step.at) for step in parts[core]] + own
        ket = state.cores[core]
        closed = ket if axis is None else absorbed(xp, ket, axis, around[core])
        for one in met:
            for other in met:
                if one is not other and one.sites and other.sites:
                    found = _put(found, np.ix_(one.sites, other.sites), _meeting(xp, ket, closed, one, other))
        for part in own:
            found = _put(found, part.sites * 2, xp.vdot(ket, absorbed(xp, closed, part.axis, O @ P)))
        if axis is not None:
            below[core] = _lifted(xp, ket, axis, met)
    return found


def _put(found, at, block):
    """found[at] = block, where arrays can be written to and where they cannot."""
    if not isinstance(found, np.ndarray):
        return found.at[at].set(block)
    found[at] = block
    return found


def _site(leg: int, axis: int, O, P) -> Part:
    once = O[None]
    return Part(axis, (~leg,), once, once if P is O else P[None])


def _around(state: TreeState, root: int) -> dict[int, Num[AnyArray, "_ _"]]:
    """Of every core the Gram matrix (bra, ket) of all that lies above its upper leg; below all are isometries."""
    xp, found = namespace(state), dict[int, Num[AnyArray, "_ _"]]()
    up = {step.core: step.axis for step in rooted(state.wiring, root)}
    for step in reversed(rooted(state.wiring, root)):
        bra = ket = state.cores[step.onto]
        if step.onto != root:
            ket = absorbed(xp, ket, up[step.onto], found[step.onto])
        rest = [leg for leg in range(ket.ndim) if leg != step.at]
        found[step.core] = xp.tensordot(bra.conj(), ket, axes=(rest, rest))
    return found


def _meeting(xp, bra, ket, one: Part, other: Part):
    """<O_i P_j> for i of one part and j of another."""
    rest = [leg for leg in range(bra.ndim) if leg not in (one.axis, other.axis)]
    order = [one.axis, other.axis, *rest]
    bra, ket = (xp.transpose(x, order).reshape(x.shape[one.axis], x.shape[other.axis], -1) for x in (bra.conj(), ket))
    met = xp.tensordot(one.O, ket, axes=(2, 0))  # (n, a, other, rest)
    met = xp.tensordot(met, bra, axes=([1, 3], [0, 2]))  # (n, other of ket, other of bra)
    return met.reshape(len(met), -1) @ other.P.swapaxes(1, 2).reshape(len(other.P), -1).T


def _lifted(xp, core, axis: int, met: list[Part]) -> Part:
    """The parts of a core on its upper leg; all that they do not hold is an isometry."""
    sites = tuple(site for part in met for site in part.sites)
    none = xp.zeros((0, core.shape[axis], core.shape[axis]), core.dtype)  # branches without sites have no stack
    O = xp.concatenate([none, *(_through(xp, core, axis, part.axis, part.O) for part in met)])
    if all(part.P is part.O for part in met):
        return Part(axis, sites, O, O)
    P = xp.concatenate([none, *(_through(xp, core, axis, part.axis, part.P) for part in met)])
    return Part(axis, sites, O, P)


def _through(xp, core, axis: int, at: int, stack: Stack) -> Stack:
    rest = [leg for leg in range(core.ndim) if leg not in (axis, at)]
    x = xp.transpose(core, [at, axis, *rest]).reshape(core.shape[at], core.shape[axis], -1)
    up = xp.tensordot(stack, x, axes=(2, 0))  # (n, a, r, rest)
    return xp.tensordot(up, x.conj(), axes=([1, 3], [0, 2])).swapaxes(1, 2)  # (n, bra, ket)
