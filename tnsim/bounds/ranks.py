"""Bounds on Schmidt ranks of trees, from below and above, and the gap between. THEORY section 5. Uses kinds.

docs/bounds.md has the proofs: symmetric powers where equal subtrees meet, powers of one integer for the lower bound.
"""

from __future__ import annotations

from functools import lru_cache
from math import log
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool

from tnsim import partitions
from tnsim.architectures.layered import Layered
from tnsim.bounds.asked import mask_of, wired
from tnsim.bounds.kinds import kinds_of, root_weights
from tnsim.bounds.min_cut import min_cut
from tnsim.contract.schedule import NotLayered, distinct, whole
from tnsim.network import Network


class RankBounds(NamedTuple):
    """lower: for almost all free weights; upper: for any weights; note: what each of them rests on."""

    lower: int
    upper: int
    note: str


class RankGap(NamedTuple):
    """What the bounds leave open: lower and upper as in `RankBounds`, and log, ln(upper / lower) in nats."""

    lower: int
    upper: int
    log: float

    @property
    def closed(self) -> bool:
        """Whether almost all free weights have exactly this rank."""
        return self.lower == self.upper


def rank_bounds(arch: Any, A: partitions.Partition) -> RankBounds:
    """(lower, upper, note) for the Schmidt rank across a partition. THEORY section 5.

    upper holds for any weights: the min-cut, sharpened by symmetric powers where equal subtrees meet in a window.
    lower holds for almost all *free* weights, none shared or pinned; it never speaks of one given trained network.
    Of an architecture that is no `Layered` tree of matrices upper is the min-cut, and lower 1: none better is known.
    Raises ValueError as `min_cut`.
    """
    if not _is_layered(arch):
        note = "upper: min-cut, for any weights; lower: none for networks that are no layered trees"
        return RankBounds(1, min_cut(arch, A).value, note)
    return _tree_bounds(arch, partitions.mask(arch, A))


def _is_layered(arch: Any) -> bool:
    try:
        whole(wired(arch))
    except NotLayered:
        return False
    return isinstance(arch, Layered)


def _tree_bounds(arch: Layered, mask: Bool[np.ndarray, "sites"]) -> RankBounds:
    dims = (arch.features, *arch.channels)
    kinds = kinds_of(arch.network, mask[None])
    (cut,) = root_weights(kinds, dims)
    upper = min(cut, shared_weight(arch.network, mask, cut))
    because = "min-cut" if upper == cut else "min-cut sharpened by symmetric powers (shared weights)"
    if any(kind != "none" for kind in arch.sharing):
        return RankBounds(1, upper, f"upper: {because}, for any weights; lower: none for shared weights")
    powers = ((root_weights(kinds, [power_below(c, p) for c in dims])[0], p) for p in bases(dims))
    best, base = max(powers)
    rests_on = f"upper: {because}, for any weights; lower: for almost all free weights (powers of {base})"
    return RankBounds(best, upper, f"{rests_on}, not for a given network")


def rank_gap(arch: Any, A: partitions.Partition) -> RankGap:
    """How far the bounds on the Schmidt rank of almost all weights lie apart; for shared weights, and networks that are
    no layered trees, the lower one is 1."""
    lower, upper, _ = rank_bounds(arch, A)
    return RankGap(lower, upper, log(upper) - log(lower))


def shared_upper(arch: Any, A: partitions.Partition) -> int:
    """What no Schmidt rank exceeds where weights are shared: the min-cut with symmetric powers, for any sharing.

    m children of one window whose subtrees read the same rows of all banks and lie wholly on the other side cost
    C(rho + m - 1, m), not rho^m, with rho the cost of one. Without such children, and so without sharing, the min-cut;
    so for every network that is no layered tree.
    Source: THEORY section 5; proof in docs/bounds.md.
    """
    cut = min_cut(arch, A).value
    return shared_weight(arch.network, mask_of(arch, A), cut) if _is_layered(arch) else cut


def shared_weight(network: Network, mask: Bool[np.ndarray, "sites"], cut: int) -> int:
    """`shared_upper` of a layered network, given its min-cut."""
    if not has_equal_children(network):
        return cut
    waves = whole(network).waves
    dims = (waves[0].dim_in, *(wave.dim_out for wave in waves))
    return root_weights(kinds_of(network, mask[None], by_bank=True), dims, symmetric=True)[0]


@lru_cache(maxsize=256)
def has_equal_children(network: Network) -> bool:
    """Whether some window of a layered tree pools two subtrees that read the same rows of all banks."""
    schedule = distinct(whole(network), np.zeros(len(network.sites), np.int64))
    return any((np.diff(wave.children.array, axis=1) == 0).any() for wave in schedule.waves)


def bases(dims: tuple[int, ...]) -> set[int]:
    """The integers p of which one gives the best lower bound: roots of the dimensions, rounded down.

    With fixed exponents floor(log_p c) the bound grows with p, up to the least root of a dimension of that exponent.
    """
    found = {_root(c, e) for c in dims for e in range(1, c.bit_length())}
    return found or {2}


def _root(c: int, e: int) -> int:
    """floor(c^(1/e)), exactly."""
    low, high = 1, 1 << -(-c.bit_length() // e)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**e <= c else (low, middle - 1)
    return low


def power_below(c: int, p: int) -> int:
    """The largest power of p that is at most c."""
    power = 1
    while power * p <= c:
        power *= p
    return power
