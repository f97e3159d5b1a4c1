"""Products of stacked matrices and vectors, as an execution asks for them. Uses execution; used by vectors.

    rows (n or 1, r_out, r_in)  x  below (n, r_in, batch)  ->  (n, r_out, batch)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Num

from tnsim.contract.execution import Execution

Rows = Num[Array, "rows r_out r_in"]
Below = Num[Array, "n r_in batch"]
Product = Callable[[Rows, Below], Num[Array, "n r_out batch"]]


def product(execution: Execution) -> Product:
    """The product that an execution asks for."""
    if execution.compute == "bfloat16":
        return _halved
    if execution.accumulate == "compensated":
        return _compensated
    return partial(jnp.matmul, precision=execution.precision)


NARROW = 16  # channels: up to here XLA's own loops beat, in gradients, the matrix library that it calls on CPUs


def suits_loops(rows: tuple[int, ...], batch: int, dtype: Any) -> bool:
    """Whether `looped` has the faster gradient: on a CPU, of few channels and many samples."""
    real = not jnp.issubdtype(dtype, jnp.complexfloating)
    return jax.default_backend() == "cpu" and rows[-1] <= NARROW and batch >= NARROW and real


def spread(rows: Rows, count: int) -> Num[Array, "count r_out r_in"]:
    """A shared matrix written out for every position: of few channels, else XLA makes one product of all positions and
    batches, whose result it transposes, three to eight times as slow on a CPU."""
    if len(rows) == count:
        return rows
    return lax.optimization_barrier(jnp.broadcast_to(rows, (count, *rows.shape[1:])))


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def looped(rows: Rows, below: Below, precision: Any) -> Num[Array, "n r_out batch"]:
    """The library's product; its gradient in `below` is a sum of r_out outer products, the batch innermost."""
    return jnp.matmul(rows, below, precision=precision)


@looped.defjvp
def _looped_tangent(precision, primals, tangents):
    """The tangent in `below` as one channel after the other, of which the transpose is that sum."""
    (rows, below), (d_rows, d_below) = primals, tangents
    by_channel = [lax.reduce_sum(rows[:, g, :, None] * d_below, (1,)) for g in range(rows.shape[1])]
    return looped(rows, below, precision), jnp.matmul(d_rows, below, precision=precision) + jnp.stack(by_channel, 1)


def _halved(rows: Rows, below: Below) -> Num[Array, "n r_out batch"]:
    """Operands rounded to 8 bits, sums in the type that came in. Complex numbers: real and imaginary parts alike."""
    if jnp.iscomplexobj(rows) or jnp.iscomplexobj(below):
        parts = [[_halved(a, b) for b in (below.real, below.imag)] for a in (rows.real, rows.imag)]
        return lax.complex(parts[0][0] - parts[1][1], parts[0][1] + parts[1][0])
    sums = jnp.result_type(rows, below)
    rows, below = rows.astype(jnp.bfloat16), below.astype(jnp.bfloat16)
    return jnp.matmul(rows, below, preferred_element_type=jnp.promote_types(sums, jnp.float32)).astype(sums)


@jax.custom_jvp
def _compensated(rows: Rows, below: Below) -> Num[Array, "n r_out batch"]:
    """Dot products as if summed in twice the working precision, then rounded once.

    Both factors are split into halves whose products are exact, so that a compiler which merges a product and a sum
    into one operation changes nothing; every sum leaves its rounding error in a second number. Source: Ogita, Rump,
    Oishi, Accurate sum and dot product, SIAM J. Sci. Comput. 26 (2005), algorithm Dot2, here with split products.
    """
    if jnp.iscomplexobj(rows) or jnp.iscomplexobj(below):
        return _complex(rows, below)
    high, low = zip(_split(rows), _split(below), strict=True)

    def add(column: Array, so_far: tuple[Array, Array]) -> tuple[Array, Array]:
        total, error = so_far
        (a_high, b_high), (a_low, b_low) = (_column(part, column) for part in (high, low))
        for term in (a_high * b_high, a_high * b_low, a_low * b_high):
            total, lost = _two_sum(total, term)
            error = error + lost
        return total, error + a_low * b_low

    # Of the operands, so that the loop's carry varies over the same devices as they do.
    nothing = 0 * (rows[:, :, :1] * below[:, :1])
    total, error = lax.fori_loop(0, rows.shape[2], add, (nothing, nothing))
    return total + error


def _column(pair: tuple[Rows, Below], column: Array) -> tuple[Array, Array]:
    rows, below = pair
    return lax.dynamic_slice_in_dim(rows, column, 1, 2), lax.dynamic_slice_in_dim(below, column, 1, 1)


@_compensated.defjvp
def _tangent(primals, tangents):
    (rows, below), (d_rows, d_below) = primals, tangents
    highest = partial(jnp.matmul, precision="highest")
    return _compensated(rows, below), highest(d_rows, below) + highest(rows, d_below)


def _complex(rows: Rows, below: Below) -> Num[Array, "n r_out batch"]:
    """One real product of twice the length for each part."""
    both = jnp.concatenate([below.real, below.imag], 1)
    real = _compensated(jnp.concatenate([rows.real, -rows.imag], 2), both)
    return lax.complex(real, _compensated(jnp.concatenate([rows.imag, rows.real], 2), both))


def _two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """a + b rounded, and exactly what rounding took."""
    total = a + b
    other = total - a
    return total, (a - (total - other)) + (b - other)


def _split(a: Array) -> tuple[Array, Array]:
    """Two numbers of half the bits whose sum is a: the upper half by rounding, which no compiler can undo."""
    kind = jnp.finfo(a.dtype)
    high = lax.reduce_precision(a, kind.nexp, (kind.nmant - 1) // 2)
    return high, a - high
