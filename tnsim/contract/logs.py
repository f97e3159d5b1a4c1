"""Scores of banks whose rows are probabilities, in log space, and draws of the channels they mix. Uses fold, vectors.

    up      u (n, r_in, batch) --[ln sum_c W[g, c] e^u_c]--> (n, r_out, batch) --[sums over windows]--> nodes
    down    the channel g of a position --[c with p(c) ~ W[g, c] e^u_c]--> the channel of all positions below

Sums of logarithms, where other scores multiply: terms of one sign never cancel, and no product leaves float range.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from tnsim import memory as limits
from tnsim.contract.fold import Algebra, fold, sweep
from tnsim.contract.schedule import Schedule, Wave, whole
from tnsim.contract.vectors import bank_rows, windowed
from tnsim.network import Network

__all__ = ["LOGS", "drawn_channels", "log_scores"]

Leaves = Float[Array, "sites M batch"]


def _mixed(logs: Float[Array, "*n r_out r_in"], u: Float[Array, "*m r_in batch"]) -> Float[Array, "*m r_out batch"]:
    """ln sum_c e^(logs[g, c] + u_c); -inf where all terms are zero."""
    peak = lax.stop_gradient(u.max(-2, keepdims=True))
    peak = jnp.where(peak > -jnp.inf, peak, 0)
    return jnp.log(jnp.matmul(jnp.exp(logs), jnp.exp(u - peak), precision=lax.Precision.HIGHEST)) + peak


def _conv(wave: Wave, logs: Float[Array, "copies r_out r_in"], u: Float[Array, "n r_in batch"]):
    return _mixed(bank_rows(wave, logs), u)


LOGS = Algebra(_conv, lambda wave, values: windowed(wave, values).sum(1))


@partial(jax.jit, static_argnames="network")
def log_scores(
    network: Network, logs: Mapping[str, Float[Array, "..."]], leaves: Leaves
) -> Float[Array, "batch classes"]:
    """ln h_y of every sample and class, with ln of banks and of features. Raises MemoryLimitError for large batches."""
    schedule = _in_reach(network, leaves)
    root = fold(LOGS, schedule, logs, leaves)
    return _mixed(logs[schedule.output], root[0]).T


@partial(jax.jit, static_argnames="network")
def drawn_channels(
    network: Network, logs: Mapping[str, Float[Array, "..."]], leaves: Leaves, labels: Int[Array, "batch"],
    key: PRNGKeyArray,
) -> Int[Array, "sites batch"]:  # fmt: skip
    """The feature that each site takes, drawn from the root down by what the leaves say: p(channels | leaves, label).

    Exact: whatever channel a position has, what is below it is independent of all else. Leaves of zero (ln 1) say
    nothing, and the draw is from the network alone. Raises MemoryLimitError for large batches.
    """
    schedule = _in_reach(network, leaves)
    *below, root = sweep(LOGS, schedule, logs, leaves)
    keys = jax.random.split(key, len(below) + 1)
    chosen = jax.random.categorical(keys[0], logs[schedule.output][labels].T + root[0], axis=0)[None]
    for wave, u, one in zip(reversed(schedule.waves), reversed(below), keys[1:], strict=True):
        above = chosen[_nodes(wave)]
        weights = jnp.swapaxes(logs[wave.bank][wave.rows[:, None], above], 1, 2)
        chosen = jax.random.categorical(one, weights + u, axis=1)
    return chosen


def _nodes(wave: Wave) -> Int[np.ndarray, "positions"]:
    """The node above every position."""
    return np.argsort(wave.children.array.ravel()) // wave.children.array.shape[1]


def _in_reach(network: Network, leaves: Leaves) -> Schedule:
    """The schedule, where the values of all waves at once fit into memory."""
    schedule = whole(network)
    numbers = sum(wave.positions * (2 * wave.dim_in + 2 * wave.dim_out) for wave in schedule.waves)
    limits.check(
        float(leaves.dtype.itemsize * numbers * leaves.shape[-1]), None, f"log scores of {leaves.shape[-1]} samples",
        "Ways out: fewer samples at a time.",
    )  # fmt: skip
    return schedule
