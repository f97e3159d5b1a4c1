"""tensorkrowch: its MPSLayer with the workload's tensors, traced once as its documentation says. Uses torches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorkrowch
import torch

from tnsim.bench.cases import Case, Prepared
from tnsim.bench.peers.common import CHAINS, GRADIENTS, only, stage
from tnsim.bench.peers.torch_batched import quickest
from tnsim.bench.peers.torches import DEVICE, finished, tensors, waited
from tnsim.bench.workloads.chains import middle

NOTE = (
    "models.MPSLayer(tensors=..), auto_stack on and auto_unbind off, trace() once, as its documentation has it. Its "
    "two ways to multiply the matrices of a sample, pairwise in stacks (the default) and inline, both run and the "
    "faster kept; where those of a batch take a gigabyte, inline alone."
)
LARGE = 2**30  # bytes of all matrices of a batch
WAYS = {"pairwise": False, "inline": True}

Layer = Any


def refuses(case: Case) -> str | None:
    """MPS only."""
    return only(case, *CHAINS)


def cores_of(case: Case, arrays: dict[str, Any]) -> list[Any]:
    """The chain's tensors in order, the class tensor in the middle."""
    cores = [arrays["first"], *arrays["cores"].unbind(0), arrays["last"]]
    return [*cores[: middle(case)], arrays["output"], *cores[middle(case) :]]


def traced(case: Case, arrays: dict[str, Any], inline: bool) -> Layer:
    """The layer, its contraction recorded."""
    layer = tensorkrowch.models.MPSLayer(tensors=cores_of(case, arrays), out_position=middle(case)).to(DEVICE)
    layer.auto_stack, layer.auto_unbind = True, False
    layer.trace(arrays["features"][:1], inline_mats=inline)
    return layer


def caller(case: Case, arrays: dict[str, Any], layer: Layer, inline: bool) -> Callable[[], tuple[Any, ...]]:
    """One call: the forward pass without gradients, or with the loss's, which then lie in the layer's parameters."""

    def evaluate() -> tuple[Any]:
        with torch.no_grad():
            return waited((layer(arrays["features"], inline_mats=inline),))

    def train() -> tuple[Any]:
        layer.zero_grad()
        loss = torch.nn.functional.cross_entropy(layer(arrays["features"], inline_mats=inline), arrays["labels"])
        loss.backward()
        return waited((loss.detach(),))

    return train if case.workload in GRADIENTS else evaluate


def gradients(case: Case, layer: Layer) -> dict[str, Any]:
    """By the names of the workload; the ends are padded to matrices, of which the first row or column counts."""
    slopes = [node.grad for node in layer.mats_env]
    output = slopes.pop(middle(case))
    return {"first": slopes[0][0], "cores": torch.stack(slopes[1:-1]), "output": output, "last": slopes[-1][..., 0]}


def prepare(case: Case) -> Prepared:
    """Build and trace, the choice of a way (stage "plan"), the first call."""
    arrays, seconds = tensors(case), dict[str, float]()
    features = arrays["features"]
    large = features.shape[0] * features.shape[1] * case.width**2 * features.element_size() > LARGE
    with stage(seconds, "trace"):
        layers = {way: traced(case, arrays, inline) for way, inline in WAYS.items() if inline or not large}
    calls = {way: caller(case, arrays, layer, WAYS[way]) for way, layer in layers.items()}
    with stage(seconds, "plan"):
        way = quickest(calls) if len(calls) > 1 else "inline"
    call, layer = calls[way], layers[way]
    with stage(seconds, "first"):
        call()

    def answer() -> Any:
        found = call()
        return finished(case, (*found, gradients(case, layer)) if case.workload in GRADIENTS else found)

    return Prepared(call, answer, seconds, None, f"{NOTE} Here: {way}.")
