"""A planned network contracted slice by slice, in one compiled program. Uses plan and execute; used by paths.

    what no sliced index touches: once --> for each number: its slice --> added where the open sliced indices say

Slices add up, so that any share of the numbers is a partial sum: of one device among many, or of one run among many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Int, Num

from tnsim.contract.execute import PLAIN, How, State, advance, fixed
from tnsim.contract.fold import Scaled
from tnsim.contract.plan import Plan, check_plan
from tnsim.contract.program import Program, program
from tnsim.contract.steps import opened_of
from tnsim.network import Network

NOWHERE = -1e30  # the log-scale of a slice that is zero: below all others, and still a number


@partial(jax.jit, static_argnames=("network", "plan"))
def contract_slices(
    network: Network, banks: Mapping[str, Num[Array, "..."]], plan: Plan, numbers: Int[Array, "k"]
) -> Num[Array, "..."]:
    """The sum over these slices of a plan, of 0 .. plan.slices - 1: the tensor over the sites, then the outputs.

    All numbers, each once, give the whole tensor; a number outside the range adds nothing, so that uneven shares can be
    filled up. Pure, and the same program for all shares of one size.

    Raises ValueError where the plan is of another network, or a fold's.
    """
    return jnp.asarray(summed(network, dict(banks), plan, numbers).value)


def summed(
    network: Network, banks: dict[str, Any], plan: Plan, numbers: Int[Array, "k"] | None, how: How = PLAIN
) -> Scaled:
    """The sum over slices (None: all), with its log-scale, which is 0 unless `how` takes scales."""
    check_plan(network, plan)
    todo = program(network, plan.path, plan.sliced)
    dtype = jnp.result_type(*banks.values())
    banks = {name: jnp.asarray(bank, dtype) for name, bank in banks.items()}
    once = fixed(todo)
    state = advance(todo, once, State({}), banks, None, how)
    if todo.last in once:
        value, log_scale = _tensor(todo, state), jnp.asarray(state.log_scale, jnp.abs(jnp.zeros((), dtype)).dtype)
        if numbers is not None:
            value = value * jnp.sum((numbers >= 0) & (numbers < plan.slices)).astype(dtype)
    else:
        every = jnp.arange(plan.slices) if numbers is None else numbers
        value, log_scale = _loop(network, plan, todo, state, banks, every, how)
    return Scaled(diagonals(network, value), log_scale)


def _tensor(todo: Program, state: State) -> Num[Array, "..."]:
    """The last block as a tensor over the open indices that are not sliced, in their order."""
    block = state.blocks[todo.last][0]
    return jnp.transpose(block, [todo.order.index(index) for index in todo.opened])


def _loop(network: Network, plan: Plan, todo: Program, state: State, banks: dict[str, Any], numbers, how: How):
    """Add slice after slice; a scan, so that gradients go through."""
    opened = opened_of(network)
    dims = network.dims
    sizes = [int(dims[index]) for index in plan.sliced]
    rest = frozenset(todo.made) - state.blocks.keys()
    dtype = next(iter(banks.values())).dtype
    real = jnp.abs(jnp.zeros((), dtype)).dtype
    zero = jnp.zeros([int(dims[index]) for index in opened], dtype)

    def one(total: Scaled, number: Int[Array, ""]) -> tuple[Scaled, None]:
        inside = (number >= 0) & (number < plan.slices)
        at = jnp.stack(jnp.unravel_index(jnp.clip(number, 0, plan.slices - 1), sizes))
        done = advance(todo, rest, state, banks, at, how)
        part = Scaled(_tensor(todo, done), jnp.asarray(done.log_scale, real))
        return _add(total, part, _places(opened, plan.sliced, at), inside, how), None

    total, _ = lax.scan(one, Scaled(zero, jnp.asarray(NOWHERE if how.scaled else 0.0, real)), numbers)
    return total


def _places(opened: Sequence[int], sliced: Sequence[int], at: Int[Array, "sliced"]) -> list[Any]:
    """Where a slice starts in the whole tensor; None for an axis that it has whole."""
    return [at[sliced.index(index)] if index in sliced else None for index in opened]


def _add(total: Scaled, part: Scaled, places: list[Any], inside: Bool[Array, ""], how: How) -> Scaled:
    """Total and part over a common scale."""
    value, log_scale = part.value, total.log_scale
    whole = total.value
    if how.scaled:
        own = jnp.where(inside & (jnp.abs(value).max() > 0), part.log_scale, NOWHERE)
        log_scale = jnp.maximum(total.log_scale, own)
        value = value * jnp.exp(own - log_scale).astype(value.dtype)
        whole = whole * jnp.exp(total.log_scale - log_scale).astype(value.dtype)
    value = jnp.where(inside, value, 0)
    if all(place is None for place in places):
        return Scaled(whole + value, log_scale)
    zero = jnp.zeros((), jnp.int32)
    starts = [zero if place is None else place.astype(jnp.int32) for place in places]
    shape = [n if place is None else 1 for n, place in zip(whole.shape, places, strict=True)]
    before = lax.dynamic_slice(whole, starts, shape)
    return Scaled(lax.dynamic_update_slice(whole, before + value.reshape(shape), starts), log_scale)


def diagonals(network: Network, tensor: Num[Array, "..."]) -> Num[Array, "..."]:
    """Give an index that is open more than once an axis for each time, with the numbers on the diagonal."""
    opened = [*network.sites.array.tolist(), *network.outputs]
    fresh = count()
    axis: dict[int, int] = {}
    result, copies = [], []
    for index in opened:
        result.append(next(fresh))
        if axis.setdefault(index, result[-1]) != result[-1]:
            copies.append((axis[index], result[-1]))
    if not copies:
        return tensor
    operands: list[Any] = [tensor, list(axis.values())]
    for first, twin in copies:
        operands += [jnp.eye(int(network.dims[opened[first]]), dtype=tensor.dtype), [first, twin]]
    return jnp.einsum(*operands, result)
