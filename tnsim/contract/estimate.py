"""How much memory a program holds at once, before it runs. Uses program and layout; used by plan and slicing.

    banks, always (twice in a loop)  +  the whole result  +  blocks until their last use  +  copies of operands
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from tnsim.contract.kinds import Chain, Link, Operation, Read, Tidy, single, sources
from tnsim.contract.program import Program
from tnsim.contract.steps import opened_of, size
from tnsim.network import Network


def peak(network: Network, program: Program, sliced: bool) -> int:
    """Numbers alive at once: what is read, the result and, at the worst operation, blocks and copies."""
    banks = sum(prod(shape) for shape in network.bank_shapes.values())
    whole = size(opened_of(network), network.dims.tolist())
    inner = max(_alive(program), default=0)
    return (banks + whole) * (2 if sliced else 1) + inner  # a loop over slices has its own copies


def _alive(program: Program) -> Iterator[int]:
    """Numbers of blocks and copies at each operation; the last block is the result, or added to it."""
    numbers = {block: _numbers(program, block) for block in program.made}
    last = {source: place for place, operation in enumerate(program.operations) for source in sources(operation)}
    alive = 0
    for place, (block, operation) in enumerate(zip(program.made, program.operations, strict=True)):
        if isinstance(operation, Read) and operation.slots is None:
            numbers[block] = 0  # the bank itself
        copies = copied(program, operation)
        made = numbers[block] if block != program.last else 0
        done = {source for source in sources(operation) if last[source] == place}
        turned = sum(numbers[source] for source in done) if copies else 0  # gone once it is copied, before the product
        yield max(alive + copies, alive + copies + made - min(turned, copies))
        alive += made - sum(numbers[source] for source in done)


def _numbers(program: Program, block: int) -> int:
    return len(program.uses[block]) * prod(program.shapes[block])


def copied(program: Program, operation: Operation) -> int:
    """Numbers that are copied before a matrix product: rows that are not the whole block, axes out of order."""
    if isinstance(operation, (Read, Tidy)):
        return 0
    if isinstance(operation, Chain):
        return sum(_looped(program, link) for link in operation.links)
    if not operation.pair.groups.summed:
        return 0
    pair, (ready_a, ready_b) = operation.pair, operation.pair.operands
    return _copy(program, operation.a, operation.rows_a, pair.a != ready_a.order) + _copy(
        program, operation.b, operation.rows_b, pair.b != ready_b.order
    )


def _looped(program: Program, link: Link) -> int:
    """A loop has its own copy of what it goes along, and makes inner products one by one."""
    moved = sum(_copy(program, block, rows, not single(rows)) for block, rows in link.operands)
    return moved + (0 if link.inner is None else len(link.rows[0]) * prod(program.shapes[link.other]))


def _copy(program: Program, block: int, rows: tuple[int, ...], turned: bool) -> int:
    count = 1 if len(set(rows)) == 1 else len(rows)
    whole = rows == tuple(range(len(program.uses[block])))
    return 0 if whole and not turned else count * prod(program.shapes[block])


