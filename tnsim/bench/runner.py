"""A run of the benchmark: case by case, contenders side by side, every end a row. Over crew, rounds, answers, rows.

    for each case:  missing? refused? --> prepare each --> compare answers --> take turns --> rows

Results are a value that grows: rows are handed out as they are known, and the caller writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, NamedTuple, Protocol, runtime_checkable

from tnsim.bench.answers import Verdict, verdicts
from tnsim.bench.cases import Case
from tnsim.bench.crew import Crew
from tnsim.bench.peers.registry import Peer, missing
from tnsim.bench.process import Limits, Reply
from tnsim.bench.profiles import Entry
from tnsim.bench.results import FIRST, Results
from tnsim.bench.rounds import Pace, Steady, take_turns
from tnsim.bench.rows import Outcome, Shape, failed, least_time, now, row
from tnsim.bench.schema import VERSION, Row
from tnsim.bench.workloads.workload import Floor
from tnsim.memory import MemoryLimitError, human

Told = Mapping[str, Any]  # the reply to "prepare"


@runtime_checkable
class Question(Protocol):
    """What the runner asks of a workload; one with a `reference(case)` is checked against it."""

    @property
    def about(self) -> str:
        """A line for people."""
    @property
    def tolerance(self) -> float:
        """By how much right answers may differ."""
    def floor(self, case: Case) -> Floor:
        """The least work of any method."""
    def theory(self, case: Case) -> float:
        """The cost to fit scaling laws beside."""


@dataclass(frozen=True)
class Settings:
    """threads: of every contender, None for all processors. seconds: a case may take so long for each contender.
    memory: bytes that a case may take, over what the libraries do. pace: how long steady states are repeated.
    """

    threads: int | None = None
    seconds: float = 120.0
    memory: int = 4 * 10**9
    pace: Pace = Pace()  # noqa: RUF009  (frozen)


class Known(NamedTuple):
    """Who and what is known: contenders and workloads by name, the module that has the workloads."""

    peers: Mapping[str, Peer]
    workloads: Mapping[str, Question]
    module: str = "tnsim.bench.workloads"


def check_memory(entries: tuple[Entry, ...], workloads: Mapping[str, Question], memory: int) -> None:
    """Refuse a limit that no method can keep: inputs and outputs alone are larger.

    Raises MemoryLimitError that names the case and the least amount.
    """
    least = {e.case.name: float(workloads[e.case.workload].floor(e.case).bytes) for e in entries}
    worst = max(least, key=lambda name: least[name], default=None)
    if worst and least[worst] > memory:
        raise MemoryLimitError(
            f"--memory: {worst} needs at least {human(least[worst])}, its inputs and outputs, above the limit of "
            f"{human(memory)}; leave workloads out by naming others with --workload"
        )


def fingerprint(surroundings: Mapping[str, Any]) -> str:
    """A short name of an environment: equal machine, versions, commit and pace have the same."""
    return sha256(json.dumps(surroundings, sort_keys=True).encode()).hexdigest()[:12]


def environment(machine: Row, versions: Row, settings: Settings, roofline: Mapping[str, float]) -> Row:
    """The line that measurements refer to."""
    kept: Row = {"threads": settings.threads, "seconds": settings.seconds, "memory": settings.memory}
    kept |= {f"pace_{name}": value for name, value in settings.pace._asdict().items()}
    told = {"machine": machine, "versions": versions, "settings": kept}
    named = {**told, "settings": {**kept, "memory": None}}  # by default half of what is free: another every time
    return {
        "kind": "environment", "schema": VERSION, "fingerprint": fingerprint(named), "date": now(), **told,
        "roofline": dict(roofline),
    }  # fmt: skip


def due(entry: Entry, known: Known, there: Results, place: Row) -> tuple[str, ...]:
    """The contenders of an entry whose rows are not there yet. A missing one is due again once it is installed;
    beside others tnsim always runs again, so that every ratio is of one turn.
    """
    done = there.done(place["fingerprint"])
    names = [name for name in entry.peers or tuple(known.peers) if name in known.peers]
    wanted = [name for name in names if _again(done.get((entry.case.name, name)), known.peers[name])]
    if any(missing(known.peers[name]) is None for name in wanted) and FIRST in names and FIRST not in wanted:
        wanted.append(FIRST)
    return tuple(name for name in names if name in wanted)


def _again(found: Row | None, peer: Peer) -> bool:
    return found is None or (found["status"] == "missing" and missing(peer) is None)


def run_case(case: Case, names: tuple[str, ...], crew: Crew, known: Known, settings: Settings) -> Iterator[Outcome]:
    """The outcome of every named contender on a case; failures first, as they are known."""
    fields = asdict(case)
    told: dict[str, Told] = {}
    for name in names:
        outcome = _prepared(name, fields, crew, settings)
        if outcome.status == "ok":
            told[name] = outcome.told
        else:
            yield outcome
    judged = _judged(case, told, crew, known, settings)
    for name in [name for name in judged if not judged[name].right]:
        yield Outcome(name, "wrong", judged[name].words, told[name], judged[name])
    right = [name for name in judged if judged[name].right]
    for name, found in _timed(right, told, crew, settings).items():
        yield _ended(name, found, told[name], judged[name], crew)
    _drop(names, crew)


def _prepared(name: str, fields: Row, crew: Crew, settings: Settings) -> Outcome:
    """A contender made ready, or why it is not."""
    if words := missing(crew.peers[name]):
        return Outcome(name, "missing", words)
    worker = crew[name]
    if worker.failure:
        return failed(name, worker.failure)
    limits = Limits(settings.seconds, settings.memory)
    asked = worker.ask("refuses", fields, limits=limits)
    if asked.status != "ok" or asked.value:
        return failed(name, Reply("refused", asked.value) if asked.status == "ok" else asked)
    worker.mark()
    reply = worker.ask("prepare", fields, limits=limits)
    return Outcome(name, "ok", told=reply.value) if reply.status == "ok" else failed(name, reply)


def _judged(case: Case, told: Mapping[str, Told], crew: Crew, known: Known, settings: Settings) -> dict[str, Verdict]:
    workload = known.workloads[case.workload]
    reference = None
    if FIRST in told and hasattr(workload, "reference"):
        path = f"WORKLOADS.{case.workload}.reference"
        reply = crew[FIRST].ask("call", known.module, path, asdict(case), limits=Limits(settings.seconds))
        reference = reply.value if reply.status == "ok" else None
    return verdicts({name: each["answer"] for name, each in told.items()}, reference, workload.tolerance, FIRST)


def _timed(names: list[str], told: Mapping[str, Told], crew: Crew, settings: Settings) -> dict[str, Steady | Reply]:
    left = {name: max(settings.seconds - sum((told[name].get("seconds") or {}).values()), 1.0) for name in names}

    def asker(name: str):
        limits = Limits(left[name], settings.memory)
        return lambda calls, warm: crew.workers[name].ask("run", calls, warm, limits=limits)

    return take_turns({name: asker(name) for name in names}, left, settings.pace)


def _ended(name: str, found: Steady | Reply, told: Told, verdict: Verdict, crew: Crew) -> Outcome:
    if isinstance(found, Reply):
        return failed(name, found, told)
    peaks = crew.workers[name].ask("peaks", limits=Limits(60))
    return Outcome(name, "ok", "", told, verdict, found, peaks.value if peaks.status == "ok" else {})


def _drop(names: tuple[str, ...], crew: Crew) -> None:
    """Contenders that live on forget the case."""
    for name in names:
        if name in crew.workers and crew.workers[name].alive:
            crew.workers[name].ask("drop", limits=Limits(60))


def case_rows(
    case: Case, names: tuple[str, ...], crew: Crew, known: Known, settings: Settings, place: Row
) -> Iterator[Row]:
    """The rows of a case, as they are known; place: the environment's row."""
    workload = known.workloads[case.workload]
    floor = least_time(workload.floor(case), place["roofline"], case.dtype)
    shape = Shape(case, place["fingerprint"], f"{now()} {case.name}", floor, float(workload.theory(case)))
    for outcome in run_case(case, names, crew, known, settings):
        yield row(shape, outcome)
