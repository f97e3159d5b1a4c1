"""tnsim.contractor gives what TensorNetwork's contractors give, keeps copies sparse, and leaves the graph alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tensornetwork as tn
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import POOL, cases, normal

import tnsim
from tnsim.contract import contractor as module
from tnsim.contract.scores import scores
from tnsim.memory import MemoryLimitError

ARCH = tnsim.ConvAC(sites=8, features=2, channels=(3, 4, 2), windows=(2, 2, 2), classes=3)
SMALL = [arch for arch in POOL if arch.size <= 9]


def closed_graph(arch=ARCH, seed=0):
    params = arch.init(jax.random.key(seed))
    x = jax.random.normal(jax.random.key(seed + 1), (arch.size, arch.features))
    graph = arch.to_tensornetwork(params)
    return params, x, graph, [*graph.nodes, *graph.attach(x)]


def plain(scores):
    return np.asarray(scores.value[0]) * np.exp(np.asarray(scores.log_scale[0]))


@st.composite
def loopy(draw):
    """An einsum of small tensors with hyperedges and open indices, and the graph that says the same."""
    dims = draw(st.lists(st.integers(1, 3), min_size=2, max_size=5))
    index = st.integers(0, len(dims) - 1)
    terms = draw(st.lists(st.lists(index, min_size=1, max_size=3), min_size=1, max_size=5))
    used = sorted({i for term in terms for i in term})
    opened = draw(st.lists(st.sampled_from(used), max_size=3, unique=True))
    dtype = draw(st.sampled_from(["float64", "complex128"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    tensors = [normal(rng, [dims[i] for i in term], dtype) for term in terms]
    return dims, terms, opened, tensors


def graph_of(dims, terms, opened, tensors, backend="numpy"):
    """Nodes by hand: a copy node for every index, also where a plain edge would do."""
    nodes = [tn.Node(tensor, backend=backend) for tensor in tensors]
    copies, ends = [], {}
    for index in sorted({i for term in terms for i in term}):
        pairs = zip(nodes, terms, strict=True)
        legs = [(node, axis) for node, term in pairs for axis, i in enumerate(term) if i == index]
        copy = tn.CopyNode(len(legs) + (index in opened), dims[index], backend=backend, dtype=tensors[0].dtype)
        for place, (node, axis) in enumerate(legs):
            node[axis] ^ copy[place]
        if index in opened:
            ends[index] = copy[len(legs)]
            ends[index].set_name(f"open {index}")
        copies.append(copy)
    return [*nodes, *copies], [ends[index] for index in opened]


@given(loopy())
@settings(max_examples=40)
def test_any_graph_with_copy_nodes_contracts_to_its_einsum(case):
    _, terms, opened, tensors = case
    nodes, order = graph_of(*case)
    operands = [part for tensor, term in zip(tensors, terms, strict=True) for part in (tensor, term)]
    wanted = np.einsum(*operands, opened)
    for _ in range(2):  # the graph is as it was
        node = tnsim.contractor(nodes, order)
        assert node.backend.name == "numpy"
        assert node.tensor.dtype == wanted.dtype
        np.testing.assert_allclose(node.tensor, wanted, rtol=1e-10, atol=1e-10)
        assert [edge.name for edge in node.edges] == [f"open {index}" for index in opened]
        assert all(edge.is_dangling() for edge in node.edges)
    theirs = tn.contractors.greedy(nodes, order)
    np.testing.assert_allclose(theirs.tensor, wanted, rtol=1e-10, atol=1e-10)


@given(cases(dtypes=("float64", "complex128"), archs=SMALL, scaled=False), st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_a_convac_graph_contracts_as_by_tensornetwork(case, seed):
    x = normal(np.random.default_rng(seed), (case.arch.size, case.arch.features), case.weights[0].dtype.name)
    with jax.enable_x64(True):
        params = {name: jnp.asarray(bank) for name, bank in case.params.items()}
        graph = case.arch.to_tensornetwork(params)
        nodes = [*graph.nodes, *graph.attach(jnp.asarray(x))]
        found = tnsim.contractor(nodes, [graph.class_edge])
        foreign = tnsim.contractor(tn.replicate_nodes(nodes))
        wanted = np.asarray(tn.contractors.greedy(nodes, [graph.class_edge]).tensor)
    scale = np.abs(wanted).max()
    assert np.abs(np.asarray(found.tensor) - wanted).max() <= 1e-10 * scale
    assert np.abs(np.asarray(foreign.tensor) - wanted).max() <= 1e-10 * scale
    assert [edge.name for edge in found.edges] == ["class"]


def test_it_runs_the_function_that_apply_has_compiled():
    params, x, _, nodes = closed_graph()
    wanted = plain(ARCH.apply(params, x[None]))
    before = scores._cache_size()
    for mine in (nodes, set(nodes), tn.replicate_nodes(nodes)):
        np.testing.assert_allclose(tnsim.contractor(mine).tensor, wanted, rtol=1e-5)
    assert scores._cache_size() == before


def test_copy_nodes_stay_sparse():
    arch = tnsim.ConvAC.shallow(sites=32, features=2, rank=4, classes=3)  # dense: 4^33 numbers
    params, x, _, nodes = closed_graph(arch)
    np.testing.assert_allclose(tnsim.contractor(nodes).tensor, plain(arch.apply(params, x[None])), rtol=1e-4)
    reading = module.read(nodes[:-1])  # one site open: no fold, a path
    assert reading.features is None
    node = tnsim.contractor(nodes[:-1], ignore_edge_order=True)
    np.testing.assert_allclose(x[-1] @ node.tensor, plain(arch.apply(params, x[None])), rtol=1e-4)
    assert all(node._tensor is None for node in nodes if isinstance(node, tn.CopyNode))


def test_under_jit_and_grad_it_is_the_gradient_of_apply():
    params, x, _, _ = closed_graph()

    def by_graph(params, x):
        graph = ARCH.to_tensornetwork(params)
        return tnsim.contractor([*graph.nodes, *graph.attach(x)]).tensor.sum()

    def by_apply(params, x):
        out = ARCH.apply(params, x[None])
        return (out.value * jnp.exp(out.log_scale)[:, None]).sum()

    wanted = jax.grad(by_apply, argnums=(0, 1))(params, x)
    slope = jax.grad(by_graph, argnums=(0, 1))
    for found in (slope(params, x), jax.jit(slope)(params, x)):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-7), found, wanted)


def test_foreign_tracers_and_a_plan_go_through_jit_too():
    def loop(a, b):
        nodes = [tn.Node(a, backend="jax"), tn.Node(b, backend="jax"), tn.Node(a, backend="jax")]
        for i in range(3):
            nodes[i][1] ^ nodes[(i + 1) % 3][0]
        return tnsim.contractor(nodes).tensor

    a, b = jnp.arange(4.0).reshape(2, 2), jnp.array([[1.0, 2.0], [3.0, 5.0]])
    np.testing.assert_allclose(jax.jit(loop)(a, b), np.trace(a @ b @ a))
    np.testing.assert_allclose(jax.grad(loop)(a, b), (a @ b + b @ a).T, rtol=1e-6)


def test_a_traced_graph_costs_no_slices():
    params, x, _, _ = closed_graph()

    def whole(params, x):
        graph = ARCH.to_tensornetwork(params)
        return tnsim.contractor([*graph.nodes, *graph.attach(x)]).tensor

    names = {eqn.primitive.name for eqn in jax.make_jaxpr(whole)(params, x).eqns}
    assert not names & {"dynamic_slice", "slice", "gather", "concatenate"}


def test_orders_and_names_of_the_open_edges():
    graph = ARCH.to_tensornetwork(ARCH.init(jax.random.key(0)))
    forward = tnsim.contractor(graph.nodes, [*graph.site_edges, graph.class_edge])
    backward = tnsim.contractor(graph.nodes, [graph.class_edge, *graph.site_edges[::-1]])
    np.testing.assert_allclose(backward.tensor, np.transpose(forward.tensor), rtol=1e-6)
    assert [edge.name for edge in backward.edges] == ["class", *(f"site_{i}" for i in range(7, -1, -1))]
    ignoring = tnsim.contractor(graph.nodes, ignore_edge_order=True)
    assert {edge.name for edge in ignoring.edges} == {edge.name for edge in forward.edges}
    assert graph.class_edge.is_dangling()
    assert graph.class_edge not in forward.edges


def test_errors_as_tensornetworks():
    *_, nodes = closed_graph()
    opened = ARCH.to_tensornetwork(ARCH.init(jax.random.key(0)))
    with pytest.raises(ValueError, match="output_edge_order: wanted the order of the 9 open edges"):
        tnsim.contractor(opened.nodes)
    with pytest.raises(ValueError, match=r"wanted each open edge of the nodes once, \['class'\], found \[\]"):
        tnsim.contractor(nodes, [])
    with pytest.raises(ValueError, match="output_edge_order"):
        tnsim.contractor(nodes, [opened.class_edge])
    with pytest.raises(ValueError, match="at least one"):
        tnsim.contractor([])


def test_memory_limits_count_numbers_or_bytes():
    *_, nodes = closed_graph()
    opened = ARCH.to_tensornetwork(ARCH.init(jax.random.key(0)))
    for limit, words in ((100, "largest intermediate"), ("400B", "sliced as far as")):
        with pytest.raises(MemoryLimitError, match=words):
            tnsim.contractor(opened.nodes, memory_limit=limit, ignore_edge_order=True)
    assert tnsim.contractor(opened.nodes, memory_limit=10**6, ignore_edge_order=True).tensor.size == 3 * 2**8
    assert tnsim.contractor(nodes, memory_limit="1MB").tensor.shape == (3,)
    with pytest.raises(MemoryLimitError):
        tnsim.contractor(nodes, memory_limit=3)


def test_integers_and_single_nodes_contract_too():
    vector = tn.Node(np.arange(3), backend="numpy")
    np.testing.assert_array_equal(tnsim.contractor([vector]).tensor, [0, 1, 2])
    matrix = tn.Node(np.arange(9).reshape(3, 3), backend="numpy")
    matrix[0] ^ matrix[1]
    assert tnsim.contractor([matrix]).tensor == 12
