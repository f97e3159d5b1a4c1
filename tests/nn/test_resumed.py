"""A folded network taken up again, and one whose weights are held at zero: same function, same training."""

import numpy as np
import pytest
from flax import nnx

import tnsim
from tnsim.nn import ConvAC, Fourier, Masked, NormalisedConvAC, Patches, magnitude_masks, resumed
from tnsim.train import fit
from tnsim.train.config import TrainConfig
from tnsim.train.data import Dataset

IMAGES = np.random.default_rng(3).random((40, 4, 4), dtype=np.float32)
LABELS = np.arange(40, dtype=np.int32) % 3
DATA = Dataset("drawn", IMAGES, LABELS, IMAGES, LABELS, ("a", "b", "c"))


def trained(sharing, patches=False):
    rngs = nnx.Rngs(2)
    representation = Patches(3, 1, 2, (4, 4), rngs) if patches else Fourier()
    arch = tnsim.ConvAC((4, 4), representation.features, (4, 5), (2, 2), 3, sharing=sharing)
    module = NormalisedConvAC(arch, representation, rngs=rngs)
    fit(module, DATA, TrainConfig(steps=4, batch=20, rate=1e-2, validation_fraction=0.0), progress=False)
    return module.folded()


@pytest.mark.parametrize(("sharing", "patches"), [("none", False), ("window", False), ("full", True)])
def test_it_is_the_same_function_in_both_modes(sharing, patches):
    module = trained(sharing, patches)
    twin = resumed(module, IMAGES)
    for name, bank in module.params().items():
        np.testing.assert_allclose(twin.params()[name], bank, rtol=1e-5, atol=1e-5 * np.abs(bank).max())
    wanted = np.asarray(module(IMAGES))
    np.testing.assert_allclose(twin(IMAGES), wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())
    twin.train()  # by the moments of these very images
    np.testing.assert_allclose(twin(IMAGES), wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max())


def test_training_it_leaves_the_first_module_alone():
    module = trained("window", patches=True)
    before = np.asarray(module(IMAGES))
    twin = resumed(module, IMAGES)
    fit(twin, DATA, TrainConfig(steps=3, batch=20, rate=1e-2, validation_fraction=0.0), progress=False)
    np.testing.assert_array_equal(module(IMAGES), before)
    assert np.abs(np.asarray(twin(IMAGES)) - before).max() > 1e-3


def test_only_a_pinned_network_can_be_taken_up():
    module = trained("none")
    plain = ConvAC.from_params(module.arch, module.params(), module.representation)
    with pytest.raises(ValueError, match="module: wanted one whose constant channel is pinned"):
        resumed(plain, IMAGES)


def test_the_largest_weights_stay_and_zeros_stay_zero():
    twin = resumed(trained("none"), IMAGES)
    budget = twin.arch.parameters // 2
    masks = magnitude_masks(twin, budget)
    cut = Masked(twin, masks)
    assert cut.nonzero <= budget
    kept, dropped = (
        np.concatenate([np.abs(np.asarray(twin.weights[name][...]))[mask == side] for name, mask in masks.items()])
        for side in (True, False)
    )
    assert kept.min() >= dropped.max()
    fit(cut, DATA, TrainConfig(steps=4, batch=20, rate=1e-2, validation_fraction=0.0), progress=False)
    for name, mask in masks.items():
        rows = np.asarray(cut.params()[name]).reshape(len(mask), -1, mask.shape[2] + 1)[:, -mask.shape[1] :, 1:]
        np.testing.assert_array_equal(rows[~mask], 0)
        assert (rows[mask] != 0).all()
    whole = Masked(twin, {name: np.ones_like(mask) for name, mask in masks.items()})
    np.testing.assert_allclose(whole(IMAGES), twin(IMAGES), rtol=1e-5)


def test_masks_that_do_not_fit_are_refused():
    twin = resumed(trained("none"), IMAGES)
    with pytest.raises(ValueError, match="parameters: wanted more than the"):
        magnitude_masks(twin, 3)
    with pytest.raises(ValueError, match="masks: wanted"):
        Masked(twin, {"conv_0": np.ones((1, 1, 1), bool)})
