"""Min-cuts of many partitions in one call: kinds of subtrees over all of them at once, exact. Uses kinds and flow.

    masks --[equal rows once]--> kinds --[cost]--> kinds of equal cost once --> the next level

A cut above an edge sees the two costs below it and nothing else, so nodes of equal costs are one kind from there on:
of 1000 random partitions of 4096 sites, millions of nodes, some ten thousand are computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import log
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from tnsim.bounds.asked import wired
from tnsim.bounds.flow import network_min_cut
from tnsim.bounds.kinds import Sides, leaves, pooled, risen
from tnsim.contract.schedule import NotLayered, Schedule, whole
from tnsim.network import Network

ENTRIES = 2**22  # kinds held at once: 32 MB, and a few times that while they are sorted


@dataclass(frozen=True, eq=False)
class CutValues:
    """Min-cuts of many partitions: values, exact integers of any size, and logs, in nats."""

    values: tuple[int, ...]

    @cached_property
    def logs(self) -> Float[np.ndarray, "partitions"]:
        """ln of every value: bounds on all entropies."""
        return np.array([log(value) for value in self.values])

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        return f"CutValues({len(self)} partitions, ln {self.logs.min():.6g}..{self.logs.max():.6g})"


def min_cuts(network: Any, masks: Bool[np.ndarray, "partitions sites"]) -> CutValues:
    """`min_cut(..).value` of many partitions at once, exact; True: in A. network: a `Network`, or any architecture.

    Layered trees are folded for all partitions together; other networks by one flow each (`network_min_cut`).
    Raises ValueError for masks of another shape or type, and for one that is empty or everything.
    Source: THEORY section 5.
    """
    wiring = network if isinstance(network, Network) else wired(network)
    _check(masks, len(wiring.sites))
    try:
        schedule = whole(wiring)
    except NotLayered:
        return CutValues(tuple(network_min_cut(wiring, mask).value for mask in masks))
    at_once = max(1, ENTRIES // masks.shape[1])
    chunks = (masks[first : first + at_once] for first in range(0, len(masks), at_once))
    return CutValues(tuple(value for chunk in chunks for value in _folded(schedule, chunk)))


def _check(masks: np.ndarray, sites: int) -> None:
    if masks.ndim != 2 or masks.shape[1] != sites or masks.dtype != bool or not len(masks):
        wanted = f"boolean masks of shape (partitions, {sites}), at least one"
        raise ValueError(f"masks: wanted {wanted}, found shape {masks.shape} of {masks.dtype}")
    whole_side = masks.all(axis=1) | ~masks.any(axis=1)
    if whole_side.any():
        row = int(np.argmax(whole_side))
        found = "all" if masks[row, 0] else "none"
        raise ValueError(f"masks: every partition wants sites on both sides, found {found} in A in row {row}")


def _folded(schedule: Schedule, masks: Bool[np.ndarray, "partitions sites"]) -> list[int]:
    kinds: Int[np.ndarray, "partitions positions"] = masks.astype(np.int64)
    values = leaves(schedule.waves[0].dim_in)
    for wave in schedule.waves:
        level, kinds = pooled(kinds, wave, by_bank=False)
        values, same = _once(risen(level, values, wave.dim_out))
        kinds = same[kinds]
    return [min(values[kind]) for kind in kinds[:, 0].tolist()]


def _once(values: list[Sides]) -> tuple[list[Sides], Int[np.ndarray, "kinds"]]:
    """Distinct costs, and which of them each kind has."""
    number: dict[Sides, int] = {}
    same = np.array([number.setdefault(value, len(number)) for value in values], dtype=np.int64)
    return list(number), same
