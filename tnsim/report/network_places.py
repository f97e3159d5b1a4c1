"""Where the tensors of any network stand in its picture. Ground of network_pictures.

    from the side                        from above, where every site of a grid has a tensor of its own
          output
     o----o----o        height 1          o--o--o
     |    |    |                          |  |  |
     sites                                o--o--o

From the side a tensor stands above what it joins: the sites at height 0, in a row; across a pair of ends that meet
around the row, an index leaves the picture on one side and comes in on the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from tnsim.report.network_values import Wired
from tnsim.report.svg import Point


@dataclass(frozen=True)
class Places:
    """In units of a site: x to the right, y upward. size: width and height of all that is placed."""

    tensors: tuple[Point, ...]
    sites: tuple[Point, ...]
    above: bool
    size: tuple[float, float]


@lru_cache(maxsize=8)
def places(wired: Wired, grid: tuple[int, int]) -> Places:
    """A place for every tensor and site; grid: (height, width) of the sites."""
    homes = _homes(wired)
    if min(grid) > 1 and homes is not None:
        return _from_above(homes, grid)
    return _from_the_side(wired, grid)


def _homes(wired: Wired) -> tuple[int, ...] | None:
    """The site of every tensor, if each has one of its own."""
    site_of = {index: site for site, index in enumerate(wired.sites)}
    found = [[site_of[leg] for leg in legs if leg in site_of] for legs in wired.legs]
    if any(len(sites) != 1 for sites in found) or len(found) != len(site_of) or len(site_of) != len(wired.sites):
        return None
    homes = tuple(sites[0] for sites in found)
    return homes if len(set(homes)) == len(homes) else None


def _from_above(homes: tuple[int, ...], grid: tuple[int, int]) -> Places:
    height, width = grid
    at = lambda site: (float(site % width), float(height - 1 - site // width))  # noqa: E731
    sites = tuple(at(site) for site in range(height * width))
    return Places(tuple(sites[site] for site in homes), sites, True, (width - 1.0, height - 1.0))


def _from_the_side(wired: Wired, grid: tuple[int, int]) -> Places:
    met = meeting(wired)
    heights = _heights(wired, met)
    order = _order(wired, met, heights) if min(grid) > 1 else list(range(len(wired.sites)))
    x = {~site: float(place) for place, site in enumerate(order)}  # ~s: site s
    for height in sorted(set(heights)):
        row = [tensor for tensor, its in enumerate(heights) if its == height]
        x |= _apart(row, [_middle(_below(wired, met, heights, tensor), x, len(order)) for tensor in row], len(order))
    tensors = tuple((x[tensor], float(height)) for tensor, height in enumerate(heights))
    sites = tuple((x[~site], 0.0) for site in range(len(order)))
    return Places(tensors, sites, False, (len(order) - 1.0, float(max(heights, default=0)) + 1.0))


def meeting(wired: Wired) -> dict[int, list[int]]:
    """What meets at every index: tensors t, and sites s as ~s."""
    found: dict[int, list[int]] = {}
    for tensor, legs in enumerate(wired.legs):
        for index in dict.fromkeys(legs):
            found.setdefault(index, []).append(tensor)
    for site, index in enumerate(wired.sites):
        found.setdefault(index, []).append(~site)
    return found


def _heights(wired: Wired, met: dict[int, list[int]]) -> list[int]:
    """1 for tensors of a bank that stands on sites throughout, else one above what is wired before it."""
    touches = [any(end < 0 for index in legs for end in met[index]) for legs in wired.legs]
    stacks = wired.stacks
    grounded = set(stacks) - {stack for stack, on_site in zip(stacks, touches, strict=True) if not on_site}
    heights: list[int] = []
    for tensor, legs in enumerate(wired.legs):
        under = [
            1 if stacks[end] in grounded else heights[end] if end < tensor and stacks[end] != stacks[tensor] else 0
            for index in legs for end in met[index] if end >= 0 and end != tensor
        ]  # fmt: skip
        heights.append(1 if stacks[tensor] in grounded else 1 + max(under, default=0))
    return heights


def _below(wired: Wired, met: dict[int, list[int]], heights: list[int], tensor: int) -> list[int]:
    """What a tensor joins that stands lower: its own sites, if any, else tensors."""
    ends = [end for index in wired.legs[tensor] for end in met[index] if end != tensor]
    sites = [end for end in ends if end < 0]
    return sites or [end for end in ends if heights[end] < heights[tensor]]


def _middle(ends: list[int], x: dict[int, float], width: int) -> float:
    """The middle of some places; around the ends of the row where they are close together there."""
    at = [x[end] for end in ends] or [(width - 1) / 2]
    around = [place + width if place < width / 2 else place for place in at]
    if max(around) - min(around) < (max(at) - min(at)) / 2:
        return min(sum(around) / len(around), width - 0.5)
    return sum(at) / len(at)


def _apart(row: list[int], wanted: list[float], width: int) -> dict[int, float]:
    """The places wanted, or equal gaps in the order of the tensors where two would coincide."""
    gaps = sorted(wanted)
    if all(b - a > 0.3 for a, b in pairwise(gaps)):
        return dict(zip(row, wanted, strict=True))
    return {tensor: (k + 0.5) * width / len(row) - 0.5 for k, tensor in enumerate(row)}


def _order(wired: Wired, met: dict[int, list[int]], heights: list[int]) -> list[int]:
    """The sites as they are reached from the top downward, so that lines of a tree over a grid do not cross."""
    found: dict[int, None] = {}
    seen: set[int] = set()
    for top in sorted(range(len(heights)), key=lambda tensor: -heights[tensor]):
        stack = [top]
        while stack:
            at = stack.pop()
            if at < 0:
                found.setdefault(~at)
            elif at not in seen:
                seen.add(at)
                stack += sorted(_below(wired, met, heights, at), key=lambda end: -abs(end))  # the first is popped first
    return [*found, *(site for site in range(len(wired.sites)) if site not in found)]
