"""The picture of any network with the cut of a partition, and the table of what it is made of. Used by html.

    o----o-x--o----o     a tensor in the colour of the side that the cut leaves it on, an index as a line, or lines to a
    |    |    |    |     dot where three or more meet; severed indices are thick, sites the ends of lines below
    A    A    B    B
"""

from __future__ import annotations

from collections.abc import Sequence

from tnsim.report.document import note
from tnsim.report.measurements import Partition, Report
from tnsim.report.network_places import Places, meeting, places
from tnsim.report.network_values import Wired
from tnsim.report.svg import Point, dot, picture, rect, segments
from tnsim.report.text import escape, grouped, levels, powers

WIDE, MARGIN, STEP = 404.0, 18.0, 42.0
OUTPUT = 0.62  # of a step: how far an output leg reaches

EXPLAINED = (
    "{kind}: {tensors} tensors and {indices} indices. An index that three or more tensors meet at is a copy tensor; of "
    "equal tensors with fewer rows than there are of them, several share their weights."
)


def is_drawn(report: Report) -> bool:
    """Whether the network is small enough to be drawn tensor by tensor."""
    return report.wired is not None and bool(report.wired.legs)


def is_seen_from_above(report: Report) -> bool:
    """Whether its tensors stand as their sites on a grid do."""
    return report.wired is not None and bool(report.wired.legs) and places(report.wired, report.grid).above


def network(report: Report, partition: Partition, name: str) -> str:
    """The network, its tensors in the colours of their sides and severed indices thick; empty where it is too large."""
    wired = report.wired
    if wired is None or not wired.legs:
        return ""
    where = places(wired, report.grid)
    pen = _Pen(where)
    on_a = {*partition.cut.side, *(~site for site in partition.sites)}
    side = {end: "a" if end in on_a else "b" for end in range(-len(wired.sites), len(wired.legs))}
    title = f"Network and min-cut of {partition.name}"
    said = f"{_view(where)} Min-cut {powers(partition.cut, plain=True)}, {levels(partition.cut)}."
    cut = {index for index, _ in partition.cut.indices}
    body = _lines(wired, pen, side, cut) + _ends(wired, pen, side, cut)
    return picture(name, (WIDE, pen.height), title, said, body)


def _view(where: Places) -> str:
    return "From above, a tensor a site." if where.above else "From the side, sites below and outputs above."


class _Pen:
    """Places of the picture: as many units a site as fit its width, upward, sites at the bottom."""

    def __init__(self, where: Places) -> None:
        wide, high = where.size
        self.where = where
        self.step = min((WIDE - 2 * MARGIN) / max(wide, 1.0), STEP * 2)
        self.rise = self.step if where.above else STEP
        self.left = (WIDE - self.step * wide) / 2
        self.height = self.rise * high + 2 * MARGIN

    def at(self, end: int) -> Point:
        """Of a tensor t, or a site as ~s."""
        return self.placed(self.where.sites[~end] if end < 0 else self.where.tensors[end])

    def placed(self, place: Point) -> Point:
        return self.left + self.step * place[0], self.height - MARGIN - self.rise * place[1]


def _lines(wired: Wired, pen: _Pen, side: dict[int, str], cut: set[int]) -> str:
    drawn: dict[str, list[tuple[Point, Point]]] = {"b": [], "a": [], "free": [], "cut": []}
    dots = ""
    for index, ends in meeting(wired).items():
        tops = [_top(pen, end) for end in ends if end >= 0] if index in wired.outputs else []
        if pen.where.above and len(ends) == 2 and min(ends) < 0:
            continue  # a site that stands in its own tensor
        styles = {side[end] for end in ends}
        style = "cut" if index in cut else styles.pop() if len(styles) == 1 else "free"
        drawn[style] += [*_index(pen, ends), *((pen.at(end), top) for end, top in zip(ends, tops, strict=False))]
        dots += dot(_hub(pen, ends), 4.2 if style == "cut" else 2.6, f"node {style}") if _copies(ends) else ""
    return "".join(segments(pairs, f"edge {style}") for style, pairs in drawn.items()) + dots


