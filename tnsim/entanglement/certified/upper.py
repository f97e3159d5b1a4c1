"""Upper bounds of an entropy from a part of its spectrum. docs/certified-entropy.md. NumPy only, uses nothing of tnsim.

    p_1  p_2  p_3  ..               true probabilities, unknown; they sum to 1, at most R = exp(log_R) are not zero
    q_1  q_2  q_3  |   m            known: p_k >= q_k, and the mass m = 1 - sum q that is missing

Entropies are in nats; of an unnormalised list it is sum eta, with eta(x) = -x ln x. Rounding is part of every bound:
`slack` bounds by how much the computed list exceeds what is true, sum_k max(q_k - p_k, 0) <= slack, and what m and the
list's sum differ from 1 counts as slack too, so that the true entropy is inside whatever m is.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

EPS = float(np.finfo(np.float64).eps)
MISFIT = 1e-3  # sum q + m further than this from the total is no rounding


class Listed(NamedTuple):
    """A known list made ready: q sorted and clipped at 0, m never less than what is missing, the slack of both."""

    q: Float[np.ndarray, "k"]
    m: float
    slack: float


def listed(q: Float[np.ndarray, "k"], m: float, slack: float) -> Listed:
    """q, m and slack as the bounds use them. Raises ValueError where q and m cannot be a part and the rest of 1."""
    if not 0 <= slack < np.inf:
        raise ValueError(f"slack: wanted a finite number >= 0, found {slack!r}")
    q = np.sort(np.maximum(q, 0.0))[::-1]
    missing = 1 - float(q.sum())
    if not abs(missing - m) <= MISFIT + slack:  # NaN too
        raise ValueError(f"m: wanted 1 - sum(q) = {missing:.6g}, found {m!r}")
    slack += abs(missing - m) + rounding(len(q))
    return Listed(q, max(m, 0.0) + 2 * slack, slack)


def rounding(terms: int) -> float:
    """Relative rounding of a pairwise sum of that many terms, each of a few operations."""
    return EPS * (8 + float(np.log2(terms + 1)))


def eta(x: float | Float[np.ndarray, "*s"]) -> Any:
    """-x ln x, 0 at 0; its sum over a list is the list's entropy in nats, also where it does not sum to 1."""
    return -x * np.log(np.where(x > 0, x, 1.0))


def flat(w: float | Float[np.ndarray, "*s"], log_d: float | Float[np.ndarray, "*s"]) -> Any:
    """Most entropy of weight w on exp(log_d) values: w (log_d - ln w), all of them equal; 0 without weight."""
    return w * (np.where(w > 0, log_d, 0.0) - np.log(np.where(w > 0, w, 1.0)))


def water_filling(q: Float[np.ndarray, "k"], m: float, log_R: float, slack: float = 0.0) -> float:
    """Largest entropy of {p >= q, sum p = 1, at most exp(log_R) entries}, nats; inf where R is and mass is missing.

    The missing mass fills the list up from its lowest values: p_k = max(q_k, level). log_R may be any number, R need
    not fit a float. Where R < len(q) the values beyond R can only be rounding; they go to the missing mass.
    Raises ValueError where q, m and slack do not fit, or log_R < 0.
    """
    known = listed(q, m, slack)
    filled = block(known.q[None], np.ones(1), np.array([log_R]), slack=known.slack)
    return float(filled[0])


def block(
    q: Float[np.ndarray, "n k"],
    total: Float[np.ndarray, "n"],
    log_R: Float[np.ndarray, "n"],
    slack: float = 0.0,
) -> Float[np.ndarray, "n"]:
    """Largest entropy of n positive blocks of trace `total` and at most exp(log_R) eigenvalues: water filling of each.

    q: eigenvalues of projections of the blocks, hence p_k >= q_k; lists padded with zeros. total: at most 1; 1 for a
    normalised density. log_R: ln of the least of what bounds the rank, as min-cut and dimension. slack: of each list,
    as for the module. Raises ValueError for a total above 1 or log_R < 0.
    """
    if not (total <= 1 + MISFIT).all():
        raise ValueError(f"total: wanted traces up to 1, found {total.max()!r}")
    if not (log_R >= 0).all():
        raise ValueError(f"log_R: wanted ln of at least one value, found {log_R.min()!r}")
    q = np.sort(np.maximum(q, 0.0), axis=1)[:, ::-1]
    log_free, q = _free(q, log_R)
    slack += rounding(q.shape[1])
    tail = total[:, None] + slack - np.cumsum(np.pad(q, ((0, 0), (1, 0))), axis=1)
    tail = np.maximum(tail, slack)  # weight that i = 0, 1, .. untouched values leave to the others
    with np.errstate(divide="ignore"):
        log_level = np.log(tail) - log_free
    i = np.argmin(log_level, axis=1)  # any i gives a level that is too high, the true one is the least
    rows = np.arange(len(q))
    above = np.where(np.arange(q.shape[1]) < i[:, None], eta(q), 0.0).sum(axis=1)
    filled = above - tail[rows, i] * log_level[rows, i]
    return filled + 2 * slack + rounding(q.shape[1]) * (filled + 1)


def _free(
    q: Float[np.ndarray, "n k"], log_R: Float[np.ndarray, "n"]
) -> tuple[Float[np.ndarray, "n k1"], Float[np.ndarray, "n k"]]:
    """ln(R - i) for i = 0 .. k untouched values (-inf where no others are allowed), and q up to its R-th value."""
    i = np.arange(q.shape[1] + 1)
    # Up to the next integer where the logarithm of one is meant; from 1e15 on a list changes R by less than rounding.
    R = np.exp(np.minimum(log_R, 34.0))[:, None]
    R = np.floor(R * (1 + 64 * EPS) + 1e-9)
    left = np.maximum(R - i, 0.0)
    with np.errstate(divide="ignore"):
        few = np.log(left)
    return np.where(log_R[:, None] > 34, log_R[:, None], few), np.where(left[:, :-1] > 0, q, 0.0)


def capped(limits: Float[np.ndarray, "k"], w: Float[np.ndarray, "n"], slack: float = 0.0) -> Float[np.ndarray, "n"]:
    """max{sum eta(s) : 0 <= s_k <= limits_k, sum s = w} - eta(w), for each of n weights w up to 1; nats.

    The extra entropy that a block of eigenvalues `limits` can add to a piece of weight w of the state: s = min(limits,
    t), as flat as the limits allow. It rises with w, so a larger, computed w may stand for the true one, and w above
    the sum of the limits for that sum. slack: sum of what the true limits exceed the computed ones.
    """
    slack += rounding(len(limits))
    rising = np.sort(np.maximum(limits, 0.0))
    summed = np.cumsum(np.pad(rising, (1, 0)))
    w = np.clip(w, 0.0, summed[-1])
    count = len(rising)
    # At water level t = rising_i the weight is summed_i + (count - i) rising_i.
    full = np.searchsorted(summed[:-1] + (count - np.arange(count)) * rising, w)
    full = np.minimum(full, max(count - 1, 0))
    entropies = np.cumsum(np.pad(eta(rising), (1, 0)))
    rest = np.maximum(w - summed[full], 0.0)
    level = rest / np.maximum(count - full, 1)
    found = entropies[full] - rest * np.log(np.where(level > 0, level, 1.0)) - eta(w)
    return np.maximum(found, 0.0) + flat(slack, np.log(max(count, 1))) + slack + rounding(count) * (found + 1)
