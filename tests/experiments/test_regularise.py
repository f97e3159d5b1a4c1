"""Entropy as a term of the loss: what the experiment does to images, and that what it tells follows its trials."""

import numpy as np
import pytest

from tnsim.experiments import named
from tnsim.experiments.experiment import Trial
from tnsim.experiments.regularise_entanglement import fewer, occluded, shifted
from tnsim.train.data import load

EXPERIMENT = named("regularise-entanglement")
A = ("left-right", "checkerboard")


def test_fewer_images_are_of_all_classes_alike_and_differ_by_seed():
    data = load("digits")
    found = fewer(data, 100, 0)
    assert abs(len(found.train_labels) - 100) <= 3
    assert np.ptp(np.bincount(found.train_labels)) <= 2
    whole = {image.tobytes() for image in data.train_images}
    assert {image.tobytes() for image in found.train_images} < whole
    assert not np.array_equal(found.train_images, fewer(data, 100, 1).train_images)
    assert found.test_images is data.test_images
    assert fewer(data, 1438, 0) is fewer(data, 9999, 1) is data


def test_shifts_go_four_ways():
    image = np.zeros((1, 4, 4), np.float32)
    image[0, 1, 2] = 1
    assert [tuple(np.argwhere(one[0])[0]) for one in shifted(image, 1)] == [(2, 2), (0, 2), (1, 3), (1, 1)]
    assert [int(one.sum()) for one in shifted(image, 2)] == [1, 0, 0, 1]


def test_each_image_loses_a_square_of_a_quarter_of_its_side():
    white = np.ones((50, 8, 8), np.float32)
    found = occluded(white)
    assert (found.sum((1, 2)) == 60).all()
    assert white.all()
    assert len({one.tobytes() for one in found}) == 9
    np.testing.assert_array_equal(found, occluded(white))


def test_strength_0_is_there_once_for_every_data_size_and_seed():
    trials = EXPERIMENT.trials(False)
    alone = [one for one in trials if one["strength"] == 0]
    assert {one["partition"] for one in alone} == {"none"}
    places = {(one["data"], one["images"], one["seed"]) for one in trials}
    assert len(alone) == len(places)
    assert {one["strength"] > 0 for one in trials if one["strength"]} == {True, False}


def made_up(settings):
    """Where entropy costs, 2 points are won on test images and 4 on shifted ones; where it pays, 1 is lost."""
    sign, seed = np.sign(settings["strength"]), settings["seed"]
    gain = 0.02 * (sign > 0) - 0.01 * (sign < 0)
    rows = [{"partition": one, "bound": 3.0, "renyi2": [1.0 - sign / 2] * 10} for one in A]
    base = 0.6 + 0.01 * seed
    shifts = {"shifted_1": base + 2 * gain, "shifted_2": base + 2 * gain}
    return {"test": base + gain, **shifts, "occluded": base, "train": 1.0, "entropies": rows}


def test_what_is_told_follows_the_trials():
    trials = [Trial(one, made_up(one), 1.0) for one in EXPERIMENT.trials(False)]
    found = EXPERIMENT.tell(trials)
    fewest = "with the fewest training images"
    assert f"where entropy costs, +2.00 points on test images (+2.00 {fewest}), +4.00" in found.answer
    assert f"where entropy pays, -1.00 points on test images (-1.00 {fewest}), -2.00" in found.answer
    assert {len(row) for row in found.rows} == {len(found.head)}
    settings = EXPERIMENT.trials(False)
    assert len(found.rows) == len({(one["data"], one["images"], one["partition"], one["strength"]) for one in settings})
    first, second = found.rows[:2]
    assert first[:7] == ("digits", "100", "none", "0", "1.000", "1.000", "61.00 [58.52, 63.48]")
    assert second[:7] == ("digits", "100", "checkerboard", "-0.1", "1.500", "1.500", "-1.00 [-1.00, -1.00]")


def test_accuracy_and_entropy_are_drawn_against_the_strength():
    trials = [Trial(one, made_up(one), 1.0) for one in EXPERIMENT.trials(False)]
    accuracy, _, entropy, _ = EXPERIMENT.tell(trials).figure.panels
    assert accuracy.title == entropy.title == "digits, 100 images"
    for panel, wanted in ((accuracy, {-1: 60.0, 0: 61.0, 1: 63.0}), (entropy, {-1: 1.5, 0: 1.0, 1: 0.5})):
        for curve in panel.curves:
            assert curve.x == (-0.1, -0.02, 0.0, 0.02, 0.1)
            np.testing.assert_allclose(curve.y, [wanted[int(np.sign(x))] for x in curve.x])


def test_without_trials_of_strength_0_nothing_is_compared():
    trials = [Trial(one, made_up(one), 1.0) for one in EXPERIMENT.trials(False) if one["strength"]]
    found = EXPERIMENT.tell(trials)
    assert found.rows == ()
    assert "Nothing is known yet" in found.answer


@pytest.mark.slow
def test_a_trial_measures_what_it_punishes():
    settings = {"data": "digits", "images": 100, "steps": 20, "partition": "left-right", "seed": 0}
    alone, with_term = (
        EXPERIMENT.run({**settings, **more}) for more in ({"partition": "none", "strength": 0.0}, {"strength": 1.0})
    )
    entropies = [np.mean(found["entropies"][0]["renyi2"]) for found in (alone, with_term)]
    assert entropies[1] < 0.8 * entropies[0]
    for found in (alone, with_term):
        assert found["test"] > found["shifted_1"] > found["shifted_2"]
