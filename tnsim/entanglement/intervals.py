"""Entropies of a sampled operator with intervals that cover. THEORY sections 3 and 7. Used by sampled.

    K = U s V^dagger        its rows: draws of A, its columns: draws of B; p_k = s_k^2 / sum s^2

S of K is a function of two empirical measures. First order: the influence of a row, n times the derivative of S with
respect to its weight, n sum_k |U_ik|^2 lambda_k dS/dlambda_k; the variance of S is var(rows)/n + var(columns)/n.
Second order: a bias near c/n. Blocks of halves and quarters of the same matrix show it, and complementary blocks leave
the first order as it is: value = 2 S_n - S_{n/2}, and |(2 S_n - S_{n/2}) - (2 S_{n/2} - S_{n/4})| is added to the
interval for what is left. Resampling with replacement would make rows equal, and equal rows bias a spectrum.
Ends are taken on the scale ln(e^S - 1) (for order 2 the logit of the purity), where errors near S = 0 are even.
"""

from __future__ import annotations

from math import expm1, inf, isinf, log, log1p, sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Num

from tnsim.entanglement.spectrum import renyi

CUT = 1e-14  # of sum s^2: what may be left out of a factorisation, below 1e-12 nats at orders >= 1
PARTITIONS = 4  # random ways to halve the matrix; more only smooth the bias
ROUNDING = 8  # units in the last place that an entry may be off, in nats for each 1 + ln n
LEAST_FREEDOM = 3.0  # degrees of freedom below which the expansion of Student's quantile fails


class Factors(NamedTuple):
    """K = U diag(s) V^dagger up to CUT."""

    U: Num[np.ndarray, "rows k"]
    s: Float[np.ndarray, "k"]
    V: Num[np.ndarray, "columns k"]


class Finding(NamedTuple):
    """An estimate before its interval: value, what the bias may still be, and every row's and column's influence.

    seen: S_n - S_{n/2}. residual: of the bias, to either side. ratio: how the last halving's bias stands to that of
    the one before, 1/2 where it is c/n and near 1 where n cannot hold the spectrum.
    """

    value: float
    seen: float
    residual: float
    ratio: float
    rows: Float[np.ndarray, "rows"]
    columns: Float[np.ndarray, "columns"]


class Interval(NamedTuple):
    """value in [lower, upper]; upper is inf where n is too small to say."""

    value: float
    lower: float
    upper: float


def factors(K: Num[np.ndarray, "rows columns"], rng: np.random.Generator) -> Factors:
    """A decomposition by random projection where the rank allows it, else in full. K has peak 1, not zero."""
    size, width = float(np.linalg.norm(K)) ** 2, 64
    while width <= min(K.shape) // 4:
        Q, _ = np.linalg.qr(K @ rng.normal(size=(K.shape[1], width)))
        small = np.conj(Q.T) @ K
        if float(np.linalg.norm(K - Q @ small)) ** 2 <= CUT / 2 * size:
            U, s, Vh = np.linalg.svd(small, full_matrices=False)
            return _cut(Q @ U, s, Vh)
        width *= 4
    return _cut(*np.linalg.svd(K, full_matrices=False))


def _cut(U: Num[np.ndarray, "rows k"], s: Float[np.ndarray, "k"], Vh: Num[np.ndarray, "k columns"]) -> Factors:
    tail = np.cumsum((s**2)[::-1])[::-1]
    kept = max(int((tail > CUT / 2 * tail[0]).sum()), 1)
    return Factors(U[:, :kept], s[:kept], np.conj(Vh[:kept].T))


