"""One question put to every contender: a workload with its sizes, and what a contender hands back. Ground of bench."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Num


@dataclass(frozen=True)
class Case:
    """A workload with its sizes; its numbers follow from the seed, the same in every process.

    workload: a name of tnsim.bench.workloads. sites: N (a binary tree) or (height, width) (2 x 2 windows). width: r of
    every level. features: M. batch: samples, or partitions. sharing: "none" or "full".
    """

    workload: str
    sites: int | tuple[int, int]
    width: int = 16
    features: int = 16
    batch: int = 1
    sharing: str = "none"
    dtype: str = "float32"
    seed: int = 0

    @property
    def name(self) -> str:
        """ "scores/N1024/r16/M16/b64/none/float32": what a row is known by, and resumed by."""
        sites = f"N{self.sites}" if isinstance(self.sites, int) else "N{}x{}".format(*self.sites)
        numbers = [f"r{self.width}", f"M{self.features}", f"b{self.batch}"]
        return "/".join([self.workload, sites, *numbers, self.sharing, self.dtype])


class Prepared(NamedTuple):
    """A contender made ready for a case.

    run: one steady-state call, waited for. answer: the numbers that every contender must agree on, as one vector.
    seconds: what was spent on the way, by stage: "path", "plan", "trace", "compile", "first". multiply_adds: of one
    run by this contender's own plan, where it tells. note: what was tried and chosen.
    """

    run: Callable[[], Any]
    answer: Callable[[], Num[np.ndarray, "numbers"]]
    seconds: dict[str, float]
    multiply_adds: float | None = None
    note: str = ""
