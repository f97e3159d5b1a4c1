"""Scaling laws: how time grows with one size, the others kept, beside how theory's cost grows. Over bench.schema.

    log seconds = exponent * log size + constant      least squares over the sizes, at least three

Used by the page and its plots.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, log, prod, sqrt
from typing import NamedTuple

import numpy as np

from tnsim.bench.schema import Row

AXES = ("sites", "width", "batch")
SIZES = ("workload", "sites", "width", "features", "batch", "sharing", "dtype")
LETTERS = {"sites": "N", "width": "r", "batch": "batch", "features": "M"}


class Series(NamedTuple):
    """Rows of one contender that differ in one size alone, by that size. kept: the other sizes, for people."""

    workload: str
    peer: str
    axis: str
    kept: str
    rows: tuple[Row, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The size that varies, pictures by their number of sites."""
        return tuple(size_of(row, self.axis) for row in self.rows)

    @property
    def medians(self) -> tuple[float, ...]:
        """Seconds of the steady state."""
        return tuple(row["run"]["median"] for row in self.rows)


class Fit(NamedTuple):
    """An exponent with its standard error, and that of theory's cost over the same sizes (None if it is not known)."""

    exponent: float
    error: float
    theory: float | None


def size_of(row: Row, axis: str) -> int:
    """A size of a row as a number: of (height, width) the product."""
    value = row[axis]
    return prod(value) if isinstance(value, list) else value


def series(rows: Sequence[Row], least: int = 3) -> list[Series]:
    """All series of at least so many sizes among rows of one environment, in the order of their first rows."""
    found: dict[tuple, dict[int, Row]] = {}
    for row in rows:
        for axis in AXES if row["status"] == "ok" else ():
            shape = isinstance(row["sites"], list)  # pictures are trees of another kind
            for rest in _kept(row, axis):
                found.setdefault((row["peer"], axis, rest, shape), {})[size_of(row, axis)] = row
    long = [(key, by_size) for key, by_size in found.items() if len(by_size) >= least]
    return [_series(key[0], key[1], tuple(by_size[size] for size in sorted(by_size))) for key, by_size in long]


def _kept(row: Row, axis: str) -> list[tuple[str, ...]]:
    """What must agree within a series. A row of as many features as channels is one of those where both vary, too."""
    kept = {name: str(row[name]) for name in SIZES if name != axis}
    together = [{**kept, "features": "r"}] if axis == "width" and row["features"] == row["width"] else []
    return [tuple(one.values()) for one in (kept, *together)]


def _series(peer: str, axis: str, rows: tuple[Row, ...]) -> Series:
    first = rows[0]
    kept = [f"{LETTERS[name]} = {_shown(first[name])}" for name in ("sites", "width", "batch") if name != axis]
    shape = ["pictures"] if axis == "sites" and isinstance(first["sites"], list) else []
    words = ", ".join([*shape, *kept, f"sharing {first['sharing']}", first["dtype"]])
    return Series(first["workload"], peer, axis, words, rows)


def _shown(value: int | list[int]) -> str:
    return " x ".join(map(str, value)) if isinstance(value, list) else str(value)


def fit(one: Series) -> Fit:
    """The law of a series."""
    exponent, error = slope(one.sizes, one.medians)
    costs = [row["theory"] for row in one.rows]
    theory = slope(one.sizes, costs)[0] if all(costs) else None
    return Fit(exponent, error, theory)


def slope(sizes: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """Slope of log values over log sizes by least squares, and its standard error (infinite for two points).

    Raises ValueError for fewer than two different sizes.
    """
    x, y = np.array([log(size) for size in sizes]), np.array([log(value) for value in values])
    across = float(((x - x.mean()) ** 2).sum())
    if across == 0:
        raise ValueError(f"sizes: wanted at least two different ones, found {list(sizes)}")
    found = float(((x - x.mean()) * y).sum()) / across
    left = float(((y - y.mean() - found * (x - x.mean())) ** 2).sum())
    return found, sqrt(left / (len(x) - 2) / across) if len(x) > 2 else inf
