"""A network for networkx: to draw, and for flows and cuts. Uses naming.

    ("tensor", "conv_0[1]/3") ---- ("copy", "pool_0[2]") ---- ("tensor", "conv_1[2]/2")      ("open", "site_3")
"""

from __future__ import annotations

from typing import NamedTuple

import networkx as nx

from tnsim.interop.naming import ends, named_tensors, open_ends, tensor_name
from tnsim.network import Network


def to_networkx(network: Network) -> nx.MultiGraph:
    """The same tensors, edges and dimensions as the TensorNetwork graph, without numbers.

    Nodes are (kind, name). Kind "tensor" has bank, slot and shape; "copy" (an index joined by other than two ends) and
    "open" (a site or the class leg) have dim; all have kind and name. Edges have dim, name, the number of their index
    and axes, the (node, axis) of the tensors that they join; two tensors may share several. The way back is
    `drawn.from_networkx`.
    """
    graph = nx.MultiGraph()
    tensors = []
    for name, tensor in named_tensors(network):
        text = tensor_name(name)
        tensors.append(("tensor", text))
        graph.add_node(tensors[-1], kind="tensor", name=text, bank=name.bank, slot=name.slot, shape=tensor.shape)
    outside: dict[int, list[tuple[str, str]]] = {}
    for text, index in open_ends(network):
        outside.setdefault(index, []).append(("open", text))
        graph.add_node(("open", text), kind="open", name=text, dim=int(network.dims[index]))
    for index, legs in enumerate(ends(network)):
        met = [Met(tensors[leg.tensor], leg.axis) for leg in legs]
        _join(graph, network, index, [*met, *(Met(node, None) for node in outside.get(index, []))])
    return graph


class Met(NamedTuple):
    """Who meets at an index: a tensor with one of its axes, or an open end."""

    node: tuple[str, str]
    axis: int | None


def _join(graph: nx.MultiGraph, network: Network, index: int, met: list[Met]) -> None:
    """An edge between the two that meet at an index, or a copy tensor among all of them."""
    name, dim = network.index_name(index), int(network.dims[index])
    axes = [[(end.node, end.axis)] if end.axis is not None else [] for end in met]
    if len(met) == 2 and met[0].axis is not None:
        graph.add_edge(met[0].node, met[1].node, name=name, dim=dim, index=index, axes=tuple(axes[0] + axes[1]))
    elif met:
        copy = ("copy", name if ("copy", name) not in graph else f"{name}#{index}")
        graph.add_node(copy, kind="copy", name=name, dim=dim)
        for leg, end in enumerate(met):
            graph.add_edge(end.node, copy, name=f"{name}.{leg}", dim=dim, index=index, axes=tuple(axes[leg]))
