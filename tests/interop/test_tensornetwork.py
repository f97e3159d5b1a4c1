"""A network goes out as a TensorNetwork graph and comes back as itself; any other graph becomes a network."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
import tensornetwork as tn
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import POOL, cases, wiring

import tnsim
from tnsim.contract.contractor import read
from tnsim.contract.schedule import whole
from tnsim.interop.nodes import BankNode
from tnsim.network import Stack, Table, build

ARCH = tnsim.ConvAC(sites=8, features=2, channels=(3, 4, 2), windows=(2, 2, 2), classes=3, sharing="window")
SMALL = [arch for arch in POOL if arch.size <= 8 and arch.features**arch.size <= 4096]
EXACT = ("float32", "complex64")


def banks_of(arch, seed=0):
    return arch.init(jax.random.key(seed))


def jaxed(case):
    return {name: jnp.asarray(bank) for name, bank in case.params.items()}


def as_plain(nodes, rename=None):
    """TensorNetwork's own copies, holding arrays and not views."""
    twins = tn.replicate_nodes(nodes)
    for node in twins:
        if isinstance(node, BankNode):
            node.tensor = node.tensor
        node.name = rename or node.name
    return twins


def same(found, wanted):
    assert set(found) == set(wanted)
    for name, bank in wanted.items():
        np.testing.assert_array_equal(found[name], bank)


@given(cases(dtypes=("float64", "complex128"), archs=SMALL, scaled=False))
@settings(max_examples=12)
def test_amplitudes_of_the_graph_are_those_of_the_definition(case):
    with jax.enable_x64(True):
        graph = case.arch.to_tensornetwork(jaxed(case))
        node = tnsim.contractor(graph.nodes, [graph.class_edge, *graph.site_edges])
        found = np.asarray(node.tensor[case.label])
    assert np.abs(found - case.dense).max() <= 1e-12 * np.abs(case.dense).max()


