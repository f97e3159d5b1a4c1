"""The module of any architecture: its banks, its files, its training."""

from dataclasses import dataclass
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from architectures.networks import POOL
from flax import nnx

import tnsim
from tnsim.models import Doors
from tnsim.nn import Fourier, TensorNetwork, TensorRingLinear, TensorTrainLinear
from tnsim.train import Dataset, TrainConfig, evaluate, fit, load
from tnsim.train.model_file import ModelFileError
from tnsim.train.model_file import load as load_model
from tnsim.train.model_file import save as save_model


def test_the_module_holds_the_banks_and_scores_by_them():
    arch = tnsim.MPS((2, 3), 3, 4, classes=2)
    module = TensorNetwork(arch, Fourier(), rngs=nnx.Rngs(0))
    assert all(module.params()[name] is module.banks[name][...] for name in arch.network.bank_shapes)
    images = np.random.default_rng(0).random((2, 2, 3)).astype(np.float32)
    scores = arch.apply(module.params(), module.features(images))
    assert np.array_equal(module.scores(images).value, scores.value)
    assert np.allclose(module(images), scores.value * np.exp(scores.log_scale)[:, None])


KEPT = ("mps", "mps-ring-bonds", "ttn-groups", "tucker", "rac", "peps", "mera", "overlapping-2d", "dilated")


@pytest.mark.parametrize("name", KEPT)
def test_a_model_file_gives_back_the_architecture_and_the_banks(name, tmp_path):
    arch, path = POOL[name], tmp_path / "model.safetensors"
    rng = np.random.default_rng(0)
    banks = {bank: rng.normal(size=shape).astype(np.complex64) for bank, shape in arch.network.bank_shapes.items()}
    save_model(path, TensorNetwork.from_params(arch, banks), extra={"seed": 3})
    model, extra = load_model(path)
    assert type(model) is TensorNetwork
    assert (model.arch, extra) == (arch, {"seed": 3})
    assert all(np.array_equal(model.params()[bank], array) for bank, array in banks.items())
    with pytest.raises(ModelFileError, match="made for another architecture: wanted ConvAC, found"):
        load_model(path, tnsim.ConvAC(4, 2, (2, 2), (2, 2), 2))


def test_a_module_without_a_start_or_with_two_is_refused():
    arch = tnsim.MPS(4, 3, 2, classes=2)
    with pytest.raises(ValueError, match="rngs, params: wanted"):
        TensorNetwork(arch)
    with pytest.raises(ValueError, match="representation: wanted the M=2 features"):
        TensorNetwork(tnsim.MPS(4, 2, 2, classes=2), Fourier(), rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match="start: wanted one of"):
        TensorNetwork(arch, rngs=nnx.Rngs(0), start="residual")
    with pytest.raises(ValueError, match="params: wanted the banks"):
        TensorNetwork.from_params(arch, {"first": jnp.zeros((3, 2))})


@dataclass(frozen=True)
class Chain(Doors):
    """A user's own architecture: a chain by its einsum, the class leg at its end."""

    sites: int
    features: int
    classes: int = 2

    @property
    def network(self):
        return tnsim.MPS(self.sites, self.features, 2, classes=self.classes, label=self.sites - 1).network

    def init(self, key, dtype=jnp.float32):
        return {name: jnp.ones(shape, dtype) for name, shape in self.network.bank_shapes.items()}


def test_an_architecture_of_ones_own_is_a_module_with_a_file(tmp_path):
    arch, path = Chain(4, 3), tmp_path / "model.safetensors"
    module = TensorNetwork(arch, Fourier(), rngs=nnx.Rngs(0))
    save_model(path, module, {"seed": 3})
    for found, extra in (load_model(path, kinds={"Chain": Chain}), load_model(path, arch)):
        assert (type(found), found.arch, extra) == (TensorNetwork, arch, {"seed": 3})
        assert all(np.array_equal(found.params()[name], bank) for name, bank in module.params().items())
    with pytest.raises(ModelFileError, match=r"found 'Chain'; load\(.., kinds=\{'Chain': its class\}\)"):
        load_model(path)
    with pytest.raises(ModelFileError, match="made for another architecture: sites: wanted 5, found 4"):
        load_model(path, Chain(5, 3))
    with pytest.raises(ModelFileError, match="made for another architecture: wanted MPS, found Chain"):
        load_model(path, tnsim.MPS(4, 3, 2), {"Chain": Chain})
    namesake = type("MPS", (Chain,), {})(4, 3)
    with pytest.raises(ModelFileError, match=r"architecture: wanted one of .*, or a class of another name"):
        save_model(path, TensorNetwork(namesake, rngs=nnx.Rngs(0)))


