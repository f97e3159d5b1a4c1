"""The map of a data set's own correlations, checked and typed. Beside `measurements`, and of a design.

levels    windows as they lie, and their mean          boards    S of a chess board by block          distances
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from tnsim.report.fields import integer, is_number, listed, mapping, number, wrong
from tnsim.report.map_values import Level, level, numbers


class Held(NamedTuple):
    """An entropy in nats and its interval; NaN where an end is not known."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True)
class DataMap:
    """Where the correlations of a data set live; empty, with a note, where nothing could be measured.

    levels: with the mean over their windows. boards: by side of a block. distance, mean, deviation: of the correlation
    of two sites so far apart.
    """

    dataset: str
    name: str
    samples: int
    contrast: float
    confidence: float
    levels: tuple[tuple[Level, Held], ...] = ()
    boards: tuple[tuple[int, Held], ...] = ()
    distance: tuple[float, ...] = ()
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    note: str = ""


def data_map(source: dict[str, Any], sites: int | None = None) -> DataMap | None:
    """The key `data_map` of a file, or None. sites: that its windows must tile, where known.

    Raises ValueError naming the first key that is missing or wrong.
    """
    if source.get("data_map") is None:
        return None
    item, where = mapping(source, "data_map", ""), "data_map."
    head = (
        str(item.get("dataset") or ""), str(item.get("class", item.get("label", ""))),
        integer(item, "samples", where), number(item, "contrast", where),
    )  # fmt: skip
    if item.get("note"):
        return DataMap(*head, float("nan"), note=str(item["note"]))
    return DataMap(*head, number(item, "confidence", where), *_figures(item, where, sites))


def _figures(item: dict[str, Any], where: str, sites: int | None) -> tuple:
    levels = tuple(_level(one, f"{where}levels[{k}].", sites) for k, one in enumerate(listed(item, "levels", where)))
    boards = tuple(_board(one, f"{where}chess[{k}].") for k, one in enumerate(listed(item, "chess", where)))
    fall, there = mapping(item, "distances", where), where + "distances."
    distance = numbers(fall, "distance", there)
    mean, deviation = (numbers(fall, key, there, len(distance)) for key in ("mean", "deviation"))
    return levels, boards, distance, mean, deviation


def _level(item: dict[str, Any], where: str, sites: int | None) -> tuple[Level, Held]:
    found = level(item, where)
    if sites is not None and found.sites * len(found.entropies) != sites:
        raise wrong(where + "entropies", f"a window for each {found.sites} of {sites} sites", found.entropies)
    return found, _held(item, where)


def _board(item: dict[str, Any], where: str) -> tuple[int, Held]:
    return integer(item, "block", where), _held(item, where)


def _held(item: dict[str, Any], where: str) -> Held:
    found = Held(*(number(item, key, where) for key in ("value", "lower", "upper")))
    if not is_number(found.value):
        raise wrong(where + "value", "a number", item.get("value"))
    if found.lower > found.value or found.upper < found.value:
        raise wrong(where + "value", f"one between {found.lower} and {found.upper}", found.value)
    return found
