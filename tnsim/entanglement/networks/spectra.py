"""The Schmidt spectrum of any network, with a bound on its rounding. THEORY sections 6 and 8. Uses folds, replicas.

A product of two clusters errs by at most gamma ||x|| ||y||, and the state feels that as ||E||, the norm of what
surrounds the cluster: ||E||^2 = Tr d<psi|psi>/dG, from one contraction of <psi|psi> forward and backward, whatever the
partition.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

from tnsim import memory
from tnsim.bounds.flow import network_min_cut
from tnsim.contract.clusters import Order
from tnsim.entanglement.networks import closed, replicas
from tnsim.entanglement.networks.folds import Factor, Factors, leaf, planned, product, shrunk
from tnsim.entanglement.networks.parts import Parts
from tnsim.entanglement.networks.products import ordered
from tnsim.entanglement.spectrum import Spectrum
from tnsim.memory import MemoryLimitError
from tnsim.network import Network

EPS = closed.EPS
NORM = replicas.Layers(1, 1)
WAYS_OUT = (
    "Ways out: renyi(A, order=2), which needs no spectrum; a partition that cuts fewer indices; a higher memory=. "
    "Certified intervals, which need less, are for layered trees alone (a ConvAC's state)."
)


class Felt(NamedTuple):
    """Of one merge, logarithms: of the error it may make, and of what that is relative to (surroundings apart)."""

    product: float
    factor: float


def spectrum(
    network: Network, parts: Parts, factors: Factors, mask: Bool[np.ndarray, "sites"],
    limit: str | float | None = None,
) -> Spectrum:  # fmt: skip
    """The Schmidt spectrum across (A, the rest), accurate to eps times what the state feels of an error.

    Raises MemoryLimitError, before anything is spent, where the estimate is above the limit; ValueError for a state
    that is zero.
    """
    plan = planned(parts, mask)
    wiring = replicas.along(parts, NORM, plan)
    needed = item_size(parts, factors) * max(plan.peak, 2 * sum(wiring.numbers()))
    if needed > memory.limit(limit):
        raise refusal(network, mask, needed, limit, "its exact Schmidt spectrum")
    matrix, felt = _folded(parts, factors, mask, plan)
    values = np.linalg.svd(matrix.value, compute_uv=False)
    norm = float(np.linalg.norm(values))
    if norm == 0:
        raise ValueError("state: it is exactly zero, so it has no Schmidt spectrum")
    if not np.isfinite(norm):
        raise ValueError("state: its Schmidt values are not finite; look for NaN or infinity in the banks")
    log_norm = float(np.log(norm)) + matrix.log_scale
    around = surroundings(parts, factors, wiring)
    error = sum(np.exp(min(each + outside - log_norm, 700.0)) for one, outside in zip(felt, around, strict=True)
                for each in one)  # fmt: skip
    return Spectrum(values / norm, log_norm, EPS * len(values) ** 0.5 + float(error))


def item_size(parts: Parts, factors: Factors) -> int:
    """Bytes of one number of a measurement: complex where a tensor or a factor is."""
    return 16 if parts.is_complex or any(map(np.iscomplexobj, factors)) else 8


def refusal(network: Network, mask: Bool[np.ndarray, "sites"], needed: float, limit, what: str) -> MemoryLimitError:
    """The estimate, the min-cut and the ways out."""
    cut = network_min_cut(network, mask, outputs="fixed")
    told = f"The rank may reach the min-cut, {cut!r}. {WAYS_OUT}"
    return memory.refusal(needed, limit, f"A of {int(mask.sum())} sites: {what}", told)


def _folded(
    parts: Parts, factors: Factors, mask: Bool[np.ndarray, "sites"], plan: Order
) -> tuple[Factor, list[Felt]]:
    """The state as a matrix (chi_A, chi_B), and the errors of every merge."""
    values = {number: leaf(part, factors, mask) for number, part in enumerate(parts.parts)}
    felt, last = [], len(parts.parts) + len(plan.merges) - 1
    for number, merge in enumerate(plan.merges, start=len(parts.parts)):
        x, y = values.pop(merge.left), values.pop(merge.right)
        made = product(x, y, merge.bonds)
        summed = (x.value.size * y.value.size / made.value.size) ** 0.5  # about the terms of each sum
        values[number] = made if number == last else shrunk(made)
        of_product = _log(summed + 4) + _log_norm(x) + _log_norm(y)
        felt.append(Felt(of_product, _log(4 * made.value.size**0.5) + _log_norm(made)))
    matrix = values[last]
    return Factor(matrix.value.reshape(matrix.value.shape[:2]), (), matrix.log_scale), felt


def _log(number: float) -> float:
    return float(np.log(EPS * number))


def _log_norm(x: Factor) -> float:
    with np.errstate(divide="ignore"):
        return float(np.log(np.linalg.norm(x.value.ravel()))) + x.log_scale


def surroundings(parts: Parts, factors: Factors, wiring: replicas.Wiring) -> list[float]:
    """ln ||E|| of what surrounds every merged cluster, E from its bonds to all the rest."""
    run = closed.contract(replicas.tensors(parts, NORM, replicas.joints(factors, 1, None)), wiring.steps)
    around = closed.environments(run)
    return [_half_trace(around[number], len(parts.dims)) for number in wiring.clusters]


def _half_trace(around: closed.Tensor | None, total: int) -> float:
    """ln Tr^(1/2) of kets and bras."""
    assert around is not None
    kets = sorted(axis for axis in around.named.axes if axis < total)
    matrix = ordered(around.named, (*kets, *(axis + total for axis in kets))).value
    size = int(np.prod(matrix.shape[: len(kets)], dtype=int))
    with np.errstate(divide="ignore"):
        trace = np.log(np.abs(np.trace(matrix.reshape(size, size))))
    return 0.5 * float(trace + around.log_scale)
