"""A tree as TensorNetwork's own nodes, one sample's vectors on its sites. Used by its two contenders and by `graph`.

    vectors --- matrices === tn.CopyNode --- .. --- output --- class
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import tensornetwork as tn
from tensornetwork.backends.jax.jax_backend import JaxBackend

from tnsim.bench.cases import Case
from tnsim.bench.workloads import WORKLOADS, Einsum, cut


class Nodes(NamedTuple):
    """All nodes of a graph; copies are its copy nodes, the lowest first."""

    nodes: list[tn.AbstractNode]
    copies: list[tn.CopyNode]


def nodes_of(einsum: Einsum, operands: Sequence[Any]) -> Nodes:
    """Nodes of an einsum with at most one open index; an index of more than two tensors is a copy node."""
    backend = JaxBackend(precision="highest")  # as the others: without it, JAX's lowest whatever JAX is set to
    tensors = [tn.Node(operand, backend=backend) for operand in operands]
    ends: dict[int, list[tn.Edge]] = {index: [] for index in einsum.sizes}
    for node, term in zip(tensors, einsum.terms, strict=True):
        for axis, index in enumerate(term):
            ends[index].append(node[axis])
    copies = []
    for index, edges in ends.items():
        if len(edges) > 2:
            copy = tn.CopyNode(len(edges), einsum.sizes[index], backend=backend, dtype=operands[0].dtype)
            copies.append(copy)
            for axis, edge in enumerate(edges):
                tn.connect(edge, copy[axis])
        elif len(edges) == 2:
            tn.connect(*edges)
    return Nodes([*tensors, *copies], copies)


def graph_of(case: Case) -> list[tn.AbstractNode]:
    """The nodes of the case `graph`, each with an array of its own."""
    inputs, (einsum,) = WORKLOADS[case.workload].inputs(case), WORKLOADS[case.workload].einsums(case)
    operands = cut(inputs, einsum.operands, lambda array, axis: list(np.moveaxis(array, axis, 0)))
    return nodes_of(einsum, [jnp.asarray(operand) for operand in operands]).nodes
