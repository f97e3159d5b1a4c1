"""Recurrent arithmetic circuits: what they keep of a sequence's start until its end. Over finite_field.

    h^l_t = (W_hid^l h^l_{t-1}) * (W_in^l h^{l-1}_t),   h^0_t = x_t,   output W_out h^L_T        (* elementwise)

The start-end separation rank is the rank of the matrix (x_1 .. x_{T/2} | x_{T/2+1} .. x_T), weights shared over time.
Levine, Sharir, Ziv, Shashua 2017, "On the long-term memory of deep recurrent networks" (arXiv 1710.09431).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, prod
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from tnsim.bounds.relatives.finite_field import PRIME, draw, matmul, rank
from tnsim.memory import check

__all__ = [
    "StartEnd", "lower_bound", "memory_curve", "ring_rank", "shallow_rank", "start_end_rank", "upper_bound",
]  # fmt: skip


class StartEnd(NamedTuple):
    """One circuit: its exact generic rank between the bounds."""

    length: int
    features: int
    width: int
    layers: int
    lower: int
    rank: int
    upper: int


def shallow_rank(length: int, features: int, width: int) -> int:
    """min(R, M^(T/2)): the start-end rank of almost all circuits of one layer, and no circuit of one layer has more.

    Source: Levine et al. 2017 (1710.09431), Theorem 1, first part.
    """
    _check(length, features, width, 1)
    return min(width, features ** (length // 2))


def lower_bound(length: int, features: int, width: int) -> int:
    """C(min(M, R) + T/2 - 1, T/2): almost all circuits of two layers have at least this start-end rank.

    Source: Levine et al. 2017 (1710.09431), Theorem 1, second part.
    """
    _check(length, features, width, 2)
    return comb(min(features, width) + length // 2 - 1, length // 2)


def upper_bound(length: int, features: int, width: int, layers: int) -> int:
    """No circuit has a higher start-end rank: the least of three counts. Ours; of one layer it is `shallow_rank`.

    M^(T/2), sequences of the start. The monomials in the states in the middle: the output is homogeneous in each
    h^l_{T/2}, of degree C(T/2 + L - l - 1, L - l), as later steps of a layer above read it again and again; weights are
    shared over time, so these copies are of one vector, and the end sees only C(R + degree - 1, degree) monomials a
    layer. And what the end's symbols become: s steps before the last W_in^1 x_t enters in degree C(s + L - 1, L - 1).
    """
    _check(length, features, width, layers)
    half = length // 2
    states = [comb(half + below - 1, below) for below in range(layers)]
    symbols = [comb(steps + layers - 1, layers - 1) for steps in range(half)]
    middle = prod(comb(width + degree - 1, degree) for degree in states)
    return min(middle, prod(min(features, comb(width + degree - 1, degree)) for degree in symbols))


def start_end_rank(length: int, features: int, width: int, layers: int, seed: int = 0) -> int:
    """Start-end separation rank of a circuit with random weights and initial states mod a prime: that of almost all.

    Exact: elimination of the whole M^(T/2) x M^(T/2) matrix over sequences of M symbols (a symbol is a row of W_in, so
    any M linearly independent inputs will do). Source: Levine et al. 2017 (1710.09431), section 3.

    Raises ValueError for an odd or non-positive length, MemoryLimitError where the matrix is too large.
    """
    _check(length, features, width, layers)
    half = length // 2
    check(8 * (3 * width + 2) * features**length, None, "the start-end matrix", "Take a shorter sequence.")
    rng = np.random.default_rng(seed)
    weights = [
        (draw(rng, width, features if layer == 0 else width), draw(rng, width, width)) for layer in range(layers)
    ]
    out = draw(rng, 1, width)
    states = [draw(rng, 1, 1, width) for _ in range(layers)]  # axes: starts, ends, channels
    symbols = np.stack(np.meshgrid(*[np.arange(features)] * half, indexing="ij"), axis=-1).reshape(-1, half)
    for t in range(half):
        states = _step(weights, states, symbols[:, None, t])
    for t in range(half):
        states = _step(weights, states, symbols[None, :, t])
    return rank(matmul(out, states[-1])[..., 0])


def _step(weights: list, states: list, symbols: Int[np.ndarray, "starts ends"]) -> list:
    """The states of all layers after one more symbol."""
    after: list = []
    for layer, ((into, hidden), state) in enumerate(zip(weights, states, strict=True)):
        driven = into.T[symbols] if layer == 0 else matmul(into, after[-1])
        after.append(matmul(hidden, state) * driven % PRIME)
    return after


def ring_rank(sites: int, features: int, bond: int, seed: int = 0) -> int:
    """Odd | even rank of a ring of one tensor, Tr(B[d_1] .. B[d_N]), for almost all tensors; exact, over GF(p).

    Repeating one tensor costs rank: under min-cuts of 4, 8, 16 (d = bond = 2, N = 4, 6, 8) it is 3, 6, 12. THEORY
    section 5. Raises ValueError for an odd or non-positive number of sites.
    """
    _check(sites, features, bond, 1, "sites")
    check(8 * 2 * bond * features**sites, None, "the ring's tensor", "Take fewer sites.")
    tensor = draw(np.random.default_rng(seed), features, bond, bond)
    paths = np.eye(bond, dtype=np.int64)[None]  # axes: configurations so far, left bond, right bond
    for _ in range(sites):
        paths = np.stack([matmul(matrix.T, paths) for matrix in tensor], axis=1).reshape(-1, bond, bond)
    traces = np.trace(paths, axis1=1, axis2=2) % PRIME
    dense = traces.reshape((features,) * sites)
    return rank(np.transpose(dense, (*range(0, sites, 2), *range(1, sites, 2))).reshape(features ** (sites // 2), -1))


def memory_curve(lengths: Sequence[int], features: int, width: int, layers: int) -> list[StartEnd]:
    """Exact ranks between their bounds along the length of the sequence: the data of a figure.

    lower: `shallow_rank` for one layer, else the paper's bound of two layers (more layers have no less).
    """
    rows = []
    for length in lengths:
        lower = (shallow_rank if layers == 1 else lower_bound)(length, features, width)
        found = start_end_rank(length, features, width, layers)
        upper = upper_bound(length, features, width, layers)
        rows.append(StartEnd(length, features, width, layers, lower, found, upper))
    return rows


def _check(length: int, features: int, width: int, layers: int, name: str = "length") -> None:
    if length < 2 or length % 2:
        raise ValueError(f"{name}: wanted a positive even number, found {length}")
    for word, number in (("features", features), ("width", width), ("layers", layers)):
        if number < 1:
            raise ValueError(f"{word}: wanted a positive integer, found {number}")
