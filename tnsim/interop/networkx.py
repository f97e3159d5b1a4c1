"""A network for networkx: to draw, and for flows and cuts. Uses naming.

    ("tensor", "conv_0[1]/3") ---- ("copy", "pool_0[2]") ---- ("tensor", "conv_1[2]/2")      ("open", "site_3")
"""

from __future__ import annotations

import networkx as nx

from tnsim.interop.naming import ends, named_tensors, open_ends, tensor_name
from tnsim.network import Network


def to_networkx(network: Network) -> nx.MultiGraph:
    """The same tensors, edges and dimensions as the TensorNetwork graph, without numbers.

    Nodes are (kind, name). Kind "tensor" has bank, slot and shape; "copy" (an index joined by other than two ends) and
    "open" (a site or the class leg) have dim; all have kind and name. Edges have dim and name; two tensors may share
    several.
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
        _join(graph, network, index, [*(tensors[leg.tensor] for leg in legs), *outside.get(index, [])])
    return graph


def _join(graph: nx.MultiGraph, network: Network, index: int, met: list[tuple[str, str]]) -> None:
    """An edge between the two that meet at an index, or a copy tensor among all of them."""
    name, dim = network.index_name(index), int(network.dims[index])
    if len(met) == 2 and met[0][0] == "tensor":
        graph.add_edge(*met, name=name, dim=dim)
    elif met:
        graph.add_node(("copy", name), kind="copy", name=name, dim=dim)
        for leg, node in enumerate(met):
            graph.add_edge(node, ("copy", name), name=f"{name}.{leg}", dim=dim)
