"""The report: one page that opens without a network, written from the measurements of one model.

Top of the report: `measurements` checks and types, `plots`, `pictures` and `tables` draw, `prose`
says what they mean, this file puts them in order. Style and script lie beside it and are copied
into the page.
"""

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tnsim.files import write_whole
from tnsim.report import (
    alike,
    bottleneck,
    data_scales,
    front,
    gallery,
    network_pictures,
    partition_cards,
    plots,
    prose,
    scales,
    tables,
)
from tnsim.report.document import beside, block, document, note, pair, section
from tnsim.report.map_values import Map
from tnsim.report.measurements import Measured, Partition, Report, is_number, mean, read
from tnsim.report.text import escape, grouped, listed, number, percent, shortened

LONGEST = 40  # letters of a hyper-parameter in the opening; the provenance has all of them
SCRIPTED = "script-src 'unsafe-inline'; img-src data:"


def write(measurements: Mapping[str, Any], path: str | os.PathLike[str]) -> Path:
    """Writes the page to a path at once: whoever looks finds the old file or the whole new one.
    Raises as render.
    """
    return write_whole(path, render(measurements))


def render(measurements: Mapping[str, Any]) -> str:
    """The page as a string. Raises ValueError naming the first key of `measurements` that is
    missing or wrong.
    """
    report = read(measurements)
    sections = "".join(section(name, title, content) for name, title, make in SECTIONS if (content := make(report)))
    data = f'<script type="application/json" id="measurements">{tables.as_json(report.source)}</script>\n'
    tail = f"{data}<script>\n{beside('page.js')}</script>\n"
    return document(_title(report), f"{_opening(report)}{sections}", SCRIPTED, tail=tail)


# --- opening --------------------------------------------------------------------------------------


def _title(report: Report) -> str:
    name = (report.source.get("dataset") or {}).get("name")
    name = None if name == "unknown" else name
    of = "a convolutional network" if report.wired is None else f"a tensor network ({escape(report.wired.kind)})"
    return f"Entanglement of {of}" + (f", {escape(name)}" if name else "")


def _opening(report: Report) -> str:
    shares = (
        '<figure class="shares"><figcaption>S / ln(min-cut), mean over classes: '
        f"<b>● trained</b>{', ○ before training' if report.has_before else ''}</figcaption>"
        f"{plots.shares(report)}</figure>"
    )
    known = any(is_number(_share(report, p)) for p in report.partitions)
    return (
        f'<header>\n<h1>{_title(report)}</h1>\n<p class="finding">{finding(report)}</p>\n'
        f'<div class="opening">{_key_figures(report)}{shares if known else ""}</div>\n</header>\n'
    )


def finding(report: Report) -> str:
    """One sentence: how much of the ceiling is used, and across which partition most."""
    key, symbol, least = "entropy", "S", ""
    if not any(is_number(_share(report, p, key)) for p in report.partitions):
        key, symbol, least = "renyi2", "S₂", "at least "
    found = [p for p in report.partitions if is_number(_share(report, p, key))]
    if not found:
        return "No entropy was measured."
    most, *others = sorted(found, key=lambda p: _share(report, p, key), reverse=True)
    accuracy = (report.source.get("training") or {}).get("accuracy")
    who = "The network" if accuracy is None else f"At {percent(accuracy, 1)} test accuracy the network"
    words = f"{who} uses {least}{_used(report, most, key)} of its ceiling "
    words += f'<span class="whole">ln(min-cut)</span> across {_bold(most)}'
    if others:
        rest = listed(f"{_used(report, p, key)} across {_bold(p)}" for p in others[:4])
        words += f", the partition it uses most, and {rest}"
    return f"{words} ({symbol}, mean over classes)."


def _bold(partition: Partition) -> str:
    return f"<b>{escape(shortened(partition.name))}</b>"


def _share(report: Report, partition: Partition, key: str = "entropy", trained: bool = True) -> float:
    return mean([m.share(key, trained) for m in report.of(partition)])


def _used(report: Report, partition: Partition, key: str) -> str:
    return f'<span class="figure">{percent(_share(report, partition, key))}</span>'


