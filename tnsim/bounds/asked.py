"""What bounds ask of an architecture: its network and its sites; those of trees, its levels. Ground of bounds.

    arch --[ wired ]--> Network      arch, A --[ mask_of ]--> sites of A      arch --[ layered ]--> Layered, or why not
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool

from tnsim import partitions
from tnsim.architectures.layered import Layered
from tnsim.contract.schedule import NotLayered, whole
from tnsim.network import Network

ALTERNATIVES = (
    "tnsim.bounds.min_cut(arch, A) and rank_bounds(arch, A) bound the ranks of every architecture, "
    "tnsim.bounds.minimal_cuts(arch.network, A) lists which indices limit them"
)


def wired(arch: Any) -> Network:
    """The network of an architecture. Raises ValueError for what has none."""
    found = getattr(arch, "network", None)
    if not isinstance(found, Network):
        instead = "; tnsim.bounds.network_min_cut takes a network itself" if isinstance(arch, Network) else ""
        kind = type(arch).__name__
        raise ValueError(f"arch: wanted an architecture, with a Network as its .network, found {kind}{instead}")
    return found


def mask_of(arch: Any, A: partitions.Partition) -> Bool[np.ndarray, "sites"]:
    """The set A as a mask over an architecture's sites; by name as `partitions.sites_of` lays them out.

    Raises ValueError as `wired` and `partitions.mask`, and for an architecture whose grid has not its network's sites.
    """
    count, sites = len(wired(arch).sites), partitions.sites_of(arch)
    if sites.size != count:
        raise ValueError(f"arch: wanted a grid of its network's {count} sites, found {sites.grid}")
    return partitions.mask(sites, A)


def layered(arch: Any, bound: str) -> Layered:
    """The architecture, if it is a layered tree of matrices; `bound` names who asks.

    Raises ValueError naming what there is for any architecture.
    """
    network, kind = wired(arch), type(arch).__name__
    try:
        whole(network)
    except NotLayered as error:
        reason = f"{kind}, which is none ({error.args[0]})"
    else:
        if isinstance(arch, Layered):
            return arch
        reason = f"{kind}, which does not say its levels (no tnsim.architectures.layered.Layered)"
    raise ValueError(f"arch: {bound} wants a layered tree of matrices (a ConvAC), found {reason}; {ALTERNATIVES}")
