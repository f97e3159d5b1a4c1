"""What the pieces add: their own lists, and for every other node the most it can have at their weight."""

from math import log

import certified_cases
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tnsim
from tnsim.entanglement.certified.factors import padded
from tnsim.entanglement.certified.pinching import STEP, pinching_bound
from tnsim.entanglement.certified.truncate import Lists
from tnsim.entanglement.certified.upper import eta

SEEDS = st.integers(0, 2**32 - 1)
QUICK = settings(max_examples=200)


def lists(kept, dropped, lost):
    """The lists of one side's cuts at one layer."""
    kept = padded([np.array(row, dtype=float) for row in kept])
    return Lists(kept, kept, padded([np.array(row, dtype=float) for row in dropped]), lost)


def nodes(seed, count):
    """Spectra of independent nodes, each cut at some place: (kept, dropped)."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        values = np.sort(rng.dirichlet(np.full(int(rng.integers(1, 7)), 10 ** rng.uniform(-1.5, 1))))[::-1]
        size = int(rng.integers(1, len(values) + 1))
        found.append((values[:size], values[size:]))
    return found


def product_of(spectra):
    """Probabilities of independent nodes together."""
    p = np.ones(1)
    for values in spectra:
        p = np.outer(p, values).ravel()
    return p


@QUICK
@given(SEEDS)
def test_where_nothing_is_dropped_it_is_the_entropy_of_the_list(seed):
    q = np.random.default_rng(seed).dirichlet(np.ones(9))
    whole = lists([q, [1.0]], [[], []], 0.0)
    S = float(eta(q).sum())
    assert S <= pinching_bound(q, [whole, whole]) <= S + 1e-12
    assert S <= pinching_bound(q, []) <= S + 1e-12


@QUICK
@given(SEEDS, st.integers(1, 4))
def test_independent_nodes_have_no_more(seed, count):
    """A density that is diagonal in the nodes' bases: each node cut, the truth and what the cuts lose known."""
    cut = nodes(seed, count)
    q = product_of([kept for kept, _ in cut])
    S = float(eta(product_of([np.concatenate(node) for node in cut])).sum())
    layer = lists(*zip(*cut, strict=True), 1 - q.sum())
    assert pinching_bound(q, [layer]) >= S - 1e-12
    if count == 1:  # one piece, whose list is known: the entropy itself
        assert pinching_bound(q, [layer]) <= S + 1e-9 + max(0.0, _beyond(cut[0][1]))


def _beyond(dropped):
    """By how much eta's largest value stands above values beyond 1/e."""
    return float((eta(np.minimum(dropped, np.exp(-1))) - eta(dropped)).sum())


@QUICK
@given(SEEDS)
def test_two_layers_are_two_steps(seed):
    """The first layer cut, then the second in what is left: pieces add up."""
    cut = nodes(seed, 3)
    first, second, other = cut
    q = product_of([kept for kept, _ in cut])
    S = float(eta(product_of([np.concatenate(node) for node in cut])).sum())
    uncut = (np.concatenate(second), np.zeros(0))
    layer = lists(*zip(first, other, uncut, strict=True), 1 - first[0].sum() * other[0].sum())
    left = first[0].sum() * other[0].sum()
    rest = (np.outer(first[0], other[0]).ravel(), np.zeros(0))  # both nodes, joined
    later = [lists([rest[0], second[0]], [rest[1], second[1]], left * second[1].sum())]
    assert pinching_bound(q, [layer, *later]) >= S - 1e-12


def test_one_piece_by_hand():
    """Weight .2 dropped at a node, as .1 and .1; the other node has two values of .5 to spread it on."""
    q = np.array([0.4, 0.4])
    layer = lists([[0.8], [0.5, 0.5]], [[0.1, 0.1], []], 0.2)
    most = STEP ** np.ceil(log(0.2) / log(STEP))  # the weight, rounded up
    assert pinching_bound(q, [layer]) == pytest.approx(eta(q).sum() + 2 * eta(0.1) + most * log(2), abs=1e-9)


def test_what_the_pieces_share_is_counted_once():
    """Two nodes drop .1 each, together .15: the slope at the largest value, times what is counted twice."""
    apart, together = (lists([[0.9], [0.9]], [[0.1], [0.1]], lost) for lost in (0.2, 0.15))
    q = np.array([0.8])
    gain = pinching_bound(q, [apart]) - pinching_bound(q, [together])
    assert gain == pytest.approx(0.05 * (-log(0.1) - 1), abs=1e-12)
    large = lists([[0.5], [0.5]], [[0.5], [0.5]], 0.75)  # beyond 1/e the slope would be negative
    assert pinching_bound(q, [large]) == pytest.approx(
        pinching_bound(q, [lists([[0.5], [0.5]], [[0.5], [0.5]], 1.0)]), abs=1e-12
    )


@QUICK
@given(SEEDS, st.sampled_from([1e-12, 1e-6, 1e-3]))
def test_slack_only_raises_it(seed, slack):
    cut = nodes(seed, 3)
    q = product_of([kept for kept, _ in cut])
    layer = lists(*zip(*cut, strict=True), 1 - q.sum())
    assert pinching_bound(q, [layer]) <= pinching_bound(q, [layer], slack) + 1e-12


def test_the_class_leg_has_a_part_in_the_pieces_of_b():
    """Site 0 (A) shares 10 states with the class leg, sites 1 and 2 (B) two each: S is ln 10. What B's cut drops holds
    the ten too, though no site of B shows them."""
    g = np.arange(40)
    held = {0: g // 4, 1: g % 4 // 2, 2: g % 2}
    first = np.stack([np.eye(10)[held.get(site, 0 * g)] for site in range(32)])
    arch = tnsim.ConvAC(sites=32, features=10, channels=(40,) * 5, windows=(2,) * 5, classes=40)
    weights = [first, *(np.tile(np.eye(40), (32 >> level, 1, 1)) for level in range(1, 5)), np.eye(40)]
    case = certified_cases.Whole(arch, weights, (0,) * 6, 0, np.arange(32) == 0)
    found = certified_cases.one_pass(case, certified_cases.Cuts(chi=1))
    assert found.root.missing == pytest.approx(0.75, abs=1e-12)
    assert certified_cases.upper_bounds(case, found)["pinching"] >= log(10)
    without = pinching_bound(found.root.q, [*found.state.cuts, *found.root.pieces])
    assert without < log(10) - 0.3
