"""The widths that lose least under a budget: exact, by dynamic programming along the levels. Uses costs.

    level by level from the sites, for every width r_l:  the choices below by (cost so far, lost so far), without those
    that another one of the same r_l beats in both

Costs couple a width only to the one below, and losses add up: what is dropped can be completed to nothing better.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from tnsim.design.costs import Costs

__all__ = ["Widths", "least_loss", "width_front"]

EVERY = 48  # widths up to which each integer is tried,
STEP = 1 / 16  # and beyond, every so much of them


class Widths(NamedTuple):
    """One width a level, what they cost, and what they lose."""

    channels: tuple[int, ...]
    cost: int
    loss: float


class _Choices(NamedTuple):
    """Choices of the widths up to a level; parent: the choice below that each of them extends."""

    cost: Int[np.ndarray, "n"]
    loss: Float[np.ndarray, "n"]
    width: Int[np.ndarray, "n"]
    parent: Int[np.ndarray, "n"]


def least_loss(lost: Float[np.ndarray, "levels ranks"], costs: Costs, most: float) -> Widths:
    """The widths of least loss that cost no more than `most`; of equal ones the cheapest.

    lost: row l what level l loses at width r = 0, 1, ..; the widths tried are `grid_of` its ranks. Raises ValueError
    where even widths of 1 cost more, naming what they cost.
    """
    return width_front(lost, costs, most)[-1]


def width_front(lost: Float[np.ndarray, "levels ranks"], costs: Costs, most: float) -> tuple[Widths, ...]:
    """Every (cost, loss) up to the budget that no other widths beat in both; dearest, and best, last."""
    depth = len(lost)
    costs.check(most)
    start = np.array([costs.fixed], np.int64), np.zeros(1), np.array([costs.features], np.int64), np.zeros(1, np.int64)
    found = [_Choices(*start)]
    for level in range(depth):
        found.append(_extended(found[-1], level, lost[level], costs, most - _least_above(costs, level, depth)))
    last = found[-1]
    total = last.cost + costs.last * last.width
    paid = np.flatnonzero(total <= most)
    kept = paid[_unbeaten(total[paid], last.loss[paid])]
    return tuple(Widths(_walk(found, int(place)), int(total[place]), float(last.loss[place])) for place in kept)


def grid_of(ranks: int) -> Int[np.ndarray, "widths"]:
    """The widths tried, up to ranks - 1: every integer to EVERY, then steps of STEP of them."""
    widths, most = [], max(ranks - 1, 1)
    width = 1
    while width <= most:
        widths.append(width)
        width += max(1, int(width * STEP) if width >= EVERY else 1)
    return np.array(widths, np.int64)


def _least_above(costs: Costs, level: int, depth: int) -> int:
    """What levels above one add at the least, widths of 1; the pair right above it counted at a width of 1 below."""
    return sum(costs.level(above, 1, 1) for above in range(level + 1, depth)) + costs.last


def _extended(below: _Choices, level: int, lost: Float[np.ndarray, "ranks"], costs: Costs, most: float) -> _Choices:
    parts = []
    for width in grid_of(len(lost)).tolist():
        cost = below.cost + (costs.pair[level] * below.width + costs.single[level]) * width
        places = np.flatnonzero(cost <= most)
        if not len(places):
            break
        loss = below.loss[places] + lost[width]
        kept = _unbeaten(cost[places], loss)
        parts.append(_Choices(cost[places][kept], loss[kept], np.full(len(kept), width), places[kept]))
    return _Choices(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _unbeaten(cost: Int[np.ndarray, "n"], loss: Float[np.ndarray, "n"]) -> Int[np.ndarray, "k"]:
    """Places of the choices that no other one beats, by ascending cost."""
    order = np.lexsort((loss, cost))
    best = np.minimum.accumulate(loss[order])
    first = np.concatenate([[True], best[1:] < best[:-1]])
    return order[first]


def _walk(found: list[_Choices], place: int) -> tuple[int, ...]:
    """The widths of a choice of the last level, from the sites up."""
    widths = []
    for choices in reversed(found[1:]):
        widths.append(int(choices.width[place]))
        place = int(choices.parent[place])
    return tuple(reversed(widths))
