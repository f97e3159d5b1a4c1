"""ConvNets on a ConvAC's wiring: each is its definition, and with products of linear maps the ConvAC itself."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import tnsim
from tnsim.nn.convnet import ACTIVATIONS, POOLINGS, ConvNet
from tnsim.nn.normalised import LEAST, NormalisedConvAC
from tnsim.nn.representation import Fourier
from tnsim.train.config import TrainConfig
from tnsim.train.data import load
from tnsim.train.loop import fit

ARCH = tnsim.ConvAC((4, 4), 3, (4, 5), (2, 2), 3, sharing=("window", "none"), geometry="mirror")
POOL = {"max": np.max, "average": np.mean, "product": np.prod}


def by_definition(model, image):
    """Scores of one image, position by position, from what the module holds."""
    hold = lambda variable: np.asarray(variable[...], np.float64)  # noqa: E731
    values = np.asarray(model.features(image[None]), np.float64)[0, :, 1:]
    network = model.arch.network
    for level, name in enumerate(network.bank_shapes):
        W, b, m, s2 = (hold(part[name]) for part in (model.weights, model.offsets, model.means, model.variances))
        rows = network.stacks[level].slots.array
        v = [b[r] + W[r] @ ((x - m[r]) / np.sqrt(s2 + LEAST)) for r, x in zip(rows, values, strict=True)]
        if name == "output":
            return v[0]
        v = np.maximum(v, 0) if model.activation == "relu" else np.array(v)
        values = np.array([POOL[model.pooling](v[group], axis=0) for group in model.arch.groups(level)])
    raise AssertionError("no output bank")


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("pooling", POOLINGS)
def test_scores_are_the_definitions(activation, pooling):
    model = ConvNet(ARCH, Fourier(), rngs=nnx.Rngs(1), activation=activation, pooling=pooling)
    seen = np.random.default_rng(0).random((8, 4, 4)).astype(np.float32)
    model.train()
    model(seen)  # moves the moments
    model.eval()
    wanted = np.array([by_definition(model, image) for image in seen])
    np.testing.assert_allclose(model(seen), wanted, atol=2e-5 * np.abs(wanted).max())


def test_products_of_linear_maps_are_the_convac():
    net = ConvNet(ARCH, Fourier(), rngs=nnx.Rngs(1), activation="linear", pooling="product")
    convac = NormalisedConvAC(ARCH, Fourier(), rngs=nnx.Rngs(1))
    seen = jnp.asarray(np.random.default_rng(0).random((8, 4, 4)), jnp.float32)
    for mode in ("train", "eval"):
        getattr(net, mode)()
        getattr(convac, mode)()
        np.testing.assert_allclose(net(seen), convac(seen), atol=1e-5)


@pytest.mark.slow
def test_a_convnet_learns_digits():
    digits = load("digits")
    arch = tnsim.ConvAC((8, 8), 3, (9, 17, 17), (2, 2, 2), 10, sharing="window")
    model = ConvNet(arch, Fourier(), rngs=nnx.Rngs(0))
    config = TrainConfig(epochs=40, rate=1e-2, validation_fraction=0.0)
    assert fit(model, digits, config, progress=False).test.accuracy >= 0.9


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match=r"activation: wanted one of .*, found 'tanh'"):
        ConvNet(ARCH, Fourier(), rngs=nnx.Rngs(0), activation="tanh")
    with pytest.raises(ValueError, match=r"pooling: wanted one of .*, found 'sum'"):
        ConvNet(ARCH, Fourier(), rngs=nnx.Rngs(0), pooling="sum")
