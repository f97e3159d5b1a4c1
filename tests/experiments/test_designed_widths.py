"""Profiles compete at equal cost, and what is told follows the trials."""

import re

import numpy as np
import pytest
from scipy.stats import spearmanr

from tnsim.design import costs
from tnsim.experiments import designed_widths
from tnsim.experiments.designed_widths import CHOSEN, CONTESTS, DESIGNED_WIDTHS, NAMED
from tnsim.experiments.experiment import Trial


def made_up(order, chosen):
    """On every data set random profiles end between 50 and 69 %, in the order of `order` times their losses."""
    trials = []
    for settings in DESIGNED_WIDTHS.trials(False):
        profile, seed = settings["profile"], settings["seed"]
        number = int(profile.split()[1]) if profile.startswith("random") else 0
        test = 0.5 + number / 100 if profile.startswith("random") else {CHOSEN: chosen}.get(profile, 0.4)
        predicted = 2.0 - order * number / 20 if profile.startswith("random") else 0.5
        result = {"test": test + 0.001 * seed, "predicted": predicted, "widths": [3, 4], "parameters": 9}
        trials.append(Trial(settings, result, 1.0))
    return trials


def test_every_data_set_has_all_profiles_and_five_seeds_of_the_named():
    trials = DESIGNED_WIDTHS.trials(False)
    for data in CONTESTS:
        profiles = [one["profile"] for one in trials if one["data"] == data]
        assert len(set(profiles)) == 25
        assert all(profiles.count(name) == 5 for name in (CHOSEN, *NAMED))


@pytest.mark.parametrize("order", [1, -1])
def test_the_order_of_the_random_ones_is_spearmans(order):
    answer = DESIGNED_WIDTHS.tell(made_up(order, 0.9)).answer
    assert f"Spearman correlation of {order:.2f} on breast-cancer, {order:.2f} on digits" in answer


@pytest.mark.parametrize(("chosen", "beaten", "said"), [
    (0.9, 20, r"on 6 of 6 data sets .* lower quartile on none"),
    (0.55, 6, r"on 0 of 6 data sets \(none\), .* lower quartile on none"),
    (0.51, 2, r"on 0 of 6 data sets \(none\), .* lower quartile on breast-cancer, digits, "),
])  # fmt: skip
def test_the_median_and_the_lower_quartile_are_those_of_the_random_ones(chosen, beaten, said):
    found = DESIGNED_WIDTHS.tell(made_up(1, chosen))
    assert re.search(said, found.answer), found.answer
    (row,) = (row for row in found.rows if row[0] == "digits")
    assert f"{beaten} of 20" in row
    ahead = 100 * chosen - 40
    assert row[3] == f"{ahead:.2f} [{ahead:.2f}, {ahead:.2f}]"


def test_every_panel_has_a_point_for_every_profile():
    trials = made_up(1, 0.6)
    for panel in DESIGNED_WIDTHS.tell(trials).figure.panels:
        points = {curve.name: len(curve.x) for curve in panel.curves}
        assert points == {"random": 20, CHOSEN: 1, "named": 4}
        random = next(curve for curve in panel.curves if curve.name == "random")
        assert spearmanr(random.x, random.y).statistic == pytest.approx(-1)


def test_a_table_is_a_row_of_pixels_scaled_by_its_training_rows():
    data = CONTESTS["breast-cancer"].load()
    assert data.image_shape == (1, 32)
    assert (data.train_images.min(axis=0)[0, :30] == 0).all()
    assert (data.train_images.max(axis=0)[0, :30] == 1).all()
    assert (data.train_images[..., 30:] == 0).all()


@pytest.mark.slow
def test_a_trial_trains_the_widths_that_its_profile_has_at_equal_cost(monkeypatch):
    monkeypatch.setattr(designed_widths, "SAMPLES", 80)
    trials = [Trial(one, DESIGNED_WIDTHS.run(one), 1.0) for one in DESIGNED_WIDTHS.trials(True)]
    price = costs(designed_widths._entrants("digits").arch)
    lost = {trial.settings["profile"]: trial.result["predicted"] for trial in trials}
    assert min(lost, key=lost.get) == CHOSEN
    for trial in trials:
        assert 0.9 * 3000 < trial.result["parameters"] == price.of(trial.result["widths"]) <= 3000
        assert 0 <= trial.result["test"] <= 1
    assert DESIGNED_WIDTHS.tell(trials).rows
    assert np.isfinite(list(lost.values())).all()
