"""Schmidt values of one bond or of all, and what the bonds' entropies are. Uses factors.

All bonds cost one walk up and one down, where a centre moved from bond to bond would form every Q on the way. Of JAX
cores they are traced: a singular value has a gradient even where two are equal.
"""

from __future__ import annotations

from math import e, log

import numpy as np
from jaxtyping import Float

from tnsim.banks import AnyArray
from tnsim.canonical.factors import factors
from tnsim.canonical.orthogonal import centre_at_bond
from tnsim.canonical.state import TreeState, check_bond, measured, namespace, unfolded
from tnsim.entanglement.spectrum import Spectrum, renyi


def schmidt(state: TreeState, bond: int) -> Spectrum:
    """The Schmidt spectrum across one bond (bond i of a chain: sites 0..i against the rest).

    Raises ValueError for an unknown bond and a state that is zero.
    """
    bond, state = check_bond(state, bond), measured(state)
    if state.centre is None:
        return spectra(state)[bond]
    xp, centred = namespace(state), centre_at_bond(state, bond)
    at = centred.centre or 0
    values = xp.linalg.svd(unfolded(xp, centred.cores[at], state.wiring.legs[at].index(bond)), compute_uv=False)
    steps = 8 * float(np.finfo(values.dtype).eps) * len(state.cores) * len(values) ** 0.5
    return Spectrum(values / xp.linalg.norm(values), centred.log_scale, steps)


def spectra(state: TreeState) -> list[Spectrum]:
    """The Schmidt spectra across all bonds, by one walk up and one down. Raises ValueError for a state that is zero."""
    xp, found = namespace(measured(state)), factors(state)
    values = [xp.linalg.svd(R @ F.T, compute_uv=False) for R, F in zip(found.below, found.above, strict=True)]
    return [Spectrum(s / xp.linalg.norm(s), found.log_norm, found.error_bound) for s in values]


def entropies(state: TreeState, order: float = 1, base: float = e) -> Float[AnyArray, "bonds"]:
    """Entropies across all bonds (order 1: von Neumann), in nats unless base=. Raises as `spectra`."""
    xp = namespace(measured(state))
    return xp.array([renyi(spectrum.probabilities, order) / log(base) for spectrum in spectra(state)])
