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
from tnsim.entanglement.certified.joins import MIXED, join_tree

SMALL = [arch for arch in certified_cases.ARCHS if arch.size <= 9]
KNOWN = [(arch, arch.size) for arch in strategies.POOL]
trees = st.sampled_from(KNOWN).flatmap(lambda known: st.tuples(st.just(known[0]), strategies.masks(known[1])))


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
    for at_root, side in zip(local_cuts(tree)[-1][0], (mask, ~mask), strict=True):
        assert at_root == pytest.approx(network_cut(arch.network, side).log)


def cut_below(arch, level, node, block):
    """Least weight of a cut between a block of sites and all else below a node, its edge above among the else."""
    wiring, dims = strategies.wiring(arch), (arch.features, *arch.channels)
    positions, kept = [node], []
    for groups, _ in reversed(wiring[: level + 1]):
        kept.insert(0, [groups[position] for position in positions])
        positions = sum(kept[0], [])
    numbered, below = [], positions
    for groups in kept:
        slot = {position: number for number, position in enumerate(below)}
        numbered.append(([[slot[position] for position in group] for group in groups], list(range(len(below)))))
        below = list(range(len(groups)))
    # The edge above lies with the rest: one more site of the largest weight, beside the last window.
    groups, slots = numbered[-1]
    found = []
    for sides in np.ndindex(*(2,) * sum(len(slots) for _, slots in numbered)):
        found.append(_weight(numbered, dims, np.array(sides), [site in block for site in positions]))
    return min(found)


def _weight(numbered, dims, sides, mask):
    """Product of the dimensions whose ends lie on both sides; the edge above the last window on side 0."""
    starts_of = np.cumsum([0] + [len(slots) for _, slots in numbered])
    weight = prod(dims[0] for site, inside in enumerate(mask) if sides[site] != inside)
    for level, (groups, _) in enumerate(numbered):
        for number, group in enumerate(groups):
            last = level + 1 == len(numbered)
            above = 0 if last else sides[starts_of[level + 1] + number]
            ends = {int(sides[starts_of[level] + child]) for child in group} | {int(above)}
            weight *= dims[level + 1] if len(ends) > 1 else 1
    return weight


@settings(max_examples=30)
@given(trees.filter(lambda case: case[0].size <= 8))
def test_local_cuts_are_the_least_of_all_cuts_below_an_edge(case):
    """By trying every side of every matrix below a node."""
    arch, mask = case
    tree, cuts = join_tree(arch.network, mask), local_cuts(join_tree(arch.network, mask))
    below, found = [{site} for site in range(arch.size)], sites_below(tree)
    known = {frozenset(edge): row for sites, rows in zip(found, cuts, strict=True) for edge, row in zip(sites, rows, strict=True)}
    for level, (groups, _) in enumerate(strategies.wiring(arch)):
        below = [set().union(*(below[child] for child in group)) for group in groups]
        for node, sites in enumerate(below):
            for side, cut in zip((True, False), known[frozenset(sites)].tolist(), strict=True):
                block = {site for site in sites if mask[site] == side}
                if len(sites) < 8 or len(groups) == 1:
                    assert exp(cut) == pytest.approx(cut_below(arch, level, node, block))
    assert (np.array(tree.purities[-1]) == MIXED).all()


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
