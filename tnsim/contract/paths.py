"""Any network, loops too, contracted along a plan: the doors. Uses plan and slices; used by contractor.

    network, banks --[plan: path, slices]--> --[program: batched steps]--> tensor over the open indices

One compilation a network, plan and order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Num

from tnsim import memory as limits
from tnsim.contract.execute import How
from tnsim.contract.execution import PRECISIONS
from tnsim.contract.fold import Scaled
from tnsim.contract.plan import WAYS_OUT, Plan, check_plan, plan_path
from tnsim.contract.slices import summed
from tnsim.network import Network


def contract_network(
    network: Network,
    banks: Mapping[str, Any],
    order: Sequence[int] | None = None,
    memory: str | float | None = None,
    plan: Plan | None = None,
    precision: str | None = None,
) -> Num[Array, "..."]:
    """The tensor of a network over its open indices: the sites, then the outputs.

    order: another order of these axes, as their places in (*sites, *outputs). memory: a limit in bytes or a text like
    "8GB" that is kept by slicing; None is half of the free memory. plan: one made before (`tnsim.plan` with a finder,
    or loaded); None looks for a greedy path. precision: of matrix products, "default", "high" or "highest". One
    compilation a network, plan and order; an index that is open twice gives a diagonal, and one with a single end that
    is neither site nor output is summed over, as in an einsum. The result may leave float range:
    `contract_network_scaled` does not.

    Raises MemoryLimitError where no slicing fits the memory, or the plan's peak is above it; ValueError for an order or
    precision that is none, a plan of another network, or banks that lack one of the network's.
    """
    chosen = _planned(network, banks, memory, plan, precision)
    return jnp.asarray(_contract(network, chosen, _places(network, order), How(False, precision), dict(banks)).value)


def contract_network_scaled(
    network: Network,
    banks: Mapping[str, Any],
    order: Sequence[int] | None = None,
    memory: str | float | None = None,
    plan: Plan | None = None,
    precision: str | None = None,
) -> Scaled:
    """The same tensor as value * exp(log_scale), one scale for all of it: it leaves float range for no network.

    Neither that product nor its gradient depends on how the scale is taken. Raises as `contract_network`.
    """
    chosen = _planned(network, banks, memory, plan, precision)
    return _contract(network, chosen, _places(network, order), How(True, precision), dict(banks))


def _places(network: Network, order: Sequence[int] | None) -> tuple[int, ...]:
    ends = len(network.sites) + len(network.outputs)
    places = tuple(range(ends)) if order is None else tuple(order)
    if sorted(places) != list(range(ends)):
        raise ValueError(f"order: wanted each of 0..{ends - 1} once, found {places}")
    return places


def _planned(network: Network, banks: Mapping[str, Any], memory, plan: Plan | None, precision: str | None) -> Plan:
    if precision not in PRECISIONS:
        raise ValueError(f"precision: wanted one of {PRECISIONS}, found {precision!r}")
    itemsize = jnp.result_type(*banks.values()).itemsize
    if plan is None:
        return plan_path(network, memory, itemsize=itemsize)
    check_plan(network, plan)
    limits.check(plan.peak * itemsize, memory, "The contraction as planned", WAYS_OUT)
    return plan


@partial(jax.jit, static_argnames=("network", "plan", "order", "how"))
def _contract(network: Network, plan: Plan, order: tuple[int, ...], how: How, banks: dict[str, Any]) -> Scaled:
    out = summed(network, banks, plan, None, how)
    return Scaled(jnp.transpose(out.value, order), out.log_scale)
