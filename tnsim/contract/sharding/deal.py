"""A layered tree dealt out to devices, in equal parts. Uses blocks; used by placed and the doors.

                top: on every device
       ____________|____________
      |        |        |       |      <- the cut: nodes, as many on each device
    device 0           device 1        each: its own subtrees, its sites and the rows of the banks that they read
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Int

from tnsim.contract.blocks import cut, levels
from tnsim.contract.schedule import Schedule, whole
from tnsim.network import Network


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
    if levels(schedule, devices) is None:
        nodes = [wave.nodes for wave in schedule.waves]
        raise ValueError(
            f"sites: wanted a number of devices that divides the nodes of a level, {nodes}, found {devices}; "
            f"possible are {_divisors(nodes)}"
        )
    found = cut(schedule, devices)
    waves = zip(found.below.waves, found.own, found.rows, strict=True)
    rows = {wave.bank: read.ravel() for wave, own, read in waves if own}
    sole = frozenset(name for name, read in rows.items() if len(np.unique(read)) == len(read))
    return Deal(found.below, found.above, found.orders[0].ravel(), rows, sole)


def _divisors(nodes: list[int]) -> list[int]:
    """What divides one of these counts, as far as anyone has devices."""
    return [part for part in range(1, min(max(nodes), 4096) + 1) if any(count % part == 0 for count in nodes)]
