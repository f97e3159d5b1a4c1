"""Chains over pixels learn, start near a constant, and what is told of them follows their trials."""

import numpy as np
import pytest

from tnsim.experiments.experiment import Trial
from tnsim.experiments.mps_classifiers import CHAINS, KNOWN, MPS_CLASSIFIERS, made
from tnsim.train.data import load


def made_up(gain=0.01):
    """Test accuracies of 80 % that grow with the bond's place, by a point a seed around it."""
    places = {(data, bond): place for data, chain in CHAINS.items() for place, bond in enumerate(chain.bonds)}
    return [
        Trial(one, {"test": 0.8 + gain * (places[one["data"], one["bond"]] + one["seed"] - 1), "train": 1.0,
                    "parameters": 7}, 1.0)
        for one in MPS_CLASSIFIERS.trials(False)
    ]  # fmt: skip


def test_every_chain_has_three_seeds_and_one_set_is_moved_and_not():
    trials = [tuple(one[name] for name in ("data", "shift", "seed")) for one in MPS_CLASSIFIERS.trials(False)]
    assert {("digits", 0, 2), ("mnist-5k", 0, 2), ("mnist-5k", 1, 2), ("fashion-mnist", 0, 2)} <= set(trials)


def test_the_best_bond_is_told_with_its_mean():
    told = MPS_CLASSIFIERS.tell(made_up())
    bonds = CHAINS["mnist-5k"].bonds
    assert f"{80 + len(bonds) - 1:.1f} % on mnist-5k (bond {bonds[-1]}, images moved)" in told.answer
    worse = MPS_CLASSIFIERS.tell(made_up(-0.01))
    assert f"80.0 % on mnist-5k (bond {bonds[0]}, images as they are)" in worse.answer
    assert {len(row) for row in told.rows} == {len(told.head)}
    assert len(told.rows) == sum(len(chain.bonds) * len(chain.shifts) for chain in CHAINS.values())


def test_a_figure_has_a_panel_a_data_set_and_what_was_published():
    figure = MPS_CLASSIFIERS.tell(made_up()).figure
    assert [panel.title for panel in figure.panels] == sorted(CHAINS)
    for panel in figure.panels:
        assert [level.y for level in panel.levels] == [value for value, _ in KNOWN.get(panel.title, ())]
        assert len(panel.curves) == len(CHAINS[panel.title].shifts)
        for curve in panel.curves:
            assert curve.x == CHAINS[panel.title].bonds


def test_a_chain_starts_near_a_constant_and_its_class_leg_is_in_the_middle():
    data = load("digits")
    module = made(data, 6, 0)
    assert module.arch.label == 32
    assert module.arch.bonds == (6,) * 63
    scores = np.asarray(module(data.test_images[:50]))
    assert scores.shape == (50, 10)
    assert 0 < np.ptp(scores, axis=0).max() < 3


@pytest.mark.slow
def test_a_quick_trial_learns():
    (settings,) = MPS_CLASSIFIERS.trials(True)
    found = MPS_CLASSIFIERS.run(settings)
    assert found["test"] > 0.5
    assert found["parameters"] == made(load("digits"), settings["bond"], 0).arch.parameters
    assert found == {**MPS_CLASSIFIERS.run(settings)}


def test_pixels_are_means_of_four():
    whole, small = load("mnist-5k"), load("mnist-5k", size=(14, 14))
    pooled = whole.test_images.reshape(-1, 14, 2, 14, 2).mean((2, 4))
    assert small.test_images == pytest.approx(pooled, abs=1e-6)
