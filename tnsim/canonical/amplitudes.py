"""Amplitudes of configurations and what a Born machine gives them, many at once. Uses state.

    v[n, r]    on a bond: what is below it, its sites at the values of configuration n       p(x) = |psi(x)|^2 / |psi|^2
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float, Int, Num

from tnsim.banks import AnyArray
from tnsim.canonical.overlap import log_norm
from tnsim.canonical.state import Core, TreeState, namespace
from tnsim.canonical.wiring import children, rooted

CHUNK = 2**23  # numbers formed at once


class Amplitudes(NamedTuple):
    """value * exp(log_scale), one for each configuration."""

    value: Num[AnyArray, "n"]
    log_scale: Float[AnyArray, "n"]


def amplitudes(state: TreeState, configurations: Int[AnyArray, "n sites"]) -> Amplitudes:
    """psi of configurations (n, sites). Raises ValueError for another shape, and values that sites do not have."""
    xp = namespace(state)
    x = check_configurations(state, configurations)
    if xp is jnp:
        return _amplitudes(state, x)
    rows = max(1, CHUNK // max(core.size for core in state.cores))
    parts = [_amplitudes(state, x[start : start + rows]) for start in range(0, max(len(x), 1), rows)]
    return Amplitudes(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def log_likelihood(state: TreeState, configurations: Int[AnyArray, "n sites"]) -> Float[AnyArray, "n"]:
    """ln(|psi(x)|^2 / |psi|^2) of each configuration, -inf where psi(x) is zero; traced with JAX cores.

    Raises ValueError as `amplitudes`, and for a state that is zero.
    """
    xp = namespace(state)
    value, log_scale = amplitudes(state, configurations)
    with np.errstate(divide="ignore"):
        return 2 * (xp.log(xp.abs(value)) + log_scale - log_norm(state))


def check_configurations(state: TreeState, configurations):
    shape = tuple(configurations.shape)
    if len(shape) != 2 or shape[1] != state.sites:
        raise ValueError(f"configurations: wanted shape (n, {state.sites}), found {shape}")
    if isinstance(configurations, np.ndarray) and len(configurations):
        wrong = (configurations < 0) | (configurations >= np.array(state.dims))
        if wrong.any():
            row, site = (int(i) for i in np.argwhere(wrong)[0])
            raise ValueError(
                f"configurations: site {site}: wanted 0..{state.dims[site] - 1}, found {configurations[row, site]}"
            )
    return configurations


def _amplitudes(state: TreeState, x) -> Amplitudes:
    xp, parts = namespace(state), children(state.wiring, 0)
    vectors: dict[int, Core] = {}
    total = xp.zeros(len(x)) + state.log_scale
    for core, axis in [*((step.core, step.axis) for step in rooted(state.wiring, 0)), (0, None)]:
        v = _with_vectors(xp, state, core, {step.at: vectors.pop(step.core) for step in parts[core]}, x)
        v = v if axis is not None else v[:, None]
        peak = xp.abs(v).max(axis=1)
        peak = lax.stop_gradient(peak) if xp is jnp else peak
        peak = xp.where(peak > 0, peak, 1)
        vectors[core], total = v / peak[:, None], total + xp.log(peak)
    return Amplitudes(vectors[0][:, 0], total)


def _with_vectors(xp, state: TreeState, core: int, vectors: dict[int, Core], x) -> Core:
    """A core with what is below it, and its sites at their values: (n, r), or (n,) at the root."""
    array, legs = state.cores[core], state.wiring.legs[core]
    bonds = list(vectors)
    sites = [axis for axis, leg in enumerate(legs) if leg < 0]
    up = [axis for axis in range(array.ndim) if axis not in bonds and axis not in sites]
    array = xp.transpose(array, [*bonds, *sites, *up])
    if bonds:  # vectors before values, so that n numbers a bond are formed and no n matrices
        array = xp.tensordot(vectors[bonds[0]], array, axes=(1, 0))
        for bond in bonds[1:]:
            array = xp.einsum("na,na...->n...", vectors[bond], array)
    if not bonds and not sites:
        return xp.broadcast_to(array, (len(x), *array.shape))
    rows = (xp.arange(len(x)),) if bonds else ()
    return array[(*rows, *(x[:, ~legs[axis]] for axis in sites))]
