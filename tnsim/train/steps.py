"""Training steps and evaluation on the device: pure, compiled once, nothing crosses to the host within a chunk.

    TrainState --[ order of the epoch | batch | shift | loss | gradient | AdamW ] x steps--> TrainState

All randomness comes from (seed, epoch) and (seed, step), so that a run can start anywhere. Works for any nnx module
with `.scores(images)`, or whose call gives logits. Uses config, losses and data; used by the loop.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jax import lax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from tnsim.contract.scores import Scores
from tnsim.train.config import TrainConfig
from tnsim.train.data import augment_shift
from tnsim.train.losses import named, predictions

__all__ = [
    "Evaluation",
    "Labelled",
    "Sums",
    "TrainState",
    "accuracy",
    "evaluate",
    "evaluate_state",
    "evaluation_graph",
    "run_steps",
    "scores_of",
    "start",
]

ORDER, AUGMENT, FLIP, DROP = range(4)  # streams of the seed
AT_ONCE = 250  # images of one evaluation batch


class Labelled(NamedTuple):
    """Images in [0, 1] on the device, with their labels."""

    images: Float[Array, "n H W"]
    labels: Int[Array, "n"]


class TrainState(NamedTuple):
    """What a step changes: the Params, all other variables of the module, and the optimiser's state."""

    params: Any
    rest: Any
    optimiser: Any


class Sums(NamedTuple):
    """Over some steps: the mean losses of their batches, the right answers, and the number of images."""

    loss: Any
    right: Any
    images: Any


class Evaluation(NamedTuple):
    """Mean loss in nats, and the fraction of the images whose most probable class is their label."""

    loss: float
    accuracy: float


def scores_of(model: nnx.Module, images: Any) -> Scores:
    """The module's `scores`, or its logits as scores of scale 1."""
    if hasattr(model, "scores"):
        return model.scores(images)
    logits = model(images)
    return Scores(logits, jnp.zeros(logits.shape[:1], jnp.abs(logits).dtype))


def start(model: nnx.Module, config: TrainConfig, steps: int) -> tuple[Any, TrainState]:
    """(wiring of the module in training mode, state before step 0); copies, so the module itself stays as it is."""
    twin = nnx.merge(*nnx.split(model))
    twin.train()
    graph, *variables = nnx.split(twin, nnx.Param, ...)
    params, rest = jax.tree.map(jnp.copy, variables)
    return graph, TrainState(params, rest, config.optimiser(steps).init(params))


