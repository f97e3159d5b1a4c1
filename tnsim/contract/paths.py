"""Any network, loops too, contracted pair by pair along a planned path. Uses network and memory; used by plan.

    tensors --[step: two tensors, one einsum]--> .. --[last step]--> tensor over the open indices

A hyperedge is one index of as many tensors as it joins, summed when the last of them is met. Cost convention of this
package: scalar multiply-adds, the product of all dimensions in a step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from itertools import count
from math import prod
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import opt_einsum
from jax import lax
from jaxtyping import Array, Num

from tnsim import memory as limits
from tnsim.network import Network


class Step(NamedTuple):
    """Contract the operands at `places` (taken out in that order) and append the result.

    cost: scalar multiply-adds; size: numbers in the result.
    """

    places: tuple[int, ...]
    equation: str
    cost: int
    size: int


class Path(NamedTuple):
    """All steps, what they cost together, and the largest tensor that they read or make."""

    steps: tuple[Step, ...]
    cost: int
    largest: int


@lru_cache(maxsize=256)
def path_of(network: Network) -> Path:
    """The path that opt_einsum's greedy search finds over the hyperedges. The same network gives the same path."""
    terms = [tensor.legs for tensor in network.tensors()]
    opened = tuple(dict.fromkeys([*network.sites.array.tolist(), *network.outputs]))
    dims = dict(enumerate(network.dims.tolist()))
    order = opt_einsum.paths.greedy([frozenset(term) for term in terms], frozenset(opened), dims)
    steps = tuple(_steps(terms, opened, dims, order))
    largest = max([prod(dims[i] for i in term) for term in terms] + [step.size for step in steps])
    return Path(steps, sum(step.cost for step in steps), largest)


def _steps(terms: Sequence[tuple[int, ...]], opened: tuple[int, ...], dims: Mapping[int, int], order):
    """The einsum of every step; an index stays while another tensor or the outside has it."""
    left = list(terms)
    uses = Counter([index for term in terms for index in set(term)] + list(opened))
    for places in order:
        places = tuple(sorted(places, reverse=True))
        taken = [left.pop(place) for place in places]
        uses.subtract(index for term in taken for index in set(term))
        involved = list(dict.fromkeys(index for term in taken for index in term))
        kept = tuple(index for index in involved if uses[index] > 0) if left else opened
        uses.update(kept)
        left.append(kept)
        cost = prod(dims[index] for index in involved) * max(1, len(places) - 1)
        yield Step(places, _equation(taken, kept), cost, prod(dims[index] for index in kept))


def _equation(terms: Sequence[Sequence[int]], kept: Sequence[int]) -> str:
    symbol = {index: opt_einsum.get_symbol(i) for i, index in enumerate(dict.fromkeys(i for t in terms for i in t))}
    words = ["".join(symbol[index] for index in term) for term in (*terms, kept)]
    return ",".join(words[:-1]) + "->" + words[-1]


def contract_network(
    network: Network, banks: Mapping[str, Any], order: Sequence[int] | None = None, memory: str | float | None = None
) -> Num[Array, "..."]:
    """The tensor of a network over its open indices: the sites, then the outputs.

    order: another order of these axes, as their places in (*sites, *outputs). One compilation a network and order; an
    index that is open twice gives a diagonal. The result may leave float range where `apply` does not.

    Raises MemoryLimitError where the largest intermediate is above `memory`, ValueError for an order that is none.
    """
    ends = len(network.sites) + len(network.outputs)
    places = tuple(range(ends)) if order is None else tuple(order)
    if sorted(places) != list(range(ends)):
        raise ValueError(f"order: wanted each of 0..{ends - 1} once, found {places}")
    itemsize = jnp.result_type(*banks.values()).itemsize
    check(path_of(network).largest * itemsize, memory)
    return _contract(network, places, dict(banks))


def check(needed: float, memory: str | float | None) -> None:
    """Refuse a path whose largest intermediate needs more bytes than `memory`. Raises MemoryLimitError."""
    ways_out = "Close more of the open indices, lower the dimensions, or raise memory."
    limits.check(needed, memory, "The largest intermediate tensor of the contraction path", ways_out)


@partial(jax.jit, static_argnames=("network", "order"))
def _contract(network: Network, order: tuple[int, ...], banks: dict[str, Any]) -> Num[Array, "..."]:
    operands = _operands(network, banks)
    for step in path_of(network).steps:
        taken = [operands.pop(place) for place in step.places]
        operands.append(jnp.einsum(step.equation, *taken))
    return jnp.transpose(_diagonals(network, operands[0]), order)


def _operands(network: Network, banks: Mapping[str, Any]) -> list[Num[Array, "..."]]:
    """Every tensor, cut from its bank: one operation a bank, where thousands of indexings cost tens of seconds."""
    operands: list[Any] = []
    dtype = jnp.result_type(*banks.values())
    for stack in network.stacks:
        bank = jnp.asarray(banks[stack.bank], dtype)
        rows = lax.split(bank.reshape(-1, *stack.shape), (1,) * max(stack.copies, 1))
        rows = [lax.squeeze(row, (0,)) for row in rows]
        operands += [rows[slot] for slot in stack.slots.array.tolist()]
    return operands


def _diagonals(network: Network, tensor: Num[Array, "..."]) -> Num[Array, "..."]:
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
    eyes = [jnp.eye(network.dims[opened[first]], dtype=tensor.dtype) for first, _ in copies]
    return jnp.einsum(_equation([list(axis.values()), *copies], result), tensor, *eyes)
