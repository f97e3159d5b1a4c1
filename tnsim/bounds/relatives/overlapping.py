"""Overlapping ConvACs: how entanglement grows with the volume of a block, bounded and measured. Over architectures.

    S(A) <= ln rank <= ln min-cut: certain      generic rank: exact, of almost all weights      S: of given weights

The state is that of scores at basis states, psi[d_1, .., d_N] = h(e_{d_1}, .., e_{d_N}). The network that has it
repeats hidden vectors and is loopy at the sites: its min-cut is an upper bound and nothing more.
Sharir & Shashua 2017 (arXiv 1703.02065); Levine, Sharir, Cohen, Shashua 2019 (arXiv 1803.09780).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import log, prod
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Num

from tnsim.architectures.overlapping import OverlappingConvAC
from tnsim.bounds.flow import network_min_cut
from tnsim.bounds.relatives.finite_field import PRIME, draw, matmul, rank
from tnsim.memory import check

__all__ = [
    "Growth", "Measured", "amplitudes", "block", "drawn_entropy", "entropy", "entropy_growth", "far_places",
    "generic_rank", "pair_phases", "periodic", "upper_bound", "volume_law",
]  # fmt: skip


class Measured(NamedTuple):
    """Entropy of one block over draws of the weights, in nats."""

    mean: float
    least: float
    most: float


class Growth(NamedTuple):
    """One block of linear size alpha, in nats. attained: by `pair_phases`; drawn: normal weights; law: ln M times."""

    alpha: int
    log_cut: float
    log_rank: float
    attained: float
    drawn: Measured
    law: float


def volume_law(alpha: int, dimension: int, layers: int, window: int) -> int:
    """min(alpha^d, L K alpha^(d-1)): how the greatest entropy of a block of linear size alpha grows, up to a constant.

    The block's volume as long as it is smaller than the L layers of windows K see, its surface times L K from there on.
    Source: Levine et al. 2019 (1803.09780), Theorem 1. Raises ValueError for numbers below 1.
    """
    if min(alpha, dimension, layers, window) < 1:
        raise ValueError(f"alpha: wanted positive integers, found {(alpha, dimension, layers, window)}")
    return min(alpha**dimension, layers * window * alpha ** (dimension - 1))


def periodic(sites: int | tuple[int, int], window: int) -> OverlappingConvAC:
    """The smallest network of the theorem on a ring, or on a torus: M = 2, one level of overlapping windows of width 2,
    and one channel over each of its positions. Raises ValueError for a window that does not fit."""
    return OverlappingConvAC(sites, 2, (2, 1), (window, 1), boundary="periodic")


def upper_bound(arch: OverlappingConvAC, A: Bool[np.ndarray, "sites"]) -> int:
    """The min-cut between A and the other sites: no weights give a higher Schmidt rank. Certain, and often not reached.

    Source: THEORY section 5; Levine et al. 2019 (1803.09780), where hidden vectors are repeated down to the inputs.
    """
    return network_min_cut(arch.network, _mask(arch, A)).value


def generic_rank(arch: OverlappingConvAC, A: Bool[np.ndarray, "sites"], seed: int = 0) -> int:
    """Schmidt rank of almost all weights: exact, of the whole tensor for random weights mod a prime.

    Raises MemoryLimitError where M^N amplitudes are too many.
    """
    rng = np.random.default_rng(seed)
    banks = {name: draw(rng, *shape) for name, shape in arch.bank_shapes.items()}
    return rank(_matricised(_folded(arch, banks, _modular)[0], arch, _mask(arch, A)))


def amplitudes(arch: OverlappingConvAC, banks: Mapping[str, Num[np.ndarray, "..."]], label: int = 0):
    """psi of one class, an axis a site, by the network's own recursion; divided by a factor that keeps it finite.

    Raises MemoryLimitError where M^N amplitudes are too many.
    """
    dense = _folded(arch, {name: np.asarray(bank, np.float64) for name, bank in banks.items()}, _floating)[label]
    return dense.reshape((arch.features,) * arch.size)


def entropy(
    arch: OverlappingConvAC, banks: Mapping[str, Num[np.ndarray, "..."]], A: Bool[np.ndarray, "sites"]
) -> float:
    """Entanglement entropy of A for given weights, class 0, in nats: from the whole tensor's singular values.

    Raises MemoryLimitError where M^N amplitudes are too many.
    """
    values = np.linalg.svd(_matricised(amplitudes(arch, banks), arch, _mask(arch, A)), compute_uv=False)
    p = values**2 / (values**2).sum()
    p = p[p > 0]
    return float(-(p * np.log(p)).sum())


def drawn_entropy(arch: OverlappingConvAC, A: Bool[np.ndarray, "sites"], seeds: int = 8) -> Measured:
    """`entropy` for normal weights drawn from seeds 0, 1, ..: what such networks have, no bound.

    Long products of normal numbers leave a few amplitudes to dominate, so it lies far below what weights can attain.
    """
    found = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        found.append(entropy(arch, {name: rng.normal(size=shape) for name, shape in arch.bank_shapes.items()}, A))
    return Measured(float(np.mean(found)), min(found), max(found))


def pair_phases(arch: OverlappingConvAC) -> dict[str, Float[np.ndarray, "..."]]:
    """Weights of a graph state, psi[d] = product over windows of (-1)^(d_first d_far), which attains the law.

    far: the last place of a window; in 2D the ends of its first row and of its first column. On a ring of at
    least 4 (K - 1) sites a block of alpha, at most half, has entropy ln 2 min(alpha, 2 (K - 1)). Ours.

    Raises ValueError unless M = 2, there are two levels, the first of two channels or more, the second of windows of 1,
    and weights are shared.
    """
    fits = arch.features == 2 and arch.depth == 2 and arch.channels[0] >= 2 and arch.sharing == "window"
    if not fits or set(arch.windows[1]) != {1}:
        raise ValueError(
            f"arch: wanted 2 features, channels (2.., ..), windows (K, 1) and sharing='window', found {arch}"
        )
    banks = {name: np.zeros(shape) for name, shape in arch.bank_shapes.items()}
    banks["conv_0"][:, :2] = 1.0
    banks["conv_0"][far_places(arch), 1, 1] = -1.0
    banks["conv_0"][0] = np.eye(arch.channels[0], 2)
    banks["conv_1"][0, 0, :2] = 1.0
    banks["output"][:, 0] = 1.0
    return banks


def far_places(arch: OverlappingConvAC) -> list[int]:
    """Places of the first level's window that `pair_phases` couples with its first."""
    window = arch.windows[0]
    ends = [window[-1] - 1] if len(window) == 1 else [window[1] - 1, (window[0] - 1) * window[1]]
    return [end for end in ends if end]


