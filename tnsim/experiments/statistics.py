"""Means over seeds with their confidence intervals. Ground of experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
from scipy.stats import t

from tnsim.experiments.experiment import Trial

__all__ = ["Mean", "grouped", "mean", "paired"]


class Mean(NamedTuple):
    """A mean over so many values, and its interval; nan for the interval of one value."""

    value: float
    lower: float
    upper: float
    seeds: int

    def shown(self, decimals: int = 2) -> str:
        """98.20 [97.95, 98.45]; of one value without an interval."""
        value = f"{self.value:.{decimals}f}"
        return value if self.seeds == 1 else f"{value} [{self.lower:.{decimals}f}, {self.upper:.{decimals}f}]"


def mean(values: Sequence[float], confidence: float = 0.95) -> Mean:
    """Student's interval. Raises ValueError for no values."""
    if not len(values):
        raise ValueError("values: wanted at least one, found none")
    value, count = float(np.mean(values)), len(values)
    if count == 1:
        return Mean(value, float("nan"), float("nan"), 1)
    half = float(t.ppf((1 + confidence) / 2, count - 1)) * float(np.std(values, ddof=1)) / sqrt(count)
    return Mean(value, value - half, value + half, count)


def paired(first: Mapping[int, float], second: Mapping[int, float], confidence: float = 0.95) -> Mean:
    """The mean of first - second over the seeds that both have: what the seeds share falls out."""
    return mean([first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())], confidence)


def grouped(trials: Sequence[Trial], by: Sequence[str]) -> dict[tuple, list[Trial]]:
    """Trials of equal values of these settings, in the order of the values."""
    found: dict[tuple, list[Trial]] = {}
    for trial in trials:
        found.setdefault(tuple(trial.settings[name] for name in by), []).append(trial)
    return dict(sorted(found.items()))
