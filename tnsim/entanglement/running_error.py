"""Rounding of a replica fold, edge by edge, for one partition: where the bound of any partition says nothing.

    |d ln Tr rho^n|  <=  sum over edges of  |d ln Tr rho^n / dE| . eps |W| x .. x |W| |E below|

The derivative comes from one backward pass, the sizes from a fold of absolute values beside each conv. `roundoff`
bounds Tr rho^n itself, without looking at the partition, so for an entangled state (S_2 above some 25 nats) its bound
exceeds the trace; this one is relative to it, at the price of all waves in memory. To first order in eps, as there.
Source: running error analysis by adjoints (THEORY section 8 has the conditioning). Used by renyi.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Num

from tnsim.banks import AnyArray, Banks
from tnsim.contract.fold import Algebra, Scaled, fold, stacked
from tnsim.contract.schedule import whole
from tnsim.entanglement.measure import SiteMeasure
from tnsim.entanglement.replicas import Form, full
from tnsim.entanglement.roundoff import COMPLEX, EPS
from tnsim.network import Network

LIVE = 4  # copies of every wave alive at once: value, size, product, cotangent


class Trace(NamedTuple):
    """ln Tr rho^n of the unnormalised state, and how far rounding can have moved Tr rho^n, relative to it."""

    log: float
    error: float


def numbers(network: Network, order: int) -> float:
    """Peak numbers held: the backward pass needs every wave."""
    waves = whole(network).waves
    return LIVE * float(sum(wave.positions * max(wave.dim_in, wave.dim_out) ** (2 * order) for wave in waves))


def entropy(
    network: Network, banks: Banks, vector: Num[np.ndarray, "r"], measure: SiteMeasure,
    mask: Bool[np.ndarray, "sites"], order: int,
) -> tuple[float, float]:  # fmt: skip
    """S_n in nats, and how far rounding can have moved it (inf where it has swallowed a trace)."""
    one, many = (trace(network, banks, vector, measure, mask, n) for n in (1, order))
    if not max(one.error, many.error) < 1:
        return np.nan, np.inf
    error = -order * np.log1p(-one.error) - np.log1p(-many.error)
    return (order * one.log - many.log) / (order - 1), float(error) / (order - 1)


def trace(
    network: Network, banks: Banks, vector: Num[np.ndarray, "r"], measure: SiteMeasure,
    mask: Bool[np.ndarray, "sites"], order: int,
) -> Trace:  # fmt: skip
    """By the plain fold in float64, everything at once. A trace that rounding has swallowed has an error of inf."""
    grams, sizes = (part[measure.kind] for part in (measure.grams, _gram_sizes(measure)))
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        log, error = _trace(network, order, dict(banks), vector, grams, sizes, mask)
    found = Trace(float(log), float(error))
    return found if np.isfinite(found).all() else Trace(-np.inf, np.inf)


def _gram_sizes(measure: SiteMeasure) -> Float[np.ndarray, "kinds M M"]:
    """|F| |F|^T, F the factors: rounding in a Gram matrix is at most eps M times it."""
    size = np.abs(measure.factors)
    return size @ np.swapaxes(size, 1, 2)


@jax.custom_vjp
def _felt(value: Num[Array, "..."], size: Float[Array, "..."], total: Float[Array, ""]) -> Num[Array, "..."]:
    """`value`; on the way back `total` gets the sum of |derivative| times `size`."""
    return value


def _felt_forward(value, size, total):
    return value, size


def _felt_backward(size, cotangent):
    return cotangent, jnp.zeros_like(size), jnp.sum(jnp.abs(cotangent) * size)


_felt.defvjp(_felt_forward, _felt_backward)


def _algebra(how: Form, window: int, complex_factor: float, total: Float[Array, ""]) -> Algebra:
    def conv(rows: Num[Array, "#p g c"], value: Num[Array, "p ..."]) -> Num[Array, "p ..."]:
        roundings = complex_factor * (2 * how.order * (rows.shape[-1] + 1) + 4 * window) + 2 * how.order + 6
        size = _conv(how, jnp.abs(rows), jnp.abs(value))
        return _felt(_conv(how, rows, value), jax.lax.stop_gradient(EPS * roundings * size), total)

    return stacked(conv, axes=tuple(range(-2 * how.order, 0)))


def _conv(how: Form, rows: Num[Array, "#p g c"], value: Num[Array, "p ..."]) -> Num[Array, "p ..."]:
    (found,) = how.conv((jnp.broadcast_to(rows, (len(value), *rows.shape[1:])),), (value[:, None],))
    return jnp.asarray(found[:, 0])


@partial(jax.jit, static_argnames=("network", "order"))
def _trace(network: Network, order: int, banks, vector, grams, sizes, mask) -> Any:
    schedule, how = whole(network), full(order)
    window = max(wave.children.array.shape[1] for wave in schedule.waves)
    arrays = [*banks.values(), vector, grams]
    factor = COMPLEX if any(jnp.iscomplexobj(part) for part in arrays) else 1

    def leaves(of: Num[AnyArray, "sites M M"]) -> Array:
        (traced,) = how.traced(jnp.asarray(of)[:, None])
        (turned,) = how.flip((traced,))
        inside = jnp.asarray(mask).reshape(-1, *(1,) * (2 * order))
        return jnp.where(inside, turned[:, 0], traced[:, 0])

    def log_trace(total: Float[Array, ""]) -> Float[Array, ""]:
        roundings = factor * order * (grams.shape[-1] + 2)
        below = _felt(leaves(grams), EPS * roundings * leaves(sizes), total)
        start = Scaled(below, jnp.zeros(len(below), jnp.abs(below).dtype))
        root = fold(_algebra(how, window, factor, total), schedule, banks, start)
        value = root.value[:, None]
        size = how.close(jnp.abs(jnp.asarray(vector)), (jnp.abs(value),))[0, 0]
        closed = how.close(jnp.asarray(vector), (value,))[0, 0]
        last = factor * 2 * order * (vector.shape[0] + 1) + 2
        return jnp.log(_felt(closed, EPS * last * size, total)) + root.log_scale[0]

    return jax.value_and_grad(log_trace)(jnp.zeros((), jnp.float64))
