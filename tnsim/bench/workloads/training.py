"""What all training steps share: labels from the seed, and the answer to compare. Uses workload.

    inputs --[ + labels ]--> loss (mean softmax cross entropy), gradient in every bank --> one vector
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tnsim.bench.cases import Case
from tnsim.bench.workloads.workload import Answer, Arrays

PROJECTIONS = 3  # of every bank's gradient


def labels(case: Case, classes: int) -> Arrays:
    """{"labels": (batch,)}."""
    drawn = np.random.default_rng(case.seed + 1).integers(0, classes, case.batch)
    return {"labels": drawn.astype(np.int32)}


def training_answer(case: Case, loss: Any, gradients: Mapping[str, Any]) -> Answer:
    """The loss, and of every bank's gradient (any arrays) ln of its norm and three random projections over it."""
    rng, numbers = np.random.default_rng(case.seed + 2), [float(loss)]
    for name in sorted(gradients):  # frameworks hand them back in other orders
        gradient = np.asarray(gradients[name], np.float64).ravel()
        norm = float(np.linalg.norm(gradient))
        directions = (rng.standard_normal(gradient.size) for _ in range(PROJECTIONS))
        numbers += [np.log(norm), *(float(direction @ gradient) / norm for direction in directions)]
    return np.array(numbers)
