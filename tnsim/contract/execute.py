"""A program carried out on banks, with one log-scale for all of it on request. Uses program and operations.

    banks --[read]--> blocks --[operations in order]--> the last block: one row, the tensor over the open indices

Used by slices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, Num

from tnsim.contract.kinds import Chain, Meet, Operation, Read, Tidy, single, sources
from tnsim.contract.operations import Block, meet, take, tidy
from tnsim.contract.program import Program


class How(NamedTuple):
    """scaled: keep every row at peak 1 and the logarithms apart; precision: of matrix products, JAX's names."""

    scaled: bool = False
    precision: str | None = None


PLAIN = How()


class State(NamedTuple):
    """Blocks made so far, by number; log_scale: of the whole product, so far; raw: blocks that took no scale."""

    blocks: dict[int, Block]
    log_scale: Float[Array, ""] | float = 0.0
    raw: frozenset[int] = frozenset()


def fixed(program: Program) -> frozenset[int]:
    """The blocks that are the same in all slices."""
    varying: set[int] = set()
    for block, operation in zip(program.made, program.operations, strict=True):
        cut = isinstance(operation, Read) and bool(operation.axes)
        if cut or varying.intersection(sources(operation)):
            varying.add(block)
    return frozenset(program.made) - varying


def advance(
    program: Program, wanted: Iterable[int], state: State, banks: Mapping[str, Any], at: Int[Array, "sliced"] | None,
    how: How = PLAIN,
) -> State:  # fmt: skip
    """Make the wanted blocks, in the program's order. banks: of one dtype; at: the number of each sliced index."""
    wanted = set(wanted)
    for block, operation in zip(program.made, program.operations, strict=True):
        if block not in wanted:
            continue
        if isinstance(operation, Chain):
            state = _chain(program, block, operation, state, how)
            continue
        made = _make(operation, state.blocks, banks, at, how)
        if how.scaled and not isinstance(operation, Read):
            state = _scaled(program, block, operation, made, state, how)
        else:
            state = state._replace(blocks={**state.blocks, block: made})
    return state


def _make(operation: Operation, blocks: Mapping[int, Block], banks: Mapping[str, Any], at, how: How) -> Block:
    if isinstance(operation, Read):
        return _read(operation, banks[operation.bank], at)
    if isinstance(operation, Tidy):
        return tidy(take(blocks[operation.block], operation.rows), operation.labels, operation.kept)
    assert isinstance(operation, Meet)
    a, b = take(blocks[operation.a], operation.rows_a), take(blocks[operation.b], operation.rows_b)
    return meet(a, b, operation.pair, _precision(how))


def _precision(how: How) -> lax.Precision | None:
    return None if how.precision is None else lax.Precision(how.precision)


def _chain(program: Program, block: int, chain: Chain, state: State, how: How) -> State:
    """One scan over the repeats; rows that are the same in all stay outside."""
    operands = [operand for link in chain.links for operand in link.operands]
    still = [single(rows) for _, rows in operands]
    taken = [take(state.blocks[source], rows) for source, rows in operands]
    moving = [
        part.reshape(chain.repeats, -1, *part.shape[1:]) for part, same in zip(taken, still, strict=True) if not same
    ]
    uses = program.uses[block]

    def repeat(carried: tuple[Block, Any], moved: list[Block]) -> tuple[tuple[Block, Any], None]:
        value, log_scale = carried
        left = iter(moved)
        parts = iter([part if same else next(left) for part, same in zip(taken, still, strict=True)])
        for link in chain.links:
            other = next(parts)
            if link.inner is not None:
                other = meet(other, next(parts), link.inner.pair, _precision(how))
                other, log_scale = _unit(other, log_scale, uses, how)
            value = meet(*((other, value) if link.side else (value, other)), link.pair, _precision(how))
            value, log_scale = _unit(value, log_scale, uses, how)
        return (value, log_scale), None

    value = state.blocks[chain.start]
    start = jnp.asarray(state.log_scale, jnp.abs(jnp.zeros((), value.dtype)).dtype)
    (value, log_scale), _ = lax.scan(repeat, (value, start), moving)
    return State({**state.blocks, block: value}, log_scale, state.raw)


def _read(operation: Read, bank: Num[Array, "..."], at: Int[Array, "sliced"] | None) -> Block:
    block = bank.reshape(-1, *operation.shape)
    if operation.slots is not None:
        block = take(block, operation.slots)
    for axis, number in sorted(operation.axes, reverse=True):
        assert at is not None
        block = lax.dynamic_index_in_dim(block, at[number], axis + 1, keepdims=False)
    return block


def _scaled(program: Program, block: int, operation: Operation, made: Block, state: State, how: How) -> State:
    """Add a block at peak 1 a row. A product without sums of such rows has none above 1: the next takes its scale."""
    plain = isinstance(operation, Meet) and not operation.pair.groups.summed
    if plain and not state.raw.intersection(sources(operation)) and block != program.last:
        return State({**state.blocks, block: made}, state.log_scale, state.raw | {block})
    value, log_scale = _unit(made, state.log_scale, program.uses[block], how)
    return State({**state.blocks, block: value}, log_scale, state.raw)


def _unit(made: Block, log_scale: Any, uses: tuple[int, ...], how: How) -> tuple[Block, Any]:
    """Rows at peak 1, and the log-scale of the whole with theirs, each as often as the row is used."""
    if not how.scaled:
        return made, log_scale
    uses = uses if len(uses) == len(made) else (sum(uses),)
    axes = tuple(range(1, made.ndim))
    # A constant on purpose: neither the value times exp(log_scale) nor its gradient depends on it.
    peak = lax.stop_gradient(jnp.abs(made).max(axis=axes, keepdims=True))
    peak = jnp.where(peak > 0, peak, 1)
    logs = jnp.log(peak.reshape(-1)) * np.asarray(uses, dtype=peak.dtype)
    return made / peak.astype(made.dtype), log_scale + jnp.sum(logs)
