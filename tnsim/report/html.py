"""The report: one page that opens without a network, written from the measurements of one trained network.

Top of the report: `measurements` checks and types, `plots`, `pictures` and `tables` draw, this file puts them in order
and says what they mean. Style and script lie beside it and are copied into the page.
"""

import base64
import importlib.resources
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tnsim.report import pictures, plots, tables
from tnsim.report.measurements import MEASURES, Measured, Partition, Report, is_number, mean, read
from tnsim.report.text import escape, grouped, levels, listed, number, percent, size

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"

HOW_TO_READ = (
    "A partition splits the sites of the image (pixels or patches) into two sets A and B, the left and the right half "
    "for instance, and every figure below belongs to one partition and to the score of one class.",
    "The entanglement entropy S, in nats, says how much correlation between A and B the network models for that class: "
    "it is 0 if the score is a function of A times a function of B, and e<sup>S</sup> is the effective number of such "
    "products that it adds up.",
    "The widths of the channels set a ceiling that no weights can pass, S ≤ ln(min-cut), where the min-cut is the "
    "smallest product of widths that separates A from B in the network; colour shows how much of it is used.",
    "Beside every trained value stands that of the same network before training, so that what the weights learned is "
    "told apart from what the architecture gives to random weights.",
    "The Rényi entropy S₂ is a lower bound of S which can be computed for every partition; it has its own block and its "
    "own colours, and an S₂ is to be compared with other S₂ only, never with an S.",
)

PAPER = (
    "Y. Levine, D. Yakira, N. Cohen, A. Shashua: <cite>Deep Learning and Quantum Entanglement: Fundamental Connections "
    'with Implications to Network Design</cite>, <a href="https://arxiv.org/abs/1704.01552">arXiv 1704.01552</a>'
)


def write(measurements: Mapping[str, Any], path: str | os.PathLike[str]) -> Path:
    """Writes the page to a path at once: whoever looks finds the old file or the whole new one. Raises as render."""
    page, target = render(measurements), Path(path)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        temporary.write_text(page, encoding="utf-8", newline="\n")
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def render(measurements: Mapping[str, Any]) -> str:
    """The page as a string. Raises ValueError naming the first key of `measurements` that is missing or wrong."""
    report = read(measurements)
    sections = "".join(
        _section(name, title, content)
        for name, title, content in (
            ("learning", "Learning", _learning(report)),
            ("reading", "How to read it", _reading()),
            ("entropy", "Entropy by class and partition", _entropy(report)),
            ("partitions", "The partitions and what limits them", _gallery(report)),
            ("spectra", "Schmidt spectra", _spectra(report)),
            ("figures", "All figures", _figures(report)),
            ("provenance", "Provenance", _provenance(report)),
        )
        if content
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{_title(report)}</title>\n<style>\n{_beside('style.css')}</style>\n</head>\n"
        f"<body>\n<main>\n{_opening(report)}{sections}</main>\n"
        f'<script type="application/json" id="measurements">{tables.as_json(report.source)}</script>\n'
        f"<script>\n{_beside('page.js')}</script>\n</body>\n</html>\n"
    )


def _beside(name: str) -> str:
    return importlib.resources.files("tnsim.report").joinpath(name).read_text(encoding="utf-8")


def _section(name: str, title: str, content: str) -> str:
    return (
        f'<section aria-labelledby="{name}">\n<h2 id="{name}">{title}</h2>\n{content}\n</section>\n'
    )


def _note(words: str) -> str:
    return f'<p class="note">{words}</p>'


# --- opening --------------------------------------------------------------------------------------------------------


def _title(report: Report) -> str:
    name = (report.source.get("dataset") or {}).get("name")
    return "Entanglement of a convolutional network" + (f", {escape(name)}" if name else "")


def _opening(report: Report) -> str:
    exact = [p for p in report.partitions if p.exact and is_number(_share(report, p))]
    shares = (
        f'<figure class="shares"><figcaption>S / ln(min-cut), mean over classes: <b>● trained</b>, ○ before training'
        f"</figcaption>{plots.shares(report)}</figure>"
        if exact
        else ""
    )
    return (
        f'<header>\n<h1>{_title(report)}</h1>\n<p class="finding">{finding(report)}</p>\n'
        f'<div class="opening">{_key_figures(report)}{shares}</div>\n</header>\n'
    )


