"""ConvACs whose windows overlap or leave gaps: hyper-parameters -> wiring and initial banks. Over starts and network.

    out_l[u, g] = prod over places j of the window at u of (sum_c a^l_{u, j, g, c} out_{l-1}[u stride + j dilation, c])
    h_y = sum_g a_{y, g} prod over the positions u that are left of out_{L-1}[u, g]

    u = 0:  ( copy r )==[conv_0]--- site 0           A hidden vector that two windows read is no copy index (a
                     ==[conv_0]-+-- site 1           product of two is not linear in it): what is below it is
    u = 1:  ( copy r )==[conv_0]-+                   repeated for each, down to the sites. A site that many read
                     ==[conv_0]--- site 2            is one copy index, as its inputs are basis states.

Sharir & Shashua 2017, "On the expressive power of overlapping architectures" (arXiv 1703.02065); Levine, Sharir, Cohen,
Shashua 2019, "Quantum entanglement in deep learning architectures" (arXiv 1803.09780). Dilated: Cohen, Tamari, Shashua
2018, "Boosting dilated convolutional networks with mixed tensor decompositions" (arXiv 1703.06846).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Num, PRNGKeyArray

from tnsim.architectures.grid import OnGrid, Shape, one_of
from tnsim.architectures.starts import NOISE
from tnsim.memory import check
from tnsim.network import Network, Stack, Table, build

__all__ = ["DilatedConvAC", "OverlappingConvAC"]

SHARINGS = ("none", "window")
STARTS = ("random", "identity")
BOUNDARIES = ("valid", "periodic")
WIRING = 32  # bytes a tensor takes in the tables while they are made


@dataclass(frozen=True)
class OverlappingConvAC(OnGrid):
    """Hyper-parameters of an overlapping ConvAC, checked and normalised; equal ones are equal and hash alike.

    sites: int (1D) or (height, width), row-major. features: M, basis states of a site. channels: width r_l of every
    level. windows: one per level, an int, or a pair in 2D. strides: likewise; 1 by default, and with strides equal to
    the windows nothing overlaps (a `ConvAC` and its global product). boundary: "valid" (windows lie within the grid) or
    "periodic" (they go on at the other side, and strides must divide the grid). sharing: "window" (a weight for each
    place in the window, a convolution's) or "none" (one for each position and place).

    dilations: one per level likewise, how far apart the places of a window are; 1 by default.

    Amplitudes are scores at basis states. Scores are not multilinear in other features, as windows read a site twice;
    the network of `network`, with its copies, is.

    Raises ValueError, naming the argument and the level, for shapes that do not fit.
    """

    sites: int | Shape
    features: int
    channels: Shape
    windows: tuple[Any, ...]  # ints or pairs as given; a shape a level once normalised
    classes: int = 1
    strides: tuple[Any, ...] = ()
    boundary: str = "valid"
    sharing: str = "window"
    dilations: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        put = lambda name, value: object.__setattr__(self, name, value)  # noqa: E731  (a frozen dataclass)
        put("sites", self.sites if isinstance(self.sites, int) else tuple(self.sites))
        put("channels", tuple(self.channels))
        for name in ("boundary", "sharing"):
            known = {"boundary": BOUNDARIES, "sharing": SHARINGS}[name]
            if getattr(self, name) not in known:
                raise ValueError(f"{name}: wanted one of {known}, found {getattr(self, name)!r}")
        for name, numbers in (("sites", self.grid), ("channels", self.channels), ("features", (self.features,)),
                              ("classes", (self.classes,))):  # fmt: skip
            if not numbers or min(numbers) < 1:
                raise ValueError(f"{name}: wanted positive integers, found {getattr(self, name)!r}")
        put("windows", self._per_level("windows", self.windows))
        put("strides", self._per_level("strides", self.strides or (1,) * self.depth))
        put("dilations", self._per_level("dilations", self.dilations or (1,) * self.depth))
        for level in range(self.depth):
            self._check_level(level)
        self._check_sites()

    def _per_level(self, name: str, given) -> tuple[Shape, ...]:
        dimensions = len(self.grid)
        pairs = tuple((n,) * dimensions if isinstance(n, int) else tuple(n) for n in given)
        if len(pairs) != self.depth or any(len(pair) != dimensions or min(pair) < 1 for pair in pairs):
            raise ValueError(
                f"{name}: wanted {dimensions} positive number(s) for each of {self.depth} levels, found {given!r}"
            )
        return pairs

    def _check_level(self, level: int) -> None:
        grid, window, stride = self.grids[level], self.spans[level], self.strides[level]
        if any(w > n for w, n in zip(window, grid, strict=True)):
            raise ValueError(f"windows: level {level}: wanted at most {grid}, the positions there are, found {window}")
        periodic = self.boundary == "periodic"
        ways = list(zip(grid, window, stride, strict=True))
        gaps = any(d > 1 for d in self.dilations[level])  # not every position need be read then
        if any((s > w and not gaps) or (n if periodic else n - w) % s for n, w, s in ways):
            raise ValueError(
                f"strides: level {level}: wanted windows {window} that read every one of {grid} positions "
                f"({self.boundary}), found {stride}"
            )

    def _check_sites(self) -> None:
        read = np.arange(prod(self.grids[-1]))
        for level in reversed(range(self.depth)):
            read = np.unique(self.reads(level)[read])
        if len(read) < self.size:
            left = int(np.setdiff1d(np.arange(self.size), read)[0])
            raise ValueError(f"dilations: wanted every site read, found site {left} in none, {self.dilations} apart")

    @property
    def depth(self) -> int:
        """Number of levels, L."""
        return len(self.channels)

    @property
    def spans(self) -> tuple[Shape, ...]:
        """How far the windows of every level reach, gaps included."""
        levels = zip(self.windows, self.dilations, strict=True)
        return tuple(tuple((w - 1) * d + 1 for w, d in zip(*level, strict=True)) for level in levels)

    @property
    def widths(self) -> Shape:
        """M, then the width of every level."""
        return (self.features, *self.channels)

    @cached_property
    def grids(self) -> tuple[Shape, ...]:
        """Shape of what every level reads, and at last of the positions whose product the output takes."""
        found = [self.grid]
        for window, stride in zip(self.spans, self.strides, strict=True):
            lengths = zip(found[-1], window, stride, strict=True)
            periodic = self.boundary == "periodic"
            found.append(tuple(n // s if periodic else (n - w) // s + 1 for n, w, s in lengths))
        return tuple(found)

    def reads(self, level: int) -> Int[np.ndarray, "positions window"]:
        """The positions below that the window at each position of a level reads; both row-major."""
        axes = []
        numbers = (self.grids[level], self.grids[level + 1], self.windows[level], self.strides[level])
        for below, count, window, stride, apart in zip(*numbers, self.dilations[level], strict=True):
            axes.append((np.arange(count)[:, None] * stride + np.arange(window) * apart) % below)
        if len(axes) == 1:
            return axes[0]
        rows, columns = axes
        flat = rows[:, None, :, None] * self.grids[level][1] + columns[None, :, None, :]
        return flat.reshape(len(rows) * len(columns), -1)

    def slots(self, level: int) -> Int[np.ndarray, "positions window"]:
        """The row of the bank that each position and place of a level uses."""
        shape = self.reads(level).shape
        if self.sharing == "window":
            return np.broadcast_to(np.arange(shape[1]), shape)
        return np.arange(prod(shape)).reshape(shape)

    @property
    def levels(self) -> tuple[tuple, ...]:
        """Of every level its bank, the tables of `reads` and `slots`, and its widths (in, out)."""
        tables = [(Table(self.reads(level)), Table(self.slots(level))) for level in range(self.depth)]
        widths = zip(self.widths, self.channels, strict=False)
        return tuple((f"conv_{level}", *both, pair) for level, (both, pair) in enumerate(zip(tables, widths)))

    @cached_property
    def network(self) -> Network:
        """The wiring, interned: a tree whose leaves are tied at the sites. Raises MemoryLimitError if too large."""
        return wiring(self)

    @property
    def bank_shapes(self) -> dict[str, Shape]:
        """Shape of every bank: {"conv_0": (copies, r_0, M), .., "output": (classes, r_{L-1})}."""
        found: dict[str, Shape] = {
            f"conv_{level}": (int(self.slots(level).max()) + 1, self.widths[level + 1], self.widths[level])
            for level in range(self.depth)
        }
        return {**found, "output": (self.classes, self.channels[-1])}

    def init(self, key: PRNGKeyArray, dtype=jnp.float32, start: str = "random") -> dict[str, Num[Array, "..."]]:
        """Initial banks; start: "random", normal with variance 1/fan_in, or "identity", whose scores are of order 1 at
        many sites: a channel hands on the one below it, feature 0, which should be about 1, enters all of them as it
        is, and the noise beside adds up to a fraction over all products.
        """
        one_of("start", start, STARTS)
        shapes = self.bank_shapes
        keys = jax.random.split(key, len(shapes))
        drawn = {
            name: jax.random.normal(one, shape, dtype) / shape[-1] ** 0.5
            for one, (name, shape) in zip(keys, shapes.items(), strict=True)
        }
        if start == "random":
            return drawn
        near = {f"conv_{level}": self._near(level, drawn[f"conv_{level}"]) for level in range(self.depth)}
        apart = drawn["output"] - drawn["output"].mean(-1, keepdims=True)  # what all channels share is of no class
        return {**near, "output": apart}

    def _near(self, level: int, drawn: Num[Array, "copies r c"]) -> Num[Array, "copies r c"]:
        """A channel as it was, and noise: a matrix that is read again and again adds up its own."""
        copies, width, below = drawn.shape
        readings = prod(self.grids[-1]) * prod(prod(window) for window in self.windows[level:])
        channel = np.zeros(width, int) if level == 0 else np.arange(width) % below
        constant = jnp.asarray(np.eye(below)[channel], drawn.dtype)
        return drawn * (NOISE * copies**0.5 / readings) + constant[None]


@dataclass(frozen=True)
class DilatedConvAC(OverlappingConvAC):
    """An `OverlappingConvAC` whose windows leave gaps: by default the places of a window of level l are as far apart as
    all windows below multiply up to, so that each position sees a tree of sites, and neighbours share parts of them.

    Hyper-parameters and errors as there.
    """

    def __post_init__(self) -> None:
        if not self.dilations:
            windows = [w if isinstance(w, int) else tuple(w) for w in self.windows]
            object.__setattr__(self, "dilations", _growing(windows))
        super().__post_init__()


def _growing(windows: list[Any]) -> tuple[Any, ...]:
    """Products of all windows before each."""
    pairs = [(w,) if isinstance(w, int) else w for w in windows]
    found = [tuple(prod(ways) for ways in zip(*pairs[:level], strict=True)) for level in range(1, len(pairs))]
    return ((1,) * len(pairs[0]), *found) if pairs else ()


@lru_cache(maxsize=256)
def wiring(arch: OverlappingConvAC) -> Network:
    """The hypergraph: hidden positions repeated for each window that reads them; the last level meets in one index."""
    nodes = _repeated(arch)
    runs = [("site", arch.size, arch.features)]
    runs += [(f"pool_{level}", len(nodes[level]), arch.channels[level]) for level in range(arch.depth - 1)]
    runs += [(f"pool_{arch.depth - 1}", 1, arch.channels[-1]), ("class", 1, arch.classes)]
    first = np.cumsum([0, *(count for _, count, _ in runs)])
    stacks = []
    for level, copies in enumerate(nodes):
        reads = arch.reads(level)[copies].ravel()
        below = reads if level == 0 else first[level] + np.arange(len(reads))
        above = np.repeat(np.arange(len(copies)) if level + 1 < arch.depth else 0 * copies, arch.reads(level).shape[1])
        shape = (arch.widths[level + 1], arch.widths[level])
        legs = np.stack([first[level + 1] + above, below], axis=1)
        rows = arch.bank_shapes[f"conv_{level}"][0]
        stacks.append(Stack(f"conv_{level}", rows, shape, Table(arch.slots(level)[copies].ravel()), Table(legs)))
    top = int(first[arch.depth])
    stacks.append(Stack("output", 0, (arch.classes, arch.channels[-1]), Table([0]), Table([[top + 1, top]])))
    return build(runs, stacks, np.arange(arch.size, dtype=np.int32), (top + 1,))


def _repeated(arch: OverlappingConvAC) -> list[Int[np.ndarray, "_"]]:
    """For every level the positions of its nodes, one node for each window that reads it, from the sites up."""
    windows = [prod(window) for window in arch.windows]
    count = prod(arch.grids[-1])
    tensors = sum(count * prod(windows[level:]) for level in range(arch.depth))
    check(WIRING * tensors, None, f"a wiring of {tensors} tensors", "Take fewer levels, or larger strides.")
    nodes = [np.arange(count)]
    for level in reversed(range(1, arch.depth)):
        nodes.insert(0, arch.reads(level)[nodes[0]].ravel())
    return nodes
