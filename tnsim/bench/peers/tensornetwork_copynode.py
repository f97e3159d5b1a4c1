"""TensorNetwork by its copy nodes: from the sites up, each copy node with its neighbours, never dense."""

from __future__ import annotations

from typing import Any

import tensornetwork as tn

from tnsim.bench.cases import Case, Prepared
from tnsim.bench.peers.common import SCORES, only
from tnsim.bench.peers.jaxes import ready, sliced
from tnsim.bench.peers.tensornetwork_greedy import mapped
from tnsim.bench.peers.tensornetwork_nodes import Nodes

NOTE = (
    "tn.contract_copy_node from the sites up: first the plain edges below a copy node, then it with its "
    "neighbours in one einsum, the copy sparse; vmap over samples, one jax.jit. It still goes node by node, and "
    "so do tracing and compiling."
)


def refuses(case: Case) -> str | None:
    """Trees."""
    return only(case, *SCORES)


def contract(graph: Nodes) -> Any:
    """The vectors into their matrices, then the copy nodes upward, lowest first; the last one leaves the class."""
    plain = {id(edge): edge for node in graph.nodes for edge in node.edges if not _on_copy(node, edge)}
    for edge in plain.values():
        tn.contract(edge)
    found = None
    for copy in graph.copies:
        found = tn.contract_copy_node(copy)
    assert found is not None
    return found.tensor


def _on_copy(node: tn.AbstractNode, edge: tn.Edge) -> bool:
    return edge.is_dangling() or any(isinstance(end, tn.CopyNode) for end in (node, edge.node1, edge.node2))


def prepare(case: Case) -> Prepared:
    """Trace, compile, first run."""
    return ready(case, mapped(case, contract), {}, sliced(case), NOTE)
