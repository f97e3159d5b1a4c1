"""Answers as JSON values: min-cuts of any widths, Renyi-2, the certified entropy. Knows no web; used by server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import isfinite
from typing import Any

from tnsim.bounds.min_cut import min_cut
from tnsim.entanglement import entropy
from tnsim.entanglement.estimate import Estimate
from tnsim.explore.explored import Explored
from tnsim.explore.questions import BoundsQuestion, StateQuestion
from tnsim.report.rows import estimate_json

__all__ = ["bound", "certified", "measured"]

MEMORY = "4GB"  # for a pass: more takes minutes anyway

Answer = dict[str, Any]


def bound(explored: Explored, asked: BoundsQuestion) -> Answer:
    """The min-cut (`Cut.to_json`) of the model's architecture with the widths that are asked."""
    features, *channels = asked.widths
    arch = replace(explored.arch, features=features, channels=tuple(channels))
    return {"cut": min_cut(arch, asked.mask).to_json(), "widths": list(asked.widths)}


def measured(explored: Explored, asked: StateQuestion) -> Answer:
    """The model's own min-cut, and Renyi-2 of the class. Raises ValueError, MemoryLimitError."""
    found = explored.state(asked.label, asked.measure).renyi(asked.mask, order=2, memory=MEMORY)
    return {"cut": min_cut(explored.arch, asked.mask).to_json(), "renyi2": _estimate(found)}


def certified(explored: Explored, asked: StateQuestion, tell: Callable[[str], None]) -> Answer:
    """The entropy of the class, exact or in a rigorous interval; tell hears of every pass, and may raise to end it."""
    problem = explored.state(asked.label, asked.measure).problem(asked.mask)
    found = entropy.entropy(problem, entropy.Asked(None, MEMORY, asked.seconds, tell))
    return {"entropy": _estimate(found)}


def _estimate(found: Estimate) -> Answer:
    """JSON knows no infinity: an end that is none is null."""
    told = estimate_json(found)
    ends = {key: told[key] if isfinite(told[key]) else None for key in ("value", "lower", "upper")}
    return told | ends
