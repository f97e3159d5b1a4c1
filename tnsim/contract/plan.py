"""Look before you contract: what a network will cost, as a value that prints itself. Uses schedule and paths.

    layered trees: the waves of the fold, for one sample
    any other network: a path of pairwise contractions, sliced where it would not fit   <--> a JSON file

Cost convention: scalar multiply-adds (two real floating-point operations each, eight for complex numbers).
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from math import prod
from pathlib import Path as File
from typing import Any, NamedTuple

import numpy as np

from tnsim import memory as limits
from tnsim.contract.device_memory import allowed
from tnsim.contract.finders import Finder, Path, find
from tnsim.contract.schedule import NotLayered, Schedule, distinct, whole
from tnsim.contract.slicing import fit
from tnsim.contract.steps import costs, walk
from tnsim.files import write_json
from tnsim.network import Network

ITEMSIZE = 4  # bytes of a number: float32
FORM = "tnsim plan 1"  # of the files


class WavePlan(NamedTuple):
    """One wave of a fold: `positions` matrices of dim_out x dim_in, of which `distinct` differ, pooled into `nodes`."""

    bank: str
    positions: int
    distinct: int
    dim_in: int
    dim_out: int
    nodes: int
    multiply_adds: int


@dataclass(frozen=True, eq=False)
class Plan:
    """How a network will be contracted, and at what cost; `print` it.

    waves: of the fold, sites first (a layered tree; empty for a path). subtrees: how many there are, one below every
    matrix; distinct: of these, without features on the sites. steps: pairwise contractions of a path. multiply_adds:
    of one sample, or of all slices of a path. largest: numbers in the largest tensor made; largest_bytes: the same in
    float32.

    Of a path also: moved: numbers read and written over all steps and slices; peak: numbers alive at once, with the
    parameters and the result; path: the places contracted in each step; sliced: the indices that are fixed, a slice
    for each of their numbers; slices: how many there are; network: the content of the network that it is for.
    """

    waves: tuple[WavePlan, ...]
    subtrees: int
    distinct: int
    steps: int
    multiply_adds: int
    largest: int
    moved: int = 0
    peak: int = 0
    path: Path = ()
    sliced: tuple[int, ...] = ()
    slices: int = 1
    network: str = ""
    _hash: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash(self._key))

    @property
    def _key(self) -> tuple:
        return (self.network, self.waves, self.path, self.sliced, self.multiply_adds, self.largest, self.distinct)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Plan) and self._hash == other._hash and self._key == other._key

    @property
    def largest_bytes(self) -> int:
        """Bytes of the largest tensor, in float32."""
        return ITEMSIZE * self.largest

    @property
    def moved_bytes(self) -> int:
        """Bytes read and written over all steps, in float32."""
        return ITEMSIZE * self.moved

    @property
    def peak_bytes(self) -> int:
        """Bytes alive at once, in float32."""
        return ITEMSIZE * self.peak

    def save(self, path: str | os.PathLike[str]) -> File:
        """Write the plan of a path to a JSON file, whole; `load_plan` reads it. Raises ValueError for a fold's plan."""
        if self.waves:
            raise ValueError("plan: wanted one of a path (give a finder), found a fold's, which needs no search")
        content = {name: value for name, value in asdict(self).items() if name not in ("_hash", "waves")}
        return write_json(path, {"form": FORM, **content})

    def __str__(self) -> str:
        cost = f"{self.multiply_adds:.3g} multiply-adds, largest {limits.human(self.largest_bytes)} in float32"
        if not self.waves:
            return "\n".join([f"path of {self.steps} pairwise contractions, {cost}", *_traffic(self)])
        head = f"fold of {len(self.waves)} waves, {self.distinct} of {self.subtrees} subtrees distinct"
        return "\n".join([f"{head}, {cost} a sample", *_table(self.waves)])

    def __repr__(self) -> str:
        return str(self)


def _traffic(plan: Plan) -> list[str]:
    line = f"  {limits.human(plan.moved_bytes)} moved, peak {limits.human(plan.peak_bytes)} with what is given and made"
    if plan.slices == 1:
        return [line]
    return [line, f"  {plan.slices} slices over {len(plan.sliced)} indices: {', '.join(map(str, plan.sliced))}"]


def _table(waves: tuple[WavePlan, ...]) -> list[str]:
    rows = [("wave", "bank", "matrices", "distinct", "shape", "nodes", "multiply-adds")]
    for number, wave in enumerate(waves):
        shape = f"{wave.dim_out} x {wave.dim_in}"
        cells = (number, wave.bank, wave.positions, wave.distinct, shape, wave.nodes, f"{wave.multiply_adds:.3g}")
        rows.append(tuple(map(str, cells)))  # type: ignore[arg-type]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def plan(
    network: Network,
    memory: str | float | None = None,
    finder: Finder | None = None,
    seed: int = 0,
    trials: int = 32,
) -> Plan:
    """How `network` will be contracted: a fold in waves for a layered tree, else along a path, sliced to fit.

    memory: a limit in bytes or a text like "8GB"; None is half of the free memory. finder: "greedy" (opt_einsum's),
    "optimal", "clusters", "cotengra", "cotengra-hyper" (with the extra `paths`), or a path as these give it; None is a
    fold where there is one, else "greedy". Equal seeds give equal plans; trials: random searches of cotengra's finders.

    Raises MemoryLimitError where a fold's largest tensor, for one sample, or a path with the most slices is above the
    limit in float32; ValueError for another finder, ImportError for one that is not installed.
    """
    if finder is None:
        try:
            made = _fold(whole(network), prod(network.stacks[-1].shape))
        except NotLayered:
            pass
        else:
            check(made.largest_bytes, memory)
            return made
    return plan_path(network, memory, finder or "greedy", seed=seed, trials=trials)


