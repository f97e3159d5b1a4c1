"""Look before you contract: what a network will cost, as a value that prints itself. Uses schedule and paths.

    layered trees: the waves of the fold, for one sample        any other network: a path of pairwise contractions

Cost convention: scalar multiply-adds (two real floating-point operations each, eight for complex numbers).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np

from tnsim import memory as limits
from tnsim.contract.paths import Path, check, path_of
from tnsim.contract.schedule import NotLayered, Schedule, distinct, whole
from tnsim.network import Network

ITEMSIZE = 4  # bytes of a number: float32


class WavePlan(NamedTuple):
    """One wave of a fold: `positions` matrices of dim_out x dim_in, of which `distinct` differ, pooled into `nodes`."""

    bank: str
    positions: int
    distinct: int
    dim_in: int
    dim_out: int
    nodes: int
    multiply_adds: int


@dataclass(frozen=True)
class Plan:
    """How a network will be contracted, and at what cost; `print` it.

    waves: of the fold, sites first (a layered tree; empty for a path). subtrees: how many there are, one below every
    matrix; distinct: of these, without features on the sites. steps: pairwise contractions of a path. multiply_adds:
    of one sample. largest: numbers in the largest tensor made; largest_bytes: the same in float32.
    """

    waves: tuple[WavePlan, ...]
    subtrees: int
    distinct: int
    steps: int
    multiply_adds: int
    largest: int

    @property
    def largest_bytes(self) -> int:
        return ITEMSIZE * self.largest

    def __str__(self) -> str:
        cost = f"{self.multiply_adds:.3g} multiply-adds, largest {limits.human(self.largest_bytes)} in float32"
        if not self.waves:
            return f"path of {self.steps} pairwise contractions, {cost}"
        head = f"fold of {len(self.waves)} waves, {self.distinct} of {self.subtrees} subtrees distinct"
        return "\n".join([f"{head}, {cost} a sample", *_table(self.waves)])

    def __repr__(self) -> str:
        return str(self)


def _table(waves: tuple[WavePlan, ...]) -> list[str]:
    rows = [("wave", "bank", "matrices", "distinct", "shape", "nodes", "multiply-adds")]
    for number, wave in enumerate(waves):
        shape = f"{wave.dim_out} x {wave.dim_in}"
        cells = (number, wave.bank, wave.positions, wave.distinct, shape, wave.nodes, f"{wave.multiply_adds:.3g}")
        rows.append(tuple(map(str, cells)))  # type: ignore[arg-type]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def plan(network: Network, memory: str | float | None = None) -> Plan:
    """How `network` will be contracted: a fold in waves for a layered tree, else a path by opt_einsum's greedy search.

    memory: a limit in bytes or a text like "8GB"; None is half of the free memory.

    Raises MemoryLimitError where the largest tensor, in float32 and for one sample, is above it.
    """
    try:
        made = _fold(whole(network), prod(network.stacks[-1].shape))
    except NotLayered:
        made = _path(path_of(network))
    check(made.largest_bytes, memory)
    return made


def _fold(schedule: Schedule, output: int) -> Plan:
    """output: weights of the last matrix, each used once."""
    leaves = np.zeros(schedule.waves[0].positions, dtype=np.int64)
    kinds = distinct(schedule, leaves)
    waves = tuple(
        WavePlan(
            wave.bank, wave.positions, different.positions, wave.dim_in, wave.dim_out, wave.nodes,
            wave.dim_out * (wave.positions * wave.dim_in + wave.positions - wave.nodes),
        )
        for wave, different in zip(schedule.waves, kinds.waves, strict=True)
    )  # fmt: skip
    largest = max(wave.positions * max(wave.dim_in, wave.dim_out) for wave in waves)
    subtrees = 1 + sum(wave.positions for wave in waves)
    different = 1 + sum(wave.distinct for wave in waves)
    return Plan(waves, subtrees, different, 0, output + sum(wave.multiply_adds for wave in waves), largest)


def _path(path: Path) -> Plan:
    return Plan((), 0, 0, len(path.steps), path.cost, path.largest)
