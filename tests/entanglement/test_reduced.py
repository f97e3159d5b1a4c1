"""Reduced density matrices of a few sites against the partial trace of the dense tensor."""

import numpy as np
import oracle
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import FEW, cases

import tnsim
from tnsim.entanglement.reduced import density_matrices
from tnsim.memory import MemoryLimitError

ARCH = tnsim.ConvAC(sites=8, features=2, channels=(3, 2, 3), windows=(2, 2, 2), classes=2, sharing="window")


def drawn(arch):
    rng = np.random.default_rng(3)
    return strategies.named([rng.normal(size=shape) for shape in strategies.shapes(arch)])


@settings(max_examples=24)
@given(cases() | cases(archs=FEW, measured=True), st.data())
def test_one_to_three_sites_in_the_order_given(case, data):
    sites = data.draw(st.permutations(range(case.arch.size)))[: data.draw(st.integers(1, min(3, case.arch.size)))]
    found = case.state.reduced_density_matrix(sites)
    np.testing.assert_allclose(found, oracle.density_matrix(case.dense, list(sites)), atol=1e-10)
    np.testing.assert_allclose(found, found.conj().T, atol=0)
    assert np.trace(found).real == pytest.approx(1)


@settings(max_examples=6)
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


@settings(max_examples=9)
@given(cases(["float64", "complex128"], FEW[:4]), st.data())
def test_many_sets_at_once(case, data):
    order = list(data.draw(st.permutations(range(case.arch.size))))
    sets = [order[:1], order[-2:], order[: min(5, case.arch.size)], order[::-1][:3]]
    found = density_matrices(case.state.network, case.state.banks, case.state.vector, case.state.measure, sets)
    for sites, rho in zip(sets, found, strict=True):
        np.testing.assert_allclose(rho, oracle.density_matrix(case.dense, sites), atol=1e-10)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_sites_on_both_sides_of_the_node_where_they_meet(dtype):
    """Six of eight sites, three of them in one window of four: the node that closes them has an open rest."""
    rng = np.random.default_rng(3)
    banks = [strategies.normal(rng, shape, dtype) for shape in strategies.shapes(ARCH)]
    sites = [6, 0, 1, 2, 7, 3]
    found = ARCH.state(strategies.named(banks), 1).reduced_density_matrix(sites)
    dense = oracle.tensor(strategies.wiring(ARCH), banks[:-1], banks[-1], 1)
    np.testing.assert_allclose(found, oracle.density_matrix(dense, sites), atol=1e-12)


@pytest.mark.parametrize("kept", [[0], [0, 1], [0, 1, 2], [5, 0, 1, 2, 3, 7, 8, 15, 14, 13]])
def test_any_number_of_sites(kept):
    arch = tnsim.ConvAC((4, 4), 2, (3, 4), (2, 2), 1)
    params = drawn(arch)
    dense = oracle.tensor(strategies.wiring(arch), [params["conv_0"], params["conv_1"]], params["output"], 0)
    found = arch.state(params, 0).reduced_density_matrix(kept)
    np.testing.assert_allclose(found, oracle.density_matrix(dense, kept), atol=1e-12)


def test_ten_sites_of_a_thousand_need_little_memory():
    """Nine in one half and one in the other: no edge carries more than five open sites."""
    arch = tnsim.ConvAC((32, 32), 2, (33,) * 5, (2,) * 5, 1, sharing="full")
    sites = [0, 40, 100, 150, 200, 260, 300, 330, 400, 1023]
    rho = arch.state(drawn(arch), 0).reduced_density_matrix(sites, memory="200MB")
    assert rho.shape == (1024, 1024)
    assert np.trace(rho) == pytest.approx(1)
    assert np.linalg.eigvalsh(rho)[0] > -1e-12
    parts = [arch.state(drawn(arch), 0).reduced_density_matrix(some) for some in (sites[:2], sites[-1:])]
    np.testing.assert_allclose(np.einsum("abcb->ac", rho.reshape(4, 256, 4, 256)), parts[0], atol=1e-12)
    np.testing.assert_allclose(np.einsum("abac->bc", rho.reshape(512, 2, 512, 2)), parts[1], atol=1e-12)
