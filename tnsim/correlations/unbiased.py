"""Renyi-2 of what a sample was drawn from, by sums over distinct samples. NumPy only; used by population.

    Tr rho^2 = N / Z,   N = sum' v_i v_j v_k v_l b_ij a_jk b_kl a_li,   Z = sum' v_i v_j v_k v_l g_ij g_kl

sum' runs over four *different* samples; a, b: Gram matrices of the sides, g = a o b. Repeated samples are what makes a
sample's own purity too small, by about e^S / m: without them N and Z are unbiased (Hoeffding 1948). Both are taken by
inclusion and exclusion over the 15 ways in which four indices can coincide, with one product of matrices, X = b v a.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from tnsim.entanglement.intervals import Finding

__all__ = ["Sums", "purity_finding", "sums"]


class Sums(NamedTuple):
    """N and Z with their first index fixed at each sample; all four places are alike, so that N and Z are the sums."""

    above: Float[np.ndarray, "m"]
    below: Float[np.ndarray, "m"]


def sums(a: Float[np.ndarray, "m m"], b: Float[np.ndarray, "m m"], v: Float[np.ndarray, "m"]) -> Sums:
    """N and Z by sample. a, b: symmetric, their diagonals 1."""
    g, v2 = a * b, v**2
    h, squares = g @ v, float(v2.sum())
    H, through, pairs = float(v @ h), g @ (v2 * h), g**2 @ v2
    triples = 3 * v**3 * h + v * (g @ v**3)
    above = _cycles(a, b, v) - v2 * h**2 - v * through + v2 * ((a**2 + b**2) @ v2 + pairs) + 2 * triples - 6 * v2**2
    below = v * h * (H - squares) - v2 * H - 2 * v2 * h**2 - 2 * v * through
    return Sums(above, below + v2 * (squares + 2 * pairs) + 2 * triples - 6 * v2**2)


def _cycles(
    a: Float[np.ndarray, "m m"], b: Float[np.ndarray, "m m"], v: Float[np.ndarray, "m"]
) -> Float[np.ndarray, "m"]:
    """Four indices free, less the four ways in which two neighbours are one sample."""
    X = (b * v) @ a
    free = v * ((X * v * X.T).sum(axis=1))
    own = v**2 * ((a * v * X.T).sum(axis=1) + (X * v * b).sum(axis=1))
    others = v * ((X * v**2 * a).sum(axis=1) + (b * v**2 * X.T).sum(axis=1))
    return free - own - others


def purity_finding(parts: Sequence[Sums]) -> Finding | None:
    """S_2 = ln(Z / N) of blocks of samples, sums added up, with the jackknife that leaves out one sample at a time.

    None where a sum that must be positive is not: too few samples.
    """
    above, below = (np.concatenate(part) for part in zip(*parts, strict=True))
    N, Z, m = above.sum(), below.sum(), len(above)
    fewer = [(part.sum() - 4 * part).ravel() for part in (above, below)]
    if min(N, Z, fewer[0].min(), fewer[1].min()) <= 0:
        return None
    value = log(Z / N)
    left_out = np.log(fewer[1] / fewer[0])
    shift = (m - 1) * (value - float(left_out.mean()))
    influences = (m - 1) * (left_out.mean() - left_out)
    return Finding(max(value + shift, value / 2, 0.0), shift, abs(shift), 0.5, influences, np.zeros(2))
