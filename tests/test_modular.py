"""Arithmetic over GF(p) against Python's integers and fractions. THEORY section 6."""

from fractions import Fraction

import flint
import numpy as np
import oracle
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.special import expi

from tnsim import modular

P = oracle.PRIME
SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed, *shape):
    return np.random.default_rng(seed).integers(0, P, shape)


def in_field(number):
    exact = Fraction(number)
    return exact.numerator * pow(exact.denominator, -1, P) % P


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(5e-324)
@example(-1.7976931348623157e308)
@example(-0.0)
def test_a_float_is_the_fraction_it_is(number):
    found = modular.dyadic(np.array([number]))
    assert Fraction(int(found.mantissa[0])) * Fraction(2) ** int(found.exponent[0]) == Fraction(number)
    assert found.mantissa[0] % 2 or not found.mantissa[0]
    assert modular.residues(np.array([number]), P)[0] == in_field(number)


@pytest.mark.parametrize("dtype", ["float16", "float32", "complex64"])
def test_narrow_floats_are_what_they_are_widened_to(dtype):
    numbers = np.array([0.1, -3e-8, 7, 0], dtype)
    prime = modular.draw_primes(1, 0, gaussian=True)[0]
    wide = numbers.astype(np.result_type(dtype, np.float64))
    assert (modular.residues(numbers, prime) == modular.residues(wide, prime)).all()


@given(SEEDS, st.integers(-9, 9), st.integers(-9, 9), st.integers(-9, 9), st.integers(-9, 9))
def test_complex_numbers_keep_their_products(seed, a, b, c, d):
    (prime,) = modular.draw_primes(1, seed, gaussian=True)
    x, y, xy = modular.residues(np.array([a + 1j * b, c + 1j * d, (a + 1j * b) * (c + 1j * d)]) / 8, prime)
    assert int(x) * int(y) % prime == int(xy) * pow(8, -1, prime) % prime


def test_minus_one_has_a_root_for_gaussian_primes_alone():
    with pytest.raises(ValueError, match="prime: wanted 1 mod 4"):
        modular.root_of_minus_one(2147483647)


@given(SEEDS, st.integers(1, 4), st.booleans())
def test_primes_are_prime_different_and_of_31_bits(seed, count, gaussian):
    primes = modular.draw_primes(count, seed, gaussian)
    assert len(set(primes)) == count
    assert all(flint.fmpz(p).is_prime() and modular.LOWEST <= p < modular.HIGHEST for p in primes)
    assert all(p % 4 == 1 for p in primes if gaussian)


@given(st.integers(0, 3_215_031_750))
@example(3_215_031_749)
@example(25_326_001)  # a strong pseudoprime to the bases 2, 3 and 5
@example(2047)
def test_primality_is_decided(number):
    assert modular.is_prime(number) == bool(flint.fmpz(number).is_prime())


def test_no_primes_are_refused():
    with pytest.raises(ValueError, match="primes: wanted at least one, found 0"):
        modular.draw_primes(0, 0)


def test_how_many_primes_there_are_agrees_with_the_logarithmic_integral():
    expected = expi(np.log(2.0**31)) - expi(np.log(2.0**30))
    assert pytest.approx(expected, rel=1e-4) == modular.PRIMES
    assert pytest.approx(modular.PRIMES / 2, rel=1e-4) == modular.GAUSSIAN_PRIMES


SIZES = st.integers(1, 40)


@given(SEEDS, SIZES, SIZES, SIZES, st.booleans())
def test_products_are_exact(seed, m, k, n, top):
    x, y = drawn(seed, m, k), drawn(seed + 1, k, n)
    if top:  # the largest residues: sums come nearest to 2^53
        x, y = np.full_like(x, P - 1), np.full_like(y, P - 1)
    assert (modular.matmul(x, y, P) == x.astype(object) @ y.astype(object) % P).all()


@pytest.mark.parametrize(("m", "k", "n"), [(3, modular.LONGEST + 5, 2), (70, 200, modular.WIDE + 100), (301, 130, 600)])
def test_long_and_wide_products_are_exact(m, k, n):
    x, y = drawn(0, m, k), drawn(1, k, n)
    x[-1], y[:, -1] = P - 1, P - 1
    rows, columns = [0, m - 1], [0, n // 2, n - 1]
    wanted = x[rows].astype(object) @ y[:, columns].astype(object) % P
    assert (modular.matmul(x, y, P)[np.ix_(rows, columns)] == wanted).all()


@given(SEEDS)
def test_inverses(seed):
    numbers = drawn(seed, 5)
    found = modular.inverse(numbers, P)
    assert all(int(x) * int(y) % P == (x != 0) for x, y in zip(numbers, found, strict=True))


def deficient(seed, m, k, rank):
    """A matrix of at most this rank, with rows and columns of zeros and rows that repeat."""
    rng = np.random.default_rng(seed)
    matrix = modular.matmul(drawn(seed, m, rank), drawn(seed + 1, rank, k), P) if rank else np.zeros((m, k), np.int64)
    matrix[rng.random(m) < 0.2] = 0
    matrix[:, rng.random(k) < 0.2] = 0
    matrix[rng.integers(m)] = matrix[rng.integers(m)]
    return matrix


@settings(max_examples=60)
@given(SEEDS, st.integers(1, 90), st.integers(1, 90), st.integers(0, 90), st.sampled_from([1, 3, modular.NARROW]))
def test_elimination_finds_the_rank_and_a_basis(seed, m, k, rank, narrow):
    matrix = deficient(seed, m, k, min(rank, m, k))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(modular, "NARROW", narrow)
        found = modular._echelon(matrix, P)
        assert modular.rank(matrix, P) == len(found.pivots) == oracle.rank_mod(matrix)
    assert sorted([*found.pivots, *found.others]) == list(range(m))
    spanned = modular.matmul(found.combinations, matrix[found.pivots], P)
    assert (spanned == matrix[found.others]).all()


@given(SEEDS, st.integers(1, 4), st.integers(1, 9), st.integers(0, 9))
def test_reduced_rows_span_the_same_and_have_a_pivot_each(seed, n, k, m):
    stack = np.stack([deficient(seed + i, k, max(m, 1), min(k, m, i)) for i in range(n)])[:, :, :m]
    rows, pivots = modular.reduced(stack, P)
    for before, after, at in zip(stack, rows, pivots, strict=True):
        some = at >= 0
        assert (after[:, at[some]] == np.eye(k, dtype=int)[:, some]).all()
        assert not after[~some].any()
        assert some.sum() == oracle.rank_mod(before) == oracle.rank_mod(np.concatenate([before, after]))
