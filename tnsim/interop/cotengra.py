"""A network as cotengra and opt_einsum take it: inputs, output, sizes, arrays; out and back. Uses terms and einsum.

    [("a", "b"), ("b", "c")], ("a", "c"), {"a": 2, "b": 3, "c": 2}, arrays   <-->   Network, banks

No package is imported: these are plain tuples, as `cotengra.array_contract_tree` and `array_contract` read them.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
from jaxtyping import Num

from tnsim import banks as bank_checks
from tnsim.banks import AnyArray, Banks
from tnsim.interop.einsum import eye, once, row
from tnsim.interop.naming import index_names, site_order
from tnsim.interop.terms import EINSUM, Term, filled, split, wired
from tnsim.network import Network


class Cotengra(NamedTuple):
    """A contraction in cotengra's form: `cotengra.array_contract_tree(inputs, output, size_dict)`, then `arrays`."""

    inputs: tuple[tuple[str, ...], ...]
    output: tuple[str, ...]
    size_dict: dict[str, int]
    arrays: tuple[Num[AnyArray, "..."], ...]


def to_cotengra(network: Network, banks: Banks) -> Cotengra:
    """A network's tensors with the names of its indices; the output is the sites, then the others that are open.

    An index that is open twice is joined by identities. Raises ValueError for banks that do not fit the network.
    """
    bank_checks.check(network, banks)
    names = index_names(network)
    arrays = [row(banks[tensor.bank], tensor) for tensor in network.tensors()]
    terms: list[tuple[int, ...]] = [tensor.legs for tensor in network.tensors()]
    opened, twins = once([*network.sites.array.tolist(), *network.outputs], len(names))
    dims = [*network.dims.tolist(), *(int(network.dims[index]) for index, _ in twins)]
    names += [f"{names[index]}@{twin}" for index, twin in twins]
    terms += twins
    arrays += [eye(dims[twin], arrays[0]) for _, twin in twins]
    inputs = tuple(tuple(names[index] for index in term) for term in terms)
    used = dict.fromkeys(index for term in terms for index in term)
    return Cotengra(
        inputs, tuple(names[index] for index in opened), {names[index]: dims[index] for index in used}, tuple(arrays)
    )


def from_cotengra(
    inputs: Sequence[Sequence[Hashable]],
    output: Sequence[Hashable],
    size_dict: Mapping[Any, int],
    arrays: Sequence[Num[AnyArray, "..."]] | None = None,
    allow: Collection[str] = EINSUM,
    sites: Sequence[Hashable] | None = None,
) -> tuple[Network, dict[str, Num[AnyArray, "..."]] | None]:
    """The network of a contraction in cotengra's and opt_einsum's form, and its banks; None without arrays.

    The output's indices are open. sites: those that are sites, in order; None: those called site_0, site_1, .. where
    they come first in this order. The others are outputs, in the output's order. Indices keep their names. allow: as of
    `from_einsum`, what the form says as an einsum does.

    Raises ValueError for indices without a size, sites that are not in the output, arrays that are not of their sizes
    or number, and what is not allowed.
    """
    missing = [index for term in (*inputs, output) for index in term if index not in size_dict]
    if missing:
        raise ValueError(f"size_dict: wanted a size for every index, found none for {missing[0]!r}")
    shapes = [tuple(size_dict[index] for index in term) for term in inputs]
    given = [jax.ShapeDtypeStruct(shape, "float32") for shape in shapes] if arrays is None else arrays
    if len(given) != len(shapes) or not shapes:
        raise ValueError(f"arrays: wanted one for each of the inputs, at least one, found {len(given)}, {len(shapes)}")
    for place, (array, shape) in enumerate(zip(given, shapes, strict=True)):
        if tuple(array.shape) != shape:
            raise ValueError(f"arrays[{place}]: wanted shape {shape} for {tuple(inputs[place])}, found {array.shape}")
    terms = [Term(tuple(legs), given[i], f"inputs[{i}]") for i, legs in enumerate(inputs)]
    named = site_order(output) if sites is None else sites
    named = named if sites is not None or list(output[: len(named)]) == named else []
    network, groups = wired(terms, *split(output, named), allow)
    return network, None if arrays is None else filled(terms, groups)
