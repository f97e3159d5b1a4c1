"""Partitions (A, B) of the sites: from names, site numbers and masks to one boolean mask. Above the architectures.

left-right    top-bottom    quadrant      center        chess:2       interleaved
A A . .       A A A A       A A . .       . . . .       A A . .       A . A .
A A . .       A A A A       A A . .       . A A .       A A . .       A . A .
A A . .       . . . .       . . . .       . A A .       . . A A       A . A .
A A . .       . . . .       . . . .       . . . .       . . A A       A . A .
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol, SupportsIndex, runtime_checkable

import numpy as np
from jaxtyping import Bool, Int

NAMES = (
    "left-right", "top-bottom", "quadrant", "center", "chess:k", "checkerboard", "interleaved", "window:l:j",
)  # fmt: skip
Partition = str | Iterable[SupportsIndex] | Bool[np.ndarray, "..."] | Int[np.ndarray, "..."]


@runtime_checkable
class Sites(Protocol):
    """What a partition needs to know of an architecture."""

    @property
    def grid(self) -> tuple[int, ...]: ...
    @property
    def size(self) -> int: ...
    @property
    def depth(self) -> int: ...
    def sites_below(self, level: int) -> Int[np.ndarray, "nodes sites"]: ...


@dataclass(frozen=True)
class Unlayered:
    """The sites of a network without levels, on a grid or in a row. Its windows are blocks that tile the grid: of level
    l, of 2^(l + 1) sites along each side, as long as these divide it (a side of 1 stays)."""

    grid: tuple[int, ...]

    @property
    def size(self) -> int:
        return prod(self.grid)

    @property
    def depth(self) -> int:
        sides = [side & -side for side in self.grid if side > 1]  # the largest power of 2 in each
        return min(sides, default=1).bit_length() - 1

    def sites_below(self, level: int) -> Int[np.ndarray, "nodes sites"]:
        block = [min(side, 2 ** (level + 1)) for side in self.grid]
        place = np.indices(self.grid).reshape(len(self.grid), -1)
        tiles = [side // b for side, b in zip(self.grid, block, strict=True)]
        node = np.ravel_multi_index(tuple(place // np.array(block)[:, None]), tuple(tiles))
        return np.argsort(node, kind="stable").reshape(prod(tiles), -1)


def sites_of(arch: Any) -> Sites:
    """What partitions ask of an architecture: itself where it has levels, else the blocks of its grid; where it has no
    grid either, its network's sites in a row."""
    if isinstance(arch, Sites):
        return arch
    return Unlayered(tuple(arch.grid) if hasattr(arch, "grid") else (len(arch.network.sites),))


def mask(arch: Sites, A: Partition, name: str = "partition") -> Bool[np.ndarray, "sites"]:
    """The set A of a partition as a boolean mask over the sites (True: in A).

    A: an iterable of site numbers, a boolean mask (flat, or of the grid's shape), or one of NAMES.
    Raises ValueError for an unknown name, sites out of range or named twice, and an A that is empty or everything.
    """
    chosen = _named(arch, A, name) if isinstance(A, str) else _listed(arch, A, name)
    if not chosen.any():
        raise ValueError(f"{name}: A must hold at least one site, found none")
    if chosen.all():
        raise ValueError(f"{name}: A must leave at least one site to B, found all {arch.size} sites in A")
    return chosen


def windows(arch: Sites, level: int) -> list[Bool[np.ndarray, "sites"]]:
    """One mask for each node of a level: the sites below it ("window:l", all of them)."""
    below = arch.sites_below(_level(arch, level, "window"))
    masks = np.zeros((len(below), arch.size), dtype=bool)
    masks[np.arange(len(below))[:, None], below] = True
    return list(masks)


