"""Back: any TensorNetwork graph becomes a network with banks. Uses walk, known, layers and general; used by contract.

    nodes --walk--> hypergraph --> our own network, if the nodes still view it   (known)
                               --> a layered tree of matrices, as a ConvAC's     (layers)
                               --> any network: stacks by shape                  (general)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import tensornetwork as tn
from jaxtyping import Num

from tnsim.banks import AnyArray, Banks
from tnsim.interop import general, known, layers
from tnsim.interop.naming import FEATURES
from tnsim.interop.said import say_outputs, say_pieces
from tnsim.interop.walk import Hypergraph, Roles, roles, walk
from tnsim.network import Network, Stack, Table, build

UNNAMED = "__unnamed_edge__"  # TensorNetwork's own


class Reading(NamedTuple):
    """A graph that has been read.

    features: one sample's, where vectors close all sites of a layered tree or of a network of `to_tensornetwork`
    (then the network is the open one). ends: the open edges, sites then outputs. backend: the nodes'. viewed: no
    number was copied or compared, banks and features are the very arrays that the nodes view.
    """

    network: Network
    banks: Banks
    features: Num[AnyArray, "1 sites M"] | None
    ends: tuple[tn.Edge, ...]
    backend: str
    viewed: bool = False


def from_tensornetwork(
    nodes: Iterable[tn.AbstractNode],
    site_edges: Sequence[tn.Edge] | None = None,
    class_edge: tn.Edge | None = None,
    allow: Collection[str] = (),
) -> tuple[Network, Banks]:
    """The network of a TensorNetwork graph, and its banks. Reads it only: nodes and edges stay as they are.

    Copy nodes become hyperedges. Dangling edges become sites (in the order of site_edges, else by their names site_0,
    site_1, .., else as they come) and outputs (class_edge, else one named "class"). A graph of `to_tensornetwork` gives
    back its own network and banks, also after TensorNetwork copied or saved it; a graph with the structure of a
    ConvAC becomes a layered tree; vectors on all of its sites are the bank "features".

    allow: what else is meant, without the warning that says so: "outputs", dangling edges beside known sites and the
    class edge, each an output; "parts", several parts that share no edge, which are multiplied.

    Raises ValueError for no nodes, unknown edges, or nodes of other backends than jax and numpy.
    """
    unknown = sorted(set(allow) - {"outputs", "parts"})
    if unknown:
        raise ValueError(f"allow: wanted some of ('outputs', 'parts'), found {unknown[0]!r}")
    graph = walk(nodes)
    role = roles(graph, site_edges, class_edge)
    reading = _read(graph, role, site_edges is not None or class_edge is not None)
    if role.named and "outputs" not in allow:
        dangling = [graph.opened[place][0] for place in role.outputs]
        say_outputs([_called(edge) for edge in dangling if edge is not class_edge], stacklevel=3)
    if "parts" not in allow:
        say_pieces(graph.legs, stacklevel=3)
    if reading.features is None:
        return reading.network, reading.banks
    return closed(reading.network), {**reading.banks, FEATURES: reading.features[0]}


def _called(edge: tn.Edge) -> str:
    """A dangling edge's name, or where it hangs."""
    return f"axis {edge.axis1} of {edge.node1.name}" if edge.name == UNNAMED else edge.name


def closed(network: Network) -> Network:
    """The network with a vector of the bank "features" on every site."""
    sites = network.sites.array
    shape = (int(network.dims[sites[0]]),)
    vectors = Stack(FEATURES, len(sites), shape, Table(np.arange(len(sites))), Table(sites[:, None]))
    return build(network.indices, (*network.stacks, vectors), np.empty(0, np.int32), network.outputs)


def read(
    nodes: Iterable[tn.AbstractNode],
    site_edges: Sequence[tn.Edge] | None = None,
    class_edge: tn.Edge | None = None,
) -> Reading:
    """The graph read, contracting nothing; features apart from the network where vectors close a layered tree.

    Raises ValueError as `from_tensornetwork`.
    """
    graph = walk(nodes)
    given = site_edges is not None or class_edge is not None
    return _read(graph, roles(graph, site_edges, class_edge), given)


def _read(graph: Hypergraph, role: Roles, given: bool) -> Reading:
    return _known(graph, role, given) or _layered(graph, role) or _general(graph, role)


def _general(graph: Hypergraph, role: Roles) -> Reading:
    network, banks = general.read(graph, role.sites, role.outputs)
    return _reading(graph, network, banks, None, [*role.sites, *role.outputs])


def _known(graph: Hypergraph, role: Roles, given: bool) -> Reading | None:
    """The network that the nodes remember, if its open ends are still the graph's and in the order asked for."""
    found = known.find(graph)
    if found is None:
        return None
    sites = [] if found.features is not None else found.network.sites.array.tolist()
    wanted: list[int] = [*sites, *found.network.outputs]
    numbers = found.numbers[[index for _, index in graph.opened]].tolist()
    if sorted(numbers) != sorted(wanted):
        return None
    places = [*role.sites, *role.outputs]
    if [numbers[place] for place in places] != wanted:
        if given or len(set(wanted)) != len(wanted):
            return None
        at = {index: place for place, index in enumerate(numbers)}
        places = [at[index] for index in wanted]
    reading = _reading(graph, found.network, found.banks, found.features, places)
    return reading._replace(viewed=True)


def _layered(graph: Hypergraph, role: Roles) -> Reading | None:
    """The layered tree below the only output, or below the only open end."""
    tops = role.outputs if role.outputs else role.sites
    if len(tops) != 1:
        return None
    found = layers.find(graph, graph.opened[tops[0]][1])
    if found is None:
        return None
    site_of = {graph.opened[place][1]: number for number, place in enumerate(role.sites)}
    sites = None if found.closed else [site_of[index] for index in found.leaves]
    tree = layers.read(graph, found, sites, role.named)
    open_sites = [] if found.closed else [role.sites[site_of[index]] for index in tree.leaves]
    return _reading(graph, tree.network, tree.banks, tree.features, [*open_sites, *tops])


def _reading(graph: Hypergraph, network: Network, banks: Banks, features, places: list[int]) -> Reading:
    one = None if features is None else features[None]
    return Reading(network, banks, one, tuple(graph.opened[place][0] for place in places), graph.backend)
