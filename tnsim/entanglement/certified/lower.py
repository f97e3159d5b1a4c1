"""Lower bounds of an entropy from a part of its spectrum and its moments. docs/certified-entropy.md. NumPy only.

    S >= mu - lambda P2 + nu P3 + sum_k min {f(x) : q_k <= x <= u_k},   f(x) = -x ln x - mu x + lambda x^2 - nu x^3

for every mu, lambda, nu >= 0 with f >= 0 on (0, c], where the values beyond the known ones lie (c, u_k: `_Problem`).
The three are searched on a list shortened by averages, which proves nothing; the bound is then evaluated on the
whole list at what was found, its rounding subtracted. Uses upper (the list made ready); names as there.
"""

from __future__ import annotations

from math import exp, inf, log
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from tnsim.entanglement.certified.upper import EPS, Listed, eta, flat, listed, rounding

FEW = 48  # values in the search: half of them the largest, the others averages
HALVINGS, LAMBDAS = (18, 30), 32  # of each round's bisection; in a round's grid
KAPPAS = (0.003, 0.03, 0.1, 0.3, 0.6, 0.9, 1.2, 2.0)  # nu as a part of lambda^2 / 8, where f's inner minimum vanishes
HIDDEN = 70.0  # with S_2 above it every value is below 1e-15: a list says nothing that its rounding does not hide


class Moments(NamedTuple):
    """log_purity = ln P2 = -S_2, and log_cubes = ln P3 = -2 S_3 where known; each within its error. P_n = sum p^n."""

    log_purity: float
    error: float = 0.0
    log_cubes: float | None = None
    cubes_error: float = 0.0


def top_loading(q: Float[np.ndarray, "k"], m: float, slack: float = 0.0) -> float:
    """Least entropy of {p >= q, sum p = 1}, nats: all the missing mass on the largest value, S(q_1 + m, q_2, ..).

    Raises ValueError where q, m and slack do not fit.
    """
    known = listed(q, m, slack)
    if not len(known.q):
        return 0.0
    spread = 4 * known.slack  # eta is concave: its least value on an interval is at an end
    first = eta(known.q[0] + known.m - np.array([0.0, spread])).min()
    found = float(first + eta(known.q[1:]).sum())
    return max(0.0, found - _excess(known) - rounding(len(q)) * (found + 1))


def collision(moments: Moments) -> float:
    """S_2, its error subtracted: never above S."""
    return max(0.0, -moments.log_purity - abs(moments.error)) * (1 - 2 * EPS)


def radau(q1: float, m: float, moments: Moments) -> float:
    """Gauss-Radau: -ln x integrated over sum p_k delta(p_k) by two nodes, one at b >= p_1; nats. Needs P3.

    As the dual's point where f touches zero at the free node and crosses it at b, so that errors of the moments are
    subtracted and not divided by. q1, m: p_1 <= q1 + m, rounding included. Raises ValueError without log_cubes.
    """
    if moments.log_cubes is None:
        raise ValueError("moments: wanted log_cubes, found None")
    if -moments.log_purity > HIDDEN:
        return collision(moments)
    known = Listed(np.zeros(0), min(q1 + m, 1.0), 0.0)
    problem = _problem(known, moments)
    return float(_bounds(_radau_point(problem), problem).max(initial=0.0))


def dual(q: Float[np.ndarray, "k"], m: float, moments: Moments, slack: float = 0.0) -> float:
    """Largest lower bound found of the form above, nats; never below S_2 and Radau's by more than rounding.

    About 3 ms for 2000 values, 20 ms with P3. Raises ValueError where q, m and slack do not fit.
    """
    known = listed(q, m, slack)
    if -moments.log_purity > HIDDEN:
        return collision(moments)
    problem, nothing = (_problem(part, moments) for part in (known, Listed(q[:0], 1.0, 0.0)))
    fixed = [np.concatenate([_touching(part), _radau_point(part)]) for part in (problem, nothing)]
    found = np.concatenate([_bounds(np.concatenate([_search(problem), fixed[0]]), problem), _bounds(fixed[1], nothing)])
    return float(found.max())


