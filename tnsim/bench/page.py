"""The benchmark's page: one file that opens without a network, from the rows alone. Top of the readers of results.

    results --> an environment: machine, method --> a workload: plots, scaling laws, every row --> notes of contenders

Style is the report's (tnsim.report), copied into the page; there is no script.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite

from tnsim.bench import plots, tables
from tnsim.bench.fits import LETTERS, Series, fit, series
from tnsim.bench.results import FIRST, Results
from tnsim.bench.rows import HOW
from tnsim.bench.schema import Row
from tnsim.bench.units import NONE, seconds
from tnsim.memory import human
from tnsim.report.document import document, section
from tnsim.report.text import escape

TITLE = "How fast tensor networks contract"
METHOD = (
    "Every contender runs in a process of its own, kept to the same processors and thread counts. Answers are "
    "compared before any time is taken: a wrong answer has no speed. Then contenders take turns, forward and backward, "
    "a burst of synchronised calls each, the first not timed. Figures are medians over rounds; the spread is the "
    "distance of the quartiles over the median. Path, plan, trace, compile and first run are timed apart. The share is "
    "the least time that this machine needs for the least work of the case, by its own measured rates, over the median."
)
STYLE = (
    ".bad { color: var(--cut); } .said { color: var(--muted); white-space: normal; max-width: 34rem; }"
    " .own th, .own td { font-weight: 600; } .tops th, .tops td { border-top: 2px solid var(--rule); }"
)
HEADS = ("case", "contender", "run", "spread", "against tnsim", *tables.STAGES, "first run", "peak", "share", "")


def render(found: Results, about: Mapping[str, str], notes: Mapping[str, str]) -> str:
    """The page. about: a line on each workload; notes: a line on each contender. Every row of `found` is on it."""
    sections = "".join(_environment(found, key, about) for key in found.environments)
    head = (
        f'<header><h1>{TITLE}</h1>\n<p class="finding">{finding(found)}</p>\n<p class="note">{METHOD}</p>\n'
        f'<p class="note">Peak: {escape(HOW)}.</p></header>\n'
    )
    return document(TITLE, f"{head}{sections}{_notes(found.measurements, notes)}", style=f"{STYLE}\n")


def finding(found: Results) -> str:
    """One sentence: how often tnsim was faster, how often slower, how many rows have no time."""
    rows = found.measurements
    pairs = [(row, found.partner(row)) for row in rows if row["run"] and row["peer"] != FIRST]
    ratios = [row["run"]["median"] / own["run"]["median"] for row, own in pairs if own]
    wins = sum(ratio > 1 for ratio in ratios)
    failures = sum(row["status"] not in ("ok", "refused", "missing") for row in rows)
    return (
        f"Beside its peers tnsim was faster in {wins} and slower in {len(ratios) - wins} of {len(ratios)} pairs; "
        f"{failures} rows ended without a time."
    )


def _environment(found: Results, key: str, about: Mapping[str, str]) -> str:
    """All rows of one environment; nothing, if there are none."""
    rows = [row for row in found.measurements if row["environment"] == key]
    if not rows:
        return ""
    told = found.environments[key]
    workloads = dict.fromkeys(row["workload"] for row in rows)
    parts = [_workload(found, name, [row for row in rows if row["workload"] == name], about) for name in workloads]
    return section(key, escape(tables.ran_on(told).split(", ")[0]), _machine(told)) + "".join(parts)


def _machine(told: Row) -> str:
    rates = told["roofline"]
    shown = {
        "ran on": tables.ran_on(told),
        "own rates": ", ".join([
            *(f"{name} products {rates[name] / 1e9:.0f} GFLOP/s" for name in ("float32", "float64") if name in rates),
            *(f"memory {human(rates[name])}/s" for name in ("bandwidth",) if name in rates),
            *(f"exponentials {rates[name] / 1e9:.2g} G/s" for name in ("transcendentals",) if name in rates),
        ]),
        "versions": ", ".join(f"{name} {version}" for name, version in told["versions"].items()),
        "settings": ", ".join(f"{name} {value}" for name, value in told["settings"].items()),
        "machine": ", ".join(f"{name} {value}" for name, value in told["machine"].items()),
    }  # fmt: skip
    items = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in shown.items())
    return f'<dl class="provenance">{items}</dl>'


def _workload(found: Results, name: str, rows: list[Row], about: Mapping[str, str]) -> str:
    """A workload's rows in one environment."""
    grown, key = series(rows), rows[0]["environment"]
    figures = "".join(_figure(f"{key}-{name}-{number}", same) for number, same in enumerate(_together(grown)))
    pairs = f'<div class="pair">{figures}</div>' if figures else ""
    words = f'<p class="note">{escape(about.get(name, ""))}</p>'
    return section(f"{key}-{name}", escape(name), words + pairs + _laws(grown) + _rows(found, rows))


def _together(found: Sequence[Series]) -> list[list[Series]]:
    """Series that make one picture: same axis, same kept sizes."""
    groups: dict[tuple[str, str], list[Series]] = {}
    for one in found:
        groups.setdefault((one.axis, one.kept), []).append(one)
    return list(groups.values())


def _figure(name: str, same: Sequence[Series]) -> str:
    return f"<figure><figcaption>{escape(same[0].kept)}</figcaption>{plots.growth(name, same)}</figure>"


def _laws(found: Sequence[Series]) -> str:
    """Exponents beside theory's."""
    body = [_law(one) for one in found]
    return _table(("contender", "size", "kept", "sizes", "time grows as", "theory"), body) if body else ""


def _law(one: Series) -> str:
    law, letter = fit(one), LETTERS[one.axis]
    error = f" ± {law.error:.2f}" if isfinite(law.error) else ""
    theory = NONE if law.theory is None else f"{letter}^{law.theory:.2f}"
    sizes = ", ".join(map(str, one.sizes))
    return _cells(one.peer, (letter, one.kept, sizes, f"{letter}^{law.exponent:.2f}{error}", theory))


def _rows(found: Results, rows: Sequence[Row]) -> str:
    by_key = {(row["case"], row["peer"]): row for row in rows}
    shown, body, last = tables.lines(found, rows), [], ""
    for one in shown:
        body.append(_row(one, by_key[one.case, one.peer], one.case != last))
        last = one.case
    return _table(HEADS, body)


def _row(one: tables.Line, row: Row, begins: bool) -> str:
    style = " ".join(filter(None, ("own" if one.peer == FIRST else "", "tops" if begins else "")))
    stages = [seconds(row["seconds"].get(stage)) for stage in tables.STAGES]
    median = one.median if one.status == "ok" else f'<span class="bad">{escape(one.median)}</span>'
    cells = [escape(one.peer), median, *map(escape, (one.spread, one.ratio, *stages, one.first, one.peak, one.share))]
    said = escape("; ".join(filter(None, (one.said, row["note"]))))
    inner = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr class="{style}"><th scope="row">{escape(one.case)}</th>{inner}<td class="said">{said}</td></tr>'


def _cells(head: str, cells: Iterable[str]) -> str:
    return f'<tr><th scope="row">{escape(head)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>'


def _table(heads: Sequence[str], body: Sequence[str]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return (
        f'<div class="scroll" tabindex="0"><table class="figures"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _notes(rows: Sequence[Row], notes: Mapping[str, str]) -> str:
    """How each contender was used."""
    names = dict.fromkeys(row["peer"] for row in rows)
    body = [_cells(name, (notes.get(name, ""),)) for name in names]
    return section("contenders", "The contenders", _table(("contender", "how it is used"), body))
