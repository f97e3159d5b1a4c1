"""Sums, multiples and projections of states, and operators at sites: new states on the same tree. Uses state.

    one + other: on every bond the dimensions add up, (r1 + r2), block by block
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tnsim.canonical.overlap import check_alike, log_norm
from tnsim.canonical.state import Core, TreeState, absorbed, at_sites, check_operators, check_sites, namespace


def added(one: TreeState, other: TreeState) -> TreeState:
    """one + other; bonds of r1 + r2. Raises ValueError for different trees."""
    check_alike(one, other)
    xp = namespace(one, other)
    top = xp.maximum(one.log_scale, other.log_scale)
    pairs = [list(pair) for pair in zip(one.cores, other.cores, strict=True)]
    pairs[0] = [core * xp.exp(x.log_scale - top) for core, x in zip(pairs[0], (one, other), strict=True)]
    cores = [_blocks(xp, a, b, legs) for (a, b), legs in zip(pairs, one.wiring.legs, strict=True)]
    return one.with_cores(cores, None, top)


def _blocks(xp, a: Core, b: Core, legs: tuple[int, ...]) -> Core:
    """The direct sum on bonds; site legs are common."""
    after = [(0, b.shape[axis]) if leg >= 0 else (0, 0) for axis, leg in enumerate(legs)]
    before = [(a.shape[axis], 0) if leg >= 0 else (0, 0) for axis, leg in enumerate(legs)]
    return xp.pad(a, after) + xp.pad(b, before)


def scaled(state: TreeState, factor: Any) -> TreeState:
    """factor * state; the centre stays."""
    at = state.centre or 0
    cores = [core * factor if number == at else core for number, core in enumerate(state.cores)]
    return state.with_cores(cores, state.centre, state.log_scale)


def normalised(state: TreeState) -> TreeState:
    """state / |state|, the centre where it is. Raises ValueError for a state that is zero."""
    return state.with_cores(state.cores, state.centre, state.log_scale - log_norm(state))


def applied(state: TreeState, operators: Mapping[int, Core]) -> TreeState:
    """One-site operators {site: (d, d)}, all at once: their product on the state.

    Raises ValueError for unknown sites and operators of another shape.
    """
    found = check_operators(state, operators)
    xp = namespace(state)
    return at_sites(state, {site: partial(_through, xp, operator) for site, operator in found.items()})


def _through(xp, operator: Core, core: Core, axis: int) -> Core:
    return absorbed(xp, core, axis, operator)


def projected(state: TreeState, given: Mapping[int, int]) -> TreeState:
    """The state with some sites at given values; these sites keep a leg of dimension 1, and it is not normalised.

    Raises ValueError for unknown sites and values.
    """
    sites = check_sites(state, given, "given")
    for site, value in zip(sites, given.values(), strict=True):
        if not 0 <= int(value) < state.dims[site]:
            raise ValueError(f"given: site {site}: wanted one of 0..{state.dims[site] - 1}, found {value}")
    return at_sites(state, {site: _taken(int(value)) for site, value in zip(sites, given.values(), strict=True)})


def _taken(value: int) -> Callable[[Core, int], Core]:
    """One value of a leg, which stays with dimension 1."""
    return lambda core, axis: core[(slice(None),) * axis + (slice(value, value + 1),)]
