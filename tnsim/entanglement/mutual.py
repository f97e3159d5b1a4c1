"""Mutual information of sets of sites, and of all pairs of sites. THEORY sections 3 and 6. Uses environment, reduced.

    X_i[d, d', g, h]   site i open below an edge (g, h), carried up for all sites at once
    rho_ij = sum_gh (E o G of the others)[g, h] X_i[.., g, h] X_j[.., g, h]    at the node where i and j meet

so that all pairs that meet at a node are one product of matrices, (n_u M^2, r^2) times (r^2, n_v M^2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import log
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Num

from tnsim import memory
from tnsim.banks import Banks
from tnsim.contract.schedule import Wave, whole
from tnsim.entanglement import entropy as spectral
from tnsim.entanglement import schmidt
from tnsim.entanglement.certified.certify import Problem
from tnsim.entanglement.entropy import DEFAULT, Asked, check
from tnsim.entanglement.environment import Environments, environments
from tnsim.entanglement.estimate import Estimate, Stopwatch
from tnsim.entanglement.measure import SiteMeasure, item_size
from tnsim.entanglement.reduced import density_matrices, entropies, entropy_error, felt, site_density_matrices
from tnsim.entanglement.renyi import renyi
from tnsim.memory import MemoryLimitError
from tnsim.network import Network

DENSE = 1024  # density matrices up to this dimension; beyond it the Schmidt spectrum
CHUNK = 2**21  # numbers of density matrices formed at once: they stay in a cache's reach
Progress = Callable[[int, int], None]


class Value(NamedTuple):
    """An entropy in nats, and how far rounding may have moved it."""

    entropy: float
    error: float
    method: str


PURE = Value(0.0, 0.0, "a pure state")


def entropy(
    network: Network, banks: Banks, vector: Num[np.ndarray, "r"], measure: SiteMeasure, sites: list[int],
    order: float = 1, asked: Asked = DEFAULT,
) -> Estimate:  # fmt: skip
    """Entropy (Renyi of `order` > 0; 1: von Neumann) of a set of sites in the pure state, in nats.

    From the density matrix of the set or of the rest; where both are large, from the Schmidt spectrum, or where that is
    out of reach an interval (of order 1 as `asked`, of whole orders by replicas). Raises MemoryLimitError where not
    even that fits, and ValueError for a state that is zero.
    """
    check(asked)
    watch = Stopwatch()
    (value,) = _entropies(network, banks, vector, measure, [sites], order, asked)
    top = _ceiling(network, measure, sites)
    low, high = max(value.entropy - value.error, 0.0), max(min(value.entropy + value.error, top), value.entropy)
    return Estimate(value.entropy, low, high, value.method, seconds=watch.seconds)


def mutual_information(
    network: Network, banks: Banks, vector: Num[np.ndarray, "r"], measure: SiteMeasure,
    sides: tuple[list[int], list[int]], order: float = 1, asked: Asked = DEFAULT,
) -> Estimate:  # fmt: skip
    """I(X : Y) = S(X) + S(Y) - S(XY) of two sets of sites, in nats; 0 <= I <= 2 min(S(X), S(Y)) at order 1.

    asked.atol: of the width of the sum, where entropies are intervals.

    Of another order > 0 the same sum of Renyi entropies, which may be negative. Raises ValueError where X and Y
    share a site or one is empty, and what `entropy` raises.
    """
    check(asked)
    watch = Stopwatch()
    X, Y = checked_sides(sides)
    third = asked._replace(atol=asked.atol and asked.atol / 3, seconds=asked.seconds and asked.seconds / 3)
    x, y, xy = _entropies(network, banks, vector, measure, [X, Y, [*X, *Y]], order, third)
    ceiling = min(_ceiling(network, measure, side) for side in sides)
    return replace(from_entropies(x, y, xy, order, ceiling), seconds=watch.seconds)


def checked_sides(sides: tuple[list[int], list[int]]) -> tuple[list[int], list[int]]:
    """The two sets. Raises ValueError where they share a site or one is empty."""
    X, Y = sides
    if not X or not Y or set(X) & set(Y):
        raise ValueError(f"sides: wanted two sets of sites, none empty and no site in both, found {X} and {Y}")
    return X, Y


def from_entropies(x: Value, y: Value, xy: Value, order: float, ceiling: float) -> Estimate:
    """S(X) + S(Y) - S(XY); of order 1 within 0 and twice what bounds S(X) or S(Y), which rounding alone passes."""
    value, error = x.entropy + y.entropy - xy.entropy, x.error + y.error + xy.error
    methods = " and ".join(sorted({part.method for part in (x, y, xy)}))
    if order != 1:
        return Estimate(value, value - error, value + error, methods)
    top = min(2 * ceiling, 2 * min(x.entropy, y.entropy) + 2 * error)
    value = min(max(value, 0.0), top)
    return Estimate(value, max(value - error, 0.0), min(value + error, top), methods)


def _ceiling(network: Network, measure: SiteMeasure, sites: list[int]) -> float:
    """No entropy of a set, or of the rest, is larger: |A| ln M."""
    return min(len(sites), len(network.sites) - len(sites)) * log(measure.factors.shape[-1])


def _entropies(network: Network, banks: Banks, vector, measure: SiteMeasure, sets, order, asked: Asked) -> list[Value]:
    """Entropies of several sets; those of small density matrices share the folds."""
    N, M = len(network.sites), measure.factors.shape[-1]
    smaller = [sites if 2 * len(sites) <= N else sorted(set(range(N)) - set(sites)) for sites in sets]
    small = [sites for sites in smaller if sites and M ** len(sites) <= DENSE]
    values = _of_small(network, banks, vector, measure, small, order, asked.memory) if small else {}
    values[()] = PURE
    for sites in smaller:
        if tuple(sites) not in values:
            values[tuple(sites)] = _of_large(network, banks, vector, measure, sites, order, asked)
    return [values[tuple(sites)] for sites in smaller]


def _of_small(network: Network, banks: Banks, vector, measure: SiteMeasure, small, order, limit):
    """By their density matrices, which share the fold."""
    found = environments(network, banks, vector, measure, limit)
    matrices = density_matrices(network, banks, vector, measure, small, limit, found.grams)
    values, M = {}, measure.factors.shape[-1]
    for sites, rho in zip(small, matrices, strict=True):
        S = float(entropies(np.linalg.eigvalsh(rho), order))
        error = entropy_error(felt(found, sites, M), len(rho), order, S)
        values[tuple(sites)] = Value(S, float(error), "density matrix")
    return values


def _of_large(network: Network, banks: Banks, vector, measure: SiteMeasure, sites, order, asked: Asked) -> Value:
    mask = np.zeros(len(network.sites), dtype=bool)
    mask[sites] = True
    problem = Problem(network, banks, vector[None], measure, mask)
    if order == 1:
        return middle(spectral.entropy(problem, asked))
    try:
        return _by_spectrum(problem, order, asked.memory)
    except MemoryLimitError:
        if order < 2 or not float(order).is_integer():
            raise
        found = renyi(network, banks, vector[None], measure, mask[None], order, asked.memory)
        return middle(found.map(lambda nats: float(nats[0, 0])))


def middle(found: Estimate) -> Value:
    """The middle of an interval."""
    return Value(0.5 * float(found.lower + found.upper), 0.5 * float(found.width), found.method)


def _by_spectrum(problem: Problem, order: float, limit: str | float | None) -> Value:
    network, banks, vectors, measure, mask = problem
    (spectrum,) = schmidt.spectra(network, banks, vectors, measure, mask, limit)
    S, k = float(entropies(np.asarray(spectrum.probabilities), order)), len(spectrum.values)
    T = spectrum.error_bound * float(spectrum.values.sum()) + 0.5 * k * spectrum.error_bound**2
    return Value(S, float(entropy_error(T, k, order, S)), "exact spectrum")


@dataclass(frozen=True, eq=False)
class Decay:
    """A correlation against distance: mean and largest over the `count` pairs at each distance."""

    distance: Float[np.ndarray, "bins"]
    mean: Float[np.ndarray, "bins"]
    largest: Float[np.ndarray, "bins"]
    count: Int[np.ndarray, "bins"]


@dataclass(frozen=True, eq=False)
class MutualInformation:
    """Mutual information of all pairs of sites, in nats.

    values: I(i : j), symmetric, NaN on the diagonal. entropies: S of each site. correlations: the connected part
    |rho_ij - rho_i x rho_j| (Frobenius norm), zero for a product; NaN on the diagonal. I >= correlations^2 / 2
    (Pinsker) at order 1. error: how far rounding may have moved a value; order: of the entropies, 1: von Neumann.
    """

    values: Float[np.ndarray, "sites sites"]
    entropies: Float[np.ndarray, "sites"]
    correlations: Float[np.ndarray, "sites sites"]
    error: float
    order: float
    seconds: float

    def pair(self, i: int, j: int) -> Estimate:
        """I(i : j) with its interval."""
        value = float(self.values[i, j])
        low = max(value - self.error, 0.0) if self.order == 1 else value - self.error
        return Estimate(value, low, value + self.error, "density matrix")

    def decay(self, grid: tuple[int, ...], correlations: bool = False) -> Decay:
        """Means over pairs at one distance on a grid (n,) or (height, width) of the sites, Euclidean, to the nearest
        integer; of `values`, or of `correlations`. Raises ValueError where the grid has another number of sites.
        """
        return decay(self.correlations if correlations else self.values, grid)

    def __repr__(self) -> str:
        N, pairs = len(self.values), self.values[np.triu_indices(len(self.values), 1)]
        return (
            f"MutualInformation({N} sites, {len(pairs)} pairs, mean {pairs.mean() if len(pairs) else 0:.6g}, "
            f"largest {pairs.max(initial=0):.6g} nats, each within {self.error:.1g}; {self.seconds:.2g} s)"
        )


def decay(values: Float[np.ndarray, "sites sites"], grid: tuple[int, ...]) -> Decay:
    """Values of pairs against their Euclidean distance on the grid, to the nearest integer."""
    if int(np.prod(grid)) != len(values):
        raise ValueError(f"grid: wanted a shape of {len(values)} sites, found {grid}")
    at = np.stack(np.unravel_index(np.arange(len(values)), grid), axis=1).astype(float)
    i, j = np.triu_indices(len(values), 1)
    bins = np.rint(np.sqrt(((at[i] - at[j]) ** 2).sum(axis=1))).astype(np.int64)
    count, total = np.bincount(bins), np.bincount(bins, values[i, j])
    largest = np.full(len(count), -np.inf)
    np.maximum.at(largest, bins, values[i, j])
    met = np.flatnonzero(count)
    return Decay(met.astype(float), total[met] / count[met], largest[met], count[met])


class Sites(NamedTuple):
    """Open sites below some edge of every node; G: of the sites together, traced."""

    members: Int[np.ndarray, "nodes n"]
    X: Num[np.ndarray, "nodes n D g g"]
    G: Num[np.ndarray, "nodes g g"]


class Pairs(NamedTuple):
    """Density matrices of pairs, not normalised: [d, d'] of sites i, [e, e'] of sites j."""

    i: Int[np.ndarray, "n k"]
    j: Int[np.ndarray, "n l"]
    rho: Num[np.ndarray, "n k M M l M M"]


def mutual_information_map(
    network: Network, banks: Banks, vector: Num[np.ndarray, "r"], measure: SiteMeasure, order: float = 1,
    limit: str | float | None = None, progress: Progress | None = None,
) -> MutualInformation:  # fmt: skip
    """I(i : j) of all pairs of sites; progress(pairs done, pairs in all) is called on the way.

    Cost: N^2/2 M^4 r^2 multiply-adds and as many eigenvalues of M^2 x M^2 matrices as there are pairs. Raises
    MemoryLimitError where the estimate is above the limit, and ValueError for a state that is zero.
    """
    watch, N, M = Stopwatch(), len(network.sites), measure.factors.shape[-1]
    memory.check(
        _estimate(network, measure) * item_size(banks, measure), limit, "mutual_information: all pairs of sites",
        "Ways out: narrower levels or fewer features; mutual_information(X, Y) of single pairs; a higher memory=.",
    )  # fmt: skip
    found = environments(network, banks, vector, measure, limit)
    single = site_density_matrices(found, measure)
    S = entropies(np.linalg.eigvalsh(single), order)
    values, correlations = np.full((2, N, N), np.nan)
    done, total = 0, N * (N - 1) // 2
    for pairs in _all_pairs(network, banks, measure, found):
        joint, connected = _measured(pairs, single, order)
        i, j = pairs.i[:, :, None], pairs.j[:, None, :]
        I = S[i] + S[j] - joint
        values[i, j] = values[j, i] = np.maximum(I, 0.0) if order == 1 else I
        correlations[i, j] = correlations[j, i] = connected
        done += joint.size
        if progress is not None:
            progress(done, total)
    error = _error(found, M, order, S, values)
    return MutualInformation(values, S, correlations, error, order, watch.seconds)


def _estimate(network: Network, measure: SiteMeasure) -> float:
    """Peak numbers held: the open sites before, after and within a wave, a chunk and its copies, and the results."""
    waves, N, M = whole(network).waves, len(network.sites), measure.factors.shape[-1]
    widest = max(max(wave.dim_in, wave.dim_out) for wave in waves)
    return 4.0 * N * M**2 * widest**2 + 5.0 * max(CHUNK, N * M**4) + 3.0 * N**2


def _error(found: Environments, M: int, order: float, S, values) -> float:
    """The worst pair's: S of a site twice, and of the pair."""
    first, second = np.argsort(found.along)[-2:] if len(found.along) > 1 else (0, 0)
    # Entropies of pairs are at most S_i + S_j, and the bound rises with them.
    T, largest = felt(found, [int(first), int(second)], M), 2 * float(S.max())
    single = felt(found, [int(second)], M)
    return float(2 * entropy_error(single, M, order, S.max()) + entropy_error(T, M * M, order, largest))


