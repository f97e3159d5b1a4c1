"""Exact ranks of any network over finite fields, against dense matrices, and below the min-cut."""

import network_worlds as worlds
import numpy as np
import oracle
import pytest
from hypothesis import assume, given, settings

from tnsim.bounds import network_min_cut
from tnsim.entanglement.networks import ranks
from tnsim.memory import MemoryLimitError


@settings(max_examples=40)
@given(worlds.drawn())
def test_a_rank_is_the_dense_matrix_s_and_never_above_the_cut(world):
    assume(not world.is_zero)
    found = world.state.exact_rank(world.mask)
    values = oracle.spectrum(world.dense, world.mask)[0]
    assume(not ((values > 1e-13) & (values < 1e-7)).any())  # a float rank would be a matter of opinion
    assert found == (values > 1e-10).sum()
    assert found.value <= found.upper == network_min_cut(world.network, world.mask, outputs="fixed").value
    assert found.agree
    assert found.error_probability < 1e-6
    assert world.state.exact_rank(~world.mask) == found


@settings(max_examples=30)
@given(worlds.drawn())
def test_the_bound_on_minors_counts_the_tensor(world):
    assume(not world.is_zero)
    integers = [np.round(4 * tensor) for tensor in world.tensors]
    assume(all(tensor.any() for tensor in integers))
    dense = oracle.network_tensor(world.legs, integers, world.sites, world.outputs, world.labels)
    banks = {name: tensor for name, tensor in zip(world.banks, integers, strict=True)}
    lowest = sum(min(_exponent(entry) for entry in tensor.ravel()) for tensor in integers)
    assume(np.linalg.norm(dense) > 0.5)
    assert ranks.log2_norm(world.network, banks, world.labels) >= np.log2(np.linalg.norm(dense)) - lowest - 1e-9


def _exponent(entry):
    """How often 2 divides a (Gaussian) integer; many times for zero."""
    parts = [int(part) for part in (np.real(entry), np.imag(entry)) if part]
    return min(((part & -part).bit_length() - 1 for part in parts), default=2**30)


def test_equal_weights_have_a_lower_rank_than_the_cut():
    site = np.random.default_rng(0).normal(size=(2, 2, 2))
    world = worlds.chain([site] * 6, ring=True)  # THEORY section 5: one tensor, odd | even, 6 sites
    found = world.state.exact_rank(range(0, 6, 2))
    assert (found.value, found.upper) == (6, 8)


def test_ranks_that_do_not_fit_are_refused():
    world = worlds.random_chain(24, 4)
    with pytest.raises(MemoryLimitError, match=r"exact Schmidt rank needs about .* The rank may reach the min-cut"):
        world.state.exact_rank(range(0, 24, 2), memory=10**5)
