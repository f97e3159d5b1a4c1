"""The einsum of a network is its scores, its amplitudes, and any loopy network's contraction."""

import jax
import jax.numpy as jnp
import numpy as np
import opt_einsum
import oracle
import pytest
from hypothesis import given, settings
from strategies import POOL, cases, normal

import tnsim
from tnsim.interop.einsum import from_einsum, to_einsum
from tnsim.network import Stack, Table, build

SMALL = [arch for arch in POOL if arch.size <= 8]


@given(cases(dtypes=("float64", "complex128"), archs=SMALL, scaled=False))
@settings(max_examples=12)
def test_batch_one_sample_and_no_features_agree(case):
    x = normal(np.random.default_rng(0), (3, case.arch.size, case.arch.features), case.weights[0].dtype.name)
    batch = case.arch.to_einsum(case.params, x)
    found = batch.contract()
    one = case.arch.to_einsum(case.params, x[1]).contract()
    amplitudes = case.arch.to_einsum(case.params).contract()
    with jax.enable_x64(True):
        out = case.arch.apply(case.params, jnp.asarray(x))
        wanted = np.asarray(out.value) * np.exp(np.asarray(out.log_scale))[:, None]
    scale = np.abs(wanted).max()
    assert np.abs(found - wanted).max() <= 1e-10 * scale
    assert np.abs(one - wanted[1]).max() <= 1e-10 * scale
    assert np.abs(batch.expression()(*batch.operands) - wanted).max() <= 1e-10 * scale
    assert np.abs(amplitudes[..., case.label] - case.dense).max() <= 1e-10 * np.abs(case.dense).max()


def test_a_hyperedge_is_one_symbol():
    arch = tnsim.ConvAC.shallow(sites=3, features=2, rank=4, classes=5)
    expression = arch.to_einsum(arch.init(jax.random.key(0)))
    assert expression.equation == "da,db,dc,ed->abce"
    assert isinstance(expression.contract(), jax.Array)


def test_more_than_52_indices_take_unicode_symbols():
    arch = tnsim.ConvAC(sites=64, features=2, channels=(2,) * 6, windows=(2,) * 6, classes=2)
    params, x = arch.init(jax.random.key(0)), jax.random.normal(jax.random.key(1), (2, 64, 2))
    expression = arch.to_einsum(params, x)
    assert opt_einsum.get_symbol(60) in expression.equation
    out = arch.apply(params, x)
    wanted = out.value * jnp.exp(out.log_scale)[:, None]
    np.testing.assert_allclose(expression.contract(), wanted, rtol=1e-3, atol=1e-30)


def test_an_index_open_twice_is_a_diagonal():
    network = build([("site", 1, 3)], [Stack("vector", 1, (3,), Table([0]), Table([[0]]))], [0], (0,))
    vector = np.array([[1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(to_einsum(network, {"vector": vector}).contract(), np.diag(vector[0]))


def test_features_that_do_not_fit_are_refused():
    arch = tnsim.ConvAC.shallow(sites=3, features=2, rank=4, classes=5)
    with pytest.raises(ValueError, match=r"features: wanted shape \(batch, 3, 2\), found \(1, 4, 2\)"):
        arch.to_einsum(arch.init(jax.random.key(0)), jnp.ones((4, 2)))


def test_equations_become_networks_with_a_bank_for_each_shape():
    a, b, c = np.ones((2, 3)), np.arange(6.0).reshape(2, 3), np.ones((3, 4))
    network, banks = from_einsum("ab,ab,bc->ca", a, b, c)
    assert network.bank_shapes == {"tensors_0": (2, 2, 3), "tensors_1": (1, 3, 4)}
    np.testing.assert_array_equal(banks["tensors_0"], [a, b])
    assert [int(network.dims[index]) for index in network.outputs] == [4, 2]
    same, _ = from_einsum([["x", "y"], ["x", "y"], ["y", "z"]], a, b, c, output=["z", "x"])
    assert same is network
    once, banks = from_einsum("ab,bc,ab", a, c, a)
    assert network.bank_shapes["tensors_0"] == (2, 2, 3)
    assert banks["tensors_0"].shape == (1, 2, 3)  # one array, one row
    assert [once.dims[index] for index in once.outputs] == [4]  # b and a occur twice: einsum's own rule


def test_an_einsum_says_which_of_its_open_indices_are_sites():
    rng = np.random.default_rng(0)
    a, b, c = rng.normal(size=(4, 2)), rng.normal(size=(4, 3, 5)), rng.normal(size=(5, 3, 2))
    network, banks = from_einsum("xi,xjy,ykl->lijk", a, b, c, sites="ijk")
    assert [int(network.dims[i]) for i in network.sites.array.tolist()] == [2, 3, 3]
    assert [int(network.dims[i]) for i in network.outputs] == [2]
    dense = np.einsum("xi,xjy,ykl->ijkl", a, b, c)
    np.testing.assert_allclose(tnsim.contract_network(network, banks), dense, rtol=1e-4)
    state = tnsim.network_state(network, banks, label=1)
    weights = oracle.spectrum(dense[..., 1], [True, False, True])[0] ** 2
    assert state.renyi([0, 2]).value == pytest.approx(oracle.renyi(weights, 2))
    terms, sizes = ["xi", "xjy", "ykl"], {"x": 4, "y": 5, "i": 2, "j": 3, "k": 3, "l": 2}
    again, read = tnsim.from_cotengra(terms, "lijk", sizes, [a, b, c], sites="ijk")
    assert tnsim.network_state(again, read, 1).renyi([0, 2]).value == pytest.approx(oracle.renyi(weights, 2))
    for sites, found in (("ix", "x"), ("ii", "i")):
        with pytest.raises(ValueError, match=rf"sites: wanted indices of the output .*, each once, found '{found}'"):
            from_einsum("xi,xjy,ykl->lijk", a, b, c, sites=sites)


@pytest.mark.parametrize(
    ("equation", "shapes", "output", "words"),
    [
        ("ab,bc", [(2, 3)], None, r"equation: wanted a term for each of the arrays, at least one, found 2 for 1"),
        ([], [], None, r"at least one, found 0 for 0"),
        ("ab,bc->ac", [(2, 3), (4, 2)], None, r"arrays\[1\]: wanted dimension 3 of index 'b', found 4 in"),
        ("abc->a", [(2, 3)], None, r"arrays\[0\]: wanted 3 axes for \('a', 'b', 'c'\), found shape \(2, 3\)"),
        ("ab->ad", [(2, 3)], None, r"output: wanted indices of the terms, found 'd'"),
        ("a...->a", [(2, 3)], None, r"equation: wanted terms .* without '...'"),
        ("ab->a", [(2, 3)], ["a"], r"output: wanted it in the equation's text"),
    ],
)
def test_an_equation_that_does_not_fit_says_where(equation, shapes, output, words):
    with pytest.raises(ValueError, match=words):
        from_einsum(equation, *map(np.ones, shapes), output=output)
