"""Scores of a tree of tensors of any shape, or of one with a loop: vectors swept to the output. Uses branches, vectors.

    features --[leaves, batch last]--> group by group, chains as one scan each --> scores

carried up an edge: (tensors, r, batch). A tensor (r, M, r) meets the vector by one matrix product for all samples, then
the features: N r^2 M multiply-adds a sample, where products of matrices would take r^3. An index that is fixed adds its
dimension to the batch. Why not along a path of pairwise steps: that takes a scale in every step and for every pair,
which costs more than the products of a narrow chain. In wider chains the batch comes first, on CPUs: XLA compiles the
product of (M r, r) and (r, batch) there to a loop that takes up to six times as long as (batch, r) and (r, M r).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial, reduce
from itertools import pairwise
from math import log
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Int, Num

from tnsim.contract.branches import CUT, SITES, Branches, Group, Source, Step, branches
from tnsim.contract.execution import DEFAULT, Execution
from tnsim.contract.footprint import parts_of
from tnsim.contract.operations import take
from tnsim.contract.products import product
from tnsim.contract.scores import Scores, in_parts
from tnsim.contract.vectors import exponents, scale_of
from tnsim.network import Network

APART = 4  # tensors of peak 1, or factors, between two scales of a vector
FEW = 8  # terms
INLINE = 11  # dimension of a chain up to which XLA makes a good loop of its products, the batch last, on CPUs

Vectors = Num[Array, "_ _ _"]  # (tensors, r, batch)


class Carried(NamedTuple):
    """Vectors, and the powers of two that were taken of each sample so far."""

    value: Vectors
    taken: Int[Array, "batch"]


@partial(jax.jit, static_argnames=("network", "execution"))
def swept_scores(
    network: Network, banks: dict[str, Num[Array, "..."]], features: Num[Array, "..."], execution: Execution = DEFAULT
) -> Scores:
    """h_y(x) for every sample and class, (batch, 1) without a class leg; never out of float range, as `scores`.

    A vector takes its scale, a power of two, after every 4 tensors of a chain, each of which has its own scale taken:
    what loses more than 2^-120 in 4 steps, in float32, is zero. Raises NotTree for other networks.
    """
    features = features.astype(jnp.result_type(features, *banks.values()))
    axis = 2 if execution.layout == "batch-last" else 0
    todo, batch, itemsize = branches(network), features.shape[axis], features.dtype.itemsize
    fixed = sum(bank.size for bank in banks.values()) + features.size
    parts = parts_of(batch, lambda part: itemsize * (fixed + part * held(todo, features.size // batch)), execution)
    one = partial(_scores, todo, banks, execution=execution)
    return one(features) if parts == 1 else in_parts(one, features, axis, parts)


def _scores(todo: Branches, banks: Mapping[str, Any], features: Num[Array, "..."], execution: Execution) -> Scores:
    leaves = features if execution.layout == "batch-last" else jnp.transpose(features, (1, 2, 0))
    batch = leaves.shape[2]
    if todo.cut is not None:
        leaves = jnp.tile(leaves, (1, 1, todo.cut))
    start = _unit(Carried(leaves, jnp.zeros(leaves.shape[2], jnp.int32)))
    values = {SITES: start.value}
    if todo.cut is not None:
        ones = jnp.repeat(jnp.eye(todo.cut, dtype=leaves.dtype), batch, axis=1)
        values[CUT] = ones[None]
    taken = start.taken
    for step in todo.steps:
        make = _one if step.start is None else _chain
        values[step.groups[-1]], taken = make(todo, step, banks, values, taken, execution)
    top = _unit(Carried(_multiplied([_rows(values, source) for source in todo.top]), taken))
    return _closed(top, todo.cut)


def held(todo: Branches, leaves: int) -> int:
    """Numbers held for each sample: the features of all sites twice, and the vectors of all groups."""
    vectors = sum(group.count * (1 if group.up is None else group.shape[group.up]) for group in todo.groups)
    return (todo.cut or 1) * (2 * leaves + vectors)


def _closed(top: Carried, cut: int | None) -> Scores:
    """Scores of the vectors at the output, summed over the numbers of an index that was fixed."""
    value, logs = top.value[0], log(2) * top.taken.astype(jnp.abs(top.value).dtype)
    if cut is None:
        return Scores(value.T, logs)
    value, logs = value.reshape(len(value), cut, -1), logs.reshape(cut, -1)
    there = jnp.where(jnp.abs(value).max(0) > 0, logs, -jnp.inf)
    peak = lax.stop_gradient(there.max(0))
    peak = jnp.where(jnp.isfinite(peak), peak, 0)
    summed = (value * jnp.exp(logs - peak[None])[None].astype(value.dtype)).sum(1)
    return Scores(summed.T, peak)


def _one(
    todo: Branches, step: Step, banks: Mapping[str, Any], values: Mapping[int, Vectors], taken, execution: Execution
) -> Carried:
    """A group by itself."""
    group = todo.groups[step.groups[0]]
    tensors = take(banks[group.bank].reshape(-1, *group.shape), group.slots)
    vectors = {leg.axis: _multiplied([_rows(values, source) for source in leg.sources]) for leg in group.inlets}
    made = contracted(tensors, group.up, vectors, len(taken), execution)
    return _unit(Carried(jnp.broadcast_to(made, (group.count, *made.shape[1:])), taken))


def _rows(values: Mapping[int, Vectors], source: Source) -> Vectors:
    return take(values[source.group], source.rows)


def contracted(
    tensors: Num[Array, "..."], up: int | None, vectors: Mapping[int, Vectors], batch: int, execution: Execution
) -> Vectors:
    """Tensors (n or 1, axes ..) with vectors (n, d, batch) on all axes but `up`: their products meet the tensor in one
    matrix product. A vector after the other would be sums over what a product has made, which XLA for CPUs fuses with
    it, slowly, and wrongly where they have eight axes."""
    if not vectors:
        return jnp.broadcast_to(tensors[..., None], (*tensors.shape, batch))
    joint, *others = (vectors[axis] for axis in sorted(vectors))
    for vector in others:
        pairs = joint[:, :, None] * vector[:, None]
        joint = pairs.reshape(len(pairs), -1, batch)
    rows = tensors.reshape(len(tensors), 1, -1) if up is None else jnp.swapaxes(_matrices(tensors, up), 1, 2)
    return product(execution)(rows, joint)


def contracted_first(
    tensors: Num[Array, "..."], up: int | None, vectors: Mapping[int, Vectors], batch: int, execution: Execution
) -> Vectors:
    """`contracted` of vectors (n, batch, d), the batch first: the widest by a matrix product, the others by multiplying
    and adding up, few terms one by one for the same reason."""
    widest = max(vectors, key=lambda axis: tensors.shape[1 + axis])
    others = sorted(vectors.keys() - {widest})
    order = (widest, *others, *([] if up is None else [up]))
    rows = jnp.transpose(tensors, (0, *(1 + axis for axis in order)))
    value = product(execution)(vectors[widest], rows.reshape(*rows.shape[:2], -1))
    for axis in others:
        split, weights = value.reshape(len(value), batch, tensors.shape[1 + axis], -1), vectors[axis][..., None]
        terms = [split[:, :, k] * weights[:, :, k] for k in range(split.shape[2])]
        value = reduce(jnp.add, terms) if len(terms) <= FEW else (split * weights).sum(2)
    return value


def _matrices(tensors: Num[Array, "..."], axis: int) -> Num[Array, "n rest d"]:
    """All other axes by this one; without a copy where it is the first or the last."""
    dim = tensors.shape[1 + axis]
    if axis == tensors.ndim - 2:
        return tensors.reshape(len(tensors), -1, dim)
    return jnp.swapaxes(jnp.moveaxis(tensors, 1 + axis, 1).reshape(len(tensors), dim, -1), 1, 2)


def _multiplied(factors: Sequence[Vectors]) -> Vectors:
    value = factors[0]
    for factor in factors[1:]:
        value = value * factor
    return value


def _unit(carried: Carried, axis: int = 1) -> Carried:
    """Each vector, along that axis, with a peak in [1, 2), or zero."""
    factor = scale_of(lax.stop_gradient(lax.reduce_max(lax.abs(carried.value), (axis,))))
    return Carried(carried.value * jnp.expand_dims(factor, axis), carried.taken - exponents(factor))


def _chain(
    todo: Branches, step: Step, banks: Mapping[str, Any], values: Mapping[int, Vectors], taken, execution: Execution
) -> Carried:
    """Groups of one form as a scan, APART of them in each turn; what does not fill a turn goes first."""
    groups = [todo.groups[number] for number in step.groups]
    first, length = groups[0], len(groups)
    tensors = _along(banks[first.bank].reshape(-1, *first.shape), [slot for group in groups for slot in group.slots])
    factors = scale_of(lax.stop_gradient(jnp.abs(tensors).max(axis=tuple(range(1, tensors.ndim)))))[:, None, None]
    taken = taken - length * first.count // len(tensors) * exponents(factors[:, 0])
    moving: list[Any] = [tensors, factors] if len(tensors) > 1 else []
    still: tuple[Any, ...] = () if moving else (tensors, factors)
    turned = jax.default_backend() == "cpu" and max(first.shape) > INLINE  # the batch first
    meet, around, axis = (contracted_first, _turned, 2) if turned else (contracted, _as_they_are, 1)
    moving += map(around, _others(groups, step, values))
    moving = [part.reshape(length, first.count, *part.shape[1:]) for part in moving]

    def link(value: Vectors, parts: Sequence[Any]) -> Vectors:
        core, factor, *others = (*still, *parts)
        left = iter(others)
        vectors = {}
        for leg in first.inlets:
            vectors[leg.axis] = _multiplied([value if s.group == step.start else next(left) for s in leg.sources])
        return meet(core, first.up, vectors, len(taken), execution) * factor

    def turn(carried: Carried, parts: Sequence[Any]) -> tuple[Carried, None]:
        value = carried.value
        for place in range(len(parts[0])):
            value = link(value, [part[place] for part in parts])
        return _unit(Carried(value, carried.taken), axis), None

    assert step.start is not None
    odd = length % APART
    carried, _ = turn(Carried(around(values[step.start]), taken), [part[:odd] for part in moving])
    turns = [part[odd:].reshape(-1, APART, *part.shape[1:]) for part in moving]
    carried, _ = lax.scan(jax.checkpoint(turn) if execution.remat is True else turn, carried, turns)
    return Carried(around(carried.value), carried.taken)


def _as_they_are(vectors: Vectors) -> Vectors:
    return vectors


def _turned(vectors: Vectors) -> Vectors:
    """The batch first in place of last, and back."""
    return jnp.swapaxes(vectors, 1, 2)


def _others(groups: Sequence[Group], step: Step, values: Mapping[int, Vectors]) -> list[Vectors]:
    """The vectors that enter a chain beside the one carried: of every factor, those of all groups in a row."""
    found = []
    for leg, inlet in enumerate(groups[0].inlets):
        for place, source in enumerate(inlet.sources):
            if source.group != step.start:
                rows = [row for group in groups for row in group.inlets[leg].sources[place].rows]
                found.append(_along(values[source.group], rows))
    return found


def _along(block: Num[Array, "..."], rows: Sequence[int]) -> Num[Array, "..."]:
    """These rows; those that go down one by one as a slice turned round, which is faster than gathered."""
    if len(rows) > 1 and all(one - 1 == other for one, other in pairwise(rows)):
        return lax.rev(take(block, tuple(rows[::-1])), (0,))
    return take(block, tuple(rows))
