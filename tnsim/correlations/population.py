"""Entanglement of what a sample was drawn from, with an interval that is meant to cover. Uses factors, unbiased.

    D_m = (1/m) sum_i T_i,  T_i = y_i x_i^1 (x) .. (x) x_i^N  drawn independently          D = E T

D_m = D + noise of mass about (|T|^2 - |D|^2) / m, spread over as many as m directions: a sample's own entropy lies too
high, and near ln m it holds nothing of D. Order 2: unbiased sums (`unbiased`), which see beyond ln m. Order 1: the bias
is read off halves and quarters of the sample and taken out (`entanglement.intervals`); drawing samples *with*
replacement (the bootstrap) would add the noise a second time, and does not cover. What does not fit is cut into blocks
of samples, each measured alone: blocks are independent, so influences of all samples make one interval.
"""

from __future__ import annotations

from dataclasses import replace
from math import e, log
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from tnsim import memory
from tnsim.correlations.factors import EPS, factor
from tnsim.correlations.gram import DEFAULT, Batching, gram, side
from tnsim.correlations.tensor import DataTensor
from tnsim.correlations.unbiased import Sums, purity_finding, sums
from tnsim.entanglement.estimate import Estimate, Stopwatch
from tnsim.entanglement.intervals import Finding, interval
from tnsim.entanglement.spectrum import renyi
from tnsim.partitions import Partition

__all__ = ["Resampling", "data_population"]

LEAST = 16  # samples of a block: a quarter still has four
HELD = {1: 12, 2: 6}  # numbers held for each pair of samples of a block, by order
LARGEST = {1: 2048, 2: 4096}  # a block beyond which its cube costs more than it tells
HALVINGS = 4  # random ways to halve a block


class Resampling(NamedTuple):
    """How sure, and by which samples. confidence: of the interval. block: most samples measured together (None: what
    fits, at most 2048 at order 1 and 4096 at order 2). most: samples used of all. seed: of which, and of the halves."""

    confidence: float = 0.95
    block: int | None = None
    most: int | None = None
    seed: int = 0


STANDARD = Resampling()


def data_population(
    tensor: DataTensor, A: Partition, order: int = 1, base: float = e, resampling: Resampling = STANDARD,
    limit: str | float | None = None, batching: Batching = DEFAULT,
) -> Estimate:  # fmt: skip
    """Entropy (order 1: von Neumann, 2: Renyi-2) of E[y x^1 (x) .. (x) x^N] across (A, the rest), in nats or bits.

    Samples are taken as independent draws. The upper end is inf where they are too few to say; at order 2 the value is
    then NaN and the interval everything. Raises ValueError for orders other than 1 and 2, fewer than 16 samples, a
    confidence outside (0, 1), an A that is empty or everything; MemoryLimitError where no block of 16 fits.
    """
    watch, mask = Stopwatch(), tensor.mask(A)
    blocks = _blocks(tensor, order, resampling, limit)
    rng = np.random.default_rng(resampling.seed)
    measure = _unbiased if order == 2 else _halved
    found = measure(tensor, mask, blocks, rng, batching)
    told = f"{len(blocks)} block(s) of up to {len(blocks[0])} samples"
    method = f"sums over different samples, {told}" if order == 2 else f"halves and quarters, {told}"
    if found is None:
        nothing = Estimate(np.nan, 0.0, np.inf, method, note="too few samples to say")
        return replace(nothing, confidence=resampling.confidence, seconds=watch.seconds)
    ends = interval(found, resampling.confidence, EPS * tensor.features.shape[1])
    note = "" if np.isfinite(ends.upper) else "the spectrum does not fit the sample: its bias does not fall with m"
    estimate = Estimate(ends.value, ends.lower, ends.upper, method, note=note, confidence=resampling.confidence)
    return replace(estimate.map(lambda nats: nats / log(base)), seconds=watch.seconds)


