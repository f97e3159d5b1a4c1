"""What lies above and below every cut of a stack of layers, as chains of a given width, and what that leaves out.

    t_0 = 1 --layer--> s_1 --[compress]--> t_1 --layer--> s_2 --[compress]--> t_2 ..        |s_k - t_k| = lost_k

    |exact_k - t_k| <= sum over j <= k of (stretch of layers j + 1 .. k) lost_j

Source: Verstraete & Cirac 2004 (cond-mat/0407066), section 3; Schollwoeck 2011, section 4.5, for the compression. Uses
layers, canonical.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import NamedTuple

import numpy as np

from tnsim import memory
from tnsim.boundary.layers import Layer, applied, log_stretch, turned
from tnsim.canonical.compress import compressed
from tnsim.canonical.orthogonal import stepped
from tnsim.canonical.state import TreeState, chain
from tnsim.canonical.wiring import rooted

EPS = float(np.finfo(np.float64).eps)
WAYS_OUT = "Ways out: a smaller width=; a higher memory=."


class Boundary(NamedTuple):
    """All on one side of a cut, as a chain; None where it is zero.

    log_norm: ln of its norm; log_lost: ln of the norm of what its last compression left out, rounding included;
    discarded: the square of that over the square of the norm before, without rounding.
    """

    state: TreeState | None
    log_norm: float
    log_lost: float
    discarded: float


NOTHING = Boundary(None, -np.inf, -np.inf, 0.0)


class Sides(NamedTuple):
    """Of every cut what is above it and below it; above[k] holds the first k layers. stretches: ln, of every layer."""

    above: list[Boundary]
    below: list[Boundary]
    stretches: list[float]


def sides(layers: Sequence[Layer], width: int | None, limit: str | float | None = None) -> Sides:
    """Both sides of all cuts. Raises MemoryLimitError where they would not fit, ValueError for a width < 1."""
    if width is not None and width < 1:
        raise ValueError(f"width: wanted at least 1, found {width}")
    what = "A boundary that leaves out nothing" if width is None else f"A boundary of width {width}"
    memory.check(_bytes(layers, width), limit, what, WAYS_OUT)
    stretches = [log_stretch(layer) for layer in layers]
    above = _sweep(layers, stretches, width)
    below = _sweep([turned(layer) for layer in reversed(layers)], stretches[::-1], width)
    return Sides(above, below[::-1], stretches)


def _sweep(layers: Sequence[Layer], stretches: Sequence[float], width: int | None) -> list[Boundary]:
    found = [Boundary(chain([np.ones((1, 1, 1))] * len(layers[0])), 0.0, -np.inf, 0.0)]
    for layer, stretch in zip(layers, stretches, strict=True):
        found.append(_next(found[-1], layer, stretch, width))
    return found


def _next(before: Boundary, layer: Layer, stretch: float, width: int | None) -> Boundary:
    whole = None if before.state is None else _centred(applied(layer, before.state))
    if whole is None:
        return NOTHING._replace(log_lost=_rounding(before, stretch, layer))
    cut = compressed(whole, width)
    # Each cut is an orthogonal projection within the one before: the product of all 1 - w is what stays of the square.
    discarded = abs(float(np.expm1(np.log1p(-cut.discarded).sum())))
    centre = cut.state.cores[cut.state.centre or 0]
    log_norm = float(np.log(np.linalg.norm(centre)) + cut.state.log_scale)
    with np.errstate(divide="ignore"):
        log_lost = float(whole.log_scale + 0.5 * np.log(discarded))
    lost = float(np.logaddexp(log_lost, _rounding(before, stretch, layer)))
    return Boundary(cut.state, log_norm, lost, discarded)


def _rounding(before: Boundary, stretch: float, layer: Layer) -> float:
    """ln of what rounding may do in a layer, in making it and in its compression, to first order."""
    columns = sum(column.rounded for column in layer)
    widest = 1 if before.state is None else max(before.state.bond_dims, default=1)
    return float(np.log(64 * EPS * columns * widest**0.5)) + before.log_norm + stretch


def _centred(state: TreeState) -> TreeState | None:
    """`orthogonalised` at core 0, None for zero."""
    cores, log_scale = stepped(state, rooted(state.wiring, 0))
    norm = float(np.linalg.norm(cores[0]))
    if norm == 0:
        return None
    cores[0] = cores[0] / norm
    return state.with_cores(cores, 0, log_scale + np.log(norm))


class Reach(NamedTuple):
    """ln of bounds at every cut: on the distance of the chain from the exact side, and on the norm of that."""

    distance: list[float]
    norm: list[float]


def reach(boundaries: Sequence[Boundary], stretches: Sequence[float]) -> Reach:
    """Of one side; boundaries and stretches from where it begins."""
    distance, norm = [-np.inf], [0.0]
    for boundary, stretch in zip(boundaries[1:], stretches, strict=True):
        distance.append(float(np.logaddexp(stretch + distance[-1], boundary.log_lost)))
        norm.append(min(float(np.logaddexp(boundary.log_norm, distance[-1])), stretch + norm[-1]))
    return Reach(distance, norm)


def _bytes(layers: Sequence[Layer], width: int | None) -> float:
    """Kept chains of both sides, and four times the largest chain while it is compressed."""
    kept = largest = 0.0
    for way in (layers, [turned(layer) for layer in reversed(layers)]):
        legs, bonds = [1.0] * len(way[0]), [1.0] * (len(way[0]) + 1)
        for layer in way:
            shapes = [tuple(map(float, column.tensor.shape)) for column in layer]
            legs = [leg / shape[1] * shape[2] for leg, shape in zip(legs, shapes, strict=True)]
            grown = [bonds[0], *(bond * shape[3] for bond, shape in zip(bonds[1:], shapes, strict=True))]
            largest = max(largest, _numbers(legs, grown))
            bonds = [
                min(bond, prod(legs[:place]), prod(legs[place:]), float(width or np.inf))
                for place, bond in enumerate(grown)
            ]
            kept += _numbers(legs, bonds)
    size = max(column.tensor.itemsize for layer in layers for column in layer)
    return size * (kept + 4 * largest)


def _numbers(legs: Sequence[float], bonds: Sequence[float]) -> float:
    return sum(leg * left * right for leg, (left, right) in zip(legs, pairwise(bonds), strict=True))
