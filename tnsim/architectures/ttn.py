"""Tree tensor networks with dense cores: hyper-parameters -> wiring and initial banks, no more. Uses layered.

    class --[output]---[core_0]--- site 0          output (classes, r, .., r), core_l (copies, r_l, r_{l-1}, ..),
               |          `------- site 1          a leg below for each place in the window
               `-------[core_0]--- site 2
                          `------- site 3

A ConvAC is the case of cores that are matrices on a copy tensor. Tucker: a matrix at every site, and one core.
Shi, Duan, Vidal 2006 (quant-ph/0511070); Liu et al. 2019, "Machine learning by unitary tensor network of hierarchical
tree structure" (arXiv 1710.04833).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Num, PRNGKeyArray

from tnsim.architectures.grid import Shape, one_of, sites_of
from tnsim.architectures.layered import Layered, bank_slots
from tnsim.architectures.starts import NOISE, Banks, isometries, standard
from tnsim.memory import check
from tnsim.network import Network, Stack, Table, build

__all__ = ["TTNArchitecture"]

STARTS = ("linear", "isometric", "random")


@dataclass(frozen=True)
class TTNArchitecture(Layered):
    """Hyper-parameters of a tree tensor network, checked and normalised; equal ones are equal and hash alike.

    sites: int (1D) or (height, width), row-major. features: M, functions per site. channels: dimension r_l of the bond
    above the nodes of every level but the last. windows: one per level, an int in 1D, an int or pair in 2D, together
    covering all sites. classes: Y, the leg of the last node. sharing: "none" or "full", for all levels or one per
    level. geometry: None for square windows, "mirror", or for every level the groups of positions that a node joins.

    Raises ValueError, naming the argument and the level, for shapes that do not fit.
    """

    sharings: ClassVar[tuple[str, ...]] = ("none", "full")
    closed: ClassVar[bool] = True

    @cached_property
    def network(self) -> Network:
        """The wiring, interned."""
        return wiring(self)

    def init(self, key: PRNGKeyArray, dtype=jnp.float32, start: str = "linear") -> Banks:
        """Initial banks {"core_0": (copies, r_0, M, .., M), .., "output": (classes, r_{L-2}, ..)}.

        start: "linear", near a function linear in the features, feature 0 being a constant of about 1 that index 0 of
        every bond hands on; "isometric", all cores isometries, so that the state of every class has norm 1; "random",
        normal, with norms kept on average. Raises ValueError where a bond is too wide for an isometry.
        """
        one_of("start", start, STARTS)
        shapes = self.network.bank_shapes
        check(8 * sum(prod(shape) for shape in shapes.values()), None, "all cores", "Take smaller windows.")
        drawn = standard(key, shapes, dtype)
        made = {"linear": _linear, "isometric": isometries, "random": _random}[start]
        return {name: made(noise, window) for (name, noise), window in zip(drawn.items(), self.window_sizes)}

    @classmethod
    def tucker(cls, sites: int | Shape, features: int, rank: int, classes: int, sharing: str = "none"):
        """The Tucker decomposition: a matrix (rank, M) at every site, and one core (classes, rank, .., rank)."""
        grid = sites_of(sites)
        windows: tuple[Any, ...] = (1, grid)
        kinds = (sharing, "none")
        return cls(sites=sites, features=features, channels=(rank,), windows=windows, classes=classes, sharing=kinds)


@lru_cache(maxsize=256)
def wiring(arch: TTNArchitecture) -> Network:
    """The hypergraph: a run of indices and a stack of cores a level, the last core's bank being the output."""
    runs, stacks, first = [("site", arch.size, arch.features)], [], 0
    for level, count in enumerate(arch.positions):
        groups, last = arch.groups(level), level == arch.depth - 1
        width = arch.classes if last else arch.channels[level]
        copies, slots = bank_slots(arch.sharing[level], len(groups), np.zeros(0, np.int32), 1)
        legs = np.concatenate([first + count + np.arange(len(groups))[:, None], first + groups], axis=1)
        shape = (width, *(arch.widths_in[level],) * groups.shape[1])
        name = "output" if last else f"core_{level}"
        stacks.append(Stack(name, 0 if last else copies, shape, Table(slots), Table(legs)))
        runs.append(("class" if last else f"bond_{level}", len(groups), width))
        first += count
    return build(runs, stacks, np.arange(arch.size, dtype=np.int32), (first,))


def _linear(noise: Num[Array, "..."], window: int) -> Num[Array, "..."]:
    """Sums of the children's vectors by random maps, constant times constant at index 0, and a little of the rest."""
    width = noise.shape[-1]
    made = noise * NOISE / width ** (window / 2) / window
    for place in range(window):
        axis = noise.ndim - window + place
        alone = tuple(slice(None) if a < noise.ndim - window or a == axis else 0 for a in range(noise.ndim))
        made = made.at[alone].set(noise[alone] / (window * width) ** 0.5)
    if noise.ndim == window + 2:  # a core, not the output
        made = made.at[:, 0].set(0).at[(slice(None), *(0,) * (window + 1))].set(1)
    return made


def _random(noise: Num[Array, "..."], window: int) -> Num[Array, "..."]:
    """Vectors of norm 1 below give one of norm 1 on average; class scores of order 1."""
    return noise / noise.shape[-1 - window] ** 0.5 if noise.ndim == window + 2 else noise
