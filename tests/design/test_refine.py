"""A short training chooses by a part of the training images, and goes on where it stopped."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from flax import nnx

import tnsim
from tnsim.design import Alternative, Need, Proposal, refined
from tnsim.distributed import PartsError
from tnsim.nn import Fourier, NormalisedConvAC
from tnsim.train.config import TrainConfig
from tnsim.train.data import Dataset

rng = np.random.default_rng(0)
LABELS = np.tile([0, 1], 60).astype(np.int32)
IMAGES = np.clip(LABELS[:, None, None] * 0.8 + rng.random((120, 4, 4)) * 0.2, 0, 1).astype(np.float32)
DATA = Dataset("two", IMAGES[:100], LABELS[:100], IMAGES[100:], LABELS[100:], ("dark", "bright"))
ARCH = tnsim.ConvAC(sites=(4, 4), features=3, channels=(2, 2), windows=(2, 2), classes=2, sharing="window")
CONFIG = TrainConfig(epochs=2, batch=20, rate=1e-2)
NEEDS = tuple(Need(level, 1, 1, np.array([1.0, 0.5, 0.0]), 0.1) for level in range(2))


def made(arch):
    return NormalisedConvAC(arch, Fourier(), rngs=nnx.Rngs(0))


def proposal():
    chosen = Alternative("least loss", (2, 2), 100, 0.1)
    others = (Alternative("constant", (3, 3), 99, 0.1), Alternative("mirrored", (2, 2), 98, 0.3, "mirror"))
    return Proposal(ARCH, 100, "parameters", chosen, others, NEEDS, ())


@pytest.mark.slow
def test_the_most_accurate_is_chosen_and_nothing_is_trained_twice(tmp_path, monkeypatch):
    found = refined(proposal(), DATA, made, CONFIG, tmp_path)
    tried = [found.chosen, *found.alternatives]
    assert {one.name for one in tried} == {"least loss", "constant", "mirrored"}
    assert all(0 <= one.accuracy <= 1 for one in tried)
    assert found.chosen.accuracy == max(one.accuracy for one in tried)
    assert found.arch.channels == found.chosen.channels
    monkeypatch.setattr("tnsim.design.refine.fit", None)  # a second training would fail
    again = refined(proposal(), DATA, made, CONFIG, tmp_path)
    assert (again.chosen, again.alternatives) == (found.chosen, found.alternatives)
    with pytest.raises(PartsError, match="config"):
        refined(proposal(), DATA, made, replace(CONFIG, epochs=3), tmp_path)


def test_ties_go_to_the_least_loss(tmp_path, monkeypatch):
    seen, trained = SimpleNamespace(validation=SimpleNamespace(accuracy=0.75)), []
    monkeypatch.setattr("tnsim.design.refine.fit", lambda module, *rest, **how: trained.append(module.arch) or seen)
    found = refined(replace(proposal(), chosen=Alternative("worst", (4, 4), 1, 0.9)), DATA, made, CONFIG, tmp_path)
    assert found.chosen.name == "constant"
    assert [arch.channels for arch in trained] == [(4, 4), (3, 3), (2, 2)]
    assert trained[2] == replace(ARCH, geometry="mirror")
