"""The generative ConvAC against the sum over all hidden channels: probabilities, missing pixels, exact samples."""

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
import strategies
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads
from scipy.stats import chi2

import tnsim
from tnsim.contract import logs
from tnsim.memory import MemoryLimitError
from tnsim.nn import Categoricals, Gaussians, GenerativeConvAC

ARCHS = [arch for arch in strategies.POOL if arch.features > 1 and arch.size <= 12][::5]
SMALL = tnsim.ConvAC((2, 3), 2, (3, 4), ((1, 3), (2, 1)), 3, sharing=("window", "none"))
MANY = 10**5
pytestmark = pytest.mark.filterwarnings("ignore:sharing")


def made(arch=SMALL, seed=0, densities=None, dtype=jnp.float64):
    """With as many levels of grey as features, so that the oracle's tensor has one axis a pixel; unequal classes."""
    densities = densities or Categoricals(arch.features, arch.features, rngs=nnx.Rngs(seed), dtype=dtype)
    model = GenerativeConvAC(arch, densities, rngs=nnx.Rngs(seed + 1), dtype=dtype)
    model.prior[...] = jnp.asarray(np.random.default_rng(seed).normal(size=arch.classes), dtype)
    return model


def softmax(variable):
    x = np.exp(np.asarray(variable[...], np.float64))
    return x / x.sum(axis=-1, keepdims=True)


def channels(model, roots=None):
    """p(y, d_1, .., d_N) of the channels at the sites, or with each site's (M, levels) of the values of its pixel."""
    *banks, output = [softmax(model.logits[name]) for name in model.arch.network.bank_shapes]
    levels = strategies.wiring(model.arch)
    every = [oracle.tensor(levels, banks, output, label, roots) for label in range(model.arch.classes)]
    return np.einsum("y,y...->y...", softmax(model.prior), np.stack(every))


def by_definition(model):
    """p(y, x_1, .., x_N)."""
    return channels(model, [softmax(model.representation.logits)] * model.arch.size)


def every_image(model):
    levels = model.representation.levels
    return oracle.configurations((levels,) * model.arch.size) / (levels - 1)


def probable(drawn, p):
    """Whether chi-squared is within what one in 1e6 such tests exceeds."""
    statistic, freedom = oracle.chi_squared(drawn, p)
    return statistic < chi2.isf(1e-6, freedom)


@settings(max_examples=15)
@given(st.sampled_from(ARCHS), st.integers(0, 99))
def test_probabilities_are_the_sum_over_hidden_channels_and_add_up_to_one(arch, seed):
    with jax.enable_x64(True):
        model = made(arch, seed)
        p = by_definition(model).reshape(arch.classes, -1).T
        found = np.exp(model(every_image(model)))
        np.testing.assert_allclose(found, p, rtol=1e-11)
        assert found.sum() == pytest.approx(1, abs=1e-12)
        conditional = np.exp(model.log_likelihood(every_image(model), np.full(len(p), arch.classes - 1)))
        assert conditional.sum() == pytest.approx(1, abs=1e-12)
        np.testing.assert_allclose(np.exp(model.log_likelihood(every_image(model))), p.sum(1), rtol=1e-11)


@settings(max_examples=15)
@given(st.sampled_from(ARCHS), st.integers(0, 99))
def test_missing_pixels_are_summed_over(arch, seed):
    with jax.enable_x64(True):
        model, rng = made(arch, seed), np.random.default_rng(seed)
        p, hidden = by_definition(model), rng.random(arch.size) < 0.5
        x = rng.integers(0, arch.features, arch.size)
        summed = p.sum(axis=tuple(1 + np.flatnonzero(hidden)))[(slice(None), *x[~hidden])]
        image = np.where(hidden, np.nan, x / (arch.features - 1))  # what is missing is not looked at
        found = model(image[None], hidden[None])
        np.testing.assert_allclose(np.exp(found[0]), summed, rtol=1e-11)
        posterior = np.exp(model.log_posterior(image[None], hidden[None])[0])
        np.testing.assert_allclose(posterior, summed / summed.sum(), rtol=1e-11)