def test_what_is_no_architecture_is_told_what_it_lacks():
    wiring = SimpleNamespace(network=Chain(4, 3).network, init=Chain(4, 3).init)
    words = r"found SimpleNamespace without \.apply, \.grid, \.features; a subclass of tnsim\.models\.Doors has"
    with pytest.raises(ValueError, match=r"arch: wanted \.network, \.init, \.apply.*" + words):
        TensorNetwork(wiring, rngs=nnx.Rngs(0))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arch", "epochs"),
    [(tnsim.MPS((8, 8), 3, 8, classes=10), 4), (tnsim.TTN((8, 8), 3, (8, 12), (2, 2, 2), classes=10), 4)],
    ids=["mps", "ttn"],
)
def test_digits_are_learned(arch, epochs):
    model = TensorNetwork(arch, Fourier(), rngs=nnx.Rngs(0))
    config = TrainConfig(epochs=epochs, rate=3e-3, shift=0, validation_fraction=0.0)
    found = fit(model, load("digits"), config, progress=False)
    assert found.test.accuracy > 0.7
    assert jax.tree.all(jax.tree.map(lambda x: bool(np.isfinite(x).all()), model.params()))


CHANCE = np.log(3)
GRID = (4, 4)
TRAINED = {
    "mps": tnsim.MPS(GRID, 3, 4, classes=3),
    "mps-ring": tnsim.MPS(GRID, 3, 3, classes=3, boundary="periodic"),
    "ttn": tnsim.TTN(GRID, 3, (4,), (2, 2), classes=3),
    "tucker": tnsim.Tucker((2, 4), 3, 2, 3),
    "cp": tnsim.CP(GRID, 3, 6, 3),
    "rac": tnsim.RAC(GRID, 3, 6, 3, sharing="none"),
    "peps": tnsim.PEPS(GRID, 3, 2, classes=3),
    "mera": tnsim.MERA(16, 3, 3, classes=3),
    "overlapping": tnsim.OverlappingConvAC(GRID, 3, (4, 4), (2, 2), classes=3, sharing="none"),
    "dilated": tnsim.DilatedConvAC(16, 3, (4, 4), (4, 2), classes=3, sharing="none"),
}
RATES = {"cp": 3e-2, "tucker": 3e-2, "overlapping": 3e-3, "dilated": 3e-3}
STARTS = {"rac": "random", "overlapping": "identity", "dilated": "identity"}


def three_digits(size):
    """120 training images of the digits 0, 1 and 2, and all such test images, as means over blocks."""
    whole = load("digits", size=size)
    sides = ((whole.train_images, whole.train_labels), (whole.test_images, whole.test_labels))
    (images, labels), test = [(images[labels < 3], labels[labels < 3]) for images, labels in sides]
    return Dataset("three digits", images[:120], labels[:120], *test, ("0", "1", "2"))


def fallen(model, dataset, rate):
    """Loss over the training images before and after 40 steps of the loop."""
    before = evaluate(model, dataset.train_images, dataset.train_labels).loss
    fit(model, dataset, TrainConfig(steps=40, batch=40, rate=rate, validation_fraction=0.0), progress=False)
    return before, evaluate(model, dataset.train_images, dataset.train_labels).loss


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED)
def test_the_loss_of_every_architecture_falls_by_a_quarter_in_40_steps(name):
    arch = TRAINED[name]
    model = TensorNetwork(arch, Fourier(), rngs=nnx.Rngs(0), start=STARTS.get(name))
    before, after = fallen(model, three_digits((2, 4) if name == "tucker" else GRID), RATES.get(name, 1e-2))
    assert after < 0.75 * min(before, CHANCE)  # chance alone is soon reached from a start that is worse


@pytest.mark.slow
def test_a_recurrent_circuit_learns_with_the_same_weights_at_all_steps():
    whole = load("digits")
    few = [(images[labels < 3], labels[labels < 3]) for images, labels in (
        (whole.train_images, whole.train_labels), (whole.test_images, whole.test_labels))]  # fmt: skip
    model = TensorNetwork(tnsim.RAC((8, 8), 3, 16, 3), Fourier(), rngs=nnx.Rngs(0))
    data = Dataset("three digits", *few[0], *few[1], ("0", "1", "2"))
    found = fit(model, data, TrainConfig(steps=300, rate=1e-2, validation_fraction=0.0), progress=False)
    assert found.test.accuracy > 0.8  # found 0.94; it cannot tell where a pixel is until its weights have moved apart


class Dense(nnx.Module):
    """A classifier of 16 pixels with a hidden layer of a given kind."""

    def __init__(self, kind, rngs):
        hidden, out = kind((4, 4), (4, 4), 3, rngs=rngs), nnx.Linear(16, 3, rngs=rngs)
        self.layers = nnx.Sequential(hidden, nnx.relu, out)

    def __call__(self, images):
        return self.layers(images.reshape(len(images), -1))


@pytest.mark.parametrize("kind", [TensorTrainLinear, TensorRingLinear])
def test_the_loss_of_a_tensor_train_or_ring_layer_falls_to_half_in_40_steps(kind):
    model = Dense(kind, nnx.Rngs(0))
    cores = [np.array(core[...]) for core in model.layers.layers[0].cores]
    before, after = fallen(model, three_digits(GRID), 3e-2)
    assert after < 0.5 * min(before, CHANCE)
    moved = zip(cores, model.layers.layers[0].cores, strict=True)
    assert all(np.abs(was - np.asarray(core[...])).max() > 1e-3 for was, core in moved)
