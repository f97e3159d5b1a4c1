"""The matrix of a black box on n inputs for each side of a partition, in chunks. THEORY section 7. Used by sampled.

    x_A^i on the sites of A --[ g ]-- x_B^j on the sites of B        K[i, j] = g([x_A^i, x_B^j])

A value may come as (value, log_scale); the whole matrix is brought to peak 1, which no entropy feels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int, Num

BlackBox = Callable[[np.ndarray], Any]  # inputs (batch, sites, ..) -> values (batch,), or (value, log_scale)
Progress = Callable[[int, int], Any] | None  # called with (evaluations done, evaluations of this stage)
CHUNK, CHUNK_BYTES = 8192, 2**26  # inputs at once, and the most bytes that they may take


class Matrix(NamedTuple):
    """K = values * exp(log_peak), max |values| = 1; log_peak -inf for a block of zeros. dtype: what g answered in."""

    values: Num[np.ndarray, "rows columns"]
    log_peak: float
    dtype: np.dtype

    @property
    def eps(self) -> float:
        """Relative rounding of the values as g gave them; whole numbers have none."""
        return float(jnp.finfo(self.dtype).eps) if jnp.issubdtype(self.dtype, jnp.inexact) else 0.0


class Stream(NamedTuple):
    """Inputs one after the other: take(start, stop) draws those of these numbers; available: how many there are."""

    take: Callable[[int, int], np.ndarray]
    available: float
    source: str


def streams(samples: tuple[Any, Any], replacement: bool, seed: int) -> tuple[Stream, Stream]:
    """Independent inputs for A and for B: rows of an array, or what a callable (rng, count) draws.

    Without replacement one array for both sides is split in two halves, so that no row is on both.
    Raises ValueError for a sample that is neither an array of inputs nor a callable.
    """
    sample_A, sample_B = samples
    rng_A, rng_B, rng_rows = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(3))
    if sample_B is not None:
        return (
            _stream(sample_A, "sample_A", rng_A, replacement, None),
            _stream(sample_B, "sample_B", rng_B, replacement, None),
        )
    if callable(sample_A) or replacement:
        return _stream(sample_A, "sample_A", rng_A, True, None), _stream(sample_A, "sample_A", rng_B, True, None)
    rows = rng_rows.permutation(len(_array(sample_A, "sample_A")))
    halves = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    return (
        _stream(sample_A, "sample_A", rng_A, False, halves[0]),
        _stream(sample_A, "sample_A", rng_B, False, halves[1]),
    )


def _stream(
    sample, name: str, rng: np.random.Generator, replacement: bool, rows: Int[np.ndarray, "m"] | None
) -> Stream:
    if callable(sample):
        return Stream(lambda start, stop: _drawn(sample, name, rng, stop - start), np.inf, "inputs drawn by a sampler")
    inputs = _array(sample, name)
    count = len(inputs)
    if replacement:
        return Stream(
            lambda start, stop: inputs[rng.integers(count, size=stop - start)], np.inf,
            f"each of the {count} inputs given equally likely",
        )  # fmt: skip
    order = rng.permutation(count) if rows is None else rows
    return Stream(
        lambda start, stop: inputs[order[start:stop]], len(order), f"what {count} inputs given were drawn from"
    )


def _array(sample, name: str) -> np.ndarray:
    inputs = np.asarray(sample)
    if inputs.ndim < 2 or not len(inputs):
        raise ValueError(f"{name}: wanted inputs (count, sites, ..) or a callable, found shape {inputs.shape}")
    return inputs


def _drawn(sampler: Callable, name: str, rng: np.random.Generator, count: int) -> np.ndarray:
    inputs = np.asarray(sampler(rng, count))
    if inputs.ndim < 2 or len(inputs) != count:
        raise ValueError(f"{name}: wanted a sampler's inputs of shape ({count}, sites, ..), found {inputs.shape}")
    return inputs


def side(mask: np.ndarray, shape: tuple[int, ...]) -> Bool[np.ndarray, "..."]:
    """The mask (True: in A) made to broadcast against one input of this shape.

    Its shape is that of an input's first axes, (sites,) or (height, width), or flat where an input is an image.
    Raises ValueError for another shape, no booleans, and an A that is empty or everything.
    """
    mask = np.asarray(mask)
    if mask.dtype != bool or not mask.any() or mask.all():
        raise ValueError(f"mask: wanted booleans with both sides present, found {mask.dtype}, {int(mask.sum())} in A")
    image = mask.ndim == 1 and len(shape) > 1 and mask.size == shape[0] * shape[1] and mask.size != shape[0]
    mask = mask.reshape(shape[:2]) if image else mask
    if mask.shape != shape[: mask.ndim]:
        raise ValueError(f"mask: wanted one entry for each site of inputs {shape}, found shape {mask.shape}")
    return mask.reshape(mask.shape + (1,) * (len(shape) - mask.ndim))


def evaluate(
    g: BlackBox, inside: Bool[np.ndarray, "..."], A: np.ndarray, B: np.ndarray, chunk: int | None, progress: Progress
) -> Matrix:
    """g at all pairs, `chunk` inputs at once (the last one filled up, so that g sees one shape)."""
    if A.shape[1:] != B.shape[1:]:
        raise ValueError(f"sample_A, sample_B: wanted inputs of one shape, found {A.shape[1:]} and {B.shape[1:]}")
    total = len(A) * len(B)
    at_once = min(total, chunk or max(1, min(CHUNK, CHUNK_BYTES // max(A[:1].nbytes, 1))))
    parts = []
    for start in range(0, total, at_once):
        i, j = np.divmod(np.minimum(np.arange(start, start + at_once), total - 1), len(B))
        parts.append(_read(g(np.where(inside, A[i], B[j])), at_once))
        if progress is not None:
            progress(min(start + at_once, total), total)
    values, logs = (np.concatenate(part)[:total].reshape(len(A), len(B)) for part in zip(*parts, strict=True))
    dtype = values.dtype
    return _unit(values.astype(np.result_type(dtype, np.float64)), logs.astype(np.float64), dtype)


def _read(answer, batch: int) -> tuple[np.ndarray, np.ndarray]:
    """(value, log_scale) of what g gave, checked."""
    value, log_scale = answer if isinstance(answer, tuple) and len(answer) == 2 else (answer, np.zeros(batch))
    value, log_scale = np.asarray(value), np.asarray(log_scale)
    if value.shape != (batch,) or log_scale.shape != (batch,) or value.dtype.kind not in "biufcV":
        found = f"{value.shape} of {value.dtype}" if log_scale.shape == (batch,) else f"log_scale {log_scale.shape}"
        raise ValueError(f"g: wanted one number an input, shape ({batch},), found {found}")
    bad = ~np.isfinite(value) | np.isnan(log_scale) | (log_scale == np.inf)
    if bad.any():
        raise ValueError(f"g: wanted finite values, found NaN or infinity at {int(bad.sum())} of {batch} inputs")
    return value, log_scale


def _unit(values: Num[np.ndarray, "a b"], logs: Float[np.ndarray, "a b"], dtype: np.dtype) -> Matrix:
    top = float(logs[values != 0].max(initial=-np.inf))
    if top == -np.inf:
        return Matrix(np.zeros_like(values), -np.inf, dtype)
    largest = float(np.abs(values).max())  # first: products with 1e300 would overflow
    values = values / largest * np.exp(logs - top)
    peak = float(np.abs(values).max())
    return Matrix(values / peak, top + float(np.log(largest)) + float(np.log(peak)), dtype)


def joined(blocks: list[list[Matrix]]) -> Matrix:
    """A matrix of blocks, of which one at least is not zero, brought to one peak."""
    top = max(block.log_peak for row in blocks for block in row)
    scaled = [[block.values * np.exp(block.log_peak - top) for block in row] for row in blocks]
    return Matrix(np.block(scaled), top, blocks[0][0].dtype)
