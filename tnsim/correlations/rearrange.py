"""An order of the sites that lowers entanglement across canonical partitions. Uses surrogate, bisection, checkers.

    order[place] = the site that is to lie there          x[:, order]: the rearranged samples

By recursive balanced bisection of the graph of correlations: the cut at a node of the tree is the surrogate
entanglement of that canonical partition within its parent (arXiv 2303.11249, section 5). On a grid the two halves of a
rectangle are halves of its longer side, so that quadrants of quadrants come out, as 2 x 2 windows pool them. A cut does
not say which half lies left: each pair of halves is turned to where its outer neighbours pull. Exact assignments, one
colour of a chess board at a time, then raise what neighbours share.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from tnsim.correlations.bisection import bisected
from tnsim.correlations.checkers import assigned, neighbours
from tnsim.correlations.surrogate import Correlations

__all__ = ["Rearrangement", "rearranged"]


class Rearrangement(NamedTuple):
    """order[place] = site; `x[:, order]` lies as found. constant: sites that correlate with nothing, put where room is.

    before, after: mean correlation of sites that lie next to each other, in the order given and in the one found.
    """

    order: Int[np.ndarray, "N"]
    constant: tuple[int, ...]
    before: float
    after: float


class _Region(NamedTuple):
    """A rectangle of the grid and the sites that are to fill it."""

    rows: range
    columns: range
    sites: Int[np.ndarray, "n"]


def rearranged(found: Correlations, grid: tuple[int, ...] | None = None, seed: int = 0) -> Rearrangement:
    """Sites in an order in which near places hold correlated sites.

    grid: (N,), the default, or (height, width): places are then row-major. Raises ValueError for a grid of another
    number of places.
    """
    rho, N = found.rho, len(found.rho)
    shape = (N,) if grid is None else grid
    if len(shape) not in (1, 2) or prod(shape) != N or min(shape) < 1:
        raise ValueError(f"grid: wanted ({N},) or (height, width) of {N} places, found {grid}")
    height, width = (1, *shape)[-2:]
    places = np.indices((height, width)).reshape(2, -1).T.astype(np.float64)
    where = np.full((N, 2), [0.5 * (height - 1), 0.5 * (width - 1)])  # of each site: the middle of its region
    regions = [_Region(range(height), range(width), np.arange(N))]
    while any(len(region.sites) > 1 for region in regions):
        regions = [half for region in regions for half in _split(rho, region, where, seed)]
    order = np.empty(N, np.int64)
    for region in regions:
        order[region.rows[0] * width + region.columns[0]] = region.sites[0]
    order, near = assigned(rho, order, height, width), neighbours(height, width)
    means = [float(rho[np.ix_(o, o)][near].mean()) if near.any() else 0.0 for o in (np.arange(len(places)), order)]
    return Rearrangement(order, found.constant_sites, means[0], means[1])


def _split(rho: Float[np.ndarray, "N N"], region: _Region, where: Float[np.ndarray, "N 2"], seed: int) -> list[_Region]:
    """Halves of the longer side, turned to the better way round; `where` is brought up to date."""
    if len(region.sites) == 1:
        return [region]
    tall = len(region.rows) >= len(region.columns)
    long, short = (region.rows, region.columns) if tall else (region.columns, region.rows)
    first = (len(long) + 1) // 2
    sites = region.sites
    inside = bisected(rho[np.ix_(sites, sites)], first * len(short), seed)
    halves = [(half, short) if tall else (short, half) for half in (long[:first], long[first:])]
    spots = [_middle(*half) for half in halves]
    if 2 * first == len(long) and _pull(rho, sites, inside, where, spots) < _pull(rho, sites, ~inside, where, spots):
        inside = ~inside
    parts = (sites[inside], sites[~inside])
    for part, spot in zip(parts, spots, strict=True):
        where[part] = spot
    return [_Region(*half, part) for half, part in zip(halves, parts, strict=True)]


def _middle(rows: range, columns: range) -> Float[np.ndarray, "2"]:
    return np.array([0.5 * (rows[0] + rows[-1]), 0.5 * (columns[0] + columns[-1])])


def _pull(
    rho: Float[np.ndarray, "N N"], sites: Int[np.ndarray, "n"], inside: Bool[np.ndarray, "n"],
    where: Float[np.ndarray, "N 2"], spots: list[Float[np.ndarray, "2"]],
) -> float:  # fmt: skip
    """How well two halves lie with the sites outside, as far as these are placed: correlation over 1 + distance."""
    outside = np.ones(len(rho), bool)
    outside[sites] = False
    return sum(
        float((rho[np.ix_(part, outside)] / (1 + np.linalg.norm(where[outside] - spot, axis=1))).sum())
        for part, spot in zip((sites[inside], sites[~inside]), spots, strict=True)
    )
