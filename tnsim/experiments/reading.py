"""Numbers out of finished trials, for tables, sentences and figures: entropies, accuracies, curves. Over statistics.

    result["entropies"] = a row for each partition: its bound, Renyi-2 of each class, S of each class where exact
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isnan
from typing import Any

import numpy as np

from tnsim.experiments.experiment import Trial
from tnsim.experiments.figure import Curve
from tnsim.experiments.statistics import Mean, grouped, mean

__all__ = ["END", "START", "TEST", "along", "beside_bound", "bound", "by_seed", "curve", "renyi2", "renyi2_by_seed",
           "share", "tested"]  # fmt: skip

Rows = Sequence[Mapping[str, Any]]
START, END, TEST = "at the start", "when trained", "test accuracy, %"  # how figures name them


def tested(trials: Sequence[Trial]) -> Mean:
    """Test accuracy, in percent."""
    return mean([100 * trial.result["test"] for trial in trials])


def by_seed(trials: Sequence[Trial]) -> dict[int, float]:
    """Test accuracy of each seed, in percent."""
    return {int(trial.settings["seed"]): 100 * trial.result["test"] for trial in trials}


def share(rows: Rows) -> float:
    """Renyi-2 over ln(min-cut), averaged over classes and then over partitions."""
    return float(np.mean([np.mean(row["renyi2"]) / row["bound"] for row in rows]))


def renyi2(trials: Sequence[Trial], partition: str, when: str = "entropies") -> Mean:
    """Averaged over the classes of each trial; in nats. when: "entropies" or "entropies_at_start"."""
    return mean([_renyi2(trial, partition, when) for trial in trials])


def renyi2_by_seed(trials: Sequence[Trial], partition: str) -> dict[int, float]:
    """Of the trained networks, averaged over classes, by seed."""
    return {int(trial.settings["seed"]): _renyi2(trial, partition, "entropies") for trial in trials}


def _renyi2(trial: Trial, partition: str, when: str) -> float:
    return float(np.mean(_row(trial.result[when], partition)["renyi2"]))


def bound(trial: Trial, partition: str) -> float:
    """ln(min-cut) of a partition."""
    return float(_row(trial.result["entropies"], partition)["bound"])


def curve(name: str, points: Mapping[Any, Mean]) -> Curve:
    """Means with their intervals; a mean of one value has none."""
    lower, upper = zip(*((None, None) if isnan(one.lower) else one[1:3] for one in points.values()), strict=True)
    return Curve(name, tuple(points), tuple(one.value for one in points.values()), lower, upper)


def along(name: str, trials: Sequence[Trial], setting: str, of: Callable[[Sequence[Trial]], Mean]) -> Curve:
    """What trials of each value of a setting give, against that value."""
    return curve(name, {value: of(group) for (value,), group in grouped(trials, (setting,)).items()})


def beside_bound(trials: Sequence[Trial], setting: str, partition: str) -> tuple[Curve, ...]:
    """Renyi-2 of a partition at the start and when trained, and its ln(min-cut), against the values of a setting."""
    groups = {value: bound(group[0], partition) for (value,), group in grouped(trials, (setting,)).items()}
    return (
        along(START, trials, setting, lambda group: renyi2(group, partition, "entropies_at_start")),
        along(END, trials, setting, lambda group: renyi2(group, partition)),
        Curve("ln(min-cut)", tuple(groups), tuple(groups.values()), reference=True),
    )


def _row(rows: Rows, partition: str) -> Mapping[str, Any]:
    """Raises KeyError for a partition that was not measured."""
    for row in rows:
        if row["partition"] == partition:
            return row
    raise KeyError(f"partition: wanted one of {[row['partition'] for row in rows]}, found {partition!r}")
