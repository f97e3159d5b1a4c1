"""What an experiment is: a question, the trials that answer it, and how one is run. Ground of experiments.

    Experiment --[ trials(quick) ]--> Settings of each trial --[ run ]--> its Result        both are plain JSON values
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tnsim.experiments.figure import Figure

__all__ = ["Experiment", "Finding", "Result", "Settings", "Trial", "key"]

Settings = Mapping[str, str | int | float | bool]
Result = dict[str, Any]


@dataclass(frozen=True)
class Trial:
    """A finished trial, and the processor seconds it took."""

    settings: Settings
    result: Result
    seconds: float


@dataclass(frozen=True)
class Finding:
    """What trials say. answer: one sentence; head, rows: a table; doubt: what would change our mind.

    figure: the answer to the eye, made of the same trials.
    """

    answer: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    doubt: str
    figure: Figure | None = None


@dataclass(frozen=True)
class Experiment:
    """A question and its trials.

    trials: of the whole experiment, or of its quick version (True), which ends in minutes and shows only that it works.
    run: one trial; equal settings give equal results on one machine with as many cores a worker, so everything that
    matters is in them, the seed too. compare: what figures and tables compare, names of settings, most important first.
    tell: what finished trials say, in numbers that come from them alone; None where nothing is told yet.
    """

    name: str
    question: str
    trials: Callable[[bool], tuple[Settings, ...]]
    run: Callable[[Settings], Result]
    compare: tuple[str, ...]
    tell: Callable[[Sequence[Trial]], Finding] | None = None


def key(settings: Settings) -> str:
    """One line that tells a trial from all others, whatever the order of its settings."""
    return " ".join(f"{name}={settings[name]}" for name in sorted(settings))
