"""Networks of quimb, there and back: bitwise the same numbers, the same names, the same tensor."""

import sys

import numpy as np
import pytest
import quimb.tensor as qtn
from hypothesis import given, settings
from interop.networks import bitwise, dense, described, drawn, seeds

from tnsim.interop.einsum import from_einsum
from tnsim.interop.naming import index_names
from tnsim.interop.quimb import from_quimb, to_quimb

ALL = ("copies", "traces", "sums", "parts")
WIDE = ("float64", "complex128")


def open_once(network):
    opened = [*network.sites.array.tolist(), *network.outputs]
    return len(set(opened)) == len(opened)


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


@given(seeds())
@settings(max_examples=20)
def test_quimb_and_back(seed):
    network, banks = drawn(*seed)
    if not open_once(network):
        return
    tn = to_quimb(network, banks)
    opened = [index_names(network)[i] for i in (*network.sites.array, *network.outputs)]
    found, read = from_quimb(tn, opened[: len(network.sites)], opened[len(network.sites) :], allow=ALL)
    assert described(found, read) == described(network, banks)
    assert set(read) == set(banks)
    assert all(bitwise(read[name], banks[name]) for name in banks)
    if seed[1] in WIDE:
        wanted = tn.contract(output_inds=opened, optimize="greedy", preserve_tensor=True).transpose(*opened).data
        close(wanted, dense(network, banks))


def test_quimbs_own_networks_come_in():
    mps = qtn.MPS_rand_state(5, 3, seed=1)
    network, banks = from_quimb(mps)
    assert [network.index_name(i) for i in network.sites.array.tolist()] == [f"k{i}" for i in range(5)]
    close(dense(network, banks).ravel(), mps.to_dense().ravel())
    peps = qtn.PEPS.rand(2, 3, 2, seed=1)
    close(dense(*from_quimb(peps)).ravel(), peps.to_dense().ravel())


def test_without_quimb_the_way_out_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "quimb.tensor", None)
    with pytest.raises(ImportError, match=r"quimb: wanted for this, found: .*pip install 'tnsim\[exchange\]'"):
        to_quimb(*from_einsum("a->a", np.ones(2)))
