"""The sum of trees is a tree: networks of one shape as one of the summed widths. Uses convac.

    h = sum_k weight_k h_k:   conv_0 rows stacked | conv_l blocks on the diagonal | output side by side, weighted
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import jax.numpy as jnp
from jaxtyping import Array, Num

from tnsim import banks as bank_checks
from tnsim.architectures.convac import Banks, ConvACArchitecture
from tnsim.banks import AnyArray

__all__ = ["direct_sum"]

Terms = Sequence[tuple[ConvACArchitecture, Mapping[str, Num[AnyArray, "..."]]]]
SAME = ("sites", "features", "windows", "classes", "sharing", "geometry")


def direct_sum(terms: Terms, weights: Sequence[float] | None = None) -> tuple[ConvACArchitecture, Banks]:
    """The architecture and banks whose scores are sum_k weights[k] h_k of terms (architecture, banks), exactly.

    The terms share sites, features, windows, classes, sharing and geometry, and may differ in widths, which add up.
    weights: 1/K each by default. So an ensemble is measured as any ConvAC is.

    Raises ValueError where there is no term, terms differ in shape, banks do not fit or weights are not one a term.
    """
    if not terms:
        raise ValueError("terms: wanted at least one (architecture, banks), found none")
    first = terms[0][0]
    for arch, banks in terms:
        differ = [name for name in SAME if getattr(arch, name) != getattr(first, name)]
        if differ:
            raise ValueError(f"terms: wanted equal {', '.join(differ)}, found {arch} beside {first}")
        bank_checks.check(arch.network, banks)
    scales = [1 / len(terms)] * len(terms) if weights is None else [float(weight) for weight in weights]
    if len(scales) != len(terms):
        raise ValueError(f"weights: wanted one for each of the {len(terms)} terms, found {len(scales)}")
    widths = tuple(sum(level) for level in zip(*(arch.channels for arch, _ in terms), strict=True))
    every = [dict(banks) for _, banks in terms]
    joined = {name: _joined(name, [jnp.asarray(banks[name]) for banks in every], scales) for name in every[0]}
    return replace(first, channels=widths), joined


def _joined(name: str, banks: list[Num[Array, "..."]], scales: list[float]) -> Num[Array, "..."]:
    if name == "output":
        return jnp.concatenate([bank * scale for bank, scale in zip(banks, scales, strict=True)], axis=-1)
    return jnp.concatenate(banks, axis=-2) if name == "conv_0" else _diagonal(banks)


def _diagonal(blocks: list[Num[Array, "_ _ _"]]) -> Num[Array, "copies R_out R_in"]:
    """Blocks on the diagonal, zeros elsewhere, for every copy."""
    width, before, rows = sum(block.shape[-1] for block in blocks), 0, []
    for block in blocks:
        after = width - before - block.shape[-1]
        rows.append(jnp.pad(block, ((0, 0), (0, 0), (before, after))))
        before += block.shape[-1]
    return jnp.concatenate(rows, axis=-2)
