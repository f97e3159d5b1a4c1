"""What a page asks, read and checked: JSON of anyone's making becomes a typed question or one clear error.

    bytes --[ fields ]--> dict --[ bounds, measured, certified ]--> Question
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool

from tnsim import partitions
from tnsim.explore.explored import Explored

__all__ = ["MOST_SECONDS", "MOST_WIDTH", "BoundsQuestion", "StateQuestion", "bounds", "fields", "label_in", "of_state"]

MOST_WIDTH = 4096
MOST_SECONDS = 3600


class BoundsQuestion(NamedTuple):
    """The sites of A, and widths of the indices of level -1 (sites), 0, 1, .., from the sites up."""

    mask: Bool[np.ndarray, "sites"]
    widths: tuple[int, ...]


class StateQuestion(NamedTuple):
    """The sites of A, a class, a measure, and about how many seconds an interval may take."""

    mask: Bool[np.ndarray, "sites"]
    label: int
    measure: str
    seconds: float


def fields(body: bytes, required: Collection[str], optional: Collection[str] = ()) -> dict[str, Any]:
    """The object that a body holds. Raises ValueError where it is none, or lacks fields, or has others."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"body: wanted a JSON object, found {type(error).__name__}") from error
    if not isinstance(found, dict):
        raise ValueError(f"body: wanted a JSON object, found {type(found).__name__}")
    missing, unknown = sorted(set(required) - set(found)), sorted(set(found) - set(required) - set(optional))
    if missing or unknown:
        raise ValueError(f"body: wanted the fields {sorted(required)}, found {missing} missing and {unknown[:5]} more")
    return found


def bounds(explored: Explored, body: bytes) -> BoundsQuestion:
    """{mask, widths}; without widths those of the model. Raises ValueError."""
    found = fields(body, ("mask",), ("widths",))
    own = [explored.arch.features, *explored.arch.channels]
    return BoundsQuestion(_mask(explored, found["mask"]), _widths(found.get("widths", own), len(own)))


def of_state(explored: Explored, body: bytes) -> StateQuestion:
    """{mask, label, measure} and, for an interval, {seconds}. Raises ValueError."""
    found = fields(body, ("mask", "label", "measure"), ("seconds",))
    mask, label = _mask(explored, found["mask"]), label_in(explored, found["label"])
    measure, seconds = found["measure"], found.get("seconds", 20)
    if not isinstance(measure, str) or measure not in explored.grams:
        raise ValueError(f"measure: wanted one of {', '.join(explored.grams)}, found {_brief(measure)}")
    if not _is_number(seconds) or not 0 < seconds <= MOST_SECONDS:
        raise ValueError(f"seconds: wanted a number in 0..{MOST_SECONDS}, found {_brief(seconds)}")
    return StateQuestion(mask, label, measure, float(seconds))


def label_in(explored: Explored, label: Any) -> int:
    """A class by its number. Raises ValueError."""
    if not _is_integer(label) or not 0 <= label < explored.arch.classes:
        raise ValueError(f"label: wanted an integer in 0..{explored.arch.classes - 1}, found {_brief(label)}")
    return label


def _mask(explored: Explored, mask: Any) -> Bool[np.ndarray, "sites"]:
    size = explored.arch.size
    if not isinstance(mask, list) or len(mask) != size:
        found = f"{len(mask)} values" if isinstance(mask, list) else _brief(mask)
        raise ValueError(f"mask: wanted a list of {size} booleans, one a site, found {found}")
    if not all(isinstance(one, bool) for one in mask):
        odd = next(one for one in mask if not isinstance(one, bool))
        raise ValueError(f"mask: wanted booleans alone, found {_brief(odd)}")
    return partitions.mask(explored.arch, np.array(mask), "mask")  # neither empty nor everything


def _widths(widths: Any, count: int) -> tuple[int, ...]:
    if not isinstance(widths, list) or len(widths) != count:
        found = f"{len(widths)} values" if isinstance(widths, list) else _brief(widths)
        raise ValueError(f"widths: wanted a list of {count} integers, from the sites up, found {found}")
    for level, width in enumerate(widths, -1):
        if not _is_integer(width) or not 1 <= width <= MOST_WIDTH:
            raise ValueError(f"widths: level {level}: wanted an integer in 1..{MOST_WIDTH}, found {_brief(width)}")
    return tuple(widths)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return _is_integer(value) or isinstance(value, float)


def _brief(value: Any) -> str:
    """A value as an error shows it: never the whole of something long."""
    shown = type(value).__name__ if isinstance(value, list | dict) else repr(value)
    return shown if len(shown) <= 40 else shown[:39] + "…"