def finding(report: Report) -> str:
    """One sentence: how much of the ceiling is used, across which partition most and least."""
    exact = [p for p in report.partitions if p.exact and is_number(_share(report, p))]
    bounded = [p for p in report.partitions if is_number(_share(report, p, "renyi2"))]
    key, symbol, found = ("entropy", "S", exact) if exact else ("renyi2", "S₂", bounded)
    if not found:
        return "No entropy was measured."
    ranked = sorted(found, key=lambda p: _share(report, p, key), reverse=True)
    accuracy = (report.source.get("training") or {}).get("accuracy")
    start = (
        f"At {percent(accuracy, 1)} test accuracy the network"
        if accuracy is not None
        else "The network"
    )
    least = "" if exact else "at least "
    first = f"{start} uses {least}{_used(report, ranked[0], key)} of its ceiling ln(min-cut) across {_bold(ranked[0])}"
    if len(ranked) == 1:
        return f"{first} ({symbol}, mean over classes)."
    rest = listed(f"{_used(report, p, key)} across {_bold(p)}" for p in ranked[1:5])
    return f"{first}, the partition it uses most, and {rest} ({symbol}, mean over classes)."


def _bold(partition: Partition) -> str:
    return f"<b>{escape(partition.name)}</b>"


def _share(
    report: Report, partition: Partition, key: str = "entropy", trained: bool = True
) -> float:
    return mean([m.share(key, trained) for m in report.of(partition)])


def _used(report: Report, partition: Partition, key: str) -> str:
    return f'<span class="figure">{percent(_share(report, partition, key))}</span>'


