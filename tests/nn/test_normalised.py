"""The normalised module is the plain ConvAC of its banks, before and after training, whatever is shared."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax.test_util import check_grads

import tnsim
from tnsim.nn.normalised import LEAST, NormalisedConvAC
from tnsim.nn.representation import CosSin, Fourier, Patches
from tnsim.train.config import TrainConfig
from tnsim.train.data import load
from tnsim.train.loop import fit
from tnsim.train.steps import accuracy

GEOMETRIES = {
    "windows": ((4, 4), (2, (1, 2), (2, 1)), None),
    "wide": ((1, 12), ((1, 12),), None),
    "mirror": ((4, 4), (2, 2), "mirror"),
}


def made(sharing="none", geometry="windows", dtype=jnp.float32, classes=3):
    sites, windows, pooled = GEOMETRIES[geometry]
    arch = tnsim.ConvAC(sites, 3, (4, 5, 3)[: len(windows)], windows, classes, sharing=sharing, geometry=pooled)
    return NormalisedConvAC(arch, Fourier(), rngs=nnx.Rngs(3), dtype=dtype)


def images(model, count=40, dtype=np.float32):
    return np.random.default_rng(0).random((count, *model.arch.grid)).astype(dtype)


def moved(model, seen):
    """Other weights, and moments of some batches."""
    rng = np.random.default_rng(1)
    for name in model.arch.network.bank_shapes:
        for held in (model.weights[name], model.offsets[name]):
            held[...] = held[...] + 0.3 * rng.normal(size=held[...].shape).astype(held[...].dtype)
    model.train()
    for batch in np.split(seen, 4):
        model(batch)
    model.eval()
    return model


def by_definition(model, seen):
    """Scores of one image after the other in float64, from what the module holds."""
    hold = lambda variable: np.asarray(variable[...], np.float64)  # noqa: E731
    network, found = model.arch.network, []
    for image in np.asarray(model.features(seen), np.float64):
        values = image[:, 1:]
        for level, name in enumerate(network.bank_shapes):
            W, b, m, s2 = (hold(part[name]) for part in (model.weights, model.offsets, model.means, model.variances))
            rows = network.stacks[level].slots.array
            u = (values - m[rows]) / np.sqrt(s2 + LEAST)
            v = np.stack([b[row] + W[row] @ one for row, one in zip(rows, u, strict=True)])
            values = v if name == "output" else v[model.arch.groups(level)].prod(1)
        found.append(values[0])
    return np.array(found)


@pytest.mark.parametrize("sharing", ["none", "window", "full"])
@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.filterwarnings("ignore:sharing")
def test_the_banks_are_the_module_exactly(sharing, geometry):
    with jax.enable_x64(True):
        model = moved(made(sharing, geometry, jnp.float64), images(made(sharing, geometry), dtype=np.float64))
        seen = images(model, 6, np.float64)
        wanted = by_definition(model, seen)
        np.testing.assert_allclose(model(seen), wanted, rtol=0, atol=1e-12 * np.abs(wanted).max())
        np.testing.assert_allclose(model.folded()(seen), model(seen), rtol=0, atol=1e-12 * np.abs(wanted).max())


def test_single_precision_is_that_of_the_definition():
    model = moved(made(), images(made()))
    wanted = by_definition(model, images(model))
    np.testing.assert_allclose(model(images(model)), wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())
    np.testing.assert_array_equal(model(images(model)).argmax(1), wanted.argmax(1))


@pytest.mark.parametrize("sharing", ["none", "window", "full"])
@pytest.mark.filterwarnings("ignore:sharing")
def test_in_training_the_moments_are_the_batchs(sharing):
    """With a momentum of 0 the running moments become the batch's: the next evaluation gives the training scores."""
    with jax.enable_x64(True):
        model, seen = made(sharing, dtype=jnp.float64), images(made(sharing), dtype=np.float64)
        model.momentum = 0.0
        model.train()
        found = model(seen)
        model.eval()
        np.testing.assert_allclose(model(seen), found, atol=1e-12 * np.abs(found).max())