def _all_pairs(network: Network, banks: Banks, measure: SiteMeasure, found: Environments) -> Iterator[Pairs]:
    waves = whole(network).waves
    L = np.swapaxes(measure.factors, -1, -2)[measure.kind]  # [a, c]
    X = np.einsum("nac,nbd->nabcd", L, np.conj(L)).reshape(len(L), 1, -1, L.shape[2], L.shape[2])
    members = np.arange(len(L))[:, None]
    for level, wave in enumerate(waves):
        X = _lifted(np.asarray(banks[wave.bank]), wave, X)
        places = [Sites(members[p], X[p], found.lifted[level][p]) for p in wave.children.array.T]
        joined = yield from _joined(found.environments[level + 1], places, measure.factors.shape[-1])
        members, X = joined.members, joined.X


def _lifted(bank: Num[np.ndarray, "copies g c"], wave: Wave, X: Num[np.ndarray, "p n D c c"]):
    """The matrix of each position on both legs, every site with peak 1."""
    rows = bank[wave.rows] if len(bank) > 1 else bank
    rows = rows / np.maximum(np.abs(rows).max(axis=(-2, -1), keepdims=True), np.finfo(float).tiny)
    W = rows[:, None, None]
    return _unit(W @ X @ np.conj(np.swapaxes(W, -1, -2)))


