"""Exact Schmidt ranks against rational arithmetic, the tables, and the laws. THEORY sections 5 and 6."""

from fractions import Fraction
from math import comb, gcd, lcm

import flint
import jax
import numpy as np
import oracle
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import FEW, POOL, cases

import tnsim
from tnsim import modular, partitions
from tnsim.entanglement import blocks, exact_rank
from tnsim.entanglement.exact_rank import ExactRank
from tnsim.entanglement.measure import site_measure
from tnsim.memory import MemoryLimitError

SEEDS = st.integers(0, 2**32 - 1)


def measured(arch, weights, A, label=0, **options):
    """The exact rank for a list of banks, the output's last."""
    banks = strategies.named(weights)
    mask = partitions.mask(arch, A)
    return exact_rank.exact_rank(arch.network, banks, banks["output"][label], mask, **options)


def of_case(case, mask=None):
    banks = case.params
    return exact_rank.exact_rank(
        case.arch.network, banks, banks["output"][case.label], case.mask if mask is None else mask
    )


def rational_rank(matrix):
    """Rank over Q of a matrix of integers or fractions, over Q(i) of one of complex numbers with integer parts."""
    matrix = np.asarray(matrix)
    if np.iscomplexobj(matrix):  # as a real matrix of twice the size and rank
        return rational_rank(np.block([[matrix.real, -matrix.imag], [matrix.imag, matrix.real]])) // 2
    fractions = [[Fraction(x) for x in row] for row in matrix.tolist()]
    scale = lcm(*(x.denominator for row in fractions for x in row))
    return flint.fmpz_mat([[int(x * scale) for x in row] for row in fractions]).rank()


def exact(weights):
    """Fractions that the floats are."""
    return [np.vectorize(Fraction, otypes=[object])(bank.astype(np.float64)) for bank in weights]


def dense(arch, weights, label=0):
    *banks, output = weights
    return oracle.tensor(strategies.wiring(arch), banks, output, label)


def small_integers(rng, arch, dtype="float32", kinds=(-1, 0, 0, 1, 2)):
    """Weights of few values, hence rows that depend on each other and channels that vanish; no bank wholly zero."""
    weights = [rng.choice(kinds, shape).astype(dtype) for shape in strategies.shapes(arch)]
    for bank in weights:
        bank += 1j * rng.choice(kinds, bank.shape) if np.iscomplexobj(bank) else 0
        bank[..., 0] = 1
    return weights


@pytest.mark.parametrize("arch", [
    tnsim.ConvAC(4, 3, (4, 2), (2, 2), 1, sharing="window", geometry="mirror"),
    tnsim.ConvAC(6, 1, (2, 2), (2, 3), 2, sharing="window"),
])  # fmt: skip
def test_blocks_that_vanish_are_left_out_and_subtrees_that_vanish_are_zero(arch):
    """Small integers leave blocks of nothing in states that are not zero; subtrees of nothing, which are no unit."""
    ranks, mask = [], np.arange(arch.size) == 0
    for seed in range(12):
        weights = small_integers(np.random.default_rng(seed), arch, "float32")
        ranks.append(rational_rank(oracle.matricise(dense(arch, weights), mask)))
        if ranks[-1]:
            assert measured(arch, weights, mask) == ranks[-1]
        else:
            with pytest.raises(ValueError, match="state: it is exactly zero"):
                measured(arch, weights, mask)
    assert len(set(ranks)) > 1


@settings(max_examples=40)
@given(st.sampled_from([arch for arch in POOL if arch.features**arch.size <= 2**10]), SEEDS, st.data())
def test_integer_weights_have_the_rational_rank(arch, seed, data):
    rng = np.random.default_rng(seed)
    weights = small_integers(rng, arch, data.draw(st.sampled_from(["float32", "complex64"])))
    mask = data.draw(strategies.masks(arch.size))
    wide = [bank.astype(np.result_type(bank, np.float64)) for bank in weights]
    wanted = rational_rank(oracle.matricise(dense(arch, wide), mask))
    if wanted:
        assert measured(arch, weights, mask) == wanted
    else:
        with pytest.raises(ValueError, match="state: it is exactly zero"):
            measured(arch, weights, mask)


@settings(max_examples=20)
@given(cases(dtypes=["float32", "float64"], archs=[arch for arch in POOL if arch.features**arch.size <= 2**8]))
def test_float_weights_have_the_rational_rank(case):
    wanted = rational_rank(oracle.matricise(dense(case.arch, exact(case.weights), case.label), case.mask))
    assert of_case(case) == wanted


