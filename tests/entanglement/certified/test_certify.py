"""The entropy is inside every certified interval: thousands of dense states, each bound on its side, any cut."""

import re
from math import inf, log

import certified_cases
import numpy as np
import pytest
import strategies
from certified_cases import (
    SLACK,
    WHOLE,
    Cuts,
    Kinded,
    cases,
    chains,
    cuts,
    early,
    one_pass,
    starts,
    upper_bounds,
    violations,
)  # fmt: skip
from hypothesis import given, settings
from hypothesis import strategies as st

import tnsim
from tnsim.entanglement.certified import certify, placement, truncate
from tnsim.entanglement.certified.certify import Goal, Problem, certified
from tnsim.entanglement.certified.joins import join_tree
from tnsim.entanglement.certified.root import root_of
from tnsim.memory import MemoryLimitError

NARROW = Goal(atol=1e-9)
MODERATE = st.sampled_from([Goal(atol=1e-2), Goal(rtol=1e-2), Goal(atol=1e-5), Goal(rtol=1e-4), Goal(atol=0.3)])


def holds(case, how):
    found = one_pass(case, how)
    bounds = upper_bounds(case, found)
    if case.seed % 3 == 0:
        bounds |= chains(case, min(how.chi, 8))
    assert not violations(case, found, bounds)


@settings(max_examples=150)
@given(cases(), cuts())
def test_every_bound_of_a_pass_is_on_its_side(case, how):
    holds(case, how)


@pytest.mark.slow
@settings(max_examples=2000)
@given(cases(), cuts())
def test_every_bound_of_a_pass_is_on_its_side_for_thousands(case, how):
    holds(case, how)


WHOLE_MODELS = cases([arch for arch in certified_cases.ARCHS if arch.classes > 1], made=certified_cases.Whole)


@settings(max_examples=150)
@given(WHOLE_MODELS, cuts())
def test_every_bound_of_a_whole_model_is_on_its_side(case, how):
    """The class leg a part of B."""
    holds(case, how)


@pytest.mark.slow
@settings(max_examples=250)
@given(WHOLE_MODELS, cuts())
def test_every_bound_of_a_whole_model_is_on_its_side_for_many(case, how):
    holds(case, how)


def contained(case, goal, first, root, dense):
    """A certificate by passes small enough that something is cut."""
    with early(first, root, dense):
        found = certified(case.problem, case.moments if case.seed % 2 else None, goal)
    assert found.lower - SLACK <= case.entropy <= found.upper + SLACK
    assert found.lower <= found.upper
    assert goal.met(found) or found.complete or "above the limit" in found.ended
    assert found.missing == pytest.approx(max(0.0, 1 - found.q.sum()), abs=1e-12)
    return found


WAYS = st.tuples(st.sampled_from([1, 2, 3, 8]), st.sampled_from([1, 2, 64]), st.sampled_from([1200, 5]))


@settings(max_examples=60)
@given(cases(), MODERATE, WAYS)
def test_a_certificate_contains_the_entropy(case, goal, ways):
    contained(case, goal, *ways)


@settings(max_examples=60)
@given(WHOLE_MODELS, MODERATE, WAYS)
def test_a_certificate_contains_the_entropy_of_a_whole_model(case, goal, ways):
    contained(case, goal, *ways)


@pytest.mark.slow
@settings(max_examples=200)
@given(cases(), MODERATE, WAYS)
def test_a_certificate_contains_the_entropy_for_many(case, goal, ways):
    contained(case, goal, *ways)


@settings(max_examples=60)
@given(cases())
def test_it_is_the_entropy_where_nothing_is_cut(case):
    """To rounding: of weights, times what a weight may be worth in nats."""
    found = one_pass(case, Cuts(WHOLE))
    bounds = upper_bounds(case, found)
    assert not violations(case, found, bounds)
    whole = certified(case.problem, None, NARROW)
    assert whole.upper - whole.lower <= 1e-7 + 300 * found.env.rounding
    assert whole.lower - SLACK <= case.entropy <= whole.upper + SLACK


@settings(max_examples=30)
@given(cases(), MODERATE)
def test_both_sides_have_one_entropy(case, goal):
    with early(2, 2):
        one, other = (certified(case.problem._replace(mask=mask), None, goal) for mask in (case.mask, ~case.mask))
    assert max(one.lower, other.lower) <= min(one.upper, other.upper) + SLACK


@settings(max_examples=30)
@given(cases(kinds=("gaussian", "near copy", "residual")))
def test_scales_of_banks_change_nothing(case):
    plain = Kinded(case.arch, case.weights, (0,) * len(case.powers), case.label, case.mask, case.gram)
    with early(2, 2):
        one, other = (certified(some.problem, None, Goal(atol=1e-2)) for some in (case, plain))
    assert (one.lower, one.upper) == pytest.approx((other.lower, other.upper), abs=1e-6)


