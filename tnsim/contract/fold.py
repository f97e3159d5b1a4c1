"""The one fold: an algebra carried from the sites to the root of a layered tree. Uses schedule; used by every measure.

An algebra says what a matrix does to the values on the edges below it and how a node pools its children. It is two
pure functions over whole waves of nodes at once; which nodes there are, and that equal ones come once, is the
schedule's business. Stacked algebras carry arrays with a (mantissa, log-scale) pair per node, kept here, so that no
measure can forget it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Float, Num

from tnsim.banks import AnyArray
from tnsim.contract.schedule import Schedule, Wave

Values = Any  # what an algebra carries for a wave of nodes


class Algebra(NamedTuple):
    """conv(wave, bank, values below) -> values of the positions; pool(wave, values) -> values of the nodes."""

    conv: Callable[[Wave, Any, Values], Values]
    pool: Callable[[Wave, Values], Values]


def fold(algebra: Algebra, schedule: Schedule, banks: Mapping[str, Any], leaves: Values) -> Values:
    """Carry `leaves` through all waves; the value at the root's pooling node."""
    *_, root = sweep(algebra, schedule, banks, leaves)
    return root


def sweep(algebra: Algebra, schedule: Schedule, banks: Mapping[str, Any], leaves: Values) -> Iterator[Values]:
    """The fold step by step: the leaves, then the nodes' values after each wave."""
    yield leaves
    values = leaves
    for wave in schedule.waves:
        values = algebra.pool(wave, algebra.conv(wave, banks[wave.bank], values))
        yield values


class Scaled(NamedTuple):
    """value * exp(log_scale), always, with one scale for each node (and sample)."""

    value: Num[AnyArray, "..."]
    log_scale: Float[AnyArray, "..."]


def rescale(x: Scaled, axes: tuple[int, ...]) -> Scaled:
    """The same number with peak 1 over `axes`; exact zeros stay zero."""
    peak = lax.stop_gradient(jnp.abs(x.value).max(axis=axes, keepdims=True))
    # A constant on purpose: neither value * exp(log_scale) nor its gradient depends on it.
    peak = jnp.where(peak > 0, peak, 1)
    return Scaled(x.value / peak, x.log_scale + jnp.log(jnp.squeeze(peak, axes)))


def stacked(conv: Callable[..., Num[AnyArray, "..."]], axes: tuple[int, ...]) -> Algebra:
    """The algebra of arrays whose pooling is an elementwise product: scores, Gram matrices, replicas.

    conv: (rows of the bank, values) -> values, over a leading axis of positions (rows: 1 or as many). axes: the
    trailing axes (negative) over which one scale is taken; axes between (a batch of samples) keep a scale each.
    """

    def matrix(wave: Wave, bank: Num[AnyArray, "copies r_out r_in"], below: Scaled) -> Scaled:
        unit = rescale(Scaled(bank, jnp.zeros(bank.shape[:1], jnp.abs(bank).dtype)), (-2, -1))
        if wave.slots is not None and len(bank) > 1:
            unit = Scaled(unit.value[wave.slots.array], unit.log_scale[wave.slots.array])
        if wave.below is not None:
            below = Scaled(below.value[wave.below.array], below.log_scale[wave.below.array])
        log_rows = unit.log_scale.reshape(-1, *(1,) * (below.log_scale.ndim - 1))
        legs = below.value.ndim - below.log_scale.ndim  # each of them meets the matrix once
        value = Scaled(conv(unit.value, below.value), below.log_scale + legs * log_rows)
        return rescale(value, axes)

    return Algebra(matrix, lambda wave, values: pool(wave, values, axes))


def pool(wave: Wave, x: Scaled, axes: tuple[int, ...]) -> Scaled:
    """Products over the windows, of factors with peak 1."""
    if wave.grid is None:
        return _product(Scaled(x.value[wave.children.array], x.log_scale[wave.children.array]), 1, axes)
    (h, w), rows, columns = wave.grid.window, wave.grid.rows, wave.grid.columns
    split = (rows // h, h, columns // w, w)
    x = Scaled(x.value.reshape(*split, *x.value.shape[1:]), x.log_scale.reshape(*split, *x.log_scale.shape[1:]))
    x = _product(_product(x, 3, axes), 1, axes)
    return Scaled(x.value.reshape(-1, *x.value.shape[2:]), x.log_scale.reshape(-1, *x.log_scale.shape[2:]))


def _product(x: Scaled, axis: int, axes: tuple[int, ...]) -> Scaled:
    """Product along an axis by halving: few operations to compile, however long the window.

    The next conv takes a new scale, so a product of two needs none; longer ones take one at each halving.
    """
    while (length := x.value.shape[axis]) > 1:
        even, odd = (_slice(x, axis, start, length - length % 2) for start in (0, 1))
        left = _slice(x, axis, length - 1, length) if length % 2 else None
        x = Scaled(even.value * odd.value, even.log_scale + odd.log_scale)
        if left is not None:
            joined = (jnp.concatenate(pair, axis) for pair in zip(x, left, strict=True))
            x = Scaled(*joined)
        x = rescale(x, axes) if length > 2 else x
    return Scaled(jnp.squeeze(x.value, axis), jnp.squeeze(x.log_scale, axis))


def _slice(x: Scaled, axis: int, start: int, stop: int) -> Scaled:
    parts = (lax.slice_in_dim(part, start, stop, 2, axis) for part in x)
    return Scaled(*parts)