@pytest.mark.parametrize("sharing", ["none", "window", "full"])
def test_it_is_the_plain_convac_of_its_banks(sharing):
    arch = tnsim.ConvAC((4, 4), 3, (4, 5), (2, 2), 2, sharing=sharing)
    with jax.enable_x64(True):
        model = made(arch, densities=Gaussians(3, dtype=jnp.float64))
        images = np.random.default_rng(0).random((7, 4, 4))
        scores = arch.apply(model.params(), model.features(images))
        logs_ = np.log(scores.value) + scores.log_scale[:, None]
        labels = np.zeros(7, int)
        np.testing.assert_allclose(model.log_likelihood(images, labels), logs_[:, 0], rtol=1e-12)
        np.testing.assert_allclose(model.folded()(images), np.exp(logs_), rtol=1e-11)
        for bank in model.params().values():
            assert (bank >= 0).all()
            np.testing.assert_allclose(bank.sum(-1), 1)


def test_gradients_are_those_of_differences():
    with jax.enable_x64(True):
        model = made(densities=Gaussians(2, dtype=jnp.float64))
        graph, state = nnx.split(model)
        images, hidden = np.random.default_rng(0).random((2, 3, 2, 3))
        loss = lambda held: nnx.merge(graph, held).log_likelihood(images, missing=hidden < 0.3).mean()  # noqa: E731
        check_grads(loss, (state,), 1, modes=["rev"])


@pytest.mark.slow
def test_a_thousand_improbable_pixels_stay_in_range():
    arch = tnsim.ConvAC((32, 32), 4, (4, 4, 4, 4, 4), (2,) * 5, 2)
    images = np.where(np.random.default_rng(0).random((3, 32, 32)) < 0.5, 7.0, -7.0)
    model = made(arch, densities=Gaussians(4), dtype=jnp.float32)
    with jax.enable_x64(True):  # of the same weights
        wide = made(arch, densities=Gaussians(4, dtype=jnp.float64))
        for name, bank in model.logits.items():
            wide.logits[name][...] = jnp.asarray(bank[...], jnp.float64)
        wide.prior[...] = jnp.asarray(model.prior[...], jnp.float64)
        wanted = np.asarray(wide(images))
    images = images.astype(np.float32)
    assert wanted.max() < -1e5
    np.testing.assert_allclose(model(images), wanted, rtol=1e-5)
    graph, state = nnx.split(model)
    slope = jax.grad(lambda held: nnx.merge(graph, held)(images).sum())(state)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slope))


@pytest.mark.parametrize("label", [None, 1])
def test_samples_have_the_exact_probabilities(label):
    model = made(dtype=jnp.float32)
    p = by_definition(model)
    p = p.sum(0) if label is None else p[label] / p[label].sum()
    found = model.sample(jax.random.key(0), MANY, label)
    assert found.shape == (MANY, 2, 3)
    drawn = np.asarray(found).reshape(MANY, -1).astype(int)
    assert probable(drawn, p)
    assert not probable(drawn, p[::-1])  # another distribution is told apart


@pytest.mark.parametrize("label", [None, 2])
@pytest.mark.parametrize("arch", [SMALL, tnsim.ConvAC(8, 2, (3, 2, 3), (2, 2, 2), 3, "full", "mirror")])
def test_missing_pixels_are_drawn_given_those_that_are_seen(arch, label):
    model = made(arch, 3, dtype=jnp.float32)
    rng = np.random.default_rng(5)
    hidden = np.arange(arch.size) % 3 != 1
    x = rng.integers(0, 2, arch.size)
    p = by_definition(model)
    p = p.sum(0) if label is None else p[label]
    p = p[tuple(slice(None) if missing else value for missing, value in zip(hidden, x, strict=True))]
    images = np.broadcast_to(x.reshape(arch.grid), (MANY, *arch.grid)).astype(np.float32)
    missing = np.broadcast_to(hidden.reshape(arch.grid), images.shape)
    labels = None if label is None else np.full(MANY, label)
    found = np.asarray(model.inpaint(jax.random.key(1), images, missing, labels)).reshape(MANY, -1)
    assert (found[:, ~hidden] == x[~hidden]).all()
    assert probable(found[:, hidden].astype(int), p / p.sum())
    assert not probable(found[:, hidden].astype(int), p[::-1] / p.sum())


