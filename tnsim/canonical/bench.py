"""Tensors with named legs, on which a tree is rebuilt: small ones go into others, parts are joined. Used by trees."""

from __future__ import annotations

from itertools import count

import numpy as np
from jaxtyping import Num

from tnsim.canonical.state import TreeState, tree_state
from tnsim.canonical.wiring import chain_wiring, wiring

Tensor = Num[np.ndarray, "..."]


class Bench:
    """Tensors by number, each leg with a name; a name that two of them have joins them.

    joins: those that were made here, which may take in the matrices beside them.
    """

    def __init__(self) -> None:
        self.tensors: dict[int, Tensor] = {}
        self.legs: dict[int, list[int]] = {}
        self.holders: dict[int, list[int]] = {}
        self.joins: set[int] = set()
        self.numbers = count()

    def put(self, tensor: Tensor, legs: list[int], join: bool = False) -> None:
        """One more tensor."""
        number = next(self.numbers)
        self.tensors[number], self.legs[number] = tensor, legs
        for leg in legs:
            self.holders.setdefault(leg, []).append(number)
        if join:
            self.joins.add(number)

    def beside(self, number: int, leg: int) -> int | None:
        """The other tensor of a leg; None where it is open."""
        return next((other for other in self.holders[leg] if other != number), None)

    def take_in(self, one: int, other: int, leg: int) -> None:
        """A tensor of one or two legs goes into another, over their common leg."""
        axis, at = self.legs[one].index(leg), self.legs[other].index(leg)
        merged = np.tensordot(self.tensors[one], self.tensors.pop(other), axes=(axis, at))
        rest = [x for x in self.legs.pop(other) if x != leg]
        self.tensors[one] = np.moveaxis(merged, -1, axis) if rest else merged
        self.legs[one] = [*self.legs[one][:axis], *rest, *self.legs[one][axis + 1 :]]
        for x in rest:
            self.holders[x] = [one if holder == other else holder for holder in self.holders[x]]
        del self.holders[leg]
        self.joins.discard(other)

    def host(self, number: int) -> tuple[int, int] | None:
        """(tensor, leg) that a small tensor goes into: a vector anywhere, a matrix into a join, or from one."""
        legs, tensor = self.legs[number], self.tensors[number]
        near = [(self.beside(number, leg), leg) for leg in legs]
        found = [(other, leg) for other, leg in near if other is not None]
        if len(legs) == 2:
            found = [(other, leg) for other, leg in found if {number, other} & self.joins]
            # What stays is the other leg: the narrower of the two.
            found.sort(key=lambda pair: tensor.shape[1 - legs.index(pair[1])])
        return found[0] if found and len(legs) <= 2 else None


def settled(bench: Bench, sites: dict[int, int]) -> TreeState:
    """The tree that is left when all small tensors have gone into others. sites: ~site of the names that are open."""
    waiting = list(bench.tensors)[::-1]
    while waiting:
        number = waiting.pop()
        host = bench.host(number) if number in bench.tensors else None
        if host is not None:
            bench.take_in(host[0], number, host[1])
            waiting.append(host[0])  # which may be small now
    numbers = _joined_up(bench)
    bonds = {leg: place for place, leg in enumerate(leg for leg, at in bench.holders.items() if len(at) == 2)}
    legs = [[sites[leg] if leg in sites else bonds[leg] for leg in bench.legs[number]] for number in numbers]
    return _in_order([bench.tensors[number] for number in numbers], legs)


def _joined_up(bench: Bench) -> list[int]:
    """The tensors, separate parts joined by bonds of dimension 1 and scalars multiplied into another."""
    scalars = [number for number in bench.tensors if bench.tensors[number].ndim == 0]
    factor = np.prod([bench.tensors.pop(number) for number in scalars])
    numbers = sorted(bench.tensors)
    bench.tensors[numbers[0]] = bench.tensors[numbers[0]] * factor
    fresh, seen, last = max(bench.holders) + 1, set[int](), None
    for number in numbers:
        if number in seen:
            continue
        if last is not None:
            for end in (last, number):
                bench.tensors[end] = bench.tensors[end][..., None]
                bench.legs[end] = [*bench.legs[end], fresh]
            bench.holders[fresh], fresh = [last, number], fresh + 1
        last, part = number, [number]
        while part:
            seen.add(one := part.pop())
            near = (bench.beside(one, leg) for leg in bench.legs[one])
            part += [other for other in near if other is not None and other not in seen]
    return numbers


def _in_order(cores: list[Tensor], legs: list[list[int]]) -> TreeState:
    """As they are, or, where it is one, as a chain in the order of its sites."""
    own = [[~leg for leg in some if leg < 0] for some in legs]
    if all(len(some) == 1 for some in own):
        order = sorted(range(len(cores)), key=lambda core: own[core][0])
        at = {core: place for place, core in enumerate(order)}
        ends: dict[int, list[int]] = {}
        for core in order:
            for leg in legs[core]:
                ends.setdefault(leg, []).append(at[core])
        number = {leg: min(pair) for leg, pair in ends.items() if leg >= 0}
        if all(abs(pair[0] - pair[1]) == 1 for leg, pair in ends.items() if leg >= 0):
            tree, sorted_cores = chain_wiring(len(cores)), []
            for core, wanted in zip(order, tree.legs, strict=True):
                named = [number.get(leg, leg) for leg in legs[core]]
                sorted_cores.append(np.transpose(cores[core], [named.index(leg) for leg in wanted]))
            return tree_state(sorted_cores, tree)
    return tree_state(cores, wiring(legs))
