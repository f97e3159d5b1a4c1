"""tnsim's MPS on the workload's chain, whose class leg stands between two sites: scores, and gradients. Uses jaxes.

    --[core]--[output]--     -->     --[label]--        label = core output, made inside: it is r x M x classes x r
        |         |                   |     |
      site      class               site  class
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from tnsim.bench.cases import Case, Prepared
from tnsim.bench.peers.common import batch_last, stage
from tnsim.bench.peers.jaxes import Arrays, Forward, ready
from tnsim.bench.workloads import WORKLOADS
from tnsim.bench.workloads.chains import CLASSES, length, middle
from tnsim.contract.execution import Execution
from tnsim.models import MPS

NOTE = "tnsim.MPS(..).apply under one jax.jit with its scales, the features with the batch last."
BATCH_LAST = Execution(layout="batch-last")


def before(case: Case) -> int:
    """Which of the cores stands just before the class."""
    return middle(case) - 2


def arranged(case: Case) -> Arrays:
    """The inputs as the banks of an MPS: the core before the class leg apart from the others."""
    inputs = batch_last(WORKLOADS[case.workload].inputs(case))
    cores, place = inputs["cores"], before(case)
    return inputs | {"cores": np.delete(cores, place, axis=0), "core": cores[place]}


def gathered(case: Case, gradients: Arrays) -> Arrays:
    """Gradients by the names of the workload."""
    whole = np.insert(np.asarray(gradients["cores"]), before(case), np.asarray(gradients["core"]), axis=0)
    return {name: gradients[name] for name in ("first", "output", "last")} | {"cores": whole}


def scores_of(case: Case) -> Forward:
    """value * exp(log_scale) of `apply`."""
    arch = MPS(length(case), case.features, case.width, classes=CLASSES, label=middle(case) - 1)

    def forward(arrays: Arrays) -> tuple[Any]:
        label = jnp.einsum("lmr,ryk->ylmk", arrays["core"], arrays["output"])
        banks = {"first": arrays["first"], "cores": arrays["cores"], "label": label, "last": arrays["last"]}
        found = arch.apply(banks, arrays["features"], execution=BATCH_LAST)
        return (found.value * jnp.exp(found.log_scale)[:, None],)

    return forward


def prepare(case: Case) -> Prepared:
    """Trace, compile, first run."""
    seconds = dict[str, float]()
    with stage(seconds, "plan"):
        forward = scores_of(case)
    return ready(case, forward, seconds, arranged(case), NOTE, partial(gathered, case))
