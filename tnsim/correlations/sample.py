"""Entanglement of a sample's own data tensor, exact or in a rigorous interval. Uses sweeps, entanglement.certified.

    D = sum_i v_i a_i b_i^T         Q_A D Q_B: between subspaces that samples span, a small matrix

Projections never raise a Schmidt value, so q_k = s_k(Q_A D Q_B)^2 / |D|^2 <= p_k for every k, and what is missing is
exactly 1 - sum q, with |D|^2 = v^T (G_A o G_B) v summed tile by tile. The bounds for certified entropies of networks
make an interval of that. With every sample a pivot, nothing is missing and the interval is rounding.
Source: THEORY sections 3 and 6; docs/data-entanglement.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import e, log
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from tnsim import memory
from tnsim.correlations.factors import EPS, FLOOR, Factor, factor
from tnsim.correlations.gram import DEFAULT, Batching, Side, side, side_bytes
from tnsim.correlations.sweeps import between, projected, sweep
from tnsim.correlations.tensor import DataTensor
from tnsim.entanglement.certified.lower import best_lower
from tnsim.entanglement.certified.upper import water_filling
from tnsim.entanglement.estimate import Estimate, Stopwatch
from tnsim.entanglement.spectrum import renyi
from tnsim.partitions import Partition

__all__ = ["DataSpectrum", "data_entropy", "data_renyi", "data_spectrum"]

ALL = 4096  # samples up to which each is a pivot, by default: seconds to minutes
PIVOTS = 256  # by default, of more samples
FAINT = 0.1  # of |D|^2: rounding beyond which nothing can be said


@dataclass(frozen=True, eq=False)
class DataSpectrum:
    """What is known of a sample's Schmidt spectrum.

    q: descending, each at most the true p_k. missing: 1 - sum q, to which rounding adds up to slack. log_rank: ln of
    how many p_k there can be. log_norm: ln |D|. pivots: of both sides. cancellation: mean squared weight over |D|^2,
    how much larger the samples are than their sum; rounding grows with it, and |noise|^2 / |D|^2 is near it over m.
    """

    q: Float[np.ndarray, "k"]
    missing: float
    slack: float
    log_rank: float
    log_norm: float
    pivots: tuple[int, int]
    cancellation: float
    seconds: float

    @cached_property
    def entropy(self) -> Estimate:
        """Von Neumann entropy in nats, in its rigorous interval; the value is its middle."""
        lower = best_lower(self.q, self.missing, None, self.slack)[0]
        upper = max(water_filling(self.q, self.missing, self.log_rank, self.slack), lower)
        return self._estimate(0.5 * (lower + upper), lower, upper)

    def renyi(self, order: float) -> Estimate:
        """Renyi entropy of an order above 1, in nats: sum p^n is at least sum q^n, at most with all that misses on q_1.

        Raises ValueError for orders up to 1 (`entropy` has 1; below it the smallest values decide, which a sample of
        rounded numbers does not have).
        """
        if not order > 1:
            raise ValueError(f"order: wanted a number above 1, found {order!r}")
        gap = self.missing + 2 * self.slack
        most = self.q.copy()
        most[0] = min(most[0] + gap, 1.0)  # sum p^n is convex: the most is all of it on one value
        least = np.maximum(self.q - self.slack, 0.0)
        ends = [_renyi(p, order) for p in (most, least)]
        return self._estimate(0.5 * (ends[0] + ends[1]), ends[0], ends[1])

    @property
    def geometric(self) -> tuple[float, float]:
        """1 - p_1 from below and above: the squared relative distance to the nearest product state."""
        top = float(self.q[0])
        return max(1 - top - self.missing - 2 * self.slack, 0.0), min(1 - top + self.slack, 1.0)

    def _estimate(self, value: float, lower: float, upper: float) -> Estimate:
        method = f"samples by {self.pivots[0]} and {self.pivots[1]} pivots"
        note = f"missing mass {max(self.missing, 0.0):.1g}, samples cancel by {self.cancellation:.2g}"
        return Estimate(value, lower, upper, method, seconds=self.seconds, note=note)


def _renyi(p: Float[np.ndarray, "k"], order: float) -> float:
    """Of an unnormalised list: ln(sum p^n) / (1 - n)."""
    total = float(p.sum())
    return max(renyi(p / total, order) + order * log(total) / (1 - order), 0.0) if total > 0 else np.inf


def data_entropy(
    tensor: DataTensor, A: Partition, base: float = e, pivots: int | None = None,
    limit: str | float | None = None, batching: Batching = DEFAULT, file: Path | None = None,
) -> Estimate:  # fmt: skip
    """Entanglement entropy of the sample's data tensor across (A, the rest), in nats, or bits with base=2.

    Of *this sample*: its Schmidt rank is at most m, so near ln m it speaks of m and not of the data; `data_population`
    speaks of what the sample was drawn from. Arguments and errors as `data_spectrum`.
    """
    return data_spectrum(tensor, A, pivots, limit, batching, file).entropy.map(lambda nats: nats / log(base))


def data_renyi(
    tensor: DataTensor, A: Partition, order: float = 2, pivots: int | None = None,
    limit: str | float | None = None, batching: Batching = DEFAULT, file: Path | None = None,
) -> Estimate:  # fmt: skip
    """Renyi entropy of an order above 1 of the sample's data tensor, in nats. As `data_entropy`."""
    return data_spectrum(tensor, A, pivots, limit, batching, file).renyi(order)


