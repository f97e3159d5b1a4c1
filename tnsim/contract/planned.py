"""Scores of any network along a path, sample by sample at once. Uses plan and slices; used by engines.

    network + a vector at every site --[path]--> steps, each one batched operation over samples --> scores

For networks with loops, which no sweep of vectors contracts: a scale for every sample and step.
"""

from __future__ import annotations

from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Num

from tnsim.contract.execute import How
from tnsim.contract.execution import DEFAULT, Execution
from tnsim.contract.fold import rescale
from tnsim.contract.footprint import parts_of
from tnsim.contract.plan import Plan, plan_path
from tnsim.contract.scores import Scores, in_parts
from tnsim.contract.slices import summed
from tnsim.network import Network, Stack, Table, build

FEATURES = "features"  # the bank of the vectors at the sites


@lru_cache(maxsize=128)
def closed(network: Network) -> Network:
    """The network with a vector at every site, of a bank "features"; open are the outputs alone.

    Raises ValueError where the sites differ in dimension, or a bank has that name.
    """
    sites = network.sites.array
    dims = np.unique(network.dims[sites])
    if len(dims) != 1 or FEATURES in network.bank_shapes:
        raise ValueError(f"network: wanted sites of one dimension and no bank {FEATURES!r}, found {dims.tolist()}")
    count = len(sites)
    vectors = Stack(FEATURES, count, (int(dims[0]),), Table(np.arange(count)), Table(sites[:, None]))
    return build(network.indices, (*network.stacks, vectors), np.empty(0, np.int32), network.outputs)


@partial(jax.jit, static_argnames=("network", "execution"))
def planned_scores(
    network: Network, banks: dict[str, Num[Array, "..."]], features: Num[Array, "..."], execution: Execution = DEFAULT
) -> Scores:
    """h_y(x) for every sample and class, (batch, 1) without a class leg, along a greedy path.

    With execution.memory, samples are taken in parts, each sample's path sliced to fit. Raises MemoryLimitError where
    no slicing does, ValueError for an execution with `compute` or `accumulate`.
    """
    if execution.compute or execution.accumulate:
        raise ValueError(f"execution: wanted no compute or accumulate for a network with loops, found {execution}")
    features = features.astype(jnp.result_type(features, *banks.values()))
    axis, itemsize = (2 if execution.layout == "batch-last" else 0), features.dtype.itemsize
    whole = closed(network)
    memory = None if execution.memory == "free" else execution.memory
    plan = plan_path(whole, memory, itemsize=itemsize)
    parts = parts_of(features.shape[axis], lambda part: itemsize * part * plan.peak, execution)
    one = partial(_scores, whole, plan, banks, execution=execution)
    return one(features) if parts == 1 else in_parts(one, features, axis, parts)


def _scores(whole: Network, plan: Plan, banks, features: Num[Array, "..."], execution: Execution) -> Scores:
    samples = jnp.moveaxis(features, 2, 0) if execution.layout == "batch-last" else features
    how = How(True, execution.precision)
    found = jax.vmap(lambda sample: summed(whole, {**banks, FEATURES: sample}, plan, None, how))(samples)
    value = found.value.reshape(len(samples), -1)
    peaked = rescale(found._replace(value=value), (-1,))
    return Scores(jnp.asarray(peaked.value), jnp.asarray(peaked.log_scale))