@partial(jax.jit, static_argnames=("graph", "config"), donate_argnames="state")
def run_steps(
    graph: Any, config: TrainConfig, state: TrainState, train: Labelled, first: Any, stop: Any
) -> tuple[TrainState, Sums]:
    """Steps first..stop-1, all of one epoch, and their sums. The given state is consumed."""
    count = len(train.labels)
    batch, (steps, per_epoch) = min(config.batch, count), config.steps_of(count)
    key = jax.random.key(config.seed)
    order = jax.random.permutation(_stream(key, ORDER, first // per_epoch), count)
    optimiser = config.optimiser(steps)

    def one(step: Any, carry: tuple[TrainState, Sums]) -> tuple[TrainState, Sums]:
        now, sums = carry
        chosen = lax.dynamic_slice_in_dim(order, step % per_epoch * batch, batch)
        images = _augmented(config, key, step, train.images[chosen])
        of = partial(_loss, graph, config, Labelled(images, train.labels[chosen]), _stream(key, DROP, step))
        (loss, (rest, right)), gradients = jax.value_and_grad(of, has_aux=True)(now.params, now.rest)
        changes, inner = optimiser.update(gradients, now.optimiser, now.params)
        sums = Sums(sums.loss + loss, sums.right + right, sums.images + batch)
        return TrainState(optax.apply_updates(now.params, changes), rest, inner), sums

    nothing = Sums(jnp.zeros(()), jnp.zeros((), jnp.int32), jnp.zeros((), jnp.int32))
    return lax.fori_loop(first, stop, one, (state, nothing))


def _stream(key: PRNGKeyArray, stream: int, place: Any) -> PRNGKeyArray:
    return jax.random.fold_in(jax.random.fold_in(key, stream), place)


def _augmented(config: TrainConfig, key: PRNGKeyArray, step: Any, images: Float[Array, "batch H W"]):
    """The images of one step, moved and mirrored at random."""
    if config.shift:
        images = augment_shift(_stream(key, AUGMENT, step), images, config.shift)
    if config.flip:
        mirrored = jax.random.bernoulli(_stream(key, FLIP, step), shape=(len(images), 1, 1))
        images = jnp.where(mirrored, images[:, :, ::-1], images)
    return images


def _loss(
    graph: Any, config: TrainConfig, batch: Labelled, drop: PRNGKeyArray, params: Any, rest: Any
) -> tuple[Array, Any]:
    """Mean loss of a batch, with the penalty, and (other variables after it, right answers)."""
    model = nnx.merge(graph, params, rest, copy=True)  # else Flax forbids to update batch statistics within jax.grad
    if config.site_dropout:
        left_out = jax.random.bernoulli(drop, config.site_dropout, (len(batch.images), model.arch.size))
        scores = model.scores(batch.images, left_out)
    else:
        scores = scores_of(model, batch.images)
    right = (predictions(config.loss, scores) == batch.labels).sum(dtype=jnp.int32)
    loss = named(config.loss)(scores, batch.labels, config.smoothing).mean(dtype=jnp.float32)
    if config.penalty is not None:
        loss = loss + config.penalty(model, batch.images).astype(jnp.float32)
    return loss, (nnx.state(model, nnx.Not(nnx.Param)), right)


def evaluate(model: nnx.Module, images: Any, labels: Any, loss: str = "softmax") -> Evaluation:
    """Mean loss (without smoothing) and accuracy of the module as it is in evaluation mode, in bounded memory.

    The module keeps its mode. Raises ValueError for an unknown loss, or numbers of images and labels that differ or
    are zero.
    """
    named(loss)
    if len(images) != len(labels) or not len(labels):
        raise ValueError(f"images, labels: wanted as many, at least one, found {len(images)} and {len(labels)}")
    _, *variables = nnx.split(model, nnx.Param, ...)
    parts = Labelled(jnp.asarray(images), jnp.asarray(labels))
    return evaluate_state(evaluation_graph(model), variables[0], variables[1], parts, loss)


def accuracy(model: nnx.Module, images: Any, labels: Any, loss: str = "softmax") -> float:
    """The fraction of the images that the module, in evaluation mode, classifies as their labels."""
    return evaluate(model, images, labels, loss).accuracy


def evaluation_graph(model: nnx.Module) -> Any:
    """Wiring of the module in evaluation mode, for its Params and its other variables; the module keeps its mode."""
    twin = nnx.merge(*nnx.split(model))
    twin.eval()
    return nnx.split(twin, nnx.Param, ...)[0]


def evaluate_state(graph: Any, params: Any, rest: Any, parts: Labelled, loss: str) -> Evaluation:
    """`evaluate` of variables apart from their module."""
    total, right = _evaluate(graph, loss, params, rest, parts)
    return Evaluation(float(total) / len(parts.labels), int(right) / len(parts.labels))


@partial(jax.jit, static_argnames=("graph", "loss"))
def _evaluate(
    graph: Any, loss: str, params: Any, rest: Any, parts: Labelled
) -> tuple[Float[Array, ""], Int[Array, ""]]:
    """Sums over the images of the loss, and of right answers."""
    count = len(parts.labels)
    batches = -(-count // AT_ONCE)
    batch = -(-count // batches)
    fill = batches * batch - count

    def padded(x: Array) -> Array:
        wide = jnp.pad(x, ((0, fill), *((0, 0),) * (x.ndim - 1)))
        return wide.reshape(batches, batch, *x.shape[1:])

    def one(part: tuple[Labelled, Bool[Array, "batch"]]) -> tuple[Float[Array, ""], Int[Array, ""]]:
        (images, labels), real = part
        scores = scores_of(nnx.merge(graph, params, rest, copy=True), images)
        losses = named(loss)(scores, labels, 0.0)
        right = (predictions(loss, scores) == labels) & real
        return jnp.where(real, losses, 0).sum(), right.sum()

    everyone = padded(jnp.ones(count, bool))
    losses, rights = lax.map(one, (Labelled(*map(padded, parts)), everyone))
    return losses.sum(), rights.sum()
