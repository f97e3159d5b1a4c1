"""Figures as a paper prints them, SVG and PNG, by matplotlib, which is an extra. Over figure; used by the command.

    Figure --[ picture ]--> bytes, equal for equal figures         --[ draw ]--> FOLDER/NAME.svg, FOLDER/NAME.png
"""

from __future__ import annotations

import os
from importlib import import_module
from io import BytesIO
from math import ceil
from pathlib import Path
from string import ascii_lowercase
from textwrap import fill
from typing import Any, NamedTuple

import numpy as np

from tnsim.experiments.figure import Curve, Figure, Panel, described
from tnsim.files import output_folder, write_whole

__all__ = ["KINDS", "DrawingError", "draw", "picture"]

KINDS = ("svg", "png")
# Okabe and Ito's, told apart by the colour-blind; their yellow is too pale for lines on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7B4FA3")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
GREY = "#6e6e6e"
ONE_COLUMN, TWO_COLUMNS, ROW = 3.4, 7.0, 1.95  # inches
LEGEND, SAMPLE, LETTER = 0.16, 0.43, 0.05  # inches of the legend: a row of it, what stands around a name, a letter
DODGE = 0.14  # of a category, between curves
MARGIN, NAME, WRAP = 0.45, 1.1, 21  # inches left of axes, and right of categories for names of levels; letters of these
CATEGORY = 11  # letters of a category's name in a line
LEAST = 1.4  # categories wide is a panel at least
NEAR = 4  # times the smallest x: no further, 1, 2, 5 would be too few
FEW, SEVERAL = 7, 12  # so many values of x are all ticks; and on a logarithmic axis
STYLE = {
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans", "Helvetica", "Arial"], "font.size": 7,
    "axes.titlesize": 7.5, "axes.labelsize": 7, "xtick.labelsize": 6.5, "ytick.labelsize": 6.5, "legend.fontsize": 6.5,
    "axes.linewidth": 0.6, "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.major.size": 2.5,
    "ytick.major.size": 2.5, "xtick.minor.size": 0, "ytick.minor.size": 0, "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "axes.grid.axis": "y", "grid.color": "#e4e4e4",
    "grid.linewidth": 0.5, "axes.axisbelow": True, "lines.linewidth": 1.1, "lines.markersize": 3.8,
    "legend.frameon": False, "legend.columnspacing": 1.5, "axes.formatter.useoffset": False, "savefig.dpi": 200,
    "svg.fonttype": "none", "svg.hashsalt": "tnsim",
}  # fmt: skip


class DrawingError(ValueError):
    """Figures cannot be drawn: says what to install."""


class Look(NamedTuple):
    """How curves of one name are drawn."""

    colour: str
    marker: str


def draw(folder: str | os.PathLike[str], name: str, figure: Figure) -> list[Path]:
    """Write a figure in all KINDS, each whole or not at all. Raises DrawingError without matplotlib, OSError."""
    pictures = {kind: picture(figure, kind) for kind in KINDS}
    place = output_folder(folder)
    return [write_whole(place / f"{name}.{kind}", content) for kind, content in pictures.items()]


def picture(figure: Figure, kind: str) -> bytes:
    """One drawing; equal figures give equal bytes on one machine, whatever the user's own settings of matplotlib.

    An SVG carries what it shows as JSON, its Description. Raises DrawingError without matplotlib.
    """
    plot = _matplotlib()
    more = {"Date": None, "Creator": f"tnsim, Matplotlib {plot.__version__}", "Description": described(figure)}
    with plot.rc_context(), BytesIO() as file:
        plot.rcdefaults()
        plot.rcParams.update(STYLE)
        _drawn(plot, figure).savefig(file, format=kind, metadata=more if kind == "svg" else None)
        return file.getvalue()


def _matplotlib() -> Any:
    """The library, an extra: looked for only where something is drawn."""
    try:
        import_module("matplotlib.figure")
        import_module("matplotlib.ticker")
        return import_module("matplotlib")
    except ImportError as error:
        raise DrawingError("figures: wanted matplotlib, found none; pip install 'tnsim[figures]'") from error


