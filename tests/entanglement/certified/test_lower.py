"""No distribution that agrees with what is known has less entropy than the lower bounds, and some has little more."""

from math import exp, log

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from tnsim.entanglement.certified import lower
from tnsim.entanglement.certified.lower import Moments, best_lower, collision, dual, radau, top_loading
from tnsim.entanglement.certified.upper import eta, water_filling

SEEDS = st.integers(0, 2**32 - 1)
SLACK = 1e-12
QUICK = settings(max_examples=50)
MANY = settings(max_examples=300)


def moments(p, order=3):
    """ln of the moments, with the rounding of a float64 sum."""
    P2, P3 = (log(min(float((p**n).sum()), 1.0)) for n in (2, 3))
    return Moments(P2, 2e-15, P3, 2e-15) if order == 3 else Moments(P2, 2e-15)


def case(seed):
    """True probabilities, known ones, missing mass."""
    rng = np.random.default_rng(seed)
    p = oracle.random_spectrum(rng)
    q = oracle.known_part(rng, p)
    return p, q, float(1 - q.sum())


def holds(seed):
    p, q, m = case(seed)
    S = oracle.renyi(p, 1)
    assert top_loading(q, m, SLACK) <= S
    assert collision(moments(p)) <= S + 1e-15
    assert radau(float(q[:1].sum()), m + 1e-15, moments(p)) <= S
    for order in (2, 3):
        found = dual(q, m, moments(p, order), SLACK)
        assert oracle.renyi(p, 2) - 1e-12 <= found <= S + 1e-15
        best, name = best_lower(q, m, moments(p, order), SLACK)
        assert max(found, 0) <= best <= S + 1e-15
        assert name in ("zero", "top-loading", "S_2", "dual", "Radau")


@QUICK
@given(SEEDS)
def test_the_entropy_is_above_every_bound(seed):
    holds(seed)


@pytest.mark.slow
@MANY
@given(SEEDS)
def test_the_entropy_is_above_every_bound_of_many(seed):
    holds(seed)


@QUICK
@given(SEEDS)
def test_the_bound_holds_whatever_the_point(seed):
    """Weak duality: mu, lambda, nu and the guessed minimum may be anything, admissible or not."""
    p, q, m = case(seed)
    rng = np.random.default_rng(seed)
    points = np.stack([rng.normal(size=40) * 5, *(10 ** rng.uniform(-3, 7, (2, 40))), 10 ** rng.uniform(-9, 1, 40)], 1)
    points[::2, 2] *= rng.integers(0, 2, 20)
    points[1::2, 2] = points[1::2, 1] ** 2 / 8 * 2 * rng.random(20)
    points[::3, 0] = 1e9  # comes down to the largest that is admissible
    points[:, 3] = np.where(rng.random(40) < 0.5, 1 / points[:, 1], points[:, 3])
    problem = lower._problem(lower.listed(q, m, SLACK), moments(p))
    assert lower._bounds(points, problem).max() <= oracle.renyi(p, 1) + 1e-15


@QUICK
@given(SEEDS)
def test_every_term_is_a_least_value(seed):
    """The sum over k of f's minimum on [q_k, u_k], against a fine grid: never above, and not far below."""
    rng = np.random.default_rng(seed)
    p, q, m = case(seed)
    problem = lower._problem(lower.listed(q, m, SLACK), moments(p))
    lam, nu = (10 ** rng.uniform(-2, 4, 1) for _ in range(2))
    nu = nu * rng.integers(0, 2) if rng.random() < 0.5 else lam**2 / 6 * rng.random()
    x = np.exp(rng.uniform(*np.log([np.minimum(end, 1.0)[0] for end in lower._convex(lam, nu)])))
    mu = float(lower._mu_of(np.array([x]), lam, nu)[0])
    grid = problem.q + (problem.u - problem.q) * np.linspace(0, 1, 2001)[:, None]
    f = eta(grid) - mu * grid + lam * grid**2 - nu * grid**3
    wanted = float(f.min(axis=0).sum())
    found = lower._least([mu, float(lam[0]), float(nu[0]), float(x)], problem)
    size = 1 + float(np.abs(f).max(initial=0)) * len(q)
    assert wanted - 1e-5 * size <= found <= wanted + 1e-13 * size


@QUICK
@given(SEEDS, st.sampled_from([1e-3, 1e-6, 1e-10]))
def test_lists_and_moments_may_be_wrong_by_what_they_say(seed, slack):
    p, q, _ = case(seed)
    rng = np.random.default_rng(seed)
    q = np.minimum(q + 0.99 * slack * rng.dirichlet(np.ones(len(q))), 1.0) if len(q) else q
    m = float(1 - q.sum() + 0.5 * slack * rng.uniform(-1, 1))
    exact, off = moments(p), slack * rng.uniform(-1, 1, 2)
    known = Moments(exact.log_purity + off[0], slack + 2e-15, exact.log_cubes + off[1], slack + 2e-15)
    S = oracle.renyi(p, 1)
    for found in (top_loading(q, m, slack), collision(known), dual(q, m, known, slack)):
        assert found <= S + 1e-15
    assert best_lower(q, m, known, slack)[0] <= S + 1e-15


