"""The energy of any tree, as a plain function of its cores. Uses hamiltonian. Used by descent.

    on a bond, (bra, ket) of what is below:    G     the norm
                                               H     all terms that are done
                                               X_k   terms that are under way, one for each beginning that they share
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax

from tnsim.canonical.state import Core, TreeState, absorbed, namespace, refuse_zero
from tnsim.canonical.wiring import children, rooted
from tnsim.physics.hamiltonian import Hamiltonian, Term
from tnsim.physics.operators import check_dims

Begun = tuple[tuple[int, int], ...]  # (site, operator), what a term has below a bond


class Below(NamedTuple):
    """What is below a bond, or an open leg: G is None where it is the identity."""

    G: Any
    H: Any
    begun: Mapping[Begun, Core]
    sites: frozenset[int]


def energy(H: Hamiltonian, state: TreeState) -> Any:
    """<psi|H|psi> / <psi|psi> of a tree; traced with JAX cores. Raises ValueError for other sites and zero."""
    check_dims(H, state)
    xp, wiring = namespace(state), state.wiring
    parts, below = children(wiring, 0), dict[int, Below]()
    for core, axis in [*((step.core, step.axis) for step in rooted(wiring, 0)), (0, None)]:
        met = {step.at: below.pop(step.core) for step in parts[core]}
        for at, leg in enumerate(wiring.legs[core]):
            if leg < 0:
                met[at] = _site(xp, H, ~leg)
        below[core] = _joined(xp, H, state.cores[core], axis, met)
    top = below[0]
    refuse_zero(top.G.real)
    return top.H.real / top.G.real


def _site(xp, H: Hamiltonian, site: int) -> Below:
    own = {k for term in H.terms for s, k in _factors(term) if s == site}
    begun: dict[Begun, Core] = {((site, k),): xp.asarray(H.operators[k]) for k in own}
    return Below(None, None, begun, frozenset([site]))


def _factors(term: Term):
    return zip(term.sites, term.operators, strict=True)


def _joined(xp, H: Hamiltonian, core: Core, axis: int | None, met: Mapping[int, Below]) -> Below:
    """All that meets at a core, on its upper leg, over the norm's peak."""
    sites = frozenset().union(*(part.sites for part in met.values()))
    grams = {at: part.G for at, part in met.items()}
    G = _closed(xp, core, axis, grams)
    total = [_closed(xp, core, axis, {**grams, at: part.H}) for at, part in met.items() if part.H is not None]
    begun: dict[Begun, Core] = {}
    for term in H.terms:
        inside = tuple((s, k) for s, k in _factors(term) if s in sites)
        ends = len(inside) == len(term.sites)  # another term may begin alike and go on
        if not inside or _was_done(term, met) or (inside in begun and not ends):
            continue
        own = {at: tuple((s, k) for s, k in inside if s in part.sites) for at, part in met.items()}
        through = _closed(xp, core, axis, {at: met[at].begun[key] if key else grams[at] for at, key in own.items()})
        if ends:
            total.append(term.coefficient * through)
        else:
            begun[inside] = through
    peak = xp.abs(G).max()
    peak = jnp.where(peak > 0, lax.stop_gradient(peak), 1) if xp is jnp else (peak or 1.0)
    done = sum(total) / peak if total else None
    return Below(G / peak, done, {key: x / peak for key, x in begun.items()}, sites)


def _was_done(term: Term, met: Mapping[int, Below]) -> bool:
    """Whether one of the bonds below has the whole term in its H already."""
    return any(part.sites.issuperset(term.sites) for part in met.values() if part.G is not None)


def _closed(xp, core: Core, axis: int | None, matrices: Mapping[int, Core | None]) -> Core:
    """(bra, ket) on the upper leg, matrices (bra, ket) on the others; None stands for the identity."""
    ket = core
    for at, matrix in matrices.items():
        ket = ket if matrix is None else absorbed(xp, ket, at, matrix)
    rest = [leg for leg in range(core.ndim) if leg != axis]
    return xp.tensordot(core.conj(), ket, axes=(rest, rest))
