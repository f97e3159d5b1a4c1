"""The tables of the report: heat maps of class by partition, the figures, their CSV and JSON.

S and S_2 are never in one table's colours: S has the ramp "s" of the style sheet, S_2 the ramp "r".
"""

import csv
import io
import json
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from tnsim.report.measurements import (
    Measured,
    Number,
    Partition,
    Report,
    is_number,
    mean,
)
from tnsim.report.text import NONE, escape, number, percent, powers, shortened

WIDE = 7  # partitions side by side: what a printed page holds
STEPS = 10  # colours of a ramp


class Quantity(NamedTuple):
    """What one block of the page shows, and the colour ramp that is its own."""

    key: str
    symbol: str
    ramp: str


ENTROPY = Quantity("entropy", "S", "s")
RENYI = Quantity("renyi2", "S₂", "r")


# --- heat maps ------------------------------------------------------------------------------------


def heat_maps(report: Report, quantity: Quantity) -> str:
    """Class against partition, in blocks of columns that fit a page; empty if nothing of it was
    measured.
    """
    found = [p for p in report.partitions if any(is_number(_value(m, quantity)) for m in report.of(p))]
    parts = [found[k : k + WIDE] for k in range(0, len(found), WIDE)]
    return "".join(_heat_map(report, part, quantity) for part in parts)


def legend(quantity: Quantity) -> str:
    """The colour scale, its words beside it."""
    steps = "".join(f'<i class="{quantity.ramp}{k}"></i>' for k in range(STEPS))
    return (
        f'<p class="legend">{quantity.symbol} as a share of ln(min-cut): <span>0\u00a0%'
        f'<span class="ramp" aria-hidden="true">{steps}</span>100\u00a0%</span></p>'
    )


def scale(symbol: str, high: Number) -> str:
    """The colour scale of a map, from 0 to its largest value in nats."""
    steps = "".join(f'<i class="s{k}"></i>' for k in range(STEPS))
    return (
        f'<p class="legend">{symbol} in nats: <span>0<span class="ramp" aria-hidden="true">{steps}</span>'
        f"{number(high, 3)}</span></p>"
    )


def _value(measured: Measured, quantity: Quantity, trained: bool = True) -> float:
    return float(getattr(measured.trained if trained else measured.before, quantity.key))


def _heat_map(report: Report, partitions: list[Partition], quantity: Quantity) -> str:
    stages = (True, False) if report.has_before else (True,)
    classes = {m.label: m.name for p in partitions for m in report.of(p)}
    cells = {(m.partition.name, m.label): m for m in report.measured}
    body = ""
    for key, name in classes.items():
        row = [cells.get((p.name, key)) for p in partitions]
        values = "".join(_cell(m, quantity, trained) for m in row for trained in stages)
        body += f'<tr><th scope="row">{escape(name)}</th>{values}</tr>'
    head, foot = _head(partitions, quantity, stages), _foot(report, partitions, quantity, stages)
    names = escape(f"Heat map of {quantity.symbol} by class and partition")
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{names}"><table class="heat">'
        f"<thead>{head}</thead><tbody>{body}</tbody><tfoot>{foot}</tfoot></table></div>"
    )


def _head(partitions: list[Partition], quantity: Quantity, stages: tuple[bool, ...]) -> str:
    groups = "".join(
        f'<th scope="colgroup" class="first" colspan="{len(stages)}" '
        f'title="{escape(p.name)}">{escape(shortened(p.name))}'
        f"<small>ln(min-cut) {number(p.cut.log)}</small></th>"
        for p in partitions
    )
    words = {True: "trained" if len(stages) == 2 else quantity.symbol, False: "before"}
    columns = "".join(f'<th scope="col"{_first(stage)}>{words[stage]}</th>' for _ in partitions for stage in stages)
    return f'<tr><th scope="col" rowspan="2">class</th>{groups}</tr><tr>{columns}</tr>'