@pytest.mark.parametrize("sharing", ["none", "window", "full"])
@pytest.mark.filterwarnings("ignore:sharing")
def test_the_banks_at_images_are_those_of_a_training_step(sharing):
    model = moved(made(sharing), images(made(sharing)))
    seen = images(model, 12)
    before = nnx.to_pure_dict(nnx.state(model))
    found = tnsim.nn.ConvAC.from_params(model.arch, model.params_at(seen), model.representation)
    jax.tree.map(np.testing.assert_array_equal, nnx.to_pure_dict(nnx.state(model)), before)
    model.train()
    np.testing.assert_allclose(found(seen), model(seen), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_gradients_pass_through_the_moments():
    with jax.enable_x64(True):
        model, seen = made(dtype=jnp.float64), images(made(), dtype=np.float64)
        model.train()
        graph, weights, rest = nnx.split(model, nnx.Param, ...)
        weigh = np.random.default_rng(2).normal(size=(len(seen), 3))
        loss = lambda held: (nnx.merge(graph, held, rest, copy=True)(seen) * weigh).sum()  # noqa: E731
        check_grads(loss, (weights,), order=1, modes=["rev"], rtol=1e-5)


def test_the_folded_network_is_linear_in_every_site():
    with jax.enable_x64(True):
        model = moved(made(dtype=jnp.float64), images(made(), dtype=np.float64))
        banks, rng = model.params(), np.random.default_rng(5)
        one, other = rng.normal(size=(2, 1, model.arch.size, 3))
        other = np.where(np.arange(model.arch.size)[None, :, None] == 5, other, one)
        both = np.where(np.arange(model.arch.size)[None, :, None] == 5, one + other, one)
        h = lambda f: np.asarray((s := model.arch.apply(banks, f)).value * np.exp(s.log_scale)[:, None])  # noqa: E731
        np.testing.assert_allclose(h(both), h(one) + h(other), rtol=1e-12)


def test_a_site_left_out_is_its_expectation():
    """The mean of the scores over what the batch has at that site."""
    with jax.enable_x64(True):
        model, seen = made(dtype=jnp.float64), images(made(), 8, np.float64)
        model.train()
        f = np.asarray(model.features(seen))
        model.eval()
        model.representation = None
        first = dict(model.params())
        left_out = f.copy()
        left_out[:, 3] = f[:, 3].mean(0)
        swapped = np.mean([
            model.arch.apply(first, np.where(np.arange(16)[None, :, None] == 3, other, f)).value
            * np.exp(model.arch.apply(first, np.where(np.arange(16)[None, :, None] == 3, other, f)).log_scale)[:, None]
            for other in f
        ], axis=0)  # fmt: skip
        np.testing.assert_allclose(model(left_out), swapped, rtol=1e-10)


def test_what_is_left_out_tells_nothing():
    model, seen = made(), images(made(), 8)
    model.train()
    nobody, everywhere = (np.full((8, 16), everyone) for everyone in (False, True))
    np.testing.assert_array_equal(model.scores(seen, nobody).value, model.scores(seen).value)
    blind = model.scores(seen, everywhere).value
    np.testing.assert_allclose(blind, np.broadcast_to(blind[:1], blind.shape), atol=1e-6)


@pytest.mark.slow
def test_learned_patches_train_below_it():
    patches = Patches(4, 2, 3, (8, 8), nnx.Rngs(0))
    arch = tnsim.ConvAC((4, 4), 4, (5, 5), (2, 2), 3, sharing="window")
    model = NormalisedConvAC(arch, patches, rngs=nnx.Rngs(0))
    model.train()
    graph, weights, rest = nnx.split(model, nnx.Param, ...)
    seen = np.random.default_rng(0).random((10, 8, 8)).astype(np.float32)
    slopes = jax.grad(lambda held: (nnx.merge(graph, held, rest, copy=True)(seen) ** 2).sum())(weights)
    assert all(np.abs(slope).max() > 0 for slope in jax.tree.leaves(slopes))


@pytest.mark.slow
def test_it_learns_digits_and_resumes_bitwise(tmp_path):
    digits = load("digits")
    arch = tnsim.ConvAC((8, 8), 3, (9, 9, 9), (2, 2, 2), 10, sharing="window")
    config = TrainConfig(epochs=20, rate=3e-3, site_dropout=0.05, validation_fraction=0.0, checkpoint_every=30)
    model, again = (NormalisedConvAC(arch, Fourier(), rngs=nnx.Rngs(0)) for _ in range(2))
    assert fit(model, digits, config, checkpoint=tmp_path, progress=False).test.accuracy >= 0.9
    fit(again, digits, config, checkpoint=tmp_path, progress=False)  # goes on from the end
    for one, other in zip(jax.tree.leaves(nnx.state(model)), jax.tree.leaves(nnx.state(again)), strict=True):
        np.testing.assert_array_equal(one, other)
    folded = model.folded()
    assert accuracy(folded, digits.test_images, digits.test_labels) == accuracy(
        model, digits.test_images, digits.test_labels
    )


def test_bad_input_is_named():
    arch = tnsim.ConvAC((4, 4), 2, (3, 3), (2, 2), 2)
    with pytest.raises(ValueError, match="representation: wanted the constant 1 as feature 0, found CosSin"):
        NormalisedConvAC(arch, CosSin(), rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match="momentum: wanted a number from 0, below 1, found 1"):
        NormalisedConvAC(arch, rngs=nnx.Rngs(0), momentum=1)
    thin = tnsim.ConvAC((4, 4), 2, (1, 3), (2, 2), 2)
    with pytest.raises(ValueError, match="features and channels of at least 2"):
        NormalisedConvAC(thin, rngs=nnx.Rngs(0))


def test_a_module_that_cannot_leave_sites_out_is_refused():
    plain = made().folded()
    with pytest.raises(ValueError, match=r"site_dropout: wanted a module whose scores take `dropped` .*, found ConvAC"):
        fit(plain, load("digits"), TrainConfig(site_dropout=0.1))
