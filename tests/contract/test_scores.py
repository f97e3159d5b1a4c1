"""Scores against the definition; their range, gradients, maps, compilations. THEORY sections 1 and 8."""

import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import cases

import tnsim
from tnsim.contract.engines import run
from tnsim.contract.scores import scores

PRECISION = {"float32": 1e-4, "complex64": 1e-4, "float64": 1e-10, "complex128": 1e-10}
ARCH = tnsim.ConvAC(sites=(2, 6), features=2, channels=(3, 2), windows=((2, 2), (1, 3)), classes=2, sharing="window")


def drawn(arch, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    return strategies.named(
        [strategies.normal(rng, s, dtype) / np.dtype(dtype).type(s[-1] ** 0.5) for s in strategies.shapes(arch)]
    )


def features_of(arch, batch=5, dtype="float64", seed=1):
    return strategies.normal(np.random.default_rng(seed), (batch, arch.size, arch.features), dtype)


def log_scores(network, banks, features):
    value, log_scale = scores(network, banks, features)
    return jnp.log(jnp.abs(value)) + log_scale[:, None]


@settings(max_examples=35)
@given(cases(), st.integers(0, 2**32 - 1))
def test_scores_are_the_definitions(case, seed):
    dtype = case.weights[0].dtype
    features = features_of(case.arch, dtype=dtype, seed=seed)
    with jax.enable_x64(True):
        value, log_scale = (np.asarray(x) for x in scores(case.arch.network, case.params, jnp.asarray(features)))
    assert value.dtype == dtype
    assert log_scale.dtype == value.real.dtype
    wide = features.astype(np.result_type(features, np.float64))
    *banks, output = case.wide
    wanted, sizes = zip(*(oracle.score(strategies.wiring(case.arch), banks, output, x) for x in wide), strict=True)
    found = value * np.exp(log_scale.astype(np.float64) - case.log_scale)[:, None]
    # A log-scale of 1000 in float32 is known to 6e-5: so much of the score it stands for.
    precision = PRECISION[dtype.name] + 4 * np.finfo(dtype).eps * abs(log_scale).max()
    assert abs(found - wanted).max() <= precision * max(abs(np.array(wanted)).max(), 1e-3 * np.max(sizes))


def test_the_door_runs_this_engine():
    banks, features = drawn(ARCH, "float32"), features_of(ARCH, dtype="float32")
    for found, wanted in zip(ARCH.apply(banks, features), scores(ARCH.network, banks, features), strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_gradients_are_those_of_finite_differences(dtype):
    banks, features = drawn(ARCH, dtype), features_of(ARCH, dtype=dtype)
    rng = np.random.default_rng(2)
    step = {name: strategies.normal(rng, bank.shape, dtype) for name, bank in banks.items()}

    def brute(t):
        *convs, output = [banks[name] + t * step[name] for name in banks]
        h = np.array([oracle.score(strategies.wiring(ARCH), convs, output, x)[0] for x in features])
        return np.log(abs(h)).mean()

    with jax.enable_x64(True):
        gradient = jax.grad(lambda b: log_scores(ARCH.network, b, jnp.asarray(features)).mean())(
            jax.tree.map(jnp.asarray, banks)
        )
    along = sum((np.asarray(gradient[name]) * step[name]).real.sum() for name in banks)
    assert along == pytest.approx((brute(1e-6) - brute(-1e-6)) / 2e-6, rel=1e-6)


def test_gradients_of_the_score_itself_do_not_see_the_scale():
    banks, features = drawn(ARCH), features_of(ARCH)

    def total(banks):
        value, log_scale = scores(ARCH.network, banks, jnp.asarray(features))
        return (value * jnp.exp(log_scale)[:, None]).sum()

    with jax.enable_x64(True):
        by_output = np.asarray(jax.grad(total)(jax.tree.map(jnp.asarray, banks))["output"])
    *convs, _ = banks.values()
    for row in range(2):  # linear in the output bank: the gradient is the score of the unit vectors
        wanted = sum(oracle.score(strategies.wiring(ARCH), convs, np.eye(2), x)[0] for x in features)
        np.testing.assert_allclose(by_output[row], wanted, rtol=1e-10)


def test_maps_over_params_and_over_features():
    many = [drawn(ARCH, "float32", seed) for seed in range(3)]
    stacked = jax.tree.map(lambda *banks: jnp.stack(banks), *many)
    features = features_of(ARCH, dtype="float32")
    by_params = jax.vmap(lambda banks: log_scores(ARCH.network, banks, features))(stacked)
    for found, banks in zip(by_params, many, strict=True):
        np.testing.assert_allclose(found, log_scores(ARCH.network, banks, features), rtol=1e-4, atol=1e-4)
    one_by_one = jax.vmap(lambda x: log_scores(ARCH.network, many[0], x[None])[0])(features)
    np.testing.assert_allclose(one_by_one, log_scores(ARCH.network, many[0], features), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("where", ["features", "conv_0", "conv_1", "output"])
def test_exact_zeros_stay_zero_with_finite_gradients(where):
    banks, features = drawn(ARCH, "float32"), features_of(ARCH, dtype="float32")
    if where == "features":
        features[2, 5] = 0
    else:
        banks[where][:] = 0

    def total(banks, features):
        value, log_scale = scores(ARCH.network, banks, features)
        return (value * jnp.exp(log_scale)[:, None]).sum(), (value, log_scale)

    gradients, (value, log_scale) = jax.grad(total, argnums=(0, 1), has_aux=True)(banks, features)
    assert (value[2] == 0).all()
    assert all(np.isfinite(x).all() for x in jax.tree.leaves((gradients, value, log_scale)))


def test_equal_architectures_are_traced_once():
    build = partial(tnsim.ConvAC, sites=(2, 6), features=3, channels=(2, 5), windows=((2, 2), (1, 3)), classes=7)
    before = scores._cache_size()
    for seed in range(3):
        arch = build()
        arch.apply(drawn(arch, "float32", seed), features_of(arch, dtype="float32", seed=seed))
    assert scores._cache_size() == before + 1


@pytest.mark.parametrize("sharing", ["none", "full"])
def test_four_thousand_sites_in_single_precision(sharing):
    arch = tnsim.ConvAC(sites=(64, 64), features=2, channels=(16,) * 6, windows=(2,) * 6, classes=3, sharing=sharing)
    banks, x = drawn(arch, "float32"), np.random.default_rng(1).random((4, 4096)) * np.pi / 2
    features = np.stack([np.cos(x), np.sin(x)], axis=-1).astype(np.float32)
    single = np.asarray(log_scores(arch.network, banks, features))
    with jax.enable_x64(True):
        wide = {name: jnp.asarray(bank, jnp.float64) for name, bank in banks.items()}
        double = np.asarray(log_scores(arch.network, wide, jnp.asarray(features, jnp.float64)))
    assert (double < -200).all()  # exp of it is no float32
    np.testing.assert_allclose(single, double, rtol=1e-3)


def compile_seconds(side):
    depth = side.bit_length() - 1
    arch = tnsim.ConvAC(sites=(side, side), features=2, channels=(16,) * depth, windows=(2,) * depth, classes=10)
    banks = {name: jax.ShapeDtypeStruct(shape, jnp.float32) for name, shape in arch.network.bank_shapes.items()}
    features = jax.ShapeDtypeStruct((8, side * side, 2), jnp.float32)
    start = time.perf_counter()
    jax.jit(jax.value_and_grad(lambda b, x: log_scores(arch.network, b, x).mean())).lower(banks, features).compile()
    return time.perf_counter() - start


@pytest.mark.slow
def test_compiling_does_not_grow_with_the_sites():
    """Bounds twice as wide as promised, for busy machines; benchmarks hold the real figures."""
    compile_seconds(8)  # what is set up once
    small, large = compile_seconds(16), compile_seconds(64)
    assert large < 10
    assert large < 4 * small + 1


@pytest.mark.parametrize(
    ("engine", "banks", "features", "words"),
    [
        ("numpy", drawn(ARCH), features_of(ARCH), r"engine: wanted one of \('tnsim', 'tensornetwork'\), found 'numpy'"),
        ("tnsim", {}, features_of(ARCH), r"params: wanted the banks \['conv_0', 'conv_1', 'output'\], found \[\]"),
        ("tnsim", drawn(ARCH), features_of(ARCH)[0], r"features: wanted shape \(batch, 12, 2\), found \(12, 2\)"),
        (
            "tnsim",
            drawn(ARCH),
            features_of(ARCH)[..., :1],
            r"features: wanted shape \(batch, 12, 2\), found \(5, 12, 1\)",
        ),
        ("tnsim", drawn(ARCH), np.ones((5, 12, 2), int), "features: wanted floating or complex numbers, found int32"),
    ],
)
def test_what_does_not_fit_is_refused(engine, banks, features, words):
    with pytest.raises(ValueError, match=words):
        run(engine, ARCH.network, banks, features)
