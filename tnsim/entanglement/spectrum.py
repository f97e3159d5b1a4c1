"""Schmidt spectra and what follows from them. THEORY section 3. Ground floor: imports nothing of tnsim."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import e, inf, isinf, log

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Normalised Schmidt values of a state across one partition.

    values: descending, NumPy float64, their squares sum to 1. log_norm: ln of the state's norm before
    normalisation. error_bound: on each value, from rounding, to first order.
    """

    values: Float[np.ndarray, "k"]
    log_norm: float
    error_bound: float

    @cached_property
    def probabilities(self) -> Float[np.ndarray, "k"]:
        """p_k = s_k^2; they sum to 1."""
        return self.values**2 / (self.values**2).sum()

    @property
    def tolerance(self) -> float:
        """Below this a normalised value counts as zero: the error bound, and never under 4 eps sqrt(k)."""
        return max(self.error_bound, 4 * np.finfo(np.float64).eps * len(self.values) ** 0.5)

    def rank(self, tol: float | None = None) -> int:
        """Schmidt number: how many normalised values exceed `tol` (default: `tolerance`)."""
        return int((self.values > (self.tolerance if tol is None else tol)).sum())

    def entropy(self, base: float = e) -> float:
        """Entanglement (von Neumann) entropy -sum p ln p; nats, or bits with base=2."""
        return renyi(self.probabilities, 1) / log(base)

    def renyi(self, order: float, base: float = e, tol: float | None = None) -> float:
        """Renyi entropy of an order >= 0 (inf too); nats, or bits with base=2.

        Orders below 1 weigh small values heavily, so that values up to `tol` (default: `tolerance`) are left out.
        """
        kept = self.probabilities
        if order < 1:
            kept = kept[: max(self.rank(tol), 1)]  # a state has a value, however unsure it is
        return renyi(kept, order) / log(base)

    @property
    def geometric(self) -> float:
        """1 - p_1: the squared relative distance to the nearest product state."""
        return float(max(0.0, self.probabilities[1:].sum()))

    @property
    def geometric_distance(self) -> float:
        """sqrt(1 - p_1), at most sqrt(1 - 1/rank); the distance of Cohen & Shashua (1605.06743)."""
        return self.geometric**0.5

    @property
    def effective_rank(self) -> float:
        """exp of the entropy in nats."""
        return float(np.exp(self.entropy()))

    @property
    def entropy_error(self) -> float:
        """Bound on the entropy's error in nats, from `error_bound` by Fannes and Audenaert: T ln(k - 1) + h(T)."""
        k = len(self.values)
        T = min(self.error_bound * float(self.values.sum()) + 0.5 * k * self.error_bound**2, 1 - 1 / k)
        return float(T * log(max(k - 1, 1)) + renyi(np.array([T, 1 - T]), 1))

    def __repr__(self) -> str:
        return (
            f"Spectrum({len(self.values)} values, rank {self.rank()} at {self.tolerance:.1e}, "
            f"entropy {self.entropy():.6g} +- {self.entropy_error:.1g} nats)"
        )


def renyi(p: Float[np.ndarray, "k"], order: float) -> float:
    """Renyi entropy ln(sum p^n) / (1 - n) of normalised p, in nats; order 1 is its limit -sum p ln p.

    Order 0 is ln of the number of non-zero p, order inf is -ln p_1. Raises ValueError for a negative order or NaN.
    """
    if not order >= 0:
        raise ValueError(f"order: wanted a number >= 0, found {order!r}")
    p = p[p > 0]
    if order == 0:
        return log(len(p))
    if isinf(order):
        return _zero_sign(-log(p.max()))
    if abs(order - 1) < 1e-9:
        return _zero_sign(float(-(p * np.log(p)).sum()))
    top = p.max()  # taken out, so that p^n neither underflows at large orders nor overflows at small ones
    return _zero_sign((order * log(top) + log(((p / top) ** order).sum())) / (1 - order))


def _zero_sign(entropy: float) -> float:
    """An entropy is never negative: rounding below zero is zero."""
    return max(entropy, 0.0) if entropy < inf else entropy
