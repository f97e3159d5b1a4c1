"""Reduced density matrices of a few sites against the partial trace of the dense tensor."""

import numpy as np
import oracle
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import FEW, cases

import tnsim
from tnsim.memory import MemoryLimitError

ARCH = tnsim.ConvAC(sites=8, features=2, channels=(3, 2, 3), windows=(2, 2, 2), classes=2, sharing="window")


def drawn(arch):
    rng = np.random.default_rng(3)
    return strategies.named([rng.normal(size=shape) for shape in strategies.shapes(arch)])


@settings(max_examples=40)
@given(cases() | cases(archs=FEW, measured=True), st.data())
def test_one_to_three_sites_in_the_order_given(case, data):
    sites = data.draw(st.permutations(range(case.arch.size)))[: data.draw(st.integers(1, min(3, case.arch.size)))]
    found = case.state.reduced_density_matrix(sites)
    np.testing.assert_allclose(found, oracle.density_matrix(case.dense, list(sites)), atol=1e-10)
    np.testing.assert_allclose(found, found.conj().T, atol=0)
    assert np.trace(found).real == pytest.approx(1)


@settings(max_examples=10)
@given(cases(archs=[arch for arch in FEW if arch.size > 2]))
def test_its_eigenvalues_are_the_schmidt_probabilities(case):
    sites = np.flatnonzero(case.mask)[:2].tolist()
    values = np.linalg.eigvalsh(case.state.reduced_density_matrix(sites))[::-1]
    p = case.state.schmidt(sites).probabilities
    np.testing.assert_allclose(values[: len(p)], p[: len(values)], atol=1e-10)


def test_a_long_window_stays_in_range():
    arch = tnsim.ConvAC.shallow(sites=4096, features=2, rank=3, classes=1)
    rho = arch.state(drawn(arch), 0).reduced_density_matrix([7, 4000])
    assert np.isfinite(rho).all()
    assert np.trace(rho) == pytest.approx(1)


def test_too_many_sites_are_refused():
    words = r"sites: a density matrix of 8 sites needs about .*B, above the limit of 1 MB\. Ways out: fewer sites"
    with pytest.raises(MemoryLimitError, match=words):
        ARCH.state(drawn(ARCH), 0).reduced_density_matrix(range(8), memory="1MB")


@pytest.mark.parametrize(
    ("sites", "words"),
    [
        ([], "sites: wanted at least one site, found none"),
        ([8], r"sites: sites must lie in 0\.\.7, found 8"),
        ([-1], r"sites: sites must lie in 0\.\.7, found -1"),
        ([1, 1], "sites: every site at most once, found 1 more than once"),
        ([0.5], "sites: wanted integer site numbers"),
    ],
)
def test_sites_that_do_not_fit(sites, words):
    with pytest.raises(ValueError, match=words):
        ARCH.state(drawn(ARCH), 0).reduced_density_matrix(sites)


def test_a_state_that_is_zero_has_no_density_matrix():
    params = drawn(ARCH) | {"output": np.zeros((2, 3))}
    with pytest.raises(ValueError, match="state: it is exactly zero or not finite, so it has no density matrix"):
        ARCH.state(params, 0).reduced_density_matrix([0])
