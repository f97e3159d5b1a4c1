"""PyTorch along opt_einsum's path: torch.einsum step by step, eager. Uses torches and opt_einsum_jax's paths."""

from __future__ import annotations

import opt_einsum

from tnsim.bench.cases import Case, Prepared
from tnsim.bench.peers.common import eager_only, stage
from tnsim.bench.peers.opt_einsum_jax import path_of, words
from tnsim.bench.peers.torches import Arrays, caller, ready, tensors
from tnsim.bench.workloads import WORKLOADS, cut

NOTE = (
    "opt_einsum.contract_expression with backend='torch', path 'greedy', copy tensors and the batch as "
    "hyperedges. One torch.einsum of the whole network takes no more than 52 letters."
)


def refuses(case: Case) -> str | None:
    """All but a graph of nodes, and many partitions at once."""
    if case.workload == "renyi" and case.batch > 1:
        return "wires one partition at a time; 'torch-batched' maps over many"
    return eager_only(case)


def prepare(case: Case) -> Prepared:
    """Path, first call."""
    einsums, seconds = WORKLOADS[case.workload].einsums(case), dict[str, float]()
    with stage(seconds, "path"):
        made = [opt_einsum.contract_expression(words(e), *e.shapes, optimize=path_of(e)) for e in einsums]

    def forward(arrays: Arrays) -> tuple:
        pairs = zip(einsums, made, strict=True)
        return tuple(
            call(*cut(arrays, einsum.operands, lambda array, axis: array.unbind(axis)), backend="torch")
            for einsum, call in pairs
        )

    return ready(case, caller(case, forward, tensors(case)), seconds, NOTE)
