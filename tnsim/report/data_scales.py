"""At which scale a data set's correlations live: windows, chess boards, maps of all windows, pairs by distance.

    2 x 2  --|--                 level 0   level 1          |\\
    4 x 4     ---|---            ....      . .              | \\__
    chess 1  -|-                 ....      . .              |____
"""

from tnsim.report import scales
from tnsim.report.data_values import DataMap, Held
from tnsim.report.document import block, note
from tnsim.report.fields import NAN, is_number
from tnsim.report.map_values import Level
from tnsim.report.plots import error_bar
from tnsim.report.svg import Scale, axes, dot, label, line, picture, segments, ticks
from tnsim.report.tables import scale
from tnsim.report.text import escape, grouped, number, percent

EXPLAINED = (
    "The data themselves, no network: the tensor that is the mean over images of y x¹ ⊗ x² ⊗ …, with y = 1 for class "
    "{name} of {dataset} and −1 for the rest, from {samples} training images, a grey value v of every pixel as "
    "[cos {contrast}πv, sin {contrast}πv]. What a network of small width can learn of it is bounded by its entropies "
    "across the network's windows."
)
WINDOWS = "Each against all the rest: the mean over the windows of a level, and chess boards by side of a block."
HELD = " A bar holds the entropy of what the images were drawn from, at {confidence} confidence of each window."
MAPS = "Every window where it lies, in nats; one scale of colour for all levels."
DISTANCES = "|Pearson| of the values of two pixels, the mean over all pairs that far apart, and its standard deviation."


def section(found: DataMap | None) -> str:
    """The map of a data set; a line that says why there is none, or nothing where none was asked for."""
    if found is None:
        return ""
    if found.note:
        return note(escape(found.note))
    known = {"name": escape(found.name), "dataset": escape(found.dataset), "contrast": f"{found.contrast:.3g}"}
    words = note(EXPLAINED.format(**known, samples=grouped(found.samples)))
    said = WINDOWS + (HELD.format(confidence=percent(found.confidence)) if is_number(found.confidence) else "")
    words += block("S by scale", said, f'<div class="pair"><figure>{profile(found)}</figure></div>', "map")
    if found.levels:
        maps = [level for level, _ in found.levels]
        words += block("S of every window of the data", MAPS, scale("S", scales.top(maps)) + _levels(maps), "map")
    if found.distance:
        falls = f'<div class="pair"><figure>{distances(found)}</figure></div>'
        words += block("Correlation by distance", DISTANCES, falls, "map")
    return words


def _levels(maps: list[Level]) -> str:
    drawn = "".join(
        f"<figure><figcaption>{grouped(level.sites)} sites</figcaption>{picture}</figure>"
        for level, picture in scales.drawn(maps, "data-map")
    )
    return f'<div class="levels">{drawn}</div>'


def profile(found: DataMap) -> str:
    """Mean S of each level's windows, and S of every chess board, with their intervals."""
    rows = [(f"{level.sites} sites", held) for level, held in found.levels]
    rows += [(f"chess {block}", held) for block, held in found.boards]
    ends = [value for _, held in rows for value in held if is_number(value)]
    x, bottom = Scale(0.0, max(ends, default=0.0) or 1.0, 96, 396), 14 + 22 * len(rows)
    marks = ticks(0.0, x.high)
    body = segments([((x(t.value), 4), (x(t.value), bottom)) for t in marks], "rule")
    body += "".join(label((x(t.value), bottom + 13), t.label, "tick", "middle") for t in marks)
    body += label(((x.start + x.end) / 2, bottom + 29), "S, nats", "axis", "middle")
    body += "".join(_row(name, held, x, 14 + 22 * k) for k, (name, held) in enumerate(rows))
    said = "; ".join(f"{name}: {number(held.value, 4)} ({_between(held)})" for name, held in rows)
    return picture("data-profile", (420, bottom + 40), "Entropy of the data by scale", said, body)


def _row(name: str, held: Held, x: Scale, height: float) -> str:
    """A dot in its interval; one that has no upper end goes on to the edge, dashed."""
    body = label((x.start - 14, height), name, "name", "end")
    if is_number(held.upper):
        body += error_bar([held.lower, held.upper], x, height)
    elif is_number(held.lower):
        body += line([(x(held.lower), height), (x.end, height)], "line before")
    return body + dot((x(held.value), height), 4, "fill accent")


def _between(held: Held) -> str:
    ends = [number(end, 4) if is_number(end) else "unknown" for end in (held.lower, held.upper)]
    return " to ".join(ends)


def distances(found: DataMap) -> str:
    """Mean correlation of two sites against their distance, its standard deviation as bars."""
    rows = list(zip(found.distance, found.mean, found.deviation, strict=True))
    rows = [(d, mean, spread if is_number(spread) else 0.0) for d, mean, spread in rows if is_number(mean)]
    x = Scale(0.0, max((d for d, _, _ in rows), default=1.0), 44, 396)
    y = Scale(0.0, max((mean + spread for _, mean, spread in rows), default=1.0) or 1.0, 186, 14)
    whole = [t for t in ticks(0.0, x.high) if t.value % 1 == 0]
    body = axes(x, y, whole, ticks(0.0, y.high), "distance in sites")
    bars = [((x(d), y(max(mean - spread, 0.0))), (x(d), y(mean + spread))) for d, mean, spread in rows]
    body += segments(bars, "line quiet") + line([(x(d), y(mean)) for d, mean, _ in rows], "line accent")
    body += "".join(dot((x(d), y(mean)), 2.6, "fill accent") for d, mean, _ in rows)
    first = rows[0] if rows else (NAN, NAN, NAN)
    last = rows[-1] if rows else first
    said = f"From {number(first[1], 3)} at distance {first[0]:g} to {number(last[1], 3)} at {last[0]:g}."
    return picture("data-distances", (420, 224), "Correlation of pixels by distance", said, body)
