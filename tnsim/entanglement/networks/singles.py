"""Entropies of all single sites, and mutual information of all pairs, of any network. Uses doors, mutual.

I(i : j) = S_i + S_j - S_ij      whole orders from 2: all sets as one batch of replicas; others: a spectrum for each
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Num

from tnsim.entanglement.doors import Door, Memory
from tnsim.entanglement.estimate import Estimate, Stopwatch
from tnsim.entanglement.mutual import MutualInformation

Progress = Callable[[int, int], None]


@runtime_checkable
class Whole(Door, Protocol):
    """A state that also tells density matrices."""

    def reduced_density_matrix(self, sites, memory: Memory = None) -> Num[np.ndarray, "D D"]: ...
    def renyi(self, A, order: float = 2, base: float = ..., memory: Memory = None) -> Estimate: ...


def site_entropies(state: Whole, sites: int, order: float = 1, memory: Memory = None) -> Estimate:
    """Entropies (Renyi of `order`) of every single site against the rest, nats, (sites,)."""
    return _entropies(state, np.eye(sites, dtype=bool), order, memory)


def mutual_information_map(
    state: Whole, dims: Sequence[int], order: float = 1, memory: Memory = None, progress: Progress | None = None
) -> MutualInformation:
    """I(i : j) of all pairs, single-site entropies and connected correlations; a density matrix for each pair. dims: of
    the sites."""
    watch, sites = Stopwatch(), len(dims)
    pairs = list(combinations(range(sites), 2))
    alone = site_entropies(state, sites, order, memory)
    S, off = np.asarray(alone.value), np.asarray(alone.tolerance)
    joint, apart = _joint(state, sites, pairs, order, memory)
    values, correlations = np.full((2, sites, sites), np.nan)
    for done, (i, j) in enumerate(pairs):
        I = S[i] + S[j] - joint[done]
        values[i, j] = values[j, i] = max(I, 0.0) if order == 1 else I
        rho = state.reduced_density_matrix([i, j], memory)
        correlations[i, j] = correlations[j, i] = _connected(rho, dims[i], dims[j])
        if progress is not None:
            progress(done + 1, len(pairs))
    error = max(off[i] + off[j] + one for (i, j), one in zip(pairs, apart, strict=True))
    return MutualInformation(values, S, correlations, float(error), order, watch.seconds)


def _joint(
    state: Whole, sites: int, pairs: list[tuple[int, int]], order: float, memory: Memory
) -> tuple[Float[np.ndarray, "pairs"], Float[np.ndarray, "pairs"]]:
    """S of every pair, and its tolerance; 0 for the pair that is the whole of a pure state."""
    if sites == 2:
        return np.zeros(1), np.zeros(1)
    masks = np.zeros((len(pairs), sites), dtype=bool)
    masks[np.arange(len(pairs))[:, None], np.array(pairs)] = True
    found = _entropies(state, masks, order, memory)
    return np.asarray(found.value), np.asarray(found.tolerance)


def _entropies(state: Whole, masks: Bool[np.ndarray, "n sites"], order: float, memory: Memory) -> Estimate:
    if order >= 2 and float(order).is_integer():
        return state.renyi_many(masks, order, memory=memory)
    watch, each = Stopwatch(), [state.renyi(mask, order, memory=memory) for mask in masks]
    value, lower, upper = (np.array([getattr(one, end) for one in each], float) for end in ("value", "lower", "upper"))
    return Estimate(value, lower, upper, each[0].method, seconds=watch.seconds, note=each[0].note)


def _connected(rho: Num[np.ndarray, "D D"], i: int, j: int) -> float:
    """Frobenius norm of rho_ij - rho_i x rho_j, for sites of these dimensions."""
    parts = rho.reshape(i, j, i, j)
    product = np.kron(np.einsum("abcb->ac", parts), np.einsum("abac->bc", parts))
    return float(np.linalg.norm(rho - product))
