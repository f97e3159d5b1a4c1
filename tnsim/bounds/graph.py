"""A network as a flow graph: every index a vertex split in two, tensors joined to it by edges that cannot be cut.

    tensor --inf--> in --capacity of the dimension--> out --inf--> tensor        A --inf--> in      out --inf--> B

A copy index is paid once, however many of its legs are cut. Sites of A hang on the source, those of B on the sink.
Uses network and networkx; used by flow and lattice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import prod

import networkx as nx
import numpy as np
from jaxtyping import Bool, Int

from tnsim import memory
from tnsim.bounds.capacities import capacities, separating_bits
from tnsim.network import Network

OUTPUTS = ("free", "fixed")
SOURCE, SINK = "A", "B"
EDGE_BYTES = 400  # of networkx, for one edge of the flow's residual graph, its two numbers not counted
WAYS_OUT = "Ways out: tnsim.bounds.min_cut for a layered tree; a smaller network; a higher memory=."


@dataclass(frozen=True, eq=False)
class Joined:
    """Which tensors and sites meet at the indices, and what an index costs.

    index, tensor: a pair for every leg, each once; sites: the index of every site; mask: which of them are in A;
    dims: what severing each index costs.
    """

    index: Int[np.ndarray, "legs"]
    tensor: Int[np.ndarray, "legs"]
    sites: Int[np.ndarray, "sites"]
    mask: Bool[np.ndarray, "sites"]
    dims: tuple[int, ...]
    tensors: int

    @cached_property
    def touched(self) -> tuple[Bool[np.ndarray, "indices"], Bool[np.ndarray, "indices"]]:
        """Whether a site of A, and whether one of B, hangs on each index."""
        return tuple(_flags(len(self.dims), self.sites[side]) for side in (self.mask, ~self.mask))  # type: ignore[return-value]

    def severed(self, side: Bool[np.ndarray, "tensors"]) -> Int[np.ndarray, "_"]:
        """The indices whose tensors and sites are not all on one side (True: A)."""
        ends = (self.index[side[self.tensor]], self.index[~side[self.tensor]])
        in_a, in_b = (_flags(len(self.dims), end) | on for end, on in zip(ends, self.touched, strict=True))
        return np.flatnonzero(in_a & in_b)

    @cached_property
    def bound(self) -> int:
        """A product that the min-cut does not exceed: the indices of A's sites, or of B's."""
        return min(prod(self.dims[i] for i in np.flatnonzero(on)) for on in self.touched)

    @cached_property
    def payable(self) -> Int[np.ndarray, "_"]:
        """The indices at which two or more meet and which cost something."""
        meet = np.bincount(self.index, minlength=len(self.dims)) + self.touched[0] + self.touched[1]
        return np.flatnonzero((meet > 1) & (np.array(self.dims, dtype=object) > 1))


def _flags(count: int, where: Int[np.ndarray, "_"]) -> Bool[np.ndarray, "count"]:
    flags = np.zeros(count, dtype=bool)
    flags[where] = True
    return flags


def joined(network: Network, mask: Bool[np.ndarray, "sites"], outputs: str = "free") -> Joined:
    """What meets where in a network, for a partition of its sites.

    outputs: "free", a label leg may lie on either side and its index costs its dimension; "fixed", the label is one
    given class, so that its index takes one value and costs 1. Raises ValueError for another word, and dimensions
    below 1.
    """
    if outputs not in OUTPUTS:
        raise ValueError(f"outputs: wanted one of {OUTPUTS}, found {outputs!r}")
    dims = network.dims.tolist()
    for index, dim in enumerate(dims):
        if dim < 1:
            raise ValueError(f"network: wanted dimensions of at least 1, found {dim} at {network.index_name(index)}")
    for index in network.outputs if outputs == "fixed" else ():
        dims[index] = 1
    legs = _legs(network)
    return Joined(legs[:, 0], legs[:, 1], network.sites.array, mask, tuple(dims), network.tensor_count)


def _legs(network: Network) -> Int[np.ndarray, "legs 2"]:
    """(index, tensor) of every leg, each pair once: a tensor may meet an index twice."""
    pairs, first = [np.zeros((0, 2), np.int64)], 0
    for stack in network.stacks:
        legs = stack.legs.array.reshape(stack.count, -1)
        tensors = np.repeat(np.arange(first, first + stack.count), legs.shape[1])
        pairs.append(np.stack([legs.ravel(), tensors], axis=1))
        first += stack.count
    return np.unique(np.concatenate(pairs), axis=0)


def residual(found: Joined, limit: str | float | None = None) -> nx.DiGraph:
    """networkx' residual graph of a maximal flow from A to B; edges with flow < capacity are open.

    Vertices: 2 i and 2 i + 1 for index i, in and out; ~t for tensor t; SOURCE and SINK. Capacities are integers that
    compare as products of dimensions do. Raises MemoryLimitError before a graph that does not fit.
    """
    legs = np.isin(found.index, found.payable)
    edges = 4 * int(legs.sum()) + 2 * len(found.payable) + 2 * len(found.sites)
    size = edges * (EDGE_BYTES + separating_bits(found.bound) // 4)
    memory.check(size, limit, f"the flow through {len(found.payable)} indices", WAYS_OUT)
    cost = capacities((found.dims[i] for i in found.payable), found.bound)
    graph = nx.DiGraph()
    graph.add_nodes_from((SOURCE, SINK))
    graph.add_edges_from((2 * i, 2 * i + 1, {"capacity": cost[found.dims[i]]}) for i in found.payable.tolist())
    for index, tensor in zip(found.index[legs].tolist(), found.tensor[legs].tolist(), strict=True):
        graph.add_edges_from(((~tensor, 2 * index), (2 * index + 1, ~tensor)))  # no capacity: infinite
    from_a, to_b = (np.intersect1d(np.flatnonzero(on), found.payable).tolist() for on in found.touched)
    graph.add_edges_from((SOURCE, 2 * i) for i in from_a)
    graph.add_edges_from((2 * i + 1, SINK) for i in to_b)
    return nx.algorithms.flow.boykov_kolmogorov(graph, SOURCE, SINK)


def open_edges(graph: nx.DiGraph) -> Iterable[tuple]:
    """Edges of a residual graph that still let something through: who has the first vertex on A's side has both."""
    return ((u, v) for u, v, edge in graph.edges(data=True) if edge["flow"] < edge["capacity"])
