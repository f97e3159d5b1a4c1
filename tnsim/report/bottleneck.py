"""Where a partition is narrow: widths as thickness, what the min-cut takes of every level, and which widths limit it.

    output   |                  a line is as thick as the logarithm of its index's width; severed ones are coloured
    r_1     ==o==               flow of a level = severed indices x ln(width); their sum is ln(min-cut)
    r_0    --o-- --o--
    M      /   \\ /   \\

Small networks are drawn node by node, large ones level by level.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from tnsim.report.document import note
from tnsim.report.measurements import Index, Partition, Report
from tnsim.report.pictures import height, is_drawn_whole, places, styles
from tnsim.report.svg import Point, dot, label, picture, segments, short
from tnsim.report.text import escape, grouped, listed, number, shortened
from tnsim.report.width_values import Effect, Limits

LEFT, WIDE = 104, 404  # where drawings begin, right of what is written of the levels
LINE = 16  # between the two lines of a level's label
BOLD = 2.2  # of thickness, where a level is one line

EXPLAINED = (
    "The network from the sites (below) to the output: a line is as thick as the logarithm of its index's width, "
    '{drawn}; indices that the min-cut severs are <b class="cut">coloured</b>. Beside each level its width, and how '
    "many nats of its capacity, nodes × ln(width), the cut uses; these add up to ln(min-cut). "
    '<b class="limit">A width in this colour</b> limits the partition: raised alone, it raises the bound. '
    "In the tables: indices cut (over all minimal cuts), flow of capacity, and what one more, or twice as many, adds."
)


class Level(NamedTuple):
    """One level of a partition's cut: name of its width, width, nodes, how many are severed, whether it limits."""

    name: str
    width: int
    nodes: int
    severed: int
    limits: bool

    @property
    def flow(self) -> float:
        """What the cut pays here, in nats."""
        return self.severed * math.log(self.width)

    @property
    def capacity(self) -> float:
        """What it would pay if it severed all."""
        return self.nodes * math.log(self.width)


def section(report: Report) -> str:
    """For every partition whose widths were varied a sentence, a picture and a table; empty where none were."""
    if report.widths is None or not (report.widths.limits or report.widths.note):
        return ""
    drawn = "one line a matrix" if is_drawn_whole(report) else "one line a level, as long as the logarithm of its nodes"
    parts = {partition.name: partition for partition in report.partitions}
    cards = "".join(
        _card(report, parts[found.partition], found, f"bottleneck-{k}") for k, found in enumerate(report.widths.limits)
    )
    words = note(EXPLAINED.format(drawn=drawn)) if cards else ""
    more = note(escape(report.widths.note)) if report.widths.note else ""
    return f'{words}<div class="gallery">{cards}</div>{more}' if cards else more


def sentence(found: Limits) -> str:
    """Which widths limit a partition, and what doubling each of them does."""
    across = f"Across {escape(shortened(found.partition))}"
    named = {effect.level: effect for effect in found.effects}
    if not found.bottlenecks:
        tied = listed(named[level].name for level in found.tied) if found.tied else ""
        why = f": {tied} are tied, and doubling one of them adds nothing" if len(found.tied) > 1 else ""
        return f"{across} no width alone limits the bound{why}."
    limiting = [named[level] for level in found.bottlenecks]
    others = [effect.name for effect in found.effects if effect.level not in found.bottlenecks]
    gains = _gains(limiting)
    rest = f"; doubling {_either(others)} adds nothing" if others else ""
    return f"{across} the bound is limited by {listed(effect.name for effect in limiting)}; {gains}{rest}."


def _gains(limiting: list[Effect]) -> str:
    if len(limiting) == 1:
        return f"doubling it adds {number(limiting[0].doubled)} nats"
    return "doubling " + listed(f"{effect.name} adds {number(effect.doubled)} nats" for effect in limiting)


def _either(names: list[str]) -> str:
    *front, last = names
    return f"{', '.join(front)} or {last}" if front else last


def levels(report: Report, partition: Partition, limiting: tuple[int, ...] = ()) -> list[Level]:
    """The levels of the network, sites first, with what the partition's cut severs."""
    counts, severed = [math.prod(report.sites), *report.nodes], dict(partition.cut.levels)
    return [
        Level(Effect(level, width, 0, 0, 0.0, 0.0).name, width, nodes, severed.get(level, 0), level in limiting)
        for level, (width, nodes) in enumerate(zip(report.dims, counts, strict=True), -1)
    ]


def _card(report: Report, partition: Partition, found: Limits, name: str) -> str:
    rows = levels(report, partition, found.bottlenecks)
    drawing = _tree if is_drawn_whole(report) else _ladder
    return (
        f'<figure class="card"><figcaption><b>{escape(shortened(partition.name))}</b> '
        f"<span>{sentence(found)}</span></figcaption>"
        f'<div class="network">{drawing(report, partition, rows, name)}</div>{_table(partition, rows, found)}</figure>'
    )


# --- pictures -------------------------------------------------------------------------------------


def thickness(width: int) -> float:
    """Of the line of an index: as its logarithm."""
    return 0.8 + 0.55 * math.log2(width)


