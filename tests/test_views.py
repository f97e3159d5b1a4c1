"""All views of one network and its banks agree: graph, module, pure function, einsum, state; and brute force."""

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import POOL, cases, named, normal, shapes, wiring

import tnsim

BATCH = 3  # one compilation for each architecture and type
TOLERANCE = {"float64": 1e-10, "complex128": 1e-10, "float32": 1e-4, "complex64": 1e-4}


def close(found, wanted, dtype):
    """Error relative to the batch's largest |score|."""
    wanted = np.asarray(wanted)
    return np.abs(np.asarray(found) - wanted).max() <= TOLERANCE[dtype] * np.abs(wanted).max()


def plain(scores):
    return np.asarray(scores.value) * np.exp(np.asarray(scores.log_scale))[:, None]


def brute_force(case, features):
    *banks, output = case.wide
    wide = features.astype(np.result_type(features, np.float64))
    return np.array([oracle.score(wiring(case.arch), banks, output, x)[0] for x in wide])


def by_tensornetwork(arch, params, features):
    graphs = [arch.to_tensornetwork(params) for _ in features]
    return [tnsim.contractor([*g.nodes, *g.attach(x)]).tensor for g, x in zip(graphs, features, strict=True)]


def by_module(arch, params, features):
    return plain(tnsim.nn.ConvAC.from_params(arch, params).scores(features))


def by_einsum(arch, params, features):
    return arch.to_einsum(params, features).contract()


VIEWS = {"tensornetwork": by_tensornetwork, "module": by_module, "einsum": by_einsum}


@given(cases(scaled=False), st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_apply_equals_the_definition(case, seed):
    dtype = case.weights[0].dtype.name
    features = normal(np.random.default_rng(seed), (BATCH, case.arch.size, case.arch.features), dtype)
    with jax.enable_x64(True):
        found = plain(case.arch.apply(case.params, jnp.asarray(features)))
    assert close(found, brute_force(case, features), dtype)


@pytest.mark.slow
@given(case=cases(scaled=False), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_every_view_equals_apply(case, seed):
    dtype = case.weights[0].dtype.name
    features = jnp.asarray
    numbers = normal(np.random.default_rng(seed), (BATCH, case.arch.size, case.arch.features), dtype)
    with jax.enable_x64(True):
        params = {name: jnp.asarray(bank) for name, bank in case.params.items()}
        wanted = plain(case.arch.apply(params, features(numbers)))
        for name, view in VIEWS.items():
            assert close(view(case.arch, params, features(numbers)), wanted, dtype), name


@given(case=cases(scaled=False), seed=st.integers(0, 2**32 - 1))
def test_amplitudes_are_scores_of_basis_vectors(case, seed):
    digits = np.random.default_rng(seed).integers(0, case.arch.features, (BATCH, case.arch.size))
    found = case.state.amplitude(digits)
    wanted = case.dense[tuple(digits.T)]
    assert np.abs(found.value * np.exp(found.log_scale) - wanted).max() <= 1e-10 * np.abs(case.dense).max()


@pytest.mark.slow
@given(case=cases(dtypes=("float64", "complex128"), scaled=False, archs=[a for a in POOL if a.size <= 8]))
@settings(max_examples=8)
def test_tensornetworks_own_contractor_is_the_oracle(case):
    features = normal(np.random.default_rng(0), (2, case.arch.size, case.arch.features), case.weights[0].dtype.name)
    with jax.enable_x64(True):
        mine = plain(case.arch.apply(case.params, jnp.asarray(features)))
        theirs = plain(case.arch.apply(case.params, jnp.asarray(features), engine="tensornetwork"))
    assert np.abs(mine - theirs).max() <= 1e-10 * np.abs(mine).max()


@pytest.mark.parametrize("arch", POOL[::3], ids=repr)
def test_networkx_has_the_graphs_tensors_edges_and_dimensions(arch):
    rng = np.random.default_rng(0)
    drawn = arch.to_networkx()
    graph = arch.to_tensornetwork({n: jnp.asarray(b) for n, b in named([normal(rng, s) for s in shapes(arch)]).items()})
    tensors = [data for _, data in drawn.nodes(data=True) if data["kind"] != "open"]
    assert len(tensors) == len(graph.nodes)
    edges = {edge for node in graph.nodes for edge in node.edges}
    assert sorted(data["dim"] for *_, data in drawn.edges(data=True)) == sorted(edge.dimension for edge in edges)


@given(case=cases(dtypes=("float32",), scaled=False))
@settings(max_examples=20)
def test_there_and_back_is_the_same_network(case):
    params = {name: jnp.asarray(bank) for name, bank in case.params.items()}
    network, banks = tnsim.from_tensornetwork(case.arch.to_tensornetwork(params).nodes)
    assert network is case.arch.network
    assert all((banks[name] == bank).all() for name, bank in params.items())


def test_the_module_holds_the_very_arrays():
    arch = POOL[0]
    module = tnsim.nn.ConvAC(arch, rngs=nnx.Rngs(0))
    assert all(module.params()[name] is module.banks[name][...] for name in arch.network.bank_shapes)
