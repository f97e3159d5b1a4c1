"""What all doors to a state share: arguments checked, and which route a Renyi order takes. Used by state, networks.

    order 1: entropy      whole orders from 2: replicas, or the spectrum where it is sharper or they do not fit
    others: the spectrum
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Int

from tnsim.entanglement import entropy as spectral
from tnsim.entanglement.estimate import Estimate
from tnsim.entanglement.spectrum import Spectrum
from tnsim.memory import MemoryLimitError

Memory = str | float | None
SHARP = 1e-11  # nats: a Renyi-2 interval wider than this is worth a second look
CHEAP = 10**8  # bytes that a second look may take


@runtime_checkable
class Door(Protocol):
    """What a route needs of a state."""

    def mask(self, A: Any) -> Bool[np.ndarray, "sites"]: ...
    def schmidt(self, A: Any, memory: Memory = None) -> Spectrum: ...
    def entropy(self, A: Any, base: float = ..., *, memory: Memory = None) -> Estimate: ...
    def renyi_many(self, masks: Any, order: float = 2, base: float = ..., memory: Memory = None) -> Estimate: ...


def renyi_in(state: Door, A: Any, order: float, base: float, memory: Memory) -> Estimate:
    """`State.renyi`: which route an order takes."""
    if order == 1:
        return state.entropy(A, base, memory=memory)
    if not (order >= 2 and float(order).is_integer()):
        return spectral.exact_renyi(state.schmidt(A, memory), order, base)
    try:
        found = state.renyi_many(state.mask(A)[None], order, base, memory).map(lambda one: float(one[0]))
    except MemoryLimitError as refused:
        return _without_replicas(state, A, (order, base), memory, refused)
    return found if order != 2 or found.width <= SHARP else sharper(state, found, A, base)


def _without_replicas(state: Door, A: Any, asked: tuple[float, float], memory: Memory, refused) -> Estimate:
    """From the spectrum, where that fits. Raises what the replicas did otherwise."""
    try:
        return spectral.exact_renyi(state.schmidt(A, memory), *asked)
    except MemoryLimitError:
        raise refused from None


def sharper(state: Door, found: Estimate, A: Any, base: float) -> Estimate:
    """The narrower of a Renyi-2 by replicas and one by the spectrum, where that is a matter of a second."""
    try:
        exact = spectral.exact_renyi(state.schmidt(A, CHEAP), 2, base)
    except MemoryLimitError:  # out of reach: the interval of the replicas says what is known
        return found
    return min(found, exact, key=lambda estimate: estimate.upper - estimate.lower)


def mask_rows(masks: Any) -> Bool[np.ndarray, "partitions sites"]:
    """Masks, one a row. Raises ValueError for anything else."""
    masks = np.asarray(masks)
    if masks.ndim != 2 or masks.dtype != bool or not len(masks):
        raise ValueError(f"masks: wanted booleans (partitions, sites), found shape {masks.shape} of {masks.dtype}")
    return masks


def digits(configurations: Any, sites: int, features: int | Int[np.ndarray, "sites"]) -> Int[np.ndarray, "n sites"]:
    """Configurations as integers; features: the sites' dimension, or one for each. Raises ValueError for others."""
    found = np.asarray(configurations)
    if found.ndim != 2 or found.shape[1] != sites or found.dtype.kind not in "iu":
        raise ValueError(
            f"configurations: wanted integers (n, {sites}), found shape {found.shape} of type {found.dtype}"
        )
    dims = np.broadcast_to(np.asarray(features), (sites,))
    outside = np.argwhere((found < 0) | (found >= dims))
    if len(outside):
        row, site = outside[0].tolist()
        raise ValueError(f"configurations: digits must lie in 0..{dims[site] - 1}, found {found[row, site]}")
    return found
