"""A loss of a state's cores, followed downwards by an optimiser of optax. Uses state; used by likelihood, physics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array, Float

from tnsim.canonical.state import TreeState

Loss = Callable[[TreeState, Any], Float[Array, ""]]  # of a state, and what a step looks at


def descent(
    loss: Loss, optimiser: optax.GradientTransformation, start: TreeState, steps: Any
) -> tuple[tuple[Any, ...], Float[Array, "steps"]]:
    """(cores after all steps, the loss before each). steps: an array, one row for each; traced, to be compiled."""
    slope = jax.value_and_grad(lambda cores, row: loss(start.with_cores(cores), row))

    def step(carried, row):
        cores, memory = carried
        value, gradient = slope(cores, row)
        # JAX's gradient of a real function of complex numbers is the conjugate of the direction of steepest ascent.
        updates, memory = optimiser.update(jax.tree.map(jnp.conj, gradient), memory, cores)
        return (optax.apply_updates(cores, updates), memory), value

    (cores, _), values = lax.scan(step, (start.cores, optimiser.init(start.cores)), steps)
    return cores, values