@settings(max_examples=15)
@given(cases(archs=FEW))
def test_bounds_sides_and_the_float_rank(case):
    found = of_case(case)
    assert found == of_case(case, ~case.mask)
    assert found.agree
    assert case.schmidt.rank() <= found <= found.upper
    assert found.upper == tnsim.bounds.min_cut(case.arch, case.mask).value
    assert found <= tnsim.bounds.rank_bounds(case.arch, case.mask).upper


@settings(max_examples=20)
@given(cases(archs=FEW))
def test_whatever_is_eliminated_in_batches_alone_or_as_it_grows(case):
    with pytest.MonkeyPatch.context() as patched:
        for name, value in {"AT_ONCE": 8, "SMALL": 1, "SHORT": 1}.items():
            patched.setattr(blocks, name, value)
        patched.setattr(modular, "NARROW", 2)
        other = of_case(case)
    assert of_case(case) == other


def convac(N, M, widths, windows, sharing="none"):
    return tnsim.ConvAC(N, M, widths, windows, classes=1, sharing=sharing)


def integers(arch, seed=0):
    """Weights of 20 bits, dense in nothing."""
    rng = np.random.default_rng(seed)
    return [rng.integers(1, 2**20, shape).astype("float32") for shape in strategies.shapes(arch)]


def floats(arch, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype("float32") for shape in strategies.shapes(arch)]


EVEN = range(0, 16, 2)
CASES_OF_THE_TABLES = [  # N, M, widths, windows, A, unshared, shared
    (8, 3, (4, 4, 4), (2, 2, 2), [0, 1, 2, 3], 4, None),
    (8, 3, (4, 4, 4), (2, 2, 2), [0, 2, 4, 6], 81, None),
    (8, 3, (4, 4, 4), (2, 2, 2), [0, 3, 5], 27, None),
    (8, 4, (2, 4, 4), (2, 2, 2), range(4), 4, 3),
    (8, 4, (3, 9, 9), (2, 2, 2), range(4), 9, 6),
    (8, 2, (4, 4, 4), (2, 2, 2), [0, 1, 4, 5], 16, 9),
    (16, 2, (4, 4), (4, 4), EVEN, 256, 81),
    (16, 2, (4, 4), (4, 4), range(6), 16, 12),
    (8, 2, (16,), (8,), [0, 3, 4, 7], 16, comb(5, 4)),
    (6, 3, (30,), (6,), [0, 1, 2], 27, comb(5, 3)),
]


@pytest.mark.parametrize("drawn", [integers, floats])
@pytest.mark.parametrize(("N", "M", "widths", "windows", "A", "unshared", "shared"), CASES_OF_THE_TABLES)
def test_the_tables(N, M, widths, windows, A, unshared, shared, drawn):
    for sharing, wanted in [("none", unshared), ("full", shared)]:
        arch = convac(N, M, widths, windows, sharing)
        if wanted:
            found = measured(arch, drawn(arch), A)
            assert found == wanted
            assert found.below(tnsim.bounds.rank_bounds(arch, A).upper).certain


def test_a_pinned_constant_channel_keeps_the_rank_below_the_min_cut():
    """N = 8, windows 2, M = 2, widths (4, 4, 4), A = {0, 1, 3, 5}: min-cut 16, generic rank 13."""
    arch = convac(8, 2, (4, 4, 4), (2, 2, 2))
    weights = floats(arch)
    for bank in weights[:-1]:
        bank[:, 0] = np.eye(bank.shape[-1])[0]
    found = measured(arch, weights, [0, 1, 3, 5], primes=3)
    assert (found, found.upper, found.ranks) == (13, 16, (13, 13, 13))
    assert 0 < found.error_probability < 1e-15
    assert not found.certain


