"""n replicas of a state below an edge: three ways to hold them, and what a fold does to each. THEORY sections 6 and 8.

    E[k1 .. kn, b1 .. bn]    kets k, bras b of the copies; a site of B joins k_i with b_i, a site of A with b_(i+1)

A site of B contributes prod_i G[k_i, b_i], one of A prod_i G[k_i, b_(i+1)] (cyclic), G its Gram matrix. A conv acts on
every leg, pooling multiplies elementwise, and A and B are exchanged by `flip`, which only permutes legs.

For n = 2 the exchange of the replicas is a symmetry, and E is Hermitian from kets to bras (CERTIFIED section 6):

    pairs  s[ac, bd] = (E[ac, bd] + E[ac, db]) / 2, a <= c, b <= d    t[ac, bd] = (E[ac, bd] - E[ac, db]) / 2, <, <
           the two blocks that matrices W x W never mix: half the numbers, long matmuls, and flip is a sign
    half   E[ac, bd], b <= d: half the numbers and half the flops of a leg at a time

Values are tuples of arrays with leading axes (nodes, many): one matrix acts on the many values of its node. Written
with operators alone, so that they work in NumPy and in JAX. Ground floor of the Renyi entropies.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial, reduce
from math import comb
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int, Num

from tnsim.banks import AnyArray
from tnsim.network import Network

Value = tuple[Num[AnyArray, "..."], ...]
BLOCK = 2**18  # products of a matmul in NumPy: more would be shared by threads that wait for each other at every one
PAIRS_UP_TO = 12  # widest network held as pairs (r^6 / 2 products a conv, in long matmuls), not as half (2 r^5)


class Replicas(NamedTuple):
    """value * exp(log_scale), one scale for each of (nodes, many)."""

    value: tuple[Any, ...]
    log_scale: Any


class Form(NamedTuple):
    """How E is held. size(r): numbers at width r. roundings(r): of a conv from width r, in units of eps times the
    product of the legs' norms (see roundoff). lift(rows): what conv multiplies with, once for many values."""

    order: int
    size: Callable[[int], int]
    roundings: Callable[[int], float]
    lift: Callable[[Num[AnyArray, "n g c"]], Value]
    traced: Callable[[Num[AnyArray, "n m r r"]], Value]
    flip: Callable[[Value], Value]
    conv: Callable[[Value, Value], Value]
    pool: Callable[[Value, Value], Value]
    close: Callable[[Num[AnyArray, "r"], Value], Num[AnyArray, "n m"]]


def form(order: int, width: int) -> Form:
    """The fastest way to hold `order` replicas of a network whose widest index is `width`.

    Measured, microseconds a conv of one value | of 256 that share a matrix: r = 8: full 67 | 66, half 49 | 53, pairs
    44 | 13; r = 16: full 835, half 472, pairs 749; r = 32: full 18500, half 7600, pairs 28600.
    """
    if order == 2:
        return PAIRS if width <= PAIRS_UP_TO else HALF
    return full(order)


def widest(network: Network) -> int:
    """The largest dimension of an index that a fold meets: all but the classes."""
    return max(run.dim for run in network.indices[:-1])


def rescale(value: Value, log_scale: Num[AnyArray, "n m"]) -> Replicas:
    """The same numbers with peak 1 in every value; exact zeros stay zero."""
    xp: Any = value[0].__array_namespace__()
    peaks = [xp.abs(part).max(axis=tuple(range(2, part.ndim)), initial=0.0) for part in value]
    peak = reduce(xp.maximum, peaks)
    peak = xp.where(peak > 0, peak, 1.0)
    parts = tuple(part / peak.reshape(*peak.shape, *(1,) * (part.ndim - 2)) for part in value)
    return Replicas(parts, log_scale + xp.log(peak))


