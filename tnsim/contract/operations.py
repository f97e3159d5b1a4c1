"""The operations of a program on arrays: rows taken from blocks, products row by row. Uses layout; used by execute.

    block (rows, axes ..) --[take: whole, strided, one row, gathered]--> operand --[meet: one matrix product]--> block

An operand that is one row for all is not repeated: its product with all rows is one larger matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Num

from tnsim.contract.layout import Labels, Operand, Pair

Block = Num[Array, "..."]  # (rows, *axes)


LARGE = 2**14  # numbers: from here on a slice's faster copy is worth its own compilation


def take(block: Block, rows: tuple[int, ...]) -> Block:
    """These rows of a block; one row where all are the same.

    Few numbers are gathered also where a slice would do: XLA compiles a gather once for all of one shape, since its
    places are an operand, but a slice, whose place is part of the code, once for each (3.7 s against 0.3 s for 60).
    """
    count = 1 if len(set(rows)) == 1 else len(rows)
    if rows[:count] == tuple(range(block.shape[0])):
        return block
    first, step = rows[0], rows[1] - rows[0] if count > 1 else 1
    even = step > 0 and rows[:count] == tuple(range(first, first + count * step, step))
    if even and count * prod(block.shape[1:]) >= LARGE:
        return lax.slice_in_dim(block, first, first + (count - 1) * step + 1, step)
    return _gather(block, rows[:count])


def _gather(block: Block, rows: tuple[int, ...]) -> Block:
    """Rows gathered; one row in parts along its axes, as XLA makes a slice of a gather of one."""
    parts = 1
    for dim in block.shape[1:] if len(rows) == 1 else ():
        parts *= dim
        if parts > 1:
            break
    flat = block.reshape(block.shape[0] * parts, -1)
    places = np.array([row * parts + part for row in rows for part in range(parts)], dtype=np.int32)[:, None]
    numbers = lax.GatherDimensionNumbers(offset_dims=(1,), collapsed_slice_dims=(0,), start_index_map=(0,))
    mode = lax.GatherScatterMode.PROMISE_IN_BOUNDS
    found = lax.gather(flat, places, numbers, (1, flat.shape[1]), unique_indices=len(set(rows)) == len(rows), mode=mode)
    return found.reshape(len(rows), *block.shape[1:])


def tidy(block: Block, labels: Labels, kept: Labels) -> Block:
    """Diagonals and sums within each row."""
    rows = max(labels, default=0) + 1
    return jnp.einsum(block, [rows, *labels], [rows, *kept])


def meet(a: Block, b: Block, pair: Pair, precision: lax.Precision | None = None) -> Block:
    """The products of two blocks, row by row; one with a single row meets all rows of the other."""
    if not pair.groups.summed:
        return _multiply(a, b, pair)
    parts, (ready_a, ready_b) = pair.groups, pair.operands
    sizes = dict(zip((*pair.a, *pair.b), (*a.shape[1:], *b.shape[1:]), strict=True))
    one = _side(a, pair.a, ready_a, len(parts.batch), len(parts.summed))
    other = _side(b, pair.b, ready_b, len(parts.batch), len(parts.summed))
    left, right = (other, one) if pair.first else (one, other)
    out = _matmul(left.array, right.array, (left.leading, right.leading), precision)
    return out.reshape(out.shape[0], *(sizes[label] for label in pair.result))


def turn(block: Block, order: Sequence[int]) -> Block:
    """The axes of each row in another order; axes that stay side by side move as one, for faster and fewer kernels."""
    runs: list[list[int]] = []
    for axis in (0, *(1 + axis for axis in order)):
        if runs and runs[-1][-1] + 1 == axis:
            runs[-1].append(axis)
        else:
            runs.append([axis])
    first = sorted(runs)
    merged = block.reshape([prod(block.shape[axis] for axis in run) for run in first])
    turned = lax.transpose(merged, [first.index(run) for run in runs])
    return turned.reshape([block.shape[axis] for run in runs for axis in run])


class _Side(NamedTuple):
    """An operand as (rows, batch, x, y): x its free axes and y the summed ones, or the other way round if leading."""

    array: Num[Array, "rows batch x y"]
    leading: bool


def _side(block: Block, labels: Labels, ready: Operand, batch: int, summed: int) -> _Side:
    if ready.order != labels:
        block = turn(block, [labels.index(label) for label in ready.order])
    dims, rest = block.shape[1:], len(labels) - batch
    cut = batch + (summed if ready.leading else rest - summed)
    shape = (block.shape[0], prod(dims[:batch]), prod(dims[batch:cut]), prod(dims[cut:]))
    return _Side(block.reshape(shape), ready.leading)


def _matmul(
    left: Num[Array, "rows_l batch _ _"], right: Num[Array, "rows_r batch _ _"], leading: tuple[bool, bool],
    precision: lax.Precision | None,
) -> Num[Array, "rows batch free_l free_r"]:  # fmt: skip
    """Sum the last axis of both, or the one before it where it is leading."""
    rows = max(left.shape[0], right.shape[0])
    axes = [2 if lead else 3 for lead in leading]
    if left.shape[0] == right.shape[0]:
        batch = rows * left.shape[1]
        one, other = (x.reshape(batch, *x.shape[2:]) for x in (left, right))
        numbers = (((axes[0] - 1,), (axes[1] - 1,)), ((0,), (0,)))
        out = lax.dot_general(one, other, numbers, precision=precision)
        return out.reshape(rows, left.shape[1], *out.shape[1:])
    swapped = left.shape[0] == 1  # the side of many rows goes first, so that rows stay in front
    many, single = (right, left) if swapped else (left, right)
    many_axis, single_axis = (axes[1], axes[0]) if swapped else (axes[0], axes[1])
    numbers = (((many_axis,), (single_axis - 1,)), ((1,), (0,)))
    out = lax.dot_general(many, single[0], numbers, precision=precision)  # (batch, rows, free of many, free of single)
    return jnp.transpose(out, (1, 0, 3, 2) if swapped else (1, 0, 2, 3))


def _multiply(a: Block, b: Block, pair: Pair) -> Block:
    """Elementwise over the axes of the result."""
    return _spread(a, pair.a, pair.result) * _spread(b, pair.b, pair.result)


def _spread(block: Block, labels: Labels, wanted: Sequence[int]) -> Block:
    """Axes in the wanted order, of size 1 where the block has none."""
    order = sorted(range(len(labels)), key=lambda axis: wanted.index(labels[axis]))
    if order != list(range(len(order))):
        block = turn(block, order)
    dims = iter(block.shape[1:])
    return block.reshape(block.shape[0], *(next(dims) if label in labels else 1 for label in wanted))
