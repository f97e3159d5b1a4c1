"""What does recomputing levels in the backward pass cost in time, and save in memory?

The answer is the ratio of a training step's time, and of what it needs beside inputs and outputs (XLA's own figure),
with levels kept, levels recomputed (remat=True), and pieces recomputed whole (blocks="auto", remat="auto", which is
one piece below 16 MB a level). Width 16, M = 16, batch 64, float32, unshared binary trees.
"""

from typing import Any

import jax
import jax.numpy as jnp
from measuring import compiled, report, seconds

import tnsim
from tnsim import Execution

WAYS = {
    "kept": Execution(blocks=1, remat=False),
    "levels recomputed": Execution(blocks=1, remat=True),
    "pieces recomputed": Execution(),
}


def row(sites: int, way: str) -> dict[str, Any]:
    depth = sites.bit_length() - 1
    arch = tnsim.ConvAC(sites, 16, (16,) * depth, (2,) * depth, 10)
    params, x = arch.init(jax.random.key(0)), jax.random.normal(jax.random.key(1), (64, sites, 16)) / 4

    def loss(banks):
        value, log_scale = arch.apply(banks, x, execution=WAYS[way])
        return jnp.mean(log_scale) + jnp.mean(value**2)

    program, compiling = compiled(jax.value_and_grad(loss), params)
    return {
        "sites": sites,
        "levels": way,
        "ms": 1e3 * seconds(lambda: program(params)),
        "temporary MB": program.memory_analysis().temp_size_in_bytes / 1e6,
        "compile s": compiling,
    }


if __name__ == "__main__":
    report(__doc__.splitlines()[0], [row(sites, way) for sites in (1024, 4096) for way in WAYS])
