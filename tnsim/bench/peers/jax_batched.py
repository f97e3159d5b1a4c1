"""Level-batched JAX as an expert writes it by hand for one tree: site-major, batch last, no scales. Uses levels."""

from __future__ import annotations

from typing import Any

from jax import lax

from tnsim.bench.cases import Case, Prepared
from tnsim.bench.peers import levels
from tnsim.bench.peers.common import SCORES, STATES, batch_last, only
from tnsim.bench.peers.jaxes import Arrays, Forward, chunk, leaves, ready
from tnsim.bench.workloads import WORKLOADS
from tnsim.bench.workloads.trees import tree_of

NOTE = (
    "One matmul and one product a level over whole banks, the batch last: batch first is several times slower on "
    "CPUs. Renyi: lax.map over chunks of masks."
)


def refuses(case: Case) -> str | None:
    """Trees only."""
    return only(case, *SCORES, *STATES)


def forward_of(case: Case) -> Forward:
    """The function of all arrays."""
    tree, measure = tree_of(case), levels.forward_of(case.workload)

    def scores(arrays: Arrays) -> tuple[Any]:
        found = levels.scores_last(tree, arrays, arrays["features"]).T
        return (found[0] if case.workload == "amplitude" else found,)

    def renyi(arrays: Arrays) -> tuple[Any, ...]:
        def trace(mask: Any) -> Any:
            return levels.trace(tree, arrays, leaves(arrays["conv_0"], mask))

        return lax.map(trace, arrays["masks"], batch_size=chunk(case)), *levels.norm(tree, arrays)

    if measure is not None:
        return lambda arrays: measure(tree, arrays)
    return renyi if case.workload == "renyi" else scores


def prepare(case: Case) -> Prepared:
    """Trace, compile, first run."""
    inputs = WORKLOADS[case.workload].inputs(case)
    return ready(case, forward_of(case), {}, batch_last(inputs) if case.workload in SCORES else inputs, NOTE)
