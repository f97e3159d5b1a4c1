"""A measurements file that grows: every finished figure is written at once, and a second run goes on from there.

head (what is measured, how)  +  measurements.json  ->  the same settings: what is there; others: refused
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tnsim.report.heads import FORMAT
from tnsim.report.survey import Settings

NAME = "measurements.json"
KEPT = ("partitions", "measurements", "maps", "whole_model", "data_map")


def settings_json(model: Path, measure: str, gram: str | None, settings: Settings) -> dict[str, Any]:
    """What figures depend on, beside partitions and classes: the model's bytes and every setting that changes one."""
    return {
        "model": hashlib.sha256(model.read_bytes()).hexdigest(),
        "measure": measure,
        "gram": gram if measure == "function" else None,
        "atol": settings.atol,
        "seconds": settings.seconds,
        "memory": settings.memory,
        "top": settings.top,
        "rank": settings.exact_rank,
        "renyi_only": settings.renyi_only,
    }


def begun(folder: Path, head: Mapping[str, Any]) -> dict[str, Any]:
    """The measurements of a folder, or none yet: head, partitions, rows, maps; the new head wins.

    Raises ValueError for a file that is no measurements file, and for one of other settings, naming them.
    """
    fresh = {**head, "partitions": [], "measurements": []}
    path = folder / NAME
    if not path.exists():
        return fresh
    had = _read(path)
    if "settings" not in had:
        raise ValueError(f"--out: {path} was not written by `tnsim measure`; take another folder")
    differ = [
        f"{key}: there {had['settings'].get(key)!r}, now {value!r}"
        for key, value in head["settings"].items() if had["settings"].get(key) != value
    ]  # fmt: skip
    if differ:
        raise ValueError(f"--out: {path} holds figures of other settings ({'; '.join(differ)}); take another folder")
    return {**fresh, **{key: had[key] for key in KEPT if key in had}}


def _read(path: Path) -> dict[str, Any]:
    try:
        had = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"--out: {path}: cannot be read: {error}") from error
    if not isinstance(had, dict) or had.get("format") != FORMAT:
        raise ValueError(f"--out: {path}: wanted a file of format {FORMAT!r}; take another folder")
    return had
