"""A loop-free state of dense cores: every matrix product state and tree tensor network is one. Uses wiring.

         r                    psi = exp(log_scale) * (all cores, contracted over their bonds)
         |
     a --o-- b                a core: one axis a leg, as `wiring.legs` names them
         |
         d

NumPy cores are float64 or complex128 and are worked on in NumPy, where no shape costs a compilation. JAX cores keep
their precision, and what is made of them is traced: jit, grad and vmap (over states stacked leaf by leaf) take it.
Measures of JAX cores outside of a trace are computed in NumPy, in double precision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Int, Num

from tnsim import memory
from tnsim.banks import AnyArray
from tnsim.canonical.wiring import ALTERNATIVES, Wiring, chain_wiring

Core = Num[AnyArray, "..."]
Sites = Iterable[int] | Int[AnyArray, "_"]


@partial(jax.tree_util.register_dataclass, data_fields=["cores", "log_scale"], meta_fields=["wiring", "centre"])
@dataclass(frozen=True, eq=False)
class TreeState:
    """Cores and how they are joined; a pytree of its cores and log_scale.

    centre: the core towards which all others are isometries, None where they are not: |psi| is then that core's norm
    times exp(log_scale).
    """

    cores: tuple[Any, ...]
    wiring: Wiring
    centre: int | None = None
    log_scale: Any = 0.0

    @property
    def sites(self) -> int:
        """How many sites."""
        return self.wiring.sites

    @property
    def dims(self) -> tuple[int, ...]:
        """Dimension of every site."""
        return tuple(self.cores[core].shape[axis] for core, axis in self.wiring.homes)

    @property
    def bond_dims(self) -> tuple[int, ...]:
        """Dimension of every bond."""
        starts = [(one, self.wiring.legs[one].index(bond)) for bond, (one, _) in enumerate(self.wiring.ends)]
        return tuple(self.cores[core].shape[axis] for core, axis in starts)

    @property
    def parameters(self) -> int:
        """Numbers in all cores."""
        return sum(core.size for core in self.cores)

    def with_cores(self, cores: Iterable[Core], centre: int | None = None, log_scale: Any = 0.0) -> TreeState:
        """Other cores on the same wiring."""
        return replace(self, cores=tuple(cores), centre=centre, log_scale=log_scale)

    def __repr__(self) -> str:
        widest = max(self.bond_dims, default=1)
        return f"TreeState({self.sites} sites, {len(self.cores)} cores, bonds up to {widest}, centre {self.centre})"


def tree_state(cores: Sequence[Core], wiring: Wiring, log_scale: float = 0.0) -> TreeState:
    """Checked: every axis has a leg, both ends of a bond one dimension, and numbers are finite.

    Raises ValueError where they are not. NumPy cores become float64 or complex128; where one is of JAX, all are.
    """
    if len(cores) != len(wiring.legs):
        raise ValueError(f"cores: wanted {len(wiring.legs)}, one for each of the wiring's, found {len(cores)}")
    sizes: dict[int, int] = {}
    for number, (core, legs) in enumerate(zip(cores, wiring.legs, strict=True)):
        if len(core.shape) != len(legs):
            raise ValueError(f"cores: core {number}: wanted {len(legs)} axes, found shape {tuple(core.shape)}")
        for axis, (leg, size) in enumerate(zip(legs, core.shape, strict=True)):
            if size < 1 or sizes.setdefault(leg, size) != size:
                raise ValueError(
                    f"cores: core {number}, axis {axis}: wanted {max(sizes[leg], 1)}, the dimension of "
                    f"{'bond' if leg >= 0 else 'site'} {leg if leg >= 0 else ~leg}, found {size}"
                )
    return TreeState(_of_one_kind(cores), wiring, None, log_scale)


def _of_one_kind(cores: Sequence[Core]) -> tuple[Core, ...]:
    if any(isinstance(core, jax.Array) for core in cores):
        kind = jnp.result_type(jnp.float32, *cores)
        return tuple(jnp.asarray(core, kind) for core in cores)
    kind = np.result_type(np.float64, *cores)
    wide = tuple(np.asarray(core, kind) for core in cores)
    for number, core in enumerate(wide):
        if not np.isfinite(core).all():
            raise ValueError(f"cores: core {number}: wanted finite numbers, found NaN or infinity")
    return wide


def chain(cores: Sequence[Core]) -> TreeState:
    """A matrix product state of open ends from arrays (left, d, right), or (d, right) and (left, d) at its ends.

    Raises ValueError for a ring (a bond from the last core to the first), and bonds that do not match.
    """
    if not len(cores):
        raise ValueError("cores: wanted at least one, found none")
    whole = list(cores)
    whole[0] = whole[0] if len(whole[0].shape) == 3 else whole[0][None]
    whole[-1] = whole[-1] if len(whole[-1].shape) == 3 else whole[-1][..., None]
    if any(len(core.shape) != 3 for core in whole):
        raise ValueError(f"cores: wanted shapes (left, d, right), found {[tuple(core.shape) for core in cores]}")
    left, right = whole[0].shape[0], whole[-1].shape[2]
    if (left, right) != (1, 1):
        ring = "a ring is a loop, and " + ALTERNATIVES if left == right else "these do not fit"
        raise ValueError(f"cores: wanted open ends of dimension 1, found {left} and {right}: {ring}")
    whole[0] = whole[0][0]
    whole[-1] = whole[-1][..., 0]
    return tree_state(whole, chain_wiring(len(whole)))


def chain_cores(state: TreeState) -> list[Core]:
    """The cores of a chain as (left, d, right), 1 at the ends, the scale spread over all. Raises for other trees."""
    need_chain(state)
    xp, last = namespace(state), len(state.cores) - 1
    factor = xp.exp(state.log_scale / len(state.cores))
    scaled = [core * factor for core in state.cores]
    return [
        core.reshape((1,) * (i == 0) + core.shape + (1,) * (i == last)) for i, core in enumerate(scaled)
    ]  # fmt: skip


def need_chain(state: TreeState) -> None:
    """Raises ValueError where the state is no chain of one site a core, in order."""
    if not state.wiring.is_chain:
        raise ValueError(f"state: wanted a chain of one site a core, in order, found {state!r}")


def dense(state: TreeState, limit: str | float | None = None) -> Core:
    """The tensor with one axis a site, in site order. Raises MemoryLimitError where it does not fit."""
    memory.check(
        16.0 * prod(float(d) for d in state.dims), limit, "dense: all amplitudes",
        "Ways out: amplitudes of some configurations; a reduced density matrix of few sites.",
    )  # fmt: skip
    xp = namespace(state)
    arrays = [x for core, legs in zip(state.cores, state.wiring.legs, strict=True)
              for x in (core, [state.sites + leg if leg >= 0 else ~leg for leg in legs])]  # fmt: skip
    return xp.einsum(*arrays, list(range(state.sites)), optimize="greedy") * xp.exp(state.log_scale)


def measured(state: TreeState) -> TreeState:
    """What measures work on: NumPy, double precision, where the numbers are known; under a trace the state as it is."""
    return state if is_traced(state) else concrete(state, "a measure")


def is_traced(state: TreeState) -> bool:
    """Whether jit, grad or vmap stand around it."""
    return any(isinstance(leaf, jax.core.Tracer) for leaf in (*state.cores, state.log_scale))


def concrete(state: TreeState, operation: str) -> TreeState:
    """In NumPy, double precision: what can be no part of a trace works on it.

    Raises ValueError, which names the operation, where the state is traced.
    """
    if is_traced(state):
        raise ValueError(
            f"state: {operation} wants its numbers, on which shapes and steps depend, found a traced state: call it "
            "outside of jit, grad and vmap"
        )
    if all(isinstance(core, np.ndarray) for core in state.cores):
        return state
    cores = [np.asarray(core) for core in state.cores]
    kind = np.result_type(np.float64, *cores)
    return replace(state, cores=tuple(core.astype(kind) for core in cores), log_scale=float(state.log_scale))


# ---- what all files here do with cores


def namespace(*states: TreeState):
    """jax.numpy where a core is of JAX, else numpy."""
    return jnp if any(isinstance(core, jax.Array) for state in states for core in state.cores) else np


def unfolded(xp, core: Core, axis: int) -> Core:
    """The matrix (all other legs, this leg)."""
    return xp.moveaxis(core, axis, -1).reshape(-1, core.shape[axis])


def refolded(xp, matrix: Core, like: Core, axis: int) -> Core:
    """Back from `unfolded`, the leg's dimension being what it is now."""
    rest = like.shape[:axis] + like.shape[axis + 1 :]
    return xp.moveaxis(matrix.reshape(*rest, matrix.shape[-1]), -1, axis)


