"""Products of Schmidt factors and the orthogonal step after them: shapes and kernels. THEORY section 6.

    C1 (a1, b1, r)  o  C2 (a2, b2, r)  ->  C (a, b, r),  a = min(a1 a2, b1 b2 r),  b = min(b1 b2, a r)

QR keeps the factor R and drops the isometry Q: singular values survive, and no small one is squared.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Num

from tnsim.banks import AnyArray
from tnsim.contract.fold import Scaled
from tnsim.entanglement.triangles import triangle

STREAMED = 2**24  # a product of more elements is compressed slice by slice where a side shrinks, never formed whole
Shape = tuple[int, int]  # (chi_A, chi_B)


class Pair(NamedTuple):
    """Multiply factor `left` with factor `right` of a list and put the product at its end."""

    left: int
    right: int


def compressed(a: int, b: int, r: int) -> Shape:
    """Shape after the orthogonal step on both sides."""
    a = min(a, b * r)
    return a, min(b, a * r)


def product_shape(x: Shape, y: Shape, r: int) -> Shape:
    return compressed(x[0] * y[0], x[1] * y[1], r)


def formed(x: Shape, y: Shape, r: int) -> int:
    """Elements that exist while two factors are multiplied and compressed: the product (or a slice) and its R."""
    a, b = x[0] * y[0], x[1] * y[1]
    if not streams(x, y, r):
        return 2 * a * b * r
    rows, long = (b * r, y[0]) if a > b * r else (a * r, y[1])
    return 2 * (rows + long) * rows


def streams(x: Shape, y: Shape, r: int) -> bool:
    a, b = x[0] * y[0], x[1] * y[1]
    return a * b * r > STREAMED and (a > b * r or b > a * r)


def reduction(shapes: list[Shape], r: int, left: int) -> tuple[list[Pair], list[int]]:
    """In which order to multiply a window's factors until `left` of them are left; and which those are.

    Those wholly in A first, those wholly in B next (each product comes back to at most r), then the smallest.
    """
    sizes, pairs = list(shapes), []
    alive = sorted(range(len(shapes)), key=lambda k: shapes[k])

    def join(i: int, j: int) -> None:
        pairs.append(Pair(i, j))
        sizes.append(product_shape(sizes[i], sizes[j], r))
        alive[:] = [k for k in alive if k not in (i, j)] + [len(sizes) - 1]

    for side in (1, 0):
        while len(same := [k for k in alive if sizes[k][side] == 1]) > 1 and len(alive) > left:
            join(same[0], same[1])
    while len(alive) > left:
        alive.sort(key=lambda k: sizes[k][0] * sizes[k][1])
        join(alive[0], alive[1])
    return pairs, alive


class Kernels(NamedTuple):
    """conv(rows, C), pair(x, y), close(vector, x, y) and the array module they work in."""

    arrays: ModuleType
    conv: Callable[[Num[AnyArray, "n g c"], Scaled], Scaled]
    pair: Callable[[Scaled, Scaled], Scaled]
    close: Callable[..., Num[AnyArray, "ac bd"]]


def kernels(backend: str | None = None) -> Kernels:
    """NumPy's for "cpu", where every new shape would else be compiled for one use; JAX's for an accelerator.

    backend: None for JAX's default. Call under enable_x64.
    """
    return HOST if (backend or jax.default_backend()) == "cpu" else DEVICE


def _conv(xp: ModuleType, rows: Num[AnyArray, "n g c"], C: Scaled) -> Scaled:
    """A matrix on the r leg, then the orthogonal step."""
    (n, a, b, c), g = C.value.shape, rows.shape[1]
    value = (C.value.reshape(n, a * b, c) @ xp.swapaxes(rows, 1, 2)).reshape(n, a, b, g)
    return shrink(xp, value, C.log_scale)


def _pair(xp: ModuleType, x: Scaled, y: Scaled) -> Scaled:
    """The product of two factors, compressed; slice by slice where it would be too large to form."""
    (n, a1, b1, r), (_, a2, b2, _) = x.value.shape, y.value.shape
    log_scale = x.log_scale + y.log_scale
    if not streams((a1, b1), (a2, b2), r):
        value = x.value[:, :, None, :, None] * y.value[:, None, :, None, :]
        return shrink(xp, value.reshape(n, a1 * a2, b1 * b2, r), log_scale)
    flip = a1 * a2 <= b1 * b2 * r  # the long side is B
    turn = (lambda C: xp.swapaxes(C, 1, 2)) if flip else (lambda C: C)
    nodes = [_gathered_r(xp, *xy) for xy in zip(turn(x.value), turn(y.value), strict=True)]
    return shrink(xp, turn(xp.stack(nodes)), log_scale)


def _gathered_r(xp: ModuleType, x: Num[AnyArray, "a b r"], y: Num[AnyArray, "c d r"]) -> Num[AnyArray, "k bd r"]:
    """R of the product's matrix (a c) x (b d r), from one slice (c) x (b d r) at a time."""
    columns = x.shape[1] * y.shape[1] * x.shape[2]
    R = xp.zeros((0, columns), dtype=x.dtype)
    for row in x:
        slice_ = (row[None, :, None, :] * y[:, None]).reshape(len(y), columns)
        R = xp.linalg.qr(xp.concatenate([R, slice_]), mode="r")
    return R.reshape(columns, x.shape[1] * y.shape[1], x.shape[2])


def shrink(
    xp: ModuleType, value: Num[AnyArray, "n a b r"], log_scale: Float[AnyArray, "n"], rows: bool = True
) -> Scaled:
    """The orthogonal step on both sides (on columns alone without `rows`), and peak 1."""
    value = _shrink_rows(xp, value) if rows else value
    value = xp.swapaxes(_shrink_rows(xp, xp.swapaxes(value, 1, 2)), 1, 2)
    peak = xp.abs(value).max(axis=(1, 2, 3))
    peak = xp.where(peak > 0, peak, 1)
    return Scaled(value / peak[:, None, None, None], log_scale + xp.log(peak))


def _shrink_rows(xp: ModuleType, value: Num[AnyArray, "n a b r"]) -> Num[AnyArray, "n k b r"]:
    """(a) x (b r) down to at most b r rows: R in place of Q R, not the Gram matrix, which loses small values."""
    n, a, b, r = value.shape
    if a <= b * r:
        return value
    return triangle(xp, value.reshape(n, a, b * r)).reshape(n, b * r, b, r)


def _close(
    xp: ModuleType, vector: Num[AnyArray, "r"], x: Num[AnyArray, "a b r"], y: Num[AnyArray, "c d r"]
) -> Num[AnyArray, "ac bd"]:
    """The state's matrix: two factors at the root multiplied, and r closed by a class vector."""
    (a, b, r), (c, d, _) = x.shape, y.shape
    product = (x * vector[None, None]).reshape(a * b, r) @ y.reshape(c * d, r).T
    return xp.swapaxes(product.reshape(a, b, c, d), 1, 2).reshape(a * c, b * d)


HOST = Kernels(np, partial(_conv, np), partial(_pair, np), partial(_close, np))
DEVICE = Kernels(jnp, jax.jit(partial(_conv, jnp)), jax.jit(partial(_pair, jnp)), jax.jit(partial(_close, jnp)))
