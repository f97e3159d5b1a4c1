"""The terms of a Hamiltonian on a tree, bond by bond. Uses hamiltonian. Used by energies and tree_dmrg.

    of a bond, by key, matrices (bra, ket) of what lies on one side of it:
        NOTHING                    the norm; None stands for the identity, where all there are isometries
        DONE                       the sum of all terms that lie there
        ((site, operator), ..)     what a term that goes on has there, one matrix for all terms that share it

         X_a --o-- X_b             a core joins them: of each key above it a sum of coefficient * product over its legs,
               |                   which are its moves; a site is a leg too, its matrices the operators
               X                   H between open legs is the sum that DONE would be

A product operator of the tree, of which only the entries that are not zero are held.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from tnsim.canonical.state import Core, absorbed
from tnsim.canonical.wiring import Wiring, rooted
from tnsim.physics.hamiltonian import Hamiltonian, Term

Key = tuple  # NOTHING, DONE, factors of a term; of two layers, a pair of them
NOTHING: Key = ()
DONE: Key = ("done",)
Environment = dict[Key, Any]


class Move(NamedTuple):
    """coefficient * product over legs {axis: key}, each leg named."""

    coefficient: float
    keys: Mapping[int, Key]


Moves = dict[Key, list[Move]]


def moves(H: Hamiltonian, sides: Mapping[int, frozenset[int]]) -> Moves:
    """How terms go on from the legs of a core, {axis: sites beyond}, to the rest of the tree."""
    none, here = dict.fromkeys(sides, NOTHING), frozenset[int]().union(*sides.values())
    done = [
        Move(1.0, {**none, axis: DONE})
        for axis, sites in sides.items() if any(sites.issuperset(term.sites) for term in H.terms)
    ]  # fmt: skip
    found: Moves = {NOTHING: [Move(1.0, none)]}
    for term in H.terms:
        split = {axis: _factors(term, sites) for axis, sites in sides.items()}
        inside, parts = _factors(term, here), sum(map(bool, split.values()))
        if parts and len(inside) < len(term.sites):
            found.setdefault(inside, [Move(1.0, split)])
        elif parts > 1:  # else it was done before, or lies elsewhere
            done.append(Move(term.coefficient, split))
    return found | ({DONE: done} if done else {})


def _factors(term: Term, sites: frozenset[int]) -> Key:
    return tuple(factor for factor in zip(term.sites, term.operators, strict=True) if factor[0] in sites)


def squared(once: Moves) -> Moves:
    """Of H^2: keys are pairs, one of each H."""
    return {
        (a, b): [Move(x.coefficient * y.coefficient, {at: (x.keys[at], y.keys[at]) for at in x.keys})
                 for x in first for y in second]
        for a, first in once.items() for b, second in once.items()
    }  # fmt: skip


def of_site(xp, H: Hamiltonian, site: int) -> Environment:
    """Of a site's leg: operators of terms that go on, and the sum of those that are of this site alone."""
    own: Environment = {NOTHING: None}
    for term in H.terms:
        for at, operator in zip(term.sites, term.operators, strict=True):
            if at == site and len(term.sites) == 1:
                own[DONE] = own.get(DONE, 0) + term.coefficient * xp.asarray(H.operators[operator])
            elif at == site:
                own[((site, operator),)] = xp.asarray(H.operators[operator])
    return own


def squared_site(once: Environment) -> Environment:
    """`of_site` for H^2: products of two operators."""
    product = lambda a, b: b if a is None else a if b is None else a @ b  # noqa: E731
    return {(a, b): product(once[a], once[b]) for a in once for b in once}


def lifted(xp, core: Core, axis: int | None, met: Mapping[int, Environment], ways: Moves) -> Environment:
    """What meets at a core, on its leg `axis`; of None the numbers."""
    return {
        key: sum(x.coefficient * _closed(xp, core, axis, {at: met[at][k] for at, k in x.keys.items()}) for x in some)
        for key, some in ways.items()
    }


def _closed(xp, core: Core, axis: int | None, matrices: Mapping[int, Core | None]) -> Core:
    """(bra, ket) on the leg `axis`, matrices (bra, ket) on the others; None stands for the identity."""
    ket = core
    for at, matrix in matrices.items():
        ket = ket if matrix is None else absorbed(xp, ket, at, matrix)
    rest = [leg for leg in range(core.ndim) if leg != axis]
    return xp.tensordot(core.conj(), ket, axes=(rest, rest))


@lru_cache(maxsize=512)
def beyond(wiring: Wiring) -> tuple[tuple[frozenset[int], ...], ...]:
    """Of every leg of every core the sites that lie there: on the other side of a bond, or the site itself."""
    found = [[frozenset([~leg]) for leg in legs] for legs in wiring.legs]
    for step in rooted(wiring, 0):
        others = [sites for at, sites in enumerate(found[step.core]) if at != step.axis]
        found[step.onto][step.at] = frozenset[int]().union(*others)
        found[step.core][step.axis] = frozenset(range(wiring.sites)) - found[step.onto][step.at]
    return tuple(tuple(legs) for legs in found)
