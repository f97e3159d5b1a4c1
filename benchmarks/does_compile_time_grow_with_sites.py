"""Does the time to trace and compile a gradient grow with the number of sites?

The answer is no if 4096 sites take at most twice the time of 256 (they have two more levels), and under 5 s on two
cores. Steady state is shown apart. Width 16, M = 3, batch 64, float32, unshared, 2x2 windows.
"""

import jax
import jax.numpy as jnp
from measuring import compiled, report, seconds

import tnsim


def row(side: int) -> dict:
    levels = side.bit_length() - 1
    arch = tnsim.ConvAC((side, side), 3, (16,) * levels, (2,) * levels, 10)
    params = arch.init(jax.random.key(0))
    features = jax.random.normal(jax.random.key(1), (64, arch.size, 3))

    def mean_log_score(params, features):
        scores = arch.apply(params, features)
        return jnp.mean(jnp.log(jnp.abs(scores.value)).mean(axis=1) + scores.log_scale)

    forward, forward_compile = compiled(lambda p, x: arch.apply(p, x), params, features)
    gradient, gradient_compile = compiled(jax.value_and_grad(mean_log_score), params, features)
    return {
        "sites": arch.size,
        "scores: compile s": forward_compile,
        "run ms": 1e3 * seconds(lambda: forward(params, features)),
        "value and grad: compile s": gradient_compile,
        "grad run ms": 1e3 * seconds(lambda: gradient(params, features), runs=15),
    }


if __name__ == "__main__":
    row(4)  # the first compilation of a process pays for starting the compiler
    report(__doc__.splitlines()[0], [row(side) for side in (8, 16, 32, 64)])
