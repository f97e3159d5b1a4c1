"""Laws of representations: closed forms against quadrature, empirical Grams against loops."""

import json
from functools import partial

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

from tnsim.nn.representation import (
    CosSin,
    Fourier,
    GaussianBins,
    OneHot,
    Orthonormal,
    Patches,
    Polynomial,
    from_json,
    gram_from,
    orthonormal,
)

FIXED = [
    CosSin(3),
    Fourier(2, constant=False),
    Polynomial(3),
    OneHot(5),
    GaussianBins(5, width=0.1, constant=True),
    orthonormal(Fourier()),
]
PANELS, NODES = 60, 8


def quadrature():
    """Nodes and weights (n,): Gauss-Legendre on 60 panels, which 2 to 6 levels leave whole."""
    x, w = np.polynomial.legendre.leggauss(NODES)
    starts = np.arange(PANELS)[:, None] / PANELS
    return (starts + (x + 1) / 2 / PANELS).ravel(), np.tile(w / 2 / PANELS, PANELS)


def values(representation, x):
    """Features (n, M) in float64 at the points x (n,)."""
    with jax.enable_x64(True):
        return np.asarray(representation(jnp.asarray(x[None, :], jnp.float64)))[0]


def quadrature_gram(representation):
    x, w = quadrature()
    f = values(representation, x)
    return (f * w[:, None]).T @ f


@st.composite
def fixed(draw):
    return draw(
        st.one_of(
            st.builds(CosSin, st.integers(1, 8)),
            st.builds(Fourier, st.integers(1, 5), st.booleans()),
            st.builds(Polynomial, st.integers(1, 7)),
            st.builds(OneHot, st.sampled_from([2, 3, 4, 5, 6])),
            st.builds(
                GaussianBins, st.integers(2, 8), st.none() | st.floats(0.05, 2), st.booleans()
            ),
        )
    )


@settings(deadline=None, max_examples=60)
@given(fixed())
def test_the_closed_form_gram_is_the_integral(representation):
    found = representation.gram()
    assert found.dtype == np.float64
    assert found.shape == (representation.features,) * 2
    np.testing.assert_allclose(found, quadrature_gram(representation), atol=1e-10)


@settings(deadline=None, max_examples=40)
@given(fixed())
def test_json_round_trip_gives_an_equal_value_with_an_equal_hash(representation):
    again = from_json(json.loads(json.dumps(representation.to_json())))
    assert again == representation
    assert hash(again) == hash(representation)


@settings(deadline=None, max_examples=40)
@given(fixed())
def test_feature_0_is_one_everywhere_exactly_where_constant_says_so(representation):
    f = values(representation, quadrature()[0])
    assert f.shape == (PANELS * NODES, representation.features)
    assert (f[:, 0] == 1).all() == representation.constant


@pytest.mark.parametrize("representation", FIXED, ids=repr)
def test_the_dtype_is_kept_and_sites_are_row_major(representation):
    images = jnp.linspace(0, 1, 24).reshape(2, 3, 4).astype(jnp.bfloat16)
    f = representation(images)
    assert f.dtype == jnp.bfloat16
    assert f.shape == (2, 12, representation.features)
    np.testing.assert_array_equal(f, representation(images.reshape(2, 12)))
    assert values(representation, np.linspace(0, 1, 5)).dtype == np.float64
    assert representation.grid_of((3, 4)) == (3, 4)


@pytest.mark.parametrize("representation", FIXED, ids=repr)
def test_jit_with_a_static_representation_compiles_once_for_equal_values(representation):
    traces = []

    @partial(jax.jit, static_argnames="which")
    def features(which, images):
        traces.append(which)
        return which(images)

    images = jnp.linspace(0, 1, 12).reshape(1, 12)
    equal = from_json(representation.to_json())
    np.testing.assert_allclose(features(representation, images), representation(images), atol=1e-6)
    features(equal, images)
    assert len(traces) == 1


@pytest.mark.parametrize("representation", FIXED, ids=repr)
def test_gradients_are_difference_quotients_and_finite_at_black_and_white(representation):
    x, step = np.array([0, 0.11, 0.47, 0.93, 1]), 1e-6
    with jax.enable_x64(True):
        _, slope = jax.jvp(representation, (jnp.asarray(x[None]),), (jnp.ones((1, 5)),))
    quotient = (values(representation, x + step) - values(representation, x - step)) / (2 * step)
    assert np.isfinite(slope).all()
    np.testing.assert_allclose(slope[0, 1:4], quotient[1:4], atol=1e-7)


def test_the_default_is_one_cos_sin():
    x = np.linspace(0, 1, 11)
    expected = np.stack([np.ones(11), np.cos(np.pi * x / 2), np.sin(np.pi * x / 2)], axis=-1)
    np.testing.assert_allclose(values(Fourier(), x), expected, atol=1e-15)


