"""Convolutional arithmetic circuits: hyper-parameters -> wiring and initial banks, no more. THEORY section 1.

    h_y --[output]--( copy r_1 )==[conv_1]--( copy r_0 )==[conv_0]--- sites, dimension M

One level is a linear map at every position (a bank), then a product over each window (a copy tensor). Deep:
several levels (hierarchical Tucker). Shallow: one level with one global window (CP).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Num, PRNGKeyArray

from tnsim.architectures import geometry as geometries
from tnsim.architectures.grid import OnGrid, Shape
from tnsim.network import Network, Stack, Table, build

Banks = dict[str, Num[Array, "..."]]
SHARINGS = ("none", "window", "full")


@dataclass(frozen=True)
class ConvACArchitecture(OnGrid):
    """Hyper-parameters of a ConvAC, checked and normalised; equal ones are equal and hash alike.

    sites: int (1D) or (height, width), row-major. features: M, functions per site. channels: width r_l of every
    level. windows: one per level, an int in 1D, an int or pair in 2D, together covering all sites. classes: Y.
    sharing: "none", "window" or "full", for all levels or one per level. geometry: None for square windows,
    "mirror", or for every level the groups of positions pooled.

    Raises ValueError, naming the argument and the level, for shapes that do not fit.
    """

    sites: int | Shape
    features: int
    channels: Shape
    windows: tuple[int | Shape, ...]
    classes: int
    sharing: str | tuple[str, ...] = "none"
    geometry: str | tuple[Any, ...] | None = None  # groups as given; Tables once normalised

    def __post_init__(self) -> None:
        put = lambda name, value: object.__setattr__(self, name, value)  # noqa: E731  (a frozen dataclass)
        put("sites", _sites(self.sites))
        put("features", _positive("features", self.features))
        put("classes", _positive("classes", self.classes))
        put("windows", _windows(self.windows, self.grid))
        put("channels", _channels(self.channels, len(self.windows)))
        put("sharing", _sharing(self.sharing, len(self.windows)))
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
        return (self.features, *self.channels[:-1])

    @property
    def parameters(self) -> int:
        """Number of weights in all banks."""
        return sum(prod(shape) for shape in self.network.bank_shapes.values())

    @cached_property
    def network(self) -> Network:
        """The wiring, interned."""
        return wiring(self)

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

    def init(self, key: PRNGKeyArray, dtype=jnp.float32, start: str = "random") -> Banks:
        """Initial banks {"conv_0": (copies, r_0, M), .., "output": (classes, r_{L-1})}.

        start: "random", normal with variance 1/fan_in, or "residual", which trains at thousands of sites: channel 0
        is a constant, pinned, and every product is of factors near 1 (see `residual_start`).
        """
        if start == "random":
            return random_start(self, key, dtype)
        if start == "residual":
            return residual_start(self, key, dtype)
        raise ValueError(f"start: wanted 'random' or 'residual', found {start!r}")

    def to_json(self) -> dict:
        """The hyper-parameters as plain JSON values; `from_json` reads them back."""
        geometry = self.geometry
        if isinstance(geometry, tuple):
            geometry = [table.array.tolist() for table in geometry]  # type: ignore[assignment]
        return {
            "sites": self.sites, "features": self.features, "channels": self.channels, "windows": self.windows,
            "classes": self.classes, "sharing": self.sharing, "geometry": geometry,
        }  # fmt: skip

    @classmethod
    def from_json(cls, fields: dict):
        """The architecture that `to_json` described. Raises ValueError for missing or unknown fields."""
        wanted = {"sites", "features", "channels", "windows", "classes", "sharing", "geometry"}
        if not isinstance(fields, dict) or set(fields) != wanted:
            found = sorted(fields) if isinstance(fields, dict) else type(fields).__name__
            raise ValueError(f"architecture: wanted the fields {sorted(wanted)}, found {found}")
        tuples: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in fields.items()}
        return cls(**tuples)

    @classmethod
    def shallow(cls, sites: int | Shape, features: int, rank: int, classes: int, sharing: str = "none"):
        """The CP decomposition with `rank` terms: one level, one global window. THEORY section 1."""
        grid = _sites(sites)
        window = grid if isinstance(grid, int) else tuple(grid)
        return cls(
            sites=sites, features=features, channels=(rank,), windows=(window,), classes=classes, sharing=sharing
        )


def _positive(name: str, value) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name}: wanted a positive integer, found {value!r}")
    return int(value)


def _sites(sites) -> int | Shape:
    if isinstance(sites, (tuple, list)):
        if len(sites) != 2:
            raise ValueError(f"sites: wanted an int (1D) or (height, width), found {tuple(sites)}")
        return tuple(_positive("sites", n) for n in sites)
    return _positive("sites", sites)


def _window(window, level: int, dimensions: int) -> Shape:
    pair = tuple(window) if isinstance(window, (tuple, list)) else (window,) * dimensions
    if len(pair) != dimensions:
        raise ValueError(f"windows: level {level}: wanted {dimensions} number(s) for {dimensions}D sites, found {pair}")
    return tuple(_positive(f"windows: level {level}", n) for n in pair)


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


def _channels(channels, depth: int) -> Shape:
    if not isinstance(channels, (tuple, list)) or len(channels) != depth:
        raise ValueError(f"channels: wanted one width per level, {depth} in all, found {channels!r}")
    return tuple(_positive(f"channels: level {level}", width) for level, width in enumerate(channels))


def _sharing(sharing, depth: int) -> tuple[str, ...]:
    per_level = (sharing,) * depth if isinstance(sharing, str) else tuple(sharing)
    if len(per_level) != depth:
        raise ValueError(f"sharing: wanted one for all levels or one per level, {depth} in all, found {sharing!r}")
    for level, kind in enumerate(per_level):
        if kind not in SHARINGS:
            raise ValueError(f"sharing: level {level}: wanted one of {SHARINGS}, found {kind!r}")
    return per_level


def _geometry(arch: ConvACArchitecture) -> str | tuple[Table, ...] | None:
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


@lru_cache(maxsize=256)
def wiring(arch: ConvACArchitecture) -> Network:
    """The hypergraph of an architecture: one run of indices and one stack of matrices a level, and the output."""
    runs = [("site", arch.size, arch.features)]
    stacks, first = [], 0
    for level, (count, width) in enumerate(zip(arch.positions, arch.channels, strict=True)):
        groups = arch.groups(level)
        node, place = np.empty(count, np.int32), np.empty(count, np.int32)
        node[groups] = np.arange(len(groups), dtype=np.int32)[:, None]
        place[groups] = np.arange(groups.shape[1], dtype=np.int32)
        copies, slots = bank_slots(arch.sharing[level], count, place, groups.shape[1])
        legs = np.stack([first + count + node, first + np.arange(count, dtype=np.int32)], axis=1)
        stacks.append(Stack(f"conv_{level}", copies, (width, arch.widths_in[level]), Table(slots), Table(legs)))
        runs.append((f"pool_{level}", len(groups), width))
        first += count
    runs.append(("class", 1, arch.classes))
    legs = np.array([[first + 1, first]], dtype=np.int32)
    stacks.append(Stack("output", 0, (arch.classes, arch.channels[-1]), Table([0]), Table(legs)))
    return build(runs, stacks, np.arange(arch.size, dtype=np.int32), (first + 1,))


def bank_slots(sharing: str, count: int, place: Int[np.ndarray, "count"], window: int):
    """(copies, row of the bank that each position reads) under a sharing."""
    if sharing == "none":
        return count, np.arange(count, dtype=np.int32)
    return (window, place) if sharing == "window" else (1, np.zeros(count, dtype=np.int32))


def random_start(arch: ConvACArchitecture, key: PRNGKeyArray, dtype) -> Banks:
    """Every weight normal with variance 1/fan_in."""
    shapes = arch.network.bank_shapes
    drawn = zip(shapes.items(), _normals(key, list(shapes.values()), dtype), strict=True)
    return {name: normal / shape[-1] ** 0.5 for (name, shape), normal in drawn}


def _normals(key: PRNGKeyArray, shapes: Sequence[Shape], dtype) -> list[Num[Array, "..."]]:
    """Standard normal arrays, cut from one draw: a draw for each shape would compile each for seconds."""
    sizes = [prod(shape) for shape in shapes]
    drawn = jax.random.normal(key, (sum(sizes),), dtype)
    ends = np.cumsum(sizes)
    return [drawn[end - size : end].reshape(shape) for end, size, shape in zip(ends, sizes, shapes, strict=True)]


# The start of TRAINING.md, from no data: small residual products around 1, folded into plain banks.
SPREAD = 0.1  # std of a level's maps, times sqrt(fan_in): products of up to 64 factors stay of order 1
FEATURE_MEAN, FEATURE_VARIANCE = 0.5, 0.13  # of cos and sin of half a turn, over natural images


class Level(NamedTuple):
    """A bank in centred variables: v = offsets + maps (x - means) / sqrt(variances), without the constant channel."""

    maps: Num[Array, "copies r_out c"]
    offsets: Num[Array, "copies r_out"]
    means: Num[Array, "copies c"]
    variances: Num[Array, "c"]

    def folded(self) -> tuple[Num[Array, "copies r_out c"], Num[Array, "copies r_out"]]:
        """The same map of plain x: (K[:, 1:] = maps / sigma, K[:, 0] = offsets - sum_c K m). TRAINING, recipe 5."""
        maps = self.maps / jnp.sqrt(self.variances)[None, None]
        return maps, self.offsets - (maps * self.means[:, None]).sum(axis=-1)


def residual_maps(arch: ConvACArchitecture, key: PRNGKeyArray, dtype) -> dict[str, Level]:
    """The start that trains, by bank: maps ~ SPREAD N(0, 1/fan_in) around offsets of 1 (0 of the output, one copy).

    Moments from no data: those of cos and sin below the first level; above windows of k factors mean 1 and variance
    SPREAD^2 k (1 + (k - 1)/2). Raises ValueError for one feature or a width of 1, which leave nothing to train.
    """
    if min(arch.features, *arch.channels) < 2:
        raise ValueError(
            "start: 'residual' needs features and channels of at least 2 (channel 0 is the constant), "
            f"found features={arch.features}, channels={arch.channels}"
        )
    shapes = arch.network.bank_shapes
    trained = [(*shape[:-2], shape[-2] - (name != "output"), shape[-1] - 1) for name, shape in shapes.items()]
    levels, mean, variance = {}, FEATURE_MEAN, FEATURE_VARIANCE
    for name, drawn, k in zip(shapes, _normals(key, trained, dtype), (*arch.window_sizes, 1), strict=True):
        copies, r_out, c = drawn.shape if drawn.ndim == 3 else (1, *drawn.shape)
        maps = drawn.reshape(copies, r_out, c) * jnp.asarray(SPREAD / c**0.5, dtype)
        offsets = jnp.full((copies, r_out), float(name != "output"), dtype)
        levels[name] = Level(maps, offsets, jnp.full((copies, c), mean, dtype), jnp.full(c, variance, dtype))
        mean, variance = 1.0, SPREAD**2 * k * (1 + (k - 1) / 2)
    return levels


def residual_start(arch: ConvACArchitecture, key: PRNGKeyArray, dtype) -> Banks:
    """`residual_maps` as banks whose channel 0 is the constant 1, and the others products of 1 + (small maps).

    Feature 0 must be the constant 1. Raises ValueError as `residual_maps`.
    """
    return folded_banks(residual_maps(arch, key, dtype))


def folded_banks(levels: Mapping[str, Level]) -> Banks:
    """Plain banks of levels in centred variables, the rows of the constant channel joined on; the output has none."""
    banks = {}
    for name, level in levels.items():
        maps, constant = level.folded()
        bank = jnp.concatenate([constant[..., None], maps], axis=-1)
        row = constant_row((len(bank), 1, bank.shape[-1]), bank.dtype)
        banks[name] = bank[0] if name == "output" else jnp.concatenate([row, bank], axis=-2)
    return banks


def constant_row(shape: Shape, dtype) -> Num[Array, "copies 1 r_in"]:
    """Row 0 of a pinned bank: channel 0 copies the constant channel below it."""
    return jnp.zeros((shape[0], 1, shape[-1]), dtype).at[..., 0].set(1)