def _copies(ends: list[int]) -> bool:
    return len(ends) > 2


def _index(pen: _Pen, ends: list[int]) -> list[tuple[Point, Point]]:
    """The lines of an index: from one end to the other, or from each to the dot where all meet."""
    if _copies(ends):
        hub = _hub(pen, ends)
        return [(pen.at(end), hub) for end in ends]
    if len(ends) < 2:
        return []
    one, other = sorted(pen.at(end) for end in ends)
    if pen.where.above or len(pen.where.sites) < 3 or other[0] - one[0] <= pen.step * len(pen.where.sites) / 2:
        return [(one, other)]
    out = 0.45 * pen.step  # around the ends of the row: out of the picture on one side, in on the other
    return [(one, (one[0] - out, one[1])), (other, (other[0] + out, other[1]))]


def _hub(pen: _Pen, ends: list[int]) -> Point:
    """Where an index of many ends has its dot: at its site, or amid its tensors."""
    at = [pen.at(end) for end in ends if end < 0] or [pen.at(end) for end in ends]
    return sum(x for x, _ in at) / len(at), sum(y for _, y in at) / len(at)


def _top(pen: _Pen, tensor: int) -> Point:
    x, y = pen.at(tensor)
    return (x + 0.3 * pen.step, y - 0.3 * pen.step) if pen.where.above else (x, y - OUTPUT * STEP)


def _ends(wired: Wired, pen: _Pen, side: dict[int, str], cut: set[int]) -> str:
    """Tensors, then sites, then squares at the ends of output legs. From above a site lies in its tensor, within a ring
    where its index is severed."""
    large, sites = _radius(pen), range(len(wired.sites))
    rings = [s for s in sites if wired.sites[s] in cut] if pen.where.above else []
    body = "".join(dot(pen.at(~s), large + 3, "node cut") for s in rings)
    body += "".join(dot(pen.at(t), large, f"node {side[t]}") for t in range(len(wired.legs)))
    seen = rings if pen.where.above else sites
    body += "".join(dot(pen.at(~s), large / 2 if pen.where.above else 2.3, f"side-{side[~s]}") for s in seen)
    for index in wired.outputs:
        for tensor in (t for t, legs in enumerate(wired.legs) if index in legs):
            x, y = _top(pen, tensor)
            body += rect((x - 4, y - 4), 8, 8, "node free")
    return body


def _radius(pen: _Pen) -> float:
    return min(max(pen.step / 6, 2.2), 6.0)


def section(report: Report) -> str:
    """What the network is made of: its tensors by bank, its indices by run; empty for a layered tree."""
    wired = report.wired
    if wired is None:
        return ""
    tensors, indices = sum(bank.tensors for bank in wired.banks), sum(run.many for run in wired.runs)
    words = EXPLAINED.format(kind=escape(wired.kind), tensors=grouped(tensors), indices=grouped(indices))
    banks = [(bank.name, grouped(bank.tensors), grouped(bank.copies), _shape(bank.shape)) for bank in wired.banks]
    runs = [(run.name, grouped(run.many), grouped(run.dim)) for run in wired.runs]
    return note(words) + (
        f'<div class="pair">{_table("Tensors by bank", ("bank", "tensors", "rows", "shape"), banks)}'
        f"{_table('Indices', ('index', 'how many', 'dimension'), runs)}</div>"
    )


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "a number"


def _table(title: str, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    top = "".join(f'<th scope="col"{" class=n" * (k > 0)}>{word}</th>' for k, word in enumerate(head))
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td class=n>{escape(word)}</td>" for word in rest)}</tr>'
        for first, *rest in rows
    )
    return (
        f'<figure><figcaption>{title}</figcaption><div class="scroll" tabindex="0" role="region" aria-label="{title}">'
        f'<table class="figures"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div></figure>'
    )