def _first(trained: bool) -> str:
    return ' class="first"' if trained else ""


def _cell(measured: Measured | None, quantity: Quantity, trained: bool) -> str:
    first = " first" if trained else ""
    if measured is None or not is_number(value := _value(measured, quantity, trained)):
        return f'<td class="none{first}">{NONE}</td>'
    share = measured.share(quantity.key, trained)
    step = min(max(int(share * STEPS), 0), STEPS - 1) if is_number(share) else 0
    said = f"{measured.partition.name}, class {measured.name}: {quantity.symbol} = {number(value, 4)}"
    said += f", {percent(share, 1)} of ln(min-cut)" if is_number(share) else ""
    shown = number(value)
    if trained and quantity is ENTROPY and measured.bounded:
        half = (measured.trained.upper - measured.trained.lower) / 2
        shown += f"\u00a0±\u00a0{number(half)}" if is_number(half) else ""
        said += f", between {number(measured.trained.lower, 4)} and {number(measured.trained.upper, 4)}"
    return f'<td class="{quantity.ramp}{step}{first}" title="{escape(said)}">{shown}</td>'


def _foot(report: Report, partitions: list[Partition], quantity: Quantity, stages: tuple[bool, ...]) -> str:
    means, used = "", ""
    for p in partitions:
        for stage in stages:
            value = mean([_value(m, quantity, stage) for m in report.of(p)])
            share = mean([m.share(quantity.key, stage) for m in report.of(p)])
            means += f"<td{_first(stage)}>{number(value)}</td>"
            used += f"<td{_first(stage)}>{percent(share)}</td>"
    return (
        f'<tr><th scope="row">mean</th>{means}</tr>'
        f'<tr><th scope="row" title="mean over classes of {quantity.symbol} / '
        f'ln(min-cut)">used</th>{used}</tr>'
    )


# --- figures --------------------------------------------------------------------------------------


EXACT_COLUMNS = (
    *("partition", "class", "S", "ln(min-cut)", "used", "S₂", "S before"),
    *("rank", "rank ≤", "e<sup>S</sup>", "1 − p<sub>1</sub>"),
)


def exact_figures(report: Report) -> str:
    """Every exact partition and class: S, its ceiling, S_2, S before training, and the others."""
    rows = [m for m in report.measured if m.partition.exact]
    cells = [
        [
            *_names(m),
            _figure(m.trained.entropy),
            _figure(m.partition.cut.log),
            _figure(m.share("entropy"), percent(m.share("entropy"), 1)),
            _figure(m.trained.renyi2),
            _figure(m.before.entropy),
            _figure(m.rank, NONE if m.rank is None else str(m.rank)),
            f'<td class="n">{_bound(m.partition)}</td>',
            _figure(m.effective_rank),
            _figure(m.geometric),
        ]
        for m in rows
    ]
    heads: tuple[str, ...] = EXACT_COLUMNS
    if any(m.exact_rank is not None for m in rows):
        heads = (*heads, "exact rank")
        cells = [[*cell, _figure(m.exact_rank, str(m.exact_rank))] for cell, m in zip(cells, rows, strict=True)]
    return _table("exact", "Exact figures", heads, cells) if rows else ""


INTERVAL_COLUMNS = (*("partition", "class", "S", "from", "to", "ln(min-cut)", "S₂", "S₂ before", "rank ≤", "s", "by"),)


def interval_figures(report: Report) -> str:
    """Every partition and class whose S is known by an interval: the interval and what found it."""
    rows = [m for m in report.measured if m.bounded]
    cells = [
        [
            *_names(m),
            _figure(m.trained.entropy),
            _figure(m.trained.lower),
            _figure(m.trained.upper),
            _figure(m.partition.cut.log),
            _figure(m.trained.renyi2),
            _figure(m.before.renyi2),
            f'<td class="n">{_bound(m.partition)}</td>',
            _figure(m.trained.seconds, number(m.trained.seconds, 1)),
            f'<td class="n">{escape(m.trained.method)}</td>',
        ]
        for m in rows
    ]
    return _table("interval", "Entropies between bounds", INTERVAL_COLUMNS, cells) if rows else ""


