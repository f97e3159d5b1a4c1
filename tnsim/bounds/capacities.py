"""Dimensions as capacities of a flow: integers that add up as products of dimensions compare. Uses nothing of tnsim.

    12 = 2^2 3,  18 = 2 3^2   over the coprime base (2, 3)      capacity = e_2 c_2 + e_3 c_3,  c_b = round(2^K ln b)

Products of dimensions are equal exactly where their exponents over a coprime base are, and capacities are linear in the
exponents: ties stay ties. K is so large that different products never change places (docs/bounds.md has the proof).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from math import gcd


def capacities(dims: Iterable[int], bound: int) -> dict[int, int]:
    """{dimension: capacity}: sums of capacities compare as the products of their dimensions do.

    For a product of at most `bound` against any other: equal where the products are, smaller where it is smaller.
    All powers of one integer have their exponents for capacities, whatever the bound.
    """
    wanted = sorted(set(dims))
    base = coprime_base(wanted)
    unit = {base[0]: 1} if len(base) == 1 else {b: scaled_log(b, separating_bits(bound)) for b in base}
    return {dim: sum(count * unit[b] for b, count in exponents(dim, base).items()) for dim in wanted}


def coprime_base(numbers: Iterable[int]) -> tuple[int, ...]:
    """Pairwise coprime integers above 1, ascending, of which every number (at least 1) is a product of powers.

    Factor refinement by greatest common divisors: nothing is factored into primes.
    """
    base: list[int] = []
    todo = list(numbers)
    while todo:
        number = todo.pop()
        shared = next((b for b in base if gcd(b, number) > 1), None)
        if shared is not None:  # number * shared shrinks by their divisor each time, so this ends
            divisor = gcd(shared, number)
            base.remove(shared)
            todo += [number // divisor, shared // divisor, divisor]
        elif number > 1:
            base.append(number)
    return tuple(sorted(base))


def exponents(number: int, base: Iterable[int]) -> dict[int, int]:
    """{element of a coprime base: exponent}, those above 0. Raises ValueError where the base does not make it."""
    found: dict[int, int] = {}
    rest = number
    for b in base:
        while rest % b == 0:
            rest //= b
            found[b] = found.get(b, 0) + 1
    if rest != 1:
        raise ValueError(f"base: wanted one that makes {number}, found {tuple(base)}")
    return found


def separating_bits(bound: int) -> int:
    """K, such that sums of round(2^K ln b) tell a product of at most `bound` from every other one.

    For P < Q <= 2 P: ln Q - ln P >= ln 2 / P, and P and Q have at most 2 log2 P + 1 factors, whose capacities err by
    less than 1 each; so 2^K > P (2 log2 P + 1) / ln 2 is enough. Farther apart less is.
    """
    size = bound.bit_length()
    return size + (2 * size + 1).bit_length() + 1


@lru_cache(maxsize=256)
def scaled_log(number: int, bits: int) -> int:
    """round(2^bits ln number), wrong by less than 1."""
    digits = bits * 302 // 1000 + 25  # those of 2^bits ln(number), and some: log10(2) < 0.302, and ln(2^63) < 100
    context = Context(prec=digits, rounding=ROUND_HALF_EVEN)
    scaled = context.multiply(context.ln(Decimal(number)), Decimal(1 << bits))
    return int(scaled.to_integral_value(context=context))
