"""The recipes, measured: accuracy on images that no choice within a run has seen."""

from dataclasses import replace

import numpy as np
import pytest
from flax import nnx

from tnsim.nn import Fourier, NormalisedConvAC
from tnsim.train.config import TrainConfig
from tnsim.train.data import Dataset, load, upsample
from tnsim.train.loop import fit
from tnsim.train.recipes import PADS, for_images, recipe

NAMES = ("digits", "mnist-5k", "fashion-mnist")


def noise(rows, columns, classes=3):
    images = np.random.default_rng(0).random((6, rows, columns), dtype=np.float32)
    labels = (np.arange(6) % classes).astype(np.int32)
    return Dataset("noise", images, labels, images, labels, tuple("abcdefg"[:classes]))


def accuracy(name, seed):
    """Test accuracy of a recipe with one seed."""
    arch, representation, config = recipe(name)
    model = NormalisedConvAC(arch, representation, rngs=nnx.Rngs(seed))
    data = load(name, pad=PADS.get(name))
    return fit(model, data, replace(config, seed=seed), progress=False).test.accuracy


@pytest.mark.slow
def test_digits_reach_97_percent_in_the_mean_of_three_seeds():
    assert np.mean([accuracy("digits", seed) for seed in range(3)]) >= 0.97


@pytest.mark.slow
def test_mnist_5k_reaches_97_percent():
    assert accuracy("mnist-5k", seed=0) >= 0.97


@pytest.mark.slow
def test_4096_sites_train_too():
    small = load("mnist-5k", pad=(32, 32))
    big = replace(small, train_images=upsample(small.train_images, 2), test_images=upsample(small.test_images, 2))
    arch, representation, config = for_images(big, channels=(9, 9, 17, 33, 33, 33))
    model = NormalisedConvAC(arch, representation, rngs=nnx.Rngs(0))
    assert fit(model, big, replace(config, shift=4), progress=False).test.accuracy >= 0.94


# Which recipe for which images.


@pytest.mark.parametrize("name", NAMES)
def test_a_named_set_has_one_recipe_both_ways(name):
    rows, columns = PADS.get(name, (8, 8))
    data = replace(noise(rows, columns, 2), name=name, classes=tuple("0123456789"))
    assert for_images(data) == recipe(name)


@pytest.mark.parametrize(
    ("shape", "windows", "channels"),
    [
        ((8, 8), ((2, 2),) * 3, (17, 33, 33)),
        ((32, 32), ((2, 2),) * 5, (9, 17, 33, 33, 33)),
        ((28, 28), ((2, 2), (2, 2), (7, 1), (1, 7)), (9, 17, 33, 33)),
        ((4, 16), ((1, 2), (1, 2), (2, 2), (2, 2)), (17, 33, 33, 33)),
        ((6, 6), ((2, 2), (3, 3)), (17, 33)),
        ((1, 1), ((1, 1),), (17,)),
        ((1, 11), ((1, 11),), (17,)),
    ],
)
def test_images_of_any_shape_get_windows_that_cover_them(shape, windows, channels):
    arch, representation, config = for_images(noise(*shape))
    assert (arch.sites, arch.windows, arch.channels, arch.classes) == (shape, windows, channels, 3)
    assert representation == Fourier()
    assert config == TrainConfig(rate=3e-3)


def test_what_is_asked_for_is_taken():
    arch, _, _ = for_images(noise(8, 8), channels=(3, 4), windows=((2, 4), (4, 2)), sharing="window")
    assert (arch.channels, arch.windows, arch.sharing) == ((3, 4), ((2, 4), (4, 2)), ("window", "window"))


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"channels: wanted one width per level, 3 in all, found \(3, 4\)"):
        for_images(noise(8, 8), channels=(3, 4))
    with pytest.raises(ValueError, match="windows: level 0"):
        for_images(noise(8, 8), windows=(3, 3))


def test_unknown_names_are_refused():
    names = r"\['digits', 'fashion-mnist', 'mnist-5k'\]"
    with pytest.raises(ValueError, match=f"recipe: wanted one of {names}, found 'cifar'"):
        recipe("cifar")
