"""The inner product at the sites of any network, whose sites may differ in dimension. Uses measure; used by state.

    sites of one dimension M: one SiteMeasure, as in a layered tree; a network may have several such groups
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int, Num

from tnsim.entanglement.measure import SiteMeasure, site_measure


@dataclass(frozen=True, eq=False)
class SiteMeasures:
    """A SiteMeasure for the sites of each dimension. groups: (site numbers, their measure)."""

    name: str
    groups: tuple[tuple[Int[np.ndarray, "_"], SiteMeasure], ...]

    @cached_property
    def factors(self) -> tuple[Num[np.ndarray, "_ _"], ...]:
        """F of every site: its leg c meets F[c, a], a the orthonormal index."""
        found: dict[int, Num[np.ndarray, "_ _"]] = {}
        for sites, measure in self.groups:
            found |= {int(site): measure.factors[kind] for site, kind in zip(sites, measure.kind, strict=True)}
        return tuple(found[site] for site in sorted(found))

    @property
    def note(self) -> str:
        """One line on sites whose features are linearly dependent; empty where none are."""
        return "; ".join(filter(None, (measure.note for _, measure in self.groups)))


def site_measures(name: str, gram, dims: Sequence[int]) -> SiteMeasures:
    """The site factors of a measure over sites of these dimensions.

    gram: as `site_measure` takes it where all dimensions are equal, else a list of one (M_i, M_i) for every site.
    Raises ValueError as `site_measure`, and for a list of another length.
    """
    kinds = sorted(set(dims))
    groups = [np.flatnonzero(np.array(dims) == dim) for dim in kinds]
    if len(kinds) == 1 or gram is None:
        found = [(sites, site_measure(name, gram, len(sites), dim)) for dim, sites in zip(kinds, groups, strict=True)]
        return SiteMeasures(name, tuple(found))
    if not isinstance(gram, (list, tuple)) or len(gram) != len(dims):
        raise ValueError(
            f"gram: wanted a list of {len(dims)} matrices, one for each site of dimensions {tuple(kinds)}, "
            f"found {type(gram).__name__}"
        )
    each = [[np.asarray(gram[site]) for site in sites] for sites in groups]
    for dim, sites, some in zip(kinds, groups, each, strict=True):
        odd = [(site, one.shape) for site, one in zip(sites.tolist(), some, strict=True) if one.shape != (dim, dim)]
        if odd:
            raise ValueError(f"gram: wanted shape {(dim, dim)} at site {odd[0][0]}, found {odd[0][1]}")
    found = [
        (sites, site_measure(name, np.stack(some), len(sites), dim))
        for dim, sites, some in zip(kinds, groups, each, strict=True)
    ]
    return SiteMeasures(name, tuple(found))
