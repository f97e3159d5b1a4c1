"""The number of a stack of layers, from both sides of the cut in its middle, with what the widths may have done to it.

    value = <below_m, above_m>        exact - value = sum_k <exact below_k, s_k - t_k> + the same from below - product

    bound:     sum_k lost_k |exact side opposite|, that norm by its chain's and how far this may be off; rigorous
    estimate:  the same with the chain's norm alone: what the bound is to first order in what was lost

Both are Cauchy and Schwarz, so that a true error is most often far smaller. Uses sweeps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Num

from tnsim.boundary.layers import Layer
from tnsim.boundary.sweeps import Sides, reach, sides
from tnsim.canonical.overlap import overlap
from tnsim.canonical.state import TreeState


@dataclass(frozen=True, eq=False)
class Contracted:
    """value * exp(log_scale), and how far off it may be: numbers, or arrays (batch,).

    bound: on |value - exact|, rigorous (rounding to first order); estimate: the same with norms of what follows as the
    boundary has them; both times exp(log_scale). discarded: (.., layers) the weight that each layer's compression left
    out of what it was given, from above down to the middle, from below up to it.
    """

    value: Num[np.ndarray, "*batch"]
    log_scale: Float[np.ndarray, "*batch"]
    bound: Float[np.ndarray, "*batch"]
    estimate: Float[np.ndarray, "*batch"]
    discarded: Float[np.ndarray, "*batch layers"]

    def __repr__(self) -> str:
        if self.value.ndim:
            worst = np.max(self.estimate / np.abs(self.value), initial=0.0)
            return f"Contracted({len(self.value)} values, each within about {worst:.1g} of itself)"
        number = f"{self.value:.8g} * exp({self.log_scale:.8g})"
        return f"Contracted({number}, within {self.bound:.1g}, about {self.estimate:.1g})"


def contracted(layers: Sequence[Layer], width: int | None, limit: str | float | None = None) -> Contracted:
    """The number of all layers, at most `width` wide. Raises as `sides`."""
    found, cut = sides(layers, width, limit), len(layers) // 2
    value, log_scale = closed(found, cut)
    bound, estimate = errors(found, cut)
    with np.errstate(over="ignore"):
        ends = (np.exp(bound - log_scale), np.exp(estimate - log_scale))
    lost = [*(one.discarded for one in found.above[1 : cut + 1]), *(one.discarded for one in found.below[cut:-1])]
    return Contracted(np.asarray(value), *map(np.asarray, (log_scale, *ends, lost)))


def closed(found: Sides, cut: int) -> tuple[complex | float, float]:
    """(value at modulus 1, log_scale) of the two sides of a cut; zero has log_scale 0."""
    above, below = found.above[cut].state, found.below[cut].state
    if above is None or below is None:
        return 0.0, 0.0
    value, log_scale = (np.asarray(part).item() for part in overlap(conjugated(below), above))
    size = abs(value)
    return (value / size, float(log_scale + np.log(size))) if size else (0.0, 0.0)


def conjugated(state: TreeState) -> TreeState:
    """The complex conjugate."""
    return replace(state, cores=tuple(core.conj() for core in state.cores))


def errors(found: Sides, cut: int) -> tuple[float, float]:
    """ln of the bound and of the estimate."""
    above = reach(found.above, found.stretches)
    below = reach(found.below[::-1], found.stretches[::-1])
    last = len(found.above) - 1
    first_order, rigorous = [-np.inf], [above.distance[cut] + below.distance[last - cut]]
    for k in range(1, cut + 1):
        first_order.append(found.above[k].log_lost + found.below[k].log_norm)
        rigorous.append(found.above[k].log_lost + below.norm[last - k])
    for k in range(cut, last):
        first_order.append(found.below[k].log_lost + found.above[k].log_norm)
        rigorous.append(found.below[k].log_lost + above.norm[k])
    return float(np.logaddexp.reduce(rigorous)), float(np.logaddexp.reduce(first_order))


def batch(parts: Sequence[Contracted]) -> Contracted:
    """Several as one."""
    names = ("value", "log_scale", "bound", "estimate", "discarded")
    return Contracted(*(np.stack([getattr(part, name) for part in parts]) for name in names))
