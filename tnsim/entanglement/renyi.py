"""Renyi entropies of integer order n >= 2, any partition, without its spectrum: n replicas. THEORY sections 3, 6 and 8.

    S_n = (2 n ln norm - ln Tr rho_A^n) / (n - 1), rho_A of the unnormalised state; Tr rho_A^n by folding replicas:
    E[k1 .. kn, b1 .. bn]   a site of B joins k_i and b_i, a site of A joins k_i and b_(i+1)

`renyi` chooses the route: `subtrees` (one partition after the other, known beforehand, in NumPy) or `patterns` (masks
as data, one compiled call). `log_trace` is the plain fold, pure JAX, for gradients. Used by state and report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache, partial
from math import log

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Num

from tnsim import memory
from tnsim.banks import AnyArray, Banks
from tnsim.contract.fold import Algebra, Scaled, fold, stacked
from tnsim.contract.schedule import whole
from tnsim.entanglement import patterns, roundoff, running_error, subtrees
from tnsim.entanglement.estimate import Estimate, Stopwatch
from tnsim.entanglement.measure import SiteMeasure, item_size
from tnsim.entanglement.replicas import form, full, widest
from tnsim.entanglement.subtrees import named
from tnsim.network import Network

LIVE = 4  # copies of the widest wave alive at once: before and after a leg's matrix, the product, its scale
SURE, FEW = 1e-3, 16  # nats: an interval above it is looked at more closely, where there are few of them
COMPILE_SECONDS = 4.0  # of the tables' program: one partition after the other is left to NumPy up to there


def renyi(
    network: Network, banks: Banks, vectors: Num[np.ndarray, "labels r"], measure: SiteMeasure,
    masks: Bool[np.ndarray, "partitions sites"], order: float = 2, limit: str | float | None = None,
) -> Estimate:  # fmt: skip
    """S_n in nats for n = 2, 3, .., with a bound on the rounding; arrays (labels, partitions).

    One fold a partition serves the states that all of `vectors` (rows of the output bank) close. Raises
    MemoryLimitError where the estimate is above the limit, and ValueError for masks of another shape, an order that is
    no integer >= 2, numbers that are not finite, and a state that is zero.
    """
    watch, n = Stopwatch(), integer_order(order)
    if masks.ndim != 2 or masks.shape[1] != len(network.sites) or masks.dtype != bool or not len(masks):
        wanted = f"booleans (partitions, {len(network.sites)})"
        raise ValueError(f"masks: wanted {wanted}, found shape {masks.shape} of {masks.dtype}")
    banks = finite({**banks, "vectors": vectors})
    vectors = banks.pop("vectors")
    route = many if pays(network, measure, n, len(masks), memory.limit(limit) / item_size(banks, measure)) else single
    traces = route(network, banks, vectors, measure, masks, n, limit)
    grams, how = roundoff.gram_waves(network, banks, measure), form(n, widest(network))
    real = item_size({**banks, "vectors": vectors}, measure) == 8
    felts = [roundoff.felt(grams, vector, how, real) for vector in vectors]
    inside = np.minimum(masks.sum(axis=1), (~masks).sum(axis=1)) * log(measure.factors.shape[-1])  # |A| ln M
    ends = np.stack([entropies(n, felt, row, inside) for felt, row in zip(felts, traces, strict=True)], axis=1)
    _sharpen(ends, felts, (network, banks, vectors, measure, masks, n), memory.limit(limit))
    value, lower, upper = ends
    return Estimate(value, lower, upper, named(n), seconds=watch.seconds, note=measure.note)


def renyi_2(
    network: Network, banks: Banks, vectors: Num[np.ndarray, "labels r"], measure: SiteMeasure,
    masks: Bool[np.ndarray, "partitions sites"], limit: str | float | None = None,
) -> Estimate:  # fmt: skip
    """`renyi` of order 2, -ln Tr rho_A^2."""
    return renyi(network, banks, vectors, measure, masks, 2, limit)


# ---- routes


def single(network, banks, vectors, measure, masks, order, limit) -> Float[np.ndarray, "labels partitions"]:
    """ln Tr rho_A^n, one partition after the other: whatever the size, new ones compile nothing."""
    rows = [subtrees.log_trace(network, banks, vectors, measure, mask, order, limit) for mask in masks]
    return np.stack(rows, axis=1)


many = patterns.log_traces  # the same, all partitions at once


@lru_cache(maxsize=256)
def seconds(network: Network, order: int) -> float:
    """About what one partition takes in NumPy: its calls, and its products (sites pass a matrix as Gram matrices)."""
    how = form(order, widest(network))
    waves = whole(network).waves
    products = sum(wave.positions * 2 * order * how.size(wave.dim_out) * wave.dim_in for wave in waves[1:])
    return 0.002 * len(waves) + products / 2e9


def pays(network: Network, measure: SiteMeasure, order: int, partitions: int, numbers: float) -> bool:
    """Whether tables of patterns repay compiling them, within so many numbers."""
    if partitions * seconds(network, order) < COMPILE_SECONDS or len(network.sites) > 2**14:
        return False
    plan = patterns.planned(network, measure, order, partitions, numbers)
    return patterns.needed(patterns.cost(network, plan.kind, order, plan.level, partitions)) <= numbers


def estimate(network: Network, order: int = 2) -> float:
    """Peak numbers held for one partition by the plain fold, all positions of a wave at once."""
    waves = whole(network).waves
    return LIVE * float(max(wave.positions * max(wave.dim_in, wave.dim_out) ** (2 * order) for wave in waves))


# ---- from traces to entropies


def entropies(
    order: int, felt: roundoff.Felt, log_traces: Float[np.ndarray, "n"], inside: Float[np.ndarray, "n"]
) -> Float[np.ndarray, "3 n"]:
    """Values, lower and upper ends, of one state. inside: what an entropy never exceeds.

    A trace that rounding has swallowed (not positive) is at most its error: that is then the value and the lower end.
    """
    if not np.isfinite(felt.log_norm):
        raise ValueError("state: it is exactly zero or not finite, so it has no Renyi entropy")
    lost = ~np.isfinite(log_traces)
    purity = np.where(lost, -np.inf, log_traces - 2 * order * felt.log_norm)  # ln Tr rho^n of the normalised state
    with np.errstate(over="ignore", divide="ignore"):
        above = np.logaddexp(purity, log(felt.trace))
        relative = np.where(lost, np.inf, np.exp(np.minimum(log(felt.trace) - purity, 700.0)))
        below = np.where(relative < 1, purity + np.log1p(-np.minimum(relative, 1.0)), -np.inf)
    ends = -np.stack([np.where(lost, above, purity), above + felt.logs, below - felt.logs]) / (order - 1)
    value, lower, upper = np.clip(ends, 0.0, inside[None])
    return np.stack([value, np.minimum(lower, value), np.maximum(upper, value)])


def _sharpen(ends: Float[np.ndarray, "3 labels partitions"], felts: list[roundoff.Felt], asked, limit: float) -> None:
    """Intervals that a bound of any partition leaves wide, narrowed by one of their own where that fits the memory."""
    network, banks, vectors, measure, masks, order = asked
    wide = np.argwhere(ends[2] - ends[1] > SURE).tolist()
    bytes_ = running_error.numbers(network, order) * item_size({**banks, "vectors": vectors}, measure)
    if len(wide) > FEW or bytes_ > limit:
        return
    for label, number in wide:
        value, error = running_error.entropy(network, banks, vectors[label], measure, masks[number], order)
        error += felts[label].logs / (order - 1)
        if error < ends[2, label, number] - ends[1, label, number]:
            inside = np.clip((value, value - error, value + error), *ends[1:, label, number])
            ends[:, label, number] = inside


def integer_order(order: float) -> int:
    """A whole order >= 2, also where it is written as a float. Raises ValueError for any other."""
    if isinstance(order, bool) or not (float(order) == int(order) if abs(float(order)) < 2**53 else False) or order < 2:
        raise ValueError(f"order: replicas are for whole numbers >= 2, found {order!r}; others come from the spectrum")
    return int(order)


def finite(banks: Banks) -> dict[str, Num[np.ndarray, "..."]]:
    """Banks in double precision. Raises ValueError for NaN or infinity."""
    wide = {name: np.asarray(bank, np.result_type(bank.dtype, np.float64)) for name, bank in banks.items()}
    for name, bank in wide.items():
        if not np.isfinite(bank).all():
            place = tuple(int(i) for i in np.argwhere(~np.isfinite(bank))[0])
            raise ValueError(f"{name}: wanted finite numbers, found {bank[place]} at {place}")
    return wide


def by_site(measure: SiteMeasure) -> SiteMeasure:
    """The same measure with every site a kind of its own."""
    return replace(measure, factors=measure.factors[measure.kind], kind=np.arange(len(measure.kind)))


# ---- the plain fold, for gradients


@lru_cache(maxsize=16)
def replica_algebra(order: int) -> Algebra:
    """What a matrix and a window do to the 2n legs of n replicas."""
    how = full(order)

    def conv(rows: Num[Array, "#p g c"], value: Num[Array, "p ..."]) -> Num[Array, "p ..."]:
        lead = (1, len(value)) if len(rows) == 1 else (len(value), 1)  # one matrix for all is one long matmul
        (found,) = how.conv((rows,), (value.reshape(*lead, *value.shape[1:]),))
        return jnp.reshape(found, (len(value), *found.shape[2:]))

    return stacked(conv, axes=tuple(range(-2 * order, 0)))


def log_trace(
    network: Network, banks: Banks, vector: Num[AnyArray, "r"], grams: Num[AnyArray, "sites M M"],
    mask: Bool[AnyArray, "sites"], order: int = 2,
) -> Float[Array, ""]:  # fmt: skip
    """ln Tr rho_A^n of the unnormalised state (norm^2n not divided out); order 1 is ln norm^2. Pure JAX.

    Differentiable in banks, vector and grams, under jit too; the mask is data. Take value and gradient in one
    jax.enable_x64 context, else the backward pass runs in float32. Complex gradients by JAX's convention: dS = Re sum
    of gradient * step, without a conjugate.
    """
    how = full(order)
    (traced,) = how.traced(jnp.asarray(grams)[:, None])
    (turned,) = how.flip((traced,))
    leaves = jnp.where(jnp.asarray(mask).reshape(-1, *(1,) * (2 * order)), turned[:, 0], traced[:, 0])
    below = Scaled(leaves, jnp.zeros(len(leaves), jnp.abs(leaves).dtype))
    root = fold(replica_algebra(order), whole(network), banks, below)
    return jnp.log(how.close(jnp.asarray(vector), (root.value[:, None],))[0, 0]) + root.log_scale[0]


def log_purity(network: Network, banks: Banks, vector, grams, mask) -> Float[Array, ""]:
    """`log_trace` of order 2."""
    return log_trace(network, banks, vector, grams, mask, 2)


def renyi_value_and_grad(
    network: Network, banks: Banks, label: int, measure: SiteMeasure, mask: Bool[np.ndarray, "sites"],
    order: float = 2, limit: str | float | None = None,
) -> tuple[float, dict[str, Num[np.ndarray, "..."]]]:  # fmt: skip
    """S_n in nats of class `label`, and its gradient in all banks (the output bank too), NumPy, computed in float64.

    Complex gradients by JAX's convention: dS = Re sum of gradient * step. New masks compile nothing. Raises as `renyi`;
    the estimate counts every wave, for the backward pass needs them all.
    """
    n, wide = integer_order(order), finite(banks)
    waves = whole(network).waves
    held = LIVE * sum(wave.positions * max(wave.dim_in, wave.dim_out) ** (2 * n) for wave in waves)
    memory.check(
        held * item_size(wide, measure), limit, f"renyi: the gradient of {named(n)}",
        "Ways out: narrower levels (the cost is width^(2 order)); order=2; a higher memory=.",
    )  # fmt: skip
    grams = measure.grams[measure.kind]
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        value, gradient = jax.tree.map(np.asarray, _value_and_grad(network, n, wide, label, grams, mask))
    if not all(np.isfinite(part).all() for part in (value, *gradient.values())):
        raise ValueError("state: it is zero or cancels to rounding, so its Renyi entropy has no gradient")
    return float(value), gradient


@partial(jax.jit, static_argnames=("network", "order"))
def _value_and_grad(network: Network, order: int, banks, label, grams, mask):
    def entropy(banks: Mapping[str, Num[Array, "..."]]) -> Float[Array, ""]:
        vector = banks[whole(network).output][label]
        one, traces = (log_trace(network, banks, vector, grams, mask, k) for k in (1, order))
        return (order * one - traces) / (order - 1)

    return jax.value_and_grad(entropy)(banks)
