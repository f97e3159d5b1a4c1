"""The algebra of scores: a vector a node and sample, its scale taken by exact powers of two. Uses fold, products.

    below (n, r_in, batch) --[conv]--> (n, r_out, batch) --[times 2^-e, product over windows]--> (nodes, r_out, batch)

e is that of each vector's own peak, found in one pass over the vectors, or, in waves between two of those, that of the
peak of the matrix which made it, found in one pass over a bank. The scale is one more factor of the product that pools,
so that no wave is written twice. A power of two rounds nothing, and no logarithm is taken: exponents are added up at
the end.
Few operations a wave: tracing and compiling them takes longer than running them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial, reduce
from math import log
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, Num

from tnsim.contract import fold as folds
from tnsim.contract.execution import Execution
from tnsim.contract.fold import Scaled
from tnsim.contract.products import Product, looped, product, spread, suits_loops
from tnsim.contract.schedule import Schedule, Wave

Value = Num[Array, "n r batch"]
LONG = 4  # factors of peak 1 in one product; more could leave float32's range before the next scale
MOST = 4  # waves of at least a quarter of the largest one's work: seven eighths of a binary tree's
APART = 4  # factors that the waves between two scales may multiply: see `_own_scales`


def folded(schedule: Schedule, banks: Mapping[str, Any], leaves: Scaled, execution: Execution) -> Scaled:
    """Leaves (n, r, batch) carried through all waves of a schedule, one scale a node and sample.

    Which node a sample's scale stands at means nothing: they are all multiplied in the end. With remat=True the
    backward pass keeps the ends of the levels alone.
    """
    if not schedule.waves:
        return leaves
    if execution.rescale == "always":
        return _always(schedule, banks, leaves, execution)
    value, factors, logs = jnp.asarray(leaves.value), [], leaves.log_scale.sum(0)
    heavy = _heavy(schedule)
    own = _own_scales(schedule, banks, value.shape[2], heavy)
    for wave in schedule.waves:
        multiply = _product(wave, value, execution, wave in heavy)
        level = partial(_level, wave, multiply) if wave in own else partial(_between, wave, multiply)
        kept = jax.checkpoint(level) if execution.remat is True else level
        value, factor, log_scale = kept(banks[wave.bank], value)
        factors.append(jnp.broadcast_to(factor[:, 0], (wave.positions, value.shape[2])))
        logs = logs if log_scale is None else logs + log_scale
    logs = logs - log(2) * exponents(jnp.concatenate(factors)).astype(logs.dtype)
    others = jnp.zeros((len(value) - 1, value.shape[2]), logs.dtype)
    return Scaled(value, jnp.concatenate([logs[None], others]))


def _always(schedule: Schedule, banks: Mapping[str, Any], leaves: Scaled, execution: Execution) -> Scaled:
    """The fold of stacked arrays, with a scale at every product."""
    algebra, values = folds.stacked(product(execution), axes=(-2,)), leaves
    for wave in schedule.waves:
        level = lambda bank, values, wave=wave: algebra.pool(wave, algebra.conv(wave, bank, values))  # noqa: E731
        values = (jax.checkpoint(level) if execution.remat is True else level)(banks[wave.bank], values)
    return values


def _heavy(schedule: Schedule) -> set[Wave]:
    """The waves that hold most of the work; the others are written for fast compilation."""
    work = {wave: wave.positions * wave.dim_in * wave.dim_out for wave in schedule.waves}
    return {wave for wave, cost in work.items() if MOST * cost >= max(work.values())}


def _product(wave: Wave, value: Value, execution: Execution, heavy: bool) -> Product:
    """The product of a wave: of few channels with a shared matrix spread, and where it is heavy a gradient by loops."""
    plain = product(execution)
    if not suits_loops((wave.dim_out, wave.dim_in), value.shape[2], value.dtype):
        return plain
    if not heavy or execution.compute or execution.accumulate:
        return lambda rows, below: plain(spread(rows, len(below)), below)
    return lambda rows, below: looped(spread(rows, len(below)), below, execution.precision)


def _own_scales(schedule: Schedule, banks: Mapping[str, Any], batch: int, heavy: set[Wave]) -> set[Wave]:
    """The waves whose vectors take a scale of their own: the first, and those after which more than APART factors met.

    Between them matrices of peak 1 act on vectors that began with peak 1. In float32 (2^-126 to 2^127), up to 4096
    channels and entries below 2^28, which count before their scale is taken, nothing can leave the range above: one
    matrix lets a vector grow by 2^13, three waves of pairs from 2^2 to 2^99. Below, 2^-28 is what three waves take
    where each matrix takes 2^-4; the rest, 2^-98, is for vectors whose terms cancel. Light waves have their own scales,
    which compile faster, and so have waves of fewer samples than the bank has columns: to pass over the vectors is
    cheaper there.
    """
    own, met = set(), APART + 1
    for wave in schedule.waves:
        window = wave.children.array.shape[1]
        cheap = wave in heavy and banks[wave.bank].size <= wave.positions * wave.dim_out * batch
        met = met * window
        if met > APART or not cheap or window > LONG:
            own.add(wave)
            met = 1
    return own


def _level(wave: Wave, multiply: Product, bank: Num[Array, "copies r_out r_in"], value: Value):
    """(value of the nodes, the scales taken, what a long window took besides)."""
    moved = multiply(bank_rows(wave, bank), value)
    factor = scale_of(lax.stop_gradient(lax.reduce_max(lax.abs(moved), (1,)))[:, None])
    if wave.children.array.shape[1] > LONG:
        nothing = jnp.zeros((len(moved), moved.shape[2]), factor.dtype)
        pooled = folds.pool(wave, Scaled(moved * factor, nothing), (-2,))
        return pooled.value, factor, pooled.log_scale.sum(0)
    return _multiplied(wave, moved * factor), factor, None


def _between(wave: Wave, multiply: Product, bank: Num[Array, "copies r_out r_in"], value: Value):
    """As `_level`, with the scales of the matrices, which are the same for all samples."""
    by_column = lax.optimization_barrier(lax.reduce_max(lax.abs(bank), (1,)))  # kept apart: vectorised
    peaks = lax.reduce_max(by_column, (1,))
    factor = bank_rows(wave, scale_of(lax.stop_gradient(peaks)[:, None, None]))
    factor = jnp.broadcast_to(factor, (wave.positions, 1, 1))
    moved = multiply(bank_rows(wave, bank), value)
    return _multiplied(wave, moved * factor), factor, None


def bank_rows(wave: Wave, bank: Num[Array, "copies ..."]) -> Num[Array, "rows ..."]:
    """Each position's row of a bank; one for all of a shared one."""
    return bank if wave.slots is None or len(bank) == 1 else bank[wave.slots.array]