def best_lower(
    q: Float[np.ndarray, "k"], m: float, moments: Moments | None = None, slack: float = 0.0
) -> tuple[float, str]:
    """The largest of the lower bounds, nats and never negative, and its name. q may be empty.

    Raises ValueError where q, m and slack do not fit.
    """
    found = [(0.0, "zero"), (top_loading(q, m, slack), "top-loading")]
    if moments is not None:
        found += [(collision(moments), "S_2"), (dual(q, m, moments, slack), "dual")]
        if moments.log_cubes is not None:
            first = listed(q, m, slack)
            found.append((radau(float(first.q[:1].sum()), first.m, moments), "Radau"))
    return max(found, key=lambda pair: pair[0])


class _Problem(NamedTuple):
    """P2 from above, P3 from below (0 if unknown); q_k <= p_k <= u_k, and the values beyond the known ones are <= c."""

    P2: float
    P3: float
    q: Float[np.ndarray, "k"]
    u: Float[np.ndarray, "k"]
    c: float
    known: Listed


def _problem(known: Listed, moments: Moments) -> _Problem:
    """Bounds of single values: p_k <= q_k + m, p_k^n <= q_k^n + P_n - sum q^n; beyond, x <= m and 2 x <= m + q_last.

    Where p_k < q_k by slack, the larger of the two obeys the same bounds with P_n + n slack q_1^(n-1).
    """
    q, m, slack = known
    P2 = min(exp(moments.log_purity + abs(moments.error)), 1.0) * (1 + 8 * EPS)
    P3 = 0.0 if moments.log_cubes is None else exp(moments.log_cubes - abs(moments.cubes_error)) * (1 - 8 * EPS)
    P2 += 2 * slack * float(q[:1].sum())
    left2, left3 = _left(q, 2, P2), inf
    if moments.log_cubes is not None:
        left3 = _left(q, 3, exp(moments.log_cubes + abs(moments.cubes_error)) + 3 * slack * float((q[:1] ** 2).sum()))
    u = np.minimum(q + m, np.minimum(np.sqrt(q**2 + left2), np.cbrt(q**3 + left3))) * (1 + 4 * EPS)
    c = min(m, left2**0.5, left3 ** (1 / 3), (m + q[-1]) / 2 if len(q) else inf, 1.0) * (1 + 4 * EPS)
    return _Problem(P2, P3, q, np.maximum(u, q), c, known)


def _left(q: Float[np.ndarray, "k"], n: int, moment: float) -> float:
    """What sum q^n leaves of the moment, from above."""
    known = float((q**n).sum())
    return max(moment * (1 + 8 * EPS) - known, 0.0) + rounding(len(q)) * known


def _excess(known: Listed) -> float:
    """What the slack can add to a list's sum of eta: slack spread over all of its values."""
    return float(flat(known.slack, log(max(len(known.q), 1)))) if len(known.q) else 0.0


def _ceiling(lam: Float[np.ndarray, "n"], nu: Float[np.ndarray, "n"], c: float) -> Float[np.ndarray, "n"]:
    """Largest mu with -ln x - mu + lambda x - nu x^2 >= 0 on (0, c], from below: it is least at c or inside."""
    x = np.stack([np.minimum(_touch(lam, nu), c), np.full_like(lam, c)])
    terms = np.stack([-np.log(x), lam * x, -nu * x * x])
    return (terms.sum(axis=0) - 8 * EPS * (1 + np.abs(terms).sum(axis=0))).min(axis=0)


