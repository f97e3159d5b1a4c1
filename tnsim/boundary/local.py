"""Density matrices of single sites of a grid: its row between the boundaries above and below. Uses sweeps.

a --o-- b      the chain above the row, its leg (u, u')            E[a, l, l', c]: all columns to the left of one
    |
l --o-- r      the site's ket and, behind it, its bra, s and s' open: rho[s, s']
    |
c --o-- e      the chain below the row, its leg (d, d')
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Num

from tnsim.boundary.grids import Core, Rows
from tnsim.boundary.layers import double
from tnsim.boundary.sweeps import sides
from tnsim.canonical.state import chain_cores

Environment = Num[np.ndarray, "_ _ _ _"]


class Stage(NamedTuple):
    """A column of a row: the cores above (a, u u', b) and below (c, d d', e), and the site's."""

    above: Num[np.ndarray, "a x b"]
    core: Core
    below: Num[np.ndarray, "c y e"]

    def mirrored(self) -> Stage:
        """Left and right exchanged."""
        return Stage(self.above.swapaxes(0, 2), self.core.swapaxes(1, 3), self.below.swapaxes(0, 2))


def density_matrices(rows: Rows, width: int | None, limit=None) -> list[Num[np.ndarray, "_ _"]]:
    """rho of every site, trace 1, Hermitian but for what the width left out. Raises ValueError for zero, as `sides`."""
    found = sides(double(rows), width, limit)
    matrices: list[Num[np.ndarray, "_ _"]] = []
    for number, row in enumerate(rows):
        above, below = found.above[2 * number].state, found.below[2 * number + 2].state
        if above is None or below is None:
            raise ValueError("state: it is zero, so it has no density matrices")
        above, below = (side.with_cores(side.cores, side.centre) for side in (above, below))
        chains = (map(np.asarray, chain_cores(side)) for side in (above, below))
        stages = [Stage(up, core, down) for core, up, down in zip(row, *chains, strict=True)]
        matrices += _of_row(stages)
    return matrices


def _of_row(stages: list[Stage]) -> list[Num[np.ndarray, "_ _"]]:
    right = [np.ones((1, 1, 1, 1))]
    for stage in stages[:0:-1]:
        right.append(_unit(_passed(right[-1], stage.mirrored())))
    left, found = np.ones((1, 1, 1, 1)), []
    for stage, environment in zip(stages, reversed(right), strict=True):
        opened = _entered(left, stage)
        found.append(_normalised(_closed(opened, stage, environment)))
        left = _unit(_passed(left, stage))
    return found


def _entered(left: Environment, stage: Stage) -> Num[np.ndarray, "l c u b d r s"]:
    """The environment with the core above and the ket: (l', c, u', b, d, r, s)."""
    up = stage.core.shape[0]
    above = stage.above.reshape(stage.above.shape[0], up, up, -1)
    with_above = np.tensordot(left, above, axes=(0, 0))  # l, l', c, u, u', b
    return np.tensordot(with_above, stage.core, axes=([3, 0], [0, 1]))


def _passed(left: Environment, stage: Stage) -> Environment:
    """One column further: (b, r, r', e)."""
    with_ket, bra, below = _entered(left, stage), stage.core.conj(), _below(stage)
    both = np.tensordot(with_ket, bra, axes=([0, 2, 6], [1, 0, 4]))  # c, b, d, r, d', r'
    return np.asarray(np.tensordot(both, below, axes=([0, 2, 4], [0, 1, 2])))


def _closed(opened, stage: Stage, right: Environment) -> Num[np.ndarray, "d d"]:
    """rho, not normalised, between the environments of both sides."""
    inner = np.tensordot(_below(stage), right, axes=(3, 3))  # c, d, d', b, r, r'
    ket = np.tensordot(opened, inner, axes=([1, 3, 4, 5], [0, 3, 1, 4]))  # l', u', s, d', r'
    return np.tensordot(ket, stage.core.conj(), axes=([0, 1, 3, 4], [1, 0, 2, 3]))


def _below(stage: Stage) -> Num[np.ndarray, "c d d e"]:
    down = stage.core.shape[2]
    return stage.below.reshape(stage.below.shape[0], down, down, -1)


def _unit(x: Environment) -> Environment:
    peak = float(np.abs(x).max())
    return x / peak if peak > 0 else x


def _normalised(rho: Num[np.ndarray, "d d"]) -> Num[np.ndarray, "d d"]:
    trace = np.trace(rho)
    if not np.abs(trace) > 0:
        raise ValueError("state: it is zero, so it has no density matrices")
    return np.asarray(rho / trace)
