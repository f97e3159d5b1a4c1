"""What is remembered of a graph is what reading it again would tell, whatever has changed; it dies with the graph."""

import contextlib
import gc
import re
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tensornetwork as tn

import tnsim
from tnsim.interop import reading as full
from tnsim.interop import remembered
from tnsim.interop.nodes import BankNode, Row, Source, SparseCopyNode

ARCH = tnsim.ConvAC(sites=8, features=2, channels=(3, 4, 2), windows=(2, 2, 2), classes=3, sharing="window")


def sample(seed):
    return jax.random.normal(jax.random.key(seed), (8, 2))


def closed_graph(x=None, params=None):
    params = ARCH.init(jax.random.key(0)) if params is None else params
    graph = ARCH.to_tensornetwork(params)
    return graph, [*graph.nodes, *graph.attach(sample(1) if x is None else x)]


def scores_of(params, x):
    out = ARCH.apply(params, jnp.asarray(x)[None])
    return np.asarray(out.value[0]) * np.exp(np.asarray(out.log_scale[0]))


@pytest.fixture
def walks(monkeypatch):
    """One entry for each full reading."""
    found, read = [], full.read
    monkeypatch.setattr(full, "read", lambda nodes: found.append(len(nodes)) or read(nodes))
    return found


def check(nodes):
    """The remembered reading is the full one; its result, or its error."""
    try:
        wanted = full.read(nodes)
    except ValueError as error:
        with pytest.raises(ValueError, match=re.escape(str(error))):
            remembered.read(nodes)
        return
    found = remembered.read(nodes)
    assert found.network is wanted.network
    assert found.ends == wanted.ends
    assert found.backend == wanted.backend
    assert found.banks.keys() == wanted.banks.keys()
    jax.tree.map(np.testing.assert_array_equal, (found.banks, found.features), (wanted.banks, wanted.features))


def test_a_graph_is_read_once(walks):
    graph, nodes = closed_graph()
    found = [remembered.read(list(nodes)) for _ in range(3)]
    assert len(walks) == 1
    assert found[0] is found[1] is found[2]
    opened = ARCH.to_tensornetwork(ARCH.init(jax.random.key(0)))
    for _ in range(3):
        forward = tnsim.contractor(opened.nodes, [*opened.site_edges, opened.class_edge])
        backward = tnsim.contractor(opened.nodes, [opened.class_edge, *opened.site_edges[::-1]])
        np.testing.assert_allclose(backward.tensor, np.transpose(forward.tensor), rtol=1e-6)
    assert len(walks) == 2
    assert graph.class_edge.is_dangling()


def disconnect(graph, nodes):
    nodes[0].edges[0].disconnect()


def cross(graph, nodes):
    """Two vectors change places: the same nodes, the same arrays, other edges."""
    (first, copy), (second, other) = [(vector, vector.edges[0].node1) for vector in nodes[-2:]]
    places = [copy.edges.index(first.edges[0]), other.edges.index(second.edges[0])]
    loose = [end for vector in (first, second) for end in vector.edges[0].disconnect()]
    assert len(loose) == 4
    copy[places[0]] ^ second[0]
    other[places[1]] ^ first[0]


def reconnect(graph, nodes):
    edge = nodes[0].edges[0]
    here, there = edge.disconnect()
    here ^ there


def move_edge(graph, nodes):
    nodes[0].edges.reverse()


def move_edge_of_a_copy(graph, nodes):
    next(node for node in nodes if isinstance(node, tn.CopyNode)).edges.reverse()


def set_tensor(graph, nodes):
    nodes[0].tensor = 2 * nodes[0].tensor


def set_vector(graph, nodes):
    nodes[-1].tensor = 2 * nodes[-1].tensor


def reorder_axes(graph, nodes):
    nodes[0].reorder_axes([1, 0])


def other_bank(graph, nodes):
    nodes[0].row = nodes[0].row._replace(source=Source(2 * nodes[0].row.array))


def other_bank_in_its_source(graph, nodes):
    nodes[0].row.source.array = 2 * nodes[0].row.array