def spectral(f: Factors, order: float, rng: np.random.Generator) -> Finding:
    """Plug-in Renyi entropy (order 1: von Neumann) extrapolated from the halves and quarters of the matrix."""
    p = f.s**2 / (f.s**2).sum()
    full = renyi(p, order)
    half, quarter = (
        float(np.mean([block_entropies(f, order, parts, rng) for _ in range(PARTITIONS)])) for parts in (2, 4)
    )
    last, before = full - half, half - quarter
    ratio = min(last / before, 1.0) if last > 0 and before > 0 else (1.0 if last > 0 else 0.0)
    weights = _weights(p, order)
    rows, columns = (len(x) * np.abs(x) ** 2 @ weights for x in (f.U, f.V))
    return Finding(max(full + last, full / 2), last, abs(2 * last - before), ratio, rows, columns)


def block_entropies(f: Factors, order: float, parts: int, rng: np.random.Generator) -> Float[np.ndarray, "blocks"]:
    """Entropies of the parts^2 blocks of a random division of rows and columns."""
    return np.array([_entropy(block, order) for block in _blocks(f, parts, rng)])


def _blocks(f: Factors, parts: int, rng: np.random.Generator) -> list[Num[np.ndarray, "a b"]]:
    """For each block a small matrix of the same singular values: R_rows R_columns^dagger of two QR steps."""
    left, right = (
        [np.asarray(np.linalg.qr(x[ids], mode="r")) for ids in np.array_split(rng.permutation(len(x)), parts)]
        for x in (f.U * f.s, f.V)
    )
    return [x @ np.conj(y.T) for x in left for y in right]


def block_probabilities(f: Factors, rng: np.random.Generator) -> Float[np.ndarray, "blocks k"]:
    """Descending p of the blocks of n/2 of PARTITIONS random divisions, ending in zeros where they are shorter."""
    blocks = [block for _ in range(PARTITIONS) for block in _blocks(f, 2, rng)]
    found = np.zeros((len(blocks), max(min(block.shape) for block in blocks)))
    for row, block in zip(found, blocks, strict=True):
        p = _probabilities(block)
        row[: len(p)] = p
    return found


def _probabilities(K: Num[np.ndarray, "a b"]) -> Float[np.ndarray, "k"]:
    gram = K @ np.conj(K.T) if len(K) <= K.shape[1] else np.conj(K.T) @ K
    values = np.maximum(np.linalg.eigvalsh(gram)[::-1], 0)  # Gram: p below 1e-16 are lost, which no order >= 1 feels
    return values / values.sum() if values[0] > 0 else values


def _entropy(K: Num[np.ndarray, "a b"], order: float) -> float:
    p = _probabilities(K)
    return renyi(p, order) if p[0] > 0 else 0.0  # a block of zeros: nothing seen in it


def _weights(p: Float[np.ndarray, "k"], order: float) -> Float[np.ndarray, "k"]:
    """lambda_k dS/dlambda_k; they sum to zero, since S does not feel the norm."""
    if order == 1:
        return p * (-np.log(p) - renyi(p, 1))
    if isinf(order):
        return p - (np.arange(len(p)) == 0)
    raised = (p / p[0]) ** order
    return order / (1 - order) * (raised / raised.sum() - p)


def purity(K: Num[np.ndarray, "rows columns"], f: Factors) -> Finding | None:
    """Renyi-2 from unbiased sums over i != i', j != j', and the jackknife that leaves out one row or one column.

        Tr rho^2 = sum K_ij K*_i'j K_i'j' K*_ij' / sum |K_ij|^2 |K_i'j'|^2

    Without the terms i = i' and j = j' no bias e^S / n is left, so that S_2 far above ln n can be seen. None where
    a sum that must be positive is not: too few samples.
    """
    squares = np.abs(K) ** 2
    above, below = (_without_equal(squares, f), _without_equal_norms(squares))
    total, norm = above[0].sum(), below[0].sum()
    deleted = [(total - 2 * a, norm - 2 * b) for a, b in zip(above, below, strict=True)]
    if total <= 0 or any((a <= 0).any() or (b <= 0).any() for a, b in deleted):
        return None
    value = log(norm / total)
    left_out = [np.log(b / a) for a, b in deleted]
    shift = sum((len(one) - 1) * (value - float(one.mean())) for one in left_out)
    rows, columns = ((len(one) - 1) * (one.mean() - one) for one in left_out)
    return Finding(max(value + shift, value / 2, 0.0), shift, abs(shift), 0.5, rows, columns)


