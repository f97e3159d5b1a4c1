"""Pooling geometries side by side: which favours which partition. Over bounds.min_cut.

    square windows: near sites meet early, interleaved partitions are rich      mirror windows: a site meets its image

"Odd-even" of the literature is the checkerboard in 2D ("interleaved" in 1D), its low-high top-bottom. The two-sided
bound on one geometry is bounds.pooling_geometry's. Cohen & Shashua 2017, "Inductive bias of deep convolutional networks
through pooling geometry" (arXiv 1605.06743).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

from tnsim.architectures.convac import ConvACArchitecture
from tnsim.bounds.min_cut import min_cut
from tnsim.partitions import Partition

__all__ = ["Favoured", "compare", "favoured", "folded_checkerboard", "square_and_mirror"]


class Favoured(NamedTuple):
    """One partition: ln min-cut under every geometry, and the geometry that allows the most; None if several do."""

    partition: str
    logs: dict[str, float]
    winner: str | None


def compare(geometries: Mapping[str, ConvACArchitecture], named: Mapping[str, Partition]) -> list[Favoured]:
    """Min-cuts of every partition under every geometry, and which allows the most: the data of a figure.

    named: partitions, as everywhere, by the names under which they are told. For unshared weights a min-cut is the rank
    of almost all of them (THEORY section 5), so the winner can separate the two sides by exponentially more. Exact
    integers are compared, their logarithms (nats) told.

    Source: Cohen & Shashua 2017 (1605.06743), Theorem 1 and what follows from it. Raises ValueError for no geometry,
    geometries over different sites, and partitions that are unknown.
    """
    grids = {arch.grid for arch in geometries.values()}
    if len(grids) != 1:
        raise ValueError(f"geometries: wanted at least one, all over the same sites, found {sorted(grids)}")
    rows = []
    for partition, A in named.items():
        cuts = {name: min_cut(arch, A) for name, arch in geometries.items()}
        most = max(cut.value for cut in cuts.values())
        first = [name for name, cut in cuts.items() if cut.value == most]
        logs = {name: cut.log for name, cut in cuts.items()}
        rows.append(Favoured(partition, logs, first[0] if len(first) == 1 else None))
    return rows


def favoured(rows: Sequence[Favoured]) -> dict[str, list[str]]:
    """The partitions that each geometry favours."""
    found: dict[str, list[str]] = {name: [] for row in rows for name in row.logs}
    for row in rows:
        if row.winner is not None:
            found[row.winner].append(row.partition)
    return found


def square_and_mirror(side: int, features: int, width: int) -> dict[str, ConvACArchitecture]:
    """Networks over side x side sites that differ in nothing but their windows: square ones of 2 x 2, or mirror images.

    Raises ValueError unless side is a power of two, at least 2.
    """
    if side < 2 or side & (side - 1):
        raise ValueError(f"side: wanted a power of two, at least 2, found {side}")
    depth = side.bit_length() - 1
    shape = ((side, side), features, (width,) * depth, (2,) * depth, 1)
    return {name: ConvACArchitecture(*shape, geometry=kind) for name, kind in (("square", None), ("mirror", "mirror"))}


def folded_checkerboard(side: int) -> Bool[np.ndarray, "side side"]:
    """A checkerboard of a quarter and its mirror images: splits every square window, no mirror window of sites."""
    rows, columns = (np.minimum(axis, side - 1 - axis) for axis in np.indices((side, side)))
    return (rows + columns) % 2 == 0
