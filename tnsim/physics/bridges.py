"""Trees without their bridges, cores that join two bonds and no more. Used by tree_dmrg.

    u --o-- v   ->   u ----- v         a bridge is a matrix: it goes into a neighbour, and comes back as the identity

With a bridge for one of two cores, a bond beside it never gets wider than the other, so that neither ever grows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tnsim.canonical.state import TreeState, absorbed
from tnsim.canonical.wiring import Wiring, rooted


class Bridged(NamedTuple):
    """A tree without bridges.

    kept: its cores' numbers in the tree that has them. bonds: of each bond there the one here.
    """

    wiring: Wiring
    kept: tuple[int, ...]
    bonds: tuple[int, ...]


def without_bridges(tree: Wiring) -> Bridged:
    """The same tree where both bonds of a bridge are one."""
    kept = tuple(core for core, legs in enumerate(tree.legs) if not _is_bridge(legs))
    same = list(range(tree.bonds))
    for one, other in (legs for legs in tree.legs if _is_bridge(legs)):
        same = [same[one] if bond == same[other] else bond for bond in same]
    place = {bond: number for number, bond in enumerate(sorted(set(same)))}
    bonds = tuple(place[bond] for bond in same)
    legs = tuple(tuple(leg if leg < 0 else bonds[leg] for leg in tree.legs[core]) for core in kept)
    return Bridged(Wiring(legs), kept, bonds)


def _is_bridge(legs: tuple[int, ...]) -> bool:
    return len(legs) == 2 and min(legs) >= 0


def crossed(state: TreeState, found: Bridged) -> TreeState:
    """A state of NumPy cores on the tree without bridges."""
    cores = list(state.cores)
    for step in rooted(state.wiring, found.kept[0]):
        if step.core not in found.kept:
            matrix = np.moveaxis(cores[step.core], step.axis, -1)
            cores[step.onto] = absorbed(np, cores[step.onto], step.at, matrix)
    return TreeState(tuple(cores[core] for core in found.kept), found.wiring, None, state.log_scale)


def bridged(state: TreeState, found: Bridged, tree: Wiring) -> TreeState:
    """Back on the whole tree, each bridge an identity."""
    dims, cores = state.bond_dims, dict(zip(found.kept, state.cores, strict=True))
    whole = [
        cores[core] if core in cores else np.eye(dims[found.bonds[legs[0]]], dtype=state.cores[0].dtype)
        for core, legs in enumerate(tree.legs)
    ]  # fmt: skip
    return TreeState(tuple(whole), tree, found.kept[state.centre or 0], state.log_scale)
