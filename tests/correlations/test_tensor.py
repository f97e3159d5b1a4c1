"""Data tensors: what is refused, in which words, and what is taken in."""

import numpy as np
import pytest

from tnsim.correlations import canonical, class_tensors, cos_sin, data_tensor, of_class, one_vs_rest

X = np.random.default_rng(0).random((6, 4, 2))
Y = np.array([1, -1, 1, 1, -1, 1])


def broken(value):
    found = X.copy()
    found[2, 1, 0] = value
    return found


@pytest.mark.parametrize(
    ("features", "y", "words"),
    [
        (X[..., 0], Y, r"features: wanted floats of shape \(samples, sites, M\).*found float64 of shape \(6, 4\)"),
        (X[:0], Y[:0], "features: wanted floats"),
        (X.astype(int), Y, "features: wanted floats"),
        (X[:, :1], Y, "features: wanted at least two sites, found 1"),
        (X, Y[:5], "y: wanted 6 real numbers, one a sample, found"),
        (X, Y[:, None], "y: wanted 6 real numbers"),
        (X, Y * 1j, "y: wanted 6 real numbers"),
        (broken(np.nan), Y, "features: wanted finite numbers"),
        (broken(np.inf), Y, "features: wanted finite numbers"),
        (X, np.where(Y > 0, np.nan, 1), "y: wanted finite numbers"),
        (X, 0 * Y, "y: wanted a sample of weight"),
        (X * [[[0], [1], [1], [1]]], Y, "y: wanted a sample of weight"),
    ],
)
def test_bad_samples_are_refused_in_words(features, y, words):
    with pytest.raises(ValueError, match=words):
        data_tensor(features, y)


def test_an_architecture_of_other_sites_is_refused():
    with pytest.raises(ValueError, match="arch: wanted one of 4 sites, like the features, found 6"):
        data_tensor(X, Y, (2, 3))
    with pytest.raises(ValueError, match="grid: wanted"):
        data_tensor(X, Y, (2, 2, 1))


@pytest.mark.parametrize(
    ("A", "words"),
    [
        ([], "A must hold at least one site"), ([0, 1, 2, 3], "A must leave at least one site"),
        (np.zeros(4, bool), "A must hold at least one site"), ("left", "wanted site numbers, a mask or one of"),
        (np.ones(3, bool), "a mask must have shape"), ([0, 0], "every site at most once"),
    ],
)  # fmt: skip
def test_partitions_are_those_of_every_state(A, words):
    with pytest.raises(ValueError, match=words):
        data_tensor(X, Y).mask(A)


@pytest.mark.parametrize(
    ("labels", "classes", "words"),
    [
        ([3] * 6, None, "wanted at least two classes, found 3 alone"),
        ([0, 1, 0, 1, 0, 1], 7, "wanted at least as many samples as classes, found 6 for 7"),
        ([0, 2, 0, 2, 0, 2], None, r"wanted samples of each of 3 classes, found none of \[1\]"),
        ([0, 1, 0, 1, 0, 4], 3, "wanted labels below 3 classes, found 4"),
        ([0, 1, 0], None, "wanted an integer >= 0 for each"),
        ([0, 1, 0, -1, 0, 1], None, "wanted an integer >= 0 for each"),
        ([0.0, 1, 0, 1, 0, 1], None, "wanted an integer >= 0 for each"),
    ],
)
def test_bad_labels_are_refused_in_words(labels, classes, words):
    with pytest.raises(ValueError, match=f"labels: {words}"):
        class_tensors(X, np.array(labels), classes=classes)


def test_one_against_the_rest_and_one_alone():
    labels = np.array([0, 1, 2, 0, 1, 2])
    assert one_vs_rest(labels, 1).tolist() == [-1, 1, -1, -1, 1, -1]
    assert of_class(labels, 2).tolist() == [0, 0, 1, 0, 0, 1]
    assert list(class_tensors(X, labels)) == [0, 1, 2]
    for y, label in ((labels, 7), (np.zeros(6, int), 0)):
        with pytest.raises(ValueError, match=f"labels: wanted samples of label {label} and of others"):
            one_vs_rest(y, label)
    with pytest.raises(ValueError, match="labels: wanted samples of label 7, found none"):
        of_class(labels, 7)


def test_constant_sites_are_named_and_samples_without_weight_left_out():
    features = X.copy()
    features[:, [0, 3]] = features[0, [0, 3]]
    tensor = data_tensor(features, np.array([1, 0, 1, 0, 1, 1]))
    assert tensor.constant == (0, 3)
    assert tensor.samples == 4


def test_the_embedding():
    values = np.array([[[0, 1], [0.5, 0.25]]])
    angles = np.pi * 0.5 * values.reshape(1, 4)
    np.testing.assert_allclose(cos_sin(values), np.stack([np.cos(angles), np.sin(angles)], -1), atol=1e-6)
    with pytest.raises(ValueError, match="angle: wanted"):
        cos_sin(values, 0.0)
    with pytest.raises(ValueError, match="values: wanted shape"):
        cos_sin(np.zeros(3))


@pytest.mark.parametrize(
    ("grid", "windows"),
    [((8, 8), ((2, 2),) * 3), ((28, 28), ((2, 2), (2, 2), (7, 7))), ((12,), ((2,), (2,), (3,))), ((5,), ((5,),))],
)
def test_canonical_windows(grid, windows):
    arch = canonical(grid)
    assert arch.size == np.prod(grid)
    assert [tuple(np.atleast_1d(window)) for window in arch.windows] == list(windows)
