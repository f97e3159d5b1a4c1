"""Run what is missing of an experiment, each trial kept as soon as it is done. Over results and executors.

    results --[ trials without one ]--> executor --[ one by one ]--> results, written whole after every trial
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence

from tnsim.experiments import results
from tnsim.experiments.executors import TrialError, Trials
from tnsim.experiments.experiment import Experiment, Settings, Trial, key
from tnsim.files import output_folder

__all__ = ["missing", "run"]

Said = Callable[[int, int, Trial], None]  # (done, of so many, the latest)


def missing(experiment: Experiment, done: dict[str, Trial], quick: bool = False) -> list[Settings]:
    """Settings of the trials that are not done yet, in the experiment's order."""
    return [settings for settings in experiment.trials(quick) if key(settings) not in done]


def run(
    experiment: Experiment,
    folder: str | os.PathLike[str],
    trials: Trials,
    quick: bool = False,
    minutes: float | None = None,
    said: Said = lambda done, of, trial: None,
) -> dict[str, Trial]:
    """Every trial by key, those done before included. However it ends, only unfinished trials are repeated.

    minutes: no trial is begun once they are over, but the first. said: called after each trial.

    Raises ResultsError for a folder of another version, TrialError where trials failed (all others are done and kept)
    or a worker process was lost, ClusterError, OSError for a folder that nobody can write to.
    """
    output_folder(folder)
    done = results.read(folder, experiment)
    todo = missing(experiment, done, quick)
    failed: list[TrialError] = []
    if todo:
        with trials(experiment.name, _in_time(todo, minutes)) as finished:
            for outcome in finished:
                if isinstance(outcome, TrialError):
                    failed.append(outcome)
                    continue
                done[key(outcome.settings)] = outcome
                results.write(folder, experiment, done)
                said(len(done), len(done) + len(missing(experiment, done, quick)), outcome)
    _tell(failed, todo)
    return done


def _in_time(todo: Sequence[Settings], minutes: float | None) -> Iterator[Settings]:
    """What is begun within so many minutes, the first in any case."""
    end = None if minutes is None else time.monotonic() + 60 * minutes
    for place, settings in enumerate(todo):
        if place and end is not None and time.monotonic() > end:
            return
        yield settings


def _tell(failed: Sequence[TrialError], todo: Sequence[Settings]) -> None:
    if failed:
        raise TrialError(f"{len(failed)} of {len(todo)} trials failed, the first: {failed[0]}")
