"""Matrix product states as TeNPy keeps them: bitwise there and back, and any chain brought to that form."""

import numpy as np
import pytest
import tenpy
from hypothesis import given, settings
from hypothesis import strategies as st
from interop.networks import bitwise, dense

from tnsim.interop.einsum import from_einsum
from tnsim.interop.tenpy import from_tenpy, from_tenpy_arrays, to_tenpy_arrays
from tnsim.network import build

DTYPES = ("float32", "float64", "complex64", "complex128")


def chain(seed, dtype, low=1):
    """Tensors (vL, p, vR) of normal numbers, bonds and dimensions drawn."""
    rng = np.random.default_rng(seed)
    sites = int(rng.integers(low, 6))
    bonds = [1, *rng.integers(1, 5, sites - 1).tolist(), 1]
    shapes = [(bonds[i], int(rng.integers(1, 4)), bonds[i + 1]) for i in range(sites)]
    numbers = [rng.normal(size=shape) + (1j * rng.normal(size=shape) if "complex" in dtype else 0) for shape in shapes]
    return [tensor.astype(dtype) for tensor in numbers]


def state(B):
    """The state's tensor, multiplied out."""
    found = np.ones((1, 1))
    for tensor in B:
        found = np.tensordot(found, tensor.astype(np.result_type(tensor.dtype, np.float64)), 1)
        found = found.reshape(1, -1, found.shape[-1])
        found = found.reshape(-1, found.shape[-1])
    return found.ravel()


@given(st.integers(0, 2**32 - 1), st.sampled_from(DTYPES))
@settings(max_examples=30)
def test_any_chain_is_brought_to_the_form_and_stays_the_state(seed, dtype):
    tensors = chain(seed, dtype)
    network, banks = from_tenpy_arrays(tensors)
    wanted = state(tensors)
    np.testing.assert_allclose(dense(network, banks).ravel(), wanted, rtol=1e-9, atol=1e-12)
    found = to_tenpy_arrays(network, banks)
    norm = np.exp(found.log_norm)
    np.testing.assert_allclose(norm, np.linalg.norm(wanted), rtol=1e-4)
    np.testing.assert_allclose(norm * state(found.B), wanted, rtol=0, atol=1e-5 * norm)
    left = 1
    for i, tensor in enumerate(found.B):
        flat = tensor.reshape(len(tensor), -1)
        np.testing.assert_allclose(flat @ flat.conj().T, np.eye(len(tensor)), atol=1e-5)
        values = np.linalg.svd(wanted.reshape(left, -1), compute_uv=False)[: len(found.S[i])]
        np.testing.assert_allclose(np.sort(found.S[i])[::-1], values / np.linalg.norm(wanted), atol=1e-5)
        left *= tensor.shape[1]


@given(st.integers(0, 2**32 - 1), st.sampled_from(("float64", "complex128")))
@settings(max_examples=30)
def test_tensors_in_the_form_stay_bitwise(seed, dtype):
    first = to_tenpy_arrays(*from_tenpy_arrays(chain(seed, dtype)))
    again = to_tenpy_arrays(*from_tenpy_arrays(first.B, first.S))
    assert all(bitwise(one, other) for one, other in zip(first.B, again.B, strict=True))
    for one, other in zip(first.S, again.S, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-7)
    assert again.log_norm == 0


def test_scale_leaves_no_digits_behind():
    tensors = [np.full((1, 2, 1), 1e-200)] * 3
    found = to_tenpy_arrays(*from_tenpy_arrays(tensors))
    np.testing.assert_allclose(found.log_norm, 3 * np.log(1e-200) + 1.5 * np.log(2))  # 2.8e-600 is no float
    np.testing.assert_allclose(np.abs(state(found.B)), np.full(8, 8**-0.5))


