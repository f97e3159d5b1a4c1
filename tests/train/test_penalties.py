"""Terms of the loss that look at the module: their gradient, what they do to entropies, and runs told apart by them."""

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import tnsim
from tnsim.entanglement.measure import site_measure
from tnsim.entanglement.renyi import renyi_value_and_grad
from tnsim.entanglement.trainable import renyi_entropy
from tnsim.nn import ConvAC, Fourier, Gaussians, GenerativeConvAC, NormalisedConvAC
from tnsim.train.checkpoint import CheckpointError, identity, load
from tnsim.train.config import TrainConfig
from tnsim.train.data import Dataset
from tnsim.train.loop import fit
from tnsim.train.penalties import likelihood_penalty, renyi_penalty
from tnsim.train.steps import Labelled, _loss, start

ARCH = tnsim.ConvAC(sites=(4, 4), features=3, channels=(4, 5), windows=(2, 2), classes=3)
CONFIG = TrainConfig(steps=40, batch=20, validation_fraction=0.0, checkpoint_every=10)
RNG = np.random.default_rng(0)
LABELS = (np.arange(60) % 3).astype(np.int32)
IMAGES = (0.7 * RNG.random((60, 4, 4)) + 0.1 * LABELS[:, None, None]).astype(np.float32)
DATA = Dataset("grey", IMAGES, LABELS, IMAGES[:9], LABELS[:9], ("dark", "grey", "light"))
GRAM = Fourier().gram_from(IMAGES, per_site=True)


def having(penalty, **more):
    return replace(CONFIG, penalty=penalty, **more)


def made(kind=NormalisedConvAC):
    return kind(ARCH, Fourier(), rngs=nnx.Rngs(0))


def term(strength=1.0, A="checkerboard", **more):
    return renyi_penalty(ARCH, A, strength, GRAM, **more)


def entropy(banks, A="checkerboard", labels=range(3)):
    """The mean over classes, by the measure itself."""
    states = [ARCH.state(banks, label, "function", gram=GRAM) for label in labels]
    return float(np.mean([state.renyi(A).value for state in states]))


def value(penalty, module, images=IMAGES):
    graph, state = nnx.split(module)
    return float(jax.jit(lambda held, x: penalty(nnx.merge(graph, held), x))(state, images))


def test_the_term_is_the_mean_of_the_measure_by_the_moments_of_the_batch():
    module, batch = made(), IMAGES[:20]
    assert value(term(2.5), module, batch) == pytest.approx(2.5 * entropy(module.params_at(batch)), rel=1e-5)
    one = entropy(module.params_at(IMAGES), "left-right", (1,))
    assert value(term(-1, "left-right", labels=(1,)), module) == pytest.approx(-one, rel=1e-5)


def test_of_a_plain_module_it_is_that_of_its_banks():
    module = made(ConvAC)
    plain = ARCH.state(module.params(), 0, "coefficient").renyi("left-right").value
    assert value(renyi_penalty(ARCH, "left-right", 1.0, labels=[0]), module) == pytest.approx(plain, rel=1e-5)


def test_the_mean_over_labels_has_the_mean_of_the_gradients():
    banks = {name: jnp.asarray(bank) for name, bank in made().params().items()}
    measure, mask = site_measure("function", GRAM, 16, 3), np.arange(16) % 2 == 0
    of = lambda banks: renyi_entropy(ARCH.network, banks, jnp.arange(3), measure, mask)  # noqa: E731
    value, gradient = jax.jit(jax.value_and_grad(of))(banks)
    each = [renyi_value_and_grad(ARCH.network, banks, label, measure, mask) for label in range(3)]
    assert float(value) == pytest.approx(np.mean([one for one, _ in each]), rel=1e-6)
    for name in banks:
        wanted = np.mean([grads[name] for _, grads in each], axis=0)
        np.testing.assert_allclose(gradient[name], wanted, rtol=1e-5, atol=1e-6 * np.abs(wanted).max())


def test_the_gradient_of_the_term_within_a_step_is_that_of_finite_differences():
    """Through weights, offsets and the moments of the batch."""
    graph, state = start(made(), CONFIG, 1)
    batch = Labelled(jnp.asarray(IMAGES[:20]), jnp.asarray(LABELS[:20]))

    def total(params, penalty):
        return _loss(graph, having(penalty), batch, jax.random.key(0), params, state.rest)[0]

    found = jax.tree.map(jnp.subtract, *(jax.jit(jax.grad(total), static_argnums=1)(state.params, p)
                                         for p in (term(3.0), None)))  # fmt: skip
    keys = iter(jax.random.split(jax.random.key(1), 20))
    step = jax.tree.map(lambda x: jax.random.normal(next(keys), x.shape), state.params)

    def at(size):
        there = jax.tree.map(lambda x, d: x + size * d, state.params, step)
        return 3.0 * entropy(nnx.merge(graph, there, state.rest).params_at(batch.images))

    along = sum(jax.tree.leaves(jax.tree.map(lambda g, d: float(jnp.vdot(g, d)), found, step)))
    assert (at(1e-3) - at(-1e-3)) / 2e-3 == pytest.approx(along, rel=5e-3)


@pytest.mark.slow
def test_entropy_falls_where_it_costs_and_rises_where_it_pays():
    reached = []
    for strength in (1.0, None, -1.0):
        module = made()
        fit(module, DATA, having(None if strength is None else term(strength)))
        reached.append(entropy(module.params()))
    assert reached[0] < 0.8 * reached[1]
    assert reached[2] > 1.1 * reached[1]


