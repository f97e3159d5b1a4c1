"""Every site is joined once, and within a window those of one side before any that meet the other side."""

import strategies
from certified_cases import sites_below
from hypothesis import given
from hypothesis import strategies as st

from tnsim.contract.schedule import whole
from tnsim.entanglement.certified.joins import MIXED, A, B, Joins, Matrices, join_tree

KNOWN = [(arch, arch.size) for arch in strategies.POOL]
trees = st.sampled_from(KNOWN).flatmap(lambda known: st.tuples(st.just(known[0]), strategies.masks(known[1])))


def windows_of(arch):
    """Sites below every child of every window of every level, brute force."""
    below, found = [{site} for site in range(arch.size)], []
    for groups, _ in strategies.wiring(arch):
        found.append([[below[child] for child in group] for group in groups])
        below = [set().union(*window) for window in found[-1]]
    return found


@given(trees)
def test_every_site_once_and_all_at_the_root(case):
    arch, mask = case
    tree = join_tree(arch.network, mask)
    for sites in sites_below(tree):
        assert sorted(site for edge in sites for site in edge) == list(range(arch.size))
    assert len(tree.layers[-1].purity) == 1
    assert tree.purities[-1].tolist() == [MIXED]


@given(trees)
def test_purity_is_the_side_of_all_sites_below(case):
    arch, mask = case
    tree = join_tree(arch.network, mask)
    for sites, purity in zip(sites_below(tree), tree.purities, strict=True):
        for edge, side in zip(sites, purity.tolist(), strict=True):
            assert side == {(True,): A, (False,): B}.get(tuple({bool(mask[site]) for site in edge}), MIXED)


@given(trees)
def test_pure_siblings_are_joined_first(case):
    arch, mask = case
    tree = join_tree(arch.network, mask)
    edges = {frozenset(edge) for sites in sites_below(tree) for edge in sites}
    for window in (window for level in windows_of(arch) for window in level):
        for side in (True, False):
            pure = [child for child in window if {bool(mask[site]) for site in child} == {side}]
            assert not pure or frozenset(set().union(*pure)) in edges


@given(trees)
def test_windows_become_the_nodes_in_their_order(case):
    """Matrices read the nodes below them as the schedule does; a window takes one product less than its children."""
    arch, mask = case
    tree, levels = join_tree(arch.network, mask), windows_of(arch)
    sites = sites_below(tree)
    ends = [
        i
        for i, layer in enumerate(tree.layers)
        if i + 1 == len(tree.layers) or isinstance(tree.layers[i + 1], Matrices)
    ]
    for end, level in zip([end for end in ends if isinstance(tree.layers[end], Joins)], levels, strict=True):
        assert sites[end + 1] == [set().union(*window) for window in level]
    products = sum(len(layer.pairs) for layer in tree.layers if isinstance(layer, Joins))
    assert products == sum(len(window) - 1 for level in levels for window in level)


@given(trees)
def test_matrices_are_those_of_the_schedule(case):
    arch, mask = case
    waves, tree = whole(arch.network).waves, join_tree(arch.network, mask)
    matrices = [layer for layer in tree.layers if isinstance(layer, Matrices)]
    assert tree.features == arch.features
    for wave, layer in zip(waves, matrices, strict=True):
        assert (layer.bank, layer.dim) == (wave.bank, wave.dim_out)
        assert (layer.rows == wave.rows).all()
        assert (layer.sources == wave.sources).all()
