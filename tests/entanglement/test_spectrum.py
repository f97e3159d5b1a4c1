"""What follows from a spectrum: entropies, ranks and distances. THEORY section 3."""

from math import e, inf, log

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import FEW, cases

from tnsim.entanglement.spectrum import Spectrum, renyi

ORDERS = (0, 0.5, 1, 2, 3, inf)


def probabilities(case):
    """The oracle's p_k, cut where the measured ones are for orders below 1."""
    values, _ = oracle.spectrum(case.dense, case.mask)
    return values[values > case.schmidt.tolerance] ** 2


@settings(max_examples=50)
@given(cases(archs=FEW), st.sampled_from(ORDERS))
def test_renyi_entropies_of_every_order(case, order):
    assert case.schmidt.renyi(order) == pytest.approx(oracle.renyi(probabilities(case), order), abs=1e-9)
    assert case.schmidt.renyi(order, base=2) == pytest.approx(case.schmidt.renyi(order) / log(2))


@settings(max_examples=40)
@given(cases(archs=FEW))
def test_entropy_rank_and_distances(case):
    found, p = case.schmidt, probabilities(case)
    entropy = oracle.renyi(p, 1)
    assert found.entropy() == pytest.approx(entropy, abs=1e-10)
    assert found.effective_rank == pytest.approx(np.exp(entropy), abs=1e-9)
    assert found.rank() == len(p)
    assert found.geometric == pytest.approx(1 - p[0], abs=1e-10)
    assert found.geometric_distance == pytest.approx(max(1 - p[0], 0) ** 0.5, abs=1e-5)
    assert found.geometric_distance <= (1 - 1 / len(found.values)) ** 0.5 + 1e-12


@settings(max_examples=40)
@given(cases(archs=FEW), st.lists(st.floats(0, 20), min_size=2, max_size=6))
def test_renyi_falls_as_the_order_grows(case, orders):
    p = probabilities(case)
    entropies = [renyi(p / p.sum(), order) for order in [*sorted(orders), inf]]
    assert (np.diff(entropies) <= 1e-9).all()


@settings(max_examples=40)
@given(cases(archs=FEW))
def test_the_entropy_error_holds(case):
    values, _ = oracle.spectrum(case.dense, case.mask)
    wanted = oracle.renyi(values[values > 0] ** 2, 1)
    assert abs(case.schmidt.entropy() - wanted) <= case.schmidt.entropy_error + 1e-13


@given(st.integers(1, 1000), st.floats(0, 50))
def test_equal_probabilities_have_one_entropy(k, order):
    assert renyi(np.full(k, 1 / k), order) == pytest.approx(log(k), abs=1e-9)


@given(st.floats(1.001, 5000))
def test_large_orders_do_not_underflow(order):
    assert renyi(np.array([0.5, 0.5]), order) == pytest.approx(log(2))


def test_a_product_state():
    found = Spectrum(np.array([1.0]), 0.0, 0.0)
    assert [found.renyi(order) for order in ORDERS] == [0] * len(ORDERS)
    assert (found.rank(), found.geometric, found.effective_rank, found.entropy_error) == (1, 0, 1, 0)


def test_the_rank_counts_what_exceeds_its_tolerance():
    found = Spectrum(np.array([1.0, 1e-7, 1e-12]), 0.0, 1e-10)
    assert found.tolerance == 1e-10
    assert (found.rank(), found.rank(tol=1e-6), found.rank(tol=0)) == (2, 1, 3)
    assert found.renyi(0) == pytest.approx(log(2))
    assert found.renyi(0, tol=0) == pytest.approx(log(3))


@pytest.mark.parametrize("order", [-1, -0.001, float("nan")])
def test_orders_below_zero_are_refused(order):
    with pytest.raises(ValueError, match=f"order: wanted a number >= 0, found {order}"):
        renyi(np.array([1.0]), order)


def test_a_spectrum_prints_what_it_found():
    text = repr(Spectrum(np.array([0.8, 0.6]), 0.0, 1e-12))
    assert text.startswith("Spectrum(2 values, rank 2 at 1.0e-12, entropy 0.65")
    assert log(e) == 1


@pytest.mark.parametrize("order", ORDERS)
def test_entropies_of_traced_probabilities_have_gradients_at_zeros_too(order):
    p = np.array([0.5, 0.3, 0.2, 0.0])
    with jax.enable_x64(True):
        value, slope = map(np.asarray, jax.jit(jax.value_and_grad(lambda p: renyi(p, order)))(jnp.asarray(p)))
    assert value == pytest.approx(oracle.renyi(p[:3], order), abs=1e-12)
    for k in range(3):
        step = np.eye(3)[k] * 1e-6  # unnormalised: ln sum p^n all the same
        ends = [oracle.renyi(p[:3] + sign * step, order) for sign in (-1, 1)]
        assert slope[k] == pytest.approx((ends[1] - ends[0]) / 2e-6, abs=1e-6)
    assert slope[3] == 0


def test_a_traced_spectrum_has_all_that_a_known_one_has():
    values = np.array([0.8, 0.6, 1e-9])
    known = Spectrum(values / np.linalg.norm(values), 0.0, 1e-8)
    numbers = ("geometric", "geometric_distance", "effective_rank", "entropy_error")
    what = lambda s: (s.rank(), s.renyi(0.5), s.entropy(2), *(getattr(s, name) for name in numbers))  # noqa: E731
    with jax.enable_x64(True):
        found = jax.jit(what)(jax.tree.map(jnp.asarray, known))
    assert np.allclose(np.asarray(found), what(known), atol=1e-12)
    assert jax.jit(lambda s: len(repr(s)) * s.values[0])(known) > 0