def _tree(report: Report, partition: Partition, rows: list[Level], name: str) -> str:
    """Every matrix a line; its lower half is its child's index, its upper half its parent's."""
    tree = report.tree
    assert tree is not None
    where, style = places(tree, LEFT), styles(tree, partition)
    halves: dict[tuple[int, str], list[tuple[Point, Point]]] = {}
    for row, nodes in enumerate(tree):
        for position, children in enumerate(nodes):
            for below, above in (((row - 1, child), (row, position)) for child in children):
                (x0, y0), (x1, y1) = where[below], where[above]
                middle = ((x0 + x1) / 2, (y0 + y1) / 2)
                halves.setdefault((below[0], style[below]), []).append((where[below], middle))
                halves.setdefault((above[0], style[above]), []).append((middle, where[above]))
    for k in range(len(tree[-1])):
        root = (len(tree) - 1, k)
        up = (where[root], (where[root][0], height(len(tree), len(tree))))
        halves.setdefault((root[0], style[root]), []).append(up)
    body = "".join(
        _strands(pairs, side, thickness(rows[level + 1].width))
        for (level, side), pairs in sorted(halves.items(), key=lambda item: (item[0][1] == "cut", item[0]))
    )
    body += _dots(where, style, partition) + _labels(rows, lambda level: height(len(tree), level))
    return _picture(name, height(len(tree), -1) + 26, partition, rows, body)


def _strands(pairs: list[tuple[Point, Point]], side: str, thick: float) -> str:
    return f'<g style="stroke-width:{short(thick)}">{segments(pairs, f"strand {side}")}</g>'


def _dots(where: dict[Index, Point], style: dict[Index, str], partition: Partition) -> str:
    inside = set(partition.sites)
    return "".join(
        dot(place, 3.2, f"node {style[index]}")
        if index[0] >= 0
        else dot(place, 2.0, "side-a" if index[1] in inside else "side-b")
        for index, place in where.items()
    )


def _ladder(report: Report, partition: Partition, rows: list[Level], name: str) -> str:
    """A level is one line, as long as the logarithm of its nodes; of it the severed share."""
    depth, longest = len(rows) - 1, math.log2(max(row.nodes for row in rows) + 1)
    at: Callable[[int], float] = lambda level: height(depth, level)  # noqa: E731
    body = ""
    for level, row in enumerate(rows, -1):
        long, y = 190 * math.log2(row.nodes + 1) / longest, at(level)
        cut = long * min(row.severed / row.nodes, 1)
        parts = [(LEFT + cut, LEFT + long, "free"), (LEFT, LEFT + cut, "cut")]
        body += "".join(
            _strands([((start, y), (end, y))], side, BOLD * thickness(row.width))
            for start, end, side in parts if end > start
        )  # fmt: skip
        said = f"{grouped(row.severed)} of {grouped(row.nodes)} severed" if row.severed else grouped(row.nodes)
        body += label((LEFT + long + 8, y), said, "tick cut" if row.severed else "tick")
    return _picture(name, at(-1) + 26, partition, rows, body + _labels(rows, at))


def _labels(rows: list[Level], at: Callable[[int], float]) -> str:
    """Left of every level its width, and below it the flow of its capacity; the output on top."""
    body = label((0, at(len(rows) - 1)), "output", "tick")
    for level, row in enumerate(rows, -1):
        y = at(level)
        body += label((0, y), f"{row.name} = {grouped(row.width)}", "name limit" if row.limits else "name")
        used = f"{number(row.flow, 1)} of {number(row.capacity, 1)}"
        body += label((0, y + LINE), used, "tick cut" if row.severed else "tick")
    return body


def _picture(name: str, high: float, partition: Partition, rows: list[Level], body: str) -> str:
    used = "; ".join(f"{row.name} = {row.width}: {row.severed} of {row.nodes} severed, "
                     f"{number(row.flow)} of {number(row.capacity)} nats" for row in rows)  # fmt: skip
    said = f"From the sites up, {used}. In all {number(partition.cut.log)} nats."
    return picture(name, (WIDE, high), f"Widths and min-cut of {partition.name}", said, body)


# --- table ----------------------------------------------------------------------------------------


def _table(partition: Partition, rows: list[Level], found: Limits) -> str:
    head = ("", "width", "cut", "flow", "of", "+1", "×2")
    titles = "".join(f'<th scope="col"{" class=n" * (k > 0)}>{title}</th>' for k, title in enumerate(head))
    body = "".join(_row(row, effect) for row, effect in zip(rows, found.effects, strict=True))
    named = escape(f"What widths do to the bound of {partition.name}")
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{named}"><table class="figures">'
        f"<thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(row: Level, effect: Effect) -> str:
    between = str(effect.fewest) if effect.fewest == effect.most else f"{effect.fewest}–{effect.most}"
    figures: list[tuple[float, str]] = [(effect.width, grouped(effect.width)), (row.severed, between)]
    nats = (row.flow, row.capacity, effect.raised, effect.doubled)
    figures += [(value, number(value) if value else "0") for value in nats]
    cells = "".join(f'<td class="n"><data value="{value!r}">{shown}</data></td>' for value, shown in figures)
    name = f'<b class="limit">{row.name}</b>' if row.limits else row.name
    return f'<tr><th scope="row">{name}</th>{cells}</tr>'
