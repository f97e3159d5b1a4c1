"""Which indices are fixed, one number at a time, so that a contraction fits a limit. Uses steps and estimate.

    path --[above the limit?]--> fix the index that lowers the peak most for the least extra work --> .. --> it fits

Used by plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from tnsim.contract.estimate import peak
from tnsim.contract.program import program
from tnsim.contract.steps import Walk, walk
from tnsim.network import Network


class Sliced(NamedTuple):
    """The sliced indices, and numbers alive at once; fits: is that within the limit?"""

    indices: tuple[int, ...]
    peak: int
    fits: bool


def fit(network: Network, path: tuple[tuple[int, ...], ...], limit: float) -> Sliced:
    """Slice until no more than `limit` numbers are alive at once; the least peak that was met where none fits."""
    chosen: list[int] = []
    here = best = Sliced((), _peak(network, path, ()), False)
    if here.peak <= limit:
        return here._replace(fits=True)
    found = _Table(walk(network, path))
    while here.peak > limit:
        index = found.next(chosen)
        if index is None:
            return best
        chosen.append(index)
        if found.slices(chosen) > SLICES:
            return best
        here = Sliced(tuple(sorted(chosen)), _peak(network, path, tuple(sorted(chosen))), False)
        best = min(best, here, key=lambda option: option.peak)
    return here._replace(fits=True)


def _peak(network: Network, path: tuple[tuple[int, ...], ...], sliced: tuple[int, ...]) -> int:
    return peak(network, program(network, path, sliced), bool(sliced))


class _Table:
    """A walk as matrices, to weigh all indices at once: which index is in which result, and in which step."""

    def __init__(self, found: Walk) -> None:
        count = len(found.dims)
        self.results = _incidence([step.kept for step in found.steps], count)
        self.involved = _incidence([tuple({i for term in step.terms for i in term}) for step in found.steps], count)
        self.logs = np.log(np.array(found.dims, dtype=float))
        first = len(found.terms)
        dies = {operand - first: place for place, step in enumerate(found.steps) for operand in step.operands}
        self.dies = np.array([dies.get(place, len(found.steps)) for place in range(len(found.steps))], dtype=int)

    def next(self, chosen: Sequence[int]) -> int | None:
        """Of the indices in what is alive at the worst step, which lowers peak x work most; None: none."""
        logs = self.logs.copy()
        logs[list(chosen)] = 0
        sizes = _relative(self.results @ logs)
        worst = int(np.argmax(self._alive(sizes[:, None])[:, 0]))
        born = np.arange(len(sizes)) <= worst
        candidates = np.flatnonzero(self.results[born & (self.dies >= worst)].any(axis=0) & (logs > 0))
        if not candidates.size:
            return None
        after = np.repeat(logs[:, None], len(candidates), axis=1)
        after[candidates, np.arange(len(candidates))] = 0
        peaks = self._alive(_relative(self.results @ after)).max(axis=0)
        work = _relative(self.involved @ after).sum(axis=0) * np.exp(self.logs[candidates])
        return int(candidates[np.argmin(np.log(peaks) + EXPENSE * np.log(work))])

    def slices(self, chosen: Sequence[int]) -> float:
        """Into how many parts these indices slice it."""
        return float(np.exp(self.logs[list(chosen)].sum()))

    def _alive(self, sizes: Float[np.ndarray, "steps n"]) -> Float[np.ndarray, "steps n"]:
        """Numbers alive at each step: a result from its own step to the one that reads it."""
        ends = np.zeros((len(sizes) + 2, sizes.shape[1]))
        np.add.at(ends, self.dies + 1, sizes)
        return np.cumsum(sizes, axis=0) - np.cumsum(ends, axis=0)[: len(sizes)]


SLICES = 2**20  # beyond, what is called a plan would never end
EXPENSE = 1.0  # how much a factor of work counts beside a factor of peak


def _relative(logs: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Numbers by their logarithms, over the largest: only ratios count, and whole networks leave float range."""
    return np.exp(logs - logs.max(initial=0.0))


def _incidence(terms: Sequence[Sequence[int]], count: int) -> Bool[np.ndarray, "steps indices"]:
    table = np.zeros((len(terms), count), dtype=bool)
    for row, term in enumerate(terms):
        table[row, list(term)] = True
    return table
