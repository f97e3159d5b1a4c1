"""A sample's own entanglement equals that of its dense tensor, however it is batched, and its interval holds it."""

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tnsim.correlations import Batching, data_entropy, data_renyi, data_spectrum, data_tensor
from tnsim.memory import MemoryLimitError

KINDS = ("normal", "near", "positive", "scaled", "constant", "few")


@st.composite
def samples(draw, most=50, sites=12):
    """(features, y, mask) of up to 50 samples of up to 12 sites."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    m, N = draw(st.integers(1, most)), draw(st.integers(2, sites))
    M = draw(st.sampled_from([2, 3] if N <= 7 else [2]))
    kind = draw(st.sampled_from(KINDS))
    x = rng.normal(size=(m, N, M))
    if kind in ("near", "few"):  # samples alike, and samples that are equal
        x = 1 + 0.3 * x
        x = x[rng.integers(3, size=m)] if kind == "few" and m > 3 else x
    if kind == "positive":
        x = np.abs(x)
    if kind == "scaled":
        x = x * 10.0 ** rng.uniform(-30, 30, size=(1, N, 1)) * 10.0 ** rng.uniform(-1, 1, size=(m, 1, 1))
    if kind == "constant":
        x[:, rng.random(N) < 0.5] = rng.normal(size=M)
    number = draw(st.integers(1, 2**N - 2))
    y = rng.choice([-1.0, 1.0], m) if draw(st.booleans()) else rng.normal(size=m)
    return x, y, np.array([number >> i & 1 for i in range(N)], dtype=bool)


def dense(x, y, mask):
    """Entropies of orders 1, 2 and ln norm. Sites are first divided by their largest number, which is known."""
    tops = np.abs(x).max(axis=(0, 2))
    values, norm = oracle.spectrum(oracle.data_tensor(x / tops[None, :, None], y), mask)
    p = values[values > 1e-150] ** 2
    return oracle.renyi(p, 1), oracle.renyi(p, 2), np.log(norm) + np.log(tops).sum()


def cancels(x, y):
    """How far the samples' weighted sum is below their size: beyond 1e5 float64 holds less than 1e-8."""
    x = x / np.abs(x).max(axis=(0, 2))[None, :, None]
    sizes = np.abs(y) * np.prod(np.linalg.norm(x, axis=2), axis=1)
    return (sizes**2).mean() / (oracle.data_tensor(x, y) ** 2).sum() > 1e5


@settings(max_examples=60)
@given(samples(), st.integers(1, 5), st.integers(1, 60))
def test_it_is_the_dense_definition_for_every_batching(case, sites, at_once):
    x, y, mask = case
    if cancels(x, y):
        return
    found = data_spectrum(data_tensor(x, y), mask, batching=Batching(sites, at_once))
    S, S2, log_norm = dense(x, y, mask)
    assert float(found.entropy) == pytest.approx(S, abs=1e-8)
    assert found.entropy.lower - 1e-12 <= S <= found.entropy.upper + 1e-12
    assert float(found.renyi(2)) == pytest.approx(S2, abs=1e-8)
    assert found.renyi(2).lower - 1e-12 <= S2 <= found.renyi(2).upper + 1e-12
    assert found.log_norm == pytest.approx(log_norm, abs=1e-8)


@settings(max_examples=20)
@given(samples(), st.integers(0, 99))
def test_the_order_of_samples_does_not_matter(case, seed):
    x, y, mask = case
    if cancels(x, y):
        return
    order = np.random.default_rng(seed).permutation(len(y))
    one, other = (data_entropy(data_tensor(x[ids], y[ids]), mask) for ids in (np.arange(len(y)), order))
    assert float(one) == pytest.approx(float(other), abs=1e-8)


@settings(max_examples=40)
@given(samples(), st.integers(1, 12), st.floats(1.1, 6), st.integers(1, 60))
def test_few_pivots_give_an_interval_that_holds_it(case, pivots, order, at_once):
    x, y, mask = case
    if cancels(x, y):
        return
    found = data_spectrum(data_tensor(x, y), mask, pivots, batching=Batching(2, at_once))
    values, _ = oracle.spectrum(oracle.data_tensor(x / np.abs(x).max(axis=(0, 2))[None, :, None], y), mask)
    p = values**2
    assert found.entropy.lower - 1e-9 <= oracle.renyi(p[p > 0], 1) <= found.entropy.upper + 1e-9
    assert found.renyi(order).lower - 1e-9 <= oracle.renyi(p[p > 0], order) <= found.renyi(order).upper + 1e-9
    assert found.geometric[0] - 1e-9 <= 1 - p[0] <= found.geometric[1] + 1e-9
    q = np.pad(p, (0, max(len(found.q) - len(p), 0)))[: len(found.q)]
    assert (found.q <= q + found.slack + 1e-12).all()


def test_a_few_pivots_of_many_samples_find_nearly_all():
    rng = np.random.default_rng(0)
    angles = 0.3 * rng.normal(size=(400, 30)) + rng.normal(size=(4, 30))[rng.integers(4, size=400)]
    tensor = data_tensor(np.stack([np.cos(angles), np.sin(angles)], -1), np.sign(rng.normal(size=400) + 0.5))
    mask = np.arange(30) < 15
    whole, part = data_spectrum(tensor, mask), data_spectrum(tensor, mask, 40)
    best = 1 - whole.q[:40].sum()
    assert best <= part.missing <= 2.5 * best
    assert part.entropy.agrees(whole.entropy)


def test_repeating_all_samples_changes_nothing():
    rng = np.random.default_rng(1)
    x, y, mask = rng.normal(size=(9, 5, 2)), rng.normal(size=9), np.arange(5) < 2
    once, twice = (data_entropy(data_tensor(np.tile(x, (k, 1, 1)), np.tile(y, k)), mask) for k in (1, 2))
    assert float(once) == pytest.approx(float(twice), abs=1e-10)


def test_hundreds_of_sites_leave_float_range_but_not_the_answer():
    """Copies of a site of two samples that are orthogonal at it: (|0..0> + |1..1>)/sqrt 2, one bit."""
    x = np.repeat(np.eye(2)[:, None], 3000, axis=1) * 1e-3
    found = data_spectrum(data_tensor(x, np.ones(2)), np.arange(3000) < 7)
    assert float(found.entropy) == pytest.approx(np.log(2), abs=1e-9)
    assert found.log_norm == pytest.approx(3000 * np.log(1e-3) - 0.5 * np.log(2))


def test_bits_and_orders():
    x, y, mask = np.eye(2)[:, None].repeat(4, 1), np.ones(2), np.arange(4) < 2
    tensor = data_tensor(x, y)
    assert float(data_entropy(tensor, mask, base=2)) == pytest.approx(1)
    assert float(data_renyi(tensor, mask, 3)) == pytest.approx(np.log(2))
    with pytest.raises(ValueError, match="order: wanted a number above 1"):
        data_renyi(tensor, mask, 0.5)


def test_what_cannot_be_measured_is_refused_in_words():
    x, mask = np.ones((4, 3, 2)), np.arange(3) < 1
    with pytest.raises(ValueError, match="cancel to rounding"):
        data_entropy(data_tensor(x, np.array([1, -1, 1, -1])), mask)
    tensor = data_tensor(np.random.default_rng(0).random((300, 4, 2)), np.ones(300))
    with pytest.raises(ValueError, match="pivots: wanted an integer >= 1, found 0"):
        data_entropy(tensor, [0], pivots=0)
    with pytest.raises(MemoryLimitError, match="300 samples of 4 sites by 256 pivots a side needs about"):
        data_entropy(tensor, [0], limit="100KB")
