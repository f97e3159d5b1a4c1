"""TensorNetwork by its contractors.greedy: vmapped over samples under jax.jit; eagerly on one graph for `graph`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import tensornetwork as tn

from tnsim.bench.cases import Case, Prepared
from tnsim.bench.peers.common import GENERAL, SCORES, only, stage
from tnsim.bench.peers.jaxes import Arrays, Contraction, Forward, finished, from_einsums, ready, same, sliced
from tnsim.bench.peers.tensornetwork_nodes import Nodes, graph_of, nodes_of
from tnsim.bench.workloads import WORKLOADS, Einsum, cut

NOTE = (
    "tn.Node and tn.CopyNode on backend 'jax', contractors.greedy, vmap over samples, one jax.jit with every "
    "tensor an argument. Its contractors make copy tensors dense and go node by node; the other contractors make "
    "them dense too."
)
DENSE = 2**28  # numbers in all dense copy tensors


def refuses(case: Case) -> str | None:
    """Trees whose dense copy tensors fit, closed graphs with plain edges, and the graph itself."""
    if why := only(case, *SCORES, "graph", "regular", "peps"):
        return why
    if case.workload in GENERAL:
        return None
    (einsum,) = WORKLOADS[case.workload].einsums(case)
    dense = dense_copies(einsum)
    return None if dense <= DENSE else f"makes copy tensors dense: {dense:.1e} numbers"


def dense_copies(einsum: Einsum) -> float:
    """Numbers in all copy tensors once they are dense; the batch, which is mapped, is none."""
    counts = dict.fromkeys(einsum.sizes, 0)
    for term in einsum.terms:
        for index in term:
            counts[index] += 1
    outside = {einsum.output[0]} if len(einsum.output) == 2 else set()
    return sum(float(einsum.sizes[i]) ** n for i, n in counts.items() if n > 2 and i not in outside)


def of_one_sample(einsum: Einsum) -> Einsum:
    """Without the batch index."""
    batch = einsum.output[0] if len(einsum.output) == 2 else None
    terms = tuple(tuple(index for index in term if index != batch) for term in einsum.terms)
    sizes = {index: size for index, size in einsum.sizes.items() if index != batch}
    operands = tuple(o._replace(axis=0) if o.name == "features" else o for o in einsum.operands)
    return Einsum(terms, einsum.output[-1:], sizes, operands)


def mapped(case: Case, contract: Callable[[Nodes], Any]) -> Forward:
    """Scores of all samples: one graph, vmapped over the features."""
    (einsum,) = WORKLOADS[case.workload].einsums(case)
    single = of_one_sample(einsum)

    def forward(arrays: Arrays) -> tuple[Any]:
        def one(vectors: Sequence[Any]) -> Any:
            operands = cut(arrays | {"features": vectors}, single.operands, same)
            return contract(nodes_of(single, operands))

        vectors = arrays["features"]  # of every site, one sample's or a batch
        return (one(vectors) if vectors[0].ndim == 1 else jax.vmap(one)(vectors),)

    return forward


def along(einsum: Einsum) -> Contraction:
    """A given path by tn.contract_between and outer products."""

    def call(operands: Sequence[Any]) -> Any:
        left = list(nodes_of(einsum, operands).nodes)
        for places in einsum.path or ():
            taken = [left.pop(place) for place in sorted(places, reverse=True)]
            left.append(tn.contract_between(*taken, allow_outer_product=True))
        return left[0].tensor

    return Contraction(call)


def _greedy(graph: Nodes) -> Any:
    return tn.contractors.greedy(graph.nodes).tensor


def eager(case: Case) -> Prepared:
    """contractors.greedy called eagerly on one graph; each call a replica, since it consumes what it gets."""
    graph, seconds = graph_of(case), dict[str, float]()

    def run() -> Any:
        return jax.block_until_ready(tn.contractors.greedy(tn.replicate_nodes(graph)).tensor)

    with stage(seconds, "first"):
        run()
    return Prepared(run, lambda: finished(case, [run()]), seconds, None, NOTE + " Replicas are made within a call.")


def prepare(case: Case) -> Prepared:
    """Trace (which looks for the path too), compile, first run."""
    if case.workload == "graph":
        return eager(case)
    if case.workload in GENERAL:
        return from_einsums(case, along, NOTE)
    return ready(case, mapped(case, _greedy), {}, sliced(case), NOTE)
