"""Reduced density matrices of a few sites. Uses orthogonal.

    X[D, D', a, b]    on a bond: D, D' configurations (ket, bra) of the kept sites below it, (a, b) the bond (ket, bra)

The centre goes to a core among them; branches without kept sites are isometries and drop out. Under a trace they stay
as Gram matrices X (D = 1) instead: those are smooth everywhere, where QR has no gradient at bonds that are too wide.
"""

from __future__ import annotations

from math import prod

from jaxtyping import Num

from tnsim import memory
from tnsim.banks import AnyArray
from tnsim.canonical.orthogonal import orthogonalised
from tnsim.canonical.state import Sites, TreeState, check_sites, is_traced, measured, namespace, rescaled
from tnsim.canonical.wiring import children, rooted


def reduced_density_matrix(
    state: TreeState, sites: Sites, limit: str | float | None = None
) -> Num[AnyArray, "D D"]:
    """rho of `sites`, in the order given (the first is the slowest digit), trace 1.

    Raises ValueError for unknown sites, none, and a state that is zero; MemoryLimitError where it does not fit.
    """
    kept, state = check_sites(state, sites), measured(state)
    if not kept:
        raise ValueError("sites: wanted at least one, found none")
    D = prod(state.dims[site] for site in kept)
    memory.check(
        64.0 * D**2 * max(state.bond_dims, default=1) ** 2, limit, "reduced_density_matrix: of these sites",
        "Ways out: fewer sites; set_spectrum, which needs no matrix; a higher limit.",
    )  # fmt: skip
    root = state.wiring.homes[kept[0]][0]
    grams = is_traced(state)
    state = state if grams else orthogonalised(state, root)
    parts, below = children(state.wiring, root), dict[int, tuple[list[int], Num[AnyArray, "..."]]]()
    for core, axis in [*((step.core, step.axis) for step in rooted(state.wiring, root)), (root, None)]:
        met = [(step.at, *below.pop(step.core)) for step in parts[core] if step.core in below]
        own = [at for at, leg in enumerate(state.wiring.legs[core]) if leg < 0 and ~leg in kept]
        if met or own or grams:
            order, X = _opened(state, core, axis, met, own)
            below[core] = (order, rescaled(namespace(state), X)[0] if grams else X)
    order, X = below[root]
    dims = [state.dims[site] for site in order]
    rho = X.reshape(*dims, *dims)
    place = [order.index(site) for site in kept]
    rho = rho.transpose(*place, *(len(dims) + at for at in place)).reshape(D, D)
    return rho / rho.trace().real


def _opened(state: TreeState, core: int, axis: int | None, met, own) -> tuple[list[int], Num[AnyArray, "..."]]:
    """(kept sites below, X) of a core's upper leg."""
    array, legs, n = state.cores[core], state.wiring.legs[core], state.cores[core].ndim
    ket, bra = list(range(n)), list(range(n))
    sites, rows, columns, fresh = list[int](), list[int](), list[int](), n
    operands: list = []
    for at in [*own, *([axis] if axis is not None else [])]:
        bra[at], fresh = fresh, fresh + 1
    for at, inner, X in met:
        bra[at], D, E, fresh = fresh, fresh + 1, fresh + 2, fresh + 3
        sites, rows, columns = [*sites, *inner], [*rows, D], [*columns, E]
        operands += [X, [D, E, at, bra[at]]]
    sites += [~legs[at] for at in own]
    rows, columns = [*rows, *own], [*columns, *(bra[at] for at in own)]
    bond = [] if axis is None else [axis, bra[axis]]
    X = namespace(state).einsum(array, ket, array.conj(), bra, *operands, [*rows, *columns, *bond], optimize="greedy")
    D = prod(X.shape[: len(rows)])
    return sites, X.reshape(D, D, *X.shape[2 * len(rows) :])
