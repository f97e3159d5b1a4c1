"""The necessary and the sufficient condition on random tensors and the trees that truncation makes of them."""

from math import exp, log, sqrt

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tnsim.bounds.relatives import locally_connected as lc

CASES = st.tuples(st.integers(0, 2**32 - 1), st.sampled_from([2, 4, 4, 8]), st.integers(0, 3))


def tensor_of(case):
    """A random tensor: axes of unequal dimensions, of full rank or near a tree of some width."""
    seed, axes, width = case
    rng = np.random.default_rng(seed)
    shape = (2,) * 8 if axes == 8 else tuple(rng.integers(1, 4, axes).tolist())
    tensor = rng.normal(size=shape) * 10.0 ** rng.integers(-3, 4)
    if width:
        near = lc.truncated(tensor, width)
        tensor = near + rng.normal(size=shape) * np.linalg.norm(near) * 10.0 ** rng.uniform(-4, -1) / sqrt(tensor.size)
    return tensor


def entropy(tensor, start, stop):
    mask = (np.arange(tensor.ndim) >= start) & (np.arange(tensor.ndim) < stop)
    p = oracle.spectrum(tensor, mask)[0] ** 2
    return oracle.renyi(p[p > 1e-300], 1)


def relative_error(tensor, near):
    return np.linalg.norm(tensor - near) / np.linalg.norm(tensor)


def test_the_aligned_blocks():
    assert lc.aligned_blocks(2) == [(0, 1), (1, 2)]
    assert lc.aligned_blocks(4) == [(0, 2), (2, 4), (0, 1), (1, 2), (2, 3), (3, 4)]
    for sites in (0, 1, 6):
        with pytest.raises(ValueError, match="sites: wanted a power of two, at least 2"):
            lc.aligned_blocks(sites)


@settings(max_examples=60)
@given(CASES)
def test_block_entropies_are_those_of_the_definition(case):
    tensor = tensor_of(case)
    blocks = lc.block_entropies(tensor)
    assert [(block.start, block.stop) for block in blocks] == lc.aligned_blocks(tensor.ndim)
    for block in blocks:
        inside = int(np.prod(tensor.shape[block.start : block.stop]))
        assert block.dimension == min(inside, tensor.size // inside)
        assert block.entropy == pytest.approx(entropy(tensor, block.start, block.stop), abs=1e-10)


@settings(max_examples=60)
@given(CASES, st.integers(1, 4))
def test_a_truncated_tensor_is_a_tree_near_the_nearest(case, width):
    tensor = tensor_of(case)
    near = lc.truncated(tensor, width)
    tails = []
    for start, stop in lc.aligned_blocks(tensor.ndim):
        mask = (np.arange(tensor.ndim) >= start) & (np.arange(tensor.ndim) < stop)
        assert np.linalg.matrix_rank(oracle.matricise(near, mask), tol=1e-9 * np.linalg.norm(tensor)) <= width
        values = np.linalg.svd(oracle.matricise(tensor, mask), compute_uv=False)
        tails.append((values[width:] ** 2).sum())
    error = np.linalg.norm(tensor - near)
    assert error**2 <= sum(tails[1:]) * (1 + 1e-9) + 1e-18 * np.linalg.norm(tensor) ** 2  # both halves are one cut
    assert error**2 >= max(tails) * (1 - 1e-9) - 1e-18 * np.linalg.norm(tensor) ** 2


@settings(max_examples=60)
@given(CASES, st.integers(1, 16))
def test_entropies_stay_below_the_bound(case, width):
    """Theorem 1, for the tree that truncation gives."""
    tensor = tensor_of(case)
    error = relative_error(tensor, lc.truncated(tensor, width))
    if error > 0.25:
        with pytest.raises(ValueError, match="error: wanted a relative error in"):
            lc.entropy_bound(width, error, 2)
        return
    for block in lc.block_entropies(tensor):
        assert block.entropy <= lc.entropy_bound(width, error, block.dimension) + 1e-9
    assert lc.least_width(tensor, error) <= width
    assert lc.least_error(tensor, width) <= error + 1e-9


@settings(max_examples=60)
@given(CASES, st.integers(1, 8))
def test_the_least_error_is_where_the_bound_begins_to_allow_the_entropies(case, width):
    tensor = tensor_of(case)
    least = lc.least_error(tensor, width)
    gaps = lambda error: max(  # noqa: E731
        block.entropy - lc.entropy_bound(width, error, block.dimension) for block in lc.block_entropies(tensor)
    )
    assert gaps(min(least * (1 + 1e-6) + 1e-12, 0.25)) <= 1e-7 or least == 0.25
    if least > 1e-6:
        assert gaps(least * (1 - 1e-6)) > -1e-7


def test_the_least_width_is_the_rank_of_flat_spectra():
    """Without error the entropy of k equal values asks for width k, and no more."""
    tensor = np.zeros((3, 3, 3, 3))
    for i in range(3):
        for j in range(3):
            tensor[i, j, i, j] = 1.0
    assert lc.least_width(tensor, 0.0) == 9
    assert lc.least_error(tensor, 9) == pytest.approx(0.0, abs=1e-12)
    assert lc.least_error(tensor, 2) == pytest.approx(_solved(log(9 / 2), log(9)))


def _solved(missing, slope):
    """The x at which 2 x slope + 2 sqrt(2 x) is `missing`, by bisection; at most 1/4."""
    low, high = 0.0, 0.25
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if 2 * middle * slope + 2 * sqrt(2 * middle) < missing else (low, middle)
    return low


@settings(max_examples=60)
@given(CASES, st.integers(2, 6))
def test_low_entropies_suffice(case, width):
    """Theorem 2, with truncation as the tree that there is."""
    tensor = tensor_of(case)
    most = max(block.entropy for block in lc.block_entropies(tensor))
    error = sqrt(max(most, 1e-12) * (2 * tensor.ndim - 3) / log(width)) if tensor.ndim > 1 else 1.0
    assert lc.sufficient_entropy(width, error, tensor.ndim) == pytest.approx(max(most, 1e-12))
    assert relative_error(tensor, lc.truncated(tensor, width)) <= error + 1e-12


def test_the_bound_by_hand():
    assert lc.entropy_bound(3, 0.02, 8) == pytest.approx(log(3) + 0.04 * log(8) + 2 * sqrt(0.04))
    assert exp(lc.entropy_bound(5, 0.0, 100)) == pytest.approx(5)


def test_the_curve_holds_what_truncation_reaches():
    tensor = lc.truncated(np.random.default_rng(0).normal(size=(2,) * 8), 3)
    rows = lc.tightness_curve(tensor, (1, 3, 4))
    assert [row.width for row in rows] == [3, 4]
    assert all(row.error < 1e-12 and row.entropy <= row.bound for row in rows)


@pytest.mark.parametrize(("call", "words"), [
    (lambda: lc.entropy_bound(0, 0.1, 2), "width: wanted positive integers"),
    (lambda: lc.block_entropies(np.zeros((2, 2))), "tensor: wanted some entry that is not zero"),
    (lambda: lc.truncated(np.ones((2, 2)), 0), "width: wanted a positive integer, found 0"),
    (lambda: lc.sufficient_entropy(1, 0.1, 4), "width: wanted width and sites of at least 2"),
])  # fmt: skip
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()
