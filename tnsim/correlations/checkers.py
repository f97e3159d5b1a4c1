"""An order of the sites improved: neighbours' correlation raised by exact assignments, a colour at a time.

    b w b w        no two black places of a chess board touch: with the white sites held, what each black site would
    w b w b        gain at each black place is a table, and its best assignment is exact; then white, with black held
    b w b w

Each assignment is the best there is, so the sum over neighbours never falls; it ends at an order that no rearrangement
of one colour betters.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment

__all__ = ["assigned", "neighbours"]

TURNS = 40  # at most; images of 1024 pixels take about ten
GAIN = 1e-9  # relative: less is rounding


def neighbours(height: int, width: int) -> Bool[np.ndarray, "N N"]:
    """Which places of a row-major grid share an edge."""
    places = np.indices((height, width)).reshape(2, -1).T
    return np.abs(places[:, None] - places[None]).sum(axis=2) == 1


def assigned(
    rho: Float[np.ndarray, "N N"], order: Int[np.ndarray, "N"], height: int, width: int
) -> Int[np.ndarray, "N"]:
    """An order[place] = site whose neighbours correlate at least as much in sum as in the order given."""
    near, black = neighbours(height, width), np.indices((height, width)).sum(axis=0).ravel() % 2 == 0
    order, before = order.copy(), _sum(rho, order, near)
    for _ in range(TURNS if black.any() and not black.all() else 0):
        for places, held in ((black, ~black), (~black, black)):
            sites = order[places]
            gains = rho[np.ix_(sites, order[held])] @ near[np.ix_(held, places)]
            rows, columns = linear_sum_assignment(gains, maximize=True)
            order[np.flatnonzero(places)[columns]] = sites[rows]
        after = _sum(rho, order, near)
        if after <= before * (1 + GAIN):
            break
        before = after
    return order


def _sum(rho: Float[np.ndarray, "N N"], order: Int[np.ndarray, "N"], near: Bool[np.ndarray, "N N"]) -> float:
    return float(rho[np.ix_(order, order)][near].sum())