@pytest.mark.parametrize("order", [1, 2, 5])
def test_cos_sin_has_norm_one_everywhere(order):
    f = values(CosSin(order), np.linspace(0, 1, 11))
    np.testing.assert_allclose((f**2).sum(axis=-1), 1, atol=1e-14)


def test_cos_sin_formula_at_order_2():
    c, s = np.cos(np.pi / 8), np.sin(np.pi / 8)
    found = values(CosSin(2), np.array([0.25]))[0]
    np.testing.assert_allclose(found, [c**2, np.sqrt(2) * c * s, s**2], atol=1e-15)


@pytest.mark.parametrize("levels", [10, 49])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_hot_puts_every_edge_into_its_own_level(levels, dtype):
    edges = np.arange(levels + 1).astype(dtype) / dtype(levels)
    with jax.enable_x64(True):
        f = np.asarray(OneHot(levels)(edges[None, :]))[0]
    np.testing.assert_array_equal(f[:-1], np.eye(levels))
    np.testing.assert_array_equal(f[-1], np.eye(levels)[-1])  # x = 1 belongs to the last level


def test_gaussian_bins_peak_at_their_centres_with_the_default_width():
    f = values(GaussianBins(5), np.linspace(0, 1, 5))
    np.testing.assert_allclose(np.diag(f), 1)
    np.testing.assert_allclose(np.diag(f, 1), np.exp(-0.5))


@settings(deadline=None, max_examples=30)
@given(fixed())
def test_orthonormal_functions_have_the_identity_as_gram(base):
    condition = np.linalg.cond(base.gram())
    if condition > 1e10:
        return
    made = orthonormal(base)
    atol = 1e-12 if condition < 100 else 1e-14 * condition
    np.testing.assert_allclose(made.gram(), np.eye(base.features), atol=atol)
    np.testing.assert_allclose(quadrature_gram(made), np.eye(base.features), atol=10 * atol)
    assert made.constant == base.constant


@pytest.mark.parametrize("base", [Fourier(), CosSin(), CosSin(3), Polynomial(2), GaussianBins(4)])
def test_orthonormal_gram_of_common_bases_to_twelve_digits(base):
    np.testing.assert_allclose(orthonormal(base).gram(), np.eye(base.features), atol=1e-12)


def test_orthonormal_keeps_a_constant_feature_exactly_one_in_float32():
    images = np.random.default_rng(0).random((50, 7), dtype=np.float32)
    made = orthonormal(Fourier(), gram=Fourier().gram_from(images))
    assert made.constant
    assert (np.asarray(made(images))[..., 0] == 1).all()
    np.testing.assert_allclose(made.gram_from(images), np.eye(3), atol=1e-4)
    assert abs(made.gram() - np.eye(3)).max() > 1e-3  # of the uniform measure, which is another one


def test_orthonormal_round_trip_and_hash():
    made = orthonormal(Polynomial(3))
    again = from_json(json.loads(json.dumps(made.to_json())))
    assert again == made
    assert hash(again) == hash(made)
    assert isinstance(again, Orthonormal)


@pytest.mark.parametrize("representation", FIXED, ids=repr)
def test_gram_from_many_uniform_samples_comes_close_to_the_closed_form(representation):
    images = np.random.default_rng(1).random((100, 400))
    np.testing.assert_allclose(representation.gram_from(images), representation.gram(), atol=0.03)


@pytest.mark.parametrize("per_site", [False, True])
def test_gram_from_is_the_mean_of_outer_products_conjugated_on_the_right(per_site, monkeypatch):
    monkeypatch.setattr("tnsim.nn.patches._PIXELS_AT_ONCE", 20)  # chunks of 3, 3 and 1 images
    images = np.random.default_rng(2).random((7, 2, 3))

    def features(x):
        flat = x.reshape(len(x), -1).astype(complex)
        return jnp.stack([jnp.exp(1j * flat), 2j * flat], axis=-1)

    with jax.enable_x64(True):
        f = np.asarray(features(jnp.asarray(images)))
    expected = np.zeros((6, 2, 2), complex)
    for n in range(7):
        for site in range(6):
            expected[site] += np.outer(f[n, site], f[n, site].conj()) / 7
    found = gram_from(features, images, per_site)
    assert found.dtype == np.complex128
    np.testing.assert_allclose(found, expected if per_site else expected.mean(axis=0), atol=1e-14)


