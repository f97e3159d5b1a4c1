"""The finished trials of an experiment in one JSON file, which is whole at any moment. Uses experiment.

    FOLDER/NAME.json = version, experiment, question, machine, {trial: settings, result, seconds}
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tnsim.experiments.experiment import Experiment, Trial, key
from tnsim.files import write_json
from tnsim.surroundings import system, versions

__all__ = ["FORMAT", "ResultsError", "path_of", "read", "write"]

FORMAT = "tnsim-experiment/1"
PACKAGES = ("tnsim", "jax", "flax", "optax", "numpy")


class ResultsError(ValueError):
    """A file that holds no results, or those of another version or experiment: names it, wanted and found."""


def path_of(folder: str | os.PathLike[str], name: str) -> Path:
    """Where the results of an experiment lie."""
    return Path(folder) / f"{name}.json"


def read(folder: str | os.PathLike[str], experiment: Experiment) -> dict[str, Trial]:
    """Finished trials by key; none where there is no file yet. Raises ResultsError."""
    path = path_of(folder, experiment.name)
    if not path.exists():
        return {}
    found = _checked(path, experiment)
    trials = [Trial(row["settings"], row["result"], row["seconds"]) for row in found["trials"]]
    return {key(trial.settings): trial for trial in trials}


def write(folder: str | os.PathLike[str], experiment: Experiment, trials: dict[str, Trial]) -> Path:
    """Write all of them, whole or not at all, in an order that does not depend on which was done first."""
    content = {
        "format": FORMAT, "experiment": experiment.name, "question": experiment.question, "machine": _machine(),
        "trials": [vars(trials[name]) for name in sorted(trials)],
    }  # fmt: skip
    return write_json(path_of(folder, experiment.name), content)


def _checked(path: Path, experiment: Experiment) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ResultsError(f"{path}: wanted results in JSON, found: {error}") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        other = found.get("format") if isinstance(found, dict) else type(found).__name__
        raise ResultsError(f"{path}: wanted results of version {FORMAT!r}, found {other!r}; give another folder")
    if found["experiment"] != experiment.name:
        raise ResultsError(f"{path}: wanted results of {experiment.name!r}, found {found['experiment']!r}")
    return found


def _machine() -> dict[str, Any]:
    return {"system": system(), **versions(PACKAGES)}