def _key_figures(report: Report) -> str:
    source, training = report.source, report.source.get("training") or {}
    architecture = source["architecture"]
    seconds, parameters = training.get("seconds"), source.get("parameters")
    shown = {
        "test accuracy": percent(training["accuracy"], 1) if training.get("accuracy") is not None else "",
        "sites": " × ".join(map(str, report.sites)),
        **(_widths_of(architecture) if report.wired is None else _hyperparameters(architecture)),
        "parameters": grouped(parameters) if isinstance(parameters, int) else "",
        "measure": source["measure"],
        "seed": source.get("seed", ""),
        "training": f"{number(seconds, 1)} s" if seconds is not None else "",
    }
    items = "".join(
        f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>"
        for name, value in shown.items()
        if value not in ("", None)
    )
    return f'<dl class="key">{items}</dl>'


def _widths_of(architecture: dict[str, Any]) -> dict[str, str]:
    return {
        "classes": str(architecture["classes"]),
        "features a site": str(architecture["features"]),
        "channel widths": ", ".join(map(str, architecture["channels"])),
    }


def _hyperparameters(architecture: dict[str, Any]) -> dict[str, str]:
    """What any architecture says of itself, as far as a line holds it."""
    shown = {key: value for key, value in architecture.items() if key != "sites" and value not in (None, [])}
    told = {key: ", ".join(map(str, value)) if isinstance(value, list) else str(value) for key, value in shown.items()}
    return {key: words for key, words in told.items() if len(words) <= LONGEST}


# --- sections --------------------------------------------------------------------------------


def _learning(report: Report) -> str:
    training = report.source.get("training")
    if training is None:
        return note("These figures are of given weights: nothing was trained in this run.")
    accuracy, seconds, steps = (training.get(key) for key in ("accuracy", "seconds", "steps"))
    words = [
        f"Test accuracy {percent(accuracy, 1)}" if accuracy is not None else "Trained",
        f"after {grouped(steps)} steps" if isinstance(steps, int) else "",
        f"in {number(seconds, 1)} s" if seconds is not None else "",
    ]
    said = " ".join(filter(None, words))
    history = training.get("history") or []
    if not history:
        return note(f"{said}. No learning curve was kept.")
    return note(f"{said}.") + (
        f'<div class="pair"><figure><figcaption>Loss</figcaption>{plots.loss(history)}</figure>'
        "<figure><figcaption>Accuracy</figcaption>"
        f"{plots.accuracy(history)}</figure></div>"
    )


def _reading(report: Report) -> str:
    sentences = prose.HOW_TO_READ if report.wired is None else prose.HOW_TO_READ_NETWORK
    return '<ol class="reading">' + "".join(f"<li>{s}</li>" for s in sentences) + "</ol>"


def _entropy(report: Report) -> str:
    only = [escape(shortened(p.name)) for p in report.partitions if plots.is_alone(report, p)]
    alone = f" For {listed(only)} it is all that was measured." if only else ""
    blocks = ""
    if exact := tables.heat_maps(report, tables.ENTROPY):
        bars = plots.intervals(report)
        content = tables.legend(tables.ENTROPY) + exact
        said = prose.EXACT + (f" {prose.INTERVALS}" if bars else "")
        blocks += block("S, entanglement entropy", said, content + pair(bars), "exact")
    if bounded := tables.heat_maps(report, tables.RENYI):
        content = tables.legend(tables.RENYI) + bounded
        blocks += block("S₂ ≤ S, Rényi entropy of order 2", prose.RENYI + alone, content, "renyi")
    return blocks


def _spectra(report: Report) -> str:
    figures = pair((escape(shortened(p.name)), picture) for p, picture in plots.spectra(report))
    return note(prose.SPECTRA) + figures if figures else ""


def _maps(report: Report) -> str:
    return "".join(_map(report, found, f"map-{k}") for k, found in enumerate(report.maps))


def _map(report: Report, found: Map, name: str) -> str:
    """One map with what it shows in a line."""
    networks = report.wired is not None and found.kind == "windows"
    title, said = prose.NETWORK_WINDOWS if networks else prose.MAPS[found.kind]
    body = {"windows": _windows, "sites": _site_map, "mutual": _mutual}[found.kind](report, found, name)
    return block(f"{title}, class {escape(found.name)}", said, body, "map")


def _windows(report: Report, found: Map, name: str) -> str:
    drawn = "".join(
        f"<figure><figcaption>{grouped(level.sites)} site{'s' * (level.sites > 1)}</figcaption>{picture}</figure>"
        for level, picture in scales.levels(found, name)
    )
    return tables.scale("S", scales.top(found.levels)) + f'<div class="levels">{drawn}</div>'


