"""The Flax module against the pure function, Flax's idioms, and the laws of ConvACs that training relies on."""

import warnings
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import tnsim
from tnsim.nn import ConvAC, CosSin, Fourier, Patches, Pinned, Polynomial
from tnsim.train.losses import born, softmax

ARCH = tnsim.ConvAC(sites=(4, 4), features=3, channels=(5, 6), windows=(2, 2), classes=4)
LEAVES = {"conv_0": (16, 5, 3), "conv_1": (4, 6, 5), "output": (4, 6)}
RNG = np.random.default_rng(0)
IMAGES = jnp.asarray(RNG.random((7, 4, 4)), jnp.float32)
LABELS = jnp.arange(7) % 4


def made(start=None, representation=None, arch=ARCH, **options):
    return ConvAC(arch, representation or Fourier(), rngs=nnx.Rngs(0), start=start, **options)


def loss_of(model, images=IMAGES, labels=LABELS):
    return softmax(model.scores(images), labels).mean()


# The same numbers as every other view.


@pytest.mark.parametrize("start", ["residual", "random"])
def test_scores_are_those_of_the_pure_function_on_its_params(start):
    model = made(start)
    found, wanted = model.scores(IMAGES), ARCH.apply(model.params(), Fourier()(IMAGES))
    assert (found.value == wanted.value).all()
    assert (found.log_scale == wanted.log_scale).all()
    assert (model(IMAGES) == wanted.value * jnp.exp(wanted.log_scale)[:, None]).all()


@pytest.mark.parametrize("start", ["residual", "random"])
def test_params_are_those_of_the_start_in_the_networks_order(start):
    model = made(start)
    wanted = ARCH.init(nnx.Rngs(0).params(), start=start)
    assert [(name, bank.shape) for name, bank in model.params().items()] == list(LEAVES.items())
    assert all((model.params()[name] == wanted[name]).all() for name in wanted)


def test_params_are_the_very_arrays_of_the_module():
    model = made("random")
    assert all(model.params()[name] is model.banks[name][...] for name in LEAVES)
    assert made("residual").params()["output"] is not None


def test_ten_levels_keep_the_order_of_levels():
    arch = tnsim.ConvAC(sites=2**11, features=2, channels=(2,) * 11, windows=(2,) * 11, classes=2)
    model = ConvAC.from_params(arch, {name: np.ones(shape) for name, shape in arch.network.bank_shapes.items()})
    assert list(model.params()) == [*(f"conv_{level}" for level in range(11)), "output"]


def test_features_pass_where_there_is_no_representation():
    model = made()
    bare = ConvAC.from_params(ARCH, model.params(), pinned=True)
    assert (bare(Fourier()(IMAGES)) == model(IMAGES)).all()
    assert bare.pinned


def test_the_default_start_follows_the_representation():
    two = tnsim.ConvAC(sites=(4, 4), features=2, channels=(5, 6), windows=(2, 2), classes=4)
    assert made().pinned
    assert made(representation=Polynomial(2)).pinned
    assert not made(representation=CosSin(), arch=two).pinned
    assert not ConvAC(ARCH, rngs=nnx.Rngs(0)).pinned
    assert ConvAC(ARCH, rngs=nnx.Rngs(0), start="residual").pinned


# Flax's idioms.


@pytest.mark.parametrize(("start", "rows"), [("residual", 1), ("random", 0)])
def test_one_param_a_leaf_without_the_pinned_rows(start, rows):
    model = made(start)
    _, params, rest = nnx.split(model, nnx.Param, ...)
    shapes = {name: leaf.shape for name, leaf in nnx.to_pure_dict(params)["banks"].items()}
    trained = {name: (s[0], s[1] - rows, s[2]) if name != "output" else s for name, s in LEAVES.items()}
    assert shapes == trained
    assert len(jax.tree.leaves(rest)) == 2 * rows
    assert all(isinstance(v, Pinned) for v in jax.tree.leaves(rest, is_leaf=lambda v: isinstance(v, nnx.Variable)))


def test_split_and_merge_give_the_same_model():
    model = made()
    assert (nnx.merge(*nnx.split(model))(IMAGES) == model(IMAGES)).all()
    graph, params, rest = nnx.split(model, nnx.Param, ...)
    split = jax.jit(lambda p, x: nnx.merge(graph, p, rest)(x))(params, IMAGES)
    assert (split == nnx.jit(lambda m, x: m(x))(model, IMAGES)).all()


def test_nnx_grad_and_jax_grad_are_the_gradient_of_the_pure_function():
    model = made()
    pure = jax.grad(lambda banks: softmax(ARCH.apply(banks, Fourier()(IMAGES)), LABELS).mean())(model.params())
    for gradient in (nnx.to_pure_dict(nnx.grad(loss_of)(model)), nnx.to_pure_dict(nnx.state(jax.grad(loss_of)(model)))):
        for name, found in gradient["banks"].items():
            wanted = pure[name] if name == "output" else pure[name][:, 1:]
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)
            assert (found != 0).any()


def test_no_gradient_reaches_the_pinned_rows():
    gradient = jax.grad(loss_of)(made())
    assert all((gradient.constants[name][...] == 0).all() for name in ("conv_0", "conv_1"))