UNSHARED = [arch for arch in certified_cases.ARCHS if set(arch.sharing) == {"none"}]


def regauged(case):
    """THEORY section 8: channel g of a position times d, column g of the bank above divided by the window's product."""
    rng, weights = np.random.default_rng(0), [bank.copy() for bank in case.weights]
    for level, (groups, _) in enumerate(strategies.wiring(case.arch)):
        d = np.exp(rng.normal(size=weights[level].shape[:2]))
        weights[level] = weights[level] * d[:, :, None]
        above = np.stack([d[group].prod(axis=0) for group in groups])
        weights[level + 1] = weights[level + 1] / (above if level + 2 == len(weights) else above[:, None])
    return Kinded(case.arch, weights, case.powers, case.label, case.mask, case.gram)


@settings(max_examples=30)
@given(cases(UNSHARED, ("gaussian", "near copy", "residual")))
def test_scales_of_channels_change_nothing(case):
    with early(2, 2):
        one, other = (certified(some.problem, None, Goal(atol=1e-2)) for some in (case, regauged(case)))
    rounding = sum(starts(some)[1].rounding for some in (case, regauged(case)))
    assert (one.lower, one.upper) == pytest.approx((other.lower, other.upper), abs=1e-5 + 300 * rounding)


def renumbered(case):
    """The same tree, its sites under other numbers."""
    order = np.random.default_rng(0).permutation(case.arch.size)
    levels = [groups for groups, _ in strategies.wiring(case.arch)]
    geometry = [[[int(order[site]) for site in window] for window in levels[0]], *levels[1:]]
    arch = tnsim.ConvAC(
        sites=case.arch.size, features=case.arch.features, channels=case.arch.channels, classes=case.arch.classes,
        windows=tuple(len(groups[0]) for groups in levels), sharing="none", geometry=geometry,
    )  # fmt: skip
    back = np.argsort(order)
    gram = case.gram[back] if case.gram is not None and case.gram.ndim == 3 else case.gram
    return Kinded(arch, [case.weights[0][back], *case.weights[1:]], case.powers, case.label, case.mask[back], gram)


@settings(max_examples=30)
@given(cases(UNSHARED, ("gaussian", "near copy", "residual")))
def test_numbers_of_sites_change_nothing(case):
    with early(2, 2):
        one, other = (certified(some.problem, None, Goal(atol=1e-2)) for some in (case, renumbered(case)))
    assert one.lower == pytest.approx(other.lower, abs=1e-9)
    if max(one.upper, other.upper) > 1e-7:  # below, all of it is what rounding leaves, in the order of the sums
        assert one.upper == pytest.approx(other.upper, abs=1e-9)


def flat(sites, M):
    """THEORY section 5: windows of two, A(odd|even) the identity of size M^(N/2)."""
    depth = sites.bit_length() - 1
    arch = tnsim.ConvAC(sites=sites, features=M, channels=(M,) * depth, windows=(2,) * depth, classes=1)
    banks = [np.zeros(shape) for shape in strategies.shapes(arch)]
    banks[0][:] = np.eye(M)
    banks[1][:, 0], banks[-1][:, 0] = 1, 1
    for bank in banks[2:-1]:
        bank[:, 0, 0] = 1
    return Kinded(arch, banks, (0,) * len(banks), 0, np.arange(sites) % 2 == 0)


@pytest.mark.parametrize(("sites", "M"), [(4, 2), (8, 3), (64, 2), (64, 4)])
def test_flat_spectra_of_any_size(sites, M):
    """S = (N/2) ln M: blocks and the purity know it where no list could hold the spectrum."""
    from_purity = certified_cases.lower.Moments(-sites / 2 * log(M), 1e-12)
    found = certified(flat(sites, M).problem, from_purity, Goal(atol=1e-6))
    assert (found.lower, found.upper) == pytest.approx((sites / 2 * log(M),) * 2, abs=1e-6)
    assert found.ended == "the interval is as narrow as asked"


def deep():
    """32 sites, half of them A, out of reach of a dense vector."""
    arch = tnsim.ConvAC(sites=32, features=2, channels=(4,) * 5, windows=(2,) * 5, classes=1)
    rng = np.random.default_rng(1)
    banks = [np.eye(*shape[-2:]) + 0.1 * strategies.normal(rng, shape) for shape in strategies.shapes(arch)[:-1]]
    state = arch.state(strategies.named([*banks, np.ones((1, 4))]), 0)
    return Problem(state.network, state.banks, state.vector[None], state.measure, np.arange(32) % 2 == 0)


