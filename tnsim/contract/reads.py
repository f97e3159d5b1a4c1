"""Scores of layers whose windows share what they read, by their own recursion. Uses schedule, scores.

    features --[conv at every place of every window]--[product over the window]-- .. --[output]-- scores

Where windows read a position twice, scores are no longer multilinear in a site's features: at basis states, and there
alone, they are the contraction of the network whose hidden tensors are repeated for each window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Num

from tnsim import banks as bank_checks
from tnsim.banks import AnyArray, Banks
from tnsim.contract.execution import DEFAULT, Execution
from tnsim.contract.footprint import SCALES, parts_of
from tnsim.contract.schedule import Reads, Schedule, reading
from tnsim.contract.scores import Scores, closed, in_parts, unscaled
from tnsim.contract.vectors import folded
from tnsim.network import Network


def read_scores(
    levels: Sequence[tuple],
    network: Network,
    banks: Banks,
    features: Num[AnyArray, "..."],
    engine: str = "tnsim",
    memory: str | float | None = None,
    execution: Execution = DEFAULT,
) -> Scores:
    """h_y(x) for every sample and class; a scale at every product. levels: from the sites up, as `Reads`; the last
    level's windows, all together, go to the bank "output". memory, execution: as of `Execution`, no mesh and no blocks.

    Raises ValueError where banks or features do not fit, for another engine, a mesh or blocks; MemoryLimitError where
    one sample is above the memory. Source: Sharir & Shashua 2017 (1703.02065), section 3.
    """
    if engine != "tnsim":
        raise ValueError(
            f"engine: wanted 'tnsim', found {engine!r}: windows read a site twice, so that scores are a contraction "
            "of the network at basis states alone; to_tensornetwork and to_einsum give that network"
        )
    if execution.mesh is not None or execution.blocks not in ("auto", 1):
        raise ValueError(
            f"execution: wanted neither mesh nor blocks, as windows that share what they read are no subtrees to deal "
            f"out, found mesh={execution.mesh}, blocks={execution.blocks!r}"
        )
    bank_checks.check(network, banks)
    bank_checks.check_features(network, features, execution.layout == "batch-last")
    execution = execution if memory is None else replace(execution, memory=memory)
    return _scores(tuple(Reads(*level) for level in levels), dict(banks), features, execution)


@partial(jax.jit, static_argnames=("levels", "execution"))
def _scores(
    levels: tuple[Reads, ...], banks: dict[str, Num[Array, "..."]], features: Num[Array, "..."], execution: Execution
) -> Scores:
    features = features.astype(jnp.result_type(features, *banks.values()))
    axis = 2 if execution.layout == "batch-last" else 0
    batch, itemsize = features.shape[axis], features.dtype.itemsize
    schedule = reading(levels, features.shape[1 if axis == 0 else 0], "output")
    fixed = features.size + sum(bank.size for bank in banks.values())
    parts = parts_of(batch, lambda part: itemsize * (fixed + part * _held(schedule)), execution)
    one = partial(_of_one_part, schedule, banks, execution)
    return one(features) if parts == 1 else in_parts(one, features, axis, parts)


def _held(schedule: Schedule) -> int:
    """Numbers held at once for each sample: what a wave reads, makes, scales and pools."""
    return max(w.positions * (w.dim_in + 2 * w.dim_out + SCALES) + w.nodes * w.dim_out for w in schedule.waves)


def _of_one_part(
    schedule: Schedule, banks: Mapping[str, Any], execution: Execution, features: Num[Array, "..."]
) -> Scores:
    leaves = features if execution.layout == "batch-last" else jnp.transpose(features, (1, 2, 0))
    always = replace(execution, rescale="always")  # a gather below every wave is the plain fold's business
    return closed(banks["output"], folded(schedule, banks, unscaled(leaves), always), execution)
