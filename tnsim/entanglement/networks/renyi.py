"""Renyi entropies of whole order of any network, and its norm and amplitudes: numbers, with bounds. Uses replicas.

    S_n = (n ln <psi|psi> - ln Tr rho_A^n) / (n - 1), rho_A of the unnormalised state; THEORY sections 3 and 6

The engine's plan of the layers is found once for a network and an order: partitions differ in the tensors at the sites
alone, which go as a batch. It is sliced where it would not fit, and carried out by `executors`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import log
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from tnsim import memory
from tnsim.contract.device_memory import allowed
from tnsim.contract.finders import Path
from tnsim.contract.fold import Scaled
from tnsim.contract.plan import plan_path
from tnsim.entanglement.networks import closed, executors, replicas
from tnsim.entanglement.networks.folds import Factors
from tnsim.entanglement.networks.parts import Parts
from tnsim.entanglement.networks.replicas import Layers, Wiring
from tnsim.entanglement.networks.spectra import item_size
from tnsim.memory import MemoryLimitError
from tnsim.network import Network

SLICES = 2**12  # more of them would take too long
UNBOUNDED = 2**62  # bytes
AT_ONCE = {"numpy": 2**26, "jax": 2**31}  # bytes of a batch: what a CPU's cache holds, what fills a device
WAYS_OUT = "Ways out: fewer replicas (order=2); schmidt(A), of a partition that cuts few indices; a higher memory=."


class Logs(NamedTuple):
    """ln of positive numbers, and first-order bounds on their relative errors; -inf where rounding left nothing."""

    value: Float[np.ndarray, "n"]
    error: Float[np.ndarray, "n"]


class Asked(NamedTuple):
    """The memory limit, and the executor: "numpy", "jax", or None for what the device suits."""

    limit: str | float | None = None
    executor: str | None = None


ASKED = Asked()


def norm_squared(parts: Parts, factors: Factors, asked: Asked = ASKED) -> Logs:
    """ln <psi|psi>, as an array of one."""
    return traces(parts, factors, None, 1, asked)


def traces(
    parts: Parts, factors: Factors, masks: Bool[np.ndarray, "partitions sites"] | None, order: int,
    asked: Asked = ASKED,
) -> Logs:  # fmt: skip
    """ln Tr rho_A^n of the unnormalised state for every mask. Raises MemoryLimitError where not even one fits."""
    layers = Layers(order, order)
    job = _planned(parts, layers, factors, asked, f"Tr rho^{order} by replicas" if order > 1 else "the norm")
    given = closed.EPS * 2 * order * (max(parts.site_dims) + 2)  # of a product of Gram matrices
    found = []
    for rows in [None] if masks is None else _chunks(masks, job):
        tensors = replicas.tensors(parts, layers, replicas.joints(factors, order, rows))
        value, error, log_scale = job.run(tensors, given)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.where(np.real(value) > 0, np.log(np.real(value)) + log_scale, -np.inf)
            relative = np.where(np.real(value) > 0, error / np.real(value), np.inf)
        found.append((np.atleast_1d(logs), np.atleast_1d(relative)))
    count = 1 if masks is None else len(masks)
    return Logs(*(np.concatenate(each)[:count] for each in zip(*found, strict=True)))


def entropies(
    parts: Parts, factors: Factors, masks: Bool[np.ndarray, "partitions sites"], order: int, asked: Asked = ASKED
):
    """(value, lower, upper) of S_n in nats, each (partitions,). Raises ValueError for a state that is zero."""
    norm = norm_squared(parts, factors, asked)
    if not np.isfinite(norm.value[0]):
        raise ValueError("state: it is exactly zero, zero to rounding or not finite, so it has no Renyi entropy")
    found = traces(parts, factors, masks, order, asked)
    dims = np.log(np.array(parts.site_dims, dtype=float))
    inside = np.minimum(masks @ dims, ~masks @ dims)  # what no entropy exceeds
    purity = found.value - order * norm.value  # ln Tr rho^n of the normalised state
    errors = (found.error, np.broadcast_to(norm.error, found.error.shape))
    least = purity + _log_of_one_minus(errors[0]) - order * np.log1p(errors[1])
    most = purity + np.log1p(errors[0]) - order * _log_of_one_minus(errors[1])
    lost = ~np.isfinite(purity)
    ends = -np.stack([purity, np.where(lost, 0.0, most), np.where(lost, -np.inf, least)]) / (order - 1)
    value, lower, upper = np.clip(ends, 0.0, inside[None])
    return value, np.minimum(lower, value), np.maximum(upper, value)


def amplitudes(parts: Parts, factors: Factors, digits: Int[np.ndarray, "n sites"], asked: Asked = ASKED) -> Scaled:
    """<d_1 .. d_N|psi>, not normalised, as value * exp(log_scale)."""
    layers = Layers(1, 0)
    job = _planned(parts, layers, factors, asked, "an amplitude")
    values, scales = [], []
    for rows in _chunks(digits, job):
        ends = [factor.T[rows[:, site]] for site, factor in enumerate(factors)]
        value, _, log_scale = job.run(replicas.tensors(parts, layers, ends), None)
        peak = np.abs(value)
        some = np.where(peak > 0, peak, 1.0)
        values.append(value / some)
        scales.append(np.broadcast_to(log_scale, value.shape) + np.log(some))
    return Scaled(np.concatenate(values)[: len(digits)], np.concatenate(scales)[: len(digits)])


class Job(NamedTuple):
    """Planned layers: their steps, the axes {axis: dimension} that are sliced, how many partitions or configurations go
    at once, and by which executor."""

    wiring: Wiring
    sliced: dict[int, int]
    batch: int
    executor: str

    def run(self, tensors: list[closed.Named], given: float | None) -> closed.Sum:
        """All slices."""
        return closed.summed(tensors, self.wiring.steps, self.sliced, given, executors.of(self.executor))


def _planned(parts: Parts, layers: Layers, factors: Factors, asked: Asked, what: str) -> Job:
    """The engine's path and slices. Raises MemoryLimitError where not even slices fit."""
    network, size = replicas.network_of(parts, layers), item_size(parts, factors)
    path = replicas.path_of(network, parts, layers)
    wiring = replicas.wired(network, path)
    executor = executors.chosen(asked.executor, len(wiring.steps))
    limit = allowed(asked.limit) if executor == "jax" else memory.limit(asked.limit)
    ends = size * sum(float(dim) ** layers.total for dim in parts.site_dims)
    indices, needed = _sliced(network, path, lambda sliced: ends + size * _kept(wiring, sliced), limit)
    memory.check(needed, limit, what, WAYS_OUT)
    sliced = {index: wiring.dims[index] for index in indices}
    return Job(wiring, sliced, max(1, int(min(limit, AT_ONCE[executor]) / needed)), executor)