def renyi_figures(report: Report) -> str:
    """Every partition and class of which S_2 alone was measured."""
    rows = [m for m in report.measured if not m.partition.exact and not m.bounded]
    heads = ("partition", "class", "S₂ ≤ S", "ln(min-cut)", "S₂ before", "rank ≤")
    cells = [
        [
            *_names(m),
            _figure(m.trained.renyi2),
            _figure(m.partition.cut.log),
            _figure(m.before.renyi2),
            f'<td class="n">{_bound(m.partition)}</td>',
        ]
        for m in rows
    ]
    return _table("renyi", "Rényi-2 figures", heads, cells) if rows else ""


def _names(measured: Measured) -> list[str]:
    return [
        f'<th scope="row">{escape(shortened(measured.partition.name))}</th>',
        f"<td>{escape(measured.name)}</td>",
    ]


def _figure(value: Number | None, shown: str | None = None) -> str:
    if value is None or not is_number(value):
        return f'<td class="n">{NONE}</td>'
    return f'<td class="n"><data value="{value!r}">{shown or number(value, 4)}</data></td>'


def _bound(partition: Partition) -> str:
    """The bound of the rank: digits where they are few, else the min-cut's powers if it is that."""
    upper = partition.rank_upper
    if upper is None or (upper >= 10**9 and abs(math.log(upper) - partition.cut.log) < 1e-9):
        return powers(partition.cut)
    shown = str(upper) if upper < 10**9 else number(upper)
    return f'<data value="{upper}">{shown}</data>'


def _table(name: str, said: str, heads: Sequence[str], rows: list[list[str]]) -> str:
    head = "".join(f'<th scope="col"{" class=n" * (k > 1)}>{h}</th>' for k, h in enumerate(heads))
    body = "".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return (
        f'<div class="scroll tall" tabindex="0" role="region" aria-label="{said}">'
        f'<table class="figures" id="figures-{name}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


# --- downloads ------------------------------------------------------------------------------------


def records(report: Report) -> list[dict[str, Any]]:
    """The figures as flat records, None where something was not measured: the rows of the CSV and
    JSON files.
    """
    return [_record(m) for m in report.measured]


def _record(m: Measured) -> dict[str, Any]:
    numbers = {
        "entropy": m.trained.entropy,
        "entropy_lower": m.trained.lower,
        "entropy_upper": m.trained.upper,
        "renyi2": m.trained.renyi2,
        "rank": m.rank,
        "exact_rank": m.exact_rank,
        "rank_tolerance": m.tolerance,
        "ln_min_cut": m.partition.cut.log,
        "rank_upper": m.partition.rank_upper,
        "effective_rank": m.effective_rank,
        "geometric": m.geometric,
        "untrained_entropy": m.before.entropy,
        "untrained_renyi2": m.before.renyi2,
    }
    names = {
        "partition": m.partition.name,
        "label": m.label,
        "class": m.name,
        "exact": m.partition.exact,
        "min_cut": powers(m.partition.cut, plain=True),
    }
    return names | {k: v if v is None or isinstance(v, int) or is_number(v) else None for k, v in numbers.items()}


def as_csv(rows: list[dict[str, Any]]) -> str:
    """Records as CSV, every digit kept; nothing between the commas where nothing was measured."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, fieldnames=list(rows[0]) if rows else [], lineterminator="\r\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: str(v).lower() if isinstance(v, bool) else v for key, v in row.items()})
    return stream.getvalue()


def as_json(value: Any, indent: int | None = None) -> str:
    """JSON that may stand inside a <script> element: no `<`, `>` or `&` is left as it is."""
    text = json.dumps(value, indent=indent, allow_nan=False, ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
