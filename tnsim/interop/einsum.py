"""A network as an einsum, out and back: a symbol an index, copy tensors are symbols that occur often. Uses terms.

    site_0 --[conv_0]--( pool )--[output]-- class      "bc,bd,eb->cde"-like, symbols from opt_einsum.get_symbol

    "ab,bc->ac", arrays --> tensors of one shape and type in one bank "tensors_k", the result's indices as outputs
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import opt_einsum
from jaxtyping import Num

from tnsim import banks as bank_checks
from tnsim.banks import AnyArray, Banks
from tnsim.interop.terms import EINSUM, Term, filled, split, wired
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
    operands = [row(banks[tensor.bank], tensor) for tensor in network.tensors()]
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
    result, twins = once(opened, fresh)
    for index, twin in twins:
        operands.append(eye(int(network.dims[index]), operands[0]))
        terms.append([index, twin])
    words = ["".join(map(opt_einsum.get_symbol, term)) for term in (*terms, result)]
    return Einsum(",".join(words[:-1]) + "->" + words[-1], tuple(operands))


def once(opened: list[int], fresh: int) -> tuple[list[int], list[tuple[int, int]]]:
    """Open indices with a fresh number for every repeat, as no einsum names an axis of its result twice; the pairs."""
    result: list[int] = []
    twins: list[tuple[int, int]] = []
    for index in opened:
        if index in result:
            twins.append((index, fresh + len(twins)))
            index = twins[-1][1]
        result.append(index)
    return result, twins


def row(bank: Num[AnyArray, "..."], tensor: TensorView) -> Num[AnyArray, "..."]:
    """The numbers of a tensor."""
    return bank if bank.ndim == len(tensor.shape) else bank[tensor.slot, ...]


def eye(dim: int, like: Num[AnyArray, "..."]) -> Num[AnyArray, "dim dim"]:
    """The identity, in the type and the framework of an array."""
    return jnp.eye(dim, dtype=like.dtype) if isinstance(like, jax.Array) else np.eye(dim, dtype=like.dtype)


def from_einsum(
    equation: str | Sequence[Sequence[Hashable]],
    *arrays: Num[AnyArray, "..."],
    output: Sequence[Hashable] | None = None,
    sites: Sequence[Hashable] = (),
    allow: Collection[str] = EINSUM,
) -> tuple[Network, dict[str, Num[AnyArray, "..."]]]:
    """The network of an einsum and its banks; `contract_network` gives its tensor, axes the sites, then the rest of the
    output.

    equation: "ab,bc->ac" (without "->": indices that occur once, sorted, as einsum has it), or for every array the
    sequence of its indices, any hashable names, then `output` says the result's (without it, a number). An index may
    occur in many terms and in the output too (a copy tensor), twice in a term (a diagonal), or once in all (summed).
    sites: the output's indices that are sites, in order (of a text "ikm" or a sequence): what `network_state` parts;
    the others stay outputs, as a class leg does. Arrays of one shape and type are rows of one bank, the same array
    object one row; the network's tensors, and with them the places of a path, come bank by bank.

    allow: what an einsum says by writing an index again, as its definition has it; leave out what would be a slip:
    "copies" (more than two ends on an index), "traces" (an index twice in a term), "sums" (an index with one end). Add
    "parts" for several parts that share no index, which are multiplied, with a warning.

    Raises ValueError for what is not allowed, where terms and arrays differ in number or shape, for two dimensions of
    one index, an index of the output that no term has, sites that are not in the output, "..." or no array at all.
    """
    terms, result = _terms(equation, output)
    if len(terms) != len(arrays) or not arrays:
        raise ValueError(
            f"equation: wanted a term for each of the arrays, at least one, found {len(terms)} for {len(arrays)}"
        )
    made = [Term(tuple(term), array, f"arrays[{i}]") for i, (term, array) in enumerate(zip(terms, arrays, strict=True))]
    network, groups = wired(made, *split(result, sites), allow, named=False)
    return network, filled(made, groups)


def _terms(equation, output) -> tuple[Sequence[Sequence[Hashable]], Sequence[Hashable]]:
    """Terms and result of an equation in either form."""
    if not isinstance(equation, str):
        return [list(term) for term in equation], list(output or ())
    if output is not None:
        raise ValueError(f"output: wanted it in the equation's text, as in 'ab,bc->ac', found {output!r} beside it")
    text = equation.replace(" ", "")
    if "." in text or text.count("->") > 1:
        raise ValueError(f"equation: wanted terms and at most one '->', without '...', found {equation!r}")
    left, arrow, right = text.partition("->")
    terms: list[list[Hashable]] = [list(word) for word in left.split(",")]
    letters = left.replace(",", "")
    return terms, list(right) if arrow else sorted(filter(lambda letter: letters.count(letter) == 1, letters))
