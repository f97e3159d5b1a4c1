"""Numbers and elimination over GF(p), p of 31 bits, in exact integers. THEORY section 6. Ground floor: NumPy alone.

    m 2^e  ->  m 2^e mod p        i  ->  a root of -1 (p = 1 mod 4)        rank mod p <= rank over Q(i)

Residues are int64, so that the product of two fits. Matrix products are three float64 ones, of operands cut into
halves of 16 bits whose sums stay below 2^53: every digit is exact, and BLAS does the work.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Num

LOWEST, HIGHEST = 2**30, 2**31  # primes are drawn from here
PRIMES = 50_697_537  # how many there are: pi(2^31) - pi(2^30)
GAUSSIAN_PRIMES = 25_348_870  # those of them that are 1 mod 4
HALF = 16  # bits of the lower half of a residue
LONGEST = 2**18  # terms of one float64 dot product of sums of halves: 2^17 * 2^17 * 2^18 < 2^53
TILE, WIDE = 2**17, 2**11  # elements (and columns) of a product that are reduced at once, to stay in cache
ALONE = 2**18  # multiplications that BLAS does on one thread
THREADED = 2**25  # multiplications from which its threads are worth their waiting for each other
DEEP = 128  # terms of a dot product from which its multiplications weigh more than reducing it
NARROW = 24  # columns that are eliminated one by one

Residues = Int[np.ndarray, "..."]


def draw_primes(count: int, seed: int, gaussian: bool = False) -> tuple[int, ...]:
    """Different primes, uniformly from [2^30, 2^31); gaussian: from those that are 1 mod 4, where -1 has a root.

    Raises ValueError for a count below 1.
    """
    if count < 1:
        raise ValueError(f"primes: wanted at least one, found {count!r}")
    rng, found = np.random.default_rng(seed), list[int]()
    while len(found) < count:
        number = int(rng.integers(LOWEST, HIGHEST))
        if is_prime(number) and number not in found and (number % 4 == 1 or not gaussian):
            found.append(number)
    return tuple(found)


def is_prime(number: int) -> bool:
    """Whether a number below 3 215 031 751 is prime: Miller and Rabin's test, which the bases 2, 3, 5, 7 decide."""
    if number < 2 or any(number % base == 0 for base in (2, 3, 5, 7)):
        return number in (2, 3, 5, 7)
    odd = number - 1
    twos = (odd & -odd).bit_length() - 1
    return all(_passes(number, base, odd >> twos, twos) for base in (2, 3, 5, 7))


def _passes(number: int, base: int, odd: int, twos: int) -> bool:
    power = pow(base, odd, number)
    if power in (1, number - 1):
        return True
    return any((power := power * power % number) == number - 1 for _ in range(twos - 1))


