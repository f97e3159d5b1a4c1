"""Out: a network as a Google TensorNetwork graph, on JAX. Uses naming and nodes; the way back is `reading`.

    site_0 --[conv_0[0]/0]--( pool_0[0] )--[conv_1[0]/0]--( pool_1 )--[output/0]-- class
    site_1 --[conv_0[1]/1]------'  a tn.CopyNode: an index joined by other than two ends
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import jax.numpy as jnp
import tensornetwork as tn
from jaxtyping import Num

from tnsim import banks as bank_checks
from tnsim.banks import AnyArray, Banks
from tnsim.interop.naming import FEATURES, ends, named_tensors, open_ends, tensor_name
from tnsim.interop.nodes import BACKEND, BankNode, Row, Source, SparseCopyNode, dangle, join
from tnsim.network import Network


@dataclass
class Graph:
    """A TensorNetwork graph of a network; its nodes are the user's, to connect, contract, draw or save.

    nodes: tn.Node and tn.CopyNode; site_edges: of every site, in site order (dangling until `attach`);
    output_edges: the other open ends.
    """

    nodes: list[tn.AbstractNode]
    site_edges: list[tn.Edge]
    output_edges: list[tn.Edge]
    _sample: Source | None = field(default=None, repr=False)

    @property
    def class_edge(self) -> tn.Edge | None:
        """The dangling edge of the class scores; None where a network has no output, or several."""
        return self.output_edges[0] if len(self.output_edges) == 1 else None

    def attach(self, features: Num[AnyArray, "sites M"]) -> list[tn.Node]:
        """Put one sample's feature vectors on the sites; contracts nothing. The new nodes, "features[0]" and so on.

        Raises ValueError where the features do not fit the sites, or vectors are attached already.
        """
        _check_sites(self.site_edges, tuple(features.shape))
        self._sample = Source(features)
        rows = [Row(self._sample, i, None, 0, i) for i in range(len(self.site_edges))]
        vectors = [BankNode(row, f"{FEATURES}[{row.slot}]") for row in rows]
        pairs = zip(self.site_edges, vectors, strict=True)
        self.site_edges = [join((edge.node1, edge.axis1), (vector, 0), edge.name) for edge, vector in pairs]
        return vectors

    def replace(self, features: Num[AnyArray, "sites M"]) -> None:
        """Put another sample on the vectors of `attach`, in one assignment; nodes and edges stay.

        The vectors' copies keep the sample that they were made with, and so does a vector whose tensor was set.

        Raises ValueError where nothing is attached, or for another shape.
        """
        if self._sample is None:
            raise ValueError("features: wanted a graph with vectors to replace, found none attached; use attach")
        wanted, found = tuple(self._sample.array.shape), tuple(features.shape)
        if found != wanted:
            raise ValueError(f"features: wanted one sample of shape {wanted}, (sites, M), found {found}")
        self._sample.array = features


def _check_sites(edges: Sequence[tn.Edge], shape: tuple[int, ...]) -> None:
    if not all(edge.is_dangling() for edge in edges):
        raise ValueError("features: the sites have their vectors already; `replace` puts another sample on them")
    dims = {edge.dimension for edge in edges}
    if len(shape) != 2 or shape[0] != len(edges) or dims - {shape[1]}:
        wanted = f"({len(edges)}, {' or '.join(map(str, sorted(dims)))})"
        raise ValueError(f"features: wanted one sample of shape {wanted}, (sites, M), found {shape}")


def to_tensornetwork(network: Network, banks: Banks) -> Graph:
    """The graph of a network. Nodes view the banks and slice them when read, so building costs no arithmetic.

    Raises ValueError where the banks do not fit the network.
    """
    bank_checks.check(network, banks)
    tensors = _tensor_nodes(network, banks)
    copies, opened = _join_all(network, tensors, jnp.result_type(*banks.values()))
    sites = len(network.sites)
    return Graph([*tensors, *copies], opened[:sites], opened[sites:])


def _tensor_nodes(network: Network, banks: Banks) -> list[tn.AbstractNode]:
    places = [(number, i) for number, stack in enumerate(network.stacks) for i in range(stack.count)]
    sources = {name: Source(bank) for name, bank in banks.items()}
    return [
        BankNode(Row(sources[name.bank], name.slot, network, stack, i), tensor_name(name))
        for (stack, i), (name, _) in zip(places, named_tensors(network), strict=True)
    ]


def _join_all(network: Network, tensors, dtype) -> tuple[list[tn.AbstractNode], list[tn.Edge]]:
    """Join all legs, by plain edges and copy nodes; the copy nodes and the open edges, in the order of `open_ends`."""
    open_at: dict[int, list[int]] = {}
    names = [name for name, _ in open_ends(network)]
    for number, (_, index) in enumerate(open_ends(network)):
        open_at.setdefault(index, []).append(number)
    copies: list[tn.AbstractNode] = []
    edges: list[tn.Edge] = [None] * len(names)
    for index, legs in enumerate(ends(network)):
        here, name = [(tensors[leg.tensor], leg.axis) for leg in legs], network.index_name(index)
        outside = open_at.get(index, [])
        if here and len(here) + len(outside) == 2:
            spare = here[:1]
            if not outside:
                join(here[0], here[1], name)
        elif here or outside:
            copy = SparseCopyNode(
                len(here) + len(outside), int(network.dims[index]), name=name, backend=BACKEND, dtype=dtype
            )
            copies.append(copy)
            spare = _onto(copy, here, name)
        for number, (node, axis) in zip(outside, spare, strict=False):
            edges[number] = dangle(node, axis, names[number])
    return copies, edges


def _onto(copy: tn.CopyNode, legs, name: str) -> list[tuple[tn.AbstractNode, int]]:
    """Join legs to the first axes of a copy node; the axes that are left."""
    for axis, leg in enumerate(legs):
        join(leg, (copy, axis), f"{name}.{axis}")
    return [(copy, axis) for axis in range(len(legs), copy.rank)]
