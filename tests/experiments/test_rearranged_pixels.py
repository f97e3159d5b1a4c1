"""Orders are found from shuffled training images alone, and shares of what shuffling costs follow the trials."""

import re

import numpy as np
import pytest

from tnsim.experiments import rearranged_pixels
from tnsim.experiments.experiment import Trial
from tnsim.experiments.rearranged_pixels import FOUND, GIVEN, NETWORKS, ORDERS, REARRANGED_PIXELS, SETUPS, SHUFFLED


def made_up(given, shuffled, found, spread=0.0):
    """Test accuracies by order, in percent; odd seeds lose `spread` on shuffled pixels and even ones win it."""
    percent = {GIVEN: given, SHUFFLED: shuffled, FOUND: found}
    trials = []
    for one in REARRANGED_PIXELS.trials(False):
        test = percent[one["order"]] + (spread * (-1) ** one["seed"] if one["order"] == SHUFFLED else 0)
        trials.append(Trial(one, {"test": test / 100, "neighbours": 0.25, "parameters": 9}, 1.0))
    return trials


def test_every_network_meets_every_order_with_five_seeds():
    trials = REARRANGED_PIXELS.trials(False)
    assert len(trials) == len(SETUPS) * len(NETWORKS) * len(ORDERS) * 5


def test_a_share_is_of_what_shuffling_costs():
    told = REARRANGED_PIXELS.tell(made_up(90, 70, 85))
    assert "75 % (15.0 of 20.0 points) on digits (ConvAC, locally connected)" in told.answer
    assert all(row[5:8] == ("20.00 [20.00, 20.00]", "15.00 [15.00, 15.00]", "75 %") for row in told.rows)
    assert {len(row) for row in told.rows} == {len(told.head)}


@pytest.mark.parametrize(("spread", "within"), [(0.0, False), (5.0, True)])
def test_of_a_cost_within_chance_no_share_is_told(spread, within):
    told = REARRANGED_PIXELS.tell(made_up(71, 70, 71, spread))
    assert bool(re.search("of a cost within chance", told.answer)) == within


def test_orders_keep_every_images_pixels_and_a_found_one_brings_neighbours_together():
    given, _ = rearranged_pixels._ordered("digits", GIVEN, 0)
    mixed, far = rearranged_pixels._ordered("digits", SHUFFLED, 0)
    found, near = rearranged_pixels._ordered("digits", FOUND, 0)
    assert near > 2 * far
    for other in (mixed, found):
        assert (other.train_images != given.train_images).any()
        for part in ("train_images", "test_images"):
            pixels = [np.sort(getattr(data, part).reshape(len(getattr(data, part)), -1)) for data in (given, other)]
            np.testing.assert_array_equal(*pixels)
        moved = [data.train_images.reshape(len(data.train_images), -1) for data in (given, other)]
        columns = [sorted(map(bytes, np.ascontiguousarray(images.T))) for images in moved]
        assert columns[0] == columns[1]  # one order for all images


def test_a_figure_has_a_panel_a_data_set_and_a_point_an_order():
    figure = REARRANGED_PIXELS.tell(made_up(90, 70, 85)).figure
    assert [panel.title for panel in figure.panels] == sorted(SETUPS)
    for panel in figure.panels:
        assert {curve.name for curve in panel.curves} == set(NETWORKS)
        assert all(curve.x == ORDERS and curve.y == pytest.approx((90, 70, 85)) for curve in panel.curves)