def test_all_the_missing_mass_may_belong_to_the_largest_value():
    """p = (1), q = (1 - m) has S = 0: what is known alone, even with -m ln m left out, says nothing."""
    for m in (0.5, 1e-2, 1e-6):
        q = np.array([1 - m])
        assert eta(q).sum() > 0
        assert best_lower(q, m, Moments(0.0, 0.0, 0.0), SLACK)[0] == pytest.approx(0, abs=1e-9)
        assert best_lower(q, m)[0] == pytest.approx(0, abs=1e-14)
    assert best_lower(np.array([0.5, 0.3]), 0.2) == (
        pytest.approx(float(eta(np.array([0.7, 0.3])).sum())),
        "top-loading",
    )


@QUICK
@given(SEEDS)
def test_top_loading_is_the_least_entropy_there_is(seed):
    _, q, m = case(seed)
    least = float(eta(np.append(q[:1] + m, q[1:])).sum()) if len(q) else 0.0
    assert top_loading(q, m) == pytest.approx(max(least, 0.0), abs=1e-11)
    for k in range(len(q)):
        raised = q.copy()
        raised[k] += m
        assert eta(raised).sum() >= top_loading(q, m) - 1e-13


@given(st.floats(0.01, 300), st.floats(0, 1e-6))
def test_without_any_value_the_dual_is_the_renyi_entropy(S_2, error):
    found = dual(np.zeros(0), 1.0, Moments(-S_2, error))
    assert S_2 - error - 1e-12 * (1 + S_2) <= found <= S_2


def test_entropies_beyond_float_range():
    assert best_lower(np.zeros(0), 1.0, Moments(-5000.0, 1e-9, -9990.0, 1e-9)) == (pytest.approx(5000.0), "S_2")
    tiny = np.full(3, exp(-60.0))
    assert best_lower(tiny, 1.0, Moments(-100.0), SLACK)[0] == pytest.approx(100.0)


def test_an_exact_list_is_its_entropy():
    p = np.array([0.6, 0.3, 0.1])
    assert best_lower(p, 0.0, moments(p))[0] == pytest.approx(oracle.renyi(p, 1), abs=1e-12)


def test_flat_spectra_leave_no_gap():
    """S_2 = S there, with or without a list."""
    p = np.full(50, 0.02)
    for k in (0, 10, 50):
        assert dual(p[:k], 1 - p[:k].sum(), moments(p)) == pytest.approx(log(50), abs=1e-9)


def least_of_all(rng, q, p, starts=12):
    """The least entropy that a minimiser finds among {x >= q, sum x = 1, sum x^2 = sum p^2} with len(p) values."""
    low = np.append(q, np.zeros(len(p) - len(q)))
    constraints = [
        {"type": "eq", "fun": lambda x: x.sum() - 1},
        {"type": "eq", "fun": lambda x: (x * x).sum() - (p * p).sum()},
    ]
    found = [oracle.renyi(p, 1)]
    for _ in range(starts):
        start = low + rng.dirichlet(np.full(len(p), 0.5)) * (1 - low.sum())
        result = minimize(lambda x: eta(np.maximum(x, 0.0)).sum(), start, bounds=[(l, 1) for l in low],
                          constraints=constraints, method="SLSQP", options={"maxiter": 200})  # fmt: skip
        if max(abs(rule["fun"](result.x)) for rule in constraints) < 1e-9:
            found.append(float(result.fun))
    return min(found)


def test_the_dual_is_close_to_the_least_entropy_there_is():
    """Weak duality leaves a gap; it is small beside what S_2 and top-loading leave."""
    rng = np.random.default_rng(3)
    gaps, others = [], []
    for _ in range(12):
        p = np.sort(rng.dirichlet(np.full(8, 0.7)))[::-1]
        q = p[: rng.integers(0, 4)] * (1 - 0.1 * rng.random())
        m = float(1 - q.sum())
        least, found = least_of_all(rng, q, p), dual(q, m, moments(p, 2))
        assert found <= least + 1e-7
        gaps.append(least - found)
        others.append(least - max(collision(moments(p)), top_loading(q, m)))
    assert np.mean(gaps) < 0.7 * np.mean(others)


def test_widths_on_random_spectra():
    """Of 60 with 1e-4 < m < .2: what the purity adds to the list, and P3 to both."""
    rng = np.random.default_rng(5)
    widths = []
    while len(widths) < 60:
        p = oracle.random_spectrum(rng)
        q = oracle.known_part(rng, p)
        m = float(1 - q.sum())
        if 1e-4 < m < 0.2:
            bounds = top_loading(q, m), *(best_lower(q, m, moments(p, order))[0] for order in (2, 3))
            widths.append(water_filling(q, m, log(len(p))) - np.array(bounds))
    loading, purity, cubes = np.median(widths, axis=0)
    assert purity < 0.6 * loading
    assert cubes <= purity


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"m: wanted 1 - sum\(q\) = 0.25, found 0.5"):
        best_lower(np.array([0.75]), 0.5)
    with pytest.raises(ValueError, match="moments: wanted log_cubes, found None"):
        radau(0.5, 0.5, Moments(-1.0))