def _without_equal(
    squares: Float[np.ndarray, "rows columns"], f: Factors
) -> tuple[Float[np.ndarray, "rows"], Float[np.ndarray, "columns"]]:
    """For each row i (column j), the sum over i' != i and j != j' of K_ij K*_i'j K_i'j' K*_ij'."""
    rows, columns = squares.sum(axis=1), squares.sum(axis=0)
    of_rows = np.abs(f.U) ** 2 @ f.s**4 - rows**2 - squares @ columns + (squares**2).sum(axis=1)
    of_columns = np.abs(f.V) ** 2 @ f.s**4 - columns**2 - squares.T @ rows + (squares**2).sum(axis=0)
    return of_rows, of_columns


def _without_equal_norms(
    squares: Float[np.ndarray, "rows columns"],
) -> tuple[Float[np.ndarray, "rows"], Float[np.ndarray, "columns"]]:
    """For each row i (column j), the sum over i' != i and j != j' of |K_ij|^2 |K_i'j'|^2."""
    rows, columns = squares.sum(axis=1), squares.sum(axis=0)
    of_rows = rows * rows.sum() - rows**2 - squares @ columns + (squares**2).sum(axis=1)
    of_columns = columns * rows.sum() - columns**2 - squares.T @ rows + (squares**2).sum(axis=0)
    return of_rows, of_columns


def interval(found: Finding, confidence: float, eps: float) -> Interval:
    """Student's quantile times the first-order error, and the bias that may be left, on the scale ln(e^S - 1).

    eps: relative rounding of the matrix's entries; with it and with CUT both ends move out a little.
    """
    rounding = ROUNDING * (eps * (1 + log(len(found.rows))) + 5 * CUT)
    spread = sqrt(_variance(found.rows) + _variance(found.columns))
    error = student(confidence, _freedom(found.rows, found.columns)) * spread
    # A bias that no longer halves is a spectrum that n cannot hold: geometric extrapolation says how much may be left.
    slow = found.seen > error and found.ratio > 0.5
    stretch = 1.0 if not slow else (found.ratio / (1 - found.ratio) if found.ratio < 1 else inf)
    lower = _moved(found.value, -(error + found.residual)) - rounding
    upper = _moved(found.value, error + found.residual * stretch if found.residual else error) + rounding
    return Interval(found.value, max(lower, 0.0), upper)


def _moved(value: float, step: float) -> float:
    """The entropy that lies a step away on the scale ln(e^S - 1), whose derivative is 1 / (1 - e^-S)."""
    if value <= 0 or not np.isfinite(step):
        return max(value + step, 0.0)
    shift = step / -expm1(-value)
    return value + shift if value + shift > 700 else log1p(expm1(value) * float(np.exp(min(shift, 700.0))))


def _variance(influences: Float[np.ndarray, "n"]) -> float:
    """Of the mean of n influences."""
    return float(influences.var(ddof=1)) / len(influences)


def _freedom(rows: Float[np.ndarray, "n"], columns: Float[np.ndarray, "m"]) -> float:
    """Degrees of freedom of the variance's own estimate, from fourth moments (Welch and Satterthwaite)."""
    spread = _variance(rows) + _variance(columns)
    of_spread = sum(float(((x - x.mean()) ** 2).var()) / float(len(x)) ** 3 for x in (rows, columns))
    return 2 * spread**2 / of_spread if of_spread > 0 else inf


def student(confidence: float, freedom: float) -> float:
    """Two-sided quantile of Student's t by its expansion in 1/freedom (Fisher and Cornish 1960), within 1 % above 3."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    v = max(freedom, LEAST_FREEDOM)
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    )
