"""The largest Schmidt values are from below, and no true one exceeds them by more than what is missing."""

import jax
import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import FEW, Case, cases, normal, shapes

from tnsim.entanglement.certified import placement, top
from tnsim.entanglement.leading import leading_values


@settings(max_examples=30)
@given(cases(archs=FEW), st.integers(1, 6), st.sampled_from([1, 2, 8]), st.sampled_from(["lanczos", "range"]))
def test_the_true_values_lie_between(case, k, chi, method):
    true, _ = oracle.spectrum(case.dense, case.mask)
    found = leading_values(case.state.problem(case.mask), k, chi, method)
    count = min(len(true), len(found.values))
    q, p = found.values[:count] ** 2, true[:count] ** 2
    assert (q <= p + 1e-10).all()
    assert (p <= q + found.missing + 1e-10).all()
    if chi == 8 and len(found.values) >= len(true):
        np.testing.assert_allclose(q, p, atol=1e-9)


@pytest.mark.parametrize("method", ["lanczos", "range"])
def test_an_accelerator_finds_the_same(monkeypatch, method):
    problem = _case().state.problem(_case().mask)
    here = leading_values(problem, 3, 4, method)
    seen = []
    monkeypatch.setattr(top, "operator", lambda X, Y, made=top.operator: seen.append(type(X)) or made(X, Y))
    monkeypatch.setattr(placement, "accelerated", lambda: True)
    there = leading_values(problem, 3, 4, method)
    np.testing.assert_allclose(there.values, here.values, atol=1e-10)
    assert there.missing == pytest.approx(here.missing, abs=1e-10)
    assert issubclass(seen[0], jax.Array)
    assert isinstance(there.values, np.ndarray)


def test_it_prints_what_it_found():
    case = _case()
    text = repr(case.state.leading_values(case.mask, 2))
    assert text.startswith("LeadingValues(")
    assert "missing mass" in text


@pytest.mark.parametrize(("k", "chi"), [(0, 8), (1, 0)])
def test_counts_that_are_none(k, chi):
    case = _case()
    with pytest.raises(ValueError, match="k, chi: wanted integers >= 1"):
        case.state.leading_values(case.mask, k, chi)


def _case():
    rng = np.random.default_rng(0)
    arch = FEW[0]
    mask = np.arange(arch.size) % 2 == 0
    return Case(arch, [normal(rng, shape) for shape in shapes(arch)], (0,) * len(shapes(arch)), 0, mask)