def test_the_network_that_is_punished_is_the_one_that_is_evaluated():
    """With running moments as constants they part: 0.09 and 0.66 nats here, for a network can outrun its moments."""
    module = made()
    fit(module, DATA, having(term(0.1), steps=100))
    assert entropy(module.params()) == pytest.approx(entropy(module.params_at(IMAGES)), rel=0.1)


def test_the_history_has_the_term_and_evaluations_do_not():
    @dataclass(frozen=True)
    class Ten:
        def __call__(self, module, images):
            return jnp.float32(10)

    plain, with_term = (fit(made(ConvAC), DATA, having(penalty)) for penalty in (None, Ten()))
    assert with_term.history[0]["loss"] == pytest.approx(plain.history[0]["loss"] + 10, rel=1e-5)
    assert with_term.test.loss == pytest.approx(plain.test.loss, rel=1e-5)


def test_equal_terms_are_one():
    assert term() == term()
    assert len({term(), term(), term(2.0), term(A="left-right"), term(labels=(0,)), term(order=3)}) == 5
    assert renyi_penalty(ARCH, "left-right", 1.0) != term(A="left-right")
    assert term() != renyi_penalty(ARCH, "checkerboard", 1.0, np.asarray(GRAM) * 2)


# Checkpoints.


def test_a_checkpoint_knows_the_term(tmp_path):
    fit(made(), DATA, having(term(0.5)), checkpoint=tmp_path)
    again = fit(made(), DATA, having(term(0.5)), checkpoint=tmp_path)
    assert again.steps == 40
    with pytest.raises(CheckpointError, match=r"config.penalty.strength: 0.5 there, 0.25 asked for"):
        fit(made(), DATA, having(term(0.25)), checkpoint=tmp_path)
    with pytest.raises(CheckpointError, match=r"config.penalty.class: 'RenyiPenalty' there, None asked for"):
        fit(made(), DATA, CONFIG, checkpoint=tmp_path)


def test_checkpoints_from_before_there_were_terms_go_on(tmp_path):
    path, _ = tmp_path / "c.safetensors", fit(made(), DATA, CONFIG, checkpoint=tmp_path / "c.safetensors")
    facts = identity(made(), CONFIG, DATA)
    assert facts.pop("config.penalty") is None
    assert load(path, start(made(), CONFIG, 40)[1], facts).step == 40


def test_a_term_that_no_checkpoint_can_know_is_refused_one(tmp_path):
    def small(module, images):
        return jnp.float32(0)

    with pytest.raises(ValueError, match=r"penalty: with a checkpoint wanted one with to_json\(\), .*found function"):
        fit(made(), DATA, having(small), checkpoint=tmp_path)
    assert fit(made(), DATA, having(small, steps=2)).steps == 2


# What is refused.


def test_bad_terms_are_named():
    with pytest.raises(ValueError, match="strength: wanted a finite number, found nan"):
        term(float("nan"))
    with pytest.raises(ValueError, match=r"labels: wanted some of 0..2, found \(3,\)"):
        term(labels=(3,))
    with pytest.raises(ValueError, match=r"order: replicas are for whole numbers >= 2, found 1.5"):
        term(order=1.5)
    other = tnsim.ConvAC(sites=(2, 2), features=3, channels=(4,), windows=(2,), classes=3)
    with pytest.raises(ValueError, match="penalty: wanted a module of 4 sites, found 16"):
        fit(made(), DATA, having(renyi_penalty(other, "left-right", 1.0)))
    with pytest.raises(ValueError, match="penalty: wanted one real number, found"):
        fit(made(), DATA, having(lambda module, images: module.params()["output"]))

    class Unhashable(dict):
        def __call__(self, module, images):
            return jnp.float32(0)

    with pytest.raises(ValueError, match="penalty: wanted a hashable value, found Unhashable"):
        fit(made(), DATA, having(Unhashable()))


def generative():
    return GenerativeConvAC(ARCH, Gaussians(3), rngs=nnx.Rngs(0))


def test_with_a_likelihood_of_strength_one_the_loss_is_that_of_images_with_their_labels():
    module = generative()
    batch = Labelled(jnp.asarray(IMAGES[:20]), jnp.asarray(LABELS[:20]))
    graph, state = start(module, having(likelihood_penalty()), 1)
    loss, _ = _loss(graph, having(likelihood_penalty()), batch, jax.random.key(0), state.params, state.rest)
    joint = np.asarray(module(IMAGES[:20]))[np.arange(20), LABELS[:20]]
    assert float(loss) == pytest.approx(-joint.mean(), rel=1e-5)


def test_likelihood_and_classes_are_learned():
    module = generative()
    before = float(module.log_likelihood(IMAGES).mean())
    result = fit(module, DATA, having(likelihood_penalty(0.1), steps=150, rate=0.05), progress=False)
    assert result.test.accuracy > 0.7
    assert float(module.log_likelihood(IMAGES).mean()) > before + 3


def test_runs_are_told_apart_by_the_likelihoods_strength(tmp_path):
    path = tmp_path / "run.safetensors"
    fit(generative(), DATA, having(likelihood_penalty(0.1)), checkpoint=path, progress=False)
    with pytest.raises(CheckpointError, match="penalty"):
        fit(generative(), DATA, having(likelihood_penalty(0.2)), checkpoint=path, progress=False)


def test_a_likelihood_is_of_modules_that_have_one():
    with pytest.raises(ValueError, match="penalty: wanted a module with log_likelihood, found NormalisedConvAC"):
        fit(made(), DATA, having(likelihood_penalty()), progress=False)
    with pytest.raises(ValueError, match="strength: wanted a finite number, found nan"):
        likelihood_penalty(float("nan"))
