"""Two tensors over named axes multiplied, in floating point or over GF(p). Ground of the measures of networks.

    x (batch | free | summed)  *  y (batch | summed | free)  ->  (batch | free of x | free of y): one batched matmul
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from math import prod
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Int, Num

from tnsim import modular
from tnsim.banks import AnyArray
from tnsim.contract.layout import groups

Axes = tuple[int, ...]


class Named(NamedTuple):
    """An array, of NumPy or JAX, and the names of its axes, each once."""

    axes: Axes
    value: Any


Matmul = Callable[[Any, Any], Any]  # (k, m, s), (k, s, n) -> (k, m, n)


def times(x: Named, y: Named, kept: Collection[int], matmul: Matmul = np.matmul) -> Named:
    """The product, summed over the shared axes that are not `kept`; axes of one alone stay."""
    parts = groups(x.axes, y.axes, kept)
    sizes = dict(zip((*x.axes, *y.axes), (*x.value.shape, *y.value.shape), strict=True))
    left = _ordered(x, (*parts.batch, *parts.free_a, *parts.summed))
    right = _ordered(y, (*parts.batch, *parts.summed, *parts.free_b))
    batch, free, other, summed = (prod(sizes[axis] for axis in axes) for axes in parts)
    found = matmul(left.reshape(batch, free, summed), right.reshape(batch, summed, other))
    axes = (*parts.batch, *parts.free_a, *parts.free_b)
    return Named(axes, found.reshape([sizes[axis] for axis in axes]))


def ordered(x: Named, axes: Axes) -> Named:
    """The same with its axes in this order."""
    return Named(axes, _ordered(x, axes))


def _ordered(x: Named, axes: Axes) -> Num[AnyArray, "..."]:
    if axes != x.axes:
        return x.value.transpose([x.axes.index(axis) for axis in axes])
    return x.value if isinstance(x.value, jax.Array) else np.asarray(x.value)  # NumPy makes scalars of 0-d arrays


def over(prime: int) -> Matmul:
    """Batched matrix products of residues mod p."""
    return partial(_residues, prime)


def _residues(
    prime: int, x: Int[np.ndarray, "k m s"], y: Int[np.ndarray, "k s n"]
) -> Int[np.ndarray, "k m n"]:
    if x.shape[2] == 1:
        return modular.remainder(x * y, prime)
    return np.stack([modular.matmul(one, other, prime) for one, other in zip(x, y, strict=True)])