def test_gram_from_computes_float64_images_in_float64_and_takes_jax_arrays():
    images = np.full((1, 1), 1 / 3)
    found = Polynomial(2).gram_from(images)
    np.testing.assert_allclose(found, np.outer([1, 1 / 3, 1 / 9], [1, 1 / 3, 1 / 9]), rtol=1e-15)
    assert Fourier().gram_from(jnp.full((2, 3, 3), 0.5)).dtype == np.float64
    assert Fourier().gram_from(jnp.full((2, 3, 3), 0.5, jnp.bfloat16)).dtype == np.float64


def loop_patches(layer, images):
    """The definition, in loops: zero padding, then one inner product a patch and map."""
    kernel, bias = np.asarray(layer.kernel[...]), np.asarray(layer.bias[...])
    (rows, cols), p, s = layer.grid, layer.patch, layer.stride
    low = [0, 0]
    if layer.padding == "SAME":
        pairs = zip((rows, cols), layer.image_shape, strict=True)
        low = [max((g - 1) * s + p - extent, 0) // 2 for g, extent in pairs]
    height, width = layer.image_shape
    padded = np.zeros((len(images), height + 2 * p, width + 2 * p))
    padded[:, low[0] : low[0] + height, low[1] : low[1] + width] = images
    out = np.ones((len(images), rows * cols, layer.features))
    for i in range(rows):
        for j in range(cols):
            window = padded[:, i * s : i * s + p, j * s : j * s + p]
            lit = np.maximum(np.einsum("nab,abcm->nm", window, kernel) + bias, 0)
            out[:, i * cols + j, layer.features - layer.maps :] = lit
    return out


PATCHES = [
    (4, 4, 3, (8, 8), True, "SAME"),
    (5, 2, 4, (9, 6), True, "SAME"),
    (3, 1, 2, (4, 5), False, "SAME"),
    (3, 2, 2, (7, 8), False, "VALID"),
]


def patches(case, seed=0):
    patch, stride, maps, image_shape, constant, padding = case
    layer = Patches(patch, stride, maps, image_shape, nnx.Rngs(seed), constant, padding)
    layer.bias[...] = jnp.linspace(-0.3, 0.3, maps)
    return layer


@pytest.mark.parametrize("case", PATCHES, ids=str)
def test_patches_are_the_loop_over_windows(case):
    layer, images = patches(case), np.random.default_rng(3).random((3, *case[3]), dtype=np.float32)
    f = layer(images)
    assert f.dtype == jnp.float32
    assert f.shape == (3, layer.grid[0] * layer.grid[1], layer.features)
    np.testing.assert_allclose(f, loop_patches(layer, images), atol=1e-5)
    np.testing.assert_array_equal(f, layer(images.reshape(3, -1)))
    assert layer.grid_of(case[3]) == layer.grid


def test_patches_grid_and_number_of_features():
    layer = Patches(5, 2, 16, (32, 32), nnx.Rngs(0))
    assert layer.grid == (16, 16)
    assert layer.features == 17
    assert layer.constant
    assert Patches(5, 4, 16, (28, 30), nnx.Rngs(0), constant=False).grid == (7, 8)
    assert Patches(5, 2, 16, (32, 31), nnx.Rngs(0), padding="VALID").grid == (14, 14)


def test_patches_have_two_parameters_and_learn_under_jit():
    layer = patches(PATCHES[1])
    graph, state = nnx.split(layer)
    assert sorted(name for (name,), _ in nnx.to_flat_state(state)) == ["bias", "kernel"]
    images = jnp.linspace(0, 1, 108).reshape(2, 9, 6)

    @jax.jit
    def loss(state, images):
        return nnx.merge(graph, state)(images).sum()

    gradient = jax.grad(loss)(state, images)
    assert all((abs(leaf) > 0).any() for leaf in jax.tree.leaves(gradient))
    assert patches(PATCHES[1], seed=1).kernel[...].std() != layer.kernel[...].std()


def test_patches_start_with_the_variance_of_he():
    kernel = np.asarray(Patches(5, 2, 200, (16, 16), nnx.Rngs(0)).kernel[...])
    np.testing.assert_allclose(kernel.std(), np.sqrt(2 / 25), rtol=0.02)


def test_patches_have_an_empirical_gram_only():
    layer, images = patches(PATCHES[1]), np.random.default_rng(4).random((6, 9, 6), np.float32)
    f = np.asarray(layer(images), np.float64)
    expected = np.einsum("bsm,bsn->mn", f, f) / 90
    np.testing.assert_allclose(layer.gram_from(images), expected, atol=1e-6)
    assert layer.gram_from(images, per_site=True).shape == (15, 5, 5)
    with pytest.raises(ValueError, match=r"gram: .* no closed form; use gram_from\(images\)"):
        layer.gram()


def test_patches_round_trip_of_the_hyper_parameters():
    layer = patches(PATCHES[3])
    again = from_json(json.loads(json.dumps(layer.to_json())), nnx.Rngs(5))
    assert again.to_json() == layer.to_json()
    assert again.grid == layer.grid
    assert isinstance(from_json(layer.to_json()), Patches)


IMAGES = np.zeros((2, 3, 3), np.float32)
LAYER = Patches(2, 2, 1, (4, 4), nnx.Rngs(0))
BAD = {
    "order: must be an integer >= 1, found 0": lambda: CosSin(0),
    "order: must be an integer >= 1, found True": lambda: Fourier(True),
    "constant: must be True or False, found 1": lambda: Fourier(1, 1),
    "degree: must be an integer >= 1, found 1.5": lambda: Polynomial(1.5),
    "levels: must be an integer >= 2, found 1": lambda: OneHot(1),
    "bins: must be an integer >= 2, found 1": lambda: GaussianBins(1),
    "width: must be above 0 and finite, found nan": lambda: GaussianBins(3, float("nan")),
    "width: must be above 0 and finite, found -1.0": lambda: GaussianBins(3, -1.0),
    "images: must be floats .* found dtype uint8": lambda: Fourier()(np.zeros((2, 3), np.uint8)),
    r"images: must have shape .* found \(3,\)": lambda: Fourier()(np.zeros(3, np.float32)),
    r"images: must have shape .* found \(1, 2, 2, 3\)": lambda: Fourier()(jnp.zeros((1, 2, 2, 3))),
    r"images: must be finite floats in \[0, 1\], found values from 0.0 to 2.0": lambda: (
        Fourier().gram_from(IMAGES + np.eye(3, dtype=np.float32) * 2)
    ),
    "images: must be finite floats .* nan": lambda: Fourier().gram_from(IMAGES * np.float32("nan")),
    "images: must hold at least one image": lambda: Fourier().gram_from(IMAGES[:0]),
    "images: must be floats .* found dtype int64": lambda: Fourier().gram_from(
        np.zeros((2, 3), int)
    ),
    r"features: must give .*, found shape \(2, 3, 3, 1\)": lambda: gram_from(
        lambda x: x[..., None], IMAGES
    ),
    r"base: must be a fixed representation, found Patches": lambda: orthonormal(LAYER),
    r"gram: must have shape \(3, 3\) for M=3 functions, found \(2, 2\)": lambda: orthonormal(
        Fourier(), np.eye(2)
    ),
    "gram: must be real, finite and symmetric": lambda: orthonormal(CosSin(), np.eye(2) * 1j),
    "gram: must be positive definite to make 3 functions orthonormal, found smallest eigenvalue": (
        lambda: orthonormal(OneHot(3), np.diag([0.5, 0.5, 0]))
    ),
    r"transform: must be 2 rows of 2 finite numbers, found rows of \[2\]": lambda: Orthonormal(
        CosSin(), ((1.0, 0.0),)
    ),
    "kind: must be one of .*'cos_sin'.*'patches'.*, found 'fourie'": lambda: from_json(
        {"kind": "fourie"}
    ),
    r"fourier: must have the fields \['constant', 'order'\], found \['order'\]": lambda: from_json(
        {"kind": "fourier", "order": 1}
    ),
    "stride: must be at most patch=2, .* found 3": lambda: Patches(2, 3, 1, (4, 4), nnx.Rngs(0)),
    "maps: must be an integer >= 1, found 0": lambda: Patches(2, 2, 0, (4, 4), nnx.Rngs(0)),
    r"padding: must be one of \('SAME', 'VALID'\), found 'same'": lambda: Patches(
        2, 2, 1, (4, 4), nnx.Rngs(0), padding="same"
    ),
    r"patch: must fit into the image \(4, 4\) .* found 5": lambda: Patches(
        5, 2, 1, (4, 4), nnx.Rngs(0), padding="VALID"
    ),
    r"image_shape: must be \(height, width\), found 16": lambda: Patches(2, 2, 1, 16, nnx.Rngs(0)),
    r"image_shape: must be \(4, 4\), found \(4, 5\)": lambda: LAYER.grid_of((4, 5)),
    r"images: must have shape \('batch', 4, 4\), found \(2, 3, 3\)": lambda: LAYER(IMAGES),
    r"images: must have shape \('batch', 4, 4\), found \(2, 2, 8\)": lambda: LAYER(
        np.zeros((2, 2, 8), np.float32)
    ),
}


@pytest.fixture
def untyped(monkeypatch):
    """As users run it: without the type checks of the tests, which would speak up first."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.mark.parametrize("message", BAD)
def test_errors_name_argument_wanted_and_found(message, untyped):
    with pytest.raises(ValueError, match=message):
        BAD[message]()
