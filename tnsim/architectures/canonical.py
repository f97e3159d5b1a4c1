"""The tree of the canonical partitions of a grid: halves of halves. Uses convac; used where data alone has no tree."""

from __future__ import annotations

from math import prod

from tnsim.architectures.convac import ConvACArchitecture
from tnsim.architectures.grid import Shape
from tnsim.architectures.layered import Layered


def canonical(grid: Shape) -> Layered:
    """A tree of one channel whose windows are the canonical partitions of a grid (N,) or (height, width).

    Windows of 2 (both ways) while all sides are even, then one window of all that is left. Raises ValueError for a
    grid of other than one or two positive sides.
    """
    sides, windows = tuple(grid), []
    if len(sides) not in (1, 2) or min(sides) < 1:
        raise ValueError(f"grid: wanted (sites,) or (height, width), found {grid}")
    while all(side % 2 == 0 for side in sides):
        windows.append((2,) * len(sides))
        sides = tuple(side // 2 for side in sides)
    if prod(sides) > 1 or not windows:
        windows.append(sides)
    return ConvACArchitecture(
        sites=grid if len(grid) == 2 else grid[0], features=1, channels=(1,) * len(windows), classes=1,
        windows=tuple(w if len(grid) == 2 else w[0] for w in windows),
    )  # fmt: skip
