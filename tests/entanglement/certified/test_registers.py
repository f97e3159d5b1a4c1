"""Registers are the outcome of a channel: whatever is cut, their traces add up to the environment of the edge."""

import numpy as np
import strategies
from hypothesis import given
from hypothesis import strategies as st

from tnsim.entanglement.certified import environments, joins, one_sided, operators, registers

CHI = st.sampled_from([(1,), (1, 1), (2, 2), (3, 2, 2), (2**10, 2)])


@given(strategies.cases(measured=True, archs=strategies.FEW), CHI, st.sampled_from([0.0, 1e-3, 0.3]))
def test_all_registers_together_trace_to_the_environment(case, chi, tol):
    state, tree = case.state, joins.join_tree(case.state.network, case.mask)
    env = environments.environments(tree, state.banks, state.vector[None], state.measure)
    side = one_sided.one_sided(tree, state.banks, state.measure, env, chi[0], tol)
    found = registers.opened(env.outside[-1][0], len(chi))
    for i in reversed(range(len(tree.layers))):
        layer = tree.layers[i]
        if isinstance(layer, joins.Matrices):
            found = registers.through(layer, environments.rows_of(layer, state.banks), found, env.shrink[i])
        else:
            around = (operators.packed(env.grams[i]), env.shrink[i], side.values[i], side.lost[i])
            found = registers.parted(layer, tree.purities[i], found, around, chi, tol)
        assert sorted(found) == np.flatnonzero(tree.purities[i] != joins.B).tolist()
        for edge, some in found.items():
            assert [X.shape[-1] <= most for X, most in zip(some, (*chi, 1), strict=True)] == [True] * len(some)
            traced = sum(np.einsum("pkk->p", X) for X in some)
            E = operators.packed(env.outside[i][edge][None])[0]
            assert np.allclose(traced, E, atol=1e-8 * np.abs(E).max())