@pytest.mark.parametrize("sharing", ["none", "window", "full"])
@pytest.mark.parametrize(
    ("N", "M", "windows"),
    [
        (8, 2, (2, 2, 2)),
        (9, 3, (3, 3)),
        (8, 2, (4, 2)),
        (10, 2, (5, 2)),
        (12, 2, (6, 2)),
        (7, 2, (7,)),
        (16, 2, (8, 2)),
    ],
)
def test_random_weights_have_the_generic_rank(N, M, windows, sharing):
    rng = np.random.default_rng(N)
    for _ in range(2):
        arch = convac(N, M, tuple(rng.integers(2, 6, len(windows)).tolist()), windows, sharing)
        mask = rng.permutation(np.arange(N) < N // 2)
        wanted = oracle.generic_rank(strategies.wiring(arch), strategies.shapes(arch), mask, rng)
        assert measured(arch, floats(arch), mask) == wanted


def two_terms(*weights, dtype="float64"):
    """|00> and |11> with these weights."""
    arch = convac(2, 2, (2,), (2,))
    return arch, [np.stack([np.eye(2), np.eye(2)]).astype(dtype), np.array([weights], dtype)]


@pytest.mark.parametrize("small", [1e-30, 5e-324, 2.0**-1000])
def test_values_no_tolerance_could_see_are_seen(small):
    arch, weights = two_terms(1.0, small)
    assert measured(arch, weights, [0]) == 2
    assert arch.state(strategies.named(weights), 0).schmidt([0]).rank() == 1


def test_rows_that_nearly_depend_are_told_from_rows_that_do():
    for step, rank in [(0.0, 1), (2.0**-52, 2)]:
        arch, weights = two_terms(1.0, 1.0)
        weights[0][0] = [[1, 1], [1, 1 + step]]
        assert measured(arch, weights, [0]) == rank


def test_a_prime_that_divides_the_minors_gives_a_lower_rank_and_another_the_right_one(monkeypatch):
    arch, weights = two_terms(1.0, 2.0**31 - 1)
    monkeypatch.setattr(modular, "draw_primes", lambda count, seed, gaussian: (2**31 - 1, oracle.PRIME)[:count])
    assert measured(arch, weights, [0], primes=1) == 1
    both = measured(arch, weights, [0])
    assert (both, both.ranks, both.agree) == (2, (1, 2), False)
    assert "primes differ: (1, 2)" in repr(both)


def integer_scaled(bank):
    """A bank whose every matrix is multiplied by the least power of two (perhaps below 1) that makes it integers."""
    if bank.ndim == 3:
        return np.stack([integer_scaled(matrix) for matrix in bank])
    whole = bank * lcm(*(x.denominator for x in bank.ravel()))
    common = gcd(*(int(x) for x in whole.ravel()))
    return whole / (common & -common)


@settings(max_examples=25)
@given(cases(dtypes=["float32"], archs=[arch for arch in FEW if arch.features**arch.size <= 2**10]))
def test_no_minor_has_more_bits_than_the_bound(case):
    banks = case.params
    banks["output"] = banks["output"][case.label]
    scaled = [integer_scaled(bank) for bank in exact([*list(banks.values())[:-1], banks["output"][None]])]
    matrix = oracle.matricise(dense(case.arch, scaled), case.mask)
    size = min(matrix.shape)
    rng = np.random.default_rng(0)
    for n in {1, 2, size} if size < 20 else {1, 2}:
        chosen = matrix[np.ix_(*(rng.choice(length, min(n, length), replace=False) for length in matrix.shape))]
        minor = abs(int(flint.fmpz_mat([[int(x) for x in row] for row in chosen.tolist()]).det()))
        bits = exact_rank.minor_bits(case.arch.network, banks, len(chosen))
        assert minor.bit_length() - 1 <= bits
        assert bits < 40 * len(chosen) * (2 * case.arch.size + 2) + 60 * len(chosen)


def test_the_bound_on_minors_by_hand():
    """Four orthogonal rows of +-1: the determinant is 16, F at most 4 * 4 by the triangle inequality, twice."""
    arch = convac(2, 4, (4,), (2,))
    signs = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])
    weights = {"conv_0": np.stack([np.eye(4), 0.5 * signs]), "output": np.ones(4)}
    assert exact_rank.minor_bits(arch.network, weights, 4) == pytest.approx(4 * (np.log2(16) - 1))


def test_more_primes_are_surer():
    arch = convac(8, 4, (2, 4, 4), (2, 2, 2), "full")
    one, two = (measured(arch, floats(arch), range(4), primes=count) for count in (1, 2))
    assert two.error_probability == pytest.approx(one.error_probability**2)
    assert 0 < one.error_probability < 1e-4


def test_it_counts_as_its_value():
    found = ExactRank(3, 4, (oracle.PRIME,), (3,), 1e-6)
    assert list(range(found)) == [0, 1, 2]
    assert int(found) == found == 3 == ExactRank(3, 3, (7,), (3,), 0.0)
    assert found < 4 <= ExactRank(4, 4, (7,), (4,), 0.0)
    assert found > 2
    assert found != 4
    assert {found: 1}[3] == 1
    assert found.below(3).certain
    assert found.below(3).error_probability == 0
    assert found.below(9).upper == 4


