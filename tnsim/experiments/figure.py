"""What a figure shows, as plain values: panels of curves and their intervals. Ground of experiments; drawing draws it.

    Figure --< Panel: axes, levels --< Curve: y against x, and the interval of each y
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Curve", "Figure", "Level", "Panel", "described"]

DIGITS = 6  # of every number described: another machine's last bits make no other figure


@dataclass(frozen=True)
class Curve:
    """y against x, which are numbers, or names of categories.

    lower, upper: the interval of each y; None where there is none. reference: what other curves are held against, a
    bound for example; drawn in grey. joined: whether a line joins the points (never those of categories).

    Raises ValueError for lengths that differ.
    """

    name: str
    x: tuple[float | str, ...]
    y: tuple[float, ...]
    lower: tuple[float | None, ...] | None = None
    upper: tuple[float | None, ...] | None = None
    reference: bool = False
    joined: bool = True

    def __post_init__(self) -> None:
        lengths = [len(part) for part in (self.x, self.y, self.lower, self.upper) if part is not None]
        if len(set(lengths)) > 1 or (self.lower is None) != (self.upper is None):
            raise ValueError(f"curve {self.name!r}: wanted x, y, lower and upper of equal lengths, found {lengths}")


@dataclass(frozen=True)
class Level:
    """A horizontal line with its name, such as what others published."""

    name: str
    y: float


@dataclass(frozen=True)
class Panel:
    """Curves on the same axes. x, y: their labels, with units. floor: where the y axis begins, if not near the data."""

    title: str
    x: str
    y: str
    curves: tuple[Curve, ...]
    levels: tuple[Level, ...] = ()
    log_x: bool = False
    log_y: bool = False
    floor: float | None = None

    @property
    def ticks(self) -> tuple[float | str, ...]:
        """Every x once: categories in the order in which they come, numbers in their own."""
        found = list(dict.fromkeys(x for curve in self.curves for x in curve.x))
        return tuple(found if self.categorical else sorted(found, key=float))

    @property
    def categorical(self) -> bool:
        """Whether x are names."""
        return any(isinstance(x, str) for curve in self.curves for x in curve.x)


@dataclass(frozen=True)
class Figure:
    """Panels in rows of so many. about: what is plotted, in a sentence without numbers, for who cannot see it.

    Curves of one name look the same in all panels.
    """

    about: str
    panels: tuple[Panel, ...]
    columns: int = 1


def described(figure: Figure) -> str:
    """All that a figure shows, in JSON: it stands in the drawing's own metadata."""
    return json.dumps(_plain(asdict(figure)), sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return round(value, DIGITS) if isinstance(value, float) else value
