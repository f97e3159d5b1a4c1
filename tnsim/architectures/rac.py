"""Recurrent arithmetic circuits: hyper-parameters -> wiring and initial banks, no more. Uses grid and starts.

    h_t = (W_in x_t) * (W_hid h_{t-1})     t = 1 .. N, elementwise          h_y = sum_g a_{y, g} h_N[g]

    [start]--[hidden]--( copy R )--[hidden]--( copy R )-- .. --( copy R )--[output]-- class
                        [input]               [input]           [input]
                           |                     |                 |
                         site 0                site 1          site N - 1

One layer: of a deeper circuit no copy tensors are enough, as vectors that two layers read are multiplied by themselves
(`bounds.relatives.recurrent` has its ranks). Levine, Sharir, Ziv, Shashua 2017, "On the long-term memory of deep
recurrent networks" (arXiv 1710.09431).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from tnsim.architectures.grid import OnGrid, Shape, one_of, positive, sites_of
from tnsim.architectures.layered import bank_slots
from tnsim.architectures.starts import NOISE, Banks, standard
from tnsim.network import Network, Stack, Table, build

__all__ = ["RACArchitecture"]

SHARINGS = ("full", "none")
STARTS = ("identity", "random")


@dataclass(frozen=True)
class RACArchitecture(OnGrid):
    """Hyper-parameters of a recurrent arithmetic circuit, checked; equal ones are equal and hash alike.

    sites: its steps, an int or (height, width) read row by row. features: M, functions of an input. width: R, of the
    hidden vector. classes: Y, scores after the last step. sharing: "full", the same weights at all steps, or "none".

    Raises ValueError, naming the argument, for what does not fit.
    """

    sites: int | Shape
    features: int
    width: int
    classes: int
    sharing: str = "full"

    def __post_init__(self) -> None:
        put = lambda name, value: object.__setattr__(self, name, value)  # noqa: E731  (a frozen dataclass)
        put("sites", sites_of(self.sites))
        for name in ("features", "width", "classes"):
            put(name, positive(name, getattr(self, name)))
        one_of("sharing", self.sharing, SHARINGS)

    @cached_property
    def network(self) -> Network:
        """The wiring, interned."""
        return wiring(self)

    def init(self, key: PRNGKeyArray, dtype=jnp.float32, start: str = "identity") -> Banks:
        """Initial banks {"input": (copies, R, M), "hidden": (copies, R, R), "start": (R,), "output": (classes, R)}.

        start: "identity", where the hidden vector is handed on and feature 0, which should be about 1, leaves it as it
        is, with noise that adds up to a fraction over all steps; or "random", normal with variance 1/fan_in.
        """
        one_of("start", start, STARTS)
        drawn = standard(key, self.network.bank_shapes, dtype)
        drawn["output"] = drawn["output"] / self.width**0.5
        if start == "random":
            made = {"input": drawn["input"] / self.features**0.5, "hidden": drawn["hidden"] / self.width**0.5}
            return drawn | made
        steps = self.size**0.5
        near = drawn["hidden"] * NOISE / (steps * self.width) + jnp.eye(self.width, dtype=dtype)[None]
        driven = drawn["input"] * NOISE / (steps * self.features**0.5)
        return drawn | {"input": driven.at[:, :, 0].add(1), "hidden": near, "start": jnp.ones_like(drawn["start"])}


@lru_cache(maxsize=256)
def wiring(arch: RACArchitecture) -> Network:
    """The hypergraph: sites, then hidden vectors h_0 .. h_N, then the class."""
    steps, R = arch.size, arch.width
    state = steps + np.arange(steps + 1)
    runs = [("site", steps, arch.features), ("state", steps + 1, R), ("class", 1, arch.classes)]
    copies, slots = bank_slots(arch.sharing, steps, np.zeros(0, np.int32), 1)
    read = np.stack([state[1:], np.arange(steps)], axis=1)
    move = np.stack([state[1:], state[:-1]], axis=1)
    top = int(state[-1])
    stacks = [
        Stack("input", copies, (R, arch.features), Table(slots), Table(read)),
        Stack("hidden", copies, (R, R), Table(slots), Table(move)),
        Stack("start", 0, (R,), Table([0]), Table([[steps]])),
        Stack("output", 0, (arch.classes, R), Table([0]), Table([[top + 1, top]])),
    ]
    return build(runs, stacks, np.arange(steps, dtype=np.int32), (top + 1,))
