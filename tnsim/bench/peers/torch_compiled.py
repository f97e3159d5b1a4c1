"""The level-batched PyTorch functions under torch.compile (inductor). Uses torch_batched."""

from __future__ import annotations

import torch

from tnsim.bench.cases import Case, Prepared
from tnsim.bench.peers.common import SCORES, STATES, only, stage
from tnsim.bench.peers.torch_batched import quickest, scorers, state_of
from tnsim.bench.peers.torches import caller, ready, tensors

NOTE = (
    "torch.compile(dynamic=False) of the function of 'torch-batched', in the layout that is faster eagerly; "
    "default mode."
)


def refuses(case: Case) -> str | None:
    """Trees, without the map over partitions, which does not compile."""
    return "torch.vmap in chunks does not compile" if case.workload == "renyi" else only(case, *SCORES, *STATES)


def prepare(case: Case) -> Prepared:
    """The choice of a layout, then compile and first call together in the stage "compile"."""
    torch._dynamo.reset()
    arrays, seconds = tensors(case), dict[str, float]()
    with stage(seconds, "plan"):
        if case.workload in STATES:
            forward = state_of(case)
        else:
            options = scorers(case, arrays)
            calls = {name: caller(case, *option) for name, option in options.items()}
            forward, arrays = options[quickest(calls)]
    call = caller(case, torch.compile(forward, dynamic=False), arrays)
    with stage(seconds, "compile"):
        call()
    return ready(case, call, seconds, NOTE)
