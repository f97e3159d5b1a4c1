"""Born machines learned from configurations, by maximum likelihood. Uses amplitudes, descent.

    p(x) = |psi(x)|^2 / |psi|^2        loss = mean of -ln p(x) over a few configurations, every core at once

Source: Han et al., PRX 8, 031012 (2018), for chains; Cheng et al., PRB 99, 155131 (2019), for trees.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from tnsim.canonical.amplitudes import check_configurations, log_likelihood
from tnsim.canonical.descent import descent
from tnsim.canonical.making import random_state
from tnsim.canonical.overlap import log_norm
from tnsim.canonical.state import Core, TreeState, concrete
from tnsim.canonical.wiring import Wiring

__all__ = ["fitted", "independent"]

Configurations = Int[np.ndarray, "n sites"]


def independent(
    tree: Wiring, configurations: Configurations, width: int, rng: np.random.Generator, spread: float = 0.1,
    dims: Sequence[int] | None = None,
) -> TreeState:  # fmt: skip
    """A start for `fitted`: each site by itself has its values as often as the configurations, and there is noise.

    The product state is at the first value of every bond; bonds are as wide as their sites allow and at most `width`,
    and filled with normal numbers, of norm `spread` a core. dims: of the sites; by default what the configurations
    need, at least 2. A value counts once more than it was seen.

    Raises ValueError for configurations that are none or do not fit, and for a width < 1.
    """
    x = np.asarray(configurations)
    if x.ndim != 2 or x.shape[1] != tree.sites or not len(x) or x.min() < 0:
        raise ValueError(f"configurations: wanted some of shape (n, {tree.sites}), none below 0, found shape {x.shape}")
    least = (2,) * tree.sites if dims is None else tuple(dims)
    counts = [1.0 + np.bincount(column, minlength=d) for column, d in zip(x.T, least, strict=True)]
    if dims is not None and tuple(map(len, counts)) != least:
        raise ValueError(f"configurations: wanted values below dims {least}, found up to {x.max(axis=0).tolist()}")
    noise = random_state(tree, [len(count) for count in counts], width, rng)
    roots = [np.sqrt(count / count.sum()) for count in counts]
    cores = [_with_product(spread * core, legs, roots) for core, legs in zip(noise.cores, tree.legs, strict=True)]
    return noise.with_cores(cores)


def _with_product(core: Core, legs: Sequence[int], roots: Sequence[Float[np.ndarray, "_"]]) -> Core:
    """A core with the product of its sites' vectors added at the first value of its bonds."""
    product = np.ones(())
    for leg in legs:
        product = np.multiply.outer(product, roots[~leg] if leg < 0 else np.ones(1))
    core[tuple(slice(None) if leg < 0 else slice(1) for leg in legs)] += product
    return core


def fitted(
    start: TreeState, configurations: Configurations, steps: int = 1000, batch: int = 100, rate: float = 1e-2,
    seed: int = 0, optimiser: optax.GradientTransformation | None = None,
) -> tuple[TreeState, Float[np.ndarray, "steps"]]:  # fmt: skip
    """(the state after so many steps, -ln p of the batch before each, in nats), in float64 and compiled once.

    start: whose bonds stay as wide as they are; `independent` or `random_state` make one. batch: configurations a step,
    drawn with replacement from all by the seed: one seed gives the same state again. optimiser: of optax; None: Adam,
    its rate falling from `rate` to 0 along a cosine.

    Raises ValueError for steps or batch < 1, configurations that the state does not have, and a state that is zero.
    """
    for name, value in (("steps", steps), ("batch", batch)):
        if value < 1:
            raise ValueError(f"{name}: wanted at least 1, found {value}")
    x, begin = np.asarray(configurations), concrete(start, "fitted")
    check_configurations(begin, x)
    if not len(x):
        raise ValueError("configurations: wanted at least one, found none")
    log_norm(begin)
    if optimiser is None:
        optimiser = optax.adam(optax.cosine_decay_schedule(rate, steps))
    chosen = np.random.default_rng(seed).integers(0, len(x), (steps, batch))
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        traced = begin.with_cores(tuple(jnp.asarray(core) for core in begin.cores))
        cores, losses = _walk(optimiser, traced, jnp.asarray(x), jnp.asarray(chosen))
        return begin.with_cores(tuple(np.asarray(core) for core in cores)), np.asarray(losses)


@partial(jax.jit, static_argnums=0)
def _walk(
    optimiser: optax.GradientTransformation, start: TreeState, x: Int[Array, "n sites"], chosen: Int[Array, "steps b"]
):
    loss = lambda state, rows: -log_likelihood(state, x[rows]).mean()  # noqa: E731
    return descent(loss, optimiser, start, chosen)
