"""Grams and environments are those of the dense state: together they give the reduced density below every edge."""

import numpy as np
import oracle
import pytest
from certified_cases import ARCHS, Kinded, cases, sites_below, starts
from hypothesis import given, settings

import tnsim
from tnsim.entanglement.certified.environments import environments, norm_squared
from tnsim.entanglement.certified.joins import Matrices, join_tree

SMALL = [arch for arch in ARCHS if arch.size <= 9]
MILD = ("gaussian", "near copy", "flat", "residual")


def subtrees(case, tree):
    """(sites in their order, psi[x, g]) below every edge, before the first layer and after each, by brute force."""
    measure = case.state.measure
    level = [([site], measure.factors[kind].T) for site, kind in enumerate(measure.kind.tolist())]
    found = [level]
    for layer in tree.layers:
        if isinstance(layer, Matrices):
            bank = case.params[layer.bank]
            pairs = zip(layer.sources.tolist(), layer.rows.tolist(), strict=True)
            level = [(level[source][0], level[source][1] @ bank[row].T) for source, row in pairs]
        else:
            level = [_product(level, *edges) for edges in zip(layer.left.tolist(), layer.right.tolist(), strict=True)]
        level = [(sites, psi / np.abs(psi).max()) for sites, psi in level]  # powers of 2^100 in each bank
        found.append(level)
    return found


def _product(level, left, right):
    (sites, psi), (more, factor) = level[left], level[right] if right >= 0 else ([], np.ones((1, 1)))
    return sites + more, (psi[:, None] * factor[None]).reshape(-1, psi.shape[1])


@settings(max_examples=60)
@given(cases(SMALL, MILD))
def test_grams_are_those_of_the_dense_subtrees(case):
    tree, env = starts(case)
    for edges, G in zip(subtrees(case, tree), env.grams, strict=True):
        for (_, psi), gram in zip(edges, G, strict=True):
            dense = psi.T @ np.conj(psi)
            assert gram == pytest.approx(dense / np.trace(dense).real, abs=1e-12)


@settings(max_examples=60)
@given(cases(SMALL, MILD))
def test_gram_and_environment_give_the_reduced_density_of_every_subtree(case):
    tree, env = starts(case)
    for edges, G, E in zip(subtrees(case, tree), env.grams, env.outside, strict=True):
        for (sites, psi), gram, outside in zip(edges, G, E, strict=True):
            psi = psi / np.sqrt(np.trace(psi.T @ np.conj(psi)).real)
            assert np.trace(gram).real == pytest.approx(1)
            if len(sites) <= 4:
                rho = oracle.density_matrix(case.dense, sites)
                assert psi @ outside @ np.conj(psi.T) == pytest.approx(rho, abs=1e-10)


@settings(max_examples=100)
@given(cases())
def test_every_edge_has_norm_one_and_positive_matrices(case):
    tree, env = starts(case)
    for number, (G, E) in enumerate(zip(env.grams, env.outside, strict=True)):
        assert np.einsum("ngh,ngh->n", G, E).real == pytest.approx(1)
        assert norm_squared(tree, env, case.state.banks, number, G) == pytest.approx(1, abs=1e-9)
        for positive in (G, E):
            values = np.linalg.eigvalsh(positive)
            assert (values >= -max(1e-12, env.rounding) * np.abs(values).max(axis=1, keepdims=True)).all()


@settings(max_examples=60)
@given(cases(kinds=MILD))
def test_what_an_edge_loses_the_norm_loses(case):
    """norm_squared is linear in every Gram, with E as its slope."""
    tree, env = starts(case)
    rng = np.random.default_rng(case.seed)
    number = int(rng.integers(len(tree.layers) + 1))
    grams = env.grams[number].copy()
    edge, r = int(rng.integers(len(grams))), grams.shape[1]
    vector = rng.normal(size=r)
    change = 0.1 * np.outer(vector, vector)
    grams[edge] -= change
    lost = float((env.outside[number][edge] * change).sum().real)
    assert norm_squared(tree, env, case.state.banks, number, grams) == pytest.approx(1 - lost, abs=1e-9)


@given(cases(SMALL, MILD))
def test_scales_of_banks_do_not_matter(case):
    unscaled = Kinded(case.arch, case.weights, (0,) * len(case.powers), case.label, case.mask, case.gram)
    (_, env), (_, same) = starts(case), starts(unscaled)
    for one, other in zip(env.grams + env.outside, same.grams + same.outside, strict=True):
        assert one == pytest.approx(other, rel=1e-9, abs=1e-12)


def _banks(arch, value):
    rng = np.random.default_rng(0)
    banks = {f"conv_{l}": rng.normal(size=(n, r, c)) for l, (n, r, c) in enumerate([(4, 2, 2), (2, 2, 2)])}
    return {**banks, "conv_1": np.full((2, 2, 2), value), "output": np.ones((1, 2))}


@pytest.mark.parametrize(
    ("value", "words"), [(0.0, "state: it is zero to rounding"), (np.nan, "state: it is not finite")]
)
def test_no_state_is_refused(value, words):
    arch = tnsim.ConvAC(sites=4, features=2, windows=(2, 2), channels=(2, 2), classes=1)
    tree, banks = join_tree(arch.network, np.arange(4) < 2), _banks(arch, value)
    measure = arch.state(_banks(arch, 1.0), 0).measure
    with pytest.raises(ValueError, match=words):
        environments(tree, banks, banks["output"][:1], measure)


def test_channels_that_cancel_are_a_state_of_zero():
    arch = tnsim.ConvAC(sites=4, features=2, windows=(2, 2), channels=(2, 2), classes=1)
    banks = _banks(arch, 1.0) | {"output": np.array([[1.0, -1.0]])}
    state = arch.state(banks, 0)
    with pytest.raises(ValueError, match="zero to rounding"):
        environments(join_tree(arch.network, np.arange(4) < 2), state.banks, state.vector[None], state.measure)


def test_sites_below_the_edges_of_a_pair():
    arch = tnsim.ConvAC(sites=4, features=2, windows=(2, 2), channels=(2, 2), classes=1)
    assert sites_below(join_tree(arch.network, np.arange(4) < 2))[2] == [{0, 1}, {2, 3}]
