"""What a results file holds: JSON lines of one schema, each field with its type. Ground of bench; imports nothing.

    {"kind": "environment", "schema": 1, "fingerprint": "5f..", "versions": {..}, "roofline": {..}, ..}
    {"kind": "measurement", "schema": 1, "environment": "5f..", "case": "scores/N1024/..", "peer": "tnsim", ..}

A measurement belongs to the environment of its fingerprint. `turn` names the interleaved session in which contenders
were timed: ratios are of one turn. Times are seconds, sizes bytes; multiply-adds are scalar ones (two flops if real).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

VERSION = 1
STATUSES = ("ok", "missing", "refused", "memory", "time", "error", "wrong")
Row = dict[str, Any]


class SchemaError(ValueError):
    """A results file that is not of this schema; says the line, the field, what was wanted and what found."""


class Kind(NamedTuple):
    """What a field may be."""

    wanted: str
    fits: Callable[[Any], bool]


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _sites(value: Any) -> bool:
    pair = isinstance(value, list) and len(value) == 2 and all(map(_integer, value))
    return pair or _integer(value)


def _map_of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(isinstance(k, str) and fits(v) for k, v in value.items())


def _or_none(kind: Kind) -> Kind:
    return Kind(f"{kind.wanted} or null", lambda value: value is None or kind.fits(value))


TEXT = Kind("a text", lambda value: isinstance(value, str))
COUNT = Kind("a whole number from 0", lambda value: _integer(value) and value >= 0)
SIZE = Kind("a number from 0", lambda value: _number(value) and value >= 0)
STATUS = Kind(f"one of {', '.join(STATUSES)}", lambda value: value in STATUSES)
SITES = Kind("a whole number or a pair of them", _sites)
TEXTS = Kind("an object of texts", _map_of(TEXT.fits))
SIZES = Kind("an object of numbers from 0", _map_of(SIZE.fits))
PLAIN = Kind("an object of texts, numbers and nulls", _map_of(lambda v: v is None or TEXT.fits(v) or _number(v)))
Fields = Mapping[str, "Kind | Fields"]

RUN: Fields = {
    "median": SIZE, "min": SIZE, "q1": SIZE, "q3": SIZE, "spread": SIZE, "repeats": COUNT, "calls": COUNT,
}  # fmt: skip
MEMORY: Fields = {**dict.fromkeys(("prepare", "held", "run", "device"), _or_none(COUNT)), "how": TEXT}
FLOOR: Fields = {"multiply_adds": SIZE, "bytes": SIZE, "transcendentals": SIZE, "seconds": SIZE, "bound": TEXT}
CHECKED: Fields = {"against": TEXT, "difference": _or_none(SIZE), "tolerance": SIZE}

ENVIRONMENT: Fields = {
    "kind": TEXT, "schema": COUNT, "fingerprint": TEXT, "date": TEXT, "settings": PLAIN, "machine": PLAIN,
    "versions": TEXTS, "roofline": SIZES,
}  # fmt: skip
MEASUREMENT: Fields = {
    "kind": TEXT, "schema": COUNT, "environment": TEXT, "turn": TEXT, "date": TEXT,
    "case": TEXT, "workload": TEXT, "sites": SITES, "width": COUNT, "features": COUNT, "batch": COUNT, "sharing": TEXT,
    "dtype": TEXT, "seed": COUNT,
    "peer": TEXT, "status": STATUS, "message": TEXT, "note": TEXT,
    "seconds": SIZES, "run": RUN, "multiply_adds": _or_none(SIZE), "memory": MEMORY,
    "floor": FLOOR, "share": _or_none(SIZE), "theory": _or_none(SIZE), "checked": CHECKED,
}  # fmt: skip
MAY_BE_NULL = ("run", "memory", "floor", "checked")  # whole parts that a row without a time may lack
KINDS = {"environment": ENVIRONMENT, "measurement": MEASUREMENT}


def check(row: Any, where: str) -> Row:
    """The row, if it is of this schema; `where` begins the error ("results.jsonl, line 3").

    Raises SchemaError naming the place, the field, what was wanted and what found.
    """
    if not isinstance(row, dict) or row.get("kind") not in tuple(KINDS):
        found = f"kind {row.get('kind')!r}" if isinstance(row, dict) else repr(row)[:60]
        raise SchemaError(f"{where}: wanted a row of kind {' or '.join(KINDS)}, found {found}")
    if row.get("schema") != VERSION:
        raise SchemaError(f"{where}: schema: wanted {VERSION}, found {row.get('schema')!r}: a file of another version")
    _check_fields(row, KINDS[row["kind"]], where, "")
    if row["kind"] == "measurement" and (row["status"] == "ok") != (row["run"] is not None):
        raise SchemaError(f"{where}: run: wanted figures exactly where status is ok, found status {row['status']!r}")
    return row


def _check_fields(row: Row, fields: Fields, where: str, above: str) -> None:
    if odd := sorted(row.keys() ^ fields.keys()):
        word = "no such field" if odd[0] in row else "it is missing"
        raise SchemaError(f"{where}: {above}{odd[0]}: wanted the fields of schema {VERSION}, found that {word}")
    for name, kind in fields.items():
        value = row[name]
        if isinstance(kind, Kind):
            if not kind.fits(value):
                raise SchemaError(f"{where}: {above}{name}: wanted {kind.wanted}, found {value!r:.60}")
        elif isinstance(value, dict):
            _check_fields(value, kind, where, f"{above}{name}.")
        elif value is not None or name not in MAY_BE_NULL:
            raise SchemaError(f"{where}: {above}{name}: wanted an object, found {value!r:.60}")
