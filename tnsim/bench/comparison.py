"""Two results files, paired: what got slower or faster beyond the noise. Over bench.results; used by the command.

    ratio = new median / old median       noise = 3 sqrt(s_old^2 + s_new^2),  s = quartile distance / 1.349 / median
    slower: ln ratio > max(noise, ln(1 + tolerance))
"""

from __future__ import annotations

from math import exp, hypot, log, log1p
from statistics import median
from typing import NamedTuple

from tnsim.bench.results import FIRST, Results
from tnsim.bench.schema import Row
from tnsim.bench.units import seconds

DEVIATIONS, QUARTILES = 3.0, 1.349  # of a normal distribution: quartile distance over standard deviation
Pairs = dict[tuple[str, str], tuple[Row, Row]]


class Change(NamedTuple):
    """One pair. ratio and noise are None where one of both has no time; verdict: "slower", "faster", "" or in words."""

    case: str
    peer: str
    before: str
    after: str
    ratio: float | None
    noise: float | None
    verdict: str


def compare(old: Results, new: Results, tolerance: float = 0.05, relative: bool = False) -> list[Change]:
    """A change for every case and contender that both files hold, tnsim's first; the last row of each counts.

    tolerance: a change by a smaller share is never counted, since quartiles do not see what differs between runs.
    relative: ratios are divided by the median ratio of the other contenders, which did not change.

    Raises ValueError if there is no pair.
    """
    pairs = _pairs(old, new)
    if not pairs:
        raise ValueError("compare: wanted two files with a case and contender in common, found none")
    drift = _drift(pairs) if relative else 1.0
    changes = [_change(before, after, drift, tolerance) for before, after in pairs.values()]
    return sorted(changes, key=lambda change: (change.peer != FIRST, change.case, change.peer))


def _pairs(old: Results, new: Results) -> Pairs:
    rows = [{(row["case"], row["peer"]): row for row in each.measurements} for each in (old, new)]
    return {key: (row, rows[1][key]) for key, row in rows[0].items() if key in rows[1]}


def _drift(pairs: Pairs) -> float:
    """How the machine moved: the median ratio of those that are not tnsim; 1 without any."""
    ratios = [_ratio(*pair) for (_, peer), pair in pairs.items() if peer != FIRST and all(row["run"] for row in pair)]
    return median(ratios) if ratios else 1.0


def _ratio(before: Row, after: Row) -> float:
    return after["run"]["median"] / before["run"]["median"]


def _change(before: Row, after: Row, drift: float, tolerance: float) -> Change:
    told = before["case"], before["peer"], _said(before), _said(after)
    if not (before["run"] and after["run"]):
        return Change(*told, None, None, _ends(before["status"], after["status"]))
    ratio = _ratio(before, after) / drift
    noise = DEVIATIONS * hypot(before["run"]["spread"], after["run"]["spread"]) / QUARTILES
    beyond = abs(log(ratio)) > max(noise, log1p(tolerance))
    verdict = "" if not beyond else "slower" if ratio > 1 else "faster"
    return Change(*told, ratio, exp(noise) - 1, verdict)


def _said(row: Row) -> str:
    return seconds(row["run"]["median"]) if row["run"] else row["status"]


def _ends(before: str, after: str) -> str:
    """A pair without two times: an answer that was lost is the slowest of all."""
    if before == "ok":
        return "slower" if after not in ("missing", "refused") else "not run"
    return "now answers" if after == "ok" else ""


def differences(old: Results, new: Results) -> list[str]:
    """What differs between the environments of two files, a line each: "versions jax: 0.10.1 before, 0.10.2 after"."""
    told = [_facts(each) for each in (old, new)]
    return [
        f"{name}: {told[0].get(name, 'none')} before, {told[1].get(name, 'none')} after"
        for name in dict.fromkeys([*told[0], *told[1]]) if told[0].get(name) != told[1].get(name)
    ]  # fmt: skip


def _facts(found: Results) -> dict[str, str]:
    """The last environment's; a commit differs on purpose, and a memory limit changes no time."""
    last = list(found.environments.values())[-1]
    parts = ("machine", "versions", "settings")
    facts = [(f"{part} {name}", value) for part in parts for name, value in last[part].items()]
    return {name: str(value) for name, value in facts if name not in ("machine commit", "settings memory")}