def other_slot(graph, nodes):
    nodes[0].row = nodes[0].row._replace(slot=1)


def rename_node(graph, nodes):
    nodes[0].name = "conv_0[1]/3"


def rename_class(graph, nodes):
    graph.class_edge.set_name("score")


def disable_node(graph, nodes):
    nodes[3].disable()


def disable_copy(graph, nodes):
    next(node for node in nodes if isinstance(node, tn.CopyNode)).disable()


def disable_class_edge(graph, nodes):
    graph.class_edge.disable()


def other_backend(graph, nodes):
    nodes[1].backend = tn.backends.backend_factory.get_backend("numpy")


def other_backend_of_a_copy(graph, nodes):
    copy = next(node for node in nodes if isinstance(node, tn.CopyNode))
    copy.backend = tn.backends.backend_factory.get_backend("numpy")


def other_dimension(graph, nodes):
    next(node for node in nodes if isinstance(node, tn.CopyNode)).dimension = 7


def other_sample(graph, nodes):
    graph.replace(sample(5))


def wider_sample(graph, nodes):
    graph.replace(np.ones((8, 2)))


def leave_one_out(graph, nodes):
    del nodes[-1]


def another_order(graph, nodes):
    nodes[1:] = nodes[:0:-1]


def another_node(graph, nodes):
    nodes.append(tn.Node(jnp.ones(2), backend="jax"))


CHANGES = [
    disconnect, cross, reconnect, move_edge, move_edge_of_a_copy, set_tensor, set_vector, reorder_axes, other_bank,
    other_bank_in_its_source, other_slot, rename_node, rename_class, disable_node, disable_copy, disable_class_edge,
    other_backend, other_backend_of_a_copy, other_dimension, other_sample, wider_sample, leave_one_out, another_order,
    another_node,
]  # fmt: skip
UNREAD = {rename_node, other_sample, disable_class_edge}  # a view's name tells nothing, a sample is one array, an error


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_noticed(change, walks):
    graph, nodes = closed_graph()
    remembered.read(nodes)
    remembered.read(nodes)
    assert len(walks) == 1
    change(graph, nodes)
    with contextlib.suppress(ValueError):
        remembered.read(nodes)
    assert len(walks) == (1 if change in UNREAD else 2)
    check(nodes)


def test_renamed_open_edges_rename_the_result():
    graph, nodes = closed_graph()
    assert tnsim.contractor(nodes).edges[0].name == "class"
    graph.class_edge.set_name("score")
    assert tnsim.contractor(nodes).edges[0].name == "score"
    opened = ARCH.to_tensornetwork(ARCH.init(jax.random.key(0)))
    before = tnsim.contractor(opened.nodes, ignore_edge_order=True)
    for number, edge in enumerate(opened.site_edges[::-1]):
        edge.set_name(f"site_{number}")
    check(opened.nodes)
    names = [edge.name for edge in tnsim.contractor(opened.nodes, ignore_edge_order=True).edges]
    assert names != [edge.name for edge in before.edges]


def test_another_sample_is_one_assignment(walks):
    params = ARCH.init(jax.random.key(0))
    graph, nodes = closed_graph(params=params)
    twins = tn.replicate_nodes(nodes)
    for seed in (1, 2, 3, 2):
        graph.replace(sample(seed))
        np.testing.assert_allclose(tnsim.contractor(nodes).tensor, scores_of(params, sample(seed)), rtol=1e-5)
    assert len(walks) == 1
    np.testing.assert_allclose(tnsim.contractor(twins).tensor, scores_of(params, sample(1)), rtol=1e-5)
    with pytest.raises(ValueError, match=r"features: wanted one sample of shape \(8, 2\), .* found \(7, 2\)"):
        graph.replace(jnp.ones((7, 2)))
    with pytest.raises(ValueError, match="none attached"):
        ARCH.to_tensornetwork(params).replace(sample(1))