def pooled(wave: Wave, value: Value) -> Num[Array, "nodes r batch"]:
    """Plain products over the windows, by halving, for values near 1: no scale is taken."""
    factors = windowed(wave, value)
    while (length := factors.shape[1]) > 1:
        even, odd = (lax.slice_in_dim(factors, start, length - length % 2, 2, 1) for start in (0, 1))
        left = lax.slice_in_dim(factors, length - length % 2, length, 1, 1)
        factors = even * odd if length % 2 == 0 else jnp.concatenate([even * odd, left], 1)
    return factors[:, 0]


def scale_of(peak: Float[Array, "..."]) -> Float[Array, "..."]:
    """2^-e with peak * 2^-e in [1, 2); 1 for a peak of zero, and for those below the smallest normal number.

    The exponent is read off the number's own bits. Above half of the largest number the scaled peak is in [2, 4), as
    2^-e must be a normal number itself; infinity stays infinite.
    """
    kind, bits, one = _layout(peak.dtype)
    field = lax.bitcast_convert_type(peak, bits) & bits.type(-1 << kind.nmant)
    field = lax.select(field == 0, lax.full_like(field, one), field)
    field = lax.min(field, lax.full_like(field, 2 * one - (1 << kind.nmant)))
    return lax.bitcast_convert_type(bits.type(2 * one) - field, peak.dtype)


def exponents(factors: Float[Array, "n batch"]) -> Int[Array, "batch"]:
    """The sum over n of the exponents of powers of two."""
    kind, bits, one = _layout(factors.dtype)
    fields = lax.bitcast_convert_type(factors, bits) >> kind.nmant
    return fields.sum(0, dtype=np.int32) - np.int32(len(factors) * (one >> kind.nmant))


def _layout(dtype) -> tuple[Any, np.dtype, int]:
    """(limits of a floating type, the integers of its size, the bits of its one)."""
    kind = jnp.finfo(dtype)
    return kind, np.dtype(f"int{kind.bits}"), int((1 - kind.minexp) << kind.nmant)


def windowed(wave: Wave, x: Num[Array, "positions ..."]) -> Num[Array, "nodes window ..."]:
    """The positions of every window, side by side."""
    if wave.grid is None:
        return x[wave.children.array]
    (h, w), rows, columns = wave.grid.window, wave.grid.rows, wave.grid.columns
    if h == 1:
        return x.reshape(-1, w, *x.shape[1:])
    split = x.reshape(rows // h, h, columns // w, w, *x.shape[1:])
    return split.swapaxes(1, 2).reshape(-1, h * w, *x.shape[1:])


def _multiplied(wave: Wave, scaled: Value) -> Num[Array, "nodes r batch"]:
    """The product over every window; on a grid first down, then along, so that nothing is moved."""
    if wave.grid is None:
        return _product_of(scaled[wave.children.array])
    h, w = wave.grid.window
    down = _product_of(scaled.reshape(wave.grid.rows // h, h, -1, *scaled.shape[1:]))
    down = down.reshape(-1, w, *scaled.shape[1:])
    return _product_of(down)


def _product_of(x: Num[Array, "n factors ..."]) -> Num[Array, "n ..."]:
    return reduce(lax.mul, [lax.index_in_dim(x, place, 1, False) for place in range(x.shape[1])])