def test_axes_in_any_order_and_ends_without_bonds():
    a, b, c = np.ones((2, 3)), np.arange(24.0).reshape(4, 3, 2), np.ones((4, 2))
    made, banks = from_einsum("pa,bac,bq->pcq", a, b.transpose(0, 1, 2), c)
    network = build(made.indices, made.stacks, made.outputs, ())
    found = to_tenpy_arrays(network, banks)
    assert [tensor.shape[1] for tensor in found.B] == [2, 2, 2]
    np.testing.assert_allclose(np.exp(found.log_norm) * state(found.B), np.einsum("pa,bac,bq->pcq", a, b, c).ravel())


@pytest.mark.parametrize(
    ("B", "S", "words"),
    [
        ([np.ones((1, 2))], None, r"B\[0\]: wanted shape \(vL, p, vR\), found \(1, 2\)"),
        ([np.ones((1, 2, 3)), np.ones((2, 2, 1))], None, r"B\[1\]: wanted vL = 3"),
        ([np.ones((1, 2, 3))], None, r"B: wanted a finite chain that ends .*, found bonds \[1, 3\]"),
        ([], None, "B: wanted a finite chain"),
        ([np.ones((1, 2, 1))], [np.ones(1)], r"S: wanted Schmidt values for bonds \[1, 1\], found \[1\]"),
    ],
)
def test_arrays_that_are_no_chain_say_where(B, S, words):
    with pytest.raises(ValueError, match=words):
        from_tenpy_arrays(B, S)


@pytest.mark.parametrize(
    ("equation", "shapes", "sites", "words"),
    [
        ("ab,bc,ca->", [(2, 2)] * 3, 0, "wanted one site on every tensor, found 0"),
        ("pa,qb,abr->pqr", [(2, 3), (2, 3), (3, 3, 2)], 3, "wanted bonds between neighbours, found"),
        ("pab,abq->pq", [(2, 3, 3), (3, 3, 2)], 2, "wanted one bond between sites 0 and 1, found 2"),
        ("pa,aq->pq", [(2, 3), (3, 2)], 1, "wanted one site on every tensor, found 0|wanted a tensor for each"),
    ],
)
def test_a_network_that_is_no_chain_says_why(equation, shapes, sites, words):
    made, banks = from_einsum(equation, *map(np.ones, shapes))
    network = build(made.indices, made.stacks, made.outputs[:sites], made.outputs[sites:])
    with pytest.raises(ValueError, match=f"network: {words}"):
        to_tenpy_arrays(network, banks)


def test_a_state_of_norm_0_is_refused():
    with pytest.raises(ValueError, match="wanted a state of norm above 0"):
        to_tenpy_arrays(*from_tenpy_arrays([np.zeros((1, 2, 1))]))


def test_tenpys_own_states_there_and_back():
    found = to_tenpy_arrays(*from_tenpy_arrays(chain(5, "complex128", 4)))
    sites = [tenpy.networks.site.Site(tenpy.linalg.LegCharge.from_trivial(b.shape[1])) for b in found.B]
    flat = [b.transpose(1, 0, 2) for b in found.B]
    psi = tenpy.MPS.from_Bflat(sites, flat, found.S, bc="finite", form="B", unit_cell_width=len(sites))
    psi.test_sanity()
    np.testing.assert_allclose(psi.norm_test(), 0, atol=1e-12)
    entropies = [-(s[s > 0] ** 2 * np.log(s[s > 0] ** 2)).sum() for s in found.S[1:-1]]
    np.testing.assert_allclose(psi.entanglement_entropy(), entropies, atol=1e-12)
    network, banks = from_tenpy(psi)
    again = to_tenpy_arrays(network, banks)
    kept = [psi.get_B(i).transpose(["vL", "p", "vR"]).to_ndarray() for i in range(psi.L)]  # TeNPy rounds on its way in
    assert all(bitwise(one, other) for one, other in zip(kept, again.B, strict=True))


def test_only_finite_states_are_taken():
    psi = type("Infinite", (), {"bc": "infinite"})()
    with pytest.raises(ValueError, match="wanted an MPS with bc='finite', found bc='infinite'"):
        from_tenpy(psi)
