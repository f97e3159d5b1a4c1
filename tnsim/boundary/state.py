"""Boundary matrix product states of a grid: a door to its scores, its norm and its sites. Uses values, local.

Rows of a grid of bond D go into a chain of width chi one by one, so that N sites cost N (chi D)^3 where an exact
contraction costs D^height.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Num

from tnsim import banks as checks
from tnsim.banks import AnyArray
from tnsim.boundary import local, values
from tnsim.boundary.grids import Rows, at_vectors, measured, rows_of
from tnsim.boundary.layers import double, single
from tnsim.boundary.values import Contracted
from tnsim.entanglement.networks.state import NetworkState


class Local(NamedTuple):
    """Density matrices of all sites, Hermitian, of trace 1; estimate: (sites,) trace distance from those of half the
    width, or the part that was not Hermitian where that is larger: no bound. Of a width of 1 it is 1, all there is."""

    matrices: tuple[Num[np.ndarray, "_ _"], ...]
    estimate: Float[np.ndarray, "sites"]


class Expectations(NamedTuple):
    """<O> at every site, and what `Local.estimate` makes of it."""

    value: Float[np.ndarray, "sites"]
    estimate: Float[np.ndarray, "sites"]


@dataclass(frozen=True, eq=False)
class BoundaryMPS:
    """A state on a grid, contracted row by row by chains of at most `width`. Made by `boundary_mps`."""

    state: NetworkState
    width: int | None
    memory: str | float | None
    rows: Rows

    @cached_property
    def _measured(self) -> Rows:
        return measured(self.rows, self.state.measure.factors)

    def scores(self, features: Num[AnyArray, "batch sites M"]) -> Contracted:
        """h(x) of the state's class for every sample, of the network as it is (no measure), arrays (batch,)."""
        checks.check_features(self.state.network, features)
        if not len(features):
            raise ValueError("features: wanted at least one sample, found none")
        wide = np.asarray(features).astype(np.result_type(np.asarray(features).dtype, np.float64))
        return values.batch([self._score(sample) for sample in wide])

    def _score(self, vectors: Num[np.ndarray, "sites M"]) -> Contracted:
        layers = single(at_vectors(self.rows, vectors), at_vectors(self._moduli, np.abs(vectors)))
        return values.contracted(layers, self.width, self.memory)

    @cached_property
    def _moduli(self) -> Rows:
        return tuple(tuple(np.abs(core) for core in row) for row in self.rows)

    def norm_squared(self) -> Contracted:
        """<psi|psi> in the state's measure."""
        found = values.contracted(double(self._measured), self.width, self.memory)
        return replace(found, value=np.asarray(np.real(found.value)))  # what it is: the rest is within the error

    def density_matrices(self) -> Local:
        """rho of every single site, in the measure's orthonormal basis. Raises ValueError for a state that is zero."""
        found = local.density_matrices(self._measured, self.width, self.memory)
        kept = [(rho + rho.conj().T) / 2 for rho in found]
        apart = [_trace_distance(rho, one) for rho, one in zip(found, kept, strict=True)]
        if self.width == 1:  # nothing narrower to compare with: the largest distance that there is
            apart = [1.0] * len(kept)
        elif self.width is not None:
            half = local.density_matrices(self._measured, self.width // 2, self.memory)
            apart = [max(d, _trace_distance(one, rho)) for d, one, rho in zip(apart, kept, half, strict=True)]
        return Local(tuple(kept), np.array(apart))

    def expectations(self, operator: Num[AnyArray, "d d"]) -> Expectations:
        """<O> of a Hermitian operator at every site, in the measure's orthonormal basis. Raises ValueError for an
        operator of another shape, or one that is not Hermitian."""
        O, found = np.asarray(operator), self.density_matrices()
        shapes = {rho.shape for rho in found.matrices}
        if {O.shape} != shapes or not np.allclose(O, O.conj().T):
            raise ValueError(f"operator: wanted a Hermitian matrix of shape {sorted(shapes)}, found shape {O.shape}")
        value = np.array([np.trace(rho @ O).real for rho in found.matrices])
        spread = np.ptp(np.linalg.eigvalsh(O))  # of traceless differences only that is seen
        return Expectations(value, spread * found.estimate)


def boundary_mps(
    state: NetworkState, width: int | None = None, memory: str | float | None = None
) -> BoundaryMPS:  # fmt: skip
    """A state on a grid (height, width), as `PEPS.state` or `network_state(.., grid=)` give it, for contraction row by
    row by boundary matrix product states.

    Its network must have one tensor a site, and bonds between neighbours alone. width: the largest bond of a boundary;
    None leaves out nothing, and is as dear as exact. memory: a limit in bytes or "8GB". Every answer says what the
    width may have cost.

    Raises ValueError for a network that is no such grid, and a width < 1; its methods MemoryLimitError, beforehand.
    Source: Verstraete & Cirac 2004 (cond-mat/0407066).
    """
    if width is not None and width < 1:
        raise ValueError(f"width: wanted at least 1, found {width}")
    return BoundaryMPS(state, width, memory, rows_of(state))


def _trace_distance(one: Num[np.ndarray, "d d"], other: Num[np.ndarray, "d d"]) -> float:
    return 0.5 * float(np.linalg.svd(one - other, compute_uv=False).sum())
