"""The plots of the report, as inline SVG: learning curves, shares of the ceiling, spectra.

Each function returns one picture; it reads the typed measurements and knows nothing of the page
around it.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tnsim.report.measurements import Measured, Number, Partition, Report, is_number, mean
from tnsim.report.svg import (
    Point,
    Scale,
    Tick,
    axes,
    dot,
    label,
    line,
    picture,
    segments,
    spread,
    ticks,
)
from tnsim.report.text import escape, number, percent, shortened

FLOOR = 1e-16  # below the square of float64's resolution a probability is noise
MANY = 12  # above so many classes a line each cannot be told apart by colour


class Curve(NamedTuple):
    """One line of a plot, named at its right end."""

    name: str
    points: list[Point]
    style: str


# --- learning -------------------------------------------------------------------------------------


def loss(history: Sequence[dict[str, Any]]) -> str:
    """The training loss against the step."""
    curve = _curve(history, "loss", "loss", "line accent")
    top = max((y for _, y in curve.points), default=1.0)
    return _learning("loss", "Training loss against step", [curve], (0.0, top or 1.0), _decimal)


def accuracy(history: Sequence[dict[str, Any]]) -> str:
    """Accuracy on the training and on the test set against the step."""
    curves = [
        _curve(history, "validation_accuracy", "validation", "line accent"),
        _curve(history, "train_accuracy", "train", "line quiet"),
    ]
    lowest = min((y for c in curves for _, y in c.points), default=0.0)
    low = math.floor(lowest * 10 - 1e-9) / 10 if lowest > 0 else 0.0
    return _learning("accuracy", "Accuracy against step", curves, (low, 1.0), lambda t: percent(t.value))


def _curve(history: Sequence[dict[str, Any]], key: str, name: str, style: str) -> Curve:
    points = [(float(h["step"]), float(h[key])) for h in history if h.get(key) is not None]
    return Curve(name, points, style)


def _decimal(tick: Tick) -> str:
    return tick.label


def _learning(
    name: str,
    title: str,
    curves: list[Curve],
    span: tuple[Number, Number],
    shown: Callable[[Tick], str],
) -> str:
    curves = [c for c in curves if c.points]
    steps = [x for c in curves for x, _ in c.points]
    x = Scale(0.0, max(steps, default=1.0), 44, 372)
    y = Scale(*span, 186, 14)
    placed = [Curve(c.name, [(x(a), y(b)) for a, b in c.points], c.style) for c in curves]
    heights = spread([c.points[-1][1] for c in placed], 14, y.end, y.start)
    y_ticks = [Tick(t.value, shown(t)) for t in ticks(*span)]
    body = axes(x, y, ticks(0.0, x.high), y_ticks, "step")
    for curve, height in zip(placed, heights, strict=True):
        body += line(curve.points, curve.style) + dot(curve.points[-1], 2.6, _fill(curve.style))
        if len(placed) > 1:
            body += label((x.end + 9, height), curve.name, f"name {_fill(curve.style)}")
    last = ", ".join(f"{c.name} {number(c.points[-1][1], 3)}" for c in curves)
    return picture(name, (420, 224), title, f"At the last step: {last}.", body)


def _fill(style: str) -> str:
    return style.replace("line", "fill")


# --- shares of the ceiling ------------------------------------------------------------------------


def shares(report: Report) -> str:
    """Mean over classes of S / ln(min-cut) per partition: trained (filled), before training
    (hollow); a bar where S is known by an interval.
    """
    rows = [(p, report.of(p)) for p in report.partitions if not is_alone(report, p)]
    x = Scale(0.0, 1.0, 96, 396)
    bottom = 18 + 26 * len(rows)
    marks = [Tick(k / 4, percent(k / 4)) for k in range(5)]
    body = segments([((x(t.value), 8), (x(t.value), bottom)) for t in marks], "rule")
    body += "".join(label((x(t.value), bottom + 13), t.label, "tick", "middle") for t in marks)
    said = []
    for k, (partition, measured) in enumerate(rows):
        trained = mean([m.share("entropy") for m in measured])
        before = mean([m.share("entropy", trained=False) for m in measured])
        held = [m for m in measured if m.bounded]
        ends = [mean([m.share(end) for m in held]) for end in ("lower", "upper")]
        body += error_bar(ends, x, 20 + 26 * k) + _share(partition.name, x, 20 + 26 * k, trained, before)
        said.append(f"{partition.name}: {percent(trained)}, before training {percent(before)}")
    return picture("shares", (420, bottom + 24), "Share of the ceiling used", "; ".join(said), body)


def _share(name: str, x: Scale, height: Number, trained: Number, before: Number) -> str:
    body = label((x.start - 14, height), shortened(name, 13), "name", "end")
    if is_number(before) and is_number(trained):
        body += segments([((x(before), height), (x(trained), height))], "line quiet")
    if is_number(before):
        body += dot((x(before), height), 4.5, "hollow")
    if is_number(trained):
        body += dot((x(trained), height), 5, "fill accent")
        right = max(trained, before) if is_number(before) else trained
        body += label((x(right) + 10, height), percent(trained), "name fill accent")
    return body


# --- intervals ------------------------------------------------------------------------------------


def is_alone(report: Report, partition: Partition) -> bool:
    """Whether S_2 alone is known of a partition."""
    return not partition.exact and not any(m.bounded for m in report.of(partition))


def intervals(report: Report) -> list[tuple[str, str]]:
    """For every partition whose S is known by intervals (caption, picture): a bar a class, and S_2."""
    found = [(p, [m for m in report.of(p) if m.bounded]) for p in report.partitions]
    return [
        (f"{escape(shortened(p.name))}, ln(min-cut) {number(p.cut.log)}", _intervals(f"intervals-{k}", p, rows))
        for k, (p, rows) in enumerate(found) if rows
    ]  # fmt: skip


def _intervals(name: str, partition: Partition, rows: list[Measured]) -> str:
    ends = [v for m in rows for v in (m.trained.upper, m.trained.entropy, m.trained.renyi2) if is_number(v)]
    x, bottom = Scale(0.0, max(ends) or 1.0, 96, 396), 14 + 18 * len(rows)
    marks = ticks(0.0, x.high)
    body = segments([((x(t.value), 4), (x(t.value), bottom)) for t in marks], "rule")
    body += "".join(label((x(t.value), bottom + 13), t.label, "tick", "middle") for t in marks)
    for k, m in enumerate(rows):
        height, S = 14 + 18 * k, m.trained
        body += label((x.start - 14, height), shortened(m.name, 13), "name", "end")
        body += dot((x(S.renyi2), height), 3, "hollow") if is_number(S.renyi2) else ""
        body += error_bar([S.lower, S.upper], x, height) + dot((x(S.entropy), height), 3, "fill accent")
    widest = max((m.trained.upper - m.trained.lower for m in rows if is_number(m.trained.upper)), default=0.0)
    said = f"{len(rows)} classes, bounds of S at most {number(widest, 3)} nats apart; hollow: S₂."
    return picture(name, (420, bottom + 24), f"Intervals of S across {partition.name}", said, body)


def error_bar(ends: Sequence[Number], x: Scale, height: Number) -> str:
    """An error bar with its two caps."""
    if not all(is_number(end) for end in ends):
        return ""
    low, high = (x(end) for end in ends)
    caps = [((end, height - 4), (end, height + 4)) for end in (low, high)]
    return segments([((low, height), (high, height)), *caps], "line accent")


# --- Schmidt spectra ------------------------------------------------------------------------------


def spectra(report: Report) -> list[tuple[Partition, str]]:
    """For every exact partition p_k against k on a logarithmic scale, a line a class; all pictures
    on the same axes.
    """
    found = [(p, [m for m in report.of(p) if _visible(m)]) for p in report.partitions if p.exact]
    found = [(p, rows) for p, rows in found if rows]
    seen = [_logs(m.trained.probabilities) for _, rows in found for m in rows]
    if not seen:
        return []
    low = math.floor(min(y for points in seen for _, y in points) - 1e-9)
    y = Scale(low, 0.0, 244, 12)
    return [(p, _spectrum(f"spectrum-{i}", p, rows, y)) for i, (p, rows) in enumerate(found)]


def _visible(measured: Measured) -> bool:
    return any(p > FLOOR for p in measured.trained.probabilities)


def _logs(probabilities: Sequence[float]) -> list[Point]:
    return [(k, math.log10(p)) for k, p in enumerate(probabilities, 1) if p > FLOOR]


def _spectrum(name: str, partition: Partition, rows: list[Measured], y: Scale) -> str:
    longest = max(k for m in rows for k, _ in _logs(m.trained.probabilities))
    x = Scale(1.0, max(longest, 2), 50, 356)
    every = max(1, math.ceil(-y.low / 5))
    y_ticks = [Tick(-e, f"10{_superscript(-e)}" if e else "1") for e in range(0, int(-y.low) + 1, every)]
    x_ticks = [Tick(1.0, "1"), *(t for t in ticks(0.0, x.high) if t.value > 1 and t.value % 1 == 0)]
    body = axes(x, y, x_ticks, y_ticks, "k")
    body += _before(rows, x, y) + _classes(rows, x, y)
    return picture(
        name,
        (430, 284),
        f"Schmidt spectrum of {partition.name}",
        f"Probabilities p_k against k, {len(rows)} classes, logarithmic scale; "
        "solid: trained; dashed: mean over classes before training.",
        body,
    )


def _classes(rows: list[Measured], x: Scale, y: Scale) -> str:
    """A line a class, named at its end; of too many classes only those of least and most entropy
    are named.
    """
    many = len(rows) > MANY
    ranked = sorted(rows, key=lambda m: m.trained.entropy)
    named = {ranked[0].label, ranked[-1].label} if many else {m.label for m in rows}
    curves = []
    for k, m in enumerate(rows):
        colour = "many" if many and m.label not in named else f"k{k % 10 if not many else 0}"
        points = [(x(a), y(b)) for a, b in _logs(m.trained.probabilities)]
        curves.append((m, Curve(m.name, points, f"line {colour}")))
    body = "".join(line(c.points, c.style) for _, c in curves)
    ends = [c for m, c in curves if m.label in named]
    heights = spread([c.points[-1][1] for c in ends], 13, y.end, y.start)
    for curve, height in zip(ends, heights, strict=True):
        end, text = curve.points[-1], (x.end + 18, height)
        body += line([end, (x.end + 15, height)], "leader") + dot(end, 2.2, _fill(curve.style))
        body += label(text, shortened(curve.name, 8), f"name {_fill(curve.style)}")
    return body


def _before(rows: list[Measured], x: Scale, y: Scale) -> str:
    """The mean over classes of the sorted probabilities before training, dashed."""
    known = [m.before.probabilities for m in rows if m.before.probabilities]
    if not known:
        return ""
    length = min(max(map(len, known)), int(x.high))
    means = [sum(p[k] for p in known if k < len(p)) / len(known) for k in range(length)]
    points = [(x(k), y(v)) for k, v in _logs(means) if v >= y.low]
    return line(points, "line before")


def _superscript(exponent: int) -> str:
    return str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
