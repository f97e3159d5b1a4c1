"""Steady state of several contenders, in turn: rounds forward and backward, until each has had its time. Over process.

    round 0:  tnsim  torch  cotengra      a round of one contender: a call that warms, a few that are timed,
    round 1:  cotengra  torch  tnsim      their median; a row's figures are over rounds, so that
    round 2:  tnsim  torch  cotengra      what the machine does meanwhile meets all alike
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from statistics import median, quantiles
from typing import NamedTuple

from tnsim.bench.process import Reply
from tnsim.bench.schema import Row

Ask = Callable[[int, int], Reply]  # (calls to time, calls to warm) -> their seconds, or how it failed


class Pace(NamedTuple):
    """How long to repeat: at least `least` rounds and then until `seconds` each, at most `most`; a burst is one round's
    calls and takes about `burst` seconds, at most 50 calls. Who takes more than `patience` a call is not warmed again.
    """

    seconds: float = 2.0
    least: int = 5
    most: int = 100
    burst: float = 0.05
    patience: float = 0.25


class Steady(NamedTuple):
    """Medians of the rounds, in seconds, and the number of calls that were timed."""

    rounds: tuple[float, ...]
    calls: int

    def figures(self) -> Row:
        """As a results file holds them; the spread is the quartiles' distance over the median."""
        middle = median(self.rounds)
        q1, _, q3 = quantiles(self.rounds, method="inclusive") if len(self.rounds) > 1 else (middle,) * 3
        return {
            "median": middle, "min": min(self.rounds), "q1": q1, "q3": q3,
            "spread": (q3 - q1) / middle if middle else 0.0,
            "repeats": len(self.rounds), "calls": self.calls,
        }  # fmt: skip


class _Track:
    """What one contender has done so far; `call` is what a call takes, 0 before the first."""

    def __init__(self, ask: Ask, budget: float) -> None:
        self.ask, self.budget = ask, budget
        self.medians: list[float] = []
        self.calls = 0
        self.call = self.spent = 0.0
        self.failure: Reply | None = None

    def wants(self, pace: Pace) -> bool:
        """Whether another round is due, and fits into what is left of the case's time."""
        count = len(self.medians)
        if self.failure or count >= pace.most or (count >= pace.least and self.spent >= pace.seconds):
            return False
        calls, warm = self.burst(pace)
        return not count or self.spent + self.call * (calls + warm) <= self.budget

    def burst(self, pace: Pace) -> tuple[int, int]:
        """Calls to time and calls to warm."""
        if not self.call:
            return 1, 0
        return min(max(ceil(pace.burst / self.call), 1), 50), int(self.call < pace.patience)

    def round(self, pace: Pace) -> None:
        """One burst. The first is one call, which tells how many make a burst; of a fast contender it only warms."""
        begins, (calls, warm) = not self.call, self.burst(pace)
        reply = self.ask(calls, warm)
        if reply.status != "ok":
            self.failure = reply
            return
        self.call = max(median(reply.value), 1e-9)
        self.spent += self.call * (calls + warm)
        if not begins or self.call >= pace.patience:
            self.medians.append(self.call)
            self.calls += calls


def take_turns(contenders: Mapping[str, Ask], budgets: Mapping[str, float], pace: Pace) -> dict[str, Steady | Reply]:
    """The steady state of each contender, or the reply with which it failed.

    budgets: seconds that are left of the case's limit, by contender. Rounds go forward and backward through the
    contenders, so that none always follows the same one.
    """
    tracks = {name: _Track(ask, budgets[name]) for name, ask in contenders.items()}
    for number in range(pace.most + 1):  # and the round that warms
        due = [name for name in _order(list(tracks), number) if tracks[name].wants(pace)]
        if not due:
            break
        for name in due:
            tracks[name].round(pace)
    return {name: track.failure or Steady(tuple(track.medians), track.calls) for name, track in tracks.items()}


def _order(names: Sequence[str], number: int) -> Sequence[str]:
    return names if number % 2 == 0 else names[::-1]
