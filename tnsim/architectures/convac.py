"""Convolutional arithmetic circuits: hyper-parameters -> wiring and initial banks, no more. THEORY section 1.

    h_y --[output]--( copy r_1 )==[conv_1]--( copy r_0 )==[conv_0]--- sites, dimension M

One level is a linear map at every position (a bank), then a product over each window (a copy tensor). Deep:
several levels (hierarchical Tucker). Shallow: one level with one global window (CP).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Num, PRNGKeyArray

from tnsim.architectures.grid import Shape, sites_of
from tnsim.architectures.layered import Layered, bank_slots, parents
from tnsim.architectures.starts import normals
from tnsim.network import Network, Stack, Table, build

Banks = dict[str, Num[Array, "..."]]


@dataclass(frozen=True)
class ConvACArchitecture(Layered):
    """Hyper-parameters of a ConvAC, checked and normalised; equal ones are equal and hash alike.

    sites: int (1D) or (height, width), row-major. features: M, functions per site. channels: width r_l of every
    level. windows: one per level, an int in 1D, an int or pair in 2D, together covering all sites. classes: Y.
    sharing: "none", "window" or "full", for all levels or one per level. geometry: None for square windows,
    "mirror", or for every level the groups of positions pooled.

    Raises ValueError, naming the argument and the level, for shapes that do not fit.
    """

    @cached_property
    def network(self) -> Network:
        """The wiring, interned."""
        return wiring(self)

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

    @classmethod
    def shallow(cls, sites: int | Shape, features: int, rank: int, classes: int, sharing: str = "none"):
        """The CP decomposition with `rank` terms: one level, one global window. THEORY section 1."""
        grid = sites_of(sites)
        window = grid if isinstance(grid, int) else tuple(grid)
        return cls(
            sites=sites, features=features, channels=(rank,), windows=(window,), classes=classes, sharing=sharing
        )


@lru_cache(maxsize=256)
def wiring(arch: ConvACArchitecture) -> Network:
    """The hypergraph of an architecture: one run of indices and one stack of matrices a level, and the output."""
    runs = [("site", arch.size, arch.features)]
    stacks, first = [], 0
    for level, (count, width) in enumerate(zip(arch.positions, arch.channels, strict=True)):
        groups = arch.groups(level)
        node, place = parents(groups)
        copies, slots = bank_slots(arch.sharing[level], count, place, groups.shape[1])
        legs = np.stack([first + count + node, first + np.arange(count, dtype=np.int32)], axis=1)
        stacks.append(Stack(f"conv_{level}", copies, (width, arch.widths_in[level]), Table(slots), Table(legs)))
        runs.append((f"pool_{level}", len(groups), width))
        first += count
    runs.append(("class", 1, arch.classes))
    legs = np.array([[first + 1, first]], dtype=np.int32)
    stacks.append(Stack("output", 0, (arch.classes, arch.channels[-1]), Table([0]), Table(legs)))
    return build(runs, stacks, np.arange(arch.size, dtype=np.int32), (first + 1,))


def random_start(arch: ConvACArchitecture, key: PRNGKeyArray, dtype) -> Banks:
    """Every weight normal with variance 1/fan_in."""
    shapes = arch.network.bank_shapes
    drawn = zip(shapes.items(), normals(key, list(shapes.values()), dtype), strict=True)
    return {name: normal / shape[-1] ** 0.5 for (name, shape), normal in drawn}


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
    for name, drawn, k in zip(shapes, normals(key, trained, dtype), (*arch.window_sizes, 1), strict=True):
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
