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
    "Features site-major before the clock runs; torch.matmul (bmm) with the batch last or first, both run and the "
    "faster kept; the product over a window by slices."
)
CHUNK = 2**27  # bytes of the replicas of many partitions at once


def refuses(case: Case) -> str | None:
    """Trees only."""
    return only(case, *SCORES, *STATES)


def scores_of(case: Case, layout: str) -> Forward:
    """Scores with the batch "last" or "first"."""
    tree = tree_of(case)

    def forward(arrays: Arrays) -> tuple[Any]:
        if layout == "last":
            scores = levels.scores_last(tree, arrays, arrays["features"]).T
        else:
            scores = levels.scores_first(tree, arrays, arrays["features"])
        return (scores[0] if case.workload == "amplitude" else scores,)

    return forward


def arranged(arrays: Arrays, layout: str) -> Arrays:
    """The features site-major, with the batch "last" or "first", before any clock runs."""
    features = arrays["features"]
    single = features if features.ndim == 3 else features[None]
    order = (1, 2, 0) if layout == "last" else (1, 0, 2)
    return arrays | {"features": single.permute(*order).contiguous()}


def scorers(case: Case, arrays: Arrays) -> dict[str, tuple[Forward, Arrays]]:
    """The scores in both layouts, each with its arrays."""
    return {layout: (scores_of(case, layout), arranged(arrays, layout)) for layout in ("last", "first")}


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
    calls = {layout: caller(case, *scorer) for layout, scorer in scorers(case, arrays).items()}
    with stage(seconds, "plan"):
        layout = quickest(calls)
    return ready(case, calls[layout], seconds, f"{NOTE} Batch {layout} here.")
