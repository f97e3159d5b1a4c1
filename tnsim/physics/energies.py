"""The energy of any tree, a plain function of its cores, and its variance. Uses environments. Used by descent, dmrg."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from tnsim.canonical.orthogonal import orthogonalised
from tnsim.canonical.state import TreeState, concrete, namespace, refuse_zero
from tnsim.canonical.wiring import children, rooted
from tnsim.physics.environments import (
    DONE,
    NOTHING,
    Environment,
    beyond,
    lifted,
    moves,
    of_site,
    squared,
    squared_site,
)
from tnsim.physics.hamiltonian import Hamiltonian
from tnsim.physics.operators import chain_energy_and_variance, check_dims


def energy(H: Hamiltonian, state: TreeState) -> Any:
    """<psi|H|psi> / <psi|psi> of a tree; traced with JAX cores. Raises ValueError for other sites and zero."""
    check_dims(H, state)
    top = _folded(namespace(state), H, state, twice=False)
    refuse_zero(top[NOTHING].real)
    return top[DONE].real / top[NOTHING].real


def energy_and_variance(H: Hamiltonian, state: TreeState) -> tuple[float, float]:
    """(<H>, <H^2> - <H>^2) of a tree; the variance within about 1e-15 <H>^2.

    Of a chain by its product operator; of other trees by all pairs of the terms that are under way at each bond.
    Raises ValueError for other sites, a state that is zero and one that is traced.
    """
    check_dims(H, state)
    if state.wiring.is_chain:
        return chain_energy_and_variance(H, state)
    unit = orthogonalised(concrete(state, "energy_and_variance"), 0)
    top = _folded(np, H, unit, twice=True)
    norm, once, twice = (float(top[key].real) for key in ((NOTHING, NOTHING), (DONE, NOTHING), (DONE, DONE)))
    return once / norm, twice / norm - (once / norm) ** 2


def _folded(xp, H: Hamiltonian, state: TreeState, twice: bool) -> Environment:
    """What all of the tree is by key, over the norm's peak at every core; twice: of H^2."""
    wiring, sides = state.wiring, beyond(state.wiring)
    parts, below = children(wiring, 0), dict[int, Environment]()
    for core, axis in [*((step.core, step.axis) for step in rooted(wiring, 0)), (0, None)]:
        met = {step.at: below.pop(step.core) for step in parts[core]}
        for at, leg in enumerate(wiring.legs[core]):
            if leg < 0:
                own = of_site(xp, H, ~leg)
                met[at] = squared_site(own) if twice else own
        ways = moves(H, {at: sides[core][at] for at in met})
        found = lifted(xp, state.cores[core], axis, met, squared(ways) if twice else ways)
        peak = xp.abs(found[(NOTHING, NOTHING) if twice else NOTHING]).max()
        peak = jnp.where(peak > 0, lax.stop_gradient(peak), 1) if xp is jnp else (peak or 1.0)
        below[core] = {key: x / peak for key, x in found.items()}
    return below[0]