def test_passes_only_narrow_the_interval():
    told = []
    with early(1, 16):
        found = certified(deep(), None, Goal(atol=0.02), told.append)
    assert len(told) >= 2
    assert all(line.startswith("chi ") and "missing mass" in line for line in told)
    ends = np.array([[float(end) for end in line.split("[")[1].split("]")[0].split(",")] for line in told])
    assert (np.diff(ends, axis=0) * (1, -1) >= 0).all()
    assert found.upper - found.lower <= 0.02
    assert found.ended == "the interval is as narrow as asked"
    assert 0 < found.missing < 1


def test_an_accelerator_finds_the_same(monkeypatch):
    """Large bases and the root by JAX, in double precision."""
    goal = Goal(atol=0.1)
    with early(2, 16, 40):
        here = certified(deep(), None, goal)
        monkeypatch.setattr(placement, "accelerated", lambda: True)
        there = certified(deep(), None, goal)
    np.testing.assert_allclose(there.q, here.q, atol=1e-9)
    assert isinstance(there.q, np.ndarray)
    assert (there.lower, there.upper) == pytest.approx((here.lower, here.upper), abs=1e-7)


def test_it_stops_where_it_is_told_to():
    problem = deep()
    first = certified(problem, None, Goal(atol=1e-6, seconds=1e-9))
    assert first.chi == 8
    assert re.fullmatch(r"chi \d+ would end after 1e-09 s", first.ended)
    with early(1, 16):
        needed = 16 * truncate.estimate(join_tree(problem.network, problem.mask), truncate.Policy(1))
        single = certified(problem, None, Goal(atol=1e-6, memory=1.01 * needed))
    assert single.chi == 1
    assert re.fullmatch(r"chi \d+ needs about .*, above the limit of .*", single.ended)
    small = certified(flat(4, 2).problem, None, Goal())
    assert small.complete
    assert small.ended == "no state was left out"


def test_the_root_keeps_as_many_pairs_as_the_goal_needs():
    """An eighth of the most, a quarter, then what a width linear in eta of the weight left out promises."""
    loss = 1e-3 / np.arange(1, 8193)
    root = root_of(np.sqrt(loss)[:, None, None] * np.eye(8192, 1)[:, :, None], np.ones((1, 1, 1)))
    root = root._replace(weights=(loss, np.array([loss.sum()])))
    width = 0.01 + certify.upper.eta(root.dropped(np.arange(1, 8193)))

    def pairs(goal):
        tried = []
        while K := certify._root_pairs(root, 4096, tried, goal):
            tried.append((K, float(width[K - 1])))
        return [K for K, _ in tried]

    assert pairs(0.0) == [512, 1024]
    assert pairs(10.0) == [512]
    assert pairs(float(width[700])) == [512, 1024]
    last = pairs(float(width[2500]))
    assert last[:2] == [512, 1024]
    assert 2500 < last[2] < 3300
    assert len(last) == 3


def test_more_pairs_at_the_root_must_be_worth_it():
    """Where most of the width has other reasons, the next pass is begun sooner; unless this one is whole."""
    loss = 1e-3 / np.arange(1, 8193)
    root = root_of(np.sqrt(loss)[:, None, None] * np.eye(8192, 1)[:, :, None], np.ones((1, 1, 1)))
    root = root._replace(weights=(loss, np.array([loss.sum()])))
    tried = [(512, 0.5 + 1e-3), (1024, 0.5)]
    assert certify._root_pairs(root, 4096, tried, 0.1) == 0
    assert certify._root_pairs(root, 8192, tried, 0.1) == 8192
    assert certify._root_pairs(root, 4096, [(512, 0.9), (1024, 0.5)], 0.1) > 1024


def test_too_little_memory_names_what_is_needed():
    with pytest.raises(
        MemoryLimitError, match=r"smallest certified pass needs about .* above the limit of 1 MB\. Ways out"
    ):
        certified(deep(), None, Goal(memory="1MB"))


@pytest.mark.parametrize(("value", "words"), [(0.0, "zero to rounding"), (np.nan, "not finite"), (inf, "not finite")])
def test_no_state_is_refused(value, words):
    problem = deep()
    banks = {**problem.banks, "conv_2": np.full_like(problem.banks["conv_2"], value)}
    with pytest.raises(ValueError, match=words), np.errstate(invalid="ignore"):
        certified(problem._replace(banks=banks), None, Goal(atol=1e-3))


def test_ends_that_cross_by_rounding_are_put_in_order():
    product = Kinded(UNSHARED[0], [np.ones_like(w) for w in _ones(UNSHARED[0])], (0,) * 4, 0, np.arange(8) % 2 == 0)
    found = certified(product.problem, None, NARROW)
    assert 0 <= found.lower <= found.upper <= 1e-9


def _ones(arch):
    return [np.ones(shape) for shape in strategies.shapes(arch)]
