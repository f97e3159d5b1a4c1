"""The exact Schmidt rank of a state with float weights, a number and no matter of tolerance. THEORY section 6.

    weights m 2^e  ->  GF(p)  ->  fold of C, by elimination  ->  rank mod p  <=  rank over Q(i)  <=  min-cut

Floats are dyadic rationals, so each has an exact image in GF(p). The rank mod p never exceeds the true one and equals
it unless p divides every largest non-zero minor; few primes can. Several are drawn at random and the highest rank is
the answer: surely a lower bound, exact but for a stated probability, and exact for certain where it is the min-cut.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial, reduce, total_ordering
from math import floor, log2

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from tnsim import memory, modular
from tnsim.banks import Banks
from tnsim.bounds.min_cut import network_cut
from tnsim.contract.fold import Algebra, fold
from tnsim.contract.schedule import Schedule, Wave, distinct, whole
from tnsim.entanglement import blocks
from tnsim.entanglement.estimate import Stopwatch
from tnsim.entanglement.measure import SiteMeasure
from tnsim.memory import MemoryLimitError
from tnsim.network import Network

METHOD = "elimination over GF(p)"
SLACK = 1 + 1e-9  # for the rounding of logarithms, themselves upper bounds


@total_ordering
@dataclass(frozen=True, eq=False)
class ExactRank:
    """A Schmidt rank in exact arithmetic; it compares with, and counts as, the integer `value`.

    value: the highest of `ranks`, those mod each of `primes`; the true rank is never lower. upper: what the true rank
    cannot exceed. error_probability: of these primes, drawn at random, all showing no more than `value`, were the
    true rank higher; 0 where value = upper. float_rank, float_tolerance: what a float spectrum says beside it.
    """

    value: int
    upper: int
    primes: tuple[int, ...]
    ranks: tuple[int, ...]
    error_probability: float
    method: str = METHOD
    seconds: float | None = None
    float_rank: int | None = None
    float_tolerance: float | None = None

    @property
    def agree(self) -> bool:
        """Whether all primes show one rank."""
        return len(set(self.ranks)) == 1

    @property
    def certain(self) -> bool:
        """Whether the value is proven: it meets the upper bound."""
        return self.value == self.upper

    def below(self, upper: int) -> ExactRank:
        """The same, knowing another bound that the rank cannot exceed (such as `rank_bounds(arch, A).upper`)."""
        upper = min(upper, self.upper)
        return replace(self, upper=upper, error_probability=0.0 if self.value == upper else self.error_probability)

    def __int__(self) -> int:
        return self.value

    __index__ = __int__

    def __eq__(self, other: object) -> bool:
        return bool(self.value == (other.value if isinstance(other, ExactRank) else other))

    def __lt__(self, other: ExactRank | int) -> bool:
        return self.value < int(other)

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        primes = ", ".join(map(str, self.primes))
        if self.certain:
            sure = "certain: it meets the upper bound"
        else:
            sure = f"never higher than {self.upper}; too low with probability at most {self.error_probability:.1e}"
        tail = [f"{self.method}, p = {primes}", sure]
        tail += [] if self.agree else [f"primes differ: {self.ranks}"]
        tail += [] if self.seconds is None else [f"{self.seconds:.2g} s"]
        tail += [] if self.float_rank is None else [f"float rank {self.float_rank} at {self.float_tolerance:.1e}"]
        return f"ExactRank({self.value}; {', '.join(tail)})"


def exact_rank(
    network: Network,
    banks: Banks,
    vector: Num[np.ndarray, "r"],
    mask: Bool[np.ndarray, "sites"],
    primes: int = 2,
    seed: int = 0,
    limit: str | float | None = None,
) -> ExactRank:
    """The Schmidt rank, across (A, the rest), of the state that `vector` (a row of the output bank) closes.

    Banks are float32, float64 or complex, as trained; widening keeps them exact. primes: how many, drawn by `seed`.
    Of the coefficient tensor; site measures with non-singular Gram matrices (`check_measure`) have the same rank.
    Raises ValueError for NaN, infinity, and a state that is exactly zero; MemoryLimitError before a step whose
    estimate, from the ranks found so far, is above the limit.
    Source: THEORY section 6.
    """
    watch, weights = Stopwatch(), {**banks, whole(network).output: vector}
    _check(weights)
    schedule = distinct(whole(network), ~mask)
    gaussian = any(np.iscomplexobj(weight) for weight in weights.values())
    drawn = modular.draw_primes(primes, seed, gaussian)
    upper = network_cut(network, mask).value
    allowed = blocks.Limit(memory.limit(limit))
    try:
        ranks = tuple(_rank(schedule, weights, mask, prime, allowed) for prime in drawn)
    except MemoryLimitError as error:
        raise _refusal(error, network, mask) from None
    value = max(ranks)
    if value == 0:
        raise ValueError(f"state: it is exactly zero (over GF(p), p = {drawn}), so it has no Schmidt rank")
    bits = 0.0 if value == upper else minor_bits(network, weights, value + 1)
    return ExactRank(value, upper, drawn, ranks, error_probability(bits, gaussian, primes), seconds=watch.seconds)


def check_measure(measure: SiteMeasure) -> None:
    """The exact rank is that of the coefficient tensor. Raises ValueError where a singular Gram matrix changes it."""
    values = np.linalg.svd(measure.factors, compute_uv=False)
    thin = values[:, -1] ** 2 <= 4 * values.shape[1] * np.finfo(np.float64).eps * values[:, 0] ** 2
    if thin.any():
        site = int(np.flatnonzero(thin[measure.kind])[0])
        raise ValueError(
            f"gram: the exact rank wants non-singular Gram matrices, which leave it unchanged; that of site {site} "
            f"has eigenvalues {values[measure.kind[site], -1] ** 2:.3g}..{values[measure.kind[site], 0] ** 2:.3g}"
        )


def _check(weights: Banks) -> None:
    for name, bank in weights.items():
        if not np.isfinite(bank).all():
            raise ValueError(f"params[{name!r}]: wanted finite numbers, found NaN or infinity")
        if not np.any(bank):
            raise ValueError(
                f"params[{name!r}]: every weight is zero, so the state is exactly zero and has no Schmidt rank; "
                "weights that underflowed cannot be measured"
            )


def _refusal(error: MemoryLimitError, network: Network, mask) -> MemoryLimitError:
    """What was too large, the min-cut and the ways out."""
    return MemoryLimitError(
        f"A of {int(mask.sum())} sites: its exact Schmidt rank: {error}. The rank may reach the min-cut, "
        f"{network_cut(network, mask)!r}. Ways out: renyi(A, order=2), which needs no rank; a partition that cuts "
        "fewer edges; a smaller network; a higher memory=."
    )


def _rank(schedule: Schedule, weights: Banks, mask: Bool[np.ndarray, "sites"], prime: int, limit: blocks.Limit) -> int:
    """Rank over GF(p): two factors at the root, closed by the vector. 0 where a subtree is zero: then all is."""
    banks = {name: modular.residues(np.asarray(bank), prime) for name, bank in weights.items()}
    conv, pool = _algebra(prime, limit)
    last, sites = schedule.waves[-1], blocks.leaves(mask[schedule.leaves], schedule.waves[0].dim_in)
    try:
        children = conv(last, banks[last.bank], fold(Algebra(conv, pool), schedule.without_top(), banks, sites))
        ends = [reduce(partial(_meet, prime, limit), half) for half in _halves(prime, limit, last, children)]
    except _ZeroError:
        return 0
    return blocks.closed_rank(ends[0], ends[1], banks[schedule.output], prime, limit)


def _algebra(prime: int, limit: blocks.Limit) -> Algebra:
    """Direct sums of factors over GF(p) on the edges."""

    def conv(wave: Wave, bank: Int[np.ndarray, "copies g c"], values: blocks.Sum) -> blocks.Sum:
        below = blocks.taken(values, wave.sources, np.arange(wave.positions))
        return _alive(below, blocks.transformed(below, wave.rows, bank, prime))

    def pool(wave: Wave, values: blocks.Sum) -> blocks.Sum:
        kinds = _ordered(wave, values)
        parts = [_chain(prime, limit, values, windows) for windows in kinds[:2]]
        parts += [_picked(values, kinds[2], place) for place in range(max(map(len, kinds[2])))]
        return reduce(partial(_meet, prime, limit), parts)

    return Algebra(conv, pool)


class _ZeroError(ArithmeticError):
    """A subtree is zero, and so is all that it is multiplied with."""


def _alive(before: blocks.Sum, after: blocks.Sum) -> blocks.Sum:
    """What came of the owners, if all are left: in a product one without blocks would count as absent, not as zero."""
    if len(blocks.owners(after)) < len(blocks.owners(before)):
        raise _ZeroError
    return after


Windows = list[list[int]]  # for every node positions that it pools


def _ordered(wave: Wave, values: blocks.Sum) -> tuple[Windows, Windows, Windows]:
    """Every node's children wholly in A, wholly in B (each product comes back to at most r), and others; smallest
    first."""
    side, elements = (each.tolist() for each in blocks.sizes(values, wave.positions))
    windows = [sorted(window, key=elements.__getitem__) for window in wave.children.array.tolist()]
    in_a, in_b, mixed = ([[child for child in w if side[child] == kind] for w in windows] for kind in range(3))
    return in_a, in_b, mixed


def _picked(values: blocks.Sum, windows: Windows, place: int) -> blocks.Sum:
    """The child at this place of each node that has so many, owned by the node."""
    nodes = [node for node, window in enumerate(windows) if len(window) > place]
    sources = [windows[node][place] for node in nodes]
    return blocks.taken(values, np.array(sources, np.int64), np.array(nodes, np.int64))


def _chain(prime: int, limit: blocks.Limit, values: blocks.Sum, windows: Windows) -> blocks.Sum:
    """The product over every window, child after child."""
    parts = (_picked(values, windows, place) for place in range(max(map(len, windows))))
    return reduce(partial(_meet, prime, limit), parts, [])


def _meet(prime: int, limit: blocks.Limit, x: blocks.Sum, y: blocks.Sum) -> blocks.Sum:
    return _alive([*x, *y], blocks.product(x, y, prime, limit))


def _halves(prime: int, limit: blocks.Limit, last: Wave, children: blocks.Sum) -> tuple[list[blocks.Sum], ...]:
    """The factors at the root in two lists of products about as large, the large ones first."""
    in_a, in_b, mixed = _ordered(last, children)
    factors = [_chain(prime, limit, children, windows) for windows in (in_a, in_b)]
    factors = [factor for factor, windows in zip(factors, (in_a, in_b), strict=True) if windows[0]]
    factors += [_picked(children, mixed, place) for place in range(len(mixed[0]))]
    logs = [log2(max(1, sum(part.value.size for part in factor))) for factor in factors]
    unit = blocks.Blocks(np.zeros(1, np.int64), np.ones((1, 1, 1, last.dim_out), np.int64))
    halves, weight = ([[unit]], [[unit]]), [0.0, 0.0]
    for k in sorted(range(len(factors)), key=lambda k: -logs[k]):
        lighter = weight.index(min(weight))
        halves[lighter].append(factors[k])
        weight[lighter] += logs[k]
    return halves


def error_probability(bits: float, gaussian: bool, primes: int) -> float:
    """Bound on the chance that so many random primes all divide one given non-zero minor below 2^bits.

    Such a number has at most bits / 30 prime divisors above 2^30: that many, of all the primes there are. gaussian:
    over Z[i] p divides the minor's norm, its square.
    """
    divisors = floor(bits * (1 + gaussian) / log2(modular.LOWEST))
    return min(1.0, divisors / (modular.GAUSSIAN_PRIMES if gaussian else modular.PRIMES)) ** primes


def minor_bits(network: Network, weights: Banks, rank: int) -> float:
    """Bound on log2 of a minor of `rank` rows, every bank's matrix scaled by a power of two to (Gaussian) integers.

    weights: the banks, and in the place of the last the vector that closes them.
    """
    return bits_of_minor(_log2_norm(network, weights), rank)


def bits_of_minor(log2_norm: float, rank: int) -> float:
    """(F / sqrt(R))^R, F the Frobenius norm of the tensor: Hadamard's inequality, and that of the means."""
    return max(0.0, rank * (log2_norm - log2(rank) / 2)) * SLACK


