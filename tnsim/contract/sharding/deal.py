"""A layered tree cut into equal parts, one a device. Uses schedule; used by placed and the doors.

                top: on every device
       ____________|____________
      |        |        |       |      <- the cut: nodes, as many on each device
    device 0           device 1        each: its own subtrees, its sites and the rows of the banks that they read
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Int

from tnsim.contract.schedule import Grid, Schedule, Wave, whole
from tnsim.network import Network, Table


@dataclass(frozen=True, eq=False)
class Deal:
    """Which device has what, for a number of devices.

    below: the waves of one device, over its own sites and rows; above: those from the cut to the root. sites: all
    sites, those of device 0 first. rows: of each bank that is split, which of its rows the devices have, in turn; banks
    that are not named are whole on every device. sole: the banks of which every row is on one device.
    """

    below: Schedule
    above: Schedule
    sites: Int[np.ndarray, "sites"]
    rows: dict[str, Int[np.ndarray, "positions"]]
    sole: frozenset[str]


@lru_cache(maxsize=64)
def deal(network: Network, devices: int) -> Deal:
    """Cut at the highest level whose nodes can be dealt out evenly: there the fewest numbers cross.

    Raises ValueError where no level has a multiple of `devices` nodes, naming the numbers that do; NotLayered where the
    network is no layered tree.
    """
    schedule = whole(network)
    if devices == 1:
        above = Schedule((), schedule.output, np.arange(1))
        return Deal(schedule, above, schedule.leaves, {}, frozenset())
    level = _level(schedule, devices)
    order, waves, rows = np.arange(schedule.waves[level - 1].nodes), [], {}
    for wave in reversed(schedule.waves[:level]):
        order = wave.children.array[order].ravel()
        read = wave.rows[order].reshape(devices, -1)
        alike = bool((read == read[0]).all())
        waves.append(_part(wave, devices, Table(read[0]) if alike else None))
        if not alike:
            rows[wave.bank] = read.ravel()
    below = Schedule(tuple(reversed(waves)), schedule.output, np.arange(len(order) // devices))
    above = Schedule(schedule.waves[level:], schedule.output, np.arange(schedule.waves[level - 1].nodes))
    sole = frozenset(name for name, read in rows.items() if len(np.unique(read)) == len(read))
    return Deal(below, above, order, rows, sole)


def _part(wave: Wave, devices: int, slots: Table | None) -> Wave:
    """A wave's share of one device, whose positions stand window by window."""
    nodes, window = wave.nodes // devices, wave.children.array.shape[1]
    children = Table(np.arange(nodes * window).reshape(nodes, window))
    grid = Grid(1, nodes * window, (1, window))
    return Wave(wave.bank, wave.level, wave.dim_in, wave.dim_out, None, slots, children, grid)


def _level(schedule: Schedule, devices: int) -> int:
    """How many waves lie below the cut."""
    nodes = [wave.nodes for wave in schedule.waves]
    fitting = [level for level, count in enumerate(nodes, 1) if count % devices == 0]
    if not fitting:
        raise ValueError(
            f"sites: wanted a number of devices that divides the nodes of a level, {nodes}, found {devices}; "
            f"possible are {sorted(_divisors(nodes))}"
        )
    return fitting[-1]


def _divisors(nodes: list[int]) -> set[int]:
    def all_of(count: int) -> Iterator[int]:
        return (part for part in range(1, min(count, 4096) + 1) if count % part == 0)

    return {part for count in nodes for part in all_of(count)}
