"""Any other TensorNetwork graph as a network: tensors in stacks, indices in runs. Used by reading.

    stacks: by the tensors' names where all agree ("tensors_0[2]/5"), else views by their bank, the others by shape
    indices: the sites in order, the outputs, then runs of one dimension in the order in which the tensors meet them
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import tensornetwork as tn

from tnsim.banks import Banks
from tnsim.interop.naming import Name, parse
from tnsim.interop.nodes import BankNode
from tnsim.interop.rows import stacked
from tnsim.interop.walk import Hypergraph
from tnsim.network import Indices, Network, Stack, Table, build


def read(graph: Hypergraph, sites: Sequence[int], outputs: Sequence[int]) -> tuple[Network, Banks]:
    """The network of a graph and its banks; sites and outputs are places in `graph.opened`."""
    groups = list(_named(graph) or _grouped(graph))
    opened = [[graph.opened[place][1] for place in places] for places in (sites, outputs)]
    met = [index for _, members, _ in groups for member in members for index in graph.legs[member]]
    runs, number = _indices(graph.dims, opened[0], opened[1], met)
    stacks, banks = [], {}
    for bank, members, names in groups:
        nodes = [graph.tensors[member] for member in members]
        legs = np.array([[number[index] for index in graph.legs[member]] for member in members], dtype=np.int32)
        banks[bank], copies, slots = _bank(nodes, names)
        shape = tuple(graph.dims[index] for index in graph.legs[members[0]])
        stacks.append(Stack(bank, copies, shape, Table(slots), Table(legs.reshape(len(members), -1))))
    places = [[number[index] for index in indices] for indices in opened]
    return build(runs, stacks, np.array(places[0], dtype=np.int32), places[1]), banks


Group = tuple[str, list[int], list[Name] | None]  # bank, the tensors that read it, their names if these are right


def _named(graph: Hypergraph) -> list[Group] | None:
    """Groups by the banks that the names tell; None unless all names are right and of one shape in a bank."""
    found: dict[str, list[tuple[Name, int]]] = {}
    for number, node in enumerate(graph.tensors):
        name = parse(node.name)
        if name is None:
            return None
        found.setdefault(name.bank, []).append((name, number))
    groups: list[Group] = []
    for bank in sorted(found, key=_natural):
        members = sorted(found[bank], key=lambda member: member[0].position)
        shapes = {tuple(graph.dims[index] for index in graph.legs[number]) for _, number in members}
        if len(shapes) != 1 or [name.position for name, _ in members] != list(range(len(members))):
            return None
        groups.append((bank, [number for _, number in members], [name for name, _ in members]))
    return groups


def _grouped(graph: Hypergraph) -> Iterator[Group]:
    """Groups of views of one bank, and of other tensors by shape and type, as they come."""
    groups: dict[tuple, list[int]] = {}
    for number, (node, legs) in enumerate(zip(graph.tensors, graph.legs, strict=True)):
        row = node.row if isinstance(node, BankNode) else None
        kind = str(node.dtype) if row is None or row.slot is None else id(row.array)
        groups.setdefault((kind, tuple(graph.dims[index] for index in legs)), []).append(number)
    for count, members in enumerate(groups.values()):
        yield f"tensors_{count}", members, None


def _natural(text: str) -> list[tuple[int, str]]:
    """tensors_2 before tensors_10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]


def _bank(nodes: list[tn.Node], names: list[Name] | None):
    """(array, copies, slots) of a group; a bank of one whole tensor has no axis of copies."""
    if names and len(names) == 1 and names[0].slot is None:
        return nodes[0].tensor, 0, [0]
    rows = stacked(nodes, (), names)
    return rows.array, rows.copies, rows.slots


def _indices(dims: Sequence[int], sites: Sequence[int], outputs: Sequence[int], met: Sequence[int]):
    """Runs of indices, and the new number of every index: sites, outputs, then the others by dimension."""
    site_order = list(dict.fromkeys(sites))
    output_order = [index for index in dict.fromkeys(outputs) if index not in set(site_order)]
    opened = {*site_order, *output_order}
    inner = [index for index in dict.fromkeys(met) if index not in opened]
    runs: list[Indices] = []
    if len({dims[index] for index in site_order}) == 1:
        runs.append(Indices("site", len(site_order), dims[site_order[0]]))
    else:
        runs += [Indices(f"site_{i}", 1, dims[index]) for i, index in enumerate(site_order)]
    single = len(output_order) == 1
    runs += [Indices("class" if single else f"class_{i}", 1, dims[index]) for i, index in enumerate(output_order)]
    inner.sort(key=lambda index: dims[index])  # stable: as met, within a dimension
    sizes = [dims[index] for index in inner]
    runs += [Indices(f"bond_{size}", sizes.count(size), size) for size in sorted(set(sizes))]
    return runs, {index: number for number, index in enumerate([*site_order, *output_order, *inner])}