def _turned(rows: Num[AnyArray, "n g c"], x: Num[AnyArray, "n m x c"]) -> Num[AnyArray, "n m g x"]:
    """A matrix on the last leg, which becomes the first: one long matmul a node."""
    n, m, legs, c = x.shape
    blocks = 1
    if isinstance(x, np.ndarray) and x.size:
        blocks = _divisor(m * legs, max(1, -(-m * legs * c * rows.shape[1] // BLOCK)))
    y = x.reshape(n, blocks, m * legs // blocks, c) @ rows.swapaxes(1, 2)[:, None]
    return y.reshape(n, m, legs, rows.shape[1]).swapaxes(2, 3)


@lru_cache(maxsize=4096)
def _divisor(number: int, least: int) -> int:
    """The smallest divisor of a number that is at least `least`."""
    return next(d for d in range(least, number + 1) if number % d == 0)


# ---- any order: every leg held


@lru_cache(maxsize=16)
def full(order: int) -> Form:
    """All 2n legs, (nodes, many, r, .., r)."""
    return Form(
        order,
        size=lambda r: r ** (2 * order),
        roundings=lambda r: order * (r + 2),
        lift=lambda rows: (rows,),
        traced=partial(_full_traced, order),
        flip=lambda value: (value[0].transpose(0, 1, *(2 + axis for axis in flipped(order))),),
        conv=partial(_full_conv, order),
        pool=lambda x, y: (x[0] * y[0],),
        close=_full_close,
    )


def flipped(order: int) -> tuple[int, ...]:
    """The permutation of the legs that exchanges A and B: kets to k_(-i), bras to b_(1-i)."""
    return (*(-i % order for i in range(order)), *(order + (1 - i) % order for i in range(order)))


def _full_traced(order: int, gram: Num[AnyArray, "n m r r"]) -> Value:
    n, m, r, _ = gram.shape
    value = gram.reshape(n, m, r * r)
    for more in range(1, order):
        value = (value[..., None] * gram.reshape(n, m, 1, r * r)).reshape(n, m, r ** (2 * more + 2))
    legs = (*range(2, 2 * order + 2, 2), *range(3, 2 * order + 3, 2))  # k1 b1 k2 b2 .. to kets, then bras
    return (value.reshape(n, m, *(r,) * (2 * order)).transpose(0, 1, *legs),)


def _full_conv(order: int, rows: Value, value: Value) -> Value:
    """From the last leg to the first: the bras' first, and each turns to the front; 2n turns bring them round."""
    (matrix,), (x,) = rows, value
    (n, g, c), m = matrix.shape, x.shape[1]
    for leg in range(2 * order):
        x = _turned(matrix.conj() if leg < order else matrix, x.reshape(n, m, -1, c))
    return (x.reshape(n, m, *(g,) * (2 * order)),)


def _full_close(vector: Num[AnyArray, "r"], value: Value) -> Num[AnyArray, "n m"]:
    (x,) = value
    legs = x.ndim - 2
    for leg in range(legs):
        x = x @ (vector.conj() if leg < legs // 2 else vector)
    return x.real


# ---- two replicas as the blocks of W x W


def pair_list(r: int) -> tuple[Int[np.ndarray, "k"], Int[np.ndarray, "k"]]:
    """(a, c) with a < c, then those with a = c."""
    a, c = np.triu_indices(r, 1)
    return np.append(a, np.arange(r)), np.append(c, np.arange(r))


def _picked(x: Num[AnyArray, "... g c"], rows: Int[np.ndarray, "k"], columns: Int[np.ndarray, "l"]):
    """x[.., rows, columns], every row with every column (NumPy takes from one flat axis several times faster)."""
    g, c = x.shape[-2:]
    return x.reshape(*x.shape[:-2], g * c).take(rows[:, None] * c + columns[None], axis=-1)


def _pairs_lift(rows: Num[AnyArray, "n g c"]) -> Value:
    """W x W between symmetric pairs, and between antisymmetric ones."""
    (a, c), (x, y) = pair_list(rows.shape[2]), pair_list(rows.shape[1])
    straight = _picked(rows, x, a) * _picked(rows, y, c)
    crossed = _picked(rows, x, c) * _picked(rows, y, a)
    twice = (a != c).astype(straight.real.dtype)[None, None]
    apart = (slice(None), slice(comb(rows.shape[1], 2)), slice(comb(rows.shape[2], 2)))
    return straight + twice * crossed, straight[apart] - crossed[apart]


def _pairs_traced(gram: Num[AnyArray, "n m r r"]) -> Value:
    a, c = pair_list(gram.shape[-1])
    straight = _picked(gram, a, a) * _picked(gram, c, c)
    crossed = _picked(gram, a, c) * _picked(gram, c, a)
    k = comb(gram.shape[-1], 2)
    return (straight + crossed) / 2, ((straight - crossed) / 2)[:, :, :k, :k]


def _pairs_conv(rows: Value, value: Value) -> Value:
    """W E W^dagger of both blocks; left transposed, which for a Hermitian block is conjugated: one copy less."""
    halfway = [_turned(W.conj(), E) for W, E in zip(rows, value, strict=True)]
    return tuple(_turned(W, x).swapaxes(2, 3).conj() for W, x in zip(rows, halfway, strict=True))


def _pairs_pool(x: Value, y: Value) -> Value:
    """Products of E[ac, bd] = s + t and of E[ac, db] = s - t, in s and t; a = c and b = d have no t."""
    (s1, t1), (s2, t2) = x, y
    s, k = s1 * s2, t1.shape[-1]
    t = s1[..., :k, :k] * t2 + t1 * s2[..., :k, :k]
    if isinstance(s, np.ndarray):
        s[..., :k, :k] += t1 * t2
        return s, t
    return s.at[..., :k, :k].add(t1 * t2), t


def _pairs_close(vector: Num[AnyArray, "r"], value: Value) -> Num[AnyArray, "n m"]:
    a, c = pair_list(vector.shape[0])
    weights = vector[a] * vector[c] * (1.0 + (a != c))
    return ((value[0] @ weights.conj()) @ weights).real


PAIRS = Form(
    2,
    size=lambda r: comb(r + 1, 2) ** 2 + comb(r, 2) ** 2,
    roundings=lambda r: 2 * (comb(r + 1, 2) + 3),
    lift=_pairs_lift,
    traced=_pairs_traced,
    flip=lambda value: (value[0], -value[1]),
    conv=_pairs_conv,
    pool=_pairs_pool,
    close=_pairs_close,
)


# ---- two replicas, the bras in order


def _half_traced(gram: Num[AnyArray, "n m r r"]) -> Value:
    b, d = pair_list(gram.shape[-1])
    return (gram[:, :, :, None, b] * gram[:, :, None, :, d],)


def _half_conv(rows: Value, value: Value) -> Value:
    """Both kets by both matrices; of these rows a <= c are kept, with all columns; then both bras. Transposed, that is
    the form again."""
    (W,), (x,) = rows, value
    (n, g, c), (m, k) = W.shape, (x.shape[1], x.shape[4])
    x = W[:, None] @ x.reshape(n, m, c, c * k)
    x = (W[:, None, None] @ x.reshape(n, m, g, c, k)).reshape(n, m, g * g, k)
    x = _columns(x, g, c) @ W.conj().swapaxes(1, 2)[:, None, None]
    x = W.conj()[:, None, None] @ x
    return (x.conj().reshape(n, m, -1, g * g).swapaxes(2, 3).reshape(n, m, g, g, -1),)


def _columns(x: Num[AnyArray, "n m gg k"], g: int, c: int) -> Num[AnyArray, "n m h c c"]:
    """Rows a <= c of E[ac, bd], with the columns b > d too: E[ac, bd] = E[ca, db]."""
    (b, d), (u, v) = pair_list(c), pair_list(g)
    number = np.zeros((c, c), dtype=np.int64)
    number[b, d] = number[d, b] = np.arange(len(b))
    later = np.tri(c, k=-1, dtype=np.int64)[None]  # columns b > d come from the rows (c, a)
    row = np.where(later, (v * g + u)[:, None, None], (u * g + v)[:, None, None])
    return x[:, :, row, number[None] + 0 * row]


def _half_close(vector: Num[AnyArray, "r"], value: Value) -> Num[AnyArray, "n m"]:
    b, d = pair_list(vector.shape[0])
    return (((value[0] @ (vector[b] * vector[d] * (1.0 + (b != d))).conj()) @ vector) @ vector).real


HALF = Form(
    2,
    size=lambda r: r**2 * comb(r + 1, 2),
    roundings=lambda r: 2 * (r + 2),
    lift=lambda rows: (rows,),
    traced=_half_traced,
    flip=lambda value: (value[0].swapaxes(2, 3),),
    conv=_half_conv,
    pool=lambda x, y: (x[0] * y[0],),
    close=_half_close,
)
