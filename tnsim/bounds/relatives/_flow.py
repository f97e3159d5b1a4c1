"""The min-cut of a hypergraph by networkx, as an integer: a stand-in for the flows of bounds. Used by overlapping."""

from __future__ import annotations

from math import log, prod

import networkx as nx
import numpy as np
from jaxtyping import Bool

from tnsim.network import Network

A, B = "A", "B"


def cut_value(network: Network, mask: Bool[np.ndarray, "sites"]) -> int:
    """The product of the dimensions that a minimal cut severs, an index once; least but for rounded logarithms."""
    graph = nx.DiGraph()
    for index, dim in enumerate(network.dims.tolist()):
        graph.add_edge((index, 0), (index, 1), capacity=log(dim))
    for tensor in network.tensors():  # an edge without capacity never is cut
        for one in tensor.legs:
            for other in tensor.legs:
                graph.add_edge((one, 1), (other, 0))
    for site, in_a in zip(network.sites.array.tolist(), mask.tolist(), strict=True):
        graph.add_edge(*((A, (site, 0)) if in_a else ((site, 1), B)))
    _, (left, _) = nx.minimum_cut(graph, A, B)
    severed = [i for i in range(len(network.dims)) if (i, 0) in left and (i, 1) not in left]
    return prod(int(network.dims[i]) for i in severed)
