"""Which layout of the carried vectors is fastest: batch first or batch last?

The answer is the layout with the least time at 4096 sites. (sites, r, batch) is what tnsim.contract.scores carries;
(batch, sites, r) is the same network written with the batch first. Width 16, M = 3, batch 64, float32, unshared.
"""

import jax
import jax.numpy as jnp
from measuring import compiled, report, seconds

import tnsim


def batch_first(arch, params, features):
    """Plain floats, no log-scale: what the layout costs alone."""
    x = features
    for level in range(arch.depth):
        y = jnp.einsum("pgc,bpc->bpg", params[f"conv_{level}"], x)
        x = y[:, arch.groups(level)].prod(axis=2)
    return x[:, 0] @ params["output"].T


def batch_last(arch, params, features):
    """The same, batch last."""
    x = features.transpose(1, 2, 0)
    for level in range(arch.depth):
        x = jnp.matmul(params[f"conv_{level}"], x)[arch.groups(level)].prod(axis=1)
    return (params["output"] @ x[0]).T


def row(side: int) -> dict:
    levels = side.bit_length() - 1
    arch = tnsim.ConvAC((side, side), 3, (16,) * levels, (2,) * levels, 10)
    params = arch.init(jax.random.key(0))
    features = jax.random.normal(jax.random.key(1), (64, arch.size, 3))
    times = {"sites": arch.size}
    contenders = {
        "batch first": lambda p, x: batch_first(arch, p, x),
        "batch last": lambda p, x: batch_last(arch, p, x),
        "tnsim (batch last, log-scales)": lambda p, x: arch.apply(p, x),
    }
    for name, function in contenders.items():
        program, _ = compiled(function, params, features)
        times[f"{name}, ms"] = 1e3 * seconds(lambda program=program: program(params, features))
    return times


if __name__ == "__main__":
    report(__doc__.splitlines()[0], [row(side) for side in (8, 16, 32, 64)])