def block(arch: OverlappingConvAC, alpha: int) -> Bool[np.ndarray, "sites"]:
    """A block of linear size alpha in the first corner: alpha sites in 1D, alpha x alpha in 2D.

    Raises ValueError for a size that leaves no site outside.
    """
    if not 1 <= alpha <= min(arch.grid) or alpha ** len(arch.grid) == arch.size:
        raise ValueError(f"alpha: wanted a block inside of {arch.grid}, found {alpha}")
    inside = np.zeros(arch.grid, dtype=bool)
    inside[tuple(slice(alpha) for _ in arch.grid)] = True
    return inside.ravel()


def entropy_growth(arch: OverlappingConvAC, alphas: Iterable[int], seeds: int = 8) -> list[Growth]:
    """The data of a figure: blocks of growing linear size, what is certain of them, attained and measured.

    Raises ValueError where `pair_phases` or `block` do.
    """
    rows, phases = [], pair_phases(arch)
    window = max(arch.windows[0])
    for alpha in alphas:
        A = block(arch, alpha)
        law = log(arch.features) * volume_law(alpha, len(arch.grid), arch.depth, window)
        logs = (log(upper_bound(arch, A)), log(generic_rank(arch, A)))
        rows.append(Growth(alpha, *logs, entropy(arch, phases, A), drawn_entropy(arch, A, seeds), law))
    return rows


class _Field(NamedTuple):
    """matmul of a matrix and vectors; product of two; what keeps numbers in range."""

    matmul: Callable
    product: Callable
    kept: Callable


_modular = _Field(matmul, lambda x, y: x * y % PRIME, lambda x: x)
_floating = _Field(lambda matrix, x: x @ matrix.T, lambda x, y: x * y, lambda x: x / (abs(x).max() or 1.0))


def _folded(arch: OverlappingConvAC, banks: Mapping[str, Num[np.ndarray, "..."]], field: _Field):
    """Scores (classes, M^N) at all basis states, the first site the slowest; hidden vectors are computed once."""
    count = arch.features**arch.size
    held = max(prod(grid) * width for grid, width in zip(arch.grids, arch.widths, strict=True))
    check(3 * 8 * held * count, None, f"the state of {arch.size} sites", "Take fewer sites or features.")
    digits = np.indices((arch.features,) * arch.size).reshape(arch.size, count)
    below = np.eye(arch.features, dtype=np.int64)[digits]  # (positions, states, M)
    for level in range(arch.depth):
        bank, reads, slots = banks[f"conv_{level}"], arch.reads(level), arch.slots(level)
        below = np.stack([_window(field, bank[row], below[sites]) for row, sites in zip(slots, reads, strict=True)])
    top = below[0]
    for position in below[1:]:
        top = field.kept(field.product(top, position))
    return field.matmul(banks["output"], top).T


def _window(field: _Field, matrices: Num[np.ndarray, "window r c"], below: Num[np.ndarray, "window states c"]):
    """The product over one window."""
    value = field.matmul(matrices[0], below[0])
    for matrix, read in zip(matrices[1:], below[1:], strict=True):
        value = field.kept(field.product(value, field.matmul(matrix, read)))
    return value


def _matricised(dense, arch: OverlappingConvAC, mask: Bool[np.ndarray, "sites"]) -> Num[np.ndarray, "rows columns"]:
    order = [*np.flatnonzero(mask).tolist(), *np.flatnonzero(~mask).tolist()]
    spread = dense.reshape((arch.features,) * arch.size)
    return np.transpose(spread, order).reshape(arch.features ** int(mask.sum()), -1)


def _mask(arch: OverlappingConvAC, A: Bool[np.ndarray, "sites"]) -> Bool[np.ndarray, "sites"]:
    mask = np.asarray(A)
    if mask.dtype != bool or mask.shape != (arch.size,) or mask.all() or not mask.any():
        raise ValueError(f"A: wanted a mask over {arch.size} sites, some of each side, found {A!r}")
    return mask
