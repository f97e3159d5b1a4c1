"""Scores of layers whose windows share what they read, by their own recursion. Uses schedule, scores.

    features --[conv at every place of every window]--[product over the window]-- .. --[output]-- scores

Where windows read a position twice, scores are no longer multilinear in a site's features: at basis states, and there
alone, they are the contraction of the network whose hidden tensors are repeated for each window.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Num

from tnsim import banks as bank_checks
from tnsim.banks import AnyArray, Banks
from tnsim.contract.execution import Execution
from tnsim.contract.schedule import Reads, reading
from tnsim.contract.scores import Scores, closed, unscaled
from tnsim.contract.vectors import folded
from tnsim.network import Network

ALWAYS = Execution(rescale="always")  # a gather below every wave is the plain fold's business


def read_scores(
    levels: Sequence[tuple], network: Network, banks: Banks, features: Num[AnyArray, "batch sites M"]
) -> Scores:
    """h_y(x) for every sample and class; a scale at every product. levels: from the sites up, as `Reads`; the last
    level's windows, all together, go to the bank "output". Raises ValueError where banks or features do not fit.

    Source: Sharir & Shashua 2017 (1703.02065), section 3.
    """
    bank_checks.check(network, banks)
    bank_checks.check_features(network, features)
    return _scores(tuple(Reads(*level) for level in levels), dict(banks), features)


@partial(jax.jit, static_argnames="levels")
def _scores(levels: tuple[Reads, ...], banks: dict[str, Num[Array, "..."]], features: Num[Array, "..."]) -> Scores:
    features = features.astype(jnp.result_type(features, *banks.values()))
    schedule = reading(levels, features.shape[1], "output")
    root = folded(schedule, banks, unscaled(jnp.transpose(features, (1, 2, 0))), ALWAYS)
    return closed(banks["output"], root, ALWAYS)
