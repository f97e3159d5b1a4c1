"""What the fold of one side says of every subtree, against reduced density matrices of the dense state."""

import numpy as np
import oracle
import strategies
from hypothesis import given
from hypothesis import strategies as st

from tnsim.entanglement.certified import environments, joins, one_sided


def folded(case, chi, tol=0.0):
    state = case.state
    tree = joins.join_tree(state.network, case.mask)
    env = environments.environments(tree, state.banks, state.vector[None], state.measure)
    return tree, env, one_sided.one_sided(tree, state.banks, state.measure, env, chi, tol)


def subtrees(tree):
    """The sites below every edge of every level."""
    below = [[[i] for i in range(len(tree.purity))]]
    for layer in tree.layers:
        if isinstance(layer, joins.Matrices):
            below.append([below[-1][i] for i in layer.sources])
        else:
            joined = zip(layer.left, layer.right, strict=True)
            below.append([below[-1][i] + (below[-1][j] if j >= 0 else []) for i, j in joined])
    return below


@given(strategies.cases(measured=True), st.sampled_from([1, 2, 4, 2**10]), st.sampled_from([0.0, 1e-2]))
def test_lists_are_below_the_spectra_and_equal_where_nothing_is_cut(case, chi, tol):
    tree, _, side = folded(case, chi, tol)
    for below, lists, lost, log_dims in zip(subtrees(tree), side.lists, side.lost, side.log_dims, strict=True):
        for sites, values, gone, log_dim in zip(below, lists, lost, log_dims, strict=True):
            inside = np.zeros(len(case.mask), bool)
            inside[sites] = True
            inside &= case.mask
            p = oracle.spectrum(case.dense, inside)[0] ** 2 if inside.any() else np.ones(1)
            p = np.concatenate([p, np.zeros(max(0, len(values) - len(p)))])
            assert (values <= p[: len(values)] + 1e-9).all()
            assert (p > 1e-9).sum() <= np.exp(log_dim) + 1e-6
            assert -1e-9 <= 1 - values.sum() <= gone + 1e-9
            if gone == 0:
                assert np.allclose(values, p[: len(values)], atol=1e-9)


@given(strategies.cases(measured=True, archs=strategies.FEW), st.sampled_from([1, 3, 2**10]))
def test_operators_trace_to_no_more_than_the_grams(case, chi):
    """sum_a H[a, a, g, h] <= G as matrices, and what is missing of sum E o G = 1 is the lost weight."""
    _, env, side = folded(case, chi)
    for level, grams, outside, lost in zip(side.values[:-1], env.grams, env.outside, side.lost, strict=False):
        for value, G, E, gone in zip(level, grams, outside, lost, strict=True):
            traced = np.einsum("paa->p", one_sided.operator(value))
            g, h = np.triu_indices(len(G))
            full = np.zeros_like(G)
            full[h, g] = np.conj(traced)
            full[g, h] = traced
            assert np.linalg.eigvalsh(G - full)[0] > -1e-9
            assert abs(1 - gone - (full * E).sum().real) < 1e-9
