"""A results file: read whole, or written row by row and resumed. Over bench.schema; used by the runner and its readers.

    results.jsonl:  environment · measurement · measurement · .. · half a line after a crash (cut when resumed)
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from tnsim.bench.schema import Row, SchemaError, check

FIRST = "tnsim"  # the contender that ratios are taken to; it runs beside whoever is asked for
Key = tuple[str, str, str]


class Results(NamedTuple):
    """Rows of a file: environments by fingerprint (the last of each), measurements in order, earlier ones replaced.
    own: tnsim's rows by turn, replaced ones too, since others were timed beside them.
    """

    environments: dict[str, Row]
    measurements: list[Row]
    own: dict[str, Row]

    def partner(self, row: Row) -> Row | None:
        """tnsim's row to compare with: of the same turn, else of another in this environment; None without a time."""
        other = self.own.get(row["turn"]) or self.done(row["environment"]).get((row["case"], FIRST))
        return other if other and other["run"] else None

    def done(self, fingerprint: str) -> dict[tuple[str, str], Row]:
        """Rows of one environment by (case, peer)."""
        return {(row["case"], row["peer"]): row for row in self.measurements if row["environment"] == fingerprint}


def key(row: Row) -> Key:
    """What a measurement is known by: environment, case, peer."""
    return row["environment"], row["case"], row["peer"]


def read(*paths: str | os.PathLike[str]) -> Results:
    """Rows of one or more files. A last line without its end is left out.

    Raises SchemaError, naming file and line, for a file of another schema; OSError for one that cannot be read.
    """
    environments: dict[str, Row] = {}
    found: dict[Key, Row] = {}
    own: dict[str, Row] = {}
    for path in map(Path, paths):
        rows = _rows(path)
        for number, row in rows:
            if row["kind"] == "environment":
                environments[row["fingerprint"]] = row
            elif row["environment"] not in environments:
                raise SchemaError(f"{path}, line {number}: environment: wanted one of a line before, found another")
            else:
                found[key(row)] = row
                own |= {row["turn"]: row} if row["peer"] == FIRST else {}
        if not rows:
            raise SchemaError(f"{path}: wanted JSON lines of benchmark results, found none")
    return Results(environments, list(found.values()), own)


def _rows(path: Path) -> list[tuple[int, Row]]:
    lines = path.read_bytes().split(b"\n")[:-1]  # what follows the last end of line is nothing, or half a row
    return [(number, _row(line, f"{path}, line {number}")) for number, line in enumerate(lines, 1) if line.strip()]


def _row(line: bytes, where: str) -> Row:
    try:
        return check(json.loads(line), where)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise SchemaError(f"{where}: wanted JSON, found {line[:40].decode(errors='replace')!r}") from error


def begin(path: str | os.PathLike[str], fresh: bool = False) -> Results:
    """What is there to resume from; a half-written last line is cut off. Nothing, if there is no file or `fresh`."""
    target = Path(path)
    if fresh and target.exists():
        _remove(target)
    if not target.exists() or not target.stat().st_size:
        return Results({}, [], {})
    content = target.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole and whole < len(content):
        os.truncate(target, whole)
    return read(target)


def _remove(target: Path) -> None:
    """Results of any version are deleted at a word; another file is not ours to delete."""
    with open(target, "rb") as file:
        first = file.readline(10_000)
    if first.strip() and not (first.startswith(b"{") and b'"schema"' in first):
        raise SchemaError(f"{target}: wanted benchmark results to start anew, found another file: it is left alone")
    target.unlink()


class Writer:
    """Appends rows, each on the disk before the next is measured."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self.file = open(path, "ab")  # noqa: SIM115  (closed by __exit__)

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.file.close()

    def write(self, row: Row) -> None:
        """One row; raises SchemaError rather than write one that could not be read again."""
        line = json.dumps(check(row, "a row to write"), allow_nan=False)
        self.file.write(line.encode() + b"\n")
        self.file.flush()
        os.fsync(self.file.fileno())