def _unit(X: Num[np.ndarray, "p n D g g"]) -> Num[np.ndarray, "p n D g g"]:
    peak = np.abs(X).max(axis=(-3, -2, -1), keepdims=True)
    return X / np.where(peak > 0, peak, 1)


def _joined(E: Num[np.ndarray, "nodes g g"], places: list[Sites], M: int):
    """The sites of all places together; yields the pairs that meet on the way, halves first split, then each half.

    E: the environment of the places' common edge.
    """
    if len(places) == 1:
        return places[0]
    half = len(places) // 2
    G = [_product([place.G for place in part]) for part in (places[:half], places[half:])]
    left = yield from _joined(_peak_1(E * G[1]), places[:half], M)
    right = yield from _joined(_peak_1(E * G[0]), places[half:], M)
    yield from _meeting(E, left, right, M)
    X = np.concatenate([left.X * right.G[:, None, None], right.X * left.G[:, None, None]], axis=1)
    members = np.concatenate([left.members, right.members], axis=1)
    return Sites(members, _unit(X), _peak_1(left.G * right.G))


def _product(grams: list[Num[np.ndarray, "nodes g g"]]) -> Num[np.ndarray, "nodes g g"]:
    total = grams[0]
    for gram in grams[1:]:
        total = _peak_1(total * gram)
    return total


