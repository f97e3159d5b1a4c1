"""The page of a design: what every level needs, what it gets, and what else was weighed. Uses document, svg, text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tnsim.design import Alternative, Need, Proposal
from tnsim.report import data_scales
from tnsim.report.data_values import data_map
from tnsim.report.document import document, section
from tnsim.report.svg import Scale, Tick, axes, dot, label, line, picture, ticks
from tnsim.report.text import NONE, escape, grouped, number, percent

__all__ = ["render"]

FLOOR = 1e-4  # of a level's weight: below, nothing is drawn
CONTENTS = tuple[tuple[str, str, str], ...]


def render(found: Proposal, data: str, measured: Mapping[str, Any] | None = None) -> str:
    """One page that opens without a network. data: the data set in a line; measured: what design.json holds beside the
    proposal, its `data_map`. Raises ValueError naming the first key of it that is wrong.
    """
    title = f"Widths for {escape(data.split(':')[0])}"
    parts: CONTENTS = (
        ("why", "What every level needs and gets", _levels(found)),
        ("weighed", "What was weighed", _weighed(found)),
        ("front", "What a smaller budget would lose", f'<div class="needs"><figure>{_front(found)}</figure></div>'),
        ("data", "Where the data's correlations live", data_scales.section(data_map(dict(measured or {})))),
    )
    body = "".join(section(name, heading, content) for name, heading, content in parts if content)
    note = f'<p class="note">{escape(data)}</p>'
    head = f'<header>\n<h1>{title}</h1>\n<p class="finding">{_finding(found)}</p>\n{note}\n</header>\n'
    return document(title, head + body)


def _finding(found: Proposal) -> str:
    widths = ", ".join(map(str, found.chosen.channels))
    windows = "mirror windows" if found.chosen.geometry == "mirror" else "square windows"
    used = f"{grouped(found.chosen.cost)} of {grouped(int(found.budget))} {found.kind}"
    return f"Widths {widths}, {windows}: {used}."


def _levels(found: Proposal) -> str:
    words = "".join(f"<p>{escape(sentence)}</p>\n" for sentence in found.words().splitlines())
    pictures = "".join(
        f'<figure><figcaption>level {need.level}: {_nodes(need)}, r = {width}</figcaption>'
        f"{_need(need, width)}</figure>\n"
        for need, width in zip(found.needs, found.chosen.channels, strict=True)
    )
    return f'{words}<div class="needs">{pictures}</div>'


def _nodes(need: Need) -> str:
    return f"{need.nodes} window{'s' if need.nodes > 1 else ''}"


def _need(need: Need, width: int) -> str:
    """The share of the weight that is lost, against the width, on a logarithmic scale; the chosen width is marked."""
    most = max(width + 1, next((r for r, lost in enumerate(need.lost) if lost < FLOOR), len(need.lost) - 1), 2)
    x, y = Scale(0.0, float(most), 50, 356), Scale(math.log10(FLOOR), 0.0, 240, 14)
    points = [(x(r), y(math.log10(max(lost, FLOOR)))) for r, lost in enumerate(need.lost[: most + 1].tolist())]
    lost = max(float(need.lost[min(width, len(need.lost) - 1)]), FLOOR)
    heights = [Tick(-e, "1" if e == 0 else f"{10.0**-e:g}") for e in range(5)]
    mark = dot((x(width), y(math.log10(lost))), 4.5, "fill accent")
    return picture(
        f"need-{need.level}", (430, 284), f"What level {need.level} loses",
        f"Share of the weight that a window loses against its width, logarithmic; {lost:.2g} at r = {width}.",
        axes(x, y, ticks(0.0, x.high), heights, "width r") + line(points, "line accent") + mark,
    )  # fmt: skip


def _weighed(found: Proposal) -> str:
    rows = [found.chosen, *found.alternatives]
    trained = any(one.accuracy is not None for one in rows)
    head = ["", "widths", "windows", escape(found.kind), "lost", *(["accuracy on a tenth"] if trained else [])]
    body = "".join(_row(one, trained, place == 0) for place, one in enumerate(rows))
    styles = ["", "", "", *[' class="n"'] * (len(head) - 3)]
    titles = "".join(f'<th scope="col"{style}>{title}</th>' for style, title in zip(styles, head, strict=True))
    table = f"<thead><tr>{titles}</tr></thead>\n<tbody>\n{body}</tbody>\n"
    return f'<div class="scroll"><table class="figures">\n{table}</table></div>'


def _row(one: Alternative, trained: bool, chosen: bool) -> str:
    name = f"<b>{escape(one.name)}</b>, proposed" if chosen else escape(one.name)
    words, figures = [", ".join(map(str, one.channels)), one.geometry], [grouped(one.cost), number(one.loss, 3)]
    figures += [percent(one.accuracy, 1) if one.accuracy is not None else NONE] if trained else []
    cells = [*(f"<td>{cell}</td>" for cell in words), *(f'<td class="n">{cell}</td>' for cell in figures)]
    return f'<tr><th scope="row">{name}</th>{"".join(cells)}</tr>\n'


def _front(found: Proposal) -> str:
    """The least loss against the budget, both logarithmic."""
    points = [(math.log10(one.cost), math.log10(one.loss)) for one in found.front if one.loss > 0]
    low, high = min(y for _, y in points), max(y for _, y in points)
    x = Scale(points[0][0], max(points[-1][0], points[0][0] + 1e-9), 50, 356)
    y = Scale(min(low, high - 0.5), high, 240, 14)
    x_ticks = [Tick(e, f"{10.0**e:g}") for e in range(math.ceil(x.low), math.floor(x.high) + 1)]
    y_ticks = [Tick(t.value, f"{10.0**t.value:.2g}") for t in ticks(y.low, y.high)]
    curve = line([(x(a), y(b)) for a, b in points], "line accent")
    end = dot((x(points[-1][0]), y(points[-1][1])), 4.5, "fill accent")
    name = label((x.end, y(points[-1][1]) - 12), "least loss", "name", "end")
    return picture(
        "pareto", (430, 284), "The least loss against the budget",
        f"Sum of what all windows lose, at the best widths, against {found.kind}; both logarithmic.",
        axes(x, y, x_ticks, y_ticks, found.kind) + curve + end + name,
    )  # fmt: skip
