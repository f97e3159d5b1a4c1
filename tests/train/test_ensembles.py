"""Trees of different seeds, summed: the mean of what each is alone, and resumed tree by tree."""

from dataclasses import replace

import numpy as np
import pytest
from flax import nnx

import tnsim
from tnsim.nn import Fourier, NormalisedConvAC
from tnsim.train import Dataset, TrainConfig, fit, fit_trees

ARCH = tnsim.ConvAC((4, 4), 3, (3, 4), (2, 2), 3)
IMAGES = np.random.default_rng(3).random((30, 4, 4), dtype=np.float32)
LABELS = np.arange(30, dtype=np.int32) % 3
DATA = Dataset("drawn", IMAGES, LABELS, IMAGES, LABELS, ("a", "b", "c"))
CONFIG = TrainConfig(steps=4, batch=10, rate=1e-2, seed=5, validation_fraction=0.0)


def make(seed):
    return NormalisedConvAC(ARCH, Fourier(), rngs=nnx.Rngs(seed))


def alone(seed):
    module = make(seed)
    result = fit(module, DATA, replace(CONFIG, seed=seed), progress=False)
    return result, np.asarray(module(IMAGES))


def test_the_sum_is_the_mean_of_the_trees_and_goes_on_where_it_stopped(tmp_path):
    whole, results = fit_trees(make, DATA, CONFIG, 2, checkpoint=tmp_path, progress=False)
    trees = [alone(seed) for seed in (10, 11)]
    assert [result.test for result in results] == [result.test for result, _ in trees]
    np.testing.assert_allclose(whole(IMAGES), np.mean([scores for _, scores in trees], axis=0), rtol=1e-4, atol=1e-5)
    assert {path.name for path in tmp_path.iterdir()} == {"tree-0", "tree-1"}
    again, resumed = fit_trees(make, DATA, CONFIG, 2, checkpoint=tmp_path, progress=False)
    np.testing.assert_array_equal(again(IMAGES), whole(IMAGES))
    assert [result.history for result in resumed] == [result.history for result in results]


def test_one_tree_is_plain_training():
    whole, (result,) = fit_trees(make, DATA, CONFIG, progress=False)
    wanted, scores = alone(5)
    assert result.test == wanted.test
    np.testing.assert_allclose(whole(IMAGES), scores, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="trees: wanted at least one, found 0"):
        fit_trees(make, DATA, CONFIG, 0)
