"""The kinds of operations that a program is made of, each of which makes one block. Uses layout; used by program.

    Read: bank --> block      Tidy: block --> block      Meet: block x block --> block      Chain: Meet after Meet

A block is a stack of tensors of one shape, (rows, axes ..).
"""

from __future__ import annotations

from typing import NamedTuple

from tnsim.contract.layout import Pair

Rows = tuple[int, ...]


class Read(NamedTuple):
    """A block from a bank: all of its rows, or those of `slots`, at one number of the sliced `axes` (axis, sliced)."""

    bank: str
    shape: tuple[int, ...]
    slots: Rows | None
    axes: tuple[tuple[int, int], ...]


class Tidy(NamedTuple):
    """Rows of a block with diagonals taken and lonely axes summed: labels -> kept."""

    block: int
    rows: Rows
    labels: tuple[int, ...]
    kept: tuple[int, ...]


class Meet(NamedTuple):
    """Rows of block a with rows of block b, row by row."""

    a: int
    rows_a: Rows
    b: int
    rows_b: Rows
    pair: Pair


class Link(NamedTuple):
    """One product of a chain, repeated: the carried block is a where `side` is 0, b where it is 1.

    The other operand is `rows[k]` of the block `other` in repeat k; or, with `inner`, these rows of a product that is
    never made as a whole: what is made and used at once stays in the cache.
    """

    pair: Pair
    side: int
    other: int
    rows: tuple[Rows, ...]
    inner: Meet | None = None

    @property
    def operands(self) -> tuple[tuple[int, Rows], ...]:
        """The blocks that are read, and their rows of all repeats, one after the other."""
        rows = tuple(row for repeat in self.rows for row in repeat)
        if self.inner is None:
            return ((self.other, rows),)
        inner = self.inner
        return (
            (inner.a, tuple(inner.rows_a[row] for row in rows)), (inner.b, tuple(inner.rows_b[row] for row in rows))
        )  # fmt: skip


class Chain(NamedTuple):
    """A block carried through the same products again and again, each time with other rows of the same blocks."""

    start: int
    links: tuple[Link, ...]

    @property
    def repeats(self) -> int:
        return len(self.links[0].rows)


Operation = Read | Tidy | Meet | Chain


def sources(operation: Operation) -> tuple[int, ...]:
    """The blocks that an operation reads."""
    if isinstance(operation, Meet):
        return (operation.a, operation.b)
    if isinstance(operation, Chain):
        return (operation.start, *(block for link in operation.links for block, _ in link.operands))
    return (operation.block,) if isinstance(operation, Tidy) else ()


def single(rows: Rows) -> bool:
    """Are these rows one row, for all?"""
    return len(set(rows)) == 1
