"""The maps of a measurements file, checked and typed. Beside `measurements`, which reads them.

windows    S of every window, level by level        sites, mutual    S of every site
mutual     the strongest pairs (i, j, I), and I against distance
"""

from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

from tnsim.report.fields import integer, is_int, is_number, label, listed, number, optional, wrong

KINDS = ("windows", "sites", "mutual")


class Level(NamedTuple):
    """The windows of one level as they lie: rows x columns, row by row."""

    sites: int
    rows: int
    columns: int
    entropies: tuple[float, ...]


@dataclass(frozen=True)
class Map:
    """One map of one class, nats; what its kind does not hold is empty."""

    kind: str
    label: int | None
    name: str
    levels: tuple[Level, ...] = ()
    entropies: tuple[float, ...] = ()
    pairs: tuple[tuple[int, int, float], ...] = ()
    distance: tuple[float, ...] = ()
    mean: tuple[float, ...] = ()
    largest: tuple[float, ...] = ()


def maps(source: dict[str, Any], sites: int) -> tuple[Map, ...]:
    """All maps. Raises ValueError naming the first key that is missing or wrong."""
    if source.get("maps") is None:
        return ()
    return tuple(_map(item, f"maps[{k}].", sites) for k, item in enumerate(listed(source, "maps", "")))


def _map(item: dict[str, Any], where: str, sites: int) -> Map:
    kind = item.get("kind")
    if kind not in KINDS:
        raise wrong(where + "kind", f"one of {', '.join(KINDS)}", kind)
    number_of = label(item, where)
    head = (kind, number_of, str(item.get("class", number_of)))
    if kind == "windows":
        levels = listed(item, "levels", where)
        return Map(*head, tuple(level(one, f"{where}levels[{k}].") for k, one in enumerate(levels)))
    entropies = numbers(item, "entropies", where, sites)
    if kind == "sites":
        return Map(*head, entropies=entropies)
    fall, there = optional(item, "decay", where), where + "decay."
    distance = numbers(fall, "distance", there) if fall else ()
    mean, largest = (numbers(fall, key, there, len(distance)) if fall else () for key in ("mean", "largest"))
    pairs = tuple(_pair(pair, where + "pairs", sites) for pair in listed(item, "pairs", where, of=list))
    return Map(*head, (), entropies, pairs, distance, mean, largest)


def level(item: dict[str, Any], where: str) -> Level:
    """The windows of one level. Raises ValueError naming the first key that is missing or wrong."""
    shape = listed(item, "shape", where, of=int)
    if len(shape) not in (1, 2) or min(shape) < 1:
        raise wrong(where + "shape", "one or two positive integers", shape)
    rows, columns = (1, *shape)[-2:]
    return Level(integer(item, "sites", where), rows, columns, numbers(item, "entropies", where, prod(shape)))


def numbers(item: dict[str, Any], key: str, where: str, count: int | None = None) -> tuple[float, ...]:
    """The numbers of a key, NaN for None; so many of them, where that is known."""
    values = listed(item, key, where, of=object)
    if count is not None and len(values) != count:
        raise wrong(where + key, f"{count} numbers", values)
    return tuple(number({key: value}, key, where) for value in values)


def _pair(pair: list[Any], where: str, sites: int) -> tuple[int, int, float]:
    if len(pair) != 3 or not all(is_int(site) and 0 <= site < sites for site in pair[:2]):
        raise wrong(where, f"lists of two sites below {sites} and a number", pair)
    value = number({"pairs": pair[2]}, "pairs", where)
    return pair[0], pair[1], value if is_number(value) else 0.0