def _sliced(
    network: Network, path: Path, needed: Callable[[tuple[int, ...]], float], limit: int
) -> tuple[tuple[int, ...], float]:
    """Indices to slice for a limit, or to come close to it, and the bytes then needed.

    The engine slices until what is alive along the path fits; here all tensors are kept for what surrounds them.
    """
    sliced: tuple[int, ...] = ()
    most = needed(sliced)
    peak = plan_path(network, UNBOUNDED, path, 1).peak if most > limit else 0
    while most > limit:
        try:
            plan = plan_path(network, max(1, int(peak * min(0.5, limit / most))), path, 1)
        except MemoryLimitError:  # told by who asks, with the bytes of all that is kept
            break
        if plan.slices > SLICES:
            break
        sliced, most, peak = plan.sliced, needed(plan.sliced), plan.peak
    return sliced, most


def _kept(wiring: Wiring, sliced: tuple[int, ...]) -> float:
    """Numbers: tensors and what surrounds them are both kept."""
    sizes = wiring.numbers(sliced)
    return 2 * sum(sizes) + 4 * max(sizes)


def _chunks(rows: Num[np.ndarray, "n sites"] | Bool[np.ndarray, "n sites"], job: Job) -> Iterator:
    """Some at a time; for JAX a power of two or a whole batch, the last filled up, so that few shapes are compiled."""
    if job.executor == "numpy":
        yield from (rows[first : first + job.batch] for first in range(0, len(rows), job.batch))
        return
    size = min(job.batch, 1 << (len(rows) - 1).bit_length())
    for first in range(0, len(rows), size):
        yield rows[np.minimum(np.arange(first, first + size), len(rows) - 1)]


def _log_of_one_minus(error: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    with np.errstate(divide="ignore"):
        return np.log1p(-np.minimum(error, 1.0))


def log_dimension(parts: Parts, sites: list[int]) -> float:
    """ln of the dimension of a set of sites, or of the rest where that is less."""
    inside = sum(log(parts.site_dims[site]) for site in sites)
    return min(inside, sum(map(log, parts.site_dims)) - inside)
