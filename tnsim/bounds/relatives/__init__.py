"""Results of the related literature, computed: a file a family, each beside its statement (docs/theorems.md)."""

from tnsim.bounds.relatives import (
    geometries,
    graph_networks,
    locally_connected,
    overlapping,
    recurrent,
    sparsify,
    walks,
)

__all__ = ["geometries", "graph_networks", "locally_connected", "overlapping", "recurrent", "sparsify", "walks"]