def plan_path(
    network: Network,
    memory: str | float | None = None,
    finder: Finder = "greedy",
    itemsize: int = ITEMSIZE,
    seed: int = 0,
    trials: int = 32,
) -> Plan:
    """A path for any network, also a layered tree, for numbers of `itemsize` bytes. Arguments and errors as `plan`."""
    path = find(network, finder, seed, trials)
    made = _path(network, path, None)
    limit = allowed(memory)
    if made.peak * itemsize <= limit:
        return made
    limit = limit if memory is not None else _steady(limit)
    made = _path(network, path, limit // itemsize)
    limits.check(made.peak * itemsize, limit, "The contraction along its path, sliced as far as it helps,", WAYS_OUT)
    return made


WAYS_OUT = "Close more of the open indices, lower the dimensions, or raise memory."


def _steady(free: int) -> int:
    """Free memory is another figure each time: the power of two below it, so that slices are the same."""
    return 2 ** (free.bit_length() - 1)


@lru_cache(maxsize=256)
def _path(network: Network, path: Path, limit: int | None) -> Plan:
    found = walk(network, path)
    sliced = fit(network, path, float("inf") if limit is None else limit)
    cost = costs(found, sliced.indices)
    slices = prod(found.dims[index] for index in sliced.indices)
    return Plan(
        (), 0, 0, len(path), cost.multiply_adds, cost.largest, cost.moved, sliced.peak, path, sliced.indices, slices,
        content(network),
    )  # fmt: skip


def check(needed: float, memory: str | float | None) -> None:
    """Refuse a largest intermediate of more bytes than `memory`. Raises MemoryLimitError."""
    limits.check(needed, allowed(memory), "The largest intermediate tensor of the contraction path", WAYS_OUT)


@lru_cache(maxsize=256)
def content(network: Network) -> str:
    """What tells a network from any other, in any process: a hash of its wiring."""
    found = hashlib.blake2b(digest_size=16)
    for stack in network.stacks:
        found.update(repr((stack.bank, stack.copies, stack.shape, stack.legs.array.shape)).encode())
        found.update(stack.slots.array.tobytes() + stack.legs.array.tobytes())
    found.update(repr([(run.name, run.count, run.dim) for run in network.indices]).encode())
    found.update(network.sites.array.tobytes() + repr(network.outputs).encode())
    return found.hexdigest()


def check_plan(network: Network, plan: Plan) -> None:
    """Raises ValueError for a plan that is a fold's, or another network's."""
    if plan.waves:
        raise ValueError("plan: wanted one of a path (give a finder), found a fold's")
    if plan.network != content(network):
        raise ValueError(f"plan: wanted one made for this network, {content(network)}, found one for {plan.network}")


def load_plan(path: str | os.PathLike[str], network: Network) -> Plan:
    """The plan that `Plan.save` wrote.

    Raises ValueError where the file holds no plan of this form, or one for another network; OSError as files do.
    """
    try:
        kept = json.loads(File(path).read_text(encoding="utf-8"))
        form = kept.pop("form")
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"path: wanted a file of form {FORM!r}, found {str(path)!r} is none") from error
    if form != FORM:
        raise ValueError(f"path: wanted a file of form {FORM!r}, found {form!r}")
    made = _loaded(kept)
    check_plan(network, made)
    return made


def _loaded(kept: dict[str, Any]) -> Plan:
    try:
        path = tuple(tuple(int(place) for place in places) for places in kept.pop("path"))
        return Plan(waves=(), path=path, sliced=tuple(kept.pop("sliced")), **kept)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"path: wanted the fields of a plan, found a file without, or with others: {error}") from error


def _fold(schedule: Schedule, output: int) -> Plan:
    """output: weights of the last matrix, each used once."""
    leaves = np.zeros(schedule.waves[0].positions, dtype=np.int64)
    kinds = distinct(schedule, leaves)
    waves = tuple(
        WavePlan(
            wave.bank, wave.positions, different.positions, wave.dim_in, wave.dim_out, wave.nodes,
            wave.dim_out * (wave.positions * wave.dim_in + wave.positions - wave.nodes),
        )
        for wave, different in zip(schedule.waves, kinds.waves, strict=True)
    )  # fmt: skip
    largest = max(wave.positions * max(wave.dim_in, wave.dim_out) for wave in waves)
    subtrees = 1 + sum(wave.positions for wave in waves)
    different = 1 + sum(wave.distinct for wave in waves)
    return Plan(waves, subtrees, different, 0, output + sum(wave.multiply_adds for wave in waves), largest)
