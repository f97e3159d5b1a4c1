"""The networkx graph has the tensors, edges and dimensions of the TensorNetwork graph."""

from collections import Counter

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest
import tensornetwork as tn
from strategies import POOL

import tnsim
from tnsim.interop.networkx import to_networkx


def described(graph):
    """Of a TensorNetwork graph: names with shapes, and every edge by what it joins."""
    kinds = Counter((node.name, tuple(node.shape)) for node in graph.nodes)
    edges = {edge for node in graph.nodes for edge in node.edges}
    joins = Counter()
    for edge in edges:
        ends = [node.name if node is not None else edge.name for node in edge.get_nodes()]
        joins[frozenset(ends), edge.dimension] += 1
    return kinds, joins


@pytest.mark.parametrize("arch", POOL[1::4], ids=repr)
def test_the_same_tensors_edges_and_dimensions(arch):
    drawn = arch.to_networkx()
    kinds, joins = described(arch.to_tensornetwork(arch.init(jax.random.key(0))))
    inner = [(node, data) for node, data in drawn.nodes(data=True) if data["kind"] != "open"]
    shapes = Counter(
        (data["name"], data["shape"] if data["kind"] == "tensor" else (data["dim"],) * drawn.degree(node))
        for node, data in inner
    )
    assert shapes == kinds
    assert Counter((frozenset((u[1], v[1])), data["dim"]) for u, v, data in drawn.edges(data=True)) == joins
    assert nx.is_tree(drawn)


def test_attributes_name_bank_and_slot():
    arch = tnsim.ConvAC(sites=4, features=2, channels=(3, 2), windows=(2, 2), classes=5, sharing="full")
    drawn = arch.to_networkx()
    assert drawn.nodes["tensor", "conv_0[0]/3"] == {
        "kind": "tensor", "name": "conv_0[0]/3", "bank": "conv_0", "slot": 0, "shape": (3, 2)
    }  # fmt: skip
    assert drawn.nodes["copy", "pool_0[1]"] == {"kind": "copy", "name": "pool_0[1]", "dim": 3}
    assert drawn.nodes["open", "class"]["dim"] == 5
    assert drawn.nodes["tensor", "output/0"]["slot"] is None


def test_parallel_edges_and_traces_are_kept():
    a, b = (tn.Node(np.ones((2, 2)), backend="jax") for _ in range(2))
    a[0] ^ b[0]
    a[1] ^ b[1]
    trace = tn.Node(jnp.ones((3, 3)), backend="jax")
    trace[0] ^ trace[1]
    drawn = to_networkx(tnsim.from_tensornetwork([a, b, trace], allow=("parts",))[0])
    assert sorted(data["dim"] for *_, data in drawn.edges(data=True)) == [2, 2, 3]
    assert nx.number_of_selfloops(drawn) == 1
