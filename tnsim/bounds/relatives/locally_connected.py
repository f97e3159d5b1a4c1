"""Locally connected networks: what entanglement says of the width that a tree needs to come near a tensor. NumPy alone.

    tree of width R within eps of T   ==>   on every aligned block   S <= ln R + (2 eps/|T|) ln D + 2 sqrt(2 eps/|T|)

A locally connected network is a perfect binary tree over N = 2^L sites: aligned blocks are the sites below its nodes.
Alexander, De La Vega, Razin, Cohen 2023, "What makes data suitable for a locally connected neural network?" (arXiv
2303.11249). Norms are Frobenius norms, entropies in nats.
"""

from __future__ import annotations

from math import exp, inf, log, prod, sqrt
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

__all__ = [
    "Block", "Tightness", "aligned_blocks", "block_entropies", "entropy_bound", "least_error", "least_width",
    "sufficient_entropy", "tightness_curve", "truncated",
]  # fmt: skip

LARGEST = 0.25  # of eps / |T|: as far as the theorem goes
Tensor = Float[np.ndarray, "..."]


class Block(NamedTuple):
    """Sites start .. stop - 1, aligned: D, the dimension of the smaller side; entropy of the tensor across it."""

    start: int
    stop: int
    dimension: int
    entropy: float


class Tightness(NamedTuple):
    """A tree of some width near a tensor: its error, and over all blocks the largest entropy and the bound there."""

    width: int
    error: float
    entropy: float
    bound: float


def entropy_bound(width: int, error: float, dimension: int) -> float:
    """ln R + 2 x ln D + 2 sqrt(2 x), x = eps/|T| = error: the most entropy across a block of dimension D, in nats.

    Source: Alexander et al. 2023 (2303.11249), Theorem 1. Raises ValueError for a relative error outside [0, 1/4], for
    which the theorem says nothing.
    """
    if not 0 <= error <= LARGEST:
        raise ValueError(f"error: wanted a relative error in [0, {LARGEST}], found {error}")
    if min(width, dimension) < 1:
        raise ValueError(f"width: wanted positive integers, found width={width}, dimension={dimension}")
    return log(width) + 2 * error * log(dimension) + 2 * sqrt(2 * error)


def aligned_blocks(sites: int) -> list[tuple[int, int]]:
    """(start, stop) of all sites below a node of the perfect binary tree, but of the root: halves, quarters, .., sites.

    Source: Alexander et al. 2023 (2303.11249), where they are called canonical partitions. Raises ValueError unless
    sites is a power of two, at least 2.
    """
    if sites < 2 or sites & (sites - 1):
        raise ValueError(f"sites: wanted a power of two, at least 2, found {sites}")
    levels = [sites >> level for level in range(1, sites.bit_length())]
    return [(start, start + size) for size in levels for start in range(0, sites, size)]


def block_entropies(tensor: Tensor) -> list[Block]:
    """Entropy of a tensor across every aligned block, from the definition.

    Raises ValueError for a tensor of zeros and for a number of axes that is no power of two.
    """
    if not np.any(tensor):
        raise ValueError("tensor: wanted some entry that is not zero, found none")
    found = []
    for start, stop in aligned_blocks(tensor.ndim):
        matrix = _matrix(tensor, start, stop)
        values = np.linalg.svd(matrix, compute_uv=False)
        p = values**2 / (values**2).sum()
        p = p[p > 0]
        found.append(Block(start, stop, min(matrix.shape), float(-(p * np.log(p)).sum())))
    return found


def least_width(tensor: Tensor, error: float) -> int:
    """No tree narrower than this is within a relative error of a tensor: the bound read the other way, over all blocks.

    Source: Alexander et al. 2023 (2303.11249), Theorem 1. Raises ValueError as `entropy_bound` and `block_entropies`
    do.
    """
    free = max(block.entropy - entropy_bound(1, error, block.dimension) for block in block_entropies(tensor))
    return max(1, int(np.ceil(exp(free) * (1 - 1e-12))))  # the entropies are rounded


def least_error(tensor: Tensor, width: int) -> float:
    """No tree of this width is nearer, relative to |T|: the bound read the other way, over all blocks; at most 1/4.

    Source: Alexander et al. 2023 (2303.11249), Theorem 1. Raises ValueError as `block_entropies` does.
    """
    found = 0.0
    for block in block_entropies(tensor):
        missing, slope = block.entropy - log(width), log(block.dimension)
        if missing > 0:  # 2 y^2 ln D + 2 sqrt(2) y = missing, y = sqrt(error)
            found = max(found, (missing / (sqrt(2) + sqrt(2 + 2 * slope * missing))) ** 2)
    return min(found, LARGEST)


def sufficient_entropy(width: int, error: float, sites: int) -> float:
    """x^2 ln R / (2N - 3), x = error: entropies up to it on all aligned blocks suffice for a tree within eps = x |T|.

    Source: Alexander et al. 2023 (2303.11249), Theorem 2. Raises ValueError for a width or number of sites below 2, or
    an error that is not positive.
    """
    if min(width, sites) < 2 or not 0 < error < inf:
        raise ValueError(f"width: wanted width and sites of at least 2, error > 0, found {(width, sites, error)}")
    return error**2 * log(width) / (2 * sites - 3)


def truncated(tensor: Tensor, width: int) -> Tensor:
    """A tree of this width near a tensor, as a dense tensor: projections on leading singular vectors.

    Hierarchical truncation, from the halves down to the sites (Grasedyck 2010): no farther than sqrt(2N - 3) times the
    nearest tree. Raises ValueError for a width below
    1 and a number of axes that is no power of two.
    """
    if width < 1:
        raise ValueError(f"width: wanted a positive integer, found {width}")
    bases = {}
    for start, stop in aligned_blocks(tensor.ndim):
        u, _, _ = np.linalg.svd(_matrix(tensor, start, stop), full_matrices=False)
        bases[start, stop] = u[:, :width]
    near = tensor
    for start, stop in aligned_blocks(tensor.ndim):  # from the halves down: the order in which the tree stays one
        basis = bases[start, stop]
        near = _spread(basis @ (basis.T @ _matrix(near, start, stop)), tensor.shape, start, stop)
    return near


def tightness_curve(tensor: Tensor, widths: tuple[int, ...]) -> list[Tightness]:
    """Trees of growing width near a tensor: the entropies that the bound allows at their errors. The data of a figure.

    Widths whose trees are farther than the theorem goes are left out.
    """
    rows, blocks, norm = [], block_entropies(tensor), float(np.linalg.norm(tensor))
    for width in widths:
        error = float(np.linalg.norm(truncated(tensor, width) - tensor)) / norm
        if error <= LARGEST:
            worst = max(blocks, key=lambda block: block.entropy - entropy_bound(width, error, block.dimension))
            rows.append(Tightness(width, error, worst.entropy, entropy_bound(width, error, worst.dimension)))
    return rows


def _matrix(tensor: Tensor, start: int, stop: int) -> Float[np.ndarray, "inside outside"]:
    """Rows the block, columns the other sites."""
    order = [*range(start, stop), *range(start), *range(stop, tensor.ndim)]
    return np.transpose(tensor, order).reshape(prod(tensor.shape[start:stop]), -1)


def _spread(matrix: Float[np.ndarray, "inside outside"], shape: tuple[int, ...], start: int, stop: int) -> Tensor:
    order = [*range(start, stop), *range(start), *range(stop, len(shape))]
    return np.transpose(matrix.reshape([shape[i] for i in order]), np.argsort(order))
