"""Chains: products that feed one another in a row, found and carried out as one scan. Uses kinds; used by program.

    start --( x row 0 )--> --( x row 1 )--> .. --( x row n )--> last      one Chain: a period of products, repeated
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import prod
from typing import NamedTuple

from tnsim.contract.kinds import Chain, Link, Meet, Operation, Rows, sources

CACHED = 2**15  # numbers
REPEATS = 8  # fewer are compiled one by one: a loop has its own cost
PERIODS = (1, 2, 3, 4)


class _Joint(NamedTuple):
    """A product that alone goes on with a block: what must repeat for a chain, and its own rows."""

    form: tuple
    rows: Rows
    link: Link


def chained(
    operations: Mapping[int, Operation], shapes: Sequence[tuple[int, ...]], counts: Sequence[int]
) -> dict[int, Operation]:
    """The operations by the block that they make, in order, with chains in place of repeated products."""
    follower = _followers(operations, counts)
    followed = set(follower.values())
    result = dict(operations)
    for start in operations:
        if start in follower and start not in followed:
            run = [start]
            while run[-1] in follower:
                run.append(follower[run[-1]])
            for first, period, repeats in _repeats(run, operations, shapes):
                _replace(result, run[first - 1 : first + period * repeats], period)
    return _inlined(result, shapes, counts)


def _inlined(
    operations: dict[int, Operation], shapes: Sequence[tuple[int, ...]], counts: Sequence[int]
) -> dict[int, Operation]:
    """Products that one chain alone reads are made in it, row by row, where the whole would leave the cache."""
    users: dict[int, set[int]] = {}
    for block, operation in operations.items():
        for source in sources(operation):
            users.setdefault(source, set()).add(block)
    for block, operation in list(operations.items()):
        if isinstance(operation, Chain):
            links = list(operation.links)
            for place, link in enumerate(links):
                inner = operations[link.other]
                alone = users[link.other] == {block} and [other.other for other in links].count(link.other) == 1
                if isinstance(inner, Meet) and alone and counts[link.other] * prod(shapes[link.other]) > CACHED:
                    links[place] = link._replace(inner=inner)
                    del operations[link.other]
            operations[block] = Chain(operation.start, tuple(links))
    return operations


def _followers(operations: Mapping[int, Operation], counts: Sequence[int]) -> dict[int, int]:
    """For each block that one product alone goes on with, row by row: the block that it makes."""
    users: dict[int, list[int]] = {}
    for block, operation in operations.items():
        for source in sources(operation):
            users.setdefault(source, []).append(block)
    found: dict[int, int] = {}
    taken: set[int] = set()
    for block, using in users.items():
        operation = operations[using[0]]
        if len(using) == 1 and isinstance(operation, Meet) and using[0] not in taken:
            rows = operation.rows_a if operation.a == block else operation.rows_b
            if rows == tuple(range(counts[block])) and counts[using[0]] == counts[block]:
                found[block] = using[0]
                taken.add(using[0])
    return found


def _joint(block: int, before: int, operations: Mapping[int, Operation]) -> _Joint:
    meet = operations[block]
    assert isinstance(meet, Meet)
    side = 0 if meet.a == before else 1
    other, rows = (meet.b, meet.rows_b) if side == 0 else (meet.a, meet.rows_a)
    one = len(set(rows)) == 1
    return _Joint((meet.pair, side, other, one), rows[:1] if one else rows, Link(meet.pair, side, other, ()))


def _repeats(
    run: Sequence[int], operations: Mapping[int, Operation], shapes: Sequence[tuple[int, ...]]
) -> Iterator[tuple[int, int, int]]:
    """(place of the first product, period, repeats) of every chain along a run of blocks, none overlapping."""
    joints = [None, *(_joint(block, before, operations).form for before, block in pairwise(run))]
    place = 1
    while place < len(run):
        best = (0, 1, 1)
        for period in PERIODS:
            stop = place + period
            while stop < len(run) and joints[stop] == joints[stop - period]:
                stop += 1
            repeats = (stop - place) // period
            if repeats >= REPEATS and shapes[run[place - 1]] == shapes[run[place + period - 1]]:
                best = max(best, (period * repeats, -period, repeats))
        if best[0]:
            yield place, -best[1], best[2]
        place += max(best[0], 1)


def _replace(result: dict[int, Operation], run: Sequence[int], period: int) -> None:
    """Put one chain in place of the products along run[1:]; run[0] is where it starts."""
    found = [_joint(block, before, result) for before, block in pairwise(run)]
    links = tuple(
        found[phase].link._replace(rows=tuple(joint.rows for joint in found[phase::period])) for phase in range(period)
    )
    for block in run[1:-1]:
        del result[block]
    result[run[-1]] = Chain(run[0], links)
