"""Schmidt spectra of any network, by folding factors C over clusters of its parts. THEORY section 6. Uses clusters.

    chi_A --[ C ]-- chi_B      rows: what the cluster's sites of A span; columns: those of B
              |
            bonds              all indices shared with other parts: several where the network has loops

Clusters meet two by two; after each product an orthogonal step brings chi_A to at most chi_B times the bonds, and back.
On a chain or a tree this is the fold of schmidt.py; with loops it is as exact, and costs what the bonds around a
cluster cost. No Gram matrix is formed, so that small values survive.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Num

from tnsim.contract.clusters import Order, Shape, Sizes, order
from tnsim.entanglement.compress import compressed, shrink
from tnsim.entanglement.networks.parts import Part, Parts
from tnsim.entanglement.networks.products import Matmul, Named, ordered, times

A, B, OTHER_A, OTHER_B = -1, -2, -3, -4  # names of the axes beside the bonds, which are numbers from 0 on
SPECTRUM = Sizes(compressed)
COLUMNS = Sizes(lambda a, b, bond: (a, min(b, a * bond)))  # chi_A as it comes: the configurations of A's sites


class Factor(NamedTuple):
    """C (chi_A, chi_B, bonds ..) times exp(log_scale); bonds ascending."""

    value: Num[np.ndarray, "a b ..."]
    bonds: tuple[int, ...]
    log_scale: float


Factors = tuple[Num[np.ndarray, "_ _"], ...]


def planned(parts: Parts, mask: Bool[np.ndarray, "sites"], sizes: Sizes = SPECTRUM) -> Order:
    """The order in which the parts meet for one partition."""
    return order([_shape(parts, part, mask) for part in parts.parts], parts.dims, sizes)


def _shape(parts: Parts, part: Part, mask: Bool[np.ndarray, "sites"]) -> Shape:
    a, b = (prod(parts.site_dims[site] for site, _ in part.sites if mask[site] == side) for side in (True, False))
    return Shape(a, b, frozenset(part.bonds))


def leaf(part: Part, factors: Factors, mask: Bool[np.ndarray, "sites"], matmul: Matmul = np.matmul) -> Factor:
    """A part's own C, not compressed: its tensor with F at every site, those of A slowest, in the part's order."""
    found = Named(part.legs, part.tensor)
    opened = [OTHER_B - 1 - place for place in range(len(part.sites))]
    for axis, (site, index) in zip(opened, part.sites, strict=True):
        found = times(found, Named((axis, index), factors[site].T), (*part.bonds, *opened), matmul)
    on_a = dict(zip(opened, (bool(mask[site]) for site, _ in part.sites), strict=True))
    sides = [[axis for axis in opened if on_a[axis] == side] for side in (True, False)]
    bonds = tuple(sorted(part.bonds))
    value = ordered(found, (*sides[0], *sides[1], *bonds)).value
    rows = int(np.prod(value.shape[: len(sides[0])], dtype=int))
    return Factor(value.reshape(rows, -1, *value.shape[len(opened) :]), bonds, 0.0)


def product(x: Factor, y: Factor, kept: frozenset[int], matmul: Matmul = np.matmul) -> Factor:
    """(chi_A1 chi_A2, chi_B1 chi_B2, kept bonds), not compressed."""
    left, right = Named((A, B, *x.bonds), x.value), Named((OTHER_A, OTHER_B, *y.bonds), y.value)
    bonds = tuple(sorted(kept))
    value = ordered(times(left, right, kept, matmul), (A, OTHER_A, B, OTHER_B, *bonds)).value
    a1, a2, b1, b2 = value.shape[:4]
    return Factor(value.reshape(a1 * a2, b1 * b2, *value.shape[4:]), bonds, x.log_scale + y.log_scale)


def shrunk(x: Factor, rows: bool = True) -> Factor:
    """The orthogonal step on both sides (on columns alone without `rows`), and peak 1."""
    a, b = x.value.shape[:2]
    found = shrink(np, x.value.reshape(1, a, b, -1), np.array([x.log_scale]), rows)
    value = np.asarray(found.value[0])
    return Factor(value.reshape(*value.shape[:2], *x.value.shape[2:]), x.bonds, float(found.log_scale[0]))
