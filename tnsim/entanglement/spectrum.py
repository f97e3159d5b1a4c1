"""Schmidt spectra and what follows from them. THEORY section 3. Ground floor: imports nothing of tnsim.

Values are NumPy's wherever they are known. What is traced stays in JAX: numbers are then arrays without axes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import e, inf, isinf, log
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float


@jax.tree_util.register_pytree_node_class
@dataclass(frozen=True, eq=False)
class Spectrum:
    """Normalised Schmidt values of a state across one partition.

    values: descending, NumPy float64, their squares sum to 1. log_norm: ln of the state's norm before
    normalisation. error_bound: on each value, from rounding, to first order. A pytree of these three, so that a
    compiled function may return it.
    """

    values: Float[Array | np.ndarray, "k"]
    log_norm: Any
    error_bound: Any

    def tree_flatten(self) -> tuple[tuple[Any, ...], None]:
        """For JAX: (values, log_norm, error_bound) and nothing static."""
        return (self.values, self.log_norm, self.error_bound), None

    @classmethod
    def tree_unflatten(cls, _: None, parts: tuple[Any, ...]) -> Spectrum:
        """For JAX, which puts more than arrays there: nothing is checked."""
        found = object.__new__(cls)
        found.__dict__.update(zip(("values", "log_norm", "error_bound"), parts, strict=True))
        return found

    @property
    def _xp(self):
        return np if isinstance(self.values, np.ndarray) else jnp

    @cached_property
    def probabilities(self) -> Float[Array | np.ndarray, "k"]:
        """p_k = s_k^2; they sum to 1."""
        return self.values**2 / (self.values**2).sum()

    @property
    def tolerance(self) -> Any:
        """Below this a normalised value counts as zero: the error bound, and never under 4 eps sqrt(k)."""
        least = 4 * float(np.finfo(self.values.dtype).eps) * len(self.values) ** 0.5
        return _number(self._xp.maximum(self.error_bound, least))

    def rank(self, tol: float | None = None) -> Any:
        """Schmidt number: how many normalised values exceed `tol` (default: `tolerance`)."""
        return _number((self.values > (self.tolerance if tol is None else tol)).sum())

    def entropy(self, base: float = e) -> Any:
        """Entanglement (von Neumann) entropy -sum p ln p; nats, or bits with base=2."""
        return renyi(self.probabilities, 1) / log(base)

    def renyi(self, order: float, base: float = e, tol: float | None = None) -> Any:
        """Renyi entropy of an order >= 0 (inf too); nats, or bits with base=2.

        Orders below 1 weigh small values heavily, so that values up to `tol` (default: `tolerance`) are left out.
        """
        kept = self.probabilities
        if order < 1:
            last = self._xp.maximum(self.rank(tol), 1)  # a state has a value, however unsure it is
            kept = self._xp.where(np.arange(len(kept)) < last, kept, 0)
        return renyi(kept, order) / log(base)

    @property
    def geometric(self) -> Any:
        """1 - p_1: the squared relative distance to the nearest product state."""
        return _number(self.probabilities[1:].sum())

    @property
    def geometric_distance(self) -> Any:
        """sqrt(1 - p_1), at most sqrt(1 - 1/rank); the distance of Cohen & Shashua (1605.06743)."""
        return self.geometric**0.5

    @property
    def effective_rank(self) -> Any:
        """exp of the entropy in nats."""
        return _number(self._xp.exp(self.entropy()))

    @property
    def entropy_error(self) -> Any:
        """Bound on the entropy's error in nats, from `error_bound` by Fannes and Audenaert: T ln(k - 1) + h(T)."""
        k, xp = len(self.values), self._xp
        T = xp.minimum(self.error_bound * self.values.sum() + 0.5 * k * self.error_bound**2, 1 - 1 / k)
        return _number(T * log(max(k - 1, 1)) + renyi(xp.stack([T, 1 - T]), 1))

    def __repr__(self) -> str:
        if isinstance(self.values, jax.core.Tracer):
            return "Spectrum(traced)"
        return (
            f"Spectrum({len(self.values)} values, rank {self.rank()} at {self.tolerance:.1e}, "
            f"entropy {self.entropy():.6g} +- {self.entropy_error:.1g} nats)"
        )


def renyi(p: Float[Array | np.ndarray, "k"], order: float) -> Any:
    """Renyi entropy ln(sum p^n) / (1 - n) of normalised p, in nats; order 1 is its limit -sum p ln p.

    Order 0 is ln of the number of non-zero p, order inf is -ln p_1; of a p of JAX it is traced, order being static.
    Raises ValueError for a negative order or NaN.
    """
    if not order >= 0:
        raise ValueError(f"order: wanted a number >= 0, found {order!r}")
    if not isinstance(p, np.ndarray):
        return jnp.maximum(_traced_renyi(p, order), 0)  # never below zero, as of NumPy
    p = p[p > 0]
    if order == 0:
        return log(len(p))
    if isinf(order):
        return _zero_sign(-log(p.max()))
    if abs(order - 1) < 1e-9:
        return _zero_sign(float(-(p * np.log(p)).sum()))
    top = p.max()  # taken out, so that p^n neither underflows at large orders nor overflows at small ones
    return _zero_sign((order * log(top) + log(((p / top) ** order).sum())) / (1 - order))


def _traced_renyi(p: Float[Array, "k"], order: float) -> Float[Array, ""]:
    """The same where no shape may depend on numbers: zeros stay, and add nothing to the value or its gradient."""
    there = p > 0
    safe = jnp.where(there, p, 1)
    if order == 0:
        return jnp.log(there.sum().astype(p.dtype))
    if isinf(order):
        return -jnp.log(p.max())
    if abs(order - 1) < 1e-9:
        return -(p * jnp.log(safe)).sum()
    top = lax.stop_gradient(p.max())  # a constant: neither value nor gradient depends on it
    powers = jnp.where(there, (safe / top) ** order, 0)
    return (order * jnp.log(top) + jnp.log(powers.sum())) / (1 - order)


def _number(x: Any) -> Any:
    """A number of Python where it is known; what is traced stays so."""
    return x if isinstance(x, jax.core.Tracer) else x.item()


def _zero_sign(entropy: float) -> float:
    """An entropy is never negative: rounding below zero is zero."""
    return max(entropy, 0.0) if entropy < inf else entropy
