"""Ground states of any tree by gradient: every core at once, down the energy. Uses energies, canonical.descent.

`dmrg.ground_state` is faster by far; this takes optimisers of one's own, and its steps may be part of others.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Float

from tnsim.canonical.descent import descent
from tnsim.canonical.orthogonal import orthogonalised
from tnsim.canonical.state import TreeState, concrete
from tnsim.physics.energies import energy
from tnsim.physics.hamiltonian import Hamiltonian
from tnsim.physics.operators import check_dims


def descended(
    H: Hamiltonian, start: TreeState, steps: int = 1000, rate: float = 3e-2,
    optimiser: optax.GradientTransformation | None = None,
) -> tuple[TreeState, Float[np.ndarray, "steps"]]:  # fmt: skip
    """(the state after so many steps, the energy before each), in float64 and compiled once.

    optimiser: of optax; None: Adam, its rate falling from `rate` to 0 along a cosine. Bonds stay as wide as they are.
    Raises ValueError for steps < 1, other sites than H's, and a state that is zero.
    """
    if steps < 1:
        raise ValueError(f"steps: wanted at least 1, found {steps}")
    check_dims(H, start)
    if optimiser is None:
        optimiser = optax.adam(optax.cosine_decay_schedule(rate, steps))
    kind = np.result_type(*(core.dtype for core in start.cores), np.float64 if H.real else np.complex128)
    begin = orthogonalised(concrete(start, "descended"), start.centre or 0)
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        cores = tuple(jnp.asarray(core, kind) for core in begin.cores)
        cores, energies = _walk(H, optimiser, steps, begin.with_cores(cores))
        found = begin.with_cores(tuple(np.asarray(core) for core in cores))
        return orthogonalised(found, begin.centre or 0), np.asarray(energies)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _walk(H: Hamiltonian, optimiser: optax.GradientTransformation, steps: int, start: TreeState):
    return descent(lambda state, _: energy(H, state), optimiser, start, jnp.arange(steps))
