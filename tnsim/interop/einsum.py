"""A network as an einsum: a symbol an index, copy tensors are symbols that occur often. Uses network.

    site_0 --[conv_0]--( pool )--[output]-- class      "bc,bd,eb->cde"-like, symbols from opt_einsum.get_symbol
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import opt_einsum
from jaxtyping import Num

from tnsim import banks as bank_checks
from tnsim.banks import AnyArray, Banks
from tnsim.network import Network, TensorView


class Einsum(NamedTuple):
    """equation: as for opt_einsum.contract (symbols beyond 52 are unicode letters); operands: its arrays."""

    equation: str
    operands: tuple[Num[AnyArray, "..."], ...]

    def contract(self) -> Num[AnyArray, "..."]:
        """The tensor over the open indices, along opt_einsum's greedy path; in JAX where an operand is a JAX array."""
        backend = "jax" if any(isinstance(operand, jax.Array) for operand in self.operands) else "numpy"
        return opt_einsum.contract(self.equation, *self.operands, optimize="greedy", backend=backend)

    def expression(self) -> Callable[..., Any]:
        """An opt_einsum ContractExpression for arrays of these shapes, planned once."""
        shapes = [tuple(operand.shape) for operand in self.operands]
        return opt_einsum.contract_expression(self.equation, *shapes, optimize="greedy")


def to_einsum(
    network: Network,
    banks: Banks,
    features: Num[AnyArray, "sites M"] | Num[AnyArray, "batch sites M"] | None = None,
) -> Einsum:
    """The einsum of a network: its tensors as operands, then the features of every site.

    Without features the result's axes are the sites, then the class. With features (sites, M), one sample, it is the
    class; with (batch, sites, M) a batch axis comes first. An index that is open twice is joined by identities.

    Raises ValueError where banks or features do not fit the network.
    """
    bank_checks.check(network, banks)
    operands = [_row(banks[tensor.bank], tensor) for tensor in network.tensors()]
    terms = [list(tensor.legs) for tensor in network.tensors()]
    sites, outputs = network.sites.array.tolist(), list(network.outputs)
    fresh = network.offsets[-1]
    opened = [*sites, *outputs]
    if features is not None:
        batch = [fresh] * (features.ndim - 2)
        bank_checks.check_features(network, features if batch else features[None])
        operands += [features[..., i, :] for i in range(len(sites))]
        terms += [[*batch, site] for site in sites]
        opened, fresh = [*batch, *outputs], fresh + 1
    result, twins = _once(opened, fresh)
    for index, twin in twins:
        operands.append(_eye(int(network.dims[index]), operands[0]))
        terms.append([index, twin])
    words = ["".join(map(opt_einsum.get_symbol, term)) for term in (*terms, result)]
    return Einsum(",".join(words[:-1]) + "->" + words[-1], tuple(operands))


def _once(opened: list[int], fresh: int) -> tuple[list[int], list[tuple[int, int]]]:
    """Open indices with a fresh number for every repeat, as no einsum names an axis of its result twice; the pairs."""
    result: list[int] = []
    twins: list[tuple[int, int]] = []
    for index in opened:
        if index in result:
            twins.append((index, fresh + len(twins)))
            index = twins[-1][1]
        result.append(index)
    return result, twins


def _row(bank: Num[AnyArray, "..."], tensor: TensorView) -> Num[AnyArray, "..."]:
    return bank if bank.ndim == len(tensor.shape) else bank[tensor.slot]


def _eye(dim: int, like: Num[AnyArray, "..."]) -> Num[AnyArray, "dim dim"]:
    return jnp.eye(dim, dtype=like.dtype) if isinstance(like, jax.Array) else np.eye(dim, dtype=like.dtype)