def _touch(lam: Float[np.ndarray, "n"], nu: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    """Where -ln x + lambda x - nu x^2 has its minimum: the lesser root of 2 nu x^2 - lambda x + 1; inf where none."""
    square = lam * lam - 8 * nu
    return np.where(square >= 0, 2 / (lam + np.sqrt(np.maximum(square, 0.0))), inf)


def _convex(lam: Float[np.ndarray, "n"], nu: Float[np.ndarray, "n"]) -> tuple[Float[np.ndarray, "n"], ...]:
    """Ends of the interval where f'' = -1/x + 2 lambda - 6 nu x >= 0; (inf, inf) where there is none."""
    square = lam * lam - 6 * nu
    root = np.sqrt(np.maximum(square, 0.0))
    low = np.where(square > 0, 1 / (lam + root), inf)
    with np.errstate(divide="ignore"):
        return low, np.where(square > 0, (lam + root) / (6 * nu), inf)


def _mu_of(
    x: Float[np.ndarray, "n"], lam: Float[np.ndarray, "n"], nu: Float[np.ndarray, "n"]
) -> Float[np.ndarray, "n"]:
    """The mu for which f has its inner minimum at x: f'(x) = 0."""
    return -np.log(x) - 1 + 2 * lam * x - 3 * nu * x * x


def _bounds(points: Float[np.ndarray, "n 4"], problem: _Problem) -> Float[np.ndarray, "n"]:
    """The bound at n points (mu, lambda, nu, x), rigorous whatever they are; x: a guess of f's inner minimum."""
    _, lam, nu, guess = points.T
    mu = np.minimum(points[:, 0], _ceiling(lam, nu, problem.c))
    values = [_least(point, problem) for point in np.stack([mu, lam, nu, guess], axis=1).tolist()]
    ends = np.stack([mu, -lam * problem.P2, nu * problem.P3])
    lost = 8 * EPS * np.abs(ends).sum(axis=0) + problem.known.slack * np.maximum(-mu, 0.0)
    return ends.sum(axis=0) + np.array(values) - lost - _excess(problem.known)


def _least(point: list[float], problem: _Problem) -> float:
    """sum_k of f's least value on [q_k, u_k], from below: at an end, or where f is convex above its tangent at x."""
    mu, lam, nu, guess = point
    q, u, factors = problem.q, problem.u, np.array([1.0, -mu, lam, -nu])[:, None]

    def f(x):  # with its rounding subtracted
        parts = factors * _powers(x)
        return parts.sum(axis=0) - 8 * EPS * np.abs(parts).sum(axis=0)

    least = np.minimum(f(q), f(u))
    low, high = (float(end[0]) for end in _convex(np.array([lam]), np.array([nu])))
    if low < u.max(initial=0.0) and not _rises(low, mu, lam, nu):
        x = min(max(guess, low), high, 1.0)
        within = f(np.clip(x, q, u)) - sum(map(abs, _slope(x, mu, lam, nu))) * (u - q)
        least = np.where((u > low) & (q < high), np.minimum(least, within), least)
    return float(least.sum()) - rounding(len(q)) * float(np.abs(least).sum())


def _slope(x: float, mu: float, lam: float, nu: float) -> tuple[float, float]:
    """f'(x) and the rounding in it."""
    parts = (-log(x), -1.0, -mu, 2 * lam * x, -3 * nu * x * x)
    return sum(parts), 8 * EPS * sum(map(abs, parts))


def _rises(low: float, mu: float, lam: float, nu: float) -> bool:
    """Whether f' > 0 where it is least, at the lower end of the convex part: then f has no inner minimum."""
    slope, error = _slope(low, mu, lam, nu)
    return slope > error


def _touching(problem: _Problem) -> Float[np.ndarray, "1 4"]:
    """lambda = 1/P2, mu = 1 - ln P2: f touches zero at P2, no term is negative, and the bound is S_2."""
    lam = 1 / problem.P2
    return np.array([[1 + log(lam), lam, 0.0, problem.P2]])


def _radau_point(problem: _Problem) -> Float[np.ndarray, "n 4"]:
    """f touches zero at x, the free Gauss-Radau node, and crosses it at b >= p_1; none without P3 or a second node."""
    b = max(problem.c, float(problem.u[:1].sum()))
    b = min(b, problem.P2**0.5, problem.P3 ** (1 / 3) if problem.P3 else 0.0)
    if not b > problem.P2 * (1 + 1e-9):
        return np.zeros((0, 4))
    x = (b * problem.P2 - problem.P3) / (b - problem.P2)
    if not 0 < x < b * (1 - 1e-9):
        return np.zeros((0, 4))
    nu = ((b - x) / x - log(b / x)) / (b - x) ** 2
    return np.array([[1 - log(x) + nu * x * x, 1 / x + 2 * nu * x, nu, x]])


def _search(problem: _Problem) -> Float[np.ndarray, "n 4"]:
    """Good (mu, lambda, nu, x), without nu and, if P3 is known, with it."""
    few = _shortened(problem)
    grids = [np.zeros(1), np.array(KAPPAS)] if problem.P3 else [np.zeros(1)]
    return np.stack([_close_in(kappas, few, problem) for kappas in grids])


def _close_in(kappas: Float[np.ndarray, "kappas"], few: _Few, problem: _Problem) -> Float[np.ndarray, "4"]:
    """The best of a grid of lambda and nu = kappa lambda^2 / 8, that closes in on the best of the round before."""
    left = max(problem.P2 - float((problem.q**2).sum()), 1e-15)
    lams = np.geomspace(0.1 / problem.P2, max(1e4, 30 / problem.P2, 30 * problem.known.m / left), LAMBDAS)
    for halvings in HALVINGS:
        lam, kappa = (part.ravel() for part in np.meshgrid(lams, kappas, indexing="ij"))
        points, values = _bisected(lam, kappa * lam * lam / 8, halvings, few, problem)
        best = int(np.argmax(values))
        i, j = divmod(best, len(kappas))
        lams, kappas = _around(lams, i), _around(kappas, j)
    return points[best]


def _around(grid: Float[np.ndarray, "k"], i: int) -> Float[np.ndarray, "k"]:
    """A grid as long between the neighbours of grid[i]."""
    return np.geomspace(grid[max(i - 1, 0)], grid[min(i + 1, len(grid) - 1)], len(grid)) if len(grid) > 1 else grid


class _Few(NamedTuple):
    """A shortened list: q, u, how many values each stands for, and the parts of f at both."""

    q: Float[np.ndarray, "few"]
    u: Float[np.ndarray, "few"]
    counts: Float[np.ndarray, "few"]
    at_q: Float[np.ndarray, "4 few"]
    at_u: Float[np.ndarray, "4 few"]


def _shortened(problem: _Problem) -> _Few:
    """The largest values as they are, the others in runs of rising length: means of values and of the parts of f."""
    n, half = len(problem.q), FEW // 2
    starts = np.arange(min(n, half))
    if n > half:
        starts = np.unique(np.concatenate([starts, np.geomspace(half, n, half + 1)[:-1].astype(int)]))
    counts = np.diff(starts, append=n).astype(float)

    def mean(x):
        return np.add.reduceat(x, starts, axis=-1) / counts if n else x

    q, u = problem.q, problem.u
    return _Few(mean(q), mean(u), counts, mean(_powers(q)), mean(_powers(u)))


def _bisected(
    lam: Float[np.ndarray, "n"], nu: Float[np.ndarray, "n"], halvings: int, few: _Few, problem: _Problem
) -> tuple[Float[np.ndarray, "n 4"], Float[np.ndarray, "n"]]:
    """For every (lambda, nu) the best mu by bisection, through the place x of f's inner minimum that belongs to it.

    The bound is concave in mu, its slope 1 - (sum of the minimisers); below the least mu it only rises.
    """
    ceiling = _ceiling(lam, nu, problem.c)
    low, high = _convex(lam, nu)
    low = bottom = np.minimum(low, 1.0)
    touch = _touch(lam, nu)
    high = np.maximum(np.minimum(high, np.where(touch < problem.c, touch, 1.0)), low)
    for _ in range(halvings):
        x = np.sqrt(low * high)
        mu = _mu_of(x, lam, nu)
        rises = (mu <= ceiling) & (_rough(mu, lam, nu, x, few)[1] < 1)
        low, high = np.where(rises, x, low), np.where(rises, high, x)
    mu = np.where(low > bottom, np.minimum(_mu_of(low, lam, nu), ceiling), ceiling)
    values, _ = _rough(mu, lam, nu, low, few)
    return np.stack([mu, lam, nu, low], axis=1), values + mu - lam * problem.P2 + nu * problem.P3


def _rough(mu, lam, nu, x, few: _Few) -> tuple[Float[np.ndarray, "n"], Float[np.ndarray, "n"]]:
    """sum_k min f and the sum of the minimisers on the shortened list, for n points; x: f's inner minimum."""
    factors = np.stack([np.ones_like(mu), -mu, lam, -nu], axis=1)
    at_q, at_u, at_x = factors @ few.at_q, factors @ few.at_u, (factors * _powers(x).T).sum(axis=1)[:, None]
    x = x[:, None]
    least = np.minimum(at_q, at_u)
    inner = (few.q < x) & (x < few.u) & (at_x < least)
    places = np.where(inner, x, np.where(at_u < at_q, few.u, few.q))
    return np.where(inner, at_x, least) @ few.counts, places @ few.counts


def _powers(x: Float[np.ndarray, "k"]) -> Float[np.ndarray, "4 k"]:
    """What f is a sum of."""
    return np.stack([eta(x), x, x * x, x**3])
