"""One sweep over all pairs of samples: |D|^2, and D between better subspaces than the pivots span. Uses factors.

    D = sum_i v_i a_i b_i^T,   P_A, P_B: projectors onto the spans of some samples
    D P_B   = sum_i a_i (v L_B)_i      its range, from G_A (v L_B)       one step of subspace iteration from both sides,
    D^T P_A = sum_i b_i (v L_A)_i      its range, from G_B (v L_A)        for one making of each tile

Between these ranges D keeps nearly what the best subspaces of their size would. Work: m^2 (N / 2 + 2 r) products.
A sweep that is stopped goes on from its file. Uses distributed.parts for that.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from rich.console import Console
from rich.progress import track

from tnsim.correlations.factors import Factor
from tnsim.correlations.gram import Side, gram, panels
from tnsim.distributed import parts

__all__ = ["Swept", "between", "projected", "sweep"]

SHOWN = 2 * 10**11  # products from which on a bar is shown: about two minutes
EVERY = 120.0  # seconds between two states kept


class Swept(NamedTuple):
    """|D|^2 (of weights as they are), G_A C and G_B E of coefficients C and E of all samples."""

    squared: float
    left: Float[np.ndarray, "m k"]
    right: Float[np.ndarray, "m l"]


def sweep(
    one: Side, other: Side, v: Float[np.ndarray, "m"], C: Float[np.ndarray, "m k"], E: Float[np.ndarray, "m l"],
    file: Path | None = None,
) -> Swept:  # fmt: skip
    """Make every tile of one triangle of G_A and G_B once, and use it for all three.

    file: where the state is kept every two minutes, so that the same call goes on from there. Raises PartsError for a
    file of another sweep, OSError for one that cannot be written.
    """
    rows, facts = list(panels(one.samples, one.tile)), _facts(one, other, v, (C.shape[1], E.shape[1])) if file else {}
    done, found = _resumed(file, facts, Swept(0.0, np.zeros(C.shape), np.zeros(E.shape)))
    work, last = (len(one.groups) + len(other.groups) + C.shape[1] + E.shape[1]) * float(one.samples) ** 2, time.time()
    for number, panel in enumerate(_shown(rows[done:], work), start=done + 1):
        found = found._replace(squared=found.squared + _panel(one, other, v, (C, E), found, panel))
        if file and (time.time() - last > EVERY or number == len(rows)):
            parts.write(file, {"done": number, **found._asdict()}, facts)
            last = time.time()
    return found


def _panel(one: Side, other: Side, v, coefficients, found: Swept, rows: slice) -> float:
    """A panel of tiles up to the diagonal: its share of |D|^2; the products are added to what is found."""
    (C, E), total = coefficients, []
    for columns in panels(rows.stop, one.tile):
        a, b = gram(one, rows, columns), gram(other, rows, columns)
        twice = 1.0 if columns.start == rows.start else 2.0
        total.append(twice * float(v[rows] @ (a * b) @ v[columns]))
        found.left[rows] += a @ C[columns]
        found.right[rows] += b @ E[columns]
        if twice == 2:
            found.left[columns] += a.T @ C[rows]
            found.right[columns] += b.T @ E[rows]
    return float(np.sum(total))


def _facts(one: Side, other: Side, v: Float[np.ndarray, "m"], columns: tuple[int, int]) -> parts.Facts:
    return {"samples": parts.digest((one.groups, other.groups, v)), "tile": one.tile, "columns": str(columns)}


def _resumed(file: Path | None, facts: parts.Facts, nothing: Swept) -> tuple[int, Swept]:
    """How many panels are done, and what they gave."""
    if file is None or not file.exists():
        return 0, nothing
    parts.check(file, facts)
    kept = parts.read(file)
    return int(kept["done"]), Swept(float(kept["squared"]), kept["left"], kept["right"])


def _shown(parts: list[slice], work: float) -> Iterable[slice]:
    """The parts, with a bar on standard error where they take long."""
    if work < SHOWN or not sys.stderr.isatty():
        return parts
    return track(parts, description="pairs of samples", console=Console(stderr=True))


def projected(left: Factor, right: Factor, v: Float[np.ndarray, "m"]) -> Float[np.ndarray, "k"]:
    """Singular values of P_A D P_B, descending."""
    return np.linalg.svd((left.L * v[:, None]).T @ right.L, compute_uv=False)


def between(
    found: Swept, v: Float[np.ndarray, "m"], C: Float[np.ndarray, "m k"], E: Float[np.ndarray, "m l"], floor: float
) -> Float[np.ndarray, "r"]:
    """Singular values of D between the spans of sum_i a_i C_i and of sum_i b_i E_i, descending.

    Directions whose squared norm is below floor times the largest are left out: in bases of length 1, rounding of the
    Gram matrices grows by 1 / floor.
    """
    K = (found.left.T * v) @ found.right
    return np.linalg.svd(_basis(C.T @ found.left, floor).T @ K @ _basis(E.T @ found.right, floor), compute_uv=False)


def _basis(G: Float[np.ndarray, "k k"], floor: float) -> Float[np.ndarray, "k r"]:
    """Coefficients of an orthonormal basis of vectors whose inner products are G."""
    w, U = np.linalg.eigh(0.5 * (G + G.T))
    kept = w > floor * w[-1]
    return U[:, kept] / np.sqrt(w[kept])
