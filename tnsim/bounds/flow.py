"""The min-cut of any network: loops, copy indices, several label legs. THEORY section 5. Uses graph; used by batches.

The weight of a cut is the product of the dimensions of the indices it severs, an exact integer: flows run on integer
capacities that compare as these products do (capacities.py), so ties are ties and near-ties are decided rightly.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import networkx as nx
import numpy as np
from jaxtyping import Bool, Int

from tnsim import partitions
from tnsim.bounds.graph import SINK, SOURCE, Joined, joined, open_edges, residual
from tnsim.bounds.weight import Weighed
from tnsim.network import Network

CLOSEST = ("A", "B")


class SeveredIndex(NamedTuple):
    """An index that a cut severs: its number, its name, and what it costs."""

    number: int
    name: str
    dim: int


@dataclass(frozen=True, eq=False)
class NetworkCut(Weighed):
    """A cut between A and B. indices: those it severs, by number; side: whether each tensor is on A's side."""

    indices: tuple[SeveredIndex, ...]
    side: Bool[np.ndarray, "tensors"]

    @cached_property
    def factors(self) -> dict[int, int]:
        """{dimension: exponent}, ascending; the weight is their product."""
        dims, counts = np.unique(np.array([index.dim for index in self.indices], dtype=np.int64), return_counts=True)
        return dict(zip(dims.tolist(), counts.tolist(), strict=True))

    @property
    def edges(self) -> tuple[SeveredIndex, ...]:
        """The cut itself, index by index: `indices`, by the name that a `Cut` has for it."""
        return self.indices

    @property
    def levels(self) -> dict[str, int]:
        """How many indices of each run of the wiring are cut: {"bond": 2}."""
        return dict(Counter(re.sub(r"\[\d+\]$|(?<=^site)_\d+$", "", index.name) for index in self.indices))

    def to_json(self) -> dict:
        """Factors and logarithm (and the integer itself where it is short), the indices, the tensors on A's side."""
        return {
            **self.weight_json(),
            "levels": self.levels,
            "indices": [list(index) for index in self.indices],
            "side": np.flatnonzero(self.side).tolist(),
        }

    def __repr__(self) -> str:
        return f"NetworkCut({self.weight_text()}, {len(self.indices)} indices severed)"


def network_min_cut(
    network: Network, A: Any, closest: str = "A", outputs: str = "free", memory: str | float | None = None
) -> NetworkCut:
    """The least product of dimensions that separates A's sites from B's; no Schmidt rank is higher.

    Exact for any network. A: site numbers or a mask over the sites. A site hangs on its index: to cut its leg is to
    sever the index. Of several minimal cuts the one that leaves the fewest tensors to A (closest="A") or to B; tensors
    that neither side holds go to the other one. outputs: "free", label legs join no side, and an index that ends in one
    costs its dimension; "fixed", for the state of one class, it costs 1.

    Raises ValueError for partitions that are empty or everything, dimensions below 1 and unknown words,
    MemoryLimitError where the flow does not fit into memory=.
    Source: THEORY section 5; Levine et al. (1704.01552), the min-cut theorem.
    """
    if closest not in CLOSEST:
        raise ValueError(f"closest: wanted one of {CLOSEST}, found {closest!r}")
    found = joined(network, site_mask(network, A), outputs)
    graph = residual(found, memory)
    return as_cut(network, found, _side(found, graph, closest))


def as_cut(network: Network, found: Joined, side: Bool[np.ndarray, "tensors"]) -> NetworkCut:
    """The cut that puts the tensors on these sides."""
    severed = found.severed(side).tolist()
    return NetworkCut(tuple(SeveredIndex(i, network.index_name(i), found.dims[i]) for i in severed), side)


def _side(found: Joined, graph: nx.DiGraph, closest: str) -> Bool[np.ndarray, "tensors"]:
    """What A's source reaches, or all but what reaches B's sink."""
    opened = nx.DiGraph(open_edges(graph))
    opened.add_nodes_from((SOURCE, SINK))
    reached = nx.descendants(opened, SOURCE) if closest == "A" else nx.ancestors(opened, SINK)
    side = np.full(found.tensors, closest == "B")
    side[tensors(reached)] = closest == "A"
    return side


def tensors(vertices: Any) -> Int[np.ndarray, "_"]:
    """The tensors among vertices of a flow graph."""
    return np.array([~v for v in vertices if isinstance(v, int) and v < 0], dtype=np.int64)


def site_mask(network: Network, A: Any) -> Bool[np.ndarray, "sites"]:
    """The set A as a mask over a network's sites. Raises ValueError as `partitions.mask`, and for names."""
    if isinstance(A, str):
        raise ValueError(f"partition: wanted site numbers or a mask of a network's sites, found the name {A!r}")
    return partitions.mask(partitions.Unlayered((len(network.sites),)), A)
