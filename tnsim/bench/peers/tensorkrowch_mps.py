"""tensorkrowch: its MPSLayer with the workload's tensors, traced once as its documentation says. Uses torches."""

from __future__ import annotations

from typing import Any

import tensorkrowch
import torch

from tnsim.bench.cases import Case, Prepared
from tnsim.bench.peers.common import only, stage
from tnsim.bench.peers.torches import DEVICE, ready, tensors, waited
from tnsim.bench.workloads.chains import middle

NOTE = (
    "models.MPSLayer(tensors=..), auto_stack on and auto_unbind off, trace() once, as its documentation has it; "
    "contracted by its default, pairwise products of stacked matrices."
)


def refuses(case: Case) -> str | None:
    """MPS only."""
    return only(case, "mps")


def cores_of(case: Case, arrays: dict[str, Any]) -> list[Any]:
    """The chain's tensors in order, the class tensor in the middle."""
    cores = [arrays["first"], *arrays["cores"].unbind(0), arrays["last"]]
    return [*cores[: middle(case)], arrays["output"], *cores[middle(case) :]]


def prepare(case: Case) -> Prepared:
    """Build, trace, first call."""
    arrays, seconds = tensors(case), dict[str, float]()
    features = arrays["features"]
    with stage(seconds, "plan"):
        layer = tensorkrowch.models.MPSLayer(tensors=cores_of(case, arrays), out_position=middle(case)).to(DEVICE)
        layer.auto_stack, layer.auto_unbind = True, False
    with torch.no_grad(), stage(seconds, "trace"):
        layer.trace(features[:1])

    def call() -> tuple[Any]:
        with torch.no_grad():
            return waited((layer(features),))

    return ready(case, call, seconds, NOTE)
