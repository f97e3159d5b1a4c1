"""The figure of docs/data-entanglement.md: digits beside the same pixels in another order, by scale and by distance.

python -c "from tnsim.report.data_figure import write; write('docs/figures')"    -->    data-entanglement.svg and .png
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from tnsim.experiments.drawing import draw
from tnsim.experiments.figure import Curve, Figure, Panel
from tnsim.report.data_maps import mapped
from tnsim.tasks import shuffled
from tnsim.train.data import load
from tnsim.train.recipes import for_images

__all__ = ["NAME", "figure", "measured", "write"]

NAME = "data-entanglement"
LABEL, SWAPS = 3, 1000
ABOUT = (
    "Entropy of the data tensor of digits across windows and chess boards, with intervals, and correlation of pixels "
    "by distance; the same for the digits with their pixels shuffled."
)


def measured() -> dict[str, dict[str, Any]]:
    """The maps of digits and of shuffled digits, as `tnsim.report.data_maps.mapped` tells them; some seconds."""
    digits = load("digits")
    arch, *_ = for_images(digits)
    return {
        "digits": mapped(digits, arch, LABEL),
        "shuffled pixels": mapped(shuffled(digits, swaps=SWAPS, seed=0), arch, LABEL),
    }


def figure(maps: Mapping[str, dict[str, Any]]) -> Figure:
    """Two panels, a curve for each map."""
    scales = tuple(_scales(name, found) for name, found in maps.items())
    falls = tuple(
        Curve(name, tuple(found["distances"]["distance"]), tuple(found["distances"]["mean"]))
        for name, found in maps.items()
    )
    panels = (
        Panel("entropy by scale", "windows, chess boards", "S (nats)", scales, floor=0.0),
        Panel("correlation by distance", "distance in pixels", "mean |Pearson|", falls, floor=0.0),
    )
    return Figure(ABOUT, panels, 2)


def _scales(name: str, found: dict[str, Any]) -> Curve:
    rows = [(f"{level['sites']} pixels", level) for level in found["levels"]]
    rows += [(f"chess {board['block']}", board) for board in found["chess"]]
    names, held = zip(*rows, strict=True)
    value, lower, upper = (tuple(one[end] for one in held) for end in ("value", "lower", "upper"))
    return Curve(name, names, value, lower, upper)


def write(folder: str | os.PathLike[str]) -> None:
    """The figure, in a folder, as SVG and PNG. Raises DrawingError without matplotlib, OSError."""
    draw(folder, NAME, figure(measured()))
