"""Entanglement everywhere at once: all windows of all scales, all sites, all blocks. THEORY sections 3 and 6.

    psi = sum_g psi[x, g] phi[y, g]     an edge: the window x below it, the rest y
    p   = eigenvalues of (G^T)^(1/2) E (G^T)^(1/2)          from one fold of G and one sweep of E, for all edges

Gram matrices see no p below about 1e-16 (a Schmidt value of 1e-8): `schmidt` does. Uses environment, reduced, renyi.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from tnsim.banks import Banks
from tnsim.contract.schedule import Grid, whole, windows_on
from tnsim.entanglement import renyi
from tnsim.entanglement.environment import EPS, Environments, environments
from tnsim.entanglement.estimate import Estimate, Stopwatch
from tnsim.entanglement.measure import SiteMeasure
from tnsim.entanglement.reduced import entropies, entropy_error, felt, site_density_matrices
from tnsim.network import Network

BATCH = 64  # masks of one compiled call: maps of all block sizes share it


@dataclass(frozen=True, eq=False)
class LevelMap:
    """The windows of one level, each against all the rest.

    level: as in "window:level:j"; -1 for the sites. sites: in a window. shape: of the nodes as they lie on the grid,
    (n,) where they do not. probabilities: normalised, descending, a row a node; moved: half the sum of the changes
    that rounding may have made to a row.
    """

    level: int
    sites: int
    shape: tuple[int, ...]
    probabilities: Float[np.ndarray, "nodes k"]
    moved: float

    def entropy(self, order: float = 1) -> Estimate:
        """Renyi entropies of `order` > 0 (1: von Neumann), in nats, in the shape of the map."""
        S, k = entropies(self.probabilities, order), self.probabilities.shape[1]
        error = entropy_error(self.moved, k, order, S)
        ends = (S, np.maximum(S - error, 0.0), np.maximum(np.minimum(S + error, np.log(k)), S))
        value, low, high = (end.reshape(self.shape) for end in ends)
        return Estimate(value, low, high, "Gram matrices of the edges")

    def rank(self, tol: float | None = None) -> Int[np.ndarray, "..."]:
        """How many Schmidt values p^(1/2) exceed `tol` (default: what rounding may make of a zero, about 1e-6)."""
        floor = max(2 * self.moved, EPS) ** 0.5 if tol is None else tol
        return (self.probabilities > floor**2).sum(axis=1).reshape(self.shape)

    def top(self, count: int) -> Float[np.ndarray, "..."]:
        """The largest `count` probabilities of each node, the last axis."""
        kept = self.probabilities[:, :count]
        return kept.reshape(*self.shape, kept.shape[1])


@dataclass(frozen=True, eq=False)
class WindowMap:
    """Every window of every level against the rest; levels: the sites first, the window of all sites left out."""

    levels: tuple[LevelMap, ...]
    seconds: float

    def level(self, number: int) -> LevelMap:
        """The map of a level, -1 for the sites. Raises ValueError for one that is not there."""
        if not -1 <= number < len(self.levels) - 1:
            raise ValueError(f"level: wanted -1 (sites)..{len(self.levels) - 2}, found {number}")
        return self.levels[number + 1]

    def profile(self, order: float = 1) -> Float[np.ndarray, "levels 2"]:
        """Sites in a window, and the mean entropy of windows of that size in nats; a row a level."""
        rows = [(level.sites, np.mean(level.entropy(order).value)) for level in self.levels]
        return np.array(rows, dtype=float).reshape(-1, 2)

    def __repr__(self) -> str:
        means = ", ".join(f"{sites:.0f}: {mean:.4g}" for sites, mean in self.profile())
        return f"WindowMap(mean entropy in nats by sites in a window: {means}; {self.seconds:.2g} s)"


def window_map(
    network: Network, banks: Banks, vector: Num[np.ndarray, "r"], measure: SiteMeasure,
    grid: tuple[int, ...] | None = None, limit: str | float | None = None,
) -> WindowMap:  # fmt: skip
    """Schmidt probabilities of all windows of all levels, and of all sites, from one fold and one sweep.

    grid: (n,) or (height, width) of the sites; maps whose windows tile it have the shape of the tiling. Raises
    MemoryLimitError where the estimate is above the limit, and ValueError for a state that is zero.
    """
    watch, waves = Stopwatch(), whole(network).waves
    found = environments(network, banks, vector, measure, limit)
    below = [np.arange(waves[0].positions)[:, None]]
    for wave in waves[:-1]:
        below.append(below[-1][wave.children.array].reshape(wave.nodes, -1))
    # Forming and diagonalising the products costs an edge less than its matrix did: at most as much again.
    moved, M = 2 * EPS * found.rounding, waves[0].dim_in
    levels = []
    for level, (sites, shape) in enumerate((part.shape[1], tiling(part, grid)) for part in below):
        p = probabilities(found.grams[level], found.environments[level])
        rank = p.shape[1] if M ** min(sites, 64) >= p.shape[1] else M**sites  # no more than the window has dimensions
        levels.append(LevelMap(level - 1, sites, shape, p[:, :rank] / p[:, :rank].sum(axis=1, keepdims=True), moved))
    return WindowMap(tuple(levels), watch.seconds)


def probabilities(
    grams: Num[np.ndarray, "nodes g g"], found: Num[np.ndarray, "nodes g g"]
) -> Float[np.ndarray, "nodes g"]:
    """Eigenvalues of (G^T)^(1/2) E (G^T)^(1/2), descending, normalised: the Schmidt probabilities at each edge.

    psi = Psi Phi^T has Psi E Psi^dagger as its density matrix below the edge, and Psi^dagger Psi = G^T.
    """
    values, U = np.linalg.eigh(np.swapaxes(grams, -1, -2))
    factor = U * np.sqrt(np.maximum(values, 0.0))[:, None]
    p = np.linalg.eigvalsh(np.conj(np.swapaxes(factor, -1, -2)) @ found @ factor)[:, ::-1]
    p = np.maximum(p, 0.0)
    total = p.sum(axis=1, keepdims=True)
    return p / np.where(total > 0, total, 1)


def tiling(below: Int[np.ndarray, "nodes sites"], grid: tuple[int, ...] | None) -> tuple[int, ...]:
    """How nodes lie whose sites are `below`: like the tiles of a grid, row-major, or else in a line."""
    nodes, size = below.shape
    if grid is None or int(np.prod(grid)) != nodes * size:
        return (nodes,)
    height, width = (1, *grid)[-2:]
    columns = len(np.unique(below[0] % width))
    rows = size // columns
    if height % rows or width % columns:
        return (nodes,)
    tiles = windows_on(Grid(height, width, (rows, columns)))
    lies = tiles.shape == below.shape and (tiles == np.sort(below, axis=1)).all()
    return (height // rows, width // columns)[-len(grid) :] if lies else (nodes,)


def site_entropies(
    network: Network, banks: Banks, vector: Num[np.ndarray, "r"], measure: SiteMeasure, order: float = 1,
    limit: str | float | None = None,
) -> Estimate:  # fmt: skip
    """Entropy of every single site against the rest, in nats, (sites,): exact, from M x M density matrices."""
    watch = Stopwatch()
    found = environments(network, banks, vector, measure, limit)
    rho = site_density_matrices(found, measure)
    S, M = entropies(np.linalg.eigvalsh(rho), order), rho.shape[-1]
    error = entropy_error(worst_site(found, M), M, order, S)
    high = np.maximum(np.minimum(S + error, np.log(M)), S)
    return Estimate(S, np.maximum(S - error, 0.0), high, "density matrices of the sites", seconds=watch.seconds)


def worst_site(found: Environments, M: int) -> float:
    """`felt` of the site that feels most."""
    return felt(found, [int(np.argmax(found.along))], M)


def block_masks(grid: tuple[int, ...], block: tuple[int, ...]) -> Bool[np.ndarray, "*positions sites"]:
    """Every position of a block on a grid (n,) or (height, width), row-major, as masks over the sites.

    Raises ValueError for a block that does not fit, or covers the whole grid.
    """
    if len(block) != len(grid) or not all(1 <= b <= n for b, n in zip(block, grid, strict=False)) or block == grid:
        raise ValueError(f"block: wanted a part of the grid {grid}, found {block}")
    places = np.indices(grid).reshape(len(grid), -1)
    firsts = np.indices([n - b + 1 for n, b in zip(grid, block, strict=True)])
    offset = places - np.expand_dims(np.moveaxis(firsts, 0, -1), -1)  # [*positions, axis, site]
    inside = (offset >= 0) & (offset < np.array(block)[:, None])
    return np.asarray(inside.all(axis=-2))


def block_map(
    network: Network, banks: Banks, vector: Num[np.ndarray, "r"], measure: SiteMeasure, grid: tuple[int, ...],
    block: tuple[int, ...], limit: str | float | None = None,
) -> Estimate:  # fmt: skip
    """Renyi-2 entropy of a block against the rest at every position of it on the grid, in nats; one axis a direction.

    By two replicas, some masks at a time and always as many, so that blocks of all sizes share one compilation.
    Raises ValueError for a block that does not fit, and what `renyi_2` raises.
    """
    watch, masks = Stopwatch(), block_masks(grid, block)
    flat = masks.reshape(-1, masks.shape[-1])
    batch = min(BATCH, 1 << (len(flat) - 1).bit_length())
    padded = flat[np.minimum(np.arange(-(-len(flat) // batch) * batch), len(flat) - 1)]
    parts = [
        renyi.renyi_2(network, banks, vector[None], measure, padded[start : start + batch], limit)
        for start in range(0, len(padded), batch)
    ]
    together = (np.concatenate([getattr(part, end)[0] for part in parts]) for end in ("value", "lower", "upper"))
    value, lower, upper = (end[: len(flat)].reshape(masks.shape[:-1]) for end in together)
    return Estimate(value, lower, upper, "two replicas", seconds=watch.seconds)