def test_its_words_say_it_all():
    found = ExactRank(3, 4, (7, 13), (3, 3), 1e-6, seconds=0.5, float_rank=2, float_tolerance=1e-9)
    wanted = "never higher than 4; too low with probability at most 1.0e-06, 0.5 s, float rank 2 at 1.0e-09)"
    assert repr(found) == f"ExactRank(3; elimination over GF(p), p = 7, 13, {wanted}"
    assert "certain: it meets the upper bound" in repr(found.below(3))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused(bad):
    arch, weights = two_terms(1.0, 2.0)
    weights[0][0, 0, 0] = bad
    with pytest.raises(ValueError, match=r"params\['conv_0'\]: wanted finite numbers"):
        measured(arch, weights, [0])


def test_underflowed_weights_are_named():
    arch, weights = two_terms(1.0, 2.0)
    with pytest.raises(ValueError, match=r"params\['conv_0'\]: every weight is zero.*underflowed"):
        measured(arch, [(weights[0] * 1e-60).astype("float32"), weights[1]], [0])
    with pytest.raises(ValueError, match=r"params\['output'\]: every weight is zero"):
        measured(arch, [weights[0], 0 * weights[1]], [0])


def test_a_state_that_cancels_is_exactly_zero():
    arch, weights = two_terms(1.0, -1.0)
    weights[0][:] = 0.1
    with pytest.raises(ValueError, match="state: it is exactly zero"):
        measured(arch, weights, [0])


def test_singular_gram_matrices_are_refused():
    exact_rank.check_measure(site_measure("coefficient", None, 3, 2))
    gram = np.stack([np.eye(2), [[2, 1], [1, 2]], [[1, 2], [2, 4]]])
    exact_rank.check_measure(site_measure("function", gram[1], 3, 2))
    with pytest.raises(ValueError, match=r"gram: the exact rank wants non-singular Gram matrices.* site 2 "):
        exact_rank.check_measure(site_measure("function", gram, 3, 2))


def test_memory_is_refused_in_words():
    arch = convac(32, 2, (4,) * 5, (2,) * 5)
    with pytest.raises(MemoryLimitError, match=r"exact Schmidt rank: .* needs about .*, above .* min-cut, .* Ways out"):
        measured(arch, floats(arch), "interleaved", limit="1MB")
    with pytest.raises(MemoryLimitError, match=r"a factor of 6.9e.10 numbers or more needs about 550 GB"):
        measured(grid(), integers(grid()), "chess:2", limit="500MB")


def test_numbers_too_many_to_count_are_refused(monkeypatch):
    arch = convac(8, 2, (2, 2, 2), (2, 2, 2))
    monkeypatch.setattr(blocks, "COUNTED", 3)
    with pytest.raises(MemoryLimitError, match="too many to look at each"):
        measured(arch, floats(arch), "interleaved")


def grid(side=16, width=16, M=3):
    levels = side.bit_length() - 1
    return tnsim.ConvAC((side, side), M, (width,) * levels, (2,) * levels, classes=10)


def trained(arch, seed=0):
    """The start of training with its constant channel pinned, and steps in every other weight."""
    rng = np.random.default_rng(seed)
    banks = {name: np.array(bank) for name, bank in arch.init(jax.random.key(seed), start="residual").items()}
    for name, bank in banks.items():
        bank[:, 0 if name == "output" else 1 :] += 0.05 * rng.normal(
            size=bank[:, 0 if name == "output" else 1 :].shape
        ).astype("float32")
    return list(banks.values())


@pytest.mark.parametrize(("A", "rank"), [("left-right", 16), ("quadrant", 16), ("chess:4", 16**4)])
def test_a_trained_network_of_256_sites(A, rank):
    found = measured(grid(), trained(grid()), A, limit="500MB")
    assert (found, found.agree, found.certain, found.error_probability) == (rank, True, True, 0)


def test_equal_subtrees_are_folded_once(monkeypatch):
    arch = tnsim.ConvAC((16, 16), 2, (4,) * 4, (2,) * 4, classes=1, sharing="full")
    formed = []
    original = blocks._formed
    monkeypatch.setattr(blocks, "_formed", lambda *given: formed.append(len(given[2])) or original(*given))
    measured(arch, floats(arch), "left-right", primes=1)
    assert sum(formed) < 40  # of 255 products


@pytest.mark.slow
def test_a_matrix_of_thousands_of_rows():
    """Two sites of three windows in A and one of the fourth, M = 3 and r = 16 > 9: no block falls apart, and the root
    is one dense matrix of 9^3 * 3 rows."""
    arch = tnsim.ConvAC(16, 3, (16, 16), (4, 4), classes=1)
    found = measured(arch, floats(arch), [0, 1, 4, 6, 9, 10, 15], primes=1)
    assert found == 3**7 == found.upper
