"""A graph whose nodes still view a network's banks, and which is still wired as that network. Used by reading.

The nodes remember which tensors of which network they are: what is left is to compare the wiring, in whole arrays.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Num

from tnsim.banks import AnyArray, Banks
from tnsim.interop.nodes import BankNode, Row
from tnsim.interop.walk import Hypergraph
from tnsim.network import Network


class Known(NamedTuple):
    """numbers[i]: the network's number of the graph's index i; features: where vectors close the sites."""

    network: Network
    banks: Banks
    numbers: Int[np.ndarray, "indices"]
    features: Num[AnyArray, "sites M"] | None


def find(graph: Hypergraph) -> Known | None:
    """The network that a graph was made from, or None where nodes or wiring are others now."""
    rows = [node.row if isinstance(node, BankNode) else None for node in graph.tensors]
    network = next((row.network for row in rows if row is not None and row.network is not None), None)
    if network is None or len(network.stacks) == 0:
        return None
    where = _places(network, rows)
    if where is None:
        return None
    banks = _banks(network, [rows[number] for number in where])
    index = _match(network, [graph.legs[number] for number in where], len(graph.dims))
    if banks is None or index is None:
        return None
    taken = set(where)
    others = [number for number in range(len(rows)) if number not in taken]
    if not others:
        return Known(network, banks, index, None)
    features = _features(network, [(rows[number], graph.legs[number]) for number in others], index)
    return None if features is None else Known(network, banks, index, features)


def _places(network: Network, rows: list[Row | None]) -> list[int] | None:
    """The number of the node that is each tensor of the network, if each is there once."""
    first = np.cumsum([0, *(stack.count for stack in network.stacks)]).tolist()
    where = [-1] * network.tensor_count
    for number, row in enumerate(rows):
        if row is None or (row.network is not None and row.network is not network):
            return None
        if row.network is not None:
            place = first[row.stack] + row.position
            if where[place] >= 0:
                return None
            where[place] = number
    return None if -1 in where else where


def _banks(network: Network, rows: list[Row | None]) -> Banks | None:
    """The banks that the rows view, if all rows of a stack view one."""
    banks: dict[str, AnyArray] = {}
    for stack in network.stacks:
        arrays = [row.array for row in rows[: stack.count] if row is not None]
        rows = rows[stack.count :]
        array = banks.setdefault(stack.bank, arrays[0])
        if any(other is not array for other in arrays):
            return None
    return banks


def _match(network: Network, legs: list[tuple[int, ...]], indices: int) -> Int[np.ndarray, "indices"] | None:
    """The network's number of every index of the graph, if the legs of all tensors agree on it."""
    found = np.array([index for tensor in legs for index in tensor], dtype=np.int64)
    wanted = np.concatenate([stack.legs.array.ravel() for stack in network.stacks])
    if found.shape != wanted.shape:
        return None
    number = np.full(indices, -1, dtype=np.int64)
    number[found] = wanted
    one_to_one = len(np.unique(number[number >= 0])) == len(np.unique(found))
    return number if one_to_one and (number[found] == wanted).all() and (number >= 0).all() else None


def _features(network: Network, vectors, index) -> Num[AnyArray, "sites M"] | None:
    """The features of which one vector hangs on every site, in order."""
    sites = network.sites.array.tolist()
    at = {int(index[legs[0]]): row for row, legs in vectors if len(legs) == 1}
    if len(at) != len(vectors) or set(at) != set(sites) or len(set(sites)) != len(sites):
        return None
    rows = [at[site] for site in sites]
    array = rows[0].array
    if any(row.array is not array or row.slot != i for i, row in enumerate(rows)) or len(array) != len(sites):
        return None
    return array