def _blocks(tensor: DataTensor, order: int, asked: Resampling, limit) -> list[Int[np.ndarray, "k"]]:
    """Samples in random blocks of nearly equal size."""
    if order not in (1, 2):
        raise ValueError(f"order: wanted 1 or 2, found {order!r}")
    if not 0 < asked.confidence < 1:
        raise ValueError(f"confidence: wanted a number between 0 and 1, found {asked.confidence!r}")
    for name, value in (("block", asked.block), ("most", asked.most)):
        if value is not None and value < LEAST:
            raise ValueError(f"{name}: wanted an integer >= {LEAST}, found {value!r}")
    m = min(tensor.samples, asked.most or tensor.samples)
    if m < LEAST:
        raise ValueError(f"tensor: wanted at least {LEAST} samples of weight, found {m}")
    per, room = 8.0 * HELD[order], memory.limit(limit)
    memory.check(per * LEAST**2, room, "data: a block of samples", "Way out: a higher limit=.")
    size = min(asked.block or LARGEST[order], int((room / per) ** 0.5), m)
    chosen = np.random.default_rng(asked.seed).permutation(tensor.samples)[:m]
    return np.array_split(chosen, -(-m // size))


def _unbiased(tensor: DataTensor, mask, blocks, rng, batching: Batching) -> Finding | None:
    return purity_finding([_sums(tensor.part(block), mask, batching) for block in blocks])


def _sums(part: DataTensor, mask: Bool[np.ndarray, "N"], batching: Batching) -> Sums:
    whole = slice(0, part.samples)
    a, b = (gram(side(part, inside, batching), whole, whole) for inside in (mask, ~mask))
    for matrix in (a, b):
        np.fill_diagonal(matrix, 1.0)
    return sums(a, b, part.weights)


class _Halves(NamedTuple):
    """S of a block, the mean S of its halves and quarters, and the influence of every sample on S."""

    full: float
    half: float
    quarter: float
    influences: Float[np.ndarray, "k"]


def _halved(tensor: DataTensor, mask, blocks, rng, batching: Batching) -> Finding:
    parts = [_halves(tensor.part(block), mask, rng, batching) for block in blocks]
    full, half, quarter = (float(np.mean([part[i] for part in parts])) for i in range(3))
    last, before = full - half, half - quarter
    # S falls or rises with m; only a rise that does not slow down says that m is too small to hold the spectrum.
    ratio = min(last / before, 1.0) if last > 0 and before > 0 else (1.0 if last > 0 else 0.0)
    influences = np.concatenate([part.influences for part in parts])
    more = 2 * last - before  # what noise on m directions adds besides c/m: (c/m) ln m, of which just this is left
    return Finding(max(full + last + more, full / 2), last, abs(more), ratio, influences, np.zeros(2))


def _halves(part: DataTensor, mask: Bool[np.ndarray, "N"], rng: np.random.Generator, batching: Batching) -> _Halves:
    m, v = part.samples, part.weights
    left, right = (factor(side(part, inside, batching), v, m).L for inside in (mask, ~mask))
    left = left * v[:, None]
    U, s, Wh = np.linalg.svd(left.T @ right, full_matrices=False)
    p = s**2 / (s**2).sum()
    kept = p > EPS
    slope = np.where(kept, 2 * p * (-np.log(np.where(kept, p, 1)) - renyi(p, 1)), 0)[kept] / s[kept]
    influences = m * ((left @ U[:, kept]) * (right @ Wh[kept].T)) @ slope
    smaller = [np.mean([_entropy(left[ids], right[ids]) for _ in range(HALVINGS)
                        for ids in np.array_split(rng.permutation(m), parts)]) for parts in (2, 4)]  # fmt: skip
    return _Halves(renyi(p, 1), float(smaller[0]), float(smaller[1]), influences)


def _entropy(left: Float[np.ndarray, "k r"], right: Float[np.ndarray, "k s"]) -> float:
    """S of left^T right: of the product of the triangular factors where the samples are fewer than the columns."""
    if len(left) < min(left.shape[1], right.shape[1]):
        left, right = (np.asarray(np.linalg.qr(x.T, mode="r")).T for x in (left, right))
    p = np.linalg.svd(left.T @ right, compute_uv=False) ** 2
    return renyi(p / p.sum(), 1) if p.sum() > 0 else 0.0
