"""What contracts the planned layers of a network: NumPy, or JAX in float64 where there is an accelerator. Uses closed.

    numpy: step by step, nothing is compiled      jax: one program for all steps and what rounding did, a batch at once

On CPUs a program takes seconds to compile that NumPy does not need, so that it is JAX's turn there only when asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Num

from tnsim.banks import AnyArray
from tnsim.contract.grouped import Step
from tnsim.entanglement.certified.placement import accelerated
from tnsim.entanglement.networks import closed
from tnsim.entanglement.networks.closed import Executor, Named, Sum

EXECUTORS = ("numpy", "jax")
LONG = 2000  # steps: a program of more takes minutes to compile


def check(executor: str | None) -> None:
    """Raises ValueError for another than EXECUTORS and None."""
    if executor is not None and executor not in EXECUTORS:
        raise ValueError(f"executor: wanted one of {EXECUTORS}, or None for what the device suits, found {executor!r}")


def chosen(executor: str | None, steps: int) -> str:
    """What was asked for; of None, JAX on an accelerator for programs that are not too long."""
    if executor is not None:
        return executor
    return "jax" if accelerated() and steps <= LONG else "numpy"


def of(name: str) -> Executor:
    """The executor of a name."""
    return _by_jax if name == "jax" else closed.number


def _by_jax(given: Sequence[Named], steps: Sequence[Step], fresh: float | None) -> Sum:
    """`closed.number` compiled, in float64 whatever the surroundings; arrays of NumPy in and out."""
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        axes, values = tuple(tensor.axes for tensor in given), [jnp.asarray(tensor.value) for tensor in given]
        return Sum(*map(np.asarray, _program(axes, tuple(steps), fresh, values)))


@partial(jax.jit, static_argnums=(0, 1, 2))
def _program(
    axes: tuple[tuple[int, ...], ...], steps: tuple[Step, ...], fresh: float | None, values: list[Num[AnyArray, "..."]]
) -> Sum:  # fmt: skip
    return closed.number([Named(*one) for one in zip(axes, values, strict=True)], steps, fresh)
