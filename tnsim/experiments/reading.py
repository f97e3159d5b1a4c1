"""Numbers out of finished trials, for tables and sentences: entropies by partition, accuracy by seed. Over statistics.

    result["entropies"] = a row for each partition: its bound, Renyi-2 of each class, S of each class where exact
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tnsim.experiments.experiment import Trial
from tnsim.experiments.statistics import Mean, mean

__all__ = ["bound", "by_seed", "renyi2", "share", "tested"]

Rows = Sequence[Mapping[str, Any]]


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
    return mean([float(np.mean(_row(trial.result[when], partition)["renyi2"])) for trial in trials])


def bound(trial: Trial, partition: str) -> float:
    """ln(min-cut) of a partition."""
    return float(_row(trial.result["entropies"], partition)["bound"])


def _row(rows: Rows, partition: str) -> Mapping[str, Any]:
    """Raises KeyError for a partition that was not measured."""
    for row in rows:
        if row["partition"] == partition:
            return row
    raise KeyError(f"partition: wanted one of {[row['partition'] for row in rows]}, found {partition!r}")
