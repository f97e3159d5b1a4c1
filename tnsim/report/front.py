"""What other widths of as many parameters would allow: the bound against parameters, the network's own point marked.

    ln(min-cut)         ____o        o  the best widths of the grid for these parameters and all above, to the next
                   ____|   *         *  the network's own
"""

import math

from tnsim.report.document import note, pair
from tnsim.report.measurements import Report
from tnsim.report.svg import Point, Scale, Tick, axes, dot, label, line, picture, ticks
from tnsim.report.text import escape, grouped, listed, number, shortened
from tnsim.report.width_values import Front

EXPLAINED = (
    "ln(min-cut) in nats against parameters, logarithmic: no widths of the grid ({factors} times the present ones, "
    'level by level) allow more for as few; <b class="limit">●</b> this network. A bound is what widths allow, not '
    "what training reaches; the best widths for one partition may be poor for another."
)
NEAR = 1e-9  # of ln: a bound is no higher


def section(report: Report) -> str:
    """A plot for all partitions together, where there are several, and one for each; empty where nothing was tried."""
    fronts = report.widths.fronts if report.widths else ()
    drawn = [(front, f"front-{k}") for k, front in enumerate(fronts) if front.designs]
    missing = [front for front in fronts if not front.designs]
    factors = dict.fromkeys(listed(f"{factor:g}" for factor in front.factors) for front, _ in drawn)
    words = note(EXPLAINED.format(factors="; ".join(factors))) if drawn else ""
    words += pair((_caption(front), plot(front, name)) for front, name in drawn)
    absent = (f"{_named(front)}: {escape(front.note or 'no widths were tried.')}" for front in missing)
    return words + "".join(map(note, absent))


def _named(front: Front) -> str:
    """The partitions of a front."""
    if len(front.partitions) > 1:
        return f"All {len(front.partitions)} partitions, their bounds added"
    return escape(shortened(front.partitions[0]))


def _caption(front: Front) -> str:
    """What this network allows, and what would be allowed instead."""
    own, best = front.own, front.instead
    words = f"{_named(front)}<small>{_widths(own.channels)} allow {number(own.log)} nats"
    if best is None or best.log <= own.log + NEAR:
        return f"{words}; of no more parameters none allows more</small>"
    cost = f"{grouped(best.parameters)} parameters, not {grouped(own.parameters)}"
    return f"{words}; {_widths(best.channels)} would allow {number(best.log)} with {cost}</small>"


def _widths(channels: tuple[int, ...]) -> str:
    return f'<span class="whole">{", ".join(map(str, channels))}</span>'


def plot(front: Front, name: str) -> str:
    """The front as steps, a dot a design; the network's own point, and above it what its parameters would allow."""
    points = [(math.log10(one.parameters), one.log) for one in front.designs]
    own = (math.log10(front.own.parameters), front.own.log)
    low, high = min(*points, own)[0], max(*points, own)[0]
    x = Scale(low, max(high, low + 0.1), 50, 390)
    y = Scale(0.0, max(height for _, height in (*points, own)) or 1.0, 186, 14)
    body = axes(x, y, _marks(x), ticks(0.0, y.high), "parameters")
    body += line([(x(a), y(b)) for a, b in _steps(points, x.high)], "line quiet")
    body += "".join(dot((x(a), y(b)), 2.4, "fill quiet") for a, b in points)
    body += _own(front, own, x, y)
    said = f"{len(points)} best designs, from {number(points[0][1])} to {number(points[-1][1])} nats; "
    said += f"this network: {front.own.parameters} parameters, {number(front.own.log)} nats."
    return picture(name, (420, 224), f"Bound against parameters: {', '.join(front.partitions)}", said, body)


def _own(front: Front, own: Point, x: Scale, y: Scale) -> str:
    """The network's point, joined to what would be allowed instead."""
    at, best = (x(own[0]), y(own[1])), front.instead
    above = line([at, (at[0], y(best.log))], "line before") if best and best.log > own[1] + NEAR else ""
    side = -1 if at[0] > (x.start + x.end) / 2 else 1
    words = label((at[0] + 9 * side, at[1] + 13), "this network", "name fill accent", "start" if side > 0 else "end")
    return above + dot(at, 5, "fill accent") + words


def _steps(points: list[Point], end: float) -> list[Point]:
    """The front as a staircase: a bound holds until the next design."""
    found = points[:1]
    for place, bound in points[1:]:
        found += [(place, found[-1][1]), (place, bound)]
    return [*found, (end, found[-1][1])]


def _marks(x: Scale) -> list[Tick]:
    """Ticks at 1, 2, 5 times powers of ten, or at powers alone where there are many."""
    powers = range(math.floor(x.low), math.ceil(x.high) + 1)
    for kinds in ((1, 2, 5), (1, 3), (1,)):
        found = [(math.log10(k) + power, k * 10**power) for power in powers for k in kinds]
        inside = [Tick(at, _short(value)) for at, value in found if x.low <= at <= x.high]
        if len(inside) <= 6:
            break
    return inside


def _short(value: float) -> str:
    """5,000 as 5k, 2,000,000 as 2M."""
    for power, letter in ((9, "G"), (6, "M"), (3, "k")):
        if value >= 10**power:
            return f"{value / 10**power:g}{letter}"
    return f"{value:g}"
