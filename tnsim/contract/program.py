"""A path as few batched operations: equal steps together, equal subtrees once. Uses steps and layout; used by execute.

    steps of one depth, axes and blocks  -->  class: rows of block a  x  rows of block b  -->  a new block
                                              (equal rows once)                               (rows, axes ..)

A block is a stack of tensors of one shape; banks are the first blocks. Tracing and compiling follow the classes, not
the steps. Large tensors are blocks of their own, so that nothing is copied to put them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import heapify, heappop, heappush
from math import inf, prod
from typing import Any

from tnsim.contract.chains import chained
from tnsim.contract.kinds import Meet, Operation, Read, Rows, Tidy, single, sources
from tnsim.contract.layout import Pair, arrange
from tnsim.contract.steps import Term, Walk, walk
from tnsim.network import Network

SMALL = 2**15  # numbers: larger tensors are not stacked where that would copy them
STACK = 2**23  # numbers: no larger stack is made, as it is alive all at once
Path = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class Program:
    """What to do, in order: operation k makes block `made[k]`. shapes: of one row of each block; counts: its rows;
    uses: in how many places of the network each row stands; order: the axes of the last block, as indices."""

    operations: tuple[Operation, ...]
    made: tuple[int, ...]
    shapes: tuple[tuple[int, ...], ...]
    uses: tuple[Rows, ...]
    order: Term
    opened: Term

    @property
    def last(self) -> int:
        return self.made[-1]


@lru_cache(maxsize=128)
def program(network: Network, path: Path, sliced: tuple[int, ...] = (), small: int = SMALL) -> Program:
    """The operations along a path; of one slice where indices are sliced. small=0 puts no steps together."""
    builder = _Builder(walk(network, path, sliced), small)
    builder.read(network, sliced)
    builder.meet()
    return builder.finish()


class _Builder:
    """Tensors, as they are made, by block and row."""

    def __init__(self, found: Walk, small: int) -> None:
        self.walk, self.small = found, small
        self.first = len(found.terms)
        self.at: dict[int, tuple[int, int]] = {}  # tensor: block, row
        self.axes: dict[int, Term] = dict(enumerate(found.terms))  # tensor: its indices in the order of its axes
        self.operations: list[Operation] = []
        self.shapes: list[tuple[int, ...]] = []
        self.uses: list[Rows] = []
        self.stamps: list[int] = []  # the last step that a block takes part in making
        self.ends = {index: inf for index in found.opened}  # step in which an index is summed
        self.consumer: dict[int, int] = {}
        for number, step in enumerate(found.steps):
            self.consumer |= dict.fromkeys(step.operands, number)
            self.ends |= dict.fromkeys({i for term in step.terms for i in term} - set(step.kept), number)

    def read(self, network: Network, sliced: Sequence[int]) -> None:
        """Blocks of the banks; tensors that a slice cuts in other axes than their neighbours in other blocks."""
        numbers = {index: place for place, index in enumerate(sliced)}
        tensor = 0
        for stack in network.stacks:
            cuts: dict[tuple[tuple[int, int], ...], list[tuple[int, int]]] = {}
            for slot, legs in zip(stack.slots.array.tolist(), stack.legs.array.tolist(), strict=True):
                axes = tuple((axis, numbers[index]) for axis, index in enumerate(legs) if index in numbers)
                cuts.setdefault(axes, []).append((tensor, slot))
                tensor += 1
            for axes, members in cuts.items():
                slots = tuple(sorted({slot for _, slot in members})) if axes else tuple(range(max(stack.copies, 1)))
                row = {slot: place for place, slot in enumerate(slots)}
                gone = {axis for axis, _ in axes}
                shape = tuple(dim for axis, dim in enumerate(stack.shape) if axis not in gone)
                rows: list[list[int]] = [[] for _ in slots]
                for number, slot in members:
                    rows[row[slot]].append(number)
                self._add(Read(stack.bank, stack.shape, slots if axes else None, axes), shape, rows, -1)

    def _add(self, operation: Operation, shape: tuple[int, ...], rows: Sequence[Sequence[int]], stamp: int) -> None:
        block = len(self.operations)
        self.operations.append(operation)
        self.shapes.append(shape)
        self.stamps.append(stamp)
        self.uses.append(tuple(len(members) for members in rows))
        for row, members in enumerate(rows):
            self.at |= dict.fromkeys(members, (block, row))

    def meet(self) -> None:
        """All steps, depth by depth, in classes."""
        depth = dict.fromkeys(range(self.first), 0)
        levels: list[list[int]] = []
        for number, step in enumerate(self.walk.steps):
            level = max(depth[operand] for operand in step.operands)
            depth[self.first + number] = level + 1
            levels.extend([] for _ in range(level + 1 - len(levels)))
            levels[level].append(number)
        for numbers in levels:
            classes: dict[tuple, dict[Rows, list[int]]] = {}
            for number in numbers:
                key, rows = self._key(number)
                classes.setdefault(key, {}).setdefault(rows, []).append(number)
            for key, members in classes.items():
                for together in self._stacks(key, members):
                    self._class(key, together)

    def _stacks(self, key: tuple, members: dict[Rows, list[int]]) -> list[dict[Rows, list[int]]]:
        """A class in one, or its members one by one where the tensors are large and would be copied, or too many."""
        blocks, _, _, sizes = key
        whole = True
        for block, size, rows in zip(blocks, sizes, zip(*sorted(members), strict=True), strict=False):
            whole &= size <= self.small or single(rows) or rows == tuple(range(len(self.uses[block])))
        fits = sizes[-1] <= self.small or len(members) * sizes[-1] <= STACK
        if self.small and whole and fits:
            return [members]
        return [{rows: steps} for rows, steps in members.items()]

    def _key(self, number: int) -> tuple[tuple, Rows]:
        """What a step shares with all steps of its class, and the rows that are its own."""
        step = self.walk.steps[number]
        # More axes first: the first product of a chain, with a block from elsewhere, is then like the others.
        tensors = sorted(step.operands, key=lambda tensor: (-len(self.axes[tensor]), self.at[tensor]))
        orders = [self.axes[tensor] for tensor in tensors]
        kept = set(step.kept)
        label = {index: place for place, index in enumerate(dict.fromkeys(i for order in orders for i in order))}
        labelled = tuple(tuple(label[index] for index in order) for order in orders)
        made = self._order(number, labelled, list(label), kept) if len(orders) == 2 else step.kept
        self.axes[self.first + number] = made
        blocks, rows = zip(*(self.at[tensor] for tensor in tensors), strict=True)
        dims = self.walk.dims
        sizes = tuple(prod(dims[i] for i in order) for order in (*orders, made))
        return (blocks, labelled, tuple(label[index] for index in made), sizes), rows

    def _order(self, number: int, labelled: Any, names: list[int], kept: set[int]) -> Term:
        """The axes of a product in the order that suits the step after it."""
        stay = tuple(place for place, index in enumerate(names) if index in kept)
        after = self.consumer.get(self.first + number, -1)
        shared = set(self.walk.steps[after].kept) if after >= 0 else set()
        other = self._partner(after, self.first + number)
        kinds = tuple(0 if index not in other else 2 if index in shared else 1 for index in names)
        return tuple(names[label] for label in arrange(labelled[0], labelled[1], stay, kinds))

    def _partner(self, after: int, tensor: int) -> set[int]:
        """The indices of the tensor that is met next."""
        if after < 0:
            return set()
        step = self.walk.steps[after]
        return {i for number, term in zip(step.operands, step.terms, strict=True) if number != tensor for i in term}

    def _class(self, key: tuple, members: dict[Rows, list[int]]) -> None:
        blocks, labelled, made, _ = key
        ordered = sorted(members.items())
        columns = list(zip(*(rows for rows, _ in ordered), strict=True))
        if len(blocks) == 2:
            pair = Pair(labelled[0], labelled[1], made)
            operation: Operation = Meet(blocks[0], columns[0], blocks[1], columns[1], pair)
        else:
            operation = Tidy(blocks[0], columns[0], labelled[0], made)
        steps = [numbers for _, numbers in ordered]
        shape = tuple(self.walk.dims[index] for index in self.axes[self.first + steps[0][0]])
        tensors = [[self.first + number for number in numbers] for numbers in steps]
        self._add(operation, shape, tensors, max(max(numbers) for numbers in steps))

    def finish(self) -> Program:
        """Operations in an order close to the path's, so that what is made is used soon."""
        waiting = [len(set(sources(operation))) for operation in self.operations]
        users: list[list[int]] = [[] for _ in self.operations]
        for block, operation in enumerate(self.operations):
            for source in set(sources(operation)):
                users[source].append(block)
        ready = [(self.stamps[block], block) for block, count in enumerate(waiting) if not count]
        heapify(ready)
        made: list[int] = []
        while ready:
            _, block = heappop(ready)
            made.append(block)
            for user in users[block]:
                waiting[user] -= 1
                if not waiting[user]:
                    heappush(ready, (self.stamps[user], user))
        return self._program(made)

    def _program(self, made: list[int]) -> Program:
        root = self.first + len(self.walk.steps) - 1
        last = self.at[root][0]
        made = [*(block for block in made if block != last), last]
        plain = {block: self.operations[block] for block in made}
        found = chained(plain, self.shapes, [len(rows) for rows in self.uses]) if self.small else plain
        return Program(
            tuple(found.values()), tuple(found), tuple(self.shapes), tuple(self.uses), self.axes[root], self.walk.opened
        )