def _peak_1(x: Num[np.ndarray, "nodes g g"]) -> Num[np.ndarray, "nodes g g"]:
    peak = np.abs(x).max(axis=(-2, -1), keepdims=True)
    return x / np.where(peak > 0, peak, 1)


def _meeting(E: Num[np.ndarray, "nodes g g"], left: Sites, right: Sites, M: int) -> Iterator[Pairs]:
    """Pairs of a site of the left and one of the right, of all nodes, some at a time."""
    nodes, n, D = left.X.shape[:3]
    m = right.X.shape[1]
    rows = max(1, min(n, CHUNK // (m * D * D)))
    batch = max(1, CHUNK // (n * m * D * D)) if rows == n else 1
    for start in range(0, nodes, batch):
        at = slice(start, start + batch)
        columns = right.X[at].reshape(len(E[at]), m * D, -1).swapaxes(-1, -2)
        for first in range(0, n, rows):
            some = left.X[at, first : first + rows] * E[at, None, None]
            rho = some.reshape(len(E[at]), -1, columns.shape[1]) @ columns
            i = left.members[at, first : first + rows]
            yield Pairs(i, right.members[at], rho.reshape(*i.shape, M, M, m, M, M))


def _measured(pairs: Pairs, single: Num[np.ndarray, "sites M M"], order: float) -> Float[np.ndarray, "2 n k l"]:
    """Entropies of the pairs, and the Frobenius norms of rho_ij - rho_i x rho_j."""
    rho = pairs.rho / np.einsum("nkaalbb->nkl", pairs.rho).real[:, :, None, None, :, None, None]
    n, k, M = rho.shape[:3]
    product = single[pairs.i][:, :, :, :, None, None, None] * single[pairs.j][:, None, None, None]
    connected = np.sqrt((np.abs(rho - product) ** 2).sum(axis=(2, 3, 5, 6)))
    if order == 2:  # Tr rho^2 needs no eigenvalues
        return np.stack([-np.log((np.abs(rho) ** 2).sum(axis=(2, 3, 5, 6))), connected])
    matrices = rho.transpose(0, 1, 4, 2, 5, 3, 6).reshape(n, k, -1, M * M, M * M)
    return np.stack([entropies(np.linalg.eigvalsh(matrices), order), connected])
