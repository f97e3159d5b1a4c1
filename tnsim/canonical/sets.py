"""Any set of sites of a tree against the rest: spectra, entropies, mutual information. Uses state.

    C[a, b, r]    on a bond: a what the sites of A below it span, b those of the rest, each by an orthogonal step

Cost and memory are set by the ranks of a and b below each bond; sets that meet few bonds are cheap. Under a trace all
of it has gradients where no bond is wider than the state's rank there.
"""

from __future__ import annotations

from math import e, log
from typing import Any

import numpy as np
from jaxtyping import Num

from tnsim import memory
from tnsim.banks import AnyArray
from tnsim.canonical.orthogonal import orthogonalised
from tnsim.canonical.state import Sites, TreeState, check_sites, measured, namespace
from tnsim.canonical.wiring import children, rooted
from tnsim.entanglement.spectrum import Spectrum, renyi

Carried = Num[AnyArray, "_ _ _"]  # (a, b, r)


def set_spectrum(state: TreeState, A: Sites, limit: str | float | None = None) -> Spectrum:
    """The Schmidt spectrum of the sites A against all others; of none or all of them the one value 1.

    error_bound is that of the steps from the orthogonal form on. Raises ValueError for unknown sites and a state that
    is zero, MemoryLimitError where a step does not fit.
    """
    inside = set(check_sites(state, A, "A"))
    root = len(state.cores) // 2
    state = orthogonalised(measured(state), root)
    xp = namespace(state)
    parts = children(state.wiring, root)
    carried: dict[int, Carried] = {}
    for core, axis in [*((step.core, step.axis) for step in rooted(state.wiring, root)), (root, None)]:
        below = [(step.at, carried.pop(step.core)) for step in parts[core]]
        C = _joined(state, core, below, axis, inside, limit)
        carried[core] = _narrowed(xp, _narrowed(xp, C, 0), 1)
    values = xp.linalg.svd(carried[root][:, :, 0], compute_uv=False)
    error = 8 * float(np.finfo(values.dtype).eps) * len(state.cores) * len(values) ** 0.5
    return Spectrum(values / xp.linalg.norm(values), state.log_scale, error)


def _joined(state: TreeState, core: int, below, axis: int | None, inside: set[int], limit) -> Carried:
    """C of a core with those of its lower bonds: legs of A to a, the others to b."""
    array, legs = state.cores[core], state.wiring.legs[core]
    names: list[int] = list(range(array.ndim))
    operands, a, b, fresh = [array, names], list[int](), list[int](), array.ndim
    size = array.size / array.shape[axis] if axis is not None else array.size
    for leg, (at, C) in enumerate(below):
        operands += [C, [fresh + 2 * leg, fresh + 2 * leg + 1, at]]
        a, b = [*a, fresh + 2 * leg], [*b, fresh + 2 * leg + 1]
        size *= C.shape[0] * C.shape[1] / C.shape[2]
    for at, leg in enumerate(legs):
        if leg < 0:
            (a if ~leg in inside else b).append(at)
    r = 1 if axis is None else array.shape[axis]
    memory.check(
        3.0 * array.itemsize * size * r, limit, f"set_spectrum: what the sites below core {core} span",
        "Ways out: a set of fewer or of neighbouring sites; compressed(state, width) first; a higher limit.",
    )  # fmt: skip
    out = [*a, *b, *([axis] if axis is not None else [])]
    found = namespace(state).einsum(*operands, out, optimize="greedy" if len(below) > 1 else False)
    rows = int(np.prod([found.shape[i] for i in range(len(a))], dtype=np.int64))
    return found.reshape(rows, -1, r)


def _narrowed(xp, C: Carried, axis: int) -> Carried:
    """The same with a (or b) in an orthonormal basis of what it spans with all the rest, if that is smaller."""
    side = xp.moveaxis(C, axis, 0)
    matrix = side.reshape(len(side), -1)
    if len(matrix) <= matrix.shape[1]:
        return C
    small: Any = xp.linalg.qr(matrix, mode="r")
    return xp.moveaxis(small.reshape(len(small), *side.shape[1:]), 0, axis)


def entropy(state: TreeState, A: Sites, order: float = 1, base: float = e, limit=None) -> Any:
    """Entropy (Renyi of `order`) of a set of sites in the pure state, in nats unless base=. Raises as set_spectrum."""
    return renyi(set_spectrum(state, A, limit).probabilities, order) / log(base)


def mutual_information(
    state: TreeState, X: Sites, Y: Sites, order: float = 1, base: float = e, limit=None
) -> Any:
    """S(X) + S(Y) - S(XY) of two sets of sites. Raises ValueError where they share a site or one is empty."""
    one, other = check_sites(state, X, "X"), check_sites(state, Y, "Y")
    if not one or not other or set(one) & set(other):
        raise ValueError(f"X, Y: wanted two sets, none empty and no site in both, found {one} and {other}")
    S = [entropy(state, sites, order, base, limit) for sites in (one, other, [*one, *other])]
    return S[0] + S[1] - S[2]
