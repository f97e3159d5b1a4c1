"""A measured number that says how sure it is: value, interval, method, tolerance, precision, time. Ground floor.

Comparisons use the interval: `a < b` says that a is surely less, `a.agrees(b)` that the intervals meet.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, eq=False)
class Estimate:
    """A number (or array of numbers) in [lower, upper], and how it was found. float(estimate) is the value.

    method: what was computed, and which bound won. precision: the arithmetic. seconds: what it took. note: what else a
    reader must know (a limit that was reached, a measure's assumption). confidence: None where the interval is
    rigorous (up to the rounding it includes), else the probability with which it is meant to cover.
    """

    value: float | Float[np.ndarray, "..."]
    lower: float | Float[np.ndarray, "..."]
    upper: float | Float[np.ndarray, "..."]
    method: str
    precision: str = "float64"
    seconds: float | None = None
    note: str = ""
    confidence: float | None = None

    @property
    def width(self) -> Any:
        """upper - lower."""
        return self.upper - self.lower

    @property
    def tolerance(self) -> Any:
        """How far the truth may lie from the value, at most."""
        return np.maximum(self.upper - self.value, self.value - self.lower)

    def __float__(self) -> float:
        return float(self.value)

    def map(self, f: Callable[[Any], Any]) -> Estimate:
        """The estimate of f of the number, for a rising f."""
        return replace(self, value=f(self.value), lower=f(self.lower), upper=f(self.upper))

    def agrees(self, other: Estimate | float) -> Any:
        """Whether the intervals meet, elementwise: nothing speaks against the two being equal."""
        lower, upper = _ends(other)
        return (self.lower <= upper) & (lower <= self.upper)

    def __lt__(self, other: Estimate | float) -> Any:
        return self.upper < _ends(other)[0]

    def __le__(self, other: Estimate | float) -> Any:
        return self.upper <= _ends(other)[0]

    def __gt__(self, other: Estimate | float) -> Any:
        return self.lower > _ends(other)[1]

    def __ge__(self, other: Estimate | float) -> Any:
        return self.lower >= _ends(other)[1]

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.asarray(self.value, dtype=dtype)

    def __repr__(self) -> str:
        tail = [self.method, self.precision]
        tail += [] if self.confidence is None else [f"{100 * self.confidence:g} % confidence"]
        tail += [] if self.seconds is None else [f"{self.seconds:.2g} s"]
        tail += [self.note] if self.note else []
        if np.ndim(self.value):
            widest = float(np.max(self.tolerance, initial=0.0))
            return f"Estimate({np.shape(self.value)} values, each within {widest:.1g}; {', '.join(tail)})"
        ends = f"[{self.lower:.8g}, {self.upper:.8g}]"
        return f"Estimate({self.value:.8g} in {ends}, within {float(self.tolerance):.1g}; {', '.join(tail)})"


def _ends(other: Estimate | float) -> tuple[Any, Any]:
    return (other.lower, other.upper) if isinstance(other, Estimate) else (other, other)


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._began
