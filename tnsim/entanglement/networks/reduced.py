"""Reduced density matrices of a few sites of any network. Uses folds.

rho = C C^dagger, C (configurations of the sites, chi_B): the fold of a partition whose A side is not compressed
"""

from __future__ import annotations

from math import prod

import numpy as np
from jaxtyping import Num

from tnsim import memory
from tnsim.contract.clusters import Order
from tnsim.entanglement.networks import folds
from tnsim.entanglement.networks.parts import Parts
from tnsim.entanglement.networks.spectra import item_size
from tnsim.entanglement.reduced import normalised


def density_matrix(
    parts: Parts, factors: folds.Factors, sites: list[int], limit: str | float | None = None
) -> Num[np.ndarray, "D D"]:
    """rho of `sites`, in the order given (the first is the slowest digit), trace 1.

    Raises ValueError for no site and a state that is zero, MemoryLimitError where the estimate is above the limit.
    """
    if not sites:
        raise ValueError("sites: wanted at least one site, found none")
    mask = np.zeros(len(parts.site_dims), dtype=bool)
    mask[sites] = True
    plan = folds.planned(parts, mask, folds.COLUMNS)
    dims = [parts.site_dims[site] for site in sites]
    memory.check(
        (plan.peak + 3.0 * prod(dims) ** 2) * item_size(parts, factors), limit,
        f"sites: a density matrix of {len(sites)} sites", "Ways out: fewer sites; a higher memory=.",
    )  # fmt: skip
    values = {number: folds.leaf(part, factors, mask) for number, part in enumerate(parts.parts)}
    for number, merge in enumerate(plan.merges, start=len(parts.parts)):
        made = folds.product(values.pop(merge.left), values.pop(merge.right), merge.bonds)
        values[number] = folds.shrunk(made, rows=False)
    ((_, whole),) = values.items()
    C = whole.value.reshape(prod(dims), -1)
    return normalised(C @ np.conj(C.T), _rows(parts, mask, plan), sites, dims)


def _rows(parts: Parts, mask: np.ndarray, plan: Order) -> tuple[int, ...]:
    """The sites of A in the order of the fold's rows."""
    rows = [[site for site, _ in part.sites if mask[site]] for part in parts.parts]
    for merge in plan.merges:
        rows.append(rows[merge.left] + rows[merge.right])
    return tuple(rows[-1])
