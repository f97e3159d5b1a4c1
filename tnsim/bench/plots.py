"""Plots of the page: time over one size, all contenders, both axes logarithmic. Over bench.fits and the report's SVG.

    10 ms |        / cotengra
     1 ms |   / tnsim              a dot a measurement; colours are the page's
          +-------------
           64  256  1024  N
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10

from tnsim.bench.fits import LETTERS, Series
from tnsim.bench.units import seconds
from tnsim.report.svg import Scale, Tick, axes, dot, label, line, picture, spread

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 560, 300, 60, 150, 12, 40
COLOURS = 10


def growth(name: str, shown: Sequence[Series]) -> str:
    """One picture: the same axis and kept sizes, a line for each contender."""
    x, y = _scales(shown)
    sizes = sorted({size for one in shown for size in one.sizes})
    marks = [Tick(log10(size), str(size)) for size in sizes]
    powers = [Tick(p, seconds(10.0**p)) for p in range(round(y.low), round(y.high) + 1)]
    ends = [y(log10(one.medians[-1])) for one in shown]
    heights = spread(ends, 14, TOP, HEIGHT - BOTTOM)
    drawn = [_one(one, number, x, y, height) for number, (one, height) in enumerate(zip(shown, heights, strict=True))]
    letter = LETTERS[shown[0].axis]
    title = f"{shown[0].workload}: time over {letter}"
    said = f"{title}, {shown[0].kept}; contenders: {', '.join(one.peer for one in shown)}"
    return picture(name, (WIDTH, HEIGHT), title, said, axes(x, y, marks, powers, letter), *drawn)


def _scales(shown: Sequence[Series]) -> tuple[Scale, Scale]:
    """Logarithms to the picture's units; the vertical axis ends at whole powers of ten."""
    sizes = [log10(size) for one in shown for size in one.sizes]
    times = [log10(median) for one in shown for median in one.medians]
    low, high = floor(min(times)), ceil(max(times))
    x = Scale(min(sizes), max(sizes), LEFT, WIDTH - RIGHT)
    return x, Scale(low, max(high, low + 1), HEIGHT - BOTTOM, TOP)


def _one(one: Series, number: int, x: Scale, y: Scale, height: float) -> str:
    """A line with its dots, and the name beside its end."""
    colour = f"k{number % COLOURS}"
    points = [(x(log10(size)), y(log10(median))) for size, median in zip(one.sizes, one.medians, strict=True)]
    dots = "".join(dot(point, 2.6, f"fill {colour}") for point in points)
    edge = WIDTH - RIGHT
    leader = line([points[-1], (edge + 14, height)], "leader")
    return line(points, f"line {colour}") + dots + leader + label((edge + 18, height), one.peer, f"name fill {colour}")