def absorbed(xp, core: Core, axis: int, matrix: Core) -> Core:
    """The matrix (new, old) on a leg of a core."""
    if axis == 0:
        return (matrix @ core.reshape(core.shape[0], -1)).reshape(-1, *core.shape[1:])
    if axis == core.ndim - 1:
        return core @ xp.swapaxes(matrix, 0, 1)
    return xp.moveaxis(xp.tensordot(matrix, core, axes=(1, axis)), 0, axis)


def rescaled(xp, x: Core) -> tuple[Core, Any]:
    """(x over its norm, ln of it), in JAX over its peak; zero stays zero.

    Norm and peak are no part of a gradient: nothing depends on them.
    """
    if xp is np:
        square = np.vdot(x, x).real
        norm = float(square) ** 0.5
        if not 1e-100 < norm < 1e100:  # the square may have left the range
            peak = float(np.abs(x).max(initial=0.0))
            norm = peak * float(np.linalg.norm(x / peak)) if peak > 0 else 1.0
        return x / norm, float(np.log(norm))
    traced = lax.stop_gradient(jnp.abs(x).max())
    traced = jnp.where(traced > 0, traced, 1)
    return x / traced, jnp.log(traced)


def refuse_zero(norm: Any) -> None:
    """Raises ValueError where a norm that is known is zero or no number; a traced one passes."""
    if isinstance(norm, jax.core.Tracer):
        return
    if not float(norm) > 0:
        raise ValueError("state: it is zero, so it cannot be normalised")