def _log2_norm(network: Network, weights: Banks) -> float:
    """A bound on log2 of the Frobenius norm of the tensor whose every matrix is scaled to integers.

    On an edge: log2 of the norm of the subtree's tensor, channel by channel; conv by the triangle inequality.
    """

    def conv(wave: Wave, bank: Float[np.ndarray, "copies g c"], below: Float[np.ndarray, "nodes c"]):
        return np.logaddexp2.reduce(bank[wave.rows] + below[wave.sources][:, None], axis=-1)

    algebra = Algebra(conv, lambda wave, values: values[wave.children.array].sum(axis=1))
    logs = {name: _integer_logs(np.asarray(weight)) for name, weight in weights.items()}
    schedule = distinct(whole(network), np.zeros(len(network.sites), np.int64))
    root = fold(algebra, schedule, logs, np.zeros((1, schedule.waves[0].dim_in)))
    return float(np.logaddexp2.reduce(root[0] + logs[schedule.output]))


def _integer_logs(weights: Num[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """log2 |w| of each, a matrix (or vector) at a time scaled by the power of two that makes its entries integers."""
    axes = tuple(range(max(0, weights.ndim - 2), weights.ndim))
    lowest = lowest_exponents(weights).min(axis=axes, keepdims=True)
    with np.errstate(divide="ignore"):  # log2 of a zero is -inf, as it should be
        return np.log2(np.abs(weights.astype(np.result_type(weights, np.float64)))) - lowest


def lowest_exponents(weights: Num[np.ndarray, "..."]) -> Int[np.ndarray, "..."]:
    """e of each m 2^e, m odd, the lower one of real and imaginary part; large for zeros."""
    parts = (weights.real, weights.imag) if np.iscomplexobj(weights) else (weights,)
    exponents = (np.where(part != 0, modular.dyadic(part).exponent, modular.LOWEST) for part in parts)
    return np.minimum.reduce(list(exponents))