def test_a_users_own_loop_with_weight_decay_leaves_the_constant_row_alone():
    model = made()
    optimiser = nnx.Optimizer(model, optax.adamw(1e-2, weight_decay=0.1), wrt=nnx.Param)

    @nnx.jit
    def step(model, optimiser):
        loss, gradient = nnx.value_and_grad(loss_of)(model)
        optimiser.update(model, gradient)
        return loss

    before, moving = step(model, optimiser), model.params()["conv_0"][:, 1:]
    for _ in range(999):
        after = step(model, optimiser)
    assert np.isfinite(after)
    assert after < before
    assert (model.params()["conv_0"][:, 1:] != moving).any()
    for name in ("conv_0", "conv_1"):
        row = np.asarray(model.params()[name][:, 0])
        assert (row == np.eye(row.shape[-1])[0]).all()


def test_learned_patches_train_with_the_banks():
    patches = Patches(2, 2, 2, (8, 8), rngs=nnx.Rngs(1))
    model = made(representation=patches)
    images = jnp.asarray(RNG.random((7, 8, 8)), jnp.float32)
    gradient = nnx.to_pure_dict(nnx.grad(loss_of)(model, images))
    assert model.pinned
    assert (gradient["representation"]["kernel"] != 0).any()


# What a ConvAC is.


def test_the_model_is_exactly_multilinear():
    with jax.enable_x64(True):
        model = made(dtype=jnp.float64)
        bare = ConvAC.from_params(ARCH, model.params(), pinned=True)
        features = Fourier()(jnp.asarray(RNG.random((5, 4, 4))))
        a, b = (jnp.asarray(RNG.standard_normal((5, 3))) for _ in range(2))
        for site in (0, 6, 15):
            of = lambda f, site=site: bare(features.at[:, site].set(f))  # noqa: E731
            np.testing.assert_allclose(of(a + b), of(a) + of(b), rtol=1e-12, atol=1e-12)


def test_full_sharing_of_pixels_is_symmetric_and_said_to_be():
    arch = replace(ARCH, sharing="full")
    with pytest.warns(UserWarning, match="every level is shared 'full' and a site is a single pixel"):
        model = made(arch=arch)
    np.testing.assert_allclose(model(IMAGES[:, :, ::-1]), model(IMAGES), rtol=1e-5)


def test_no_warning_where_something_breaks_the_symmetry():
    mixed, full = replace(ARCH, sharing=("full", "none")), replace(ARCH, sharing="full")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made(arch=mixed)
        made(arch=full, representation=Patches(2, 2, 2, (8, 8), rngs=nnx.Rngs(1)))


@pytest.mark.slow
def test_gradients_reach_every_level_at_4096_sites():
    arch = tnsim.ConvAC(sites=(64, 64), features=2, channels=(4,) * 6, windows=(2,) * 6, classes=10)
    model = ConvAC(arch, CosSin(), rngs=nnx.Rngs(0))
    images = jnp.asarray(RNG.random((4, 64, 64)), jnp.float32)
    loss, gradient = nnx.value_and_grad(lambda m: born(m.scores(images), LABELS[:4]).mean())(model)
    assert np.isfinite(loss)
    for name, leaf in nnx.to_pure_dict(gradient)["banks"].items():
        assert np.isfinite(leaf).all(), name
        assert (leaf != 0).mean() > 0.5, name


# Errors.


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ConvAC(ARCH, Fourier()), "rngs, params: wanted .* found neither"),
        (lambda: ConvAC(ARCH, rngs=nnx.Rngs(0), params=ARCH.init(jax.random.key(0))), "rngs, params: .* found both"),
        (lambda: ConvAC(ARCH, params=ARCH.init(jax.random.key(0)), start="random"), "start: wanted None beside params"),
        (lambda: made("near-copy"), r"start: wanted one of \('residual', 'random'\), found 'near-copy'"),
        (lambda: made(representation=CosSin()), "representation: wanted the M=3 features .* found 2 of CosSin"),
        (
            lambda: made("residual", representation=CosSin(2)),
            "start: 'residual' needs the constant 1 as feature 0, found CosSin without it",
        ),
        (
            lambda: made(arch=tnsim.ConvAC(sites=4, features=3, channels=(1,), windows=(4,), classes=2)),
            r"start: 'residual' needs features and channels of at least 2 .* channels=\(1,\)",
        ),
        (lambda: ConvAC.from_params(ARCH, {}), r"params: wanted the banks \['conv_0', .*\], found \[\]"),
        (
            lambda: ConvAC.from_params(ARCH, ARCH.init(jax.random.key(0)), pinned=True),
            r"params\['conv_0'\]: wanted the constant row",
        ),
        (lambda: made()(jnp.zeros((2, 8, 2))), r"images: wanted \(4, 4\) sites, found \(8, 2\)"),
        (lambda: made()(jnp.zeros((2, 9))), r"features: wanted shape \(batch, 16, 3\), found \(2, 9, 3\)"),
    ],
)
def test_errors_name_wanted_and_found(make, message):
    with pytest.raises(ValueError, match=message):
        make()
