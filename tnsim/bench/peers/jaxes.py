"""Contenders on JAX: one function of all arrays, traced, compiled and run, each stage apart. Uses workloads.

    tensors, each an argument --[a contraction]--> tensors           value-and-grad: --> loss, gradients
    jax.jit(function) --trace--> --compile--> program --first--> --run-->
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from tnsim.bench.cases import Case, Prepared
from tnsim.bench.peers.common import GRADIENTS, STATES, stage
from tnsim.bench.workloads import WORKLOADS, Einsum, cut, training_answer

Arrays = dict[str, Any]
Forward = Callable[[Arrays], tuple[Any, ...]]
DATA = ("features", "labels", "masks")
CHUNK = 2**28  # bytes of what many partitions at once may make


class Contraction(NamedTuple):
    """An einsum made ready: call(operands) -> tensor, what it costs, what was chosen."""

    call: Callable[[Sequence[Any]], Any]
    multiply_adds: float | None = None
    note: str = ""


def precision(case: Case) -> Any:
    """float64 and complex128 only where a case asks for them."""
    return jax.enable_x64(True) if np.dtype(case.dtype).itemsize >= 8 and case.dtype != "complex64" else nullcontext()


def unbind(array: Any, axis: int) -> list[Any]:
    """All slices along an axis inside a trace, in one operation."""
    return [lax.squeeze(part, (axis,)) for part in lax.split(array, (1,) * array.shape[axis], axis)]


def same(parts: Any, axis: int) -> Any:
    """Of arrays that are lists of slices already."""
    return parts


def sliced(case: Case) -> Arrays:
    """The inputs with every tensor and every site's features an array of its own, on the device ahead of time.

    Compiling thousands of slices of one array takes ten times as long as compiling thousands of arguments.
    """
    inputs = WORKLOADS[case.workload].inputs(case)
    operands = [operand for einsum in WORKLOADS[case.workload].einsums(case) for operand in einsum.operands]
    axes = {operand.name: operand.axis for operand in operands if operand.axis is not None}
    whole = {"bank_0": inputs["conv_0"]} if "leaves" in axes else {}
    return whole | {name: list(np.moveaxis(a, axes[name], 0)) if name in axes else a for name, a in inputs.items()}


def from_einsums(case: Case, contractor: Callable[[Einsum], Contraction], note: str) -> Prepared:
    """A contender that takes einsums; contractor looks for a path, which is the stage of that name."""
    einsums, seconds = WORKLOADS[case.workload].einsums(case), dict[str, float]()
    with precision(case), stage(seconds, "path"):
        made = [contractor(einsum) for einsum in einsums]
    forward = many(case, einsums, made) if case.workload == "renyi" and case.batch > 1 else plain(einsums, made)
    costs = [contraction.multiply_adds for contraction in made]
    cost = None if None in costs else float(sum(costs))  # type: ignore[arg-type]
    found = ready(case, forward, seconds, sliced(case), " ".join([note, *{one.note for one in made}]).strip())
    return found._replace(multiply_adds=cost if case.workload in ("amplitude", "scores") else None)


def plain(einsums: Sequence[Einsum], made: Sequence[Contraction]) -> Forward:
    """Each einsum by its contraction."""

    def forward(arrays: Arrays) -> tuple[Any, ...]:
        pairs = zip(einsums, made, strict=True)
        return tuple(contraction.call(cut(arrays, einsum.operands, same)) for einsum, contraction in pairs)

    return forward


def many(case: Case, einsums: Sequence[Einsum], made: Sequence[Contraction]) -> Forward:
    """Many partitions of one state: leaves from a mask, the same einsum for each, mapped in chunks."""

    def forward(arrays: Arrays) -> tuple[Any, ...]:
        def trace(mask: Any) -> Any:
            low = unbind(leaves(arrays["bank_0"], mask), 0)
            return made[0].call(cut(arrays | {"leaves": low}, einsums[0].operands, same))

        traces = lax.map(trace, arrays["masks"], batch_size=chunk(case))
        return traces, made[1].call(cut(arrays, einsums[1].operands, same))

    return forward


def chunk(case: Case) -> int:
    """How many partitions at once."""
    sites = int(np.prod(case.sites))
    return max(1, min(case.batch, CHUNK // (8 * sites * case.width**4)))


def leaves(bank: Any, mask: Any) -> Any:
    """Four replicas a b c d of the lowest matrices, their sites joined a-d, c-b in A and a-b, c-d in B."""
    gram = bank @ bank.swapaxes(-1, -2)
    joined, turned = (jnp.einsum(legs, gram, gram) for legs in ("nab,ncd->nabcd", "nad,ncb->nabcd"))
    return jnp.where(mask[:, None, None, None, None], turned, joined)


def step(forward: Forward) -> Callable[[Arrays], tuple[Any, Arrays]]:
    """Mean softmax cross entropy of the scores, and its gradient in all banks."""

    def loss(banks: Arrays, rest: Arrays) -> Any:
        (scores,) = forward(banks | rest)
        chosen = jnp.take_along_axis(scores, rest["labels"][:, None], 1)[:, 0]
        return (jax.nn.logsumexp(scores, axis=1) - chosen).mean()

    def both(arrays: Arrays) -> tuple[Any, Arrays]:
        banks = {name: array for name, array in arrays.items() if name not in DATA}
        return jax.value_and_grad(loss)(banks, {name: arrays[name] for name in arrays.keys() - banks.keys()})

    return both


def ready(
    case: Case, forward: Forward, seconds: dict[str, float], inputs: Arrays, note: str,
    renamed: Callable[[Arrays], Arrays] = lambda gradients: gradients,
) -> Prepared:  # fmt: skip
    """Trace, compile and run a function of all arrays, and what the runner needs of it.

    renamed: gradients by the names of the workload.
    """
    with precision(case):
        arrays = jax.device_put(inputs)
        function = jax.jit(step(forward) if case.workload in GRADIENTS else forward)
        with stage(seconds, "trace"):
            lowered = function.lower(arrays)
        with stage(seconds, "compile"):
            program = lowered.compile()
        with stage(seconds, "first"):
            jax.block_until_ready(program(arrays))

    def run() -> Any:
        with precision(case):
            found = jax.block_until_ready(program(arrays))
        return finished(case, found) if case.workload in STATES else found

    def answer() -> np.ndarray:
        found = program(arrays)
        return finished(case, (found[0], renamed(found[1])) if case.workload in GRADIENTS else found)

    return Prepared(run, answer, seconds, None, note)


def finished(case: Case, found: Any) -> np.ndarray:
    """The answer from what a program gives."""
    if case.workload in GRADIENTS:
        return training_answer(case, found[0], {name: np.asarray(slope) for name, slope in found[1].items()})
    return WORKLOADS[case.workload].answer(case, [np.asarray(tensor) for tensor in found])
