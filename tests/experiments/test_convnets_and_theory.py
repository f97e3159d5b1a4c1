"""ReLU networks beside the ConvAC of their wiring: profiles, trials, and that what is told follows them."""

from itertools import product

import numpy as np
import pytest

from tnsim.bounds import min_cut
from tnsim.experiments import named
from tnsim.experiments.convnets_and_theory import PROFILES, SCALES, architecture
from tnsim.experiments.experiment import Trial

EXPERIMENT = named("convnets-and-theory")
FINE, COARSE = {"digits": "chess:1", "mnist-5k": "chess:1"}, {"digits": "chess:4", "mnist-5k": "chess:8"}


@pytest.mark.parametrize("data", list(PROFILES))
def test_profiles_have_equal_parameters_and_opposite_cuts(data):
    base, tip = (architecture(data, profile) for profile in ("base", "tip"))
    assert abs(base.parameters / tip.parameters - 1) < 0.03
    assert min_cut(base, FINE[data]).log > min_cut(tip, FINE[data]).log
    assert min_cut(base, COARSE[data]).log < min_cut(tip, COARSE[data]).log


def made_up(settings, bound=3.0):
    """S as the min-cuts have it, against them with average pooling; bases hold 1 nat more at the finest board."""
    order = -1 if settings["network"] == "relu + average" else 1
    wide = settings["profile"] == "base"
    rows = []
    for place, A in enumerate((*SCALES[: len(PROFILES[settings["data"]]["base"])], "left-right", "quadrant", "center")):
        S = 5.0 + order * (1 - 0.1 * place) + (1.0 if wide and not place else 0.0)
        row = {"partition": A, "bound": 9.0 - place, "sampled": [[S, S - 0.1, None], [S, S - 0.1, S + 0.1]]}
        if settings["network"] == "ConvAC":
            row["exact"] = [[S, S, S], [S + (place == 0), S, S]]
        rows.append(row)
    return {"test": 0.5, "train": 1.0, "parameters": 7, "entropies": rows}


def test_what_is_told_follows_the_trials():
    trials = [Trial(one, made_up(one), 1.0) for one in EXPERIMENT.trials(False)]
    found = EXPERIMENT.tell(trials)
    cells = {row[:2]: row[2:] for row in found.rows}
    assert len(cells) == 8
    assert {len(row) for row in found.rows} == {len(found.head)}
    fine, coarse, cut, convac = cells["digits", "relu + max"][1:5]
    assert fine == "1.000 [1.000, 1.000]"
    assert coarse == "0.000 [0.000, 0.000]"
    assert cut == convac == "1.00 [1.00, 1.00]"
    assert cells["digits", "relu + average"][3].startswith("-0.")
    convacs = [one for one in EXPERIMENT.trials(False) if one["network"] == "ConvAC"]
    classes = sum(2 * len(made_up(one)["entropies"]) for one in convacs)
    assert f"{classes - len(convacs)} of {classes} lie inside" in found.answer
    assert "1.00 for ConvAC, " in found.answer
    assert ", 1.00 for relu + max (1.00 with its S)" in found.answer


def test_few_trials_tell_less():
    trials = [Trial(one, made_up(one), 1.0) for one in EXPERIMENT.trials(True)]
    found = EXPERIMENT.tell(trials)
    assert [row[3] for row in found.rows] == ["-", "-"]
    assert "0 of 0" not in found.answer
    alone = EXPERIMENT.tell([trial for trial in trials if trial.settings["network"] != "ConvAC"])
    assert "nothing known yet" in alone.answer


@pytest.mark.slow
def test_the_exact_entropy_of_a_convac_lies_where_its_samples_say():
    settings = {"data": "digits", "profile": "base", "epochs": 1, "draws": 64, "seed": 0}
    convac, convnet = (EXPERIMENT.run({**settings, "network": network}) for network in ("ConvAC", "relu + max"))
    held = []
    for row, other in zip(convac["entropies"], convnet["entropies"], strict=True):
        assert row["bound"] == other["bound"]
        assert "exact" not in other
        for (_, lower, upper), (S, *_) in zip(row["sampled"], row["exact"], strict=True):
            assert row["bound"] >= S
            held.append(lower <= S <= (np.inf if upper is None else upper))
    assert np.mean(held) >= 0.8


def test_entropies_are_drawn_by_partition_beside_the_cuts():
    trials = [Trial(one, made_up(one), 1.0) for one in EXPERIMENT.trials(False)]
    panels = {panel.title: panel for panel in EXPERIMENT.tell(trials).figure.panels}
    assert len(panels) == 4
    for data, profile in product(PROFILES, ("base", "tip")):
        curves = {curve.name: curve for curve in panels[f"{data}, wide at the {profile}"].curves}
        rows = {name: made_up({"network": name, "data": data, "profile": profile})["entropies"] for name in curves}
        for name, curve in curves.items():
            wanted = [row["bound"] if name == "ln(min-cut)" else row["sampled"][0][0] for row in rows[name]]
            np.testing.assert_allclose(curve.y, wanted)
            assert curve.x == tuple(row["partition"] for row in rows[name])