def _key_figures(report: Report) -> str:
    source, training = report.source, report.source.get("training") or {}
    architecture = source["architecture"]
    seconds, parameters = training.get("seconds"), source.get("parameters")
    shown = {
        "test accuracy": percent(training["accuracy"], 1)
        if training.get("accuracy") is not None
        else "",
        "sites": " × ".join(map(str, report.sites)),
        "classes": str(architecture["classes"]),
        "features a site": str(architecture["features"]),
        "channel widths": ", ".join(map(str, architecture["channels"])),
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


# --- sections -------------------------------------------------------------------------------------------------------


def _learning(report: Report) -> str:
    training = report.source.get("training")
    if training is None:
        return _note("These figures are of given weights: nothing was trained in this run.")
    seconds, steps = training.get("seconds"), training.get("steps")
    words = [
        f"Test accuracy {percent(training['accuracy'], 1)}"
        if training.get("accuracy") is not None
        else "",
        f"after {grouped(steps)} steps" if isinstance(steps, int) else "",
        f"and {number(seconds, 1)} s" if seconds is not None else "",
    ]
    said = " ".join(filter(None, words))
    history = training.get("history") or []
    if not history:
        return _note(f"{said}. No learning curve was kept.")
    return _note(f"{said}.") + (
        f'<div class="pair"><figure><figcaption>Loss</figcaption>{plots.loss(history)}</figure>'
        f"<figure><figcaption>Accuracy</figcaption>{plots.accuracy(history)}</figure></div>"
    )


def _reading() -> str:
    return '<ol class="reading">' + "".join(f"<li>{s}</li>" for s in HOW_TO_READ) + "</ol>"


def _entropy(report: Report) -> str:
    exact, bounded = (tables.heat_maps(report, q) for q in (tables.ENTROPY, tables.RENYI))
    only = [escape(p.name) for p in report.partitions if not p.exact]
    alone = f" For {listed(only)} it is all that was measured." if only else ""
    blocks = ""
    if exact:
        said = "Exact, in nats. Printed: S; colour: its share of the ceiling at the head of each partition."
        blocks += _block(
            "S, entanglement entropy", said, tables.legend(tables.ENTROPY), exact, "exact"
        )
    if bounded:
        said = (
            f"A lower bound of S, in nats, with colours of its own: compare S₂ with S₂ only.{alone}"
        )
        blocks += _block(
            "S₂ ≤ S, Rényi entropy of order 2", said, tables.legend(tables.RENYI), bounded, "renyi"
        )
    return blocks


def _block(title: str, said: str, legend: str, content: str, kind: str) -> str:
    return f'<div class="block {kind}"><h3>{title}</h3>{_note(said)}{legend}{content}</div>'


def _gallery(report: Report) -> str:
    cards = "".join(_card(report, p, k) for k, p in enumerate(report.partitions))
    drawn = (
        "a line is a matrix, a dot a pooling node"
        if report.tree and len(report.tree[0]) and sum(map(len, report.tree[0])) <= pictures.DRAWN
        else "a bar is a level, as long as the logarithm of its number of nodes"
    )
    said = (
        'The image with <b class="side-a">A</b> and <b class="side-b">B</b>; beside it the network, sites below and '
        f'output above: {drawn}. The <b class="cut">min-cut</b> is the cheapest set of shared channel indices whose '
        "removal separates A from B; an index is paid once, however many matrices meet in it."
    )
    return f'{_note(said)}<div class="gallery">{cards}</div>' if cards else ""


def _card(report: Report, partition: Partition, k: int) -> str:
    kind = "exact S" if partition.exact else "S₂ only"
    cuts = levels(partition.cut)
    return (
        f'<figure class="card"><figcaption><b>{escape(partition.name)}</b> <span class="tag">{kind}</span>'
        f"<span>{size(partition.cut)}{f', {cuts}' if cuts else ''}</span></figcaption>"
        f'<div class="drawn"><div class="image">{pictures.image(report, partition, f"image-{k}")}</div>'
        f'<div class="network">{pictures.network(report, partition, f"network-{k}")}</div></div></figure>'
    )


def _spectra(report: Report) -> str:
    drawn = plots.spectra(report)
    figures = "".join(
        f"<figure><figcaption>{escape(p.name)}</figcaption>{picture}</figure>"
        for p, picture in drawn
    )
    said = (
        "p<sub>k</sub>, the share of the k-th product of a function of A and a function of B, largest first; a line is "
        "a class, named at its end. <b>– –</b> mean over classes before training. A steep line is little correlation; "
        "a flat one would be the ceiling. What is below 10<sup>−16</sup> is not drawn."
    )
    return f'{_note(said)}<div class="pair">{figures}</div>' if drawn else ""


def _figures(report: Report) -> str:
    rows = tables.records(report)
    if not rows:
        return ""
    links = _link("csv", "text/csv", tables.as_csv(rows)) + _link(
        "json", "application/json", json.dumps(rows, indent=1, allow_nan=False)
    )
    exact, bounded = tables.exact_figures(report), tables.renyi_figures(report)
    blocks = _block("Exact", _tolerance(report.measured), "", exact, "exact") if exact else ""
    if bounded:
        blocks += _block("S₂ alone, a lower bound of S", "In nats.", "", bounded, "renyi")
    return f'<p class="downloads">{links}</p>{blocks}'


def _link(kind: str, mime: str, text: str) -> str:
    content = base64.b64encode(text.encode()).decode()
    return (
        f'<a download="figures.{kind}" href="data:{mime};charset=utf-8;base64,{content}">'
        f"Figures as {kind.upper()}</a>"
    )


def _tolerance(measured: tuple[Measured, ...]) -> str:
    found = sorted({m.tolerance for m in measured if m.rank is not None and is_number(m.tolerance)})
    ranks = f" Ranks at tolerance {listed(f'{t:g}' for t in found)}." if found else ""
    return f"Entropies in nats.{ranks} e<sup>S</sup>: effective rank; 1 − p<sub>1</sub>: geometric measure."


def _provenance(report: Report) -> str:
    source = report.source
    packages = source.get("packages") or {}
    shown = {
        "version": f"tnsim {escape(source['version'])}" if source.get("version") else "",
        "command": f"<code>{escape(source['command'])}</code>" if source.get("command") else "",
        "seed": escape(source.get("seed", "")),
        "data": _dataset(source.get("dataset") or {}),
        "packages": ", ".join(f"{escape(k)} {escape(v)}" for k, v in packages.items()),
        "measure": f"<b>{source['measure']}</b>. {MEASURES[source['measure']]}",
        "definitions": "p<sub>k</sub> = s<sub>k</sub>² / Σ s², with s<sub>k</sub> the singular values of the score as a "
        "matrix of A against B. S = −Σ p<sub>k</sub> ln p<sub>k</sub>; S₂ = −ln Σ p<sub>k</sub>²; "
        "S₂ ≤ S ≤ ln rank ≤ ln(min-cut).",
        "theory": PAPER,
        "architecture": f"<pre>{escape(json.dumps(source['architecture'], ensure_ascii=False))}</pre>",
    }
    items = "".join(f"<dt>{k}</dt><dd>{v}</dd>" for k, v in shown.items() if v)
    return f'<dl class="provenance">{items}</dl>'


def _dataset(dataset: dict[str, Any]) -> str:
    counts = [
        f"{grouped(dataset[k])} {k}" for k in ("train", "test") if isinstance(dataset.get(k), int)
    ]
    shape = " × ".join(map(str, dataset.get("image_shape") or []))
    return ", ".join(filter(None, [escape(dataset.get("name", "")), shape, *counts]))
