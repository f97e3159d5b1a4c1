"""How far two ConvACs on the same sites are apart as functions. Uses the sum of trees and Gram folds.

    |h - h'|^2 / |h|^2, all classes together        h - h' is a tree too: the direct sum with weights 1 and -1
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import exp, inf
from typing import Any

import jax
import numpy as np

from tnsim.architectures.convac import ConvACArchitecture
from tnsim.architectures.sums import direct_sum
from tnsim.banks import Banks
from tnsim.compression.weights import RealBanks, real_banks
from tnsim.entanglement.gram import log_norm
from tnsim.entanglement.measure import SiteMeasure

__all__ = ["distance", "with_level"]

Given = tuple[ConvACArchitecture, Banks]
Term = tuple[ConvACArchitecture, RealBanks]


def distance(one: Given, other: Given, measure: SiteMeasure) -> float:
    """|h - h'|^2 / |h|^2 of (architecture, banks) h and h' in a measure, in float64; below 1e-13 it is rounding.

    The trees may differ in widths, and in levels whose windows hold one position. Raises ValueError where they differ
    in more, or h is zero.
    """
    terms = _aligned((one[0], real_banks(one[1])), (other[0], real_banks(other[1])))
    whole = _log_squared(*terms[0], measure)
    if whole == -inf:
        raise ValueError("one: it is exactly zero, so nothing is near it in proportion")
    with jax.enable_x64(True):
        arch, banks = direct_sum(terms, (1.0, -1.0))
    return exp(_log_squared(arch, real_banks(banks), measure) - whole)


def with_level(arch: ConvACArchitecture, banks: RealBanks, level: int, sharing: str = "full") -> Term:
    """The same function with one more level in front of `level`, or at the top: identities, windows of one position."""
    width = (*arch.widths_in, arch.channels[-1])[level]
    deeper = inserted(arch, level, width, sharing)
    copies = deeper.network.bank_shapes[f"conv_{level}"][0]
    later = {f"conv_{k + (k >= level)}": banks[f"conv_{k}"] for k in range(arch.depth)}
    later[f"conv_{level}"] = np.broadcast_to(np.eye(width), (copies, width, width))
    return deeper, {name: later.get(name, banks["output"]) for name in deeper.network.bank_shapes}


def inserted(arch: ConvACArchitecture, level: int, width: int, sharing: str) -> ConvACArchitecture:
    """The architecture with one more level of windows of one position in front of `level`."""
    put = lambda held, one: (*held[:level], one, *held[level:])  # noqa: E731
    groups: Any = None
    if arch.geometry is not None:
        every = [arch.groups(k) for k in range(arch.depth)]
        groups = put(tuple(every), np.arange((*arch.positions, 1)[level])[:, None])
    return replace(
        arch, channels=put(arch.channels, width), windows=put(arch.windows, (1,) * len(arch.grid)),
        sharing=put(arch.sharing, sharing), geometry=groups,
    )  # fmt: skip


def _aligned(one: Term, other: Term) -> list[Term]:
    """Both with the same levels."""
    level = 0
    while level < max(one[0].depth, other[0].depth):
        ends = [_kind(arch, level) for arch, _ in (one, other)]
        if ends[0] != ends[1]:
            if set(ends[1][0]) == {1}:
                one = with_level(*one, level, other[0].sharing[level])
            elif set(ends[0][0]) == {1}:
                other = with_level(*other, level, one[0].sharing[level])
            else:
                raise ValueError(f"other: wanted the windows {one[0].windows}, found {other[0].windows}")
        level += 1
    return [one, other]


def _kind(arch: ConvACArchitecture, level: int) -> tuple[Sequence[int], str]:
    """Window and sharing of a level; of one above the top, nothing."""
    return (arch.windows[level], arch.sharing[level]) if level < arch.depth else ((), "")  # type: ignore[return-value]


def _log_squared(arch: ConvACArchitecture, banks: RealBanks, measure: SiteMeasure) -> float:
    """ln sum_y |h_y|^2."""
    logs = [2 * log_norm(arch.network, banks, row, measure) for row in banks["output"]]
    return float(np.logaddexp.reduce(logs))
