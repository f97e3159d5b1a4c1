"""Values of the measurements, checked: what is missing or wrong is one ValueError naming it. Ground of the report."""

import math
from typing import Any

NAN = float("nan")

Number = float | int  # 0 is as good as 0.0, also where types are checked at run time


def is_number(value: Number | None) -> bool:
    """Whether a figure was computed and is finite."""
    return value is not None and math.isfinite(value)


def is_int(value: Any) -> bool:
    """An integer that is no truth value."""
    return isinstance(value, int) and not isinstance(value, bool)


def integer(item: dict[str, Any], key: str, where: str) -> int:
    """The integer of a key."""
    if not is_int(item.get(key)):
        raise wrong(where + key, "an integer", item.get(key))
    return int(item[key])


def label(item: dict[str, Any], where: str) -> int | None:
    """The number of a class; null for a state without classes."""
    if "label" in item and item["label"] is None:
        return None
    return integer(item, "label", where)


def number(item: dict[str, Any], key: str, where: str) -> float:
    """The number of a key, NaN where it is not there."""
    value = item.get(key)
    if value is None:
        return NAN
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong(where + key, "a number", value)
    return float(value)


def mapping(item: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    """The object of a key."""
    if not isinstance(item.get(key), dict):
        raise wrong(where + key, "an object", item.get(key))
    return dict(item[key])


def optional(item: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    """The object of a key, an empty one where it is not there."""
    return {} if item.get(key) is None else mapping(item, key, where)


def listed(item: dict[str, Any], key: str, where: str, of: type = dict) -> list[Any]:
    """The list of a key, its items of a type."""
    values = item.get(key)
    if not isinstance(values, list) or not all(isinstance(value, of) for value in values):
        raise wrong(where + key, "a list" if of is object else f"a list of {of.__name__}", values)
    return values


def wrong(key: str, wanted: str, found: Any) -> ValueError:
    """The error that names a key, what was wanted and what was found."""
    shown = "nothing" if found is None else repr(found)[:80]
    return ValueError(f"measurements: {key}: wanted {wanted}, found {shown}")
