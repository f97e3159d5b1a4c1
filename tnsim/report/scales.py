"""The pictures of maps: entropy of all windows of all scales, of the sites, and the graph of mutual information.

    level 0   level 1   level 2         o---o   o      edges: the strongest pairs, wide and dark where I is large
    ....      . .       .                \\     |      a grid of sites, coloured by their entropy
    ....      . .                      o   o---o

Colours are steps of one scale, so that a picture of a thousand sites is ten paths.
"""

import math
from collections.abc import Sequence

from tnsim.report.fields import Number, is_number
from tnsim.report.map_values import Level, Map
from tnsim.report.svg import Scale, Tick, axes, label, line, picture, segments, short, ticks
from tnsim.report.text import number

STEPS = 10  # colours, and widths of edges
FAINTEST = 1e-12  # mutual information below it is rounding


def top(levels: Sequence[Level]) -> float:
    """The end of the colour scale that all levels share."""
    return max((S for level in levels for S in level.entropies if is_number(S)), default=0.0) or 1.0


def levels(found: Map, name: str) -> list[tuple[Level, str]]:
    """A picture for each level of a windows map, all on one colour scale."""
    return drawn(found.levels, name)


def drawn(levels: Sequence[Level], name: str) -> list[tuple[Level, str]]:
    """A picture for each of some levels, all on one colour scale."""
    high = top(levels)
    return [(level, _level(level, high, f"{name}-{k}")) for k, level in enumerate(levels)]


def _level(level: Level, high: Number, name: str) -> str:
    tall = max(1.0, level.columns / 12) if level.rows == 1 else 1.0
    title = f"Entropy of windows of {level.sites} site{'s' * (level.sites > 1)}"
    known = [S for S in level.entropies if is_number(S)]
    said = f"{len(known)} windows, from {number(min(known, default=0), 3)} to {number(max(known, default=0), 3)} nats."
    return picture(name, (level.columns, level.rows * tall), title, said, _cells(level, high, tall))


def _cells(level: Level, high: Number, tall: Number) -> str:
    """One path for each step of the colour scale."""
    paths: dict[int, str] = {}
    for k, S in enumerate(level.entropies):
        if is_number(S):
            row, column = divmod(k, level.columns)
            step = _step(S / high)
            paths[step] = paths.get(step, "") + f"M{column} {short(row * tall)}h1v{short(tall)}h-1z"
    return "".join(f'<path class="f{step}" d="{d}"/>' for step, d in sorted(paths.items()))


def _step(share: Number) -> int:
    return min(max(int(share * STEPS), 0), STEPS - 1)


def sites(found: Map, grid: tuple[int, int], name: str) -> str:
    """The entropy of every site on the grid, on a colour scale of its own."""
    level = Level(1, *grid, found.entropies)
    return _level(level, top([level]), name)


def graph(found: Map, grid: tuple[int, int], name: str) -> str:
    """Sites on their grid, coloured by entropy, and the strongest pairs as edges."""
    rows, columns = grid
    tall = max(1.0, columns / 12) if rows == 1 else 1.0
    level = Level(1, rows, columns, found.entropies)
    strongest = max((I for _, _, I in found.pairs), default=0.0) or 1.0
    edges: dict[int, list] = {}
    for i, j, I in found.pairs:
        if I > FAINTEST:
            ends = [((k % columns) + 0.5, (k // columns + 0.5) * tall) for k in (i, j)]
            edges.setdefault(_step(I / strongest), []).append(tuple(ends))
    body = f'<g class="faint">{_cells(level, top([level]), tall)}</g>'
    body += "".join(segments(pairs, f"joined m{step}") for step, pairs in sorted(edges.items()))
    first = f"the strongest joins sites {found.pairs[0][0]} and {found.pairs[0][1]}" if found.pairs else "none"
    said = f"{sum(map(len, edges.values()))} strongest pairs of sites; {first}, {number(strongest, 4)} nats."
    return picture(name, (columns, rows * tall), "Mutual information of pairs of sites", said, body)


def decay(found: Map, name: str) -> str:
    """I against distance on a logarithmic scale: mean (solid), largest (dashed); empty where none is above rounding."""
    curves = [
        [(d, math.log10(I)) for d, I in zip(found.distance, values, strict=True) if is_number(I) and I > FAINTEST]
        for values in (found.mean, found.largest)
    ]
    heights = [y for curve in curves for _, y in curve]
    if not heights:
        return ""
    low, high = math.floor(min(heights)), math.ceil(max(heights))
    y = Scale(low, max(high, low + 1), 186, 14)
    x = Scale(0.0, max(d for curve in curves for d, _ in curve), 44, 372)
    every = max(1, math.ceil((y.high - y.low) / 5))
    marks = [Tick(e, f"1e{e}") for e in range(int(y.low), int(y.high) + 1, every)]
    body = axes(x, y, [t for t in ticks(0.0, x.high) if t.value % 1 == 0], marks, "distance in sites")
    for curve, style in zip(curves, ("line accent", "line before"), strict=True):
        body += line([(x(d), y(v)) for d, v in curve], style)
    body += label((x.start, 4), "nats", "tick", "end")
    said = "Solid: mean over the pairs at a distance; dashed: the largest."
    return picture(name, (420, 224), "Mutual information against distance", said, body)
