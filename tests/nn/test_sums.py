"""The sum of modules is a module whose scores are their sum, pixels or learned patches as sites."""

import jax
import numpy as np
import pytest
from flax import nnx

import tnsim
from tnsim.nn import CosSin, Fourier, NormalisedConvAC, Patches, summed
from tnsim.nn.convac import ConvAC

IMAGES = np.random.default_rng(3).random((7, 8, 8), dtype=np.float32)


def tree(seed, maps=None, widths=(3, 4), sharing="window"):
    """A folded module of 8 x 8 pixels, or of 4 x 4 overlapping patches with so many maps."""
    rngs = nnx.Rngs(seed)
    representation = Fourier() if maps is None else Patches(3, 2, maps, (8, 8), rngs)
    sites, windows = ((8, 8), ((2, 2), (4, 4))) if maps is None else ((4, 4), (2, 2))
    arch = tnsim.ConvAC(sites, representation.features, widths, windows, 5, sharing=sharing)
    module = NormalisedConvAC(arch, representation, rngs=rngs)
    module.train()
    module.scores(IMAGES)  # moments of their own
    module.eval()
    return module.folded()


@pytest.mark.parametrize("maps", [(None, None, None), pytest.param((2, 5, 1), marks=pytest.mark.slow)])
@pytest.mark.parametrize("weights", [None, (0.5, -2.0, 3.0)])
def test_scores_are_the_sum(maps, weights):
    modules = [tree(seed, m, (3 + seed, 4), "none") for seed, m in enumerate(maps)]
    for place, module in enumerate(modules):
        bank = module.params()["output"]
        assert np.abs(bank).max() > 0
        assert place == 0 or bank.shape == modules[0].params()["output"].shape
    whole = summed(modules, weights)
    parts = [np.asarray(module(IMAGES), np.float64) for module in modules]
    wanted = sum(w * part for w, part in zip(weights or [1 / 3] * 3, parts, strict=True))
    np.testing.assert_allclose(whole(IMAGES), wanted, rtol=2e-5, atol=2e-5 * np.abs(wanted).max())
    assert whole.pinned
    assert whole.arch.channels == (12, 12)
    trained = jax.tree.leaves(nnx.state(whole, nnx.Param))
    assert all(np.isfinite(leaf).all() for leaf in trained)


def test_a_sum_of_one_is_itself():
    module = tree(0, 3)
    np.testing.assert_allclose(summed([module])(IMAGES), module(IMAGES), rtol=1e-6)


def test_what_does_not_add_up_is_named():
    with pytest.raises(ValueError, match="modules: wanted at least one, found none"):
        summed([])
    with pytest.raises(ValueError, match="wanted one representation, or Patches alone, found Fourier, Patches"):
        summed([tree(0), tree(0, 2)])
    arch = tnsim.ConvAC((4, 4), 3, (3, 4), (2, 2), 5)
    other = ConvAC(
        tnsim.ConvAC((4, 4), CosSin().features, (3, 4), (2, 2), 5), CosSin(), rngs=nnx.Rngs(0), start="random"
    )
    with pytest.raises(ValueError, match="found Fourier, CosSin that differ"):
        summed([ConvAC(arch, Fourier(), rngs=nnx.Rngs(0)), other])
    rngs = nnx.Rngs(0)
    wide = Patches(4, 2, 2, (8, 8), rngs)
    with pytest.raises(ValueError, match="equal but for their maps"):
        summed([tree(0, 2), ConvAC(tnsim.ConvAC((4, 4), 3, (3, 4), (2, 2), 5), wide, rngs=rngs)])