def _site_map(report: Report, found: Map, name: str) -> str:
    highest = max((S for S in found.entropies if is_number(S)), default=0.0)
    return (
        tables.scale("S", highest)
        + f'<div class="levels"><figure>{scales.sites(found, report.grid, name)}</figure></div>'
    )


def _mutual(report: Report, found: Map, name: str) -> str:
    fall = scales.decay(found, f"{name}-decay")
    caption = f"The {grouped(len(found.pairs))} strongest pairs"
    if found.pairs:
        caption += f", up to {number(found.pairs[0][2], 4)} nats"
    return pair(
        [(caption, scales.graph(found, report.grid, name)), ("I against distance: mean, – – largest", fall)][
            : 2 if fall else 1
        ]
    )


def _data(report: Report) -> str:
    return data_scales.section(report.data_map)


def _figures(report: Report) -> str:
    rows = tables.records(report)
    if not rows:
        return ""
    as_json = json.dumps(rows, indent=1, allow_nan=False)
    links = _link("csv", "text/csv", tables.as_csv(rows))
    links += _link("json", "application/json", as_json)
    blocks = ""
    if exact := tables.exact_figures(report):
        said = prose.FIGURES.format(ranks=_tolerance(report.measured))
        blocks += block("Exact", said, exact, "exact")
    if held := tables.interval_figures(report):
        blocks += block("S between rigorous bounds", "In nats.", held, "exact")
    if bounded := tables.renyi_figures(report):
        blocks += block("S₂ alone, a lower bound of S", "In nats.", bounded, "renyi")
    return f'<p class="downloads">{links}</p>{blocks}'


def _link(kind: str, mime: str, text: str) -> str:
    content = base64.b64encode(text.encode()).decode()
    return (
        f'<a download="figures.{kind}" href="data:{mime};charset=utf-8;base64,{content}">Figures as {kind.upper()}</a>'
    )


def _tolerance(measured: tuple[Measured, ...]) -> str:
    used = sorted({f"{m.tolerance:.2g}" for m in measured if m.rank is not None and is_number(m.tolerance)}, key=float)
    return f" Ranks at tolerance {' to '.join(dict.fromkeys((used[0], used[-1])))}." if used else ""


def _provenance(report: Report) -> str:
    source = report.source
    packages = source.get("packages") or {}
    architecture = json.dumps(source["architecture"], ensure_ascii=False)
    shown = {
        "version": f"tnsim {escape(source['version'])}" if source.get("version") else "",
        "command": f"<code>{escape(source['command'])}</code>" if source.get("command") else "",
        "seed": "" if source.get("seed") is None else escape(source["seed"]),
        "data": _dataset(source.get("dataset") or {}),
        "packages": ", ".join(f"{escape(k)} {escape(v)}" for k, v in packages.items()),
        "measure": f"<b>{source['measure']}</b>. {prose.MEASURES[source['measure']]}",
        "definitions": prose.DEFINITIONS,
        "theory": prose.PAPER,
        "architecture": f"<pre>{escape(architecture)}</pre>",
    }
    items = "".join(f"<dt>{k}</dt><dd>{v}</dd>" for k, v in shown.items() if v)
    return f'<dl class="provenance">{items}</dl>'


def _dataset(dataset: dict[str, Any]) -> str:
    counts = [f"{grouped(dataset[k])} {k}" for k in ("train", "test") if isinstance(dataset.get(k), int)]
    shape = " × ".join(map(str, dataset.get("image_shape") or []))
    return ", ".join(filter(None, [escape(dataset.get("name", "")), escape(shape), *counts]))


SECTIONS = (
    ("learning", "Learning", _learning),
    ("reading", "How to read it", _reading),
    ("entropy", "Entropy by class and partition", _entropy),
    ("partitions", "The partitions and what limits them", partition_cards.section),
    ("network", "What the network is made of", network_pictures.section),
    ("bottlenecks", "Which widths limit the partitions", bottleneck.section),
    ("front", "What as many parameters would allow", front.section),
    ("spectra", "Schmidt spectra", _spectra),
    ("maps", "Entanglement at every scale", _maps),
    ("images", "Images that the model draws", gallery.section),
    ("data", "Where the data's correlations live", _data),
    ("classes", "The classes as one state", alike.section),
    ("figures", "All figures", _figures),
    ("provenance", "Provenance", _provenance),
)
