"""TensorNetwork graphs contracted by our plans, in the shape of TensorNetwork's contractors. Uses interop and contract.

    nodes --[read: one walk]--> network, banks, features --[contract: jitted, one compilation a network]--> tn.Node
           (remembered)

Copy nodes stay sparse, and the caller's graph stays as it was. The two steps are there apart for who measures them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import tensornetwork as tn
from jaxtyping import Array, Num

from tnsim.contract.execution import DEFAULT
from tnsim.contract.paths import contract_network
from tnsim.contract.plan import check, plan, plan_path
from tnsim.contract.schedule import NotLayered, whole
from tnsim.contract.scores import Scores, scores
from tnsim.interop import remembered
from tnsim.interop.naming import FEATURES
from tnsim.interop.reading import Reading, closed, read
from tnsim.network import Network

__all__ = ["Reading", "contract", "contractor", "read"]


def contractor(
    nodes: Iterable[tn.AbstractNode],
    output_edge_order: Sequence[tn.Edge] | None = None,
    memory_limit: int | str | None = None,
    ignore_edge_order: bool = False,
) -> tn.Node:
    """Contract a graph into one node, as tn.contractors.greedy, by our plans on JAX.

    A graph of `to_tensornetwork` is read in the first call only, and again once nodes or edges have changed; its
    `replace` puts another sample on it. The graph is only read: nothing is consumed or renamed, and copy nodes are
    never made dense. The result has fresh dangling edges, named as the graph's, in the order output_edge_order (the
    graph's own edges); with ignore_edge_order in the order sites, outputs.

    A ConvAC with a vector on every site runs through the same compiled function as one sample of `apply`; the result is
    value * exp(log_scale), which leaves float range for large N: use `apply` there. Other graphs run along a path.

    memory_limit: as in TensorNetwork the numbers in the largest intermediate tensor, or as a text like "8GB" the bytes
    that may be taken at once, kept by slicing; None is half of the free memory. Nodes on the numpy backend give a numpy
    result, in their precision.

    Raises ValueError where more than one edge dangles and no order is given, where the order does not name the graph's
    open edges, for no nodes or mixed backends; MemoryLimitError above memory_limit.
    """
    reading = remembered.read(nodes)
    order = _order(reading.ends, output_edge_order, ignore_edge_order)
    tensor = contract(reading, order, memory_limit)
    return _result(tensor, [reading.ends[place] for place in order], reading.backend)


def contract(
    reading: Reading, order: Sequence[int] | None = None, memory_limit: int | str | None = None
) -> Num[Array | np.ndarray, "..."]:
    """The tensor of a graph that has been read; order: its axes as places in `reading.ends`. Raises as `contractor`."""
    if reading.backend != "numpy":
        return _contract(reading, order, memory_limit)
    arrays = [*reading.banks.values(), *([] if reading.features is None else [reading.features])]
    wide = any(np.dtype(array.dtype) in WIDE for array in arrays)
    with jax.enable_x64(True) if wide else nullcontext():
        return np.asarray(_contract(reading, order, memory_limit))


WIDE = {np.dtype(kind) for kind in ("float64", "complex128", "int64", "uint64")}


def _contract(reading: Reading, order: Sequence[int] | None, memory_limit: int | str | None) -> Num[Array, "..."]:
    network, banks, features = reading.network, dict(reading.banks), reading.features
    itemsize = next(iter(banks.values())).dtype.itemsize
    memory = memory_limit * itemsize if isinstance(memory_limit, int) else memory_limit
    if features is not None and _foldable(network, tuple(bank.dtype for bank in banks.values())):
        if memory is not None:  # a fold's vectors are smaller than the banks it reads
            check(plan(network).largest * itemsize, memory)
        return _out_of_scale(scores(network, banks, features, DEFAULT))  # as `apply` calls it: one compilation
    if features is not None:
        network, banks = closed(network), {**banks, FEATURES: features[0]}
    if isinstance(memory_limit, int):  # numbers in the largest intermediate, as TensorNetwork counts: nothing is sliced
        check(plan_path(network).largest * itemsize, memory)
        memory = None
    return contract_network(network, banks, order, memory)


@lru_cache(maxsize=256)
def _foldable(network: Network, dtypes: tuple[Any, ...]) -> bool:
    """Can the fold of scores sweep it: a layered tree of floating or complex numbers?"""
    try:
        whole(network)
    except NotLayered:
        return False
    return all(jnp.issubdtype(dtype, jnp.inexact) for dtype in dtypes)


@jax.jit
def _out_of_scale(out: Scores) -> Num[Array, "classes"]:
    return out.value[0] * jnp.exp(out.log_scale[0]).astype(out.value.dtype)


def _order(ends: Sequence[tn.Edge], wanted: Sequence[tn.Edge] | None, ignore: bool) -> list[int]:
    """The places in `ends` of the edges in the wanted order."""
    if wanted is None:
        if len(ends) > 1 and not ignore:
            raise ValueError(
                f"output_edge_order: wanted the order of the {len(ends)} open edges (more than one), found None; "
                "give it, or ignore_edge_order=True"
            )
        return list(range(len(ends)))
    place = {edge: number for number, edge in enumerate(ends)}
    found = [place.get(edge, -1) for edge in wanted]
    if ignore:
        return list(range(len(ends)))
    if sorted(found) != list(range(len(ends))):
        names = [edge.name for edge in ends]
        raise ValueError(
            f"output_edge_order: wanted each open edge of the nodes once, {names}, "
            f"found {[edge.name for edge in wanted]}"
        )
    return found


def _result(tensor: Num[Array | np.ndarray, "..."], ends: Sequence[tn.Edge], backend: str) -> tn.Node:
    """A tn.Node of that very array: TensorNetwork's own way converts it again, which costs a JAX operation."""
    node = tn.Node.__new__(tn.Node)
    node._tensor = tensor
    kind = tn.backends.backend_factory.get_backend(backend)
    tn.AbstractNode.__init__(node, name="contracted", backend=kind, shape=tuple(tensor.shape))
    for edge, old in zip(node.edges, ends, strict=True):
        edge.set_name(old.name)
    return node
