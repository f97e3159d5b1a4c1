"""Rows of a grid as operators on chains, and how much they can stretch one. Uses canonical; used by sweeps.

    a--o--b--o--c      a chain: a site's leg a column                          leg x = (in, rest), or (rest, in)
       |     |
    l--T--m--T--r      a layer: a tensor (left, in, out, right) a column       the same with out in the place of in

A grid of vectors is its rows, one layer each. <psi|psi> is two layers a row: first the ket, whose `out` holds the bond
below and the site, then the bra, which takes the site: bonds of ket and bra are never one.

    leg:  (u, u')  --ket-->  (d, s, u')  --bra-->  (d, d')
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Num

from tnsim.boundary.grids import Rows
from tnsim.canonical.state import TreeState, chain, chain_cores

ROOM = 2**14  # numbers of a moment's largest tensor
MOST = 8  # the highest moment


class Column(NamedTuple):
    """A tensor (left, in, out, right); front: whether `in` is the front of the chain's leg, or its back; rounded: how
    much larger its terms were than what they summed to."""

    tensor: Num[np.ndarray, "left inner outer right"]
    front: bool
    rounded: float = 1.0


Layer = tuple[Column, ...]


def single(rows: Rows, terms: Rows) -> list[Layer]:
    """A layer a row, of cores whose sites have dimension 1; terms: what they would be of all moduli."""
    return [
        tuple(
            Column(core[..., 0].transpose(1, 0, 2, 3), True, _cancelled(core, moduli))
            for core, moduli in zip(*both, strict=True)
        )
        for both in zip(rows, terms, strict=True)
    ]


def _cancelled(core, moduli) -> float:
    size = float(np.linalg.norm(core))
    return float(np.linalg.norm(moduli)) / size if size else 1.0


def double(rows: Rows) -> list[Layer]:
    """The layers of <psi|psi>: of every row the ket, then the bra."""
    found: list[Layer] = []
    for row in rows:
        found += [tuple(Column(_ket(core), True) for core in row), tuple(Column(_bra(core), False) for core in row)]
    return found


def _ket(core) -> Num[np.ndarray, "left inner outer right"]:
    up, left, down, right, d = core.shape
    return core.transpose(1, 0, 2, 4, 3).reshape(left, up, down * d, right)


def _bra(core) -> Num[np.ndarray, "left inner outer right"]:
    up, left, down, right, d = core.shape
    return core.conj().transpose(1, 4, 0, 2, 3).reshape(left, d * up, down, right)


def turned(layer: Layer) -> Layer:
    """The layer as it acts on what lies below it."""
    return tuple(column._replace(tensor=column.tensor.swapaxes(1, 2)) for column in layer)


def applied(layer: Layer, state: TreeState) -> TreeState:
    """The layer on a chain; bonds multiply."""
    cores = chain_cores(replace(state, log_scale=0.0))
    made = chain([_onto(column, np.asarray(core)) for column, core in zip(layer, cores, strict=True)])
    return replace(made, log_scale=state.log_scale)


def _onto(column: Column, core: Num[np.ndarray, "a x b"]) -> Num[np.ndarray, "la y rb"]:
    (a, _, b), (left, size, _, right) = core.shape, column.tensor.shape
    if column.front:
        found = np.tensordot(column.tensor, core.reshape(a, size, -1, b), axes=(1, 1)).transpose(0, 3, 1, 4, 2, 5)
    else:
        found = np.tensordot(column.tensor, core.reshape(a, -1, size, b), axes=(1, 2)).transpose(0, 3, 4, 1, 2, 5)
    return found.reshape(left * a, -1, right * b)


def log_stretch(layer: Layer) -> float:
    """ln of a bound on the layer's largest singular value: (Tr (T^dagger T)^p)^(1 / 2p) for the largest p at hand."""
    peaks = [float(np.abs(column.tensor).max()) for column in layer]
    if not min(peaks) > 0:
        return -np.inf
    tensors = [column.tensor / peak for column, peak in zip(layer, peaks, strict=True)]
    bond = max(max(tensor.shape[0], tensor.shape[3]) for tensor in tensors)
    sides = max(tensor.shape[1] * tensor.shape[2] for tensor in tensors)
    p = 1
    while p < MOST and sides * bond ** (2 * p + 2) <= ROOM:
        p += 1
    return float(np.log(peaks).sum()) + _log_moment(tensors, p) / (2 * p)


def _log_moment(tensors: Sequence[Num[np.ndarray, "_ _ _ _"]], p: int) -> float:
    """ln Tr (T^dagger T)^p: a ring of 2p copies, contracted column by column."""
    carried, log_scale = np.ones((1,) * (2 * p)), 0.0
    for tensor in tensors:
        carried = _through(carried, tensor, p)
        peak = float(np.abs(carried).max())
        if peak == 0:
            return -np.inf
        carried, log_scale = carried / peak, log_scale + float(np.log(peak))
    with np.errstate(divide="ignore"):
        return float(np.log(np.abs(carried.item()))) + log_scale


def _through(carried, tensor: Num[np.ndarray, "left inner outer right"], p: int):
    """One column of the ring, copy by copy; the leg between two copies stands second to last, the first `in` open."""
    found = np.tensordot(carried, tensor, axes=(0, 0))  # (l .., in, out, right)
    for copy in range(1, 2 * p - 1):
        end = found.ndim - 2
        if copy % 2:
            found = np.tensordot(found, tensor.conj(), axes=([0, end], [0, 2]))  # .. in, right
        else:
            found = np.tensordot(found, tensor, axes=([0, end], [0, 1]))  # .. out, right
    return np.tensordot(found, tensor.conj(), axes=([0, 1, found.ndim - 2], [0, 1, 2]))
