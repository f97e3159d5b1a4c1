"""tnsim by its public calls: apply under jax.jit, the measures of a state, plans of general networks, the contractor.

    trees, chains: arch.apply    norm, renyi, spectrum: arch.state(..)    others: from_einsum and contract_network
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tnsim.bench.cases import Case, Prepared
from tnsim.bench.peers import tnsim_chains
from tnsim.bench.peers.common import CHAINS, SCORES, STATES, batch_last, stage
from tnsim.bench.peers.jaxes import Arrays, Forward, finished, ready
from tnsim.bench.peers.tensornetwork_nodes import graph_of
from tnsim.bench.workloads import WORKLOADS, Einsum, cut
from tnsim.bench.workloads.states import padded
from tnsim.bench.workloads.trees import CLASSES, tree_of
from tnsim.contract.contractor import contractor
from tnsim.contract.execution import Execution
from tnsim.contract.paths import contract_network
from tnsim.contract.plan import plan
from tnsim.interop.einsum import from_einsum
from tnsim.models import ConvAC

NOTE = "Public calls; scores and gradients under one jax.jit with their scales, the features with the batch last."
BATCH_LAST = Execution(layout="batch-last")


def refuses(case: Case) -> str | None:
    """Nothing."""
    return None


def architecture(case: Case, classes: int = CLASSES) -> ConvAC:
    """The ConvAC of a tree's case."""
    depth = tree_of(case).depth
    return ConvAC(case.sites, case.features, (case.width,) * depth, (2,) * depth, classes, sharing=case.sharing)


def scores_of(case: Case) -> Forward:
    """value * exp(log_scale) of `apply`."""
    arch = architecture(case)

    def forward(arrays: Arrays) -> tuple[Any]:
        banks = {name: arrays[name] for name in arch.network.bank_shapes}
        found = arch.apply(banks, arrays["features"], execution=BATCH_LAST)
        scores = found.value * jnp.exp(found.log_scale)[:, None]
        return (scores[0] if case.workload == "amplitude" else scores,)

    return forward


def measured(case: Case) -> Prepared:
    """Norm, Renyi-2 or spectrum of a state, each call from its weights."""
    inputs, seconds = WORKLOADS[case.workload].inputs(case), dict[str, float]()
    masks = inputs.pop("masks", np.zeros((0, 0), bool))  # of renyi only
    with stage(seconds, "plan"):
        state = architecture(case, classes=1).state(inputs, 0)

    def run() -> np.ndarray:
        if case.workload == "norm":
            return 2 * np.asarray(state.norm().log_scale).reshape(1)
        if case.workload == "renyi":
            return np.asarray(state.renyi_many(masks))
        return padded(case, np.asarray(state.schmidt("left-right").probabilities))

    with stage(seconds, "first"):
        run()
    return Prepared(run, run, seconds, None, NOTE)


def moved(einsum: Einsum) -> list[tuple[int, ...]] | None:
    """The given path in the order in which the network has the tensors: by shape."""
    if einsum.path is None:
        return None
    shapes = list(dict.fromkeys(einsum.shapes))
    order = sorted(range(len(einsum.terms)), key=lambda place: shapes.index(einsum.shapes[place]))
    theirs, ours, found = list(range(len(order))), order, []
    for step, places in enumerate(einsum.path):
        taken = [theirs.pop(place) for place in sorted(places, reverse=True)]
        found.append(tuple(sorted(ours.index(number) for number in taken)))
        ours = [number for number in ours if number not in taken] + [len(order) + step]
        theirs.append(len(order) + step)
    return found


def general(case: Case) -> Prepared:
    """Any network: read into its banks, planned, then contracted by one jitted function of the banks."""
    workload, seconds = WORKLOADS[case.workload], dict[str, float]()
    (einsum,) = workload.einsums(case)
    inputs = workload.inputs(case)
    operands = cut(inputs, einsum.operands, lambda array, axis: list(np.moveaxis(array, axis, 0)))
    with stage(seconds, "plan"):
        network, banks = from_einsum(einsum.terms, *operands, output=einsum.output)
        made = plan(network, finder=moved(einsum) or "greedy")
    return ready(case, lambda arrays: (contract_network(network, arrays, plan=made),), seconds, dict(banks), NOTE)


def eager(case: Case) -> Prepared:
    """tnsim.contractor without jit on one graph of TensorNetwork's own nodes."""
    graph, seconds = graph_of(case), dict[str, float]()

    def run() -> Any:
        return jax.block_until_ready(contractor(graph).tensor)

    with stage(seconds, "first"):
        run()
    return Prepared(run, lambda: finished(case, [run()]), seconds, None, NOTE)


def prepare(case: Case) -> Prepared:
    """Make ready by the call that a user would write."""
    if case.workload == "graph":
        return eager(case)
    if case.workload in STATES:
        return measured(case)
    if case.workload in SCORES:
        return ready(case, scores_of(case), {}, batch_last(WORKLOADS[case.workload].inputs(case)), NOTE)
    return tnsim_chains.prepare(case) if case.workload in CHAINS else general(case)
