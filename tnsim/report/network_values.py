"""The wiring of a measurements file, checked and typed. Beside `measurements`, which reads it.

Wired --< Bank, Run        legs, sites, outputs: indices by number, where the network is drawn
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

from tnsim.report.fields import integer, is_int, listed, mapping, wrong


class Bank(NamedTuple):
    """Equal-shaped tensors: how many, and how many rows of the bank they read."""

    name: str
    shape: tuple[int, ...]
    tensors: int
    copies: int


class Run(NamedTuple):
    """Indices of one name and dimension."""

    name: str
    many: int
    dim: int


@dataclass(frozen=True)
class Wired:
    """A network: legs of every tensor, the index of every site, indices of labels; all empty where it is not drawn."""

    kind: str
    banks: tuple[Bank, ...]
    runs: tuple[Run, ...]
    legs: tuple[tuple[int, ...], ...] = ()
    sites: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()

    @property
    def stacks(self) -> tuple[int, ...]:
        """Of every tensor the number of its bank."""
        return tuple(number for number, bank in enumerate(self.banks) for _ in range(bank.tensors))


def wired(source: dict[str, Any], sites: int) -> Wired | None:
    """The wiring, or None of a layered tree's file, which has none. Raises ValueError naming the first wrong key."""
    if source.get("network") is None:
        return None
    item, where = mapping(source, "network", ""), "network."
    banks = tuple(_bank(one, f"{where}banks[{k}].") for k, one in enumerate(listed(item, "banks", where)))
    runs = tuple(
        Run(str(one.get("name")), *(integer(one, key, f"{where}indices[{k}].") for key in ("count", "dim")))
        for k, one in enumerate(listed(item, "indices", where))
    )
    kind = str(source.get("kind") or "network")
    if item.get("legs") is None:
        return Wired(kind, banks, runs)
    count = sum(run.many for run in runs)
    legs = tuple(_indices({"legs": one}, "legs", where, count) for one in listed(item, "legs", where, of=list))
    if len(legs) != sum(bank.tensors for bank in banks):
        raise wrong(where + "legs", f"those of {sum(bank.tensors for bank in banks)} tensors", item["legs"])
    ends = [_indices(item, key, where, count) for key in ("sites", "outputs")]
    if len(ends[0]) != sites:
        raise wrong(where + "sites", f"the indices of {sites} sites", item["sites"])
    return Wired(kind, banks, runs, legs, *ends)


def grid(source: dict[str, Any]) -> tuple[int, ...]:
    """Shape of the sites that a file of any network states. Raises ValueError for one of no or three dimensions."""
    found = listed(source, "grid", "", of=int)
    if len(found) not in (1, 2) or not all(is_int(side) and side > 0 for side in found) or prod(found) < 2:
        raise wrong("grid", "one or two positive integers, of at least two sites", found)
    return tuple(found)


def _bank(item: dict[str, Any], where: str) -> Bank:
    shape = listed(item, "shape", where, of=int)
    return Bank(str(item.get("bank")), tuple(shape), *(integer(item, key, where) for key in ("tensors", "copies")))


def _indices(item: dict[str, Any], key: str, where: str, count: int) -> tuple[int, ...]:
    found = listed(item, key, where, of=int)
    if not all(0 <= index < count for index in found):
        raise wrong(where + key, f"numbers of indices below {count}", found)
    return tuple(found)