def test_grey_samples_have_the_moments_of_the_mixture():
    model = made(densities=Gaussians(2), dtype=jnp.float32)
    p, normal = channels(model)[1], model.representation
    means, deviations = np.asarray(normal.means[...]), np.asarray(normal.deviations)
    found = np.asarray(model.sample(jax.random.key(0), MANY, 1)).reshape(MANY, -1)
    for site in range(6):
        own = p.sum(axis=tuple(other for other in range(6) if other != site)) / p.sum()
        mean, square = own @ means, own @ (means**2 + deviations**2)
        spread = np.sqrt(square - mean**2)
        assert found[:, site].mean() == pytest.approx(mean, abs=5 * spread / MANY**0.5)
        assert found[:, site].std() == pytest.approx(spread, rel=0.02)


def test_densities_integrate_to_one():
    x = np.linspace(-3, 4, 7001)
    found = np.exp(Gaussians(5).log_density(jnp.asarray(x[None], jnp.float32)))[0]
    np.testing.assert_allclose(np.trapezoid(found, x, axis=0), 1, rtol=1e-4)
    some = Categoricals(3, 4, rngs=nnx.Rngs(0))
    found = np.exp(some.log_density(jnp.linspace(0, 1, 4)[None]))[0]
    np.testing.assert_allclose(found.sum(axis=0), 1, rtol=1e-6)
    np.testing.assert_allclose(some(np.array([[0.3, 0.36]], np.float32))[0], found[[1, 1]], rtol=1e-6)


@pytest.mark.parametrize("kind", ["gaussians", "categoricals"])
def test_gram_matrices_are_means_over_grey_values(kind):
    some = Gaussians(4) if kind == "gaussians" else Categoricals(4, 3, rngs=nnx.Rngs(0))
    x = (np.arange(20000, dtype=np.float32) + 0.5) / 20000
    f = np.asarray(some(x[None])[0], np.float64)
    np.testing.assert_allclose(some.gram(), f.T @ f / len(x), rtol=1e-4)


def test_seeds_repeat():
    model = made(dtype=jnp.float32)
    one, again, other = (model.sample(jax.random.key(seed), 100) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


X = np.zeros((4, 2, 3), np.float32)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda m: m.sample(jax.random.key(0), 0), "n: wanted at least 1, found 0"),
        (lambda m: m.sample(jax.random.key(0), 1, 3), r"label: wanted one of 0..2, found 3"),
        (lambda m: m(X, X[:, 0] > 0), r"missing: wanted the shape of the images, \(4, 2, 3\), found \(4, 3\)"),
        (lambda m: m(X[:, :, :2]), r"images: wanted \(2, 3\) sites, found \(2, 2\)"),
        (lambda m: m(X[:, 0]), "images: wanted 6 sites, found 3"),
        (lambda m: GenerativeConvAC(SMALL, Gaussians(3), rngs=nnx.Rngs(0)), "representation: wanted the M=2 features"),
        (lambda m: Gaussians(2, least=0.0), "least: must be above 0"),
        (lambda m: Gaussians(0), "features: must be an integer >= 1"),
        (lambda m: Categoricals(2, 1, rngs=nnx.Rngs(0)), "levels: must be an integer >= 2"),
    ],
)
def test_what_is_wrong_is_named(act, words):
    with pytest.raises(ValueError, match=words):
        act(made(dtype=jnp.float32))


def test_a_batch_that_does_not_fit_is_refused_beforehand():
    leaves = jax.ShapeDtypeStruct((6, 2, 10**13), jnp.float32)
    with pytest.raises(MemoryLimitError, match=r"log scores of 10000000000000 samples .* fewer samples at a time"):
        jax.eval_shape(lambda x: logs.log_scores(SMALL.network, made(dtype=jnp.float32).log_params(), x), leaves)


def test_symmetric_scores_are_warned_of():
    arch = tnsim.ConvAC((4, 4), 2, (3, 3), (2, 2), 2, sharing="full")
    with pytest.warns(UserWarning, match="sharing"):
        GenerativeConvAC(arch, Gaussians(2), rngs=nnx.Rngs(0))
