"""What other widths would allow, checked and typed. Beside `measurements`, which reads them.

Limits    of one partition: Effect --< one width each          Front    of some partitions: own point, best designs
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from tnsim.report.fields import integer, is_int, is_number, listed, mapping, number, wrong

LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
TOLERANCE = 1e-9  # of ln: two sums of logarithms in different orders


class Effect(NamedTuple):
    """One width. level -1: the features, M; fewest, most: how many of its indices minimal cuts sever; raised, doubled:
    what the bound gains, nats, with one more, and with twice as many.
    """

    level: int
    width: int
    fewest: int
    most: int
    raised: float
    doubled: float

    @property
    def name(self) -> str:
        """M, r₀, r₁, .."""
        return "M" if self.level < 0 else f"r{self.level}".translate(LOWERED)


@dataclass(frozen=True)
class Limits:
    """The widths that limit a partition. bottlenecks, tied: levels, as `tnsim.bounds.Sensitivity` has them."""

    partition: str
    log: float
    bottlenecks: tuple[int, ...]
    tied: tuple[int, ...]
    effects: tuple[Effect, ...]


class Point(NamedTuple):
    """Widths, what they cost and what they allow, in nats."""

    channels: tuple[int, ...]
    parameters: int
    log: float


@dataclass(frozen=True)
class Front:
    """The best designs by parameters, their bounds summed over some partitions; none, but a note, out of reach."""

    partitions: tuple[str, ...]
    own: Point
    designs: tuple[Point, ...]
    factors: tuple[float, ...]
    note: str

    @property
    def instead(self) -> Point | None:
        """The best design of no more parameters than the network's own."""
        affordable = [design for design in self.designs if design.parameters <= self.own.parameters]
        return affordable[-1] if affordable else None


@dataclass(frozen=True)
class Widths:
    """All of it."""

    limits: tuple[Limits, ...] = ()
    fronts: tuple[Front, ...] = ()
    note: str = ""


def widths(source: dict[str, Any], names: list[str], dims: tuple[int, ...]) -> Widths | None:
    """What a measurements file says of other widths, or None. names: of its partitions; dims: M, r_0, r_1, ..

    Raises ValueError naming the first key that is missing or wrong.
    """
    if source.get("widths") is None:
        return None
    item, where = mapping(source, "widths", ""), "widths."
    limits, fronts = (listed(item, key, where) if item.get(key) is not None else [] for key in ("sensitivity", "front"))
    return Widths(
        tuple(_limits(one, f"{where}sensitivity[{k}].", names, dims) for k, one in enumerate(limits)),
        tuple(_front(one, f"{where}front[{k}].", names, len(dims) - 1) for k, one in enumerate(fronts)),
        str(item.get("note") or ""),
    )


def _limits(item: dict[str, Any], where: str, names: list[str], dims: tuple[int, ...]) -> Limits:
    partition = item.get("partition")
    if partition not in names:
        raise wrong(where + "partition", "the name of one of the partitions", partition)
    effects = tuple(_effect(one, f"{where}widths[{k}].") for k, one in enumerate(listed(item, "widths", where)))
    if tuple((effect.level, effect.width) for effect in effects) != tuple(enumerate(dims, -1)):
        raise wrong(where + "widths", f"one of every width, {', '.join(map(str, dims))}", item["widths"])
    limiting, tied = (_levels(item, key, where, len(dims)) for key in ("bottlenecks", "tied"))
    return Limits(partition, _finite(item, "log", where), limiting, tied, effects)


def _levels(item: dict[str, Any], key: str, where: str, count: int) -> tuple[int, ...]:
    found = listed(item, key, where, of=int)
    if not all(-1 <= level < count - 1 for level in found):
        raise wrong(where + key, f"levels from -1 to {count - 2}", found)
    return tuple(found)


def _effect(item: dict[str, Any], where: str) -> Effect:
    whole = [integer(item, key, where) for key in ("level", "width", "fewest", "most")]
    if not 0 <= whole[2] <= whole[3]:
        raise wrong(where + "fewest", f"0 to most = {whole[3]}", whole[2])
    return Effect(*whole, *(_finite(item, key, where) for key in ("raised", "doubled")))


def _front(item: dict[str, Any], where: str, names: list[str], depth: int) -> Front:
    partitions = listed(item, "partitions", where, of=str)
    if not partitions or any(name not in names for name in partitions):
        raise wrong(where + "partitions", "names of the partitions", partitions)
    designs = [_point(one, f"{where}designs[{k}].", depth) for k, one in enumerate(listed(item, "designs", where))]
    if sorted(designs, key=lambda one: one.parameters) != designs:
        raise wrong(where + "designs", "ascending parameters", [one.parameters for one in designs])
    own = _point(mapping(item, "own", where), where + "own.", depth)
    best = max((one.log for one in designs if one.parameters <= own.parameters), default=own.log)
    if best < own.log - TOLERANCE * max(own.log, 1.0):
        raise wrong(where + "designs", f"none of the network's parameters below its own {own.log}", best)
    factors = tuple(float(factor) for factor in (item.get("factors") or []) if is_number(factor))
    return Front(tuple(partitions), own, tuple(designs), factors, str(item.get("note") or ""))


def _point(item: dict[str, Any], where: str, depth: int) -> Point:
    channels = listed(item, "channels", where, of=int)
    if len(channels) != depth or not all(is_int(r) and r > 0 for r in channels):
        raise wrong(where + "channels", f"{depth} positive integers", channels)
    return Point(tuple(channels), integer(item, "parameters", where), _finite(item, "log", where))


def _finite(item: dict[str, Any], key: str, where: str) -> float:
    value = number(item, key, where)
    if not is_number(value):
        raise wrong(where + key, "a number", item.get(key))
    return value
