"""Levels of windows over the sites: what architectures that are trees of them have. Uses grid and geometry.

    level 1     (  0  )                groups(1) = [[0, 1]]
                 |   |
    level 0     (0) (1)                groups(0) = [[0, 1], [2, 3]]
                | | | |
    sites       0 1 2 3
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Int

from tnsim.architectures import geometry as geometries
from tnsim.architectures.grid import OnGrid, Shape, one_of, positive, sites_of
from tnsim.network import Table

__all__ = ["SHARINGS", "Layered", "bank_slots", "parents"]

SHARINGS = ("none", "window", "full")


@dataclass(frozen=True)
class Layered(OnGrid):
    """Hyper-parameters of a tree in levels, checked and normalised; equal ones are equal and hash alike.

    sharings: the kinds of sharing there are. closed: whether the last level's node is the class leg's own tensor, so
    that it has no width among the channels.
    """

    sites: int | Shape
    features: int
    channels: Shape
    windows: tuple[int | Shape, ...]
    classes: int
    sharing: str | tuple[str, ...] = "none"
    geometry: str | tuple[Any, ...] | None = None  # groups as given; Tables once normalised

    sharings: ClassVar[tuple[str, ...]] = SHARINGS
    closed: ClassVar[bool] = False

    def __post_init__(self) -> None:
        put = lambda name, value: object.__setattr__(self, name, value)  # noqa: E731  (a frozen dataclass)
        put("sites", sites_of(self.sites))
        put("features", positive("features", self.features))
        put("classes", positive("classes", self.classes))
        put("windows", _windows(self.windows, self.grid))
        put("channels", _channels(self.channels, len(self.windows) - self.closed))
        put("sharing", _sharing(self.sharing, len(self.windows), self.sharings))
        put("geometry", _geometry(self))

    @property
    def depth(self) -> int:
        """Number of levels, L."""
        return len(self.windows)

    @property
    def window_sizes(self) -> Shape:
        """Positions pooled into one node, per level."""
        return tuple(prod(window) for window in self.windows)  # type: ignore[arg-type]

    @property
    def positions(self) -> Shape:
        """Number of positions of every level; the first is N."""
        return tuple(self.size // prod(self.window_sizes[:level]) for level in range(self.depth))

    @property
    def widths_in(self) -> Shape:
        """Channels that enter every level: M, then the width of the level below."""
        return (self.features, *self.channels)[: self.depth]

    def groups(self, level: int) -> Int[np.ndarray, "nodes window"]:
        """Positions of a level that each of its pooling nodes joins, in the order of their place in the window."""
        if isinstance(self.geometry, tuple):
            return self.geometry[level].array
        grids = [self.grid]
        for window in self.windows[:level]:
            grids.append(tuple(n // w for n, w in zip(grids[-1], window, strict=True)))  # type: ignore[arg-type]
        if self.geometry == "mirror":
            return geometries.mirror(grids[level])
        return geometries.square(grids[level], self.windows[level])  # type: ignore[arg-type]

    def sites_below(self, level: int) -> Int[np.ndarray, "nodes sites"]:
        """Sites in the subtree of every pooling node of a level, one row a node."""
        below = np.arange(self.size, dtype=np.int32)[:, None]
        for step in range(level + 1):
            groups = self.groups(step)
            below = below[groups].reshape(len(groups), -1)
        return below


def bank_slots(sharing: str, count: int, place: Int[np.ndarray, "count"], window: int):
    """(copies, row of the bank that each position reads) under a sharing."""
    if sharing == "none":
        return count, np.arange(count, dtype=np.int32)
    return (window, place) if sharing == "window" else (1, np.zeros(count, dtype=np.int32))


def parents(groups: Int[np.ndarray, "nodes window"]):
    """(node, place), each (positions,): the node that pools a position, and its place in the window."""
    node, place = np.empty(groups.size, np.int32), np.empty(groups.size, np.int32)
    node[groups] = np.arange(len(groups), dtype=np.int32)[:, None]
    place[groups] = np.arange(groups.shape[1], dtype=np.int32)
    return node, place


def _window(window, level: int, dimensions: int) -> Shape:
    pair = tuple(window) if isinstance(window, (tuple, list)) else (window,) * dimensions
    if len(pair) != dimensions:
        raise ValueError(f"windows: level {level}: wanted {dimensions} number(s) for {dimensions}D sites, found {pair}")
    return tuple(positive(f"windows: level {level}", n) for n in pair)


def _windows(windows, grid: Shape) -> tuple[Shape, ...]:
    if not isinstance(windows, (tuple, list)) or not windows:
        raise ValueError(f"windows: wanted one per level, found {windows!r}")
    pairs = tuple(_window(window, level, len(grid)) for level, window in enumerate(windows))
    left = grid
    for level, pair in enumerate(pairs):
        if any(n % w for n, w in zip(left, pair, strict=True)):
            raise ValueError(f"windows: level {level}: {pair} does not divide the {left} positions of that level")
        left = tuple(n // w for n, w in zip(left, pair, strict=True))
    if prod(left) != 1:
        raise ValueError(
            f"windows: level {len(pairs) - 1}: the last window must leave one node, found {left} after {pairs}"
        )
    return pairs


def _channels(channels, count: int) -> Shape:
    if not isinstance(channels, (tuple, list)) or len(channels) != count:
        raise ValueError(f"channels: wanted one width per level, {count} in all, found {channels!r}")
    return tuple(positive(f"channels: level {level}", width) for level, width in enumerate(channels))


def _sharing(sharing, depth: int, known: tuple[str, ...]) -> tuple[str, ...]:
    per_level = (sharing,) * depth if isinstance(sharing, str) else tuple(sharing)
    if len(per_level) != depth:
        raise ValueError(f"sharing: wanted one for all levels or one per level, {depth} in all, found {sharing!r}")
    for level, kind in enumerate(per_level):
        one_of(f"sharing: level {level}", kind, known)
    return per_level


def _geometry(arch: Layered) -> str | tuple[Table, ...] | None:
    geometry = arch.geometry
    if geometry is None:
        return None
    if isinstance(geometry, str):
        if geometry != "mirror":
            raise ValueError(f"geometry: wanted None, 'mirror' or the groups of every level, found {geometry!r}")
        for level, window in enumerate(arch.windows):
            if any(w != 2 for w in window):  # type: ignore[union-attr]
                raise ValueError(f"geometry: level {level}: mirror pooling needs windows of 2, found {window}")
        return geometry
    if not isinstance(geometry, Sequence) or len(geometry) != arch.depth:
        raise ValueError(
            f"geometry: wanted the groups of each of the {arch.depth} levels, found {type(geometry).__name__}"
        )
    sizes = zip(geometry, arch.positions, arch.window_sizes, strict=True)
    return tuple(
        Table(geometries.given(groups, count, window, level)) for level, (groups, count, window) in enumerate(sizes)
    )
