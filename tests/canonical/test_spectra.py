"""Schmidt values of bonds and of any sites, density matrices, mutual information: all against the dense tensor."""

import numpy as np
import oracle
import pytest
from canonical import drawn
from canonical.test_forms import side
from canonical.test_state import whole
from hypothesis import given, settings

from tnsim.canonical import (
    chain_wiring,
    entropies,
    entropy,
    from_dense,
    mutual_information,
    orthogonalised,
    random_state,
    reduced_density_matrix,
    schmidt,
    set_spectrum,
    spectra,
)  # fmt: skip

FEW = settings(max_examples=20)


def agree(found, wanted, tolerance=1e-9):
    """Values are the same, and what one list has more is zero."""
    n = max(len(found), len(wanted))
    pad = lambda values: np.pad(values, (0, n - len(values)))  # noqa: E731
    return np.abs(pad(found) - pad(wanted)).max() < tolerance


def values_of(state, mask):
    if mask.all() or not mask.any():
        return np.ones(1)
    return oracle.spectrum(whole(state)[0], mask)[0]


@FEW
@given(drawn.SEEDS)
def test_all_bonds_in_one_sweep_have_the_schmidt_values_of_the_tensor(seed):
    state = drawn.state(seed)
    centred = orthogonalised(state, len(state.cores) // 2)
    log_norm = np.log(np.linalg.norm(whole(state)[0])) + whole(state)[1]
    for form in (state, centred):
        found = spectra(form)
        assert len(found) == state.wiring.bonds
        for bond, spectrum in enumerate(found):
            wanted = values_of(state, side(state, bond))
            assert agree(spectrum.values, wanted, max(1e-13, 2 * spectrum.error_bound))
            assert agree(schmidt(form, bond).values, wanted)
            assert spectrum.log_norm == pytest.approx(log_norm, abs=1e-9)


@FEW
@given(drawn.SEEDS)
def test_any_sites_have_the_schmidt_values_of_the_tensor(seed):
    state, rng = drawn.state(seed), np.random.default_rng(seed)
    mask = rng.random(state.sites) < 0.5
    found = set_spectrum(state, np.flatnonzero(mask))
    assert agree(found.values, values_of(state, mask))
    assert entropy(state, np.flatnonzero(~mask), 2) == pytest.approx(found.renyi(2), abs=1e-9)


@FEW
@given(drawn.SEEDS)
def test_density_matrices_are_those_of_the_tensor_in_the_order_given(seed):
    state, rng = drawn.state(seed), np.random.default_rng(seed)
    sites = rng.permutation(state.sites)[: rng.integers(1, min(4, state.sites + 1))].tolist()
    assert np.allclose(reduced_density_matrix(state, sites), oracle.density_matrix(whole(state)[0], sites), atol=1e-10)


@FEW
@given(drawn.SEEDS)
def test_mutual_information_is_that_of_the_tensor(seed):
    state, rng = drawn.state(seed), np.random.default_rng(seed)
    order = rng.permutation(state.sites).tolist()
    X, Y = order[:1], order[1:3]
    if Y:
        wanted = oracle.mutual_information(whole(state)[0], X, Y)
        assert mutual_information(state, X, Y) == pytest.approx(wanted, abs=1e-8)


def test_an_error_bound_holds_where_cores_cancel():
    rng = np.random.default_rng(0)
    state = random_state(chain_wiring(6), (2,) * 6, 4, rng)
    X = np.diag(10.0 ** np.array([0.0, -3, -6, -9])) @ np.linalg.qr(rng.normal(size=(4, 4)))[0]
    from_there = [core.copy() for core in state.cores]
    from_there[2] = np.tensordot(from_there[2], X, axes=(2, 0))
    from_there[3] = np.tensordot(np.linalg.inv(X), from_there[3], axes=(1, 0))
    bad = state.with_cores(from_there)
    for exact, found in zip(spectra(state), spectra(bad), strict=True):
        assert np.abs(exact.values - found.values).max() <= found.error_bound
    assert spectra(bad)[0].error_bound > 100 * spectra(state)[0].error_bound


def test_random_states_have_pages_mean_entropy():
    """Page, PRL 71, 1291 (1993): sum_(k = n + 1)^(m n) 1/k - (m - 1)/(2 n), dimensions m <= n."""
    rng, found = np.random.default_rng(0), []
    for _ in range(60):
        psi = rng.normal(size=(2,) * 8) + 1j * rng.normal(size=(2,) * 8)
        found.append(entropies(from_dense(psi)))
    for bond, S in enumerate(np.array(found).T):
        m, n = sorted((2 ** (bond + 1), 2 ** (7 - bond)))
        page = (1 / np.arange(n + 1, m * n + 1)).sum() - (m - 1) / (2 * n)
        assert abs(S.mean() - page) < 4 * S.std(ddof=1) / len(S) ** 0.5


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda s: set_spectrum(s, [0, 7]), r"A: wanted different sites of 0..3, found \[0, 7\]"),
        (lambda s: set_spectrum(s, [1, 1]), "A: wanted different sites"),
        (lambda s: reduced_density_matrix(s, []), "sites: wanted at least one"),
        (lambda s: reduced_density_matrix(s, [4]), r"sites: wanted different sites of 0..3, found \[4\]"),
        (lambda s: mutual_information(s, [0], [0, 1]), "X, Y: wanted two sets, none empty and no site in both"),
        (lambda s: mutual_information(s, [0], []), "X, Y: wanted two sets"),
        (lambda s: spectra(s.with_cores([0 * core for core in s.cores])), "state: it is zero"),
        (lambda s: set_spectrum(s.with_cores([0 * core for core in s.cores]), [0]), "state: it is zero"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(act, words):
    with pytest.raises(ValueError, match=words):
        act(random_state(chain_wiring(4), (2,) * 4, 2, np.random.default_rng(0)))


def test_what_does_not_fit_is_refused_beforehand():
    state = random_state(chain_wiring(24), (2,) * 24, 8, np.random.default_rng(0))
    with pytest.raises(MemoryError, match="reduced_density_matrix: of these sites needs about"):
        reduced_density_matrix(state, range(20), limit="1MB")
    with pytest.raises(MemoryError, match="set_spectrum: what the sites below core"):
        set_spectrum(state, range(0, 24, 2), limit="100KB")
