"""What all contenders share: seconds by stage, and which cases a kind of contender cannot take. Uses workloads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import numpy as np

from tnsim.bench.cases import Case

SCORES = ("amplitude", "scores", "value-and-grad")
CHAINS = ("mps", "mps-gradient")
GRADIENTS = ("value-and-grad", "mps-gradient")
STATES = ("norm", "renyi", "spectrum")
GENERAL = ("regular", "peps", "strip", "circuit", "sycamore")


@contextmanager
def stage(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Add the time of a block to a stage."""
    began = perf_counter()
    yield
    seconds[name] = seconds.get(name, 0.0) + perf_counter() - began


def only(case: Case, *workloads: str) -> str | None:
    """A refusal of every workload but these."""
    return None if case.workload in workloads else f"has no way to do {case.workload!r}; does {', '.join(workloads)}"


def eager_only(case: Case) -> str | None:
    """A refusal of the one workload that asks for a library's own call on a graph of nodes."""
    return "'graph' asks for a contractor of TensorNetwork graphs" if case.workload == "graph" else None


def batch_last(inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs with features (sites, M, batch), as a loader would hand them to who likes it so."""
    features = inputs["features"]
    single = features[None] if features.ndim == 2 else features
    return inputs | {"features": np.ascontiguousarray(np.moveaxis(single, 0, -1))}
