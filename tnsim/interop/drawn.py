"""A drawn graph as a network: the way back from networkx. Uses terms; `networkx.to_networkx` is the way out.

    node "a" (tensor=..) ---- dim=3 ---- node "b" (shape=(3, 2)) ---- node "class" (kind="open")
         '---- node "same" (kind="copy") ---- ..
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import networkx as nx
from jaxtyping import Num

from tnsim.banks import AnyArray
from tnsim.interop.naming import site_order
from tnsim.interop.terms import Term, filled, wired
from tnsim.network import Network

KINDS = ("tensor", "copy", "open")


def from_networkx(
    graph: nx.Graph,
    sites: Sequence[Hashable] | None = None,
    outputs: Sequence[Hashable] | None = None,
    allow: Collection[str] = (),
) -> tuple[Network, dict[str, Num[AnyArray, "..."]] | None]:
    """The network of a graph, and its banks; None where a node has no array. The inverse of `to_networkx`.

    Nodes have an array "tensor", or a "shape", or the shape that their edges' "dim" gives; of kind "copy", they join
    their edges to one index; of kind "open", they are the ends of sites (named site_0, site_1, ..) and of outputs. An
    edge meets the axes that its "axes" names, ((node, axis), ..), else the next of each node in the order of
    `graph.edges(node)`, a loop the next two. sites, outputs: further open ends, each a node with one axis that no edge
    meets, in order. allow: as `from_quimb`; a copy node has said so itself.

    Raises ValueError for what is not allowed, dimensions that differ, axes that do not fit, and directed graphs.
    """
    if graph.is_directed():
        raise ValueError("graph: wanted an undirected graph, found a directed one")
    reading = _Reading(graph)
    tensors = reading.of_kind("tensor")
    terms = [_term(reading, node) for node in tensors]
    ends = {str(graph.nodes[node].get("name", node)): node for node in reading.of_kind("open")}
    named = site_order(list(ends))
    others = [name for name in ends if name not in named]
    opened = [[reading.end(ends[name]) for name in names] for names in (named, others)]
    opened[0] += [reading.end(node) for node in sites or ()]
    opened[1] += [reading.end(node) for node in outputs or ()]
    said = {*allow, *(["copies"] if reading.of_kind("copy") else [])}
    network, groups = wired(terms, opened[0], opened[1], said, order=_numbered(reading))
    whole = bool(tensors) and all("tensor" in graph.nodes[node] for node in tensors)
    return network, filled(terms, groups) if whole else None


@dataclass(eq=False)
class _Reading:
    """What was read of a graph: the index of every edge (by its attributes' identity), the axes that no edge meets."""

    graph: nx.Graph
    index: dict[int, str] = field(init=False, default_factory=dict)
    free: dict[Hashable, list[str]] = field(init=False, default_factory=dict)
    taken: Counter = field(init=False, default_factory=Counter)

    def __post_init__(self) -> None:
        copies = set(self.of_kind("copy"))
        for node in copies and self.of_kind("copy"):
            if node in copies:
                copies -= (melted := nx.node_connected_component(self.graph.subgraph(self.of_kind("copy")), node))
                name = self.fresh(self.graph.nodes[node].get("name", node))
                self.index |= {id(edge): name for *_, edge in self.graph.edges(melted, data=True)}
        for one, other, edge in self.graph.edges(data=True):
            if id(edge) not in self.index:
                self.index[id(edge)] = self.fresh(edge.get("name", f"{one}-{other}"))

    def of_kind(self, kind: str) -> list[Hashable]:
        for node, data in self.graph.nodes(data=True):
            if data.get("kind", "tensor") not in KINDS:
                raise ValueError(f"graph: wanted nodes of kind {KINDS}, found {data['kind']!r} at {node!r}")
        return [node for node, data in self.graph.nodes(data=True) if data.get("kind", "tensor") == kind]

    def fresh(self, name: Any) -> str:
        """A name for an index, with a number where it is taken."""
        self.taken[str(name)] += 1
        return str(name) if self.taken[str(name)] == 1 else f"{name}#{self.taken[str(name)]}"

    def incident(self, node: Hashable) -> list[dict[str, Any]]:
        """The attributes of a node's edges, a loop's twice."""
        return [edge for one, other, edge in self.graph.edges(node, data=True) for _ in range(1 + (one == other))]

    def end(self, node: Hashable) -> str:
        """The index of an open node's one edge, or of a tensor's one axis without an edge."""
        if node not in self.graph:
            raise ValueError(f"sites, outputs: wanted nodes of the graph, found {node!r}")
        found = self.free.get(node, [self.index[id(edge)] for edge in self.incident(node)])
        if len(found) != 1:
            raise ValueError(f"{node!r}: wanted one open axis for a site or an output, found {len(found)}")
        return found[0]


def _term(reading: _Reading, node: Hashable) -> Term:
    """A node as a tensor with the index of every axis."""
    data, edges = reading.graph.nodes[node], reading.incident(node)
    placed = _placed(node, edges)
    tensor = data.get("tensor")
    shape = data.get("shape") if tensor is None else tensor.shape
    shape = _shape_of_edges(node, placed) if shape is None else tuple(shape)
    if placed and not 0 <= min(placed) <= max(placed) < len(shape):
        raise ValueError(f"{node!r}: wanted edges on the axes of shape {shape}, found one on axis {max(placed)}")
    legs, free = [], reading.free.setdefault(node, [])
    for axis, size in enumerate(shape):
        edge = placed.get(axis)
        if edge is None:
            legs.append(reading.fresh(f"{node}.{axis}"))
            free.append(legs[-1])
        elif edge.get("dim", size) != size:
            raise ValueError(f"{node!r}: wanted dim {size} of the edge on axis {axis}, found {edge['dim']}")
        else:
            legs.append(reading.index[id(edge)])
    array = jax.ShapeDtypeStruct(shape, "float32") if tensor is None else tensor
    return Term(tuple(legs), array, repr(node), str(data.get("name", "")))


def _placed(node: Hashable, edges: Sequence[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """The edge on every axis of a node, as the edges say or in their order."""
    once = {id(edge): edge for edge in edges}.values()
    said = [(axis, edge) for edge in once for end, axis in edge.get("axes", ()) if end == node]
    if not said:
        return dict(enumerate(edges))
    axis, count = Counter(axis for axis, _ in said).most_common(1)[0]
    if count > 1:
        raise ValueError(
            f"{node!r}: wanted one edge on axis {axis}, found {count}; a node of kind='copy' joins several to one index"
        )
    if len(said) != len(edges):
        raise ValueError(f"{node!r}: wanted an axis for each of {len(edges)} ends of edges, found {len(said)}")
    return dict(said)


def _shape_of_edges(node: Hashable, placed: dict[int, dict[str, Any]]) -> tuple[int, ...]:
    if not all("dim" in edge for edge in placed.values()):
        raise ValueError(f"{node!r}: wanted an array 'tensor', a 'shape', or 'dim' of all its edges, found none")
    return tuple(placed[axis]["dim"] for axis in sorted(placed))


def _numbered(reading: _Reading) -> list[str]:
    """The indices by the numbers that `to_networkx` gave them, where all edges have one."""
    edges = [edge for *_, edge in reading.graph.edges(data=True)]
    if not all("index" in edge for edge in edges):
        return []
    return list(dict.fromkeys(reading.index[id(edge)] for edge in sorted(edges, key=lambda edge: edge["index"])))
