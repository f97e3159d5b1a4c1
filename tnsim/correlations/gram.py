"""Inner products of samples over one side of a partition, a tile at a time. Uses tensor.

    G[i, j] = prod_{n in side} <u_i^n, u_j^n>          diagonal 1; one matrix product for each group of sites

A group's sites are joined to one vector of M^group numbers, so that most of the work is matrix products in cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Integer

from tnsim.correlations.tensor import DataTensor, chunks, site_numbers

__all__ = ["Batching", "Side", "columns_of", "gram", "panels", "side"]


class Batching(NamedTuple):
    """How many sites are joined, and the side of a tile in samples. No result depends on them but by rounding."""

    sites: int = 2
    samples: int = 256


DEFAULT = Batching()


class Side(NamedTuple):
    """The unit features of a side's varying sites, some sites joined to one; tile: side of the tiles they come in."""

    groups: Float[np.ndarray, "groups m k"]
    tile: int

    @property
    def samples(self) -> int:
        """m."""
        return self.groups.shape[1]


def side_bytes(tensor: DataTensor, sites: int, batching: Batching = DEFAULT) -> float:
    """Bytes of a `Side` of so many sites."""
    M = tensor.features.shape[2]
    return 8.0 * ceil(sites / batching.sites) * tensor.samples * M**batching.sites


def side(tensor: DataTensor, inside: Bool[np.ndarray, "N"], batching: Batching = DEFAULT) -> Side:
    """The features of the sites of a mask, of length 1; sites that are the same in all samples are left out."""
    sites = site_numbers(inside & tensor.varying)
    m, M, count = tensor.samples, tensor.features.shape[2], ceil(len(sites) / batching.sites)
    groups = np.empty((count, m, M**batching.sites))
    for rows in chunks(tensor.features.shape):
        units = _units(tensor.features[rows][:, sites].astype(np.float64))
        for group in range(count):
            groups[group, rows] = _joined(units[:, group * batching.sites : (group + 1) * batching.sites], batching)
    return Side(groups, batching.samples)


def _units(x: Float[np.ndarray, "b n M"]) -> Float[np.ndarray, "b n M"]:
    x = x / np.maximum(np.abs(x).max(axis=2, keepdims=True), np.finfo(np.float64).tiny)
    norms = np.linalg.norm(x, axis=2, keepdims=True)
    return x / np.where(norms > 0, norms, 1)


def _joined(units: Float[np.ndarray, "b n M"], batching: Batching) -> Float[np.ndarray, "b k"]:
    """Kronecker product of the sites of a group; places that a last, smaller group leaves empty show (1, 0, ..)."""
    b, n, M = units.shape
    found = units[:, 0]
    for site in range(1, n):
        found = (found[:, :, None] * units[:, site, None, :]).reshape(b, -1)
    return np.pad(found, ((0, 0), (0, M**batching.sites - M**n)))


def gram(one: Side, rows: slice, columns: slice) -> Float[np.ndarray, "rows columns"]:
    """G of some samples with others, tile by tile."""
    left, right = one.groups[:, rows], one.groups[:, columns]
    found = np.empty((left.shape[1], right.shape[1]))
    for i in range(0, len(found), one.tile):
        for j in range(0, found.shape[1], one.tile):
            found[i : i + one.tile, j : j + one.tile] = _tile(left[:, i : i + one.tile], right[:, j : j + one.tile])
    return found


def columns_of(one: Side, chosen: Integer[np.ndarray, "k"]) -> Float[np.ndarray, "m k"]:
    """G of all samples with chosen ones."""
    picked = Side(one.groups[:, chosen], one.tile).groups
    found = np.empty((one.samples, len(chosen)))
    for i in range(0, len(found), one.tile):
        found[i : i + one.tile] = _tile(one.groups[:, i : i + one.tile], picked)
    return found


def _tile(left: Float[np.ndarray, "groups a k"], right: Float[np.ndarray, "groups b k"]) -> Float[np.ndarray, "a b"]:
    found = np.ones((left.shape[1], right.shape[1]))
    buffer = np.empty_like(found)
    for one, other in zip(left, right, strict=True):
        np.matmul(one, other.T, out=buffer)
        found *= buffer
    return found


def panels(samples: int, tile: int) -> Iterator[slice]:
    """Slices of the samples, a tile each."""
    return (slice(start, min(start + tile, samples)) for start in range(0, samples, tile))
