"""A pass is one projection of the dense state: what is lost is counted, and lists stay below the truth."""

import tracemalloc
from unittest import mock

import certified_cases
import numpy as np
import oracle
import pytest
import strategies
from certified_cases import WHOLE, Cuts, cases, cuts, one_pass, sites_below, starts
from hypothesis import given, settings
from hypothesis import strategies as st

import tnsim
from tnsim.entanglement.certified import truncate
from tnsim.entanglement.certified.joins import Joins
from tnsim.entanglement.certified.truncate import Policy, estimate, truncated

SMALL = [arch for arch in certified_cases.ARCHS if arch.size <= 9]
WHOLE_CUTS = st.sampled_from([Cuts(), Cuts(dense=1, iterations=0), Cuts(dense=1, iterations=2)])


def matrix(state):
    """The root's matrix, dense."""
    (a, b, _), (c, d, _) = state.left.shape, state.right.shape
    return np.einsum("abg,cdg->acbd", state.left, state.right).reshape(a * c, b * d)


def reduced(case, sites):
    """Eigenvalues of the reduced density of some sites, descending."""
    return np.linalg.eigvalsh(oracle.density_matrix(case.dense, sorted(sites)))[::-1]


@settings(max_examples=100)
@given(cases(), WHOLE_CUTS)
def test_nothing_is_left_out_at_a_large_chi(case, how):
    state = one_pass(case, how).state
    q = np.linalg.svd(matrix(state), compute_uv=False) ** 2
    size = max(len(q), len(case.p))
    assert np.pad(q, (0, size - len(q))) == pytest.approx(np.pad(case.p, (0, size - len(case.p))), abs=1e-9)
    if how.dense > 1:
        assert state.complete(how.policy)
        assert all((side.dropped == 0).all() for side in state.cuts)


@settings(max_examples=150)
@given(cases(), cuts())
def test_what_all_cuts_and_the_root_lose_is_what_is_missing(case, how):
    """The losses telescope; together the cuts of one side and layer never lose more than each would alone."""
    found = one_pass(case, how)
    rounding = max(1e-12, found.env.rounding)
    lost = sum(side.lost for side in found.state.cuts)
    assert 1 - (np.abs(matrix(found.state)) ** 2).sum() == pytest.approx(lost, abs=rounding)
    lost += sum(piece.lost for piece in found.root.pieces)
    assert 1 - found.root.q.sum() == pytest.approx(lost, abs=rounding)
    for side in found.state.cuts:
        assert 0 <= side.lost <= side.dropped.sum() + rounding


@settings(max_examples=60)
@given(cases(SMALL), cuts())
def test_lists_stay_below_the_eigenvalues_of_every_subtree(case, how):
    """Of A's sites below every edge, and of B's; those of one-sided edges are exact."""
    tree, _, state, _ = one_pass(case, how)
    for number, pair in state.lists.items():
        for side, lists in enumerate(pair):
            for edge, sites in enumerate(sites_below(tree)[number + 1]):
                own = [site for site in sites if case.mask[site] == (side == 0)]
                true = reduced(case, own) if own else np.ones(1)
                values = lists.values[edge]
                size = max(len(values), len(true))
                values, true = (np.pad(x, (0, size - len(x))) for x in (values, true))
                assert (values <= true + 1e-10).all()
                whole = how.chi == WHOLE and not how.tolerance and how.dense > 1
                if tree.purities[number + 1][edge] == side or whole:
                    assert values == pytest.approx(true, abs=1e-9)


@settings(max_examples=100)
@given(cases(), cuts())
def test_what_is_kept_and_what_is_dropped_is_all_there_is(case, how):
    """Of A's density below every edge its trace: 1 less what other cuts have taken from that edge's inside alone."""
    state = one_pass(case, how).state
    before = 1.0
    for on_a, on_b in state.lists.values():
        for lists in (on_a, on_b):
            total = lists.kept.sum(axis=1) + lists.dropped.sum(axis=1)
            assert (total <= 1 + 1e-9).all()
            assert (total >= before - 1e-9).all()
            assert (np.diff(lists.kept, axis=1) <= 1e-15).all()
            before -= lists.lost


@settings(max_examples=100)
@given(cases(), cuts())
def test_tolerance_and_chi_are_obeyed(case, how):
    """Each node drops at most the tolerance where chi does not bind; it never keeps more states than chi."""
    tree, _, state, _ = one_pass(case, how)
    caps = how.policy.caps(tree)
    for number, pair in state.lists.items():
        for lists in pair:
            kept = (lists.kept > 0).sum(axis=1)
            dropped = lists.dropped.sum(axis=1)
            free = kept < min(caps[number], how.chi)
            if how.dense > 1 or how.chi == WHOLE:
                assert (dropped[free] <= how.tolerance + 1e-12).all()
    if not how.tolerance and how.dense > 1:
        assert state.complete(how.policy) == all((lists.dropped.sum(axis=1) <= 0).all() for lists in state.cuts)


def deep(chi_of_levels=(8, 8, 8, 8, 8, 8), M=4):
    arch = tnsim.ConvAC(sites=64, features=M, windows=(2,) * 6, channels=chi_of_levels, classes=1)
    rng = np.random.default_rng(0)
    banks = [strategies.normal(rng, shape) for shape in strategies.shapes(arch)]
    return arch.state(strategies.named(banks), 0), np.arange(64) % 2 == 0


def started(state, mask):
    case = type("Plain", (), {"state": state, "mask": mask, "problem": state.problem(mask)})
    return starts(case)


def test_chi_is_more_near_the_root():
    state, mask = deep()
    tree, env = started(state, mask)
    joins = [number for number, layer in enumerate(tree.layers) if isinstance(layer, Joins)]
    caps = Policy(3).caps(tree)
    assert [caps[number] for number in joins] == [3, 3, 3, 6, 24, 3]
    found = truncated(tree, env, state.banks, Policy(3))
    assert [found.lists[number][0].kept.shape[1] for number in joins[1:-1]] == [3, 3, 6, 24]
    assert found.left.shape == (24, 24, 8)
    assert not found.complete(Policy(3))


@pytest.mark.parametrize(("chi", "dense"), [(4, 1200), (16, 1200), (8, 16), (16, 16)])
def test_estimate_covers_the_peak(chi, dense):
    state, mask = deep()
    tree, env = started(state, mask)
    policy = Policy(chi)
    with mock.patch.multiple(truncate, DENSE=dense, BATCH=2**12):
        tracemalloc.start()
        truncated(tree, env, state.banks, policy)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak <= 16 * estimate(tree, policy)


def test_estimates_grow_with_chi_and_count_complex_numbers():
    state, mask = deep()
    tree, _ = started(state, mask)
    numbers = [estimate(tree, Policy(chi)) for chi in (8, 64, 512)]
    assert numbers == sorted(set(numbers))
