"""Renyi entropies of whole order of any network, and its norm and amplitudes: numbers, with bounds. Uses replicas.

    S_n = (n ln <psi|psi> - ln Tr rho_A^n) / (n - 1), rho_A of the unnormalised state; THEORY sections 3 and 6

The partitions of one call share their steps: they differ in the tensors at the sites alone, which go as a batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import log
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from tnsim import memory
from tnsim.contract.fold import Scaled
from tnsim.entanglement.networks import closed, replicas
from tnsim.entanglement.networks.folds import Factors
from tnsim.entanglement.networks.parts import Parts
from tnsim.entanglement.networks.replicas import Layers, Wiring
from tnsim.entanglement.networks.spectra import item_size

WAYS_OUT = "Ways out: fewer replicas (order=2); schmidt(A), of a partition that cuts few indices; a higher memory=."


class Logs(NamedTuple):
    """ln of positive numbers, and first-order bounds on their relative errors; -inf where rounding left nothing."""

    value: Float[np.ndarray, "n"]
    error: Float[np.ndarray, "n"]


def norm_squared(parts: Parts, factors: Factors, limit=None) -> Logs:
    """ln <psi|psi>, as an array of one."""
    return traces(parts, factors, None, 1, limit)


def traces(
    parts: Parts, factors: Factors, masks: Bool[np.ndarray, "partitions sites"] | None, order: int, limit=None
) -> Logs:
    """ln Tr rho_A^n of the unnormalised state for every mask. Raises MemoryLimitError where not even one fits."""
    layers = Layers(order, order)
    wiring = replicas.layered(parts, layers)
    what = f"Tr rho^{order} by replicas" if order > 1 else "the norm"
    room = _room(wiring, layers, parts, factors, limit, what)
    given = closed.EPS * 2 * order * (max(parts.site_dims) + 2)  # of a product of Gram matrices
    found = []
    for rows in [None] if masks is None else _chunks(masks, room.batch):
        tensors = replicas.tensors(parts, layers, replicas.joints(factors, order, rows))
        value, error, log_scale = closed.summed(tensors, wiring.steps, room.sliced, given)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.where(np.real(value) > 0, np.log(np.real(value)) + log_scale, -np.inf)
            relative = np.where(np.real(value) > 0, error / np.real(value), np.inf)
        found.append((np.atleast_1d(logs), np.atleast_1d(relative)))
    return Logs(*(np.concatenate(each) for each in zip(*found, strict=True)))


def entropies(parts: Parts, factors: Factors, masks: Bool[np.ndarray, "partitions sites"], order: int, limit=None):
    """(value, lower, upper) of S_n in nats, each (partitions,). Raises ValueError for a state that is zero."""
    norm = norm_squared(parts, factors, limit)
    if not np.isfinite(norm.value[0]):
        raise ValueError("state: it is exactly zero, zero to rounding or not finite, so it has no Renyi entropy")
    found = traces(parts, factors, masks, order, limit)
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


def amplitudes(parts: Parts, factors: Factors, digits: Int[np.ndarray, "n sites"], limit=None) -> Scaled:
    """<d_1 .. d_N|psi>, not normalised, as value * exp(log_scale)."""
    layers = Layers(1, 0)
    wiring = replicas.layered(parts, layers)
    room = _room(wiring, layers, parts, factors, limit, "an amplitude")
    values, scales = [], []
    for rows in _chunks(digits, room.batch):
        ends = [factor.T[rows[:, site]] for site, factor in enumerate(factors)]
        value, _, log_scale = closed.summed(replicas.tensors(parts, layers, ends), wiring.steps, room.sliced, None)
        peak = np.abs(value)
        some = np.where(peak > 0, peak, 1.0)
        values.append(value / some)
        scales.append(np.broadcast_to(log_scale, value.shape) + np.log(some))
    return Scaled(np.concatenate(values), np.concatenate(scales))


class Room(NamedTuple):
    """How many partitions or configurations go at once, and the axes {axis: dimension} that are sliced."""

    batch: int
    sliced: dict[int, int]


def _room(wiring: Wiring, layers: Layers, parts: Parts, factors: Factors, limit, what: str) -> Room:
    """Tensors and what surrounds them are both kept. Raises MemoryLimitError where not even slices fit."""
    size, allowed = item_size(parts, factors), memory.limit(limit)
    ends = sum(float(dim) ** layers.total for dim in parts.site_dims)
    sliced = wiring.sliced((allowed / size - ends) / 6)
    sizes = wiring.numbers(sliced)
    needed = size * (2 * sum(sizes) + 4 * max(sizes) + ends)
    memory.check(needed, allowed, what, WAYS_OUT)
    return Room(max(1, int(min(allowed, AT_ONCE) / needed)), sliced)


AT_ONCE = 2**26  # bytes of a batch: longer ones only leave the cache


def _chunks(rows: Num[np.ndarray, "n sites"] | Bool[np.ndarray, "n sites"], count: int) -> Iterator:
    return (rows[first : first + count] for first in range(0, len(rows), count))


def _log_of_one_minus(error: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    with np.errstate(divide="ignore"):
        return np.log1p(-np.minimum(error, 1.0))


def log_dimension(parts: Parts, sites: list[int]) -> float:
    """ln of the dimension of a set of sites, or of the rest where that is less."""
    inside = sum(log(parts.site_dims[site]) for site in sites)
    return min(inside, sum(map(log, parts.site_dims)) - inside)
