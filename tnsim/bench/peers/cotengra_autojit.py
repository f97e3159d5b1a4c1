"""cotengra with autojit=True: autoray traces and compiles the expression, each tensor an argument. Uses cotengra_jax.

    tensors --[autoray.autojit(backend="jax")]--> result       the first call traces and compiles
"""

from __future__ import annotations

from typing import Any

import cotengra
import jax
import numpy as np

from tnsim.bench.cases import Case, Prepared
from tnsim.bench.peers.common import GENERAL, STATES, only, stage
from tnsim.bench.peers.cotengra_jax import tree_of
from tnsim.bench.peers.jaxes import finished, precision
from tnsim.bench.workloads import WORKLOADS, Einsum, cut

NOTE = (
    "array_contract_expression(autojit=True), called with backend='jax' as documented, paths as in the row "
    "'cotengra': every tensor is an argument of the compiled function. Forward only: gradients are in the row "
    "'cotengra'."
)


def refuses(case: Case) -> str | None:
    """Forward only, and one network a call."""
    if case.workload == "renyi" and case.batch > 1:
        return "maps no compiled expression over partitions; the row 'cotengra' does, by JAX"
    return only(case, "amplitude", "scores", "mps", *GENERAL, *STATES)


def expression_of(einsum: Einsum) -> Any:
    """autojit's expression over cotengra's best tree."""
    return cotengra.array_contract_expression(*einsum.letters, optimize=tree_of(einsum), autojit=True, cache=False)


def split(array: Any, axis: int) -> list[Any]:
    """Slices on the device, made once, ahead of time."""
    return [jax.device_put(part) for part in np.moveaxis(array, axis, 0)]


def prepare(case: Case) -> Prepared:
    """Path, then the first call, which traces and compiles: the stage "compile"."""
    workload, seconds = WORKLOADS[case.workload], dict[str, float]()
    einsums, inputs = workload.einsums(case), workload.inputs(case)
    with precision(case):
        with stage(seconds, "path"):
            made = [expression_of(einsum) for einsum in einsums]
        operands = [[jax.device_put(part) for part in cut(inputs, einsum.operands, split)] for einsum in einsums]

        def call() -> list[Any]:
            with precision(case):
                pairs = zip(made, operands, strict=True)
                return jax.block_until_ready([expression(*parts, backend="jax") for expression, parts in pairs])

        with stage(seconds, "compile"):
            call()

    def run() -> Any:
        return finished(case, call()) if case.workload in STATES else call()

    return Prepared(run, lambda: finished(case, call()), seconds, None, NOTE)