def root_of_minus_one(prime: int) -> int:
    """A number whose square is -1 mod p. Raises ValueError where there is none."""
    if prime % 4 != 1:
        raise ValueError(f"prime: wanted 1 mod 4, where -1 has a root, found {prime}")
    powers = (pow(base, (prime - 1) // 4, prime) for base in range(2, prime))
    return next(root for root in powers if root * root % prime == prime - 1)


class Dyadic(NamedTuple):
    """Numbers mantissa * 2^exponent, exactly those of an array of floats. An odd mantissa, or 0 with exponent 0."""

    mantissa: Int[np.ndarray, "..."]
    exponent: Int[np.ndarray, "..."]


def dyadic(numbers: Num[np.ndarray, "..."]) -> Dyadic:
    """What finite real floats are exactly, subnormal ones too."""
    fraction, exponent = np.frexp(numbers.astype(np.float64))
    mantissa = np.ldexp(fraction, 53).astype(np.int64)
    lowest = mantissa & -mantissa
    twos = np.where(lowest > 0, np.frexp(lowest.astype(np.float64))[1] - 1, 0).astype(np.int64)
    return Dyadic(mantissa >> twos, np.where(mantissa != 0, exponent - 53 + twos, 0).astype(np.int64))


def residues(numbers: Num[np.ndarray, "..."], prime: int) -> Residues:
    """Finite floats, real or complex, mod p: m 2^e by the inverse of 2, i by a root of -1."""
    if np.iscomplexobj(numbers):
        imaginary = residues(numbers.imag, prime) * root_of_minus_one(prime)
        return (residues(numbers.real, prime) + imaginary) % prime
    mantissa, exponent = dyadic(numbers)
    levels, where = np.unique(exponent, return_inverse=True)
    powers = np.array([pow(2, level, prime) for level in levels.tolist()], np.int64)
    return mantissa % prime * powers[where].reshape(exponent.shape) % prime


def remainder(numbers: Residues, prime: int) -> Residues:
    """numbers mod p in [0, p): by NumPy's division by a scalar, which is some four times as fast as its %."""
    return numbers - numbers // prime * prime


def matmul(x: Int[np.ndarray, "m k"], y: Int[np.ndarray, "k n"], prime: int) -> Int[np.ndarray, "m n"]:
    """x y mod p of residues, by three float64 products."""
    (m, k), n = x.shape, y.shape[1]
    if k > LONGEST:
        parts = [matmul(x[:, i : i + LONGEST], y[i : i + LONGEST], prime) for i in range(0, k, LONGEST)]
        return np.sum(parts, axis=0) % prime
    product = np.empty((m, n), np.int64)
    rows = max(TILE, THREADED // max(k, 1) if k > DEEP else 1) // WIDE
    for first in range(0, n, WIDE):
        right = _halves(y[:, first : first + WIDE])
        for start in range(0, m, rows):
            tile = _tile(_halves(x[start : start + rows]), right, prime)
            product[start : start + rows, first : first + WIDE] = tile
    return product


class Halves(NamedTuple):
    """high * 2^16 + low, and high + low, in float64."""

    high: Num[np.ndarray, "..."]
    low: Num[np.ndarray, "..."]
    both: Num[np.ndarray, "..."]


def _halves(x: Residues) -> Halves:
    high, low = (x >> HALF).astype(np.float64), (x & (2**HALF - 1)).astype(np.float64)
    return Halves(high, low, high + low)


def _tile(x: Halves, y: Halves, prime: int) -> Residues:
    """Karatsuba: the mixed term is (h + l)(h' + l') - h h' - l l'; then Horner's rule in 2^16, each step mod p."""
    total, low, mixed = (_times(one, other) for one, other in zip(x, y, strict=True))
    mixed -= total
    mixed -= low
    for term in (mixed, low):
        _reduce(total, prime)
        total *= 2**HALF
        total += term
    _reduce(total, prime)
    return remainder(total.astype(np.int64), prime)


def _times(x: Num[np.ndarray, "m k"], y: Num[np.ndarray, "k n"]) -> Num[np.ndarray, "m n"]:
    """x y in float64. A middling product goes by groups of rows, each too small for threads: on a busy machine BLAS's
    threads wait for each other far longer than such a product takes."""
    (m, k), n = x.shape, y.shape[1]
    rows = max(1, ALONE // max(1, k * n))
    if m <= rows or m * k * n > THREADED:
        return x @ y
    whole = m - m % rows
    product = np.empty((m, n))
    np.matmul(x[:whole].reshape(-1, rows, k), y, out=product[:whole].reshape(-1, rows, n))
    np.matmul(x[whole:], y, out=product[whole:])
    return product


def _reduce(x: Num[np.ndarray, "..."], prime: int) -> None:
    """x mod p in place, give or take one p: exact, as quotient * p stays below 2^53."""
    quotient = x * (1 / prime)
    np.floor(quotient, out=quotient)
    quotient *= prime
    x -= quotient


def inverse(numbers: Residues, prime: int) -> Residues:
    """1 / x mod p of every number, by Fermat: x^(p - 2); 0 for 0."""
    result, square, power = np.ones_like(numbers), numbers, prime - 2
    while power:
        if power & 1:
            result = remainder(result * square, prime)
        square, power = remainder(square * square, prime), power >> 1
    return result


def reduced(stack: Int[np.ndarray, "n k m"], prime: int) -> tuple[Int[np.ndarray, "n k m"], Int[np.ndarray, "n k"]]:
    """Reduced rows of each matrix, and the column of each row's pivot (-1 for a row of zeros).

    A pivot is 1 and alone in its column; rows keep their places, so that their pivots need not ascend. No division
    on the way: rows are cross-multiplied, and scaled once at the end.
    """
    rows, every = stack.copy(), np.arange(len(stack))
    pivots = np.full(stack.shape[:2], -1)
    for i in range(stack.shape[1]):
        row = rows[:, i].copy()
        at = (row != 0).argmax(axis=1) if row.shape[1] else np.zeros(len(row), np.int64)
        head = row[every, at] if row.shape[1] else at
        column = rows[every, :, at] if row.shape[1] else np.zeros(rows.shape[:2], np.int64)
        column[:, i] = 0
        pivots[:, i] = np.where(head != 0, at, -1)
        scaled = rows * np.where(head != 0, head, 1)[:, None, None]
        rows = remainder(scaled - column[:, :, None] * row[:, None, :], prime)
    heads = np.take_along_axis(rows, np.maximum(pivots, 0)[:, :, None], axis=2) if stack.shape[2] else rows
    return remainder(rows * inverse(heads, prime), prime), pivots


class Echelon(NamedTuple):
    """Rows `pivots` of a matrix are a basis of its rows, and rows `others` are `combinations` of them."""

    pivots: Int[np.ndarray, "s"]
    others: Int[np.ndarray, "t"]
    combinations: Int[np.ndarray, "t s"]


def pivot_rows(matrix: Int[np.ndarray, "m k"], prime: int) -> Int[np.ndarray, "s"]:
    """Which rows are a basis of the rows of a matrix of residues; the rank is their number."""
    return _echelon(matrix, prime, False).pivots


def rank(matrix: Int[np.ndarray, "m k"], prime: int) -> int:
    """Rank over GF(p) of a matrix of residues."""
    return len(pivot_rows(matrix, prime))


def _echelon(matrix: Int[np.ndarray, "m k"], prime: int, wanted: bool = True) -> Echelon:
    """By halves of the columns, so that nearly all of the work is matrix products. wanted: the combinations too.

    Left half:  A[others] = L A[pivots].  What this leaves of the right half, D = (A[others] - L A[pivots])[right],
    has D[others'] = L' D[pivots'], hence A[others'] = (L[others'] - L' L[pivots']) A[pivots] + L' A[pivots'].
    """
    columns = matrix.shape[1]
    if columns <= NARROW:
        return _narrow(matrix, prime)
    half = min(columns // 2, max(len(matrix), NARROW))  # of a wide matrix as many columns as rows: they may be enough
    pivots, others, L = _echelon(matrix[:, :half], prime)
    if not len(others):
        return Echelon(pivots, others, L)
    rest = remainder(matrix[others, half:] - matmul(L, matrix[pivots, half:], prime), prime)
    more, left, L_rest = _echelon(rest, prime, wanted)
    if wanted:
        L = np.concatenate([remainder(L[left] - matmul(L_rest, L[more], prime), prime), L_rest], axis=1)
    return Echelon(np.concatenate([pivots, others[more]]), others[left], L)


def _narrow(matrix: Int[np.ndarray, "m k"], prime: int) -> Echelon:
    """A matrix of few columns: the reduced rows of its transpose tell the pivots and the combinations at once."""
    (rows,), (at,) = reduced(matrix.T[None], prime)
    pivots = at[at >= 0]
    others = np.setdiff1d(np.arange(len(matrix)), pivots)
    return Echelon(pivots, others, rows[at >= 0][:, others].T)