def _drawn(plot: Any, figure: Figure) -> Any:
    looks, rows = _looks(figure), -(-len(figure.panels) // figure.columns)
    width = ONE_COLUMN if figure.columns == 1 else TWO_COLUMNS
    beside = max(1, int((width + 0.2) / (SAMPLE + LETTER * float(np.mean([*map(len, looks)])))))  # names in a row
    legend = LEGEND * (1 + ceil(len(looks) / beside)) if len(looks) > 1 else 0.0
    drawn = plot.figure.Figure((width, ROW * rows + legend), layout="constrained")
    drawn.get_layout_engine().set(w_pad=0.05, h_pad=0.05, wspace=0.03, hspace=0.04)
    room = _room(figure, width)
    grid = drawn.add_gridspec(rows, figure.columns, width_ratios=_widths(figure, room))
    handles: dict[str, Any] = {}
    for place, panel in enumerate(figure.panels):
        axes = drawn.add_subplot(grid[divmod(place, figure.columns)])
        letter = f"({ascii_lowercase[place]}) " if len(figure.panels) > 1 else ""
        axes.set_title(letter + panel.title, loc="left")
        for curve in panel.curves:
            handles.setdefault(curve.name, _curve(axes, panel, curve, looks[curve.name]))
        _levels(axes, panel)
        _axes(plot, axes, panel, room)
    if len(looks) > 1:
        keys = [handles[name] for name in looks]
        drawn.legend(keys, looks, loc="outside upper center", ncols=min(len(looks), beside))
    return drawn


def _room(figure: Figure, width: float) -> float:
    """What names of levels take beside the categories of the first row, in categories."""
    first = figure.panels[: figure.columns]
    inches = width - sum(MARGIN + NAME * bool(panel.levels) for panel in first)
    return NAME * sum(max(len(panel.ticks), LEAST) for panel in first) / inches


def _widths(figure: Figure, room: float) -> list[float]:
    """Of columns: categories are about equally wide in all panels of the first row."""
    first = figure.panels[: figure.columns]
    if not all(panel.categorical for panel in first):
        return [1.0] * figure.columns
    widths = [max(len(panel.ticks), LEAST) + room * bool(panel.levels) for panel in first]
    return widths + [1.0] * (figure.columns - len(first))


def _looks(figure: Figure) -> dict[str, Look]:
    """A look for each name, so that a name looks the same in all panels, fullest panels first; references are grey."""
    looks: dict[str, Look] = {}
    for curve in (curve for panel in sorted(figure.panels, key=_emptiness) for curve in panel.curves):
        place = sum(look.colour != GREY for look in looks.values())
        told = Look(COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)])
        looks.setdefault(curve.name, Look(GREY, "_") if curve.reference else told)
    return looks


def _emptiness(panel: Panel) -> int:
    return -len(panel.curves)


def _curve(axes: Any, panel: Panel, curve: Curve, look: Look) -> Any:
    """Points and what joins them; intervals as bars of categories, as a band of numbers."""
    x, y = _places(panel, curve), np.asarray(curve.y)
    joined, style = curve.joined and not panel.categorical, {"color": look.colour, "zorder": 3}
    if curve.reference:
        size = {"markersize": 16, "markeredgewidth": 1.4, "marker": "_"} if not joined else {}
        return axes.plot(x, y, linestyle="--" if joined else "none", **size, **style)[0]
    if curve.lower is not None and curve.upper is not None:
        lower, upper = (np.array(side, float) for side in (curve.lower, curve.upper))  # nan for None
        if joined:
            axes.fill_between(x, lower, upper, color=look.colour, alpha=0.16, linewidth=0)
        else:
            axes.vlines(x, lower, upper, linewidth=1.1, **style)
    edge = {"markeredgecolor": "none" if panel.categorical else "white", "markeredgewidth": 0.5}
    return axes.plot(x, y, marker=look.marker, linestyle="-" if joined else "none", **edge, **style)[0]


def _places(panel: Panel, curve: Curve) -> np.ndarray:
    """x of the points; in a category curves stand side by side."""
    if not panel.categorical:
        return np.array(curve.x, float)
    names = list(dict.fromkeys(other.name for other in panel.curves if not other.reference))
    shift = 0.0 if curve.reference else DODGE * (names.index(curve.name) - (len(names) - 1) / 2)
    return np.array([panel.ticks.index(x) + shift for x in curve.x])


def _levels(axes: Any, panel: Panel) -> None:
    for level in panel.levels:
        axes.axhline(level.y, color=GREY, linestyle="--", linewidth=0.9, zorder=1)
        axes.annotate(
            fill(level.name, WRAP), (1, level.y), (-1, 1.5), xycoords=axes.get_yaxis_transform(),
            textcoords="offset points", fontsize=6, color=GREY, ha="right", va="bottom",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4},
        )  # fmt: skip


def _axes(plot: Any, axes: Any, panel: Panel, room: float) -> None:
    axes.set_xlabel(panel.x)
    axes.set_ylabel(panel.y)
    plain = plot.ticker.FuncFormatter(lambda value, _: f"{value:g}")
    if panel.log_x:
        axes.set_xscale("log")
    if panel.log_y:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(plain)
    if panel.categorical:
        axes.set_xticks(range(len(panel.ticks)), [fill(str(x), CATEGORY) for x in panel.ticks])
        axes.set_xlim(-0.6, len(panel.ticks) - 0.4 + room * bool(panel.levels))
    elif len(panel.ticks) <= (SEVERAL if panel.log_x else FEW):
        axes.set_xticks(panel.ticks, [f"{x:g}" for x in panel.ticks])
        axes.xaxis.set_minor_locator(plot.ticker.NullLocator())
    elif panel.log_x:
        steps = (1, 2, 5) if float(panel.ticks[-1]) > NEAR * float(panel.ticks[0]) else (1, 1.5, 2, 3, 4, 5, 7)
        axes.xaxis.set_major_locator(plot.ticker.LogLocator(subs=steps))
        axes.xaxis.set_major_formatter(plain)
        axes.xaxis.set_minor_locator(plot.ticker.NullLocator())
    if panel.floor is not None:
        axes.set_ylim(bottom=panel.floor)
