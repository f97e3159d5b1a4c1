"""Multiscale entanglement renormalisation: hyper-parameters -> wiring and initial banks, no more. Uses grid, starts.

    class --[output]--.--------------.             a level, from the sites up: disentanglers (a', b', a, b) across the
                     [w]            [w]            borders of pairs, then isometries (r', a, b) that join the pairs.
                    /   \\          /   \\           Periodic: a disentangler across the ends too, of at least 4 sites
               ----'     '--[u]---'     '----
               site 0   site 1   site 2   site 3

As a map from the output down to the sites every tensor is an isometry in the isometric start, so each class is a state
of norm 1. Vidal 2007, "Entanglement renormalization" (cond-mat/0512165); Vidal 2008 (quant-ph/0610099).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from tnsim.architectures.grid import OnGrid, Shape, one_of, positive
from tnsim.architectures.layered import bank_slots
from tnsim.architectures.starts import Banks, isometries, standard
from tnsim.network import Network, Stack, Table, build

__all__ = ["MERAArchitecture"]

BOUNDARIES = ("periodic", "open")
SHARINGS = ("none", "level")
STARTS = ("isometric", "random")


@dataclass(frozen=True)
class MERAArchitecture(OnGrid):
    """Hyper-parameters of a binary MERA in one dimension, checked; equal ones are equal and hash alike.

    sites: a power of 2, at least 2. features: M, functions per site. bond: the largest dimension above the sites; that
    of a level is the least of it and the square of the dimension below. classes: Y, of the leg at the top. boundary:
    "periodic" or "open". sharing: "none", or "level", one disentangler and one isometry for a level.

    Raises ValueError, naming the argument, for what does not fit.
    """

    sites: int
    features: int
    bond: int
    classes: int = 1
    boundary: str = "periodic"
    sharing: str = "none"

    def __post_init__(self) -> None:
        put = lambda name, value: object.__setattr__(self, name, value)  # noqa: E731  (a frozen dataclass)
        for name in ("sites", "features", "bond", "classes"):
            put(name, positive(name, getattr(self, name)))
        if self.sites < 2 or self.sites & (self.sites - 1):
            raise ValueError(f"sites: wanted a power of 2, at least 2, found {self.sites}")
        one_of("boundary", self.boundary, BOUNDARIES)
        one_of("sharing", self.sharing, SHARINGS)

    @property
    def levels(self) -> int:
        """Levels of disentanglers and isometries below the output."""
        return self.sites.bit_length() - 2

    @property
    def dims(self) -> Shape:
        """M, then the dimension above every level."""
        found = [self.features]
        for _ in range(self.levels):
            found.append(min(self.bond, found[-1] ** 2))
        return tuple(found)

    @cached_property
    def network(self) -> Network:
        """The wiring, interned."""
        return wiring(self)

    def init(self, key: PRNGKeyArray, dtype=jnp.float32, start: str = "isometric") -> Banks:
        """Initial banks {"disentangler_0": (copies, M, M, M, M), "isometry_0": (copies, r_0, M, M), ..,
        "output": (classes, r, r)}.

        start: "isometric", or "random", normal, with norms kept on average. Raises ValueError for an isometric start of
        more classes than the top's dimension squared.
        """
        one_of("start", start, STARTS)
        drawn = standard(key, self.network.bank_shapes, dtype)
        return {name: self._started(name, noise, start) for name, noise in drawn.items()}

    def _started(self, name: str, noise, start: str):
        gate = name.startswith("disentangler")
        if start == "random":
            return noise / noise.shape[-1] if gate else noise / (1 if name == "output" else noise.shape[1] ** 0.5)
        flat = noise.reshape(len(noise), noise.shape[1] ** 2, -1) if gate else noise
        return isometries(flat, 1 if gate else 2).reshape(noise.shape)


class _Indices:
    """Runs of indices, as they are handed out."""

    def __init__(self) -> None:
        self.runs: list[tuple[str, int, int]] = []
        self.count = 0

    def new(self, name: str, count: int, dim: int) -> np.ndarray:
        """So many fresh indices."""
        self.runs.append((name, count, dim))
        self.count += count
        return np.arange(self.count - count, self.count, dtype=np.int32)


@lru_cache(maxsize=256)
def wiring(arch: MERAArchitecture) -> Network:
    """The hypergraph, level by level from the sites up; legs of a tensor above, then below."""
    indices, stacks = _Indices(), []
    sites = below = indices.new("site", arch.sites, arch.features)
    for level, (dim, above) in enumerate(zip(arch.dims, arch.dims[1:], strict=False)):
        left = np.arange(1, len(below) - (arch.boundary == "open"), 2)
        pairs = np.stack([left, (left + 1) % len(below)], axis=1)
        lifted = below.copy()
        lifted[pairs.ravel()] = indices.new(f"between_{level}", pairs.size, dim)
        gates = np.concatenate([lifted[pairs], below[pairs]], axis=1)
        stacks.append(_stack(arch, f"disentangler_{level}", (dim,) * 4, gates))
        below = indices.new(f"bond_{level}", len(lifted) // 2, above)
        joins = np.concatenate([below[:, None], lifted.reshape(-1, 2)], axis=1)
        stacks.append(_stack(arch, f"isometry_{level}", (above, dim, dim), joins))
    (top,) = indices.new("class", 1, arch.classes)
    shape = (arch.classes, arch.dims[-1], arch.dims[-1])
    stacks.append(Stack("output", 0, shape, Table([0]), Table([[top, *below]])))
    return build(indices.runs, stacks, sites, (int(top),))


def _stack(arch: MERAArchitecture, name: str, shape: Shape, legs: np.ndarray) -> Stack:
    sharing = "none" if arch.sharing == "none" else "full"
    copies, slots = bank_slots(sharing, len(legs), np.zeros(0, np.int32), 1)
    return Stack(name, copies, shape, Table(slots), Table(legs))
