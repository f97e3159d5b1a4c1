"""How two tensors meet: axes in groups, so that a step is one matrix product without transposes. Used by program.

    a (batch | free_a | summed)  x  b (batch | free_b | summed)  -->  (batch | free_a | free_b)  or free_b first

Axes are labels here: small numbers in the order in which the two operands meet them, so that steps that differ only in
the names of their indices have one Pair, which is how they are found equal.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import NamedTuple

Labels = tuple[int, ...]


class Groups(NamedTuple):
    """The axes of a pair by what becomes of them: kept in both, kept in one, summed."""

    batch: Labels
    free_a: Labels
    free_b: Labels
    summed: Labels


class Operand(NamedTuple):
    """An operand made ready: its axes in the order `order`, which is (batch, free, summed) or, if `leading`,
    (batch, summed, free)."""

    order: Labels
    leading: bool


class _Pair(NamedTuple):
    a: Labels
    b: Labels
    result: Labels


class Pair(_Pair):
    """The labels of two operands and of their result."""

    @cached_property
    def groups(self) -> Groups:
        return groups(self.a, self.b, self.result)

    @cached_property
    def first(self) -> int:
        """Which operand is the left one of the product: 0, a, or 1, b."""
        batch, free_a, free_b, _ = self.groups
        rest = self.result[len(batch) :]
        return 0 if not free_b or (free_a and rest[0] in free_a) else 1

    @cached_property
    def operands(self) -> tuple[Operand, Operand]:
        """How each operand is put in order before a matrix product; an order that is the present one costs nothing.

        The left one ends on the summed axes: XLA's fast products on CPUs want it so, and take the right one either way.
        """
        ready = list(operands(self.a, self.b, self.groups))
        if ready[self.first].leading:
            ready[self.first] = turned(ready[self.first], self.groups)
        return ready[0], ready[1]


def groups(a: Sequence[int], b: Sequence[int], kept: Collection[int]) -> Groups:
    """Groups of the axes of a pair of which `kept` stay, each in the order of the first operand that has it."""
    in_a, in_b, stay = set(a), set(b), set(kept)
    return Groups(
        tuple(i for i in a if i in in_b and i in stay),
        tuple(i for i in a if i not in in_b),
        tuple(i for i in b if i not in in_a),
        tuple(i for i in a if i in in_b and i not in stay),
    )


def operands(a: Labels, b: Labels, parts: Groups) -> tuple[Operand, Operand]:
    """Both operands in order. What is already (batch, x, y) stays; the order of shared axes is a's where that is."""
    batch, free_a, free_b, summed = parts
    for shared in (summed, tuple(i for i in b if i in set(summed))):
        for together in (batch, tuple(i for i in b if i in set(batch))):
            ready = _ready(a, together, free_a, shared), _ready(b, together, free_b, shared)
            if None not in ready:
                return ready  # type: ignore[return-value]
    return (
        _ready(a, batch, free_a, summed) or Operand((*batch, *free_a, *summed), False),
        _ready(b, batch, free_b, summed) or Operand((*batch, *free_b, *summed), False),
    )


def turned(operand: Operand, parts: Groups) -> Operand:
    """The operand (batch, summed, free) as (batch, free, summed)."""
    batch, summed = len(parts.batch), len(parts.summed)
    order = operand.order
    return Operand((*order[:batch], *order[batch + summed :], *order[batch : batch + summed]), False)


def _ready(order: Labels, batch: Labels, free: Labels, summed: Labels) -> Operand | None:
    if order == (*batch, *free, *summed):
        return Operand(order, False)
    if order == (*batch, *summed, *free):
        return Operand(order, True)
    return None


@lru_cache(maxsize=4096)
def arrange(a: Labels, b: Labels, kept: Labels, kinds: tuple[int, ...]) -> Labels:
    """The order of the result's axes that suits the next step best, of those that a product gives as they come.

    kinds: for every label 1 where the next step sums it, 2 where it keeps it as a batch, else 0.
    """
    parts = groups(a, b, kept)
    if not parts.summed:
        return (*a, *parts.free_b)
    ready = operands(a, b, parts)
    batch = ready[0].order[: len(parts.batch)]
    gone = set(parts.batch) | set(parts.summed)
    free = [tuple(i for i in operand.order if i not in gone) for operand in ready]
    orders = [(*batch, *free[first], *free[1 - first]) for first in (0, 1)]
    turns = [len(operand.order) if operand.leading else 0 for operand in ready]  # the left one must not be leading
    costs = [_runs([kinds[i] for i in order], turned) for order, turned in zip(orders, turns, strict=True)]
    return orders[costs.index(min(costs))]


def _runs(kinds: Sequence[int], turns: int) -> tuple[bool, int]:
    """Batches in front are best; else the fewest axes moved, now or before the next step (which sums one run)."""
    runs = 1 + sum(one != other for one, other in pairwise(kinds))
    later = len(kinds) if runs > 2 + (2 in kinds) else 0
    return (2 in kinds and kinds[0] != 2), turns + later
