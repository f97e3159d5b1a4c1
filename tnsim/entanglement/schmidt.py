"""Schmidt spectra of a tree for any partition, by folding C upward. THEORY section 6. Uses contract.fold.

    chi_A --[ C ]-- chi_B      rows: what the subtree's sites of A span; columns: those of B
              |
              r                an orthogonal step at every edge brings chi_A, chi_B down to the local ranks

Subtrees of one kind (equal banks, equal partition below) are one computation, and kinds of one shape one batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Float, Int, Num

from tnsim import memory
from tnsim.banks import AnyArray, Banks
from tnsim.bounds.min_cut import network_cut
from tnsim.contract.fold import Algebra, Scaled, fold
from tnsim.contract.schedule import Schedule, Wave, distinct, whole
from tnsim.entanglement import compress
from tnsim.entanglement.gram import Sensitivity, sensitivity
from tnsim.entanglement.measure import SiteMeasure, item_size, side_kinds
from tnsim.entanglement.spectrum import Spectrum
from tnsim.network import Network

EPS = float(np.finfo(np.float64).eps)
HUGE = 10**120  # numbers that no memory holds


class Batches(NamedTuple):
    """Values C of many nodes, those of one shape stacked: node i is row where[i, 1] of stacks[where[i, 0]]."""

    where: Int[np.ndarray, "nodes 2"]
    stacks: list[Scaled]


class Root(NamedTuple):
    """Two factors whose product over r, closed by a class vector, is the state's matrix over exp(log_scale).

    step: what an edge's conv, product and QR round, in eps of its C.
    """

    x: Num[AnyArray, "a b r"]
    y: Num[AnyArray, "c d r"]
    log_scale: float
    step: float


def spectra(
    network: Network,
    banks: Banks,
    vectors: Num[np.ndarray, "labels r"],
    measure: SiteMeasure,
    mask: Bool[np.ndarray, "sites"],
    limit: str | float | None = None,
    backend: str | None = None,
) -> list[Spectrum]:
    """The Schmidt spectrum of the state that each of `vectors` (rows of the output bank) closes, for one partition.

    The fold is done once for all of them. Raises MemoryLimitError, before anything is spent, where the estimate is
    above the limit, and ValueError for a state that is zero.
    """
    schedule = planned(network, banks, measure, mask, limit)
    kernels = compress.kernels(backend)
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        root = root_factors(kernels, schedule, banks, measure, mask)
        matrices = (kernels.close(vector, root.x, root.y) for vector in vectors)
        found = [np.asarray(kernels.arrays.linalg.svd(matrix, compute_uv=False)) for matrix in matrices]
    felt = (sensitivity(network, banks, vector, measure) for vector in vectors)
    return [spectrum_of(values, root, each) for values, each in zip(found, felt, strict=True)]


def planned(
    network: Network,
    banks: Banks,
    measure: SiteMeasure,
    mask: Bool[np.ndarray, "sites"],
    limit: str | float | None = None,
    joined: int = 1,
) -> Schedule:
    """The distinct subtrees under a partition. joined: how many class vectors make one matrix at the root.

    Raises MemoryLimitError where the estimate is above the limit.
    """
    schedule = distinct(whole(network), side_kinds(measure, mask))
    needed = estimate(schedule, measure, mask, joined) * item_size(banks, measure)
    if needed > memory.limit(limit):
        raise _refusal(needed, limit, network, mask)
    return schedule


def _refusal(needed: float, limit, network: Network, mask: Bool[np.ndarray, "sites"]) -> memory.MemoryLimitError:
    """The estimate, the min-cut and the ways out."""
    return memory.refusal(
        needed, limit, f"A of {int(mask.sum())} sites: its exact Schmidt spectrum",
        f"The rank may reach the min-cut, {network_cut(network, mask)!r}. Ways out: renyi(A, order=2), which needs no "
        "spectrum; a partition that cuts fewer edges; a smaller network; a higher memory=.",
    )  # fmt: skip


def spectrum_of(values: Float[np.ndarray, "k"], root: Root, felt: Sensitivity) -> Spectrum:
    """The spectrum of a matrix made from the factors at the root, normalised, with its bound."""
    norm = float(np.linalg.norm(values))
    if norm == 0:
        raise ValueError("state: it is exactly zero, so it has no Schmidt spectrum")
    if not np.isfinite(norm):
        raise ValueError("state: its Schmidt values are not finite; look for NaN or infinity in the banks")
    log_norm = float(np.log(norm)) + root.log_scale  # of the values, not of Grams: sees cancellations below 1e-8
    bound = EPS * (len(values) ** 0.5 + root.step * felt.of_values(log_norm))
    return Spectrum(values / norm, log_norm, bound)


def _leaves(
    kernels: compress.Kernels, schedule: Schedule, measure: SiteMeasure, mask: Bool[np.ndarray, "sites"]
) -> Batches:
    """Sites of A as one stack of shape (M, 1, M), those of B as one of shape (1, M, M)."""
    sites = schedule.leaves
    factors = np.swapaxes(measure.factors, -1, -2)[measure.kind[sites]]  # [a, c]
    where, stacks = np.zeros((len(sites), 2), np.int64), list[Scaled]()
    for in_a, axis in ((True, 2), (False, 1)):
        ids = np.flatnonzero(mask[sites] == in_a)
        where[ids] = np.stack([np.full(len(ids), len(stacks)), np.arange(len(ids))], axis=1)
        value = kernels.arrays.asarray(np.expand_dims(factors[ids], axis))
        stacks.append(Scaled(value, kernels.arrays.zeros(len(ids))))
    return Batches(where, stacks)


def root_factors(
    kernels: compress.Kernels,
    schedule: Schedule,
    banks: Banks,
    measure: SiteMeasure,
    mask: Bool[np.ndarray, "sites"],
) -> Root:
    """The fold up to the root, whose pooling is left to `kernels.close`. Call under enable_x64."""
    last, algebra, leaves = schedule.waves[-1], _algebra(kernels), _leaves(kernels, schedule, measure, mask)
    children = algebra.conv(last, banks[last.bank], fold(algebra, schedule.without_top(), banks, leaves))
    factors = [_take(children, last.children.array[:1, place]) for place in range(last.children.array.shape[1])]
    ends = _reduced(kernels, factors, left=2)
    if len(ends) == 1:
        ends.append(Scaled(kernels.arrays.ones((1, 1, 1, last.dim_out)), kernels.arrays.zeros(1)))
    x, y = ends
    step = 4 * max(x.value.size, y.value.size) ** 0.5
    return Root(x.value[0], y.value[0], float(x.log_scale[0] + y.log_scale[0]), step)


def _algebra(kernels: compress.Kernels) -> Algebra:
    """Schmidt factors on the edges; batches of equal shape take the place of whole waves."""

    def conv(wave: Wave, bank: Num[AnyArray, "copies g c"], values: Batches) -> Batches:
        rows, bank = wave.rows, kernels.arrays.asarray(bank)
        return _grouped(kernels, values, wave.sources[:, None], lambda ids, C: kernels.conv(bank[rows[ids]], C[0]))

    def pool(wave: Wave, values: Batches) -> Batches:
        return _grouped(kernels, values, wave.children.array, lambda ids, C: _reduced(kernels, C, left=1)[0])

    return Algebra(conv, pool)


def _reduced(kernels: compress.Kernels, factors: list[Scaled], left: int) -> list[Scaled]:
    r = factors[0].value.shape[-1]
    pairs, alive = compress.reduction([(factor.value.shape[1], factor.value.shape[2]) for factor in factors], r, left)
    factors = list(factors)
    for i, j in pairs:
        factors.append(kernels.pair(factors[i], factors[j]))
    return [factors[k] for k in alive]


def _grouped(
    kernels: compress.Kernels, values: Batches, members: Int[np.ndarray, "n k"], f: Callable[..., Scaled]
) -> Batches:
    """f(which rows, stacked values of their members) for every row of `members`, rows of like shapes at once."""
    at = values.where[members]
    order = np.argsort(at[:, :, 0], axis=1, kind="stable")
    at = np.take_along_axis(at, order[:, :, None], axis=1)
    types, type_of = np.unique(at[:, :, 0], axis=0, return_inverse=True)
    results = []
    for number, stacks in enumerate(types):
        ids = np.flatnonzero(type_of.reshape(-1) == number)
        taken = [_rows(values.stacks[stack], at[ids, place, 1]) for place, stack in enumerate(stacks)]
        results.append((ids, f(ids, taken)))
    return _merged(kernels, results, len(members))


def _merged(kernels: compress.Kernels, results: list[tuple[Int[np.ndarray, "_"], Scaled]], count: int) -> Batches:
    """Results of one shape in one stack."""
    where, stacks = np.zeros((count, 2), np.int64), list[Scaled]()
    for shape in sorted({C.value.shape[1:] for _, C in results}):
        same = [(ids, C) for ids, C in results if C.value.shape[1:] == shape]
        ids = np.concatenate([ids for ids, _ in same])
        where[ids] = np.stack([np.full(len(ids), len(stacks)), np.arange(len(ids))], axis=1)
        parts = [
            kernels.arrays.concatenate(part) if len(same) > 1 else part[0]
            for part in zip(*(C for _, C in same), strict=True)
        ]
        stacks.append(Scaled(*parts))
    return Batches(where, stacks)


def _take(values: Batches, nodes: Int[np.ndarray, "n"]) -> Scaled:
    stack, rows = values.where[nodes].T
    return _rows(values.stacks[int(stack[0])], rows)


def _rows(C: Scaled, rows: Int[np.ndarray, "n"]) -> Scaled:
    if len(rows) == len(C.log_scale) and (rows == np.arange(len(rows))).all():
        return C
    return Scaled(C.value[rows], C.log_scale[rows])


def estimate(schedule: Schedule, measure: SiteMeasure, mask: Bool[np.ndarray, "sites"], joined: int = 1) -> float:
    """Peak numbers held by the fold and by the decomposition at its root, by folding shapes alone.

    joined: of how many class vectors that holds the matrices, side by side.
    """
    M = measure.factors.shape[-1]
    leaves = [(M, 1) if in_a else (1, M) for in_a in mask[schedule.leaves].tolist()]
    peaks = [0.0]
    last = schedule.waves[-1]
    algebra = Algebra(_shape_conv, lambda wave, shapes: _shape_pool(wave, shapes, peaks))
    banks = dict.fromkeys(wave.bank for wave in schedule.waves)
    values = fold(algebra, schedule.without_top(), banks, leaves)
    shapes = _shape_conv(last, None, values)
    window = [shapes[child] for child in last.children.array[0].tolist()]
    ends, spent = _shape_reduced(window, last.dim_out, 2)
    rows, columns = (_number(int(np.prod([end[side] for end in ends], dtype=object))) for side in (0, 1))
    # The matrix, LAPACK's copy of it and its work space.
    decomposed = 3.0 * joined * rows * columns + 4.0 * min(joined * rows, joined * columns) ** 2
    return max(*peaks, spent, decomposed)


def _number(count: int) -> float:
    """A count as a float that can still be squared: shapes of thousands of sites leave float range."""
    return float(min(count, HUGE))


def _shape_conv(wave: Wave, bank: None, shapes: list[compress.Shape]) -> list[compress.Shape]:
    return [compress.compressed(shapes[below][0], shapes[below][1], wave.dim_out) for below in wave.sources.tolist()]


def _shape_pool(wave: Wave, shapes: list[compress.Shape], peaks: list[float]) -> list[compress.Shape]:
    """Shapes of the nodes; notes the wave's peak: what came in, what goes out, and the largest batch being formed."""
    kinds = Counter(tuple(sorted(shapes[child] for child in window)) for window in wave.children.array.tolist())
    known = {kind: _shape_reduced(list(kind), wave.dim_out, 1) for kind in kinds}
    held = sum(a * b for a, b in shapes) + sum(n * known[k][0][0][0] * known[k][0][0][1] for k, n in kinds.items())
    largest = max(count * known[kind][1] for kind, count in kinds.items())
    peaks.append(2.0 * wave.dim_out * _number(held) + largest)
    windows = ([shapes[child] for child in window] for window in wave.children.array.tolist())
    return [known[tuple(sorted(window))][0][0] for window in windows]


def _shape_reduced(shapes: list[compress.Shape], r: int, left: int) -> tuple[list[compress.Shape], float]:
    """Shapes that are left, and the most numbers formed on the way."""
    pairs, alive = compress.reduction(shapes, r, left)
    sizes, spent = list(shapes), 0.0
    for i, j in pairs:
        spent = max(spent, _number(compress.formed(sizes[i], sizes[j], r)))
        sizes.append(compress.product_shape(sizes[i], sizes[j], r))
    return [sizes[k] for k in alive], spent