def test_numpy_arrays_changed_in_place_are_seen():
    rng = np.random.default_rng(0)
    params = {name: np.array(bank) for name, bank in ARCH.init(jax.random.key(0)).items()}
    x = rng.normal(size=(8, 2)).astype(np.float32)
    graph, nodes = closed_graph(x, params)
    tnsim.contractor(nodes)
    for array in (x, params["conv_1"], params["output"]):
        array *= 1.5
        np.testing.assert_allclose(tnsim.contractor(nodes).tensor, scores_of(params, x), rtol=1e-5)
    graph.replace(2 * x)
    np.testing.assert_allclose(tnsim.contractor(nodes).tensor, scores_of(params, 2 * x), rtol=1e-5)


@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_tensors_of_plain_nodes_changed_in_place_are_seen(backend, walks):
    array, vector = np.ones((64, 64), np.float32), np.ones(64, np.float32)
    nodes = [tn.Node(array, backend=backend), tn.Node(vector, backend=backend)]
    nodes[0][1] ^ nodes[1][0]
    tnsim.contractor(nodes)
    array[:] = 2
    np.testing.assert_array_equal(tnsim.contractor(nodes).tensor, nodes[0].tensor @ nodes[1].tensor)
    assert len(walks) == 2


def test_one_plain_node_among_views_is_read_each_time(walks):
    _, nodes = closed_graph()
    nodes[0].tensor = np.array(nodes[0].tensor)
    first = tnsim.contractor(nodes).tensor
    nodes[0]._own *= 2
    assert not np.allclose(first, tnsim.contractor(nodes).tensor)
    assert len(walks) == 2


def test_tracers_are_not_kept(walks):
    params = ARCH.init(jax.random.key(0))
    graph, nodes = closed_graph(params=params)
    inside = jax.jit(lambda: tnsim.contractor(nodes).tensor)()
    assert not hasattr(nodes[0], remembered.PLACE)
    outside = tnsim.contractor(nodes).tensor
    np.testing.assert_allclose(inside, outside, rtol=1e-4)

    def replaced(x):
        graph.replace(x)
        return tnsim.contractor(nodes).tensor.sum()

    slope = jax.grad(replaced)(sample(2))
    assert not isinstance(getattr(nodes[0], remembered.PLACE).reading.features, jax.core.Tracer)
    graph.replace(sample(2))
    np.testing.assert_allclose(tnsim.contractor(nodes).tensor, scores_of(params, sample(2)), rtol=1e-5)
    assert slope.shape == (8, 2)
    jax.jit(lambda params, x: tnsim.contractor(closed_graph(x, params)[1]).tensor)(params, sample(1))
    assert len(walks) == 3


def test_another_precision_is_another_reading(walks):
    _, nodes = closed_graph()
    remembered.read(nodes)
    with jax.enable_x64(True):
        remembered.read(nodes)
    remembered.read(nodes)
    assert len(walks) == 3


def test_what_is_remembered_dies_with_the_graph():
    graph, nodes = closed_graph()
    tnsim.contractor(nodes)
    held = [weakref.ref(part) for part in (nodes[0], nodes[-1], nodes[-1].row.source, nodes[0].edges[0])]
    held.append(weakref.ref(getattr(nodes[0], remembered.PLACE).reading.features))
    keepers = len(remembered._keepers)
    del graph, nodes
    gc.collect()
    assert [ref() for ref in held] == [None] * len(held)
    assert len(remembered._keepers) < keepers


def test_a_bounded_number_is_kept(walks):
    graphs = [closed_graph()[1] for _ in range(remembered.KEPT + 2)]
    for nodes in graphs:
        remembered.read(nodes)
    assert len(remembered._keepers) == remembered.KEPT
    assert sum(hasattr(nodes[0], remembered.PLACE) for nodes in graphs) == remembered.KEPT
    remembered.read(graphs[-1])
    assert len(walks) == len(graphs)
    remembered.read(graphs[0])
    assert len(walks) == len(graphs) + 1


def test_a_row_is_what_it_says():
    row = Row(Source(jnp.ones((2, 3))), 1, None, 0, 0)
    node = BankNode(row, "vector")
    copy = SparseCopyNode(2, 3, "copy", backend="jax")
    node[0] ^ copy[0]
    assert node.copy().row.source is not row.source
    check([node, copy])
