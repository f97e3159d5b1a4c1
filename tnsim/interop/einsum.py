"""A network as an einsum, out and back: a symbol an index, copy tensors are symbols that occur often. Uses network.

    site_0 --[conv_0]--( pool )--[output]-- class      "bc,bd,eb->cde"-like, symbols from opt_einsum.get_symbol

    "ab,bc->ac", arrays --> tensors of one shape and type in one bank "tensors_k", the result's indices as outputs
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import opt_einsum
from jaxtyping import Num

from tnsim import banks as bank_checks
from tnsim.banks import AnyArray, Banks
from tnsim.network import Indices, Network, Stack, Table, TensorView, build


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


def from_einsum(
    equation: str | Sequence[Sequence[Hashable]],
    *arrays: Num[AnyArray, "..."],
    output: Sequence[Hashable] | None = None,
) -> tuple[Network, dict[str, Num[AnyArray, "..."]]]:
    """The network of an einsum and its banks; `contract_network` gives its tensor, axes in the order of the output.

    equation: "ab,bc->ac" (without "->": indices that occur once, sorted, as einsum has it), or for every array the
    sequence of its indices, any hashable names, then `output` says the result's (without it, a number). An index may
    occur in many terms and in the output too (a copy tensor), twice in a term (a diagonal), or once in all (summed).
    Arrays of one shape and type are rows of one bank, the same array object one row; the network's tensors, and with
    them the places of a path, come bank by bank.

    Raises ValueError where terms and arrays differ in number or shape, for two dimensions of one index, an index of the
    output that no term has, "..." or no array at all.
    """
    terms, result = _terms(equation, output)
    if len(terms) != len(arrays) or not arrays:
        raise ValueError(
            f"equation: wanted a term for each of the arrays, at least one, found {len(terms)} for {len(arrays)}"
        )
    dims = _dims(terms, [tuple(array.shape) for array in arrays])
    missing = [index for index in result if index not in dims]
    if missing:
        raise ValueError(f"output: wanted indices of the terms, found {missing[0]!r} in {tuple(result)}")
    number, runs = _runs(dims, result)
    stacks, banks = _stacks([[number[index] for index in term] for term in terms], arrays)
    return build(runs, stacks, np.empty(0, np.int32), [number[index] for index in result]), banks


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


def _dims(terms: Sequence[Sequence[Hashable]], shapes: Sequence[tuple[int, ...]]) -> dict[Hashable, int]:
    """The dimension of every index, in the order in which the terms meet them."""
    dims: dict[Hashable, int] = {}
    for place, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        if len(term) != len(shape):
            raise ValueError(f"arrays[{place}]: wanted {len(term)} axes for {tuple(term)}, found shape {shape}")
        for index, dim in zip(term, shape, strict=True):
            if dims.setdefault(index, dim) != dim:
                raise ValueError(
                    f"arrays[{place}]: wanted dimension {dims[index]} of index {index!r}, found {dim} in shape {shape}"
                )
    return dims


def _runs(dims: dict[Hashable, int], result: Sequence[Hashable]) -> tuple[dict[Hashable, int], list[Indices]]:
    """A number for every index, the result's first, then by dimension; and the runs of equal ones."""
    opened = list(dict.fromkeys(result))
    inner = sorted((index for index in dims if index not in set(opened)), key=lambda index: dims[index])
    runs = [Indices(f"open_{place}", 1, dims[index]) for place, index in enumerate(opened)]
    sizes = [dims[index] for index in inner]
    runs += [Indices(f"bond_{size}", sizes.count(size), size) for size in sorted(set(sizes))]
    runs = runs or [Indices("bond_1", 0, 1)]  # scalars alone
    return {index: place for place, index in enumerate([*opened, *inner])}, runs


def _stacks(legs: Sequence[list[int]], arrays: Sequence[Any]) -> tuple[list[Stack], dict[str, Any]]:
    """Arrays of one shape and type stacked, a row for each array object."""
    groups: dict[tuple, list[int]] = {}
    for place, array in enumerate(arrays):
        groups.setdefault((tuple(array.shape), str(array.dtype)), []).append(place)
    stacks: list[Stack] = []
    banks: dict[str, Any] = {}
    for group, ((shape, _), members) in enumerate(groups.items()):
        rows: dict[int, int] = {}
        slots = [rows.setdefault(id(arrays[place]), len(rows)) for place in members]
        first = {id(arrays[place]): arrays[place] for place in members}
        name = f"tensors_{group}"
        banks[name] = _bank([first[key] for key in rows])
        table = np.array([legs[place] for place in members], dtype=np.int32).reshape(len(members), len(shape))
        stacks.append(Stack(name, len(rows), shape, Table(slots), Table(table)))
    return stacks, banks


def _bank(rows: Sequence[Any]) -> Num[AnyArray, "rows *shape"]:
    """Stacked on the host, where a thousand small arrays cost little, unless they are traced."""
    if any(isinstance(row, jax.core.Tracer) for row in rows):
        return jnp.stack(rows)
    array = np.stack(jax.device_get(list(rows)))
    return jnp.asarray(array) if any(isinstance(row, jax.Array) for row in rows) else array
