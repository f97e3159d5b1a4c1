"""Tr rho^n of many partitions at once: tables of all sub-masks of small subtrees, then gathers. THEORY section 6.

    subtree of k sites: 2^(k - 1) patterns up to the exchange of A and B, which only flips E; each computed once
    above:              every partition takes its entries, and is folded on with the others, one long matmul a node

Masks are data: new ones of the same shape compile nothing. A child's pattern is a number in 0 .. 2P - 1, those from P
on the flipped ones. Uses schedule, replicas; used by renyi.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Num

from tnsim import memory
from tnsim.banks import AnyArray, Banks
from tnsim.contract import fold
from tnsim.contract.fold import Scaled
from tnsim.contract.schedule import Schedule, Wave, distinct, whole
from tnsim.entanglement.measure import SiteMeasure, item_size
from tnsim.entanglement.replicas import Form, Replicas, form, rescale, widest
from tnsim.network import Network, Table

CACHED = 2**22  # bytes a chunk is meant to take at a wave: three times faster than 2^28 (1000 of 64 sites, r = 8)


class Plan(NamedTuple):
    """Static. kind: of each site; level: the wave after whose matrices the tables stand; chunk: partitions at once."""

    network: Network
    kind: Table
    order: int
    level: int
    chunk: int


class Cost(NamedTuple):
    """Convs to compute, bytes of the tables, bytes that one partition takes at its widest wave."""

    convs: float
    tables: float
    partition: float


def log_traces(
    network: Network, banks: Banks, vectors: Num[np.ndarray, "labels r"], measure: SiteMeasure,
    masks: Bool[np.ndarray, "partitions sites"], order: int, limit: str | float | None = None,
) -> Float[np.ndarray, "labels partitions"]:  # fmt: skip
    """ln Tr rho_A^order of unnormalised states, for every mask; -inf or NaN where it is zero to rounding.

    The tables' level is the cheapest that the limit allows; `cost` says what it takes.
    """
    plan = planned(network, measure, order, len(masks), memory.limit(limit) / item_size(banks, measure))
    padded = np.pad(masks, ((0, -len(masks) % plan.chunk), (0, 0)))
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        found = _log_traces(plan, dict(banks), vectors, np.asarray(measure.grams), padded)
        return np.asarray(found)[:, : len(masks)]


def planned(network: Network, measure: SiteMeasure, order: int, partitions: int, numbers: float) -> Plan:
    """The cheapest plan whose estimate is within so many numbers, else that of the least memory."""
    kind = Table(measure.kind)
    costs = [cost(network, kind, order, level, partitions) for level in range(len(whole(network).waves))]
    level = min(range(len(costs)), key=lambda level: (needed(costs[level]) > numbers, costs[level].convs))
    if needed(costs[level]) > numbers:
        level = min(range(len(costs)), key=lambda level: needed(costs[level]))
    room = min(CACHED / 8, (numbers - costs[level].tables) / 8)
    chunk = int(max(1, min(partitions, room // costs[level].partition)))
    return Plan(network, kind, order, level, -(-partitions // -(-partitions // chunk)))


def needed(cost: Cost) -> float:
    """Peak numbers held: the tables and what they are made from; around a wave, eight copies of a partition."""
    return 3 * cost.tables + 8 * cost.partition


def cost(network: Network, kind: Table, order: int, level: int, partitions: int) -> Cost:
    """What tables after the matrices of wave `level` cost, for so many partitions."""
    schedule, full = distinct(whole(network), kind.array), whole(network)
    how = form(order, widest(network))
    patterns = 1
    convs = tables = widest_wave = 0.0
    for number, (wave, every) in enumerate(zip(schedule.waves, full.waves, strict=True)):
        size = how.size(wave.dim_out)
        if number <= level:
            convs += float(wave.positions) * patterns
            tables = max(tables, float(wave.positions) * patterns * max(size, how.size(wave.dim_in)))
            patterns = min(patterns * (2 * patterns) ** (wave.children.array.shape[1] - 1), 2**64)
        if number > level:
            convs += float(every.positions) * partitions
        if number >= level:
            widest_wave = max(widest_wave, float(every.positions) * size)
    return Cost(convs, tables, widest_wave)


@partial(jax.jit, static_argnames="plan")
def _log_traces(plan: Plan, banks, vectors, grams, masks) -> Float[Array, "labels partitions"]:
    how, schedule = form(plan.order, widest(plan.network)), distinct(whole(plan.network), plan.kind.array)
    unit = {wave.bank: _unit(banks[wave.bank]) for wave in schedule.waves}
    table, patterns = _tables(plan, schedule, unit, grams[plan.kind.array[schedule.leaves]])
    entries = _entries(plan, schedule, masks)
    chunks = entries.reshape(-1, plan.chunk, entries.shape[1])
    found = lax.map(partial(_folded, plan, how, unit, table, patterns, vectors), chunks)
    return (
        jnp.concatenate(list(found), axis=1) if len(found) < 2 else jnp.swapaxes(found, 0, 1).reshape(len(vectors), -1)
    )


def _unit(bank: Num[Array, "copies g c"]) -> Scaled:
    return fold.rescale(Scaled(bank, jnp.zeros(len(bank), jnp.abs(bank).dtype)), (-2, -1))


# ---- tables


def _tables(plan: Plan, schedule: Schedule, unit, grams: Num[Array, "kinds M M"]) -> tuple[Replicas, int]:
    """E of every kind of position of wave `level`, under every pattern of its sites; and how many patterns."""
    how, patterns = form(plan.order, widest(plan.network)), 1
    node = rescale(how.traced(grams[:, None]), jnp.zeros((len(grams), 1), grams.real.dtype))
    for level, wave in enumerate(schedule.waves[: plan.level + 1]):
        position = _conv(how, wave, unit[wave.bank], _rows(node, wave.sources))
        if level < plan.level:
            node = _all_patterns(how, position, wave.children.array)
            patterns = node.log_scale.shape[1]
    return position, patterns


def _conv(how: Form, wave: Wave, unit: Scaled, below: Replicas) -> Replicas:
    rows, logs = unit.value[wave.rows], unit.log_scale[wave.rows]
    return rescale(how.conv(how.lift(rows), below.value), below.log_scale + 2 * how.order * logs[:, None])


def _rows(x: Replicas, at: Int[np.ndarray, "n"]) -> Replicas:
    return Replicas(tuple(part[at] for part in x.value), x.log_scale[at])


def _all_patterns(how: Form, x: Replicas, children: Int[np.ndarray, "nodes window"]) -> Replicas:
    """Products over windows for all patterns of the first child, and all and all flipped ones of the others."""
    found = _rows(x, children[:, 0])
    for column in children.T[1:]:
        more = _rows(x, column)
        both = [jnp.concatenate(pair, axis=1) for pair in zip(more.value, how.flip(more.value), strict=True)]
        logs = found.log_scale[:, :, None] + jnp.tile(more.log_scale, 2)[:, None]
        value = how.pool(tuple(p[:, :, None] for p in found.value), tuple(p[:, None] for p in both))
        found = rescale(tuple(_flat(part) for part in value), _flat(logs))
    return found


def _flat(x: Num[AnyArray, "nodes p q ..."]) -> Num[AnyArray, "nodes pq ..."]:
    return x.reshape(x.shape[0], x.shape[1] * x.shape[2], *x.shape[3:])


# ---- which entry a partition takes


def position_kinds(schedule: Schedule, full: Schedule, level: int) -> Int[np.ndarray, "positions"]:
    """Of which kind every position of a wave is, as `distinct` numbers them."""
    wave, every = schedule.waves[level], full.waves[level]
    copies = int(every.rows.max()) + 1
    known = wave.sources.astype(np.int64) * copies + wave.rows
    found = schedule.kinds[level].astype(np.int64) * copies + every.rows
    order = np.argsort(known)
    return order[np.searchsorted(known, found, sorter=order)]


def _entries(plan: Plan, schedule: Schedule, masks: Bool[Array, "partitions sites"]) -> Int[Array, "partitions n"]:
    """Number of the pattern below every position of wave `level`, flipped ones from P on."""
    full, patterns = whole(plan.network), 1
    number = jnp.asarray(masks, jnp.int32)
    for level in range(plan.level):
        children = full.waves[level].children.array
        kinds = position_kinds(schedule, full, level)[children]
        number = number[:, np.take_along_axis(children, np.argsort(kinds, axis=1, kind="stable"), axis=1)]
        flipped = number[:, :, 0] >= patterns
        number = jnp.where(flipped[:, :, None], (number + patterns) % (2 * patterns), number)
        total = number[:, :, 0]
        for place in range(1, children.shape[1]):
            total = total * (2 * patterns) + number[:, :, place]
        patterns *= (2 * patterns) ** (children.shape[1] - 1)
        number = total + flipped * patterns
    return number


# ---- above the tables


def _folded(plan: Plan, how: Form, unit, table: Replicas, patterns: int, vectors, entries) -> Float[Array, "labels m"]:
    """One chunk of partitions, from the tables to the root."""
    full = whole(plan.network)
    kinds = position_kinds(distinct(full, plan.kind.array), full, plan.level)
    flat = Replicas(tuple(_flat_rows(part) for part in table.value), table.log_scale.reshape(-1))
    turned = (entries >= patterns).T
    at = jnp.asarray(kinds)[:, None] * patterns + (entries % patterns).T
    x = _pooled(how, full.waves[plan.level], lambda column: _taken(how, flat, at[column], turned[column]))
    for wave in full.waves[plan.level + 1 :]:
        above = _conv(how, wave, unit[wave.bank], x)
        x = _pooled(how, wave, partial(_rows, above))
    closed = jnp.stack([how.close(vector, x.value)[0] for vector in vectors])
    return jnp.log(closed) + x.log_scale


def _flat_rows(x: Num[Array, "kinds patterns ..."]) -> Num[Array, "entries ..."]:
    return x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])


def _taken(how: Form, flat: Replicas, at: Int[Array, "n m"], turned: Bool[Array, "n m"]) -> Replicas:
    """Entries of the tables, some of them with A and B exchanged."""
    value = tuple(part[at] for part in flat.value)
    pairs = zip(value, how.flip(value), strict=True)
    chosen = tuple(jnp.where(turned.reshape(*turned.shape, *(1,) * (x.ndim - 2)), y, x) for x, y in pairs)
    return Replicas(chosen, flat.log_scale[at])


def _pooled(how: Form, wave: Wave, column) -> Replicas:
    """Products over windows; column(positions) gives the values of a place in every window."""
    children = wave.children.array
    found = column(children[:, 0])
    for place in children.T[1:]:
        more = column(place)
        value, logs = how.pool(found.value, more.value), found.log_scale + more.log_scale
        found = rescale(value, logs) if children.shape[1] > 2 else Replicas(value, logs)
    return found