def check_sites(state: TreeState, sites: Sites, name: str = "sites") -> list[int]:
    """Numbers of sites, none twice. Raises ValueError for unknown ones."""
    found = [int(site) for site in sites]
    if len(set(found)) < len(found) or not all(0 <= site < state.sites for site in found):
        raise ValueError(f"{name}: wanted different sites of 0..{state.sites - 1}, found {found}")
    return found


def check_bond(state: TreeState, bond: int) -> int:
    """Raises ValueError for a bond that is none."""
    if not 0 <= int(bond) < state.wiring.bonds:
        raise ValueError(f"bond: wanted one of 0..{state.wiring.bonds - 1}, found {bond}")
    return int(bond)


def check_operators(state: TreeState, operators: Mapping[int, Core]) -> dict[int, Core]:
    """Raises ValueError for unknown sites and operators that are no square matrix of their site's dimension."""
    sites = check_sites(state, operators, "operators")
    for site, operator in zip(sites, operators.values(), strict=True):
        wanted = (state.dims[site],) * 2
        if tuple(operator.shape) != wanted:
            raise ValueError(f"operators: site {site}: wanted shape {wanted}, found {tuple(operator.shape)}")
    return dict(zip(sites, operators.values(), strict=True))


def at_sites(state: TreeState, change: Mapping[int, Callable[[Core, int], Core]]) -> TreeState:
    """Every site's core changed by `change[site](core, axis)`."""
    cores = list(state.cores)
    for site, make in change.items():
        core, axis = state.wiring.homes[site]
        cores[core] = make(cores[core], axis)
    return state.with_cores(cores, None, state.log_scale)

