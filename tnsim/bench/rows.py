"""Rows of a results file, made from what was measured. Over bench.schema and bench.cases; used by the runner.

    floor of the workload  --roofline of the machine-->  seconds that any method needs  --/ median-->  share
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tnsim.bench.answers import Verdict
from tnsim.bench.cases import Case
from tnsim.bench.process import Reply
from tnsim.bench.rounds import Steady
from tnsim.bench.schema import VERSION, Row
from tnsim.bench.workloads.workload import Floor

HOW = (
    "bytes over those the process held before the case: highest (VmHWM) while it was made ready, held then "
    "(arrays, compiled code, what the compiler left), highest while it ran; device: by its allocator"
)


class Shape(NamedTuple):
    """What is the same for all rows of a case: which environment and turn, the least work in seconds, theory's cost."""

    case: Case
    environment: str
    turn: str
    floor: Row | None
    theory: float | None


class Outcome(NamedTuple):
    """One contender's end: status, one line for a failure, the reply of "prepare", its verdict, its steady state."""

    peer: str
    status: str
    message: str = ""
    told: Mapping[str, Any] = {}
    verdict: Verdict | None = None
    steady: Steady | None = None
    peaks: Mapping[str, int | None] = {}


def now() -> str:
    """This moment, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def failed(peer: str, reply: Reply, told: Mapping[str, Any] = {}) -> Outcome:
    """The outcome of a reply that is not "ok"."""
    return Outcome(peer, reply.status, str(reply.value), told)


def least_time(floor: Floor, roofline: Mapping[str, float], dtype: str) -> Row | None:
    """The least work of a case and the seconds that this machine needs for it: the largest of its three parts.

    A real multiply-add is two flops, a complex one eight. None where the machine's rates were not measured.
    """
    double, flops = dtype in ("float64", "complex128"), 8 if dtype.startswith("complex") else 2
    rates = {
        "matmul": roofline.get("float64" if double else "float32"),
        "bandwidth": roofline.get("bandwidth"),
        "transcendentals": roofline.get("transcendentals"),
    }
    if not all(rates.values()):
        return None
    work = {"matmul": flops * floor.multiply_adds, "bandwidth": floor.bytes, "transcendentals": floor.transcendentals}
    parts = {name: work[name] / rate for name, rate in rates.items() if rate}
    bound = max(parts, key=lambda name: parts[name])
    numbers = {key: float(getattr(floor, key)) for key in ("multiply_adds", "bytes", "transcendentals")}
    return {**numbers, "seconds": parts[bound], "bound": bound}


def row(shape: Shape, outcome: Outcome) -> Row:
    """The row of one contender."""
    run = outcome.steady.figures() if outcome.steady else None
    share = shape.floor["seconds"] / run["median"] if shape.floor and run and run["median"] else None
    return {
        "kind": "measurement", "schema": VERSION, "environment": shape.environment, "turn": shape.turn, "date": now(),
        **_sizes(shape.case),
        "peer": outcome.peer, "status": outcome.status, "message": outcome.message,
        "note": outcome.told.get("note") or "",
        "seconds": {stage: float(spent) for stage, spent in (outcome.told.get("seconds") or {}).items()},
        "run": run, "multiply_adds": _figure(outcome.told.get("multiply_adds")), "memory": _memory(outcome),
        "floor": shape.floor, "share": share, "theory": shape.theory, "checked": _checked(outcome.verdict),
    }  # fmt: skip


def _sizes(case: Case) -> Row:
    sites = list(case.sites) if isinstance(case.sites, tuple) else case.sites
    return {"case": case.name, **asdict(case), "sites": sites}


def _figure(value: Any) -> float | None:
    return None if value is None else float(value)


def _memory(outcome: Outcome) -> Row | None:
    if not outcome.told:
        return None
    run, device = (outcome.peaks.get(name) for name in ("run", "device"))
    told = {"prepare": outcome.told.get("peak"), "held": outcome.told.get("held")}
    return {**told, "run": run, "device": device, "how": HOW}


def _checked(verdict: Verdict | None) -> Row | None:
    if verdict is None:
        return None
    return {"against": verdict.against, "difference": verdict.difference, "tolerance": verdict.tolerance}
