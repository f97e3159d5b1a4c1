"""In which order the parts of a network meet, for values whose size is known beforehand. Used by grouped and by folds
of measures.

    parts --[merge the two neighbours whose product grows least]--> clusters --> .. --> one

A cluster is known by its shape alone: chi_A, chi_B (what it spans on either side) and the indices it shares with
others. The order depends on the partition: where a cluster lies wholly on one side its chi stays below its bonds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from itertools import combinations, pairwise
from math import copysign, exp, log, log1p, prod
from random import Random
from typing import NamedTuple

HUGE = 10**60  # sizes that no memory holds, and that still can be multiplied as floats
LARGEST = 300.0  # ln of a product that a float holds beside two of these
TRIES, STRAY = 8, 0.4  # more orders where the first is costly, each proposal up to so much less attractive
COSTLY, MANY = 1e5, 2000  # numbers at once that are worth looking for another order; parts for which it takes long
NEAR = 6  # neighbours looked at on one index: a copy index may join thousands


class Shape(NamedTuple):
    """chi_A, chi_B and the open indices of a cluster."""

    a: int
    b: int
    bonds: frozenset[int]


class Merge(NamedTuple):
    """Clusters `left` and `right` become the next one; bonds: what it shares with the rest."""

    left: int
    right: int
    bonds: frozenset[int]


class Order(NamedTuple):
    """Merges of clusters, numbered from the parts on; peak: numbers held at once on the way."""

    merges: tuple[Merge, ...]
    peak: float


class Sizes(NamedTuple):
    """How a measure counts. compressed: chi_A and chi_B of a cluster once made; power: it holds that power of the
    bonds' product (2n for n replicas)."""

    compressed: Callable[[int, int, int], tuple[int, int]]
    power: int = 1


def order(
    shapes: Sequence[Shape], dims: Sequence[int], sizes: Sizes, given: Sequence[float] | None = None,
    opened: Iterable[int] = (),
) -> Order:  # fmt: skip
    """A greedy order, all clusters into one; parts that share nothing meet last, the smallest first.

    given: numbers that each part holds, where that is not its shape's. opened: indices that stay to the end. Of costly
    orders the least of some that stray from greed a little, the same in every process: loops are where greed goes
    wrong.
    """
    held = frozenset(opened)
    first = _Agglomeration(shapes, dims, sizes, given, held).run()
    if first.peak < COSTLY or len(shapes) > MANY:
        return first
    tries = (_Agglomeration(shapes, dims, sizes, given, held, Random(seed)).run() for seed in range(TRIES))
    return min((first, *tries), key=lambda found: found.peak)


class _Agglomeration:
    def __init__(
        self, shapes: Sequence[Shape], dims: Sequence[int], sizes: Sizes, given, opened: frozenset[int],
        stray: Random | None = None,
    ) -> None:  # fmt: skip
        self.dims, self.sizes, self.opened, self.stray = dims, sizes, opened, stray
        self.logs = [log(dim) if dim > 1 else 0.0 for dim in dims]
        self.shapes: list[Shape] = list(shapes)
        self.alive = dict.fromkeys(range(len(shapes)))
        self.on: dict[int, dict[int, None]] = {}
        for number, shape in enumerate(shapes):
            for index in sorted(shape.bonds):
                self.on.setdefault(index, {})[number] = None
        self.heap: list[tuple[float, float, int, int]] = []
        self.size = list(given or map(self._numbers, shapes))  # numbers that each cluster holds
        self.held = self.peak = sum(self.size)

    def run(self) -> Order:
        met: dict[tuple[int, int], None] = {}  # once, however many indices two parts share
        for there in self.on.values():
            some = sorted(there, key=self._alike)  # so that clusters of one side meet, whatever lies between them
            met |= dict.fromkeys(combinations(some, 2) if len(some) <= NEAR else pairwise(some))
        for left, right in met:
            self._propose(left, right)
        merges = []
        while len(self.alive) > 1:
            left, right = self._best()
            merges.append(self._merge(left, right))
        return Order(tuple(merges), self.peak)

    def _best(self) -> tuple[int, int]:
        while self.heap:
            *_, left, right = heappop(self.heap)
            if left in self.alive and right in self.alive:
                return left, right
        left, right = sorted(self.alive, key=self.size.__getitem__)[:2]
        return left, right

    def _joined(self, left: int, right: int) -> tuple[int, int, frozenset[int]]:
        """chi_A and chi_B before they are compressed, and the bonds that stay."""
        x, y = self.shapes[left], self.shapes[right]
        shared = (index for index in x.bonds & y.bonds if len(self.on[index]) == 2 and index not in self.opened)
        return min(x.a * y.a, HUGE), min(x.b * y.b, HUGE), (x.bonds | y.bonds).difference(shared)

    def _alike(self, number: int) -> tuple[int, int, float]:
        return self.shapes[number].b, self.shapes[number].a, self.size[number]

    def _made(self, a: int, b: int, bonds: frozenset[int]) -> Shape:
        return Shape(*self.sizes.compressed(a, b, self._bond(bonds)), bonds)

    def _propose(self, left: int, right: int) -> None:
        """How much is held afterwards comes first, then what is formed on the way."""
        a, b, bonds = self._joined(left, right)
        made = self._made(a, b, bonds)
        grown = self._numbers(made) - self.size[left] - self.size[right]
        if self.stray:
            grown = copysign(log1p(abs(grown)), grown) * (1 + STRAY * self.stray.random())
        heappush(self.heap, (grown, self._numbers(Shape(a, b, bonds)), min(left, right), max(left, right)))

    def _merge(self, left: int, right: int) -> Merge:
        a, b, bonds = self._joined(left, right)
        formed = self._numbers(Shape(a, b, bonds))
        made = self._made(a, b, bonds)
        self.peak = max(self.peak, self.held + 3 * formed)
        self.held += self._numbers(made) - self.size[left] - self.size[right]
        number = len(self.shapes)
        self.shapes.append(made)
        self.size.append(self._numbers(made))
        self._replace(left, right, number, bonds)
        return Merge(left, right, bonds)

    def _replace(self, left: int, right: int, number: int, bonds: frozenset[int]) -> None:
        for old in (left, right):
            del self.alive[old]
            for index in self.shapes[old].bonds:
                self.on[index].pop(old, None)
        self.alive[number] = None
        near: dict[int, None] = {}
        for index in sorted(bonds):
            there = self.on[index]
            near |= dict.fromkeys(list(there)[:NEAR])
            there[number] = None
        for other in near:
            self._propose(other, number)

    def _bond(self, bonds: frozenset[int]) -> int:
        return min(prod(self.dims[index] for index in bonds), HUGE)

    def _numbers(self, shape: Shape) -> float:
        exponent = self.sizes.power * sum(self.logs[index] for index in shape.bonds)
        return float(shape.a) * float(shape.b) * exp(min(exponent, LARGEST))
