"""Tasks are what they say: the same from the same seed, balanced, of the scale asked for, parts apart."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from tnsim.tasks import Blobs, Pairs, Placed, blobs, dataset, shuffled, stream
from tnsim.tasks.placed import digits_of
from tnsim.tasks.shuffles import order_after
from tnsim.train.data import load

TASKS = [
    Placed(8, 16, source="digits"), Placed(16, 16, source="digits"), Pairs(4, 6, 24, source="digits"),
    Blobs("closedness", 16), Blobs("symmetry", 16),
]  # fmt: skip


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_the_same_seed_draws_the_same(task):
    images, labels = task.draw(3, 12)
    again = type(task)(**vars(task)).draw(3, 12)
    np.testing.assert_array_equal(images, again[0])
    np.testing.assert_array_equal(labels, again[1])
    assert images.dtype == np.float32
    assert images.min() >= 0
    assert images.max() <= 1
    assert not np.array_equal(images, task.draw(4, 12)[0])
    assert not np.array_equal(images, task.draw(3, 12, "test")[0])


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_classes_are_about_as_many(task):
    counts = np.bincount(task.draw(0, 400)[1], minlength=len(task.classes)) / 400
    assert np.abs(counts - 1 / len(task.classes)).max() <= 0.1


def test_data_sets_and_streams_are_draws():
    task = TASKS[0]
    data = dataset(task, 5, 20, 10)
    np.testing.assert_array_equal(data.train_images, task.draw(5, 20)[0])
    np.testing.assert_array_equal(data.test_labels, task.draw(5, 10, "test")[1])
    first, second = islice(stream(task, 1, 6), 2)
    assert first[0].shape == (6, 16, 16)
    assert not np.array_equal(first[0], second[0])
    np.testing.assert_array_equal(next(stream(task, 1, 6))[0], first[0])


@settings(max_examples=15)
@given(st.integers(3, 24), st.integers(0, 99))
def test_a_digit_is_somewhere_whole_and_no_brighter_ground(size, seed):
    task = Placed(size, 24, noise=0.2, source="digits")
    images, labels = task.draw(seed, 5)
    known = digits_of("digits", size, "train")
    for image, label in zip(images, labels, strict=True):
        bright = np.argwhere(image > 0.2)
        assert np.all(np.ptp(bright, axis=0) < size)
        digits = known.images[known.labels == label]
        windows = sliding_window_view(image, (size, size)).reshape(-1, 1, size * size)
        assert (windows >= digits.reshape(-1, size * size)).all(-1).any()


def test_parts_share_no_digit():
    train, test = (digits_of("digits", 8, part).images.reshape(-1, 64) for part in ("train", "test"))
    assert len(train) + len(test) == 1797


def test_pairs_stand_as_far_apart_as_asked():
    for distance in (0, 5, 12):
        images, _ = Pairs(distance, 6, 24, noise=0.0, source="digits").draw(0, 30)
        for image in images:
            columns = np.flatnonzero(image.max(0) > 0)
            assert np.ptp(columns) < 12 + distance
            assert np.diff(columns).max() >= distance + 1 - (distance == 0)


def test_pairs_agree_where_the_label_says():
    task = Pairs(2, 6, 20, noise=0.0, source="digits")
    images, labels = task.draw(1, 20)
    known = digits_of("digits", 6, "train")
    for image, label in zip(images, labels, strict=True):
        windows = sliding_window_view(image, (6, 6))[:, :, None]
        _, columns, which = np.nonzero((windows == known.images).all((-1, -2)))
        kinds = known.labels[which[np.argsort(columns)]]
        assert (kinds[0] == kinds[-1]) == bool(label)


def test_scores_of_blobs_by_definition():
    square = np.zeros((8, 8), bool)
    square[2:6, 2:6] = True
    assert blobs.closedness(square) == pytest.approx(1)
    assert blobs.symmetry(square) == 1
    corner = square.copy()
    corner[2:4, 4:6] = False  # 12 pixels in a hull of 14
    assert blobs.closedness(corner) == pytest.approx(12 / 14)
    assert blobs.symmetry(corner) == pytest.approx(8 / 12)


@pytest.mark.parametrize("by", blobs.SCORES)
def test_high_blobs_score_above_low_ones(by):
    images, labels = Blobs(by, 16).draw(0, 60)
    values = np.array([blobs.SCORES[by](image > 0.5) for image in images])
    assert values[labels == 1].min() > values[labels == 0].max()


def test_fewer_swaps_are_the_beginning_of_more():
    assert np.array_equal(order_after(64, 0, 3), np.arange(64))
    moved = [(order_after(64, swaps, 3) != np.arange(64)).mean() for swaps in (1, 10, 400)]
    assert moved[0] <= 2 / 64
    assert moved[0] < moved[1] < moved[2]


def test_a_shuffled_set_has_the_same_pixels_elsewhere():
    data = load("digits")
    other = shuffled(data, 500, 1)
    order = order_after(64, 500, 1)
    np.testing.assert_array_equal(other.test_images.reshape(-1, 64), data.test_images.reshape(-1, 64)[:, order])
    np.testing.assert_array_equal(other.train_labels, data.train_labels)
    assert other.name == "digits-shuffled-500"


@pytest.mark.parametrize(("make", "match"), [
    (lambda: Placed(65), "size: wanted an integer from 2 to the ground's 64, found 65"),
    (lambda: Placed(8, noise=2), "noise: wanted a number from 0 to 1, found 2"),
    (lambda: Pairs(60), "distance: wanted from 0 to 48 columns"),
    (lambda: Blobs("colour"), "by: wanted one of .*, found 'colour'"),
    (lambda: Blobs("symmetry", 4), "side: wanted an integer >= 8, found 4"),
    (lambda: TASKS[0].draw(-1, 3), "seed: wanted an integer >= 0, found -1"),
    (lambda: TASKS[3].draw(0, 3, "validation"), "part: wanted one of .*, found 'validation'"),
    (lambda: order_after(64, -1, 0), "swaps: wanted an integer >= 0, found -1"),
])  # fmt: skip
def test_bad_input_is_named(make, match):
    with pytest.raises(ValueError, match=match):
        make()
