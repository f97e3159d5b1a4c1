"""Do contenders agree? Their answers, compared with one of them before any time is taken. Ground of bench."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np


class Verdict(NamedTuple):
    """against: whose answer is the yardstick. difference: the largest |x - y| / (1 + |y|), None if it has no sense."""

    against: str
    difference: float | None
    tolerance: float
    words: str = ""

    @property
    def right(self) -> bool:
        """Whether the answers agree within the tolerance."""
        return self.difference is not None and self.difference <= self.tolerance


def compare(found: Any, wanted: Any, against: str, tolerance: float) -> Verdict:
    """Two answers as vectors, number by number: workloads answer in numbers of order 1.

    What is no vector of numbers, of another length or not finite cannot be compared: such an answer is not right.
    """
    try:
        x, y = (np.asarray(answer).astype(complex).ravel() for answer in (found, wanted))
    except (TypeError, ValueError):
        return Verdict(against, None, tolerance, "an answer that is no vector of numbers")
    if x.shape != y.shape:
        return Verdict(against, None, tolerance, f"{x.size} numbers where {against} has {y.size}")
    if not np.isfinite(x).all():
        return Verdict(against, None, tolerance, "numbers that are not finite")
    if not np.isfinite(y).all():
        return Verdict(against, None, tolerance, f"the answer of {against} is not finite")
    difference = float(np.max(np.abs(x - y) / (1 + np.abs(y)), initial=0.0))
    if difference <= tolerance:
        return Verdict(against, difference, tolerance)
    words = f"differs from {against} by {difference:.1e}, allowed are {tolerance:.1e}"
    return Verdict(against, difference, tolerance, words)


def verdicts(answers: Mapping[str, Any], reference: Any, tolerance: float, first: str = "tnsim") -> dict[str, Verdict]:
    """One verdict for each answer: against the reference if there is one, else against the answer that most others
    agree with (of equals `first`, then the earliest), so that no contender is right by its name alone.
    """
    if reference is not None:
        return {name: compare(answer, reference, "reference", tolerance) for name, answer in answers.items()}
    tried = {name: _against(name, answers, tolerance) for name in answers}
    ranked = sorted(tried, key=lambda name: (-sum(v.right for v in tried[name].values()), name != first))
    return tried[ranked[0]] if ranked else {}


def _against(name: str, answers: Mapping[str, Any], tolerance: float) -> dict[str, Verdict]:
    return {other: compare(answer, answers[name], name, tolerance) for other, answer in answers.items()}