def site_list(arch: Sites, sites: Any, name: str = "sites") -> list[int]:
    """Site numbers, checked: integers in range, none twice. Keeps their order."""
    try:
        numbers = np.asarray(list(sites))
    except TypeError as error:
        raise ValueError(f"{name}: wanted site numbers, found {sites!r}") from error
    if numbers.size == 0:
        return []
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        raise ValueError(f"{name}: wanted integer site numbers, found shape {numbers.shape} of type {numbers.dtype}")
    outside = numbers[(numbers < 0) | (numbers >= arch.size)]
    if outside.size:
        raise ValueError(f"{name}: sites must lie in 0..{arch.size - 1}, found {int(outside[0])}")
    unique, uses = np.unique(numbers, return_counts=True)
    if (uses > 1).any():
        raise ValueError(f"{name}: every site at most once, found {int(unique[uses > 1][0])} more than once")
    return [int(n) for n in numbers]


def site_set(arch: Sites, X: Partition, name: str = "sites") -> list[int]:
    """The sites of a set: site numbers in their order, or the True ones of a mask or a named side, ascending."""
    if isinstance(X, str) or np.asarray(X).dtype == bool:
        return [int(site) for site in np.flatnonzero(mask(arch, X, name))]
    return site_list(arch, X, name)


def _listed(arch: Sites, A: Any, name: str) -> Bool[np.ndarray, "sites"]:
    array = np.asarray(A) if hasattr(A, "__array__") or isinstance(A, (list, tuple)) else None
    if array is not None and array.dtype == bool:
        if array.shape not in ((arch.size,), arch.grid):
            raise ValueError(f"{name}: a mask must have shape {(arch.size,)} or {arch.grid}, found {array.shape}")
        return array.reshape(-1).copy()
    chosen = np.zeros(arch.size, dtype=bool)
    chosen[site_list(arch, A, name)] = True
    return chosen


def _named(arch: Sites, text: str, name: str) -> Bool[np.ndarray, "sites"]:
    height, width = arch.grid if len(arch.grid) == 2 else (1, arch.size)
    row, column = np.indices((height, width))
    plane = len(arch.grid) == 2
    simple = {
        "left-right": column < width // 2,
        "interleaved": column % 2 == 0,
        "top-bottom": row < height // 2 if plane else None,
        "quadrant": (row < height // 2) & (column < width // 2) if plane else column < width // 4,
        "center": _middle(column, width) & (_middle(row, height) if plane else True),
    }
    if text in simple:
        if simple[text] is None:
            raise ValueError(f"{name}: {text!r} needs sites=(height, width), found 1D sites={arch.size}")
        return simple[text].reshape(-1)
    if text == "checkerboard":
        text = "chess:1"
    if match := re.fullmatch(r"chess:([1-9]\d*)", text):
        k = int(match[1])
        return ((row // k + column // k) % 2 == 0).reshape(-1)
    if match := re.fullmatch(r"window:(\d+):(\d+)", text):
        return _window(arch, int(match[1]), int(match[2]), name)
    if re.fullmatch(r"window:(\d+)", text):
        raise ValueError(f"{name}: {text!r} names one partition per node; add :j, or take tnsim.partitions.windows")
    raise ValueError(f"{name}: wanted site numbers, a mask or one of {', '.join(NAMES)}; found {text!r}")


def _middle(coordinate: Int[np.ndarray, "..."], length: int) -> Bool[np.ndarray, "..."]:
    """The middle half by half."""
    return (coordinate >= length // 4) & (coordinate < length - length // 4)


def _level(arch: Sites, level: int, name: str) -> int:
    if not arch.depth:
        raise ValueError(f"{name}: wanted levels with windows, or a grid that blocks of 2 tile, found neither")
    if not 0 <= level < arch.depth:
        raise ValueError(f"{name}: levels are 0..{arch.depth - 1}, found {level}")
    return level


def _window(arch: Sites, level: int, node: int, name: str) -> Bool[np.ndarray, "sites"]:
    below = arch.sites_below(_level(arch, level, name))
    if node >= len(below):
        raise ValueError(f"{name}: level {level} has nodes 0..{len(below) - 1}, found {node}")
    chosen = np.zeros(arch.size, dtype=bool)
    chosen[below[node]] = True
    return chosen
