"""The algebra of scores: a vector a node and sample, its scale taken by exact powers of two. Uses fold, products.

    below (n, r_in, batch) --[conv]--> (n, r_out, batch) --[times 2^-e, product over windows]--> (nodes, r_out, batch)

One pass a wave finds the peaks; the scale itself is one more factor of the product that pools, so that no wave is
written twice. A power of two rounds nothing, and no logarithm is taken.
"""

from __future__ import annotations

from math import log, log2
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Num

from tnsim.contract import fold as folds
from tnsim.contract.execution import Execution
from tnsim.contract.fold import Algebra, Scaled
from tnsim.contract.products import product
from tnsim.contract.schedule import Wave

SAFE = 60.0  # bits: a pooled vector and the one above it stay in float32's 127 with as much left for the weights


class Pending(NamedTuple):
    """value * factor * exp(log_scale): a scale that is known and not yet multiplied in."""

    value: Num[Array, "n r batch"]
    factor: Float[Array, "n #r batch"]
    log_scale: Float[Array, "n batch"]


def vectors(execution: Execution) -> Algebra:
    """Scores' vectors (n, r, batch), the batch last, one scale a node and sample."""
    multiply = product(execution)
    if execution.rescale == "always":
        return folds.stacked(multiply, axes=(-2,))

    def conv(wave: Wave, bank: Num[Array, "copies r_out r_in"], below: Scaled) -> Pending:
        rows = bank if wave.slots is None or len(bank) == 1 else bank[wave.slots.array]
        if wave.below is not None:
            below = Scaled(below.value[wave.below.array], below.log_scale[wave.below.array])
        weights, weight_exponent = scale_of(jnp.abs(bank).max(0).max(keepdims=True)[None])
        factor, exponent = scale_of(jnp.abs(below.value).max(1, keepdims=True))
        exponents = (exponent + weight_exponent)[:, 0] * log(2)
        return Pending(multiply(rows, below.value), factor * weights, below.log_scale + exponents)

    return Algebra(conv, _pool)


def scale_of(peak: Float[Array, "..."]) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """(2^-e, e) with peak * 2^-e in [1, 2); 1 and 0 for a peak of zero. Constants: no gradient depends on a scale."""
    peak = lax.stop_gradient(peak)
    kind = jnp.finfo(peak.dtype)
    bits = np.dtype(f"int{kind.bits}")
    exponent = (lax.bitcast_convert_type(peak, bits) >> kind.nmant) - (1 - kind.minexp)
    # Subnormal peaks count as the smallest normal; infinite ones as the largest finite: both keep 2^-e finite.
    exponent = jnp.where(peak > 0, jnp.clip(exponent, kind.minexp, kind.maxexp - 2), 0)
    biased = ((1 - kind.minexp) - exponent).astype(bits)
    scale = lax.bitcast_convert_type(biased << kind.nmant, peak.dtype)
    return scale, exponent.astype(jnp.promote_types(peak.dtype, jnp.float32))


def _pool(wave: Wave, x: Pending) -> Scaled:
    """Products over the windows; long ones, whose bound leaves the range, take a scale at every halving."""
    window, width = wave.children.array.shape[1], wave.dim_in
    if (window + 1) * log2(2 * width) > SAFE:
        return folds.pool(wave, Scaled(x.value * x.factor, x.log_scale), (-2,))
    value, factor, logs = (_windows(wave, part) for part in x)
    return Scaled(_multiplied(value, factor), logs.sum(1))


def _windows(wave: Wave, x: Num[Array, "positions ..."]) -> Num[Array, "nodes window ..."]:
    """The positions of every window, side by side."""
    if wave.grid is None:
        return x[wave.children.array]
    (h, w), rows, columns = wave.grid.window, wave.grid.rows, wave.grid.columns
    split = x.reshape(rows // h, h, columns // w, w, *x.shape[1:])
    return split.swapaxes(1, 2).reshape(-1, h * w, *x.shape[1:])


def _multiplied(value: Num[Array, "nodes window r batch"], factor) -> Num[Array, "nodes r batch"]:
    """The product over a window, each vector times its scale."""
    total = value[:, 0] * factor[:, 0]
    for place in range(1, value.shape[1]):
        total = total * (value[:, place] * factor[:, place])
    return total
