"""Renyi entropies inside a loss: differentiable under jit, in float64 within float32. THEORY section 8. Uses renyi.

    loss = cross_entropy + weight * renyi_entropy(arch.network, params, label, measure, mask)

The value and its gradient are computed together, in float64, whatever the precision around them; what the gradient is
multiplied with on its way back cannot bring it down to float32 before it is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Num

from tnsim.banks import AnyArray, Banks
from tnsim.contract.schedule import whole
from tnsim.entanglement.measure import SiteMeasure
from tnsim.entanglement.renyi import integer_order, log_trace
from tnsim.network import Network


def renyi_entropy(
    network: Network, banks: Banks, label: int | Int[AnyArray, "*labels"], measure: SiteMeasure,
    mask: Bool[AnyArray, "sites"], order: float = 2,
) -> Float[Array, ""]:  # fmt: skip
    """S_n in nats of class `label`, n a whole number >= 2, in the banks' precision; reverse mode gives its gradient.

    label: one, or a vector of several, whose mean is taken: one fold serves them all. banks may be tracers, the mask
    too: one compilation serves all partitions, and vmap takes many. There is no interval, and no refusal: `renyi` has
    both. The value is not finite for a state that is zero. Complex gradients by JAX's convention: dS = Re sum of
    gradient * step. Raises ValueError for another order.
    """
    grams = measure.grams[measure.kind]
    labels = jnp.atleast_1d(jnp.asarray(label))
    return _entropy(network, integer_order(order), dict(banks), labels, _Held(grams), jnp.asarray(mask))


class _Held:
    """A constant of float64 that no trace in single precision rounds: compared by identity, so it is static."""

    def __init__(self, array: Num[np.ndarray, "..."]) -> None:
        self.array = array


@partial(jax.custom_vjp, nondiff_argnums=(0, 1, 4))
def _entropy(network: Network, order: int, banks, labels, grams: _Held, mask) -> Float[Array, ""]:
    return _forward(network, order, banks, labels, grams, mask)[0]


def _forward(network: Network, order: int, banks, labels, grams: _Held, mask):
    """The entropy, and as what is kept of it its gradient."""
    output = whole(network).output

    def entropy(wide: Mapping[str, Num[Array, "..."]]) -> Float[Array, ""]:
        of = lambda vector: [log_trace(network, wide, vector, grams.array, mask, n) for n in (1, order)]  # noqa: E731
        one, traces = jax.vmap(of)(wide[output][labels])  # the fold below knows no vector: it is done once
        return ((order * one - traces) / (order - 1)).mean()

    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        wide = {name: bank.astype(jnp.result_type(bank.dtype, jnp.float64)) for name, bank in banks.items()}
        value, gradient = jax.value_and_grad(entropy)(wide)
        real = jnp.finfo(banks[output].dtype).dtype
        return value.astype(real), {name: gradient[name].astype(bank.dtype) for name, bank in banks.items()}


def _backward(network: Network, order: int, grams: _Held, gradient, cotangent):
    return {name: part * cotangent.astype(part.dtype) for name, part in gradient.items()}, None, None


_entropy.defvjp(_forward, _backward)
