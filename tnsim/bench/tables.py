"""Rows as lines of a table, for the terminal, the page and a README. Over bench.results and bench.units.

    rows of a case  --tnsim's of the same turn-->  ratio in words; a failure's line says what it was
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tnsim.bench.cases import Case
from tnsim.bench.results import FIRST, Results
from tnsim.bench.schema import Row
from tnsim.bench.units import NONE, against, seconds, size

LIBRARIES = ("jax", "torch", "cotengra", "quimb", "tensornetwork")
STAGES = ("path", "plan", "trace", "compile")  # what comes before a first run
WORDS = {"missing": "not installed", "refused": "does not apply", "memory": "out of memory", "time": "out of time",
         "error": "error", "wrong": "wrong answer"}  # fmt: skip


class Line(NamedTuple):
    """One contender on one case, as text. ratio and making_ratio compare with tnsim; said: why there is no time."""

    case: str
    peer: str
    median: str
    spread: str
    ratio: str
    making: str
    making_ratio: str
    first: str
    peak: str
    share: str
    said: str
    status: str


def making(row: Row) -> float | None:
    """Seconds before the first run: path, plan, trace and compile; None if none was told."""
    told = [row["seconds"][stage] for stage in STAGES if stage in row["seconds"]]
    return sum(told) if told else None


def lines(found: Results, rows: Sequence[Row]) -> list[Line]:
    """A line for each of some rows: cases in their order, in each tnsim first, then by time, then what failed."""
    order = {name: number for number, name in enumerate(dict.fromkeys(row["case"] for row in rows))}

    def place(row: Row) -> tuple:
        return order[row["case"]], row["peer"] != FIRST, row["run"] is None, row["run"]["median"] if row["run"] else 0

    return [line(row, found.partner(row)) for row in sorted(rows, key=place)]


def line(row: Row, own: Row | None) -> Line:
    """One row beside tnsim's."""
    run, memory = row["run"], row["memory"] or {}
    other = own if row["peer"] != FIRST else None
    said = ": ".join(filter(None, (WORDS.get(row["status"]), row["message"])))
    return Line(
        row["case"], row["peer"],
        seconds(run["median"]) if run else WORDS[row["status"]],
        f"{100 * run['spread']:.0f} %" if run else NONE,
        against(run["median"], other["run"]["median"]) if run and other else "",
        seconds(making(row)), _ratio(making(row), making(other) if other else None),
        seconds(row["seconds"].get("first")), size(memory.get("device") or memory.get("run")),
        NONE if row["share"] is None else f"{100 * row['share']:.0f} %",
        said, row["status"],
    )  # fmt: skip


def _ratio(peer: float | None, own: float | None) -> str:
    return against(peer, own) if peer and own else ""


def ran_on(environment: Row) -> str:
    """The machine in a line."""
    facts, versions = environment["machine"], environment["versions"]
    parts = [
        facts.get("device") if facts.get("platform") != "cpu" else None, facts.get("processor"),
        f"{facts['threads']} threads" if facts.get("threads") else None,
        *(f"{name} {versions[name]}" for name in LIBRARIES if name in versions),
        f"matmul precision {facts.get('matmul_precision', 'unknown')}", environment["date"][:10],
        f"commit {facts['commit']}" if facts.get("commit") else None,
    ]  # fmt: skip
    return ", ".join(str(part) for part in parts if part)


def markdown(found: Results, cases: Sequence[Case]) -> str:
    """Tables of some cases, one an environment: who has a time or should have had one; the others named beneath.

    Raises ValueError if there is no row of these cases.
    """
    names = {case.name for case in cases}
    parts = [
        _table(found, environment, rows)
        for key, environment in found.environments.items()
        if (rows := [row for row in found.measurements if row["environment"] == key and row["case"] in names])
    ]
    if not parts:
        raise ValueError("--markdown: wanted rows of the profile 'table', found none; run `tnsim bench` with it")
    return "\n".join(parts)


def _table(found: Results, environment: Row, rows: list[Row]) -> str:
    shown = [each for each in lines(found, rows) if each.status not in ("missing", "refused")]
    head = ["case", "contender", "run", "", "trace + compile", "", "of roofline"]
    body = [
        [f"`{one.case}`", one.peer, one.median, one.ratio, one.making, one.making_ratio, one.share] for one in shown
    ]
    absent = sorted({row["peer"] for row in rows if row["status"] == "missing"})
    beneath = f"\nNot installed in this run: {', '.join(absent)}.\n" if absent else ""
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *body])
    return f"{ran_on(environment)}; medians in one run, in turn:\n\n{table}\n{beneath}"
