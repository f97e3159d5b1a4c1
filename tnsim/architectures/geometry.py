"""Pooling geometry: which positions of a level meet in which window. Used by the architectures.

level 0   sites         0 1 | 4 5          groups[k] = the positions pooled into node k,
                        2 3 | 6 7                      in the order of their place in the window
"""

from __future__ import annotations

from math import prod

import numpy as np
from jaxtyping import Int

from tnsim.network import Table

Shape = tuple[int, ...]


def square(grid: Shape, window: Shape) -> Int[np.ndarray, "nodes window"]:
    """Windows side by side on a row-major grid; nodes and places within a window are row-major too."""
    positions = np.arange(prod(grid), dtype=np.int32)
    split = [part for n, w in zip(grid, window, strict=True) for part in (n // w, w)]
    axes = [*range(0, 2 * len(grid), 2), *range(1, 2 * len(grid), 2)]
    return positions.reshape(split).transpose(axes).reshape(-1, prod(window))


def mirror(grid: Shape) -> Int[np.ndarray, "nodes window"]:
    """Each position with its mirror images (Cohen & Shashua, 1605.06743); a node stands at its top-left member."""
    positions = np.arange(prod(grid), dtype=np.int32).reshape(grid)
    quarter = tuple(slice(0, n // 2) for n in grid)
    images = [positions, positions[..., ::-1]]
    if len(grid) == 2:
        images += [positions[::-1], positions[::-1, ::-1]]
    return np.stack([image[quarter].ravel() for image in images], axis=1)


def given(groups, count: int, window: int, level: int) -> Int[np.ndarray, "nodes window"]:
    """A user's own groups of positions, checked: each of the `count` positions once, `window` to a group."""
    try:
        table = np.array(groups.array if isinstance(groups, Table) else groups)
    except ValueError as error:
        raise ValueError(
            f"geometry: level {level}: every group must have {window} positions, found groups of unequal size"
        ) from error
    if table.ndim != 2 or table.dtype.kind not in "iu" or table.shape[1] != window:
        raise ValueError(
            f"geometry: level {level}: wanted groups of {window} integer positions each, "
            f"found an array of shape {table.shape} and type {table.dtype}"
        )
    _check_each_once(table.ravel(), count, level)
    return table.astype(np.int32)


def _check_each_once(positions: Int[np.ndarray, "positions"], count: int, level: int) -> None:
    outside = positions[(positions < 0) | (positions >= count)]
    if outside.size:
        raise ValueError(f"geometry: level {level}: positions must lie in 0..{count - 1}, found {int(outside[0])}")
    uses = np.bincount(positions, minlength=count)
    if (uses > 1).any():
        raise ValueError(f"geometry: level {level}: position {int(np.argmax(uses > 1))} is pooled {uses.max()} times")
    if (uses == 0).any():
        raise ValueError(f"geometry: level {level}: position {int(np.argmin(uses))} is not pooled")
