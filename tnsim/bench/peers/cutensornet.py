"""NVIDIA cuTensorNet through cuquantum's Network, operands in PyTorch on the GPU. Uses torches.

    operands --[Network: path, then autotuned plan]--> contract() -- run again on the same operands
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from cuquantum import tensornet

from tnsim.bench.cases import Case, Prepared
from tnsim.bench.peers.common import GRADIENTS, eager_only, stage
from tnsim.bench.peers.torches import DEVICE, ready, tensors, waited
from tnsim.bench.workloads import WORKLOADS, Einsum, cut

NOTE = "tensornet.Network in the interleaved format, its own path search unless one is given, autotune once."


def refuses(case: Case) -> str | None:
    """Forward contractions on an NVIDIA GPU."""
    if DEVICE != "cuda":
        return "needs an NVIDIA GPU"
    if case.workload in GRADIENTS:
        return "the plan is for forward contractions here"
    if case.workload == "renyi" and case.batch > 1:
        return "wires one partition at a time"
    return eager_only(case)


def network_of(einsum: Einsum, operands: Sequence[Any], seconds: dict[str, float]) -> Any:
    """A planned network."""
    parts = [part for pair in zip(operands, einsum.terms, strict=True) for part in (pair[0], list(pair[1]))]
    network = tensornet.Network(*parts, list(einsum.output))
    with stage(seconds, "path"):
        network.contract_path({"path": list(einsum.path)} if einsum.path is not None else None)
    with stage(seconds, "plan"):
        network.autotune(iterations=3)
    return network


def prepare(case: Case) -> Prepared:
    """Path, autotuned plan, first call."""
    arrays, seconds = tensors(case), dict[str, float]()
    split = lambda array, axis: [part.contiguous() for part in array.unbind(axis)]  # noqa: E731
    einsums = WORKLOADS[case.workload].einsums(case)
    made = [network_of(einsum, cut(arrays, einsum.operands, split), seconds) for einsum in einsums]

    def call() -> tuple[Any, ...]:
        with torch.no_grad():
            return waited(tuple(network.contract() for network in made))

    return ready(case, call, seconds, NOTE)
