"""Entanglement of any function of sites, from its values at sampled inputs. THEORY section 7. Above intervals.

    n draws for A, n for B  ->  K = g([x_A^i, x_B^j]) / n  ->  singular values of g in L2(mu_A x mu_B)  ->  S

A ReLU network, a trained ConvAC, any callable on batches. What is found is a statistic: its interval is meant to cover
with the stated probability, not always, and nothing sampled can speak of inputs so rare that none were drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from tnsim import memory
from tnsim.entanglement.estimate import Estimate, Stopwatch
from tnsim.entanglement.evaluations import BlackBox, Matrix, Progress, Stream, evaluate, joined, side, streams
from tnsim.entanglement.intervals import Finding, Interval, block_probabilities, factors, interval, purity, spectral

LEAST = 8  # a quarter of the matrix still has two rows
HELD = 10  # complex numbers held for each entry of the matrix: blocks, factors, work space


@dataclass(frozen=True)
class Sampling:
    """How a black box is sampled.

    n: draws a side. confidence: of the interval. atol: n is doubled until the interval's half-width, in nats, is at
    most this, or `largest`, the samples or the memory are used up. seed: fixes every draw. chunk: inputs at once.
    replacement: with it an array of inputs *is* the measure, each equally likely; without, the inputs stand for what
    they were drawn from (one array is split between A and B, so that 2 n inputs are needed). memory: bytes or "8GB".
    """

    n: int = 512
    confidence: float = 0.95
    atol: float | None = None
    largest: int = 4096
    seed: int = 0
    chunk: int | None = None
    replacement: bool = True
    memory: str | float | None = None

    def __post_init__(self) -> None:
        for name, least in (("n", LEAST), ("largest", LEAST), ("seed", 0), ("chunk", 1)):
            value = getattr(self, name)
            whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= least
            if not whole and not (name == "chunk" and value is None):
                raise ValueError(f"{name}: wanted an integer >= {least}, found {value!r}")
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence: wanted a number between 0 and 1, found {self.confidence!r}")
        if self.atol is not None and not self.atol > 0:
            raise ValueError(f"atol: wanted nats above 0, found {self.atol!r}")


DEFAULT = Sampling()


class Box(NamedTuple):
    """A black box with what it is asked at: the side A of one input, and the draws."""

    g: BlackBox
    inside: Bool[np.ndarray, "..."]
    streams: tuple[Stream, Stream]
    sampling: Sampling
    progress: Progress


class Evaluated(NamedTuple):
    """A square of draws and the matrix at them."""

    A: np.ndarray
    B: np.ndarray
    matrix: Matrix


@dataclass(frozen=True, eq=False)
class SampledSpectrum:
    """Normalised Schmidt values of an n x n sample of a function, descending, their squares sum to 1.

    at_half: the same of n/2 x n/2 blocks, root mean square of several, and spread: their standard deviation; where
    values and at_half differ by more than spread, n is too small for that value.
    """

    values: Float[np.ndarray, "k"]
    at_half: Float[np.ndarray, "k_half"]
    spread: Float[np.ndarray, "k_half"]
    n: int
    note: str

    @property
    def probabilities(self) -> Float[np.ndarray, "k"]:
        """p_k = s_k^2; they sum to 1."""
        return self.values**2


def sampled_entropy(
    g: BlackBox,
    mask: np.ndarray,
    sample_A,
    sample_B=None,
    order: float = 1,
    sampling: Sampling = DEFAULT,
    progress: Progress = None,
) -> Estimate:
    """Renyi entropy in nats (order 1: von Neumann) of g in L2(mu_A x mu_B), with an interval of sampling.confidence.

    g: inputs (batch, sites, ..) -> values (batch,), real or complex, or a pair (value, log_scale). mask: the sites in
    A, on the first axes of an input. sample_A, sample_B: inputs as an array (count, sites, ..) or a callable
    (rng, count) -> inputs, of which the A sites (B sites) are used; None: the draws of B are independent ones of
    sample_A. order >= 1, inf too: smaller orders weigh values that no sample sees. upper is inf where the entropy
    still rises with n as fast as it can.

    Raises ValueError for bad input, values that are not finite, and a function that is zero wherever it was asked;
    MemoryLimitError where n x n is above the limit.
    """
    clock = Stopwatch()
    if isinstance(order, bool) or not order >= 1:
        raise ValueError(f"order: wanted a number >= 1, found {order!r}")
    box = _box(g, mask, (sample_A, sample_B), sampling, progress)
    asked = _first(box)
    found, ends, method = _measured(asked, order, sampling)
    why = _why_stop(len(asked.A), ends, box)
    while not why:
        asked = _doubled(box, asked)
        found, ends, method = _measured(asked, order, sampling)
        why = _why_stop(len(asked.A), ends, box)
    note = "; ".join(part for part in (_told(found, len(asked.A)), _measure(box, len(asked.A)), why.strip()) if part)
    return Estimate(
        ends.value, ends.lower, ends.upper, f"sampled n x n matrix, n = {len(asked.A)}, {method}",
        f"{asked.matrix.dtype} values", clock.seconds, note, sampling.confidence,
    )  # fmt: skip


def sampled_spectrum(
    g: BlackBox,
    mask: np.ndarray,
    sample_A,
    sample_B=None,
    sampling: Sampling = DEFAULT,
    progress: Progress = None,
) -> SampledSpectrum:
    """The n largest Schmidt values of g in L2(mu_A x mu_B) as sampled, beside those at n/2. See sampled_entropy.

    They are not corrected for bias: a sample spreads a spectrum, so that large values come out too large and what lies
    below about 1/n of the whole is lost. atol and confidence of `sampling` are not used.
    """
    box = _box(g, mask, (sample_A, sample_B), sampling, progress)
    asked = _first(box)
    rng = np.random.default_rng(sampling.seed)
    found = factors(asked.matrix.values, rng)
    halves = block_probabilities(found, rng)
    values = np.zeros(len(asked.A))
    values[: len(found.s)] = found.s / np.linalg.norm(found.s)
    return SampledSpectrum(
        values, np.sqrt(halves.mean(axis=0)), np.sqrt(halves).std(axis=0), len(values), _measure(box, len(values))
    )


def _box(g: BlackBox, mask, samples: tuple, sampling: Sampling, progress: Progress) -> Box:
    pair = streams(samples, sampling.replacement, sampling.seed)
    for stream in pair:
        if stream.available < sampling.n:
            raise ValueError(
                f"n: wanted at most the {stream.available} inputs of a side without replacement, found {sampling.n}"
            )
    memory.check(
        _needed(sampling.n), sampling.memory, f"n: a matrix of {sampling.n} x {sampling.n} evaluations",
        "Ways out: a smaller n; a higher memory=.",
    )  # fmt: skip
    return Box(g, np.asarray(mask), pair, sampling, progress)


def _needed(n: int) -> float:
    return HELD * 16.0 * n * n


def _first(box: Box) -> Evaluated:
    A, B = (stream.take(0, box.sampling.n) for stream in box.streams)
    matrix = evaluate(box.g, side(box.inside, A.shape[1:]), A, B, box.sampling.chunk, box.progress)
    if matrix.log_peak == -np.inf:
        raise ValueError(f"g: it is zero at all {matrix.values.size} inputs asked, so it has no entropy")
    return Evaluated(A, B, matrix)


def _doubled(box: Box, asked: Evaluated) -> Evaluated:
    """Twice as many draws a side; what is known is kept."""
    n = len(asked.A)
    A, B = (stream.take(n, 2 * n) for stream in box.streams)
    inside, chunk = side(box.inside, A.shape[1:]), box.sampling.chunk
    old_new, new_old, new_new = (
        evaluate(box.g, inside, *pair, chunk, box.progress) for pair in ((asked.A, B), (A, asked.B), (A, B))
    )
    return Evaluated(
        np.concatenate([asked.A, A]),
        np.concatenate([asked.B, B]),
        joined([[asked.matrix, old_new], [new_old, new_new]]),
    )


def _measured(asked: Evaluated, order: float, sampling: Sampling) -> tuple[Finding, Interval, str]:
    rng = np.random.default_rng([sampling.seed, len(asked.A)])
    found = factors(asked.matrix.values, rng)
    pairs = purity(asked.matrix.values, found) if order == 2 else None
    if pairs is not None:
        return pairs, interval(pairs, sampling.confidence, asked.matrix.eps), "unbiased sums, jackknife"
    extrapolated = spectral(found, order, rng)
    return extrapolated, interval(extrapolated, sampling.confidence, asked.matrix.eps), "extrapolated from n/2"


def _why_stop(n: int, ends: Interval, box: Box) -> str:
    """Empty: go on to 2n. A blank: done. Else what was in the way of atol."""
    sampling = box.sampling
    half_width = max(ends.upper - ends.value, ends.value - ends.lower)
    if sampling.atol is None or half_width <= sampling.atol:
        return " "
    missed = f"atol {sampling.atol:g} not reached: "
    if 2 * n > sampling.largest:
        return missed + f"2 n is above largest = {sampling.largest}"
    if 2 * n > min(stream.available for stream in box.streams):
        return missed + "the inputs without replacement are used up"
    if _needed(2 * n) > memory.limit(sampling.memory):
        return missed + f"2 n needs about {memory.human(_needed(2 * n))} of memory"
    return ""


def _told(found: Finding, n: int) -> str:
    return f"bias seen at n/2 = {n // 2}: {-found.seen:+.2g} nats"


def _measure(box: Box, n: int) -> str:
    sources = " and ".join(sorted({stream.source for stream in box.streams}))
    return f"{n * n} evaluations; measure: product of the marginals of A and B, {sources}"
