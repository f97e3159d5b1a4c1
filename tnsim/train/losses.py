"""Losses of class scores h = value * exp(log_scale), one number a sample. Uses contract.scores; used by the loop.

    "softmax"   -ln p_y of p = softmax(h): for scores of order 1, as the residual start gives
    "born"      -ln p_y of p_y = |h_y|^2 / sum |h|^2: from value alone, so indifferent to any scale

Label smoothing s puts (1 - s) + s/Y on the label and s/Y on each other class.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, Num

from tnsim.contract.scores import Scores

__all__ = ["LOSSES", "Loss", "born", "named", "predictions", "softmax"]

Loss = Callable[[Scores, Int[Array, "batch"], float], Float[Array, "batch"]]
HIGHEST_LOG_SCALE = 0.9  # of the largest float's logarithm: e^80 in float32


def softmax(scores: Scores, labels: Int[Array, "batch"], smoothing: float = 0.0) -> Float[Array, "batch"]:
    """Cross entropy in nats of the logits value * exp(log_scale), finite for every scale.

    A log_scale above 0.9 of what floats hold (e^80 in float32) counts as that, and its own gradient as zero.
    """
    highest = HIGHEST_LOG_SCALE * jnp.log(jnp.finfo(scores.log_scale.dtype).max)
    scale = jnp.exp(jnp.minimum(scores.log_scale, highest))
    return _cross_entropy(jax.nn.log_softmax(scores.value * scale[:, None], axis=-1), labels, smoothing)


def born(scores: Scores, labels: Int[Array, "batch"], smoothing: float = 0.0) -> Float[Array, "batch"]:
    """-ln p_y in nats of the Born probabilities p_y = |h_y|^2 / sum |h|^2; p = 1/Y where every score is zero.

    With eps the rounding unit, each probability is at least eps^2 of the largest: an exact zero costs 32 nats in
    float32 and has a gradient of zero. Source: THEORY section 2.
    """
    size = jnp.abs(scores.value)
    peak = lax.stop_gradient(size.max(axis=-1, keepdims=True))  # a constant on purpose: the loss knows no scale
    unit = scores.value / jnp.where(peak > 0, peak, 1)
    weight = (unit * jnp.conj(unit)).real + jnp.finfo(size.dtype).eps ** 2
    log_p = jnp.log(weight) - jnp.log(weight.sum(axis=-1, keepdims=True))
    return _cross_entropy(log_p, labels, smoothing)


def _cross_entropy(
    log_p: Float[Array, "batch classes"], labels: Int[Array, "batch"], smoothing: float
) -> Float[Array, "batch"]:
    of_label = jnp.take_along_axis(log_p, labels[:, None], axis=-1)[:, 0]
    return -(1 - smoothing) * of_label - smoothing * log_p.mean(axis=-1)


class _Kind(NamedTuple):
    loss: Loss
    size: Callable[[Num[Array, "batch classes"]], Float[Array, "batch classes"]]  # grows with the probability


_KINDS = {"softmax": _Kind(softmax, jnp.real), "born": _Kind(born, jnp.abs)}
LOSSES: dict[str, Loss] = {name: kind.loss for name, kind in _KINDS.items()}


def named(name: str) -> Loss:
    """The loss of a name. Raises ValueError for unknown ones."""
    return _kind(name).loss


def predictions(name: str, scores: Scores) -> Int[Array, "batch"]:
    """The most probable class of every sample under a loss: the largest h, or the largest |h| for "born".

    Raises ValueError for unknown names.
    """
    return jnp.argmax(_kind(name).size(scores.value), axis=-1)


def _kind(name: str) -> _Kind:
    if name not in _KINDS:
        raise ValueError(f"loss: wanted one of {sorted(_KINDS)}, found {name!r}")
    return _KINDS[name]
