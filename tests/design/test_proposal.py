"""A proposal is the least loss of all it weighs, and its words are those of its numbers."""

import json

import numpy as np
import pytest

import tnsim
from tnsim.design import Need, costs, data_needs, losses, propose

ARCH = tnsim.ConvAC(sites=(4, 4), features=2, channels=(1, 1), windows=(2, 2), classes=2)


def falling(level, nodes, rate):
    lost = np.append(np.exp(-rate * np.arange(20.0)), 0.0)
    return Need(level, nodes, nodes, lost, 1.0)


def test_a_level_that_needs_more_gets_more():
    easy, hard = (falling(0, 4, 2.0), falling(1, 1, 0.2)), (falling(0, 4, 0.2), falling(1, 1, 2.0))
    tip, base = (propose(ARCH, {"square": needs}, 400).chosen.channels for needs in (easy, hard))
    assert tip[1] > tip[0]
    assert base[0] > base[1]
    assert tip[1] > base[1]


def test_the_geometry_of_less_loss_is_taken_and_the_other_told():
    needs = {"square": (falling(0, 4, 0.2), falling(1, 1, 0.2)), "mirror": (falling(0, 4, 0.9), falling(1, 1, 0.9))}
    found = propose(ARCH, needs, 300)
    assert found.arch.to_json()["geometry"] == tnsim.ConvAC(
        sites=(4, 4), features=2, channels=found.chosen.channels, windows=(2, 2), classes=2, geometry="mirror"
    ).to_json()["geometry"]
    assert any(one.geometry == "square" for one in found.alternatives)
    assert all(one.loss >= found.chosen.loss for one in found.alternatives)


def test_it_keeps_to_the_budget_and_says_so():
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(20, 16, 2)), np.array([0, 1] * 10)
    found = propose(ARCH, {"square": data_needs(features, labels, ARCH)}, 500, "multiply-adds")
    assert found.chosen.cost == costs(found.arch, "multiply-adds").of(found.arch.channels) <= 500
    rows = losses(found.needs, 40)
    assert found.chosen.loss == pytest.approx(sum(row[r] for row, r in zip(rows, found.arch.channels, strict=True)))
    told = json.loads(json.dumps(found.to_json()))
    assert told["architecture"]["channels"] == list(found.arch.channels)
    assert tnsim.ConvAC.from_json(told["architecture"]).channels == found.arch.channels
    assert f"{found.chosen.cost} of 500 multiply-adds are used" in found.words()
    assert {one.name for one in found.alternatives} == {"constant", "doubling", "wide base", "wide tip"}
