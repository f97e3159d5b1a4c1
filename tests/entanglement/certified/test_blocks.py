"""Local cuts bound every block's rank, and blocks that cover a side have no less entropy than the side."""

from math import exp, log, prod

import certified_cases
import numpy as np
import oracle
import pytest
import strategies
from certified_cases import WHOLE, Cuts, cases, one_pass, sites_below, starts
from hypothesis import given, settings
from hypothesis import strategies as st

import tnsim
from tnsim.bounds.min_cut import network_cut
from tnsim.entanglement.certified.blocks import block_bound, local_cuts
from tnsim.entanglement.certified.joins import Matrices, join_tree

SMALL = [arch for arch in certified_cases.ARCHS if arch.size <= 9]
KNOWN = [(arch, arch.size) for arch in strategies.POOL]


def partitioned(known):
    return st.sampled_from(known).flatmap(lambda one: st.tuples(st.just(one[0]), strategies.masks(one[1])))


trees = partitioned(KNOWN)
SHALLOW = partitioned([one for one in KNOWN if one[1] <= 8])


def blocks_of(tree, mask):
    """(cut, sites of one side below an edge) of all edges."""
    for sites, cuts in zip(sites_below(tree), local_cuts(tree), strict=True):
        for edge, row in zip(sites, cuts, strict=True):
            for side, cut in zip((True, False), row.tolist(), strict=True):
                yield cut, sorted(site for site in edge if mask[site] == side)


@settings(max_examples=40)
@given(cases(SMALL, ("gaussian",)))
def test_no_block_has_a_higher_rank_than_its_cut(case):
    ranks = {}
    for cut, block in blocks_of(join_tree(case.state.network, case.mask), case.mask):
        if block and tuple(block) not in ranks:
            values = np.linalg.eigvalsh(oracle.density_matrix(case.dense, block))
            ranks[tuple(block)] = int((values > 1e-13).sum())
        assert ranks.get(tuple(block), 1) <= exp(cut) * (1 + 1e-9)


@given(trees)
def test_the_whole_side_has_the_min_cut(case):
    arch, mask = case
    tree = join_tree(arch.network, mask)
    assert local_cuts(tree)[-1][0].min() == pytest.approx(network_cut(arch.network, mask).log)  # no edge above


def cut_below(arch, level, node, mask):
    """Least weight of a cut between the sites of the mask and all else below a node, its edge above among the else."""
    dims, positions, windows = (arch.features, *arch.channels), [node], []
    for groups, _ in reversed(strategies.wiring(arch)[: level + 1]):
        windows.insert(0, len(groups[0]))
        positions = [below for position in positions for below in groups[position]]
    counts = [prod(windows[below:]) for below in range(level + 1)]  # of matrices at every level, windows in a row
    inside = [int(mask[site]) for site in positions]
    return min(_weight(windows, counts, dims, sides, inside) for sides in np.ndindex(*(2,) * sum(counts)))


def _weight(windows, counts, dims, sides, inside):
    """Product of the dimensions whose ends lie on both sides; the edge above the last window on side 0."""
    levels = [sides[end - count : end] for count, end in zip(counts, np.cumsum(counts), strict=True)] + [(0,)]
    weight = prod(dims[0] for side, site in zip(levels[0], inside, strict=True) if side != site)
    for level, window in enumerate(windows):
        for number, above in enumerate(levels[level + 1]):
            ends = {*levels[level][number * window : (number + 1) * window], above}
            weight *= dims[level + 1] if len(ends) > 1 else 1
    return weight


@settings(max_examples=30)
@given(SHALLOW)
def test_local_cuts_are_the_least_of_all_cuts_below_an_edge(case):
    """By trying every side of every matrix below a node."""
    arch, mask = case
    tree = join_tree(arch.network, mask)
    ends = [*[i for i, layer in enumerate(tree.layers) if isinstance(layer, Matrices)][1:], len(tree.layers)]
    for level, end in enumerate(ends):  # the tables after each level's last joins
        for node, row in enumerate(local_cuts(tree)[end]):
            for side, cut in zip((mask, ~mask), row.tolist(), strict=True):
                assert exp(cut) == pytest.approx(cut_below(arch, level, node, side))


@settings(max_examples=60)
@given(cases(certified_cases.ARCHS))
def test_one_block_on_the_whole_of_a_side_is_the_entropy(case):
    """Where A is all that lies below some edge, that edge's weights are exact and no other antichain is better."""
    tree, _ = starts(case)
    sides = [{site for site, inside in enumerate(case.mask) if inside == side} for side in (True, False)]
    tree, env, state, _ = one_pass(case, Cuts(WHOLE))
    bound = block_bound(tree, env, state.lists)
    assert bound >= case.entropy - 1e-9
    if any(side in sites for side in sides for sites in sites_below(tree)):
        assert bound == pytest.approx(case.entropy, abs=1e-7)


def test_pairs_in_one_window_are_blocks_of_their_own():
    """THEORY section 5: windows of two sites, one on either side, maximally entangled: ln 2 for each."""
    arch = tnsim.ConvAC(sites=8, features=2, channels=(2, 4, 4), windows=(2, 2, 2), classes=1)
    banks = [np.zeros(shape) for shape in strategies.shapes(arch)]
    banks[0][:], banks[3][:, 0] = np.eye(2), 1
    banks[1][:, 0], banks[2][:, 0, 0] = 1, 1
    mask = np.arange(8) % 2 == 0
    case = certified_cases.Kinded(arch, banks, (0,) * 4, 0, mask)
    tree, env, state, _ = one_pass(case, Cuts(1))
    assert block_bound(tree, env, state.lists) == pytest.approx(4 * log(2), abs=1e-9)
