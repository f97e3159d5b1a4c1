"""The two bounds of Cohen & Shashua on what a pooling geometry lets a partition have. THEORY section 5.

They enclose the min-cut and need no search: first-level windows that a partition splits, and a recursion over nodes.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool

from tnsim import partitions
from tnsim.architectures.layered import Layered
from tnsim.bounds.asked import layered


class PoolingBounds(NamedTuple):
    """lower <= min-cut <= upper, exact integers; split: windows of the first level that have sites of both sides."""

    lower: int
    upper: int
    split: int


def pooling_bounds(arch: Any, A: partitions.Partition) -> PoolingBounds:
    """(min(r_0, M)^S, min(M^min(|A|, |B|), r_{L-1} prod_t c^{L-1,t}), S): what encloses the min-cut.

    S: windows of the first level that the partition splits. c^{0,k} = 1, and for node k of level l, above window l:
    c^{l,k} = min(M^min(|I|, |J|), r_{l-1} prod_t c^{l-1,t}) over its children t, I and J being its sites in A and B.
    Stated there for windows of 4; both hold for any: split windows are disjoint and cost min(r_0, M) each at least, and
    every c is the weight of a cut.
    Source: Cohen & Shashua, "Inductive bias of deep convolutional networks through pooling geometry" (1605.06743),
    Theorem 1, in the form of THEORY section 5. Raises ValueError for an architecture that is no layered tree.
    """
    arch = layered(arch, "pooling_bounds")
    mask = partitions.mask(arch, A)
    split = _split_windows(arch, mask)
    return PoolingBounds(min(arch.channels[0], arch.features) ** split, _recursion(arch, mask), split)


def _split_windows(arch: Layered, mask: Bool[np.ndarray, "sites"]) -> int:
    first = mask[arch.groups(0)]
    return int((first.any(axis=1) & ~first.all(axis=1)).sum())


def _recursion(arch: Layered, mask: Bool[np.ndarray, "sites"]) -> int:
    costs, in_a, size = [1] * arch.size, mask.astype(np.int64), 1
    for level, r in enumerate(arch.channels):
        groups = arch.groups(level)
        size *= groups.shape[1]
        in_a = in_a[groups].sum(axis=1)
        pooled = [r * prod(costs[child] for child in group) for group in groups.tolist()]
        costs = [min(arch.features ** min(n, size - n), cost) for n, cost in zip(in_a.tolist(), pooled, strict=True)]
    return costs[0]
