"""PyTorch by hand: a module of whole banks, one batched matmul and one product a level, eager. Uses levels, torches."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
import torch

from tnsim.bench.cases import Case, Prepared
from tnsim.bench.peers import levels
from tnsim.bench.peers.common import SCORES, STATES, only, stage
from tnsim.bench.peers.torches import Arrays, Forward, caller, ready, tensors
from tnsim.bench.workloads.trees import tree_of

NOTE = (
    "Site-major; torch.matmul (bmm) with the batch last or first, both run and the faster kept; the product over "
    "a window by slices."
)
CHUNK = 2**27  # bytes of the replicas of many partitions at once


def refuses(case: Case) -> str | None:
    """Trees only."""
    return only(case, *SCORES, *STATES)


def scores_of(case: Case, layout: str) -> Forward:
    """Scores with the batch "last" or "first"."""
    tree = tree_of(case)

    def forward(arrays: Arrays) -> tuple[Any]:
        features = arrays["features"]
        batched = features if features.ndim == 3 else features[None]
        if layout == "last":
            scores = levels.scores_last(tree, arrays, batched.permute(1, 2, 0).contiguous()).T
        else:
            scores = levels.scores_first(tree, arrays, batched.transpose(0, 1).contiguous())
        return (scores if features.ndim == 3 else scores[0],)

    return forward


def state_of(case: Case) -> Forward:
    """Norm, spectrum or Renyi-2."""
    tree, measure = tree_of(case), levels.forward_of(case.workload)
    if measure is not None:
        return lambda arrays: measure(tree, arrays)
    rows = max(1, min(case.batch, CHUNK // (8 * int(np.prod(case.sites)) * case.width**4)))

    def renyi(arrays: Arrays) -> tuple[Any, ...]:
        gram = arrays["conv_0"] @ arrays["conv_0"].swapaxes(-1, -2)
        joined, turned = (torch.einsum(legs, gram, gram) for legs in ("nab,ncd->nabcd", "nad,ncb->nabcd"))

        def trace(mask: Any) -> Any:
            return levels.trace(tree, arrays, torch.where(mask[:, None, None, None, None], turned, joined))

        return torch.vmap(trace, chunk_size=rows)(arrays["masks"]), *levels.norm(tree, arrays)

    return renyi


def quickest(calls: dict[str, Callable[[], Any]]) -> str:
    """The name of the call that is fastest, of three each after one to warm up."""
    times = {}
    for name, call in calls.items():
        call()
        began = perf_counter()
        for _ in range(3):
            call()
        times[name] = perf_counter() - began
    return min(times, key=lambda name: times[name])


def prepare(case: Case) -> Prepared:
    """For scores the choice of a layout (stage "plan"), then the first call."""
    arrays, seconds = tensors(case), dict[str, float]()
    if case.workload in STATES:
        return ready(case, caller(case, state_of(case), arrays), seconds, NOTE)
    calls = {layout: caller(case, scores_of(case, layout), arrays) for layout in ("last", "first")}
    with stage(seconds, "plan"):
        layout = quickest(calls)
    return ready(case, calls[layout], seconds, f"{NOTE} Batch {layout} here.")
