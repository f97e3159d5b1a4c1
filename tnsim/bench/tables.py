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


CROSSED = (
    "Medians in one run, in turn; after tnsim's times those of the others over them, running; trace with compile. "
    "Above 1x tnsim is faster."
)


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
    order = {case.name: place for place, case in enumerate(cases)}
    rows = sorted((row for row in found.measurements if row["case"] in order), key=lambda row: order[row["case"]])
    parts = [
        _table(found, environment, mine)
        for key, environment in found.environments.items()
        if (mine := [row for row in rows if row["environment"] == key])
    ]
    if not parts:
        raise ValueError("--markdown: wanted rows of the profile 'table', found none; run `tnsim bench` with it")
    return "\n".join(parts)


def _table(found: Results, environment: Row, rows: list[Row]) -> str:
    """A line a case: tnsim's time, and the times of each of the others over it, in running; in getting ready."""
    told = [row for row in rows if row["status"] not in ("missing", "refused")]
    peers = list(dict.fromkeys([FIRST, *(row["peer"] for row in told)]))
    cells = {(row["case"], row["peer"]): _cell(row, found.partner(row)) for row in told}
    body = [
        [f"`{case}`", *(cells.get((case, peer), NONE) for peer in peers)]
        for case in dict.fromkeys(row["case"] for row in told)
    ]
    absent = sorted({row["peer"] for row in rows if row["status"] == "missing"})
    beneath = f"\nNot installed in this run: {', '.join(absent)}.\n" if absent else ""
    table = "\n".join(f"| {' | '.join(line)} |" for line in [["case", *peers], ["---"] * (1 + len(peers)), *body])
    return f"{ran_on(environment)}. {CROSSED}\n\n{table}\n{beneath}"


def _cell(row: Row, own: Row | None) -> str:
    """tnsim's median; of another its ratios to tnsim; of who failed, why."""
    if not row["run"]:
        return WORDS[row["status"]]
    if row["peer"] == FIRST or not own or not own["run"]:
        return f"{seconds(row['run']['median'])}; {seconds(making(row))}"
    ready = (making(row), making(own))
    ratios = [row["run"]["median"] / own["run"]["median"], *([ready[0] / ready[1]] if ready[0] and ready[1] else [])]
    return "; ".join(f"{ratio:.2g}x" if ratio < 100 else f"{ratio:.0f}x" for ratio in ratios)
