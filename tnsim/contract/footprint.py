"""What a batch of scores will hold in memory, told beforehand, and the batch split to fit. Uses blocks.

    arguments (banks, features)  +  results  +  temporary: a wave and the next at once, or all of them for gradients
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import NamedTuple

from tnsim import memory as limits
from tnsim.contract import blocks
from tnsim.contract.device_memory import allowed
from tnsim.contract.execution import Execution
from tnsim.contract.schedule import Schedule, Wave, whole
from tnsim.network import Network

SCALES = 2  # numbers beside each vector: its scale, and what it adds to the logarithm


class Footprint(NamedTuple):
    """Bytes: of banks and features, of the results (gradients too), and of what is held between."""

    arguments: int
    results: int
    temporary: int

    @property
    def total(self) -> int:
        return self.arguments + self.results + self.temporary


def footprint(
    network: Network, batch: int, itemsize: int, execution: Execution, gradient: bool = False
) -> Footprint:
    """Of one call of `scores` with features (batch, sites, M), or of its value and gradient in all banks."""
    schedule = whole(network)
    bank_numbers = sum(prod(shape) for shape in network.bank_shapes.values())
    features = batch * len(network.sites) * schedule.waves[0].dim_in
    outputs = batch * (network.stacks[-1].shape[0] + 1)
    results = outputs + (bank_numbers if gradient else 0)
    held = _held(schedule, batch, execution, itemsize, gradient)
    if execution.layout == "batch-first":
        held += features
    return Footprint(itemsize * (bank_numbers + features), itemsize * results, itemsize * held)


def _held(schedule: Schedule, batch: int, execution: Execution, itemsize: int, gradient: bool) -> int:
    """Numbers held beside arguments and results."""
    pieces = blocks.chosen(schedule, execution, batch, itemsize, gradient)
    if pieces == 1:
        return _sweep(schedule.waves, batch, gradient, execution.remat is True)
    cut = blocks.cut(schedule, pieces)
    rows = sum(wave.positions * wave.dim_in * wave.dim_out for wave, own in zip(cut.below.waves, cut.own) if own)
    inside = _sweep(cut.below.waves, batch, gradient, False) + rows * (2 if gradient else 1)
    if gradient and execution.remat is False:
        inside = pieces * _sweep(cut.below.waves, batch, True, False) + 2 * rows
    top = pieces * cut.below.waves[-1].nodes * (cut.below.waves[-1].dim_out + SCALES) * batch
    return max(inside, _sweep(cut.above.waves, batch, gradient, execution.remat is True)) + top


def _sweep(waves: Sequence[Wave], batch: int, gradient: bool, remat: bool) -> int:
    """Numbers of a sweep: the widest wave with its neighbours, or every wave where the backward pass wants them."""
    moved = [batch * wave.positions * (wave.dim_out + SCALES) for wave in waves]
    pooled = [batch * wave.nodes * wave.dim_out for wave in waves]
    peak = max(moved[0], *(m + max(before, after) for m, before, after in zip(moved, [0, *pooled], pooled)))
    if not gradient:
        return peak
    return peak + sum(pooled) if remat else sum(moved) + sum(pooled)


def chunks(network: Network, batch: int, itemsize: int, execution: Execution) -> int:
    """Into how many parts a batch is split to stay within the execution's memory, forward.

    Raises MemoryLimitError where one sample is above it, and names the least amount.
    """
    fixed = footprint(network, batch, itemsize, execution)

    def needed(part: int) -> int:
        return fixed.arguments + fixed.results + footprint(network, part, itemsize, execution).temporary

    return parts_of(batch, needed, execution)


def parts_of(batch: int, needed: Callable[[int], int], execution: Execution) -> int:
    """The same, where so many samples at once need so many bytes. Raises MemoryLimitError likewise."""
    if execution.memory is None:
        return 1
    limit = allowed(None if execution.memory == "free" else execution.memory)
    if needed(1) > limit:
        ways_out = "The least is what one sample needs. Narrow the levels, send fewer samples a call, or raise memory."
        raise limits.refusal(needed(1), limit, "scores, sample by sample,", ways_out)
    parts = 1
    while needed(-(-batch // parts)) > limit:
        parts = min(2 * parts, batch)
    return parts