def data_spectrum(
    tensor: DataTensor, A: Partition, pivots: int | None = None, limit: str | float | None = None,
    batching: Batching = DEFAULT, file: Path | None = None,
) -> DataSpectrum:  # fmt: skip
    """The Schmidt spectrum of a sample's data tensor across (A, the rest), as far as so many pivots a side find it.

    pivots: by default all samples where they are few and fit (the interval is then rounding), else 256. Work: m^2 (N
    / 2 + 2 pivots) products. file: keeps the state of a long sweep, so that the same call goes on where it was stopped.
    Raises ValueError for an A that is empty or everything and samples that cancel to zero, MemoryLimitError where the
    pivots do not fit, PartsError for the file of another sweep.
    """
    watch, mask = Stopwatch(), tensor.mask(A)
    most = _pivots(tensor, mask, pivots, limit, batching)
    one, other = side(tensor, mask, batching), side(tensor, ~mask, batching)
    left, right = factor(one, tensor.weights, most), factor(other, tensor.weights, most)
    found = _found(one, other, (left, right), tensor, file)
    log_rank = min(_log_dimension(tensor, mask), _log_dimension(tensor, ~mask), log(tensor.samples))
    return replace(found, log_rank=log_rank, seconds=watch.seconds)


def _found(
    one: Side, other: Side, factors: tuple[Factor, Factor], tensor: DataTensor, file: Path | None
) -> DataSpectrum:
    """Between the pivots where they span all samples, else between the ranges that one sweep finds."""
    (left, right), v = factors, tensor.weights
    whole = all(x.rank == tensor.samples or not x.residual.max() > (x.rank + 1) * FLOOR * EPS for x in factors)
    C, E = (x.L[:, :0] if whole else x.L * v[:, None] for x in (right, left))
    swept = sweep(one, other, v, C, E, file)
    rounding = 4 * EPS * (tensor.features.shape[1] + max(left.rank, right.rank))  # of entries of G and of L L^T
    mean = float((v**2).sum()) * len(v)
    slack = rounding * mean / swept.squared if swept.squared > rounding * mean else 1.0
    if slack >= FAINT:
        raise ValueError("tensor: wanted samples whose weighted sum is not zero, found that they cancel to rounding")
    if whole:
        q = projected(left, right, v) ** 2 / swept.squared
    else:  # what rounding moves and what is left out for it, in balance
        slack = slack**0.5
        q = between(swept, v, C, E, slack) ** 2 / swept.squared
    log_norm = 0.5 * log(swept.squared) + tensor.log_scale
    return DataSpectrum(q, 1 - float(q.sum()), slack, 0.0, log_norm, (left.rank, right.rank), mean / swept.squared, 0.0)


def _pivots(tensor: DataTensor, mask: Bool[np.ndarray, "N"], asked: int | None, limit, batching: Batching) -> int:
    """How many pivots a side are taken: those asked for, all of a few thousand samples that fit, else PIVOTS."""
    if asked is not None and (isinstance(asked, bool) or asked < 1):
        raise ValueError(f"pivots: wanted an integer >= 1, found {asked!r}")
    m = tensor.samples
    if asked is None and m <= ALL and _bytes(tensor, mask, m, batching) <= memory.limit(limit):
        return m
    most = min(m, PIVOTS if asked is None else asked)
    memory.check(_bytes(tensor, mask, most, batching), limit,
                 f"data: {m} samples of {len(mask)} sites by {most} pivots a side",
                 "Ways out: fewer samples; fewer pivots; a higher limit=.")  # fmt: skip
    return most


def _bytes(tensor: DataTensor, mask: Bool[np.ndarray, "N"], pivots: int, batching: Batching) -> float:
    """Features of both sides, six columns of all samples for each pivot, and the small matrix with its SVD's work."""
    varying = (int((part & tensor.varying).sum()) for part in (mask, ~mask))
    return sum(side_bytes(tensor, n, batching) for n in varying) + 48.0 * tensor.samples * pivots + 32.0 * pivots**2


def _log_dimension(tensor: DataTensor, mask: Bool[np.ndarray, "N"]) -> float:
    """ln M^sites of the sites of a side that vary."""
    return int((mask & tensor.varying).sum()) * log(tensor.features.shape[2])