@given(cases(dtypes=EXACT, scaled=False), st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_there_and_back_is_the_network_itself_and_its_very_arrays(case, random):
    params = jaxed(case)
    nodes = case.arch.to_tensornetwork(params).nodes
    random.shuffle(nodes)
    network, banks = tnsim.from_tensornetwork(nodes)
    assert network is case.arch.network
    assert all(banks[name] is bank for name, bank in params.items())


@given(cases(dtypes=EXACT, scaled=False), st.randoms(use_true_random=False))
@settings(max_examples=15)
def test_copies_come_back_as_the_network_too(case, random):
    graph = case.arch.to_tensornetwork(jaxed(case))
    for nodes in (tn.replicate_nodes(graph.nodes), as_plain(graph.nodes)):
        random.shuffle(nodes)
        network, banks = tnsim.from_tensornetwork(nodes)
        assert network is case.arch.network
        same(banks, case.params)


def test_saved_and_loaded_nodes_come_back_as_the_network(tmp_path):
    params = banks_of(ARCH)
    nodes = ARCH.to_tensornetwork(params).nodes
    tn.save_nodes(nodes, str(tmp_path / "graph.h5"))
    network, banks = tnsim.from_tensornetwork(tn.load_nodes(str(tmp_path / "graph.h5")))
    assert network is ARCH.network
    same(banks, params)
    assert tnsim.from_tensornetwork(nodes)[0] is ARCH.network  # saving renames the caller's edges


@given(cases(dtypes=("float64",), archs=SMALL, scaled=False))
@settings(max_examples=10)
def test_a_foreign_graph_of_that_structure_becomes_a_layered_tree(case):
    with jax.enable_x64(True):
        graph = case.arch.to_tensornetwork(jaxed(case))
        nodes, edges = tn.copy(graph.nodes)
        for node in nodes.values():
            node.name = "nameless"
            if not isinstance(node, tn.CopyNode):
                node.tensor = node.tensor
        sites = [edges[edge] for edge in graph.site_edges]
        network, banks = tnsim.from_tensornetwork(set(nodes.values()), sites, edges[graph.class_edge])
        schedule = whole(network)
        assert [wave.dim_out for wave in schedule.waves] == list(case.arch.channels)
        features = np.random.default_rng(0).normal(size=(1, case.arch.size, case.arch.features))
        found = tnsim.contract.scores.scores(network, banks, jnp.asarray(features))
    *levels, output = case.wide
    wanted = [oracle.score(wiring(case.arch), levels, row, features[0])[0] for row in output]
    value = np.asarray(found.value[0]) * np.exp(np.asarray(found.log_scale[0]))
    np.testing.assert_allclose(value, np.ravel(wanted), rtol=1e-9, atol=1e-12)


def test_matrices_the_other_way_round_and_shared_objects():
    rng = np.random.default_rng(0)
    shared, other, out = rng.normal(size=(2, 3)), rng.normal(size=(3, 2)), rng.normal(size=(3, 4))  # (M, r), .., (r, Y)
    tensors = [(shared, 1), (shared, 1), (other, 0)]
    pool = tn.CopyNode(4, 3, backend="numpy")
    nodes = [tn.Node(tensor, backend="numpy") for tensor, _ in tensors]
    for axis, (node, (_, up)) in enumerate(zip(nodes, tensors, strict=True)):
        node[up] ^ pool[axis]
    top = tn.Node(out, backend="numpy")
    top[0] ^ pool[3]
    sites = [node[1 - up] for node, (_, up) in zip(nodes, tensors, strict=True)]
    network, banks = tnsim.from_tensornetwork([*nodes, pool, top], sites, top[1])
    assert whole(network).waves[0].nodes == 1
    np.testing.assert_array_equal(banks["conv_0"], [shared.T, other])  # the same array twice is one row
    np.testing.assert_array_equal(banks["output"], out.T)
    assert network.stacks[0].slots.array.tolist() == [0, 0, 1]


def test_joined_copy_nodes_are_one_index_and_traces_stay():
    first, second = tn.CopyNode(3, 2, backend="jax"), tn.CopyNode(3, 2, backend="jax")
    first[2] ^ second[0]
    matrix = tn.Node(np.arange(4.0).reshape(2, 2), backend="jax")
    matrix[0] ^ first[0]
    matrix[1] ^ second[1]
    network, _ = tnsim.from_tensornetwork([first, second, matrix], [first[1], second[2]])
    assert network.tensor_count == 1
    assert network.offsets[-1] == 1
    node = tnsim.contractor([first, second, matrix], [second[2], first[1]])
    np.testing.assert_array_equal(node.tensor, np.diag([0.0, 3.0]))


def test_a_general_graph_comes_back_as_itself_after_copying():
    tensors = [np.random.default_rng(i).normal(size=(2, 3, 3)) for i in range(3)]
    nodes = [tn.Node(tensor, backend="jax") for tensor in tensors]
    for i in range(3):
        nodes[i][2] ^ nodes[(i + 1) % 3][1]
    network, banks = tnsim.from_tensornetwork(nodes)
    graph = tnsim.interop.tensornetwork.to_tensornetwork(network, banks)
    assert tnsim.from_tensornetwork(graph.nodes)[0] is network
    again, arrays = tnsim.from_tensornetwork(as_plain(graph.nodes))
    assert again is network
    same(arrays, banks)


def test_an_index_open_twice_and_one_alone_survive_the_way():
    legs = Stack("vector", 1, (3,), Table([0]), Table([[0]]))
    network = build([("site", 1, 3)], [legs], [0], (0,))
    banks = {"vector": jnp.array([[1.0, 2.0, 3.0]])}
    graph = tnsim.interop.tensornetwork.to_tensornetwork(network, banks)
    assert [edge.name for edge in (*graph.site_edges, graph.class_edge)] == ["site_0", "class"]
    node = tnsim.contractor(graph.nodes, [graph.class_edge, *graph.site_edges])
    np.testing.assert_array_equal(node.tensor, np.diag([1.0, 2.0, 3.0]))


def test_names_that_lie_are_not_believed():
    params = banks_of(ARCH)
    nodes = as_plain(ARCH.to_tensornetwork(params).nodes)
    shared = [node for node in nodes if node.name.startswith("conv_0[1]/")]
    shared[0].tensor = 2 * shared[0].tensor
    network, banks = tnsim.from_tensornetwork(nodes)
    assert banks["conv_0"].shape == (8, 3, 2)  # row 1 is not one matrix any more: every position has its own
    assert network is not ARCH.network


@pytest.mark.parametrize("name", ["conv_0[x]/1", "conv_0/", "/3", "conv_0[0]/99999", "conv_0[0]/0", "", "class"])
def test_malformed_and_repeated_names_fall_back(name):
    params = banks_of(ARCH)
    graph = ARCH.to_tensornetwork(params)
    wanted = tn.contractors.greedy(as_plain(graph.nodes), ignore_edge_order=True).tensor
    nodes = as_plain(graph.nodes, rename=name)
    network, _ = tnsim.from_tensornetwork(nodes)
    assert whole(network)
    found = tnsim.contractor(nodes, ignore_edge_order=True).tensor
    assert np.isclose(np.linalg.norm(wanted), np.linalg.norm(found), rtol=1e-4)


def test_a_conjugated_twin_of_the_same_names_is_told_apart():
    complex_ = {name: bank + 1j * bank[::-1] for name, bank in banks_of(ARCH).items()}
    graph = ARCH.to_tensornetwork(complex_)
    _, edges = tn.reduced_density(graph.site_edges)
    nodes = tn.reachable(graph.nodes[0])
    node = tnsim.contractor(nodes, [graph.class_edge, edges[graph.class_edge]])
    single = tnsim.contractor(ARCH.to_tensornetwork(complex_).nodes, ignore_edge_order=True).tensor.reshape(-1, 3)
    np.testing.assert_allclose(node.tensor, single.T @ single.conj(), rtol=1e-4, atol=1e-8)


def test_nodes_are_tensornetworks_own_and_lazy():
    params = banks_of(ARCH)
    graph = ARCH.to_tensornetwork(params)
    node = graph.nodes[0]
    assert isinstance(node, tn.Node)
    assert node.shape == (3, 2)
    assert node.dtype == jnp.float32
    assert node.backend.name == "jax"
    assert [edge.name for edge in graph.site_edges] == [f"site_{i}" for i in range(8)]
    assert graph.class_edge.name == "class"
    assert {n.name for n in graph.nodes if isinstance(n, tn.CopyNode)} == {
        *(f"pool_0[{i}]" for i in range(4)), *(f"pool_1[{i}]" for i in range(2)), "pool_2"
    }  # fmt: skip
    np.testing.assert_array_equal(node.tensor, params["conv_0"][0])
    node.reorder_axes([1, 0])
    assert node.row is None  # a plain node now
    np.testing.assert_array_equal(node.tensor, params["conv_0"][0].T)
    assert node.shape == (2, 3)
    assert tnsim.from_tensornetwork(graph.nodes)[0] is ARCH.network
    graph.nodes[1].disable()
    with pytest.raises(ValueError, match="disabled"):
        print(graph.nodes[1].shape)


def test_building_reads_no_tensor_and_copies_stay_sparse():
    arch = tnsim.ConvAC.shallow(sites=64, features=2, rank=4, classes=3)  # dense: 4^65 numbers
    graph = arch.to_tensornetwork(banks_of(arch))
    traced = jax.make_jaxpr(lambda params: arch.to_tensornetwork(params).site_edges and 0)(banks_of(arch))
    assert len(traced.eqns) == 0
    twins = tn.replicate_nodes(graph.nodes)
    assert all(node._tensor is None for node in (*graph.nodes, *twins) if isinstance(node, tn.CopyNode))
    assert tnsim.from_tensornetwork(twins)[0] is arch.network


def test_nodes_work_in_tensornetworks_functions():
    params = banks_of(ARCH)
    graph = ARCH.to_tensornetwork(params)
    matrix, copy = graph.nodes[0], graph.nodes[-1]
    assert (graph.nodes[0] + graph.nodes[1]).tensor.shape == (3, 2)
    assert tn.Node(matrix).tensor.shape == (3, 2)
    assert type(matrix.copy(conjugate=True)) is tn.Node
    tn.check_correct(graph.nodes)
    assert isinstance(copy, tn.CopyNode)
    top = next(node for node in graph.nodes if node.name == "output/0")
    assert (top @ copy).shape[0] == 3


def test_attached_vectors_are_the_bank_features():
    params, x = banks_of(ARCH), jax.random.normal(jax.random.key(1), (8, 2))
    graph = ARCH.to_tensornetwork(params)
    vectors = graph.attach(x)
    assert [node.name for node in vectors] == [f"features[{i}]" for i in range(8)]
    network, banks = tnsim.from_tensornetwork([*graph.nodes, *vectors])
    assert len(network.sites) == 0
    assert banks["features"].shape == (8, 2)
    plain, arrays = tnsim.from_tensornetwork(as_plain([*graph.nodes, *vectors]))
    assert plain is network
    same(arrays, banks)
    reading = read([*graph.nodes, *vectors])
    assert reading.network is ARCH.network
    assert reading.features.shape == (1, 8, 2)


def test_errors_name_what_was_found():
    params = banks_of(ARCH)
    graph = ARCH.to_tensornetwork(params)
    with pytest.raises(ValueError, match=r"features: wanted one sample of shape \(8, 2\), .* found \(7, 2\)"):
        graph.attach(jnp.ones((7, 2)))
    graph.attach(jnp.ones((8, 2)))
    with pytest.raises(ValueError, match="have their vectors already"):
        graph.attach(jnp.ones((8, 2)))
    with pytest.raises(ValueError, match="at least one"):
        tnsim.from_tensornetwork([])
    with pytest.raises(ValueError, match=r"one backend of \('jax', 'numpy'\), found \['jax', 'numpy'\]"):
        tnsim.from_tensornetwork([tn.Node(np.ones(2), backend=name) for name in ("jax", "numpy")])
    loose = tn.Node(np.ones(2), backend="jax")
    with pytest.raises(ValueError, match="site_edges: wanted open edges"):
        tnsim.from_tensornetwork(graph.nodes, [loose[0]])
    with pytest.raises(ValueError, match="once"):
        tnsim.from_tensornetwork([loose], [loose[0]], loose[0])
    with pytest.raises(ValueError, match="params"):
        ARCH.to_tensornetwork({})


def test_no_default_backend_is_touched():
    assert "set_default_backend" not in inspect.getsource(tnsim.interop.graph)
    assert tn.Node(np.ones(2)).backend.name == "numpy"
