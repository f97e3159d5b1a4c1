"""Contenders on PyTorch: threads, device, waiting, gradients, answers. Uses workloads.

    arrays --> tensors (on the GPU where there is one) --forward--> tensors        value-and-grad: cross_entropy, grad
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from tnsim.bench.cases import Case, Prepared
from tnsim.bench.peers.common import GRADIENTS, STATES, stage
from tnsim.bench.workloads import WORKLOADS, training_answer

Arrays = dict[str, Any]
Forward = Callable[[Arrays], tuple[Any, ...]]
DATA = ("features", "labels", "masks")
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if threads := os.environ.get("TNSIM_BENCH_THREADS"):
    torch.set_num_threads(int(threads))


def tensors(case: Case) -> Arrays:
    """The inputs on the device; labels as the 64-bit integers that PyTorch wants."""
    inputs = WORKLOADS[case.workload].inputs(case)
    found = {name: torch.from_numpy(np.ascontiguousarray(array)).to(DEVICE) for name, array in inputs.items()}
    if "labels" in found:
        found["labels"] = found["labels"].long()
    return found


def waited(found: Any) -> Any:
    """The same, once the device is done."""
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    return found


def caller(case: Case, forward: Forward, arrays: Arrays) -> Callable[[], Any]:
    """One call: the forward pass without gradients, or loss and gradients in all banks."""
    if case.workload not in GRADIENTS:

        def evaluate() -> Any:
            with torch.no_grad():
                return waited(forward(arrays))

        return evaluate
    banks = {name: array.requires_grad_() for name, array in arrays.items() if name not in DATA}

    def train() -> Any:
        loss = torch.nn.functional.cross_entropy(forward(arrays)[0], arrays["labels"])
        gradients = torch.autograd.grad(loss, list(banks.values()))
        return waited((loss.detach(), dict(zip(banks, gradients, strict=True))))

    return train


def ready(case: Case, call: Callable[[], Any], seconds: dict[str, float], note: str) -> Prepared:
    """The first call, and what the runner needs."""
    with stage(seconds, "first"):
        call()
    run = (lambda: finished(case, call())) if case.workload in STATES else call
    return Prepared(run, lambda: finished(case, call()), seconds, None, note)


def finished(case: Case, found: Any) -> np.ndarray:
    """The answer from what a call gives."""
    if case.workload in GRADIENTS:
        gradients = {name: gradient.cpu().numpy() for name, gradient in found[1].items()}
        return training_answer(case, found[0].cpu().numpy(), gradients)
    return WORKLOADS[case.workload].answer(case, [tensor.resolve_conj().cpu().numpy() for tensor in found])
