"""Gauges: matrices on bonds that cancel, and Vidal's form, in which Schmidt values stand on the bonds. Uses factors.

    .. A --X X^-1-- B ..  =  .. A -- B ..          Vidal:  Gamma --lambda-- Gamma --lambda-- Gamma

A Gamma with lambda on all of its legs but one is an isometry onto that one. Source: Vidal, PRL 91, 147902 (2003);
Shi, Duan, Vidal, PRA 74, 022320 (2006), for trees.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Num

from tnsim.banks import AnyArray
from tnsim.canonical.factors import factors
from tnsim.canonical.state import Core, TreeState, absorbed, check_bond, measured, namespace, rescaled
from tnsim.canonical.wiring import Wiring


class Vidal(NamedTuple):
    """psi / |psi| = all Gammas contracted with the Schmidt values on every bond; log_norm: ln |psi|."""

    gammas: tuple[Num[AnyArray, "..."], ...]
    lambdas: tuple[Float[AnyArray, "k"], ...]
    wiring: Wiring
    log_norm: Any

    def state(self) -> TreeState:
        """The same with each bond's values in one of its cores."""
        cores: list[Core] = list(self.gammas)
        for bond, (core, _) in enumerate(self.wiring.ends):
            axis = self.wiring.legs[core].index(bond)
            cores[core] = cores[core] * _along(self.lambdas[bond], cores[core], axis)
        return TreeState(tuple(cores), self.wiring, None, self.log_norm)


def gauged(state: TreeState, gauges: Mapping[int, Num[AnyArray, "r r"]]) -> TreeState:
    """The same state with X on one side of a bond and its inverse on the other: {bond: X}, X invertible.

    Raises ValueError for unknown bonds, and a matrix of another shape or without an inverse.
    """
    xp, cores = namespace(state), list(state.cores)
    for number, X in gauges.items():
        bond = check_bond(state, number)
        width = state.bond_dims[bond]
        if tuple(X.shape) != (width, width):
            raise ValueError(f"gauges: bond {bond}: wanted shape {(width, width)}, found {tuple(X.shape)}")
        if isinstance(X, np.ndarray) and not np.linalg.cond(X) < 1 / np.finfo(np.float64).eps:
            raise ValueError(f"gauges: bond {bond}: wanted an invertible matrix, found a singular one")
        for core, matrix in zip(state.wiring.ends[bond], (X.T, xp.linalg.inv(X)), strict=True):
            cores[core] = absorbed(xp, cores[core], state.wiring.legs[core].index(bond), matrix)
    return state.with_cores(cores, None, state.log_scale)


def vidal(state: TreeState, tolerance: float = 1e-12) -> Vidal:
    """Vidal's form, without Schmidt values below `tolerance` (of a norm of 1): Gammas hold their inverses.

    Traced with JAX cores: bonds then keep their dimensions, and what is below the tolerance is 0, in Gammas too; a
    gradient wants values that differ and none of them below.

    Raises ValueError for a tolerance that is not > 0 and a state that is zero.
    """
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance: wanted a Schmidt value in (0, 1), found {tolerance}")
    state, found = measured(state), factors(state)
    xp, cores, lambdas = namespace(state), list(state.cores), []
    lower = {step.bond: step for step in found.steps}
    for bond, (R, F) in enumerate(zip(found.below, found.above, strict=True)):
        U, s, V = xp.linalg.svd(R @ F.T, full_matrices=False)
        kept = s > tolerance * xp.linalg.norm(s)
        if xp is np:
            U, s, V, kept = U[:, kept], s[kept], V[kept], kept[kept]
        s, inverse = xp.where(kept, s, 0), xp.where(kept, 1 / xp.where(kept, s, 1), 0)[None]
        # X diag(s) Y^T = F^T V^+ s^-1 U^+ R, which R (and F) do not notice: R F^T V^+ s^-1 U^+ R = R.
        step, X, Y = lower[bond], F.T @ V.conj().T * inverse, R.T @ U.conj() * inverse
        cores[step.core] = absorbed(xp, cores[step.core], step.axis, X.T)
        cores[step.onto] = absorbed(xp, cores[step.onto], step.at, Y.T)
        lambdas.append(s / xp.linalg.norm(s))
    gammas = [_normalised(xp, core, legs, lambdas) for core, legs in zip(cores, state.wiring.legs, strict=True)]
    return Vidal(tuple(gammas), tuple(lambdas), state.wiring, found.log_norm)


def _normalised(xp, gamma, legs, lambdas):
    """Gamma such that with all lambdas its norm is 1."""
    whole = gamma
    for axis, leg in enumerate(legs):
        if leg >= 0:
            whole = whole * _along(lambdas[leg], whole, axis)
    unit, log = rescaled(xp, whole)
    return gamma / xp.exp(log) / xp.linalg.norm(unit)


def _along(values, core, axis: int):
    """Values of a leg, shaped to multiply a core."""
    return values.reshape([-1 if at == axis else 1 for at in range(core.ndim)])
