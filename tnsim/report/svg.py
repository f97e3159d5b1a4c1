"""Small pieces of SVG, as strings.

Colours come from the page's style sheet, so a picture is light or dark as the page is.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from tnsim.report.measurements import Number
from tnsim.report.text import escape

Point = tuple[Number, Number]


class Scale(NamedTuple):
    """A linear map of values (for a logarithmic axis: of their logarithms) to the picture's
    units.
    """

    low: Number
    high: Number
    start: Number
    end: Number

    def __call__(self, value: Number) -> Number:
        span = (self.high - self.low) or 1.0
        return self.start + (value - self.low) / span * (self.end - self.start)


class Tick(NamedTuple):
    """A mark on an axis and what stands beside it."""

    value: Number
    label: str


def picture(
    name: str, size: tuple[Number, Number], title: str, description: str, *parts: str
) -> str:
    """An accessible picture that fills the width it is given; `name` must be unique on the page."""
    return (
        f'<svg viewBox="0 0 {short(size[0])} {short(size[1])}" role="img" '
        f'aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-desc">{escape(description)}</desc>{"".join(parts)}</svg>'
    )


def short(value: Number) -> str:
    """A coordinate with two decimals and no trailing zeros."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def line(points: Sequence[Point], style: str) -> str:
    """A polyline."""
    if len(points) < 2:
        return ""
    return f'<path class="{style}" d="M{"L".join(f"{short(x)} {short(y)}" for x, y in points)}"/>'


def segments(pairs: Sequence[tuple[Point, Point]], style: str) -> str:
    """Many separate segments in one path."""
    if not pairs:
        return ""
    d = "".join(f"M{short(a[0])} {short(a[1])}L{short(b[0])} {short(b[1])}" for a, b in pairs)
    return f'<path class="{style}" d="{d}"/>'


def dot(point: Point, radius: Number, style: str) -> str:
    """A filled circle."""
    x, y = point
    return f'<circle class="{style}" cx="{short(x)}" cy="{short(y)}" r="{short(radius)}"/>'


def rect(corner: Point, width: Number, height: Number, style: str) -> str:
    """A filled rectangle."""
    x, y = corner
    return (
        f'<rect class="{style}" x="{short(x)}" y="{short(y)}" '
        f'width="{short(width)}" height="{short(height)}"/>'
    )


def label(point: Point, words: str, style: str = "", anchor: str = "start") -> str:
    """One line of text, its baseline a third of its height below the point."""
    x, y = point
    return (
        f'<text class="{style}" x="{short(x)}" y="{short(y)}" dy=".34em" '
        f'text-anchor="{anchor}">{escape(words)}</text>'
    )


def axes(x: Scale, y: Scale, x_ticks: Sequence[Tick], y_ticks: Sequence[Tick], x_name: str) -> str:
    """Thin horizontal rules with their values, and the values of the x axis below. No frame."""
    rules = [((x.start, y(t.value)), (x.end, y(t.value))) for t in y_ticks]
    values = [label((x.start - 7, y(t.value)), t.label, "tick", "end") for t in y_ticks]
    below = [label((x(t.value), y.start + 13), t.label, "tick", "middle") for t in x_ticks]
    name = label(((x.start + x.end) / 2, y.start + 29), x_name, "axis", "middle")
    return segments(rules, "rule") + "".join(values + below) + name


def ticks(low: Number, high: Number, wanted: int = 4) -> list[Tick]:
    """Round values that cover low to high."""
    rough = max((high - low) / wanted, 1e-12)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    count = math.floor((high - low) / step + 1e-9)
    first = math.ceil(low / step - 1e-9)
    return [Tick(k * step, f"{k * step:.{digits}f}") for k in range(first, first + count + 1)]


def spread(wanted: Sequence[Number], gap: Number, low: Number, high: Number) -> list[Number]:
    """Heights for labels, in the order of those wanted: at least a gap apart, inside low..high.

    The mean of pushing all apart downward and all upward keeps the gap, and a cluster its middle.
    """
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    gap = min(gap, (high - low) / max(len(wanted) - 1, 1))
    down = [wanted[i] for i in order]
    up = list(down)
    for k in range(1, len(order)):
        down[k] = max(down[k], down[k - 1] + gap)
        up[-1 - k] = min(up[-1 - k], up[-k] - gap)
    placed = [(a + b) / 2 for a, b in zip(down, up, strict=True)]
    heights = [0.0] * len(placed)
    for k, i in enumerate(order):
        heights[i] = min(max(placed[k], low + k * gap), high - (len(order) - 1 - k) * gap)
    return heights
