"""Inner products of the function's space: site factors F with F F^dagger = S. THEORY section 2."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import normal

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
