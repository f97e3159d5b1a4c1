"""Finished parts of a long job, one whole file each. Uses files; used by sweeps.

    part_000012.npz = arrays by name + the facts that say which job they belong to
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import reduce
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Shaped

from tnsim.files import write_whole
from tnsim.network import Table

Arrays = dict[str, Shaped[np.ndarray, "..."]]
Facts = Mapping[str, str | int | float | bool | None]
FACTS = "tnsim.facts"


class Parts(NamedTuple):
    """The files of a finished job in the order of its items, and how many of them this process computed now."""

    paths: tuple[Path, ...]
    computed: int


class PartsError(ValueError):
    """A part that is not whole, or belongs to another job: names what differs."""


def path_of(folder: Path, item: int) -> Path:
    """The file of an item's part."""
    return folder / f"part_{item:06d}.npz"


def write(path: Path, arrays: Mapping[str, Any], facts: Facts) -> None:
    """Write a part whole or not at all. Raises OSError."""
    content = io.BytesIO()
    named: dict[str, Any] = {name: np.asarray(array) for name, array in arrays.items()}
    named[FACTS] = np.array(json.dumps(dict(facts)))
    np.savez(content, **named)
    write_whole(path, content.getvalue())


def read(path: Path) -> Arrays:
    """The arrays of a part. Raises PartsError for a file that is none."""
    return {name: array for name, array in _content(path).items() if name != FACTS}


def check(path: Path, facts: Facts) -> None:
    """Raises PartsError where a part was made for a job of other facts, naming each difference, or is no part."""
    found = json.loads(str(_content(path, only=FACTS)[FACTS]))
    differ = [name for name in sorted({*found, *facts}) if found.get(name) != facts.get(name)]
    if differ:
        each = "; ".join(f"{name}: {found.get(name)!r} there, {facts.get(name)!r} asked for" for name in differ)
        raise PartsError(f"{path}: made for another job: {each}. Name another folder, or ask for the same job")


def _content(path: Path, only: str | None = None) -> Arrays:
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as kept:
            return {name: kept[name] for name in ([only] if only else kept.files)}
    except (KeyError, ValueError, EOFError, BadZipFile, TypeError, AttributeError) as error:
        raise PartsError(f"{path}: wanted a part of a sweep, found {error}; delete it to do it anew") from error


def summed(parts: Parts) -> Arrays:
    """The sum of all parts, name by name; in the order of the items, so that it does not feel who computed what."""
    return reduce(lambda one, other: {name: one[name] + other[name] for name in one}, _all(parts))


def joined(parts: Parts) -> Arrays:
    """All parts one after the other along their first axes, name by name, in the order of the items."""
    found = list(_all(parts))
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


def _all(parts: Parts) -> Iterator[Arrays]:
    return map(read, parts.paths)


def digest(value: Any) -> str:
    """A fingerprint by content, equal in every process: of networks, plans, banks, and what they are made of.

    Raises TypeError for objects of which no content is known.
    """
    hashed = blake2b(digest_size=16)
    for piece in _pieces(value):
        hashed.update(len(piece).to_bytes(8, "little") + piece)
    return hashed.hexdigest()


def _pieces(value: Any) -> Iterator[bytes]:
    """The content of a value as bytes, in one fixed order."""
    yield type(value).__name__.encode()
    if isinstance(value, Table):
        yield from _pieces(value.array)
    elif is_dataclass(value) and not isinstance(value, type):
        yield from _all_pieces(getattr(value, field.name) for field in fields(value) if field.name != "_hash")
    elif isinstance(value, Mapping):
        yield from _all_pieces(sorted(value.items()))
    elif isinstance(value, (tuple, list)):
        yield from _all_pieces(value)
    elif isinstance(value, (str, int, float, bool, bytes, type(None))):
        yield repr(value).encode()
    elif hasattr(value, "__array__"):
        array = np.asarray(value)
        yield from (str(array.dtype).encode(), repr(array.shape).encode(), array.tobytes())
    else:
        raise TypeError(f"value: wanted numbers, texts, arrays and containers of them, found {type(value).__name__}")


def _all_pieces(values: Any) -> Iterator[bytes]:
    for value in values:
        yield from _pieces(value)
