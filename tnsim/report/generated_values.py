"""The images of a measurements file, checked and typed. Beside `measurements`, which reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from tnsim.report.fields import Number, integer, is_int, listed, mapping, wrong

Pixels = tuple[Number | None, ...]  # from 0, black, to 1, row by row; None: missing


class Row(NamedTuple):
    """Images of one class; of a completed one what was given, and the whole image."""

    name: str
    images: tuple[Pixels, ...]
    given: Pixels = ()
    whole: Pixels = ()


@dataclass(frozen=True)
class Generated:
    """What a model draws. shape: (height, width) of every image."""

    shape: tuple[int, int]
    samples: tuple[Row, ...]
    completed: tuple[Row, ...] = ()
    note: str = ""


def generated(source: dict[str, Any], sites: int) -> Generated | None:
    """The key `generated` of a file, or None. Raises ValueError naming the first key that is missing or wrong."""
    if source.get("generated") is None:
        return None
    item, where = mapping(source, "generated", ""), "generated."
    shape = listed(item, "shape", where, int)
    if len(shape) != 2 or not all(is_int(side) and side > 0 for side in shape) or shape[0] * shape[1] != sites:
        raise wrong(where + "shape", f"height and width of {sites} sites", shape)
    samples, completed = (_rows(item, key, where, sites) for key in ("samples", "completed"))
    return Generated((shape[0], shape[1]), samples, completed, str(item.get("note") or ""))


def _rows(item: dict[str, Any], key: str, where: str, sites: int) -> tuple[Row, ...]:
    rows = enumerate(listed(item, key, where))
    return tuple(_row(one, f"{where}{key}[{k}].", sites, key == "completed") for k, one in rows)


def _row(item: dict[str, Any], where: str, sites: int, completed: bool) -> Row:
    name = str(item.get("class", integer(item, "label", where)))
    images = tuple(
        _pixels({f"images[{k}]": one}, f"images[{k}]", where, sites)
        for k, one in enumerate(listed(item, "images", where, list))
    )
    if not completed:
        return Row(name, images)
    return Row(name, images, _pixels(item, "given", where, sites, True), _pixels(item, "whole", where, sites))


def _pixels(item: dict[str, Any], key: str, where: str, sites: int, missing: bool = False) -> Pixels:
    values = listed(item, key, where, of=object)
    shades = [value for value in values if not (missing and value is None)]
    good = all(isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1 for value in shades)
    if len(values) != sites or not good:
        raise wrong(where + key, f"{sites} numbers from 0 to 1{', or null' if missing else ''}", values)
    return tuple(values)
