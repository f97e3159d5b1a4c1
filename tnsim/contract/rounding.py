"""How far rounding can move a score, before anything is run. Uses execution and schedule.

A score is a sum of products, one number of every bank row on the way; each product meets a fixed number of roundings,
the same for all. So |computed - exact| <= gamma * score of (|weights|, |features|): the factor is known beforehand.
"""

from __future__ import annotations

from math import expm1, log1p

import jax.numpy as jnp

from tnsim.contract.execution import DEFAULT, Execution
from tnsim.contract.schedule import whole
from tnsim.network import Network


def bound(network: Network, execution: Execution = DEFAULT, dtype=jnp.float32) -> float:
    """gamma: |computed - exact h_y| <= gamma * h_y(|banks|, |features|), short of over- and underflow.

    Roundings along one product of the score: of a matrix, its two operands (u of `compute`), the product and r_in - 1
    sums (u of the dtype; "compensated": one u and r_in^2 u^2); of a window, w - 1 products. Scales are powers of two
    and round nothing ("always": a division each). precision must be "highest" where the device rounds operands.
    Complex products round four times as often. Pessimistic: errors cancel, and what is seen grows as the root of
    their number.
    """
    u = float(jnp.finfo(dtype).eps) / 2
    rounded = float(jnp.finfo(jnp.bfloat16).eps) / 2 if execution.compute == "bfloat16" else 0.0
    real = not jnp.issubdtype(dtype, jnp.complexfloating)
    schedule, logs = whole(network), 0.0
    dims = [(wave.positions, wave.dim_in, wave.nodes) for wave in schedule.waves]
    dims.append((1, network.stacks[-1].shape[1], 1))
    for positions, width, nodes in dims:
        sums = u + (width * u) ** 2 if execution.accumulate == "compensated" else (width if real else 4 * width) * u
        factors = 2 * u if execution.rescale == "always" else 0.0
        pooled = (positions - nodes) * (u if real else 4 * u)
        logs += positions * (2 * log1p(rounded) + log1p(sums) + log1p(factors)) + log1p(u) * pooled / u
    return expm1(logs)
