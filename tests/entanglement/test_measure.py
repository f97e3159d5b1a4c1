"""Inner products of the function's space: site factors F with F F^dagger = S. THEORY section 2."""

import numpy as np
import oracle
import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st
from strategies import normal

import tnsim
from tnsim.entanglement.measure import site_measure


@given(st.integers(1, 5), st.sampled_from(["float64", "complex128"]), st.booleans(), st.integers(0, 2**32 - 1))
def test_factors_are_hermitian_roots(M, dtype, per_site, seed):
    root = normal(np.random.default_rng(seed), (3, M, M) if per_site else (M, M), dtype)
    gram = root @ np.conj(np.swapaxes(root, -1, -2))
    found = site_measure("function", gram, 3, M)
    np.testing.assert_allclose(found.grams[found.kind], np.broadcast_to(gram, (3, M, M)), atol=1e-12)
    np.testing.assert_allclose(found.factors, np.conj(np.swapaxes(found.factors, -1, -2)), atol=1e-12)


def test_equal_sites_are_one_kind_numbered_by_first_appearance():
    one, two = 2 * np.eye(2), np.eye(2)
    found = site_measure("function", np.stack([one, two, one, two]), 4, 2)
    np.testing.assert_array_equal(found.kind, [0, 1, 0, 1])
    np.testing.assert_allclose(found.factors, np.sqrt([one, two]))


def test_the_coefficient_measure_is_the_identity():
    found = site_measure("coefficient", None, 4, 3)
    np.testing.assert_array_equal(found.grams, np.eye(3)[None])
    np.testing.assert_array_equal(found.kind, [0, 0, 0, 0])


def border(rng, n=50, sites=6, constant=(0, 1, 5)):
    """Features [1, cos, sin] of images whose border never changes, and their Gram matrices a site."""
    x = rng.random((n, sites))
    x[:, constant] = 0.3
    features = np.stack([np.ones_like(x), np.cos(x), np.sin(x)], axis=-1)
    return features, np.einsum("nsa,nsb->sab", features, features) / n


def test_sites_that_never_change_span_one_dimension_and_are_told():
    _, gram = border(np.random.default_rng(0))
    found = site_measure("function", gram, 6, 3)
    np.testing.assert_array_equal(found.ranks[found.kind], [1, 1, 3, 3, 3, 1])
    assert found.note == (
        "at 3 of 6 sites the features span only 1 of 3 dimensions; Gram eigenvalues up to 1e-13 of the largest "
        "count as zero"
    )
    np.testing.assert_array_equal(found.by_site.ranks, found.ranks[found.kind])
    np.testing.assert_array_equal(found.by_site.grams, found.grams[found.kind])
    assert found.by_site.note == found.note


def test_a_note_names_every_rank():
    gram = np.stack([np.diag([1.0, 0, 0]), np.diag([2.0, 1, 0]), np.eye(3)])
    assert site_measure("function", gram, 3, 3).note.startswith(
        "at 1 of 3 sites the features span only 1 of 3 dimensions; at 1 of 3 sites the features span only 2 of 3"
    )
    assert site_measure("function", np.eye(3), 3, 3).note == site_measure("coefficient", None, 3, 3).note == ""


@given(st.integers(2, 5), st.data(), st.sampled_from(["float32", "float64", "complex128"]), st.integers(0, 2**32 - 1))
def test_the_rank_of_a_gram_is_found_through_its_rounding(M, data, dtype, seed):
    rank = data.draw(st.integers(1, M))
    root = normal(np.random.default_rng(seed), (M, rank), dtype) + 2 * np.eye(M, rank, dtype=dtype)
    gram = 1e-3 * (root @ np.conj(root.T))
    found = site_measure("function", (gram + np.conj(gram.T)) / 2, 4, M)
    gap = np.linalg.svd(root.astype(complex), compute_uv=False)
    assert found.ranks == [rank] or gap[-1] < 1e-2 * gap[0]
    assert np.isfinite(found.factors).all()


@pytest.mark.parametrize("A", [[0, 1, 5], [0, 2], [2, 3, 4], "left-right"])
def test_constant_sites_are_entangled_with_nothing(A):
    """Schmidt values, ranks and Renyi entropies of a deficient measure are those of the definition, none NaN."""
    rng = np.random.default_rng(1)
    _, gram = border(rng)
    arch = tnsim.ConvAC(sites=6, features=3, channels=(4, 3), windows=(2, 3), classes=2)
    banks = [normal(rng, shape) for shape in strategies.shapes(arch)]
    state = arch.state(strategies.named(banks), 1, "function", gram)
    roots = [oracle.hermitian_root(one) for one in gram]
    dense = oracle.tensor(strategies.wiring(arch), banks[:-1], banks[-1], 1, roots)
    values, _ = oracle.spectrum(dense, state.mask(A))
    found = state.schmidt(A)
    k = min(len(values), len(found.values))
    assert np.abs(found.values[:k] - values[:k]).max() < 1e-7  # the oracle's roots keep 1e-17 as 3e-9
    alive = [site for site in np.flatnonzero(state.mask(A)) if site in (2, 3, 4)]
    assert found.rank() == 3 ** min(len(alive), 3 - len(alive))
    assert (found.entropy() < 1e-12) == (len(alive) in (0, 3))
    assert np.isfinite(state.renyi(A).value)
    assert state.renyi(A).value == pytest.approx(-np.log((values**4).sum()), abs=1e-9)


@pytest.mark.parametrize(
    ("name", "gram", "words"),
    [
        ("data", None, r"measure: wanted one of \('coefficient', 'function'\), found 'data'"),
        ("function", None, "gram: measure 'function' wants the Gram matrices of the features, found none"),
        ("coefficient", np.eye(2), "gram: measure 'coefficient' wants none, found one"),
        ("function", np.eye(3), r"gram: wanted shape \(2, 2\) or \(4, 2, 2\), found \(3, 3\)"),
        ("function", np.ones((3, 2, 2)), r"gram: wanted shape \(2, 2\) or \(4, 2, 2\), found \(3, 2, 2\)"),
        ("function", np.array([[1, 0.5], [0, 1]]), "gram: wanted Hermitian matrices, found one that is not"),
        ("function", np.diag([1.0, -1]), r"gram: wanted positive matrices, found eigenvalues -1\.\.1"),
        ("function", np.zeros((2, 2)), r"gram: wanted positive matrices, found eigenvalues 0\.\.0"),
        ("function", np.diag([1, np.nan]), "gram: wanted finite numbers, found NaN or infinity"),
    ],
)
def test_what_is_no_measure_is_refused(name, gram, words):
    with pytest.raises(ValueError, match=words):
        site_measure(name, gram, 4, 2)
