"""The machine's own rates, measured: matrix products, memory, exponentials. Called inside tnsim's own worker.

    seconds of any method on a case >= max(flops / matmul rate, bytes / bandwidth, transcendentals / their rate)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from statistics import median
from time import perf_counter
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Numbers = Float[Array, "..."]


class Sizes(NamedTuple):
    """Side of the matrices; numbers in an array that no cache holds."""

    side: int
    numbers: int


SIZES = {"cpu": Sizes(2048, 2**26), "gpu": Sizes(8192, 2**28), "tpu": Sizes(8192, 2**28)}


def measure() -> dict[str, float]:
    """flops a second of float32 and float64 products of square matrices (precision as JAX is set to), bytes a second
    from and to memory, beyond all caches ("bandwidth"), exponentials a second in float32: medians.
    """
    return rates(SIZES.get(jax.default_backend(), SIZES["cpu"]))


def rates(sizes: Sizes, repeats: int = 7) -> dict[str, float]:
    """The four rates at given sizes."""
    found = {name: 2.0 * sizes.side**3 / _matmul(sizes.side, name, repeats) for name in ("float32", "float64")}
    found["bandwidth"] = _bandwidth(sizes.numbers, repeats)
    count = sizes.numbers // 4
    found["transcendentals"] = count / _seconds(_in_place(lambda x: jnp.exp(-x)), jnp.full(count, 0.5), repeats)
    return found


def _bandwidth(count: int, repeats: int) -> float:
    """The better of scaling an array in place (read and written) and of summing it (read)."""
    total = jax.jit(jnp.sum)

    def read(x: Numbers) -> Numbers:
        total(x).block_until_ready()
        return x

    scaled = 2.0 / _seconds(_in_place(lambda x: x * 0.5), jnp.ones(count), repeats)
    return 4.0 * count * max(scaled, 1.0 / _seconds(read, jnp.ones(count), repeats))


def _in_place(run: Callable[[Numbers], Numbers]) -> Callable[[Numbers], Numbers]:
    """Compiled to write where it read: fresh memory would be timed with the system's handing out of pages."""
    return jax.jit(run, donate_argnums=0)


def _matmul(side: int, dtype: str, repeats: int) -> float:
    with jax.enable_x64(dtype == "float64"):
        matrix = jnp.full((side, side), 1.0 / side, dtype)
        return _seconds(jax.jit(partial(jnp.dot, matrix)), matrix, repeats)


def _seconds(step: Callable[[Numbers], Numbers], given: Numbers, repeats: int) -> float:
    """Median of calls that are waited for, each given what the last one made, after two that warm."""
    times = []
    for _ in range(repeats + 2):
        start = perf_counter()
        given = step(given).block_until_ready()
        times.append(perf_counter() - start)
    return median(times[2:])
