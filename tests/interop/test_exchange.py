"""Networks of cotengra and networkx, out and back: bitwise the same numbers, the same names, the same tensor."""

from types import SimpleNamespace

import networkx as nx
import numpy as np
import opt_einsum
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from interop.networks import bitwise, dense, described, drawn, seeds, tensors
from strategies import POOL

from tnsim.interop.cotengra import from_cotengra, to_cotengra
from tnsim.interop.drawn import from_networkx
from tnsim.interop.einsum import from_einsum
from tnsim.interop.networkx import to_networkx
from tnsim.interop.quimb import from_quimb

ALL = ("copies", "traces", "sums", "parts")
WIDE = ("float64", "complex128")


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


@given(seeds())
@settings(max_examples=30)
def test_cotengras_form_and_back(seed):
    network, banks = drawn(*seed)
    form = to_cotengra(network, banks)
    assert all(a.shape == tuple(form.size_dict[i] for i in t) for a, t in zip(form.arrays, form.inputs, strict=True))
    found, read = from_cotengra(*form, allow=ALL)
    assert described(found, read) == described(network, banks)
    parts = [part for pair in zip(form.arrays, form.inputs, strict=True) for part in pair]
    if seed[1] in WIDE:
        number = {name: i for i, name in enumerate(form.size_dict)}
        parts = [[number[i] for i in part] if isinstance(part, tuple) else part for part in parts]
        close(np.einsum(*parts, [number[i] for i in form.output]), dense(network, banks))
    assert from_cotengra(*form[:3], allow=ALL)[1] is None


def test_an_index_that_is_open_twice_gets_an_identity():
    network, banks = from_einsum("ab->bb", np.arange(6.0).reshape(2, 3))
    form = to_cotengra(network, banks)
    close(opt_einsum.contract(*from_parts(form)), np.diag([3.0, 5.0, 7.0]))


def from_parts(form):
    return [part for pair in zip(form.arrays, form.inputs, strict=True) for part in pair] + [form.output]


def test_outputs_keep_their_order_and_sites_come_first():
    inputs, sizes = [("site_1", "x", "site_0")], {"site_1": 2, "x": 3, "site_0": 4}
    network, _ = from_cotengra(inputs, ("site_0", "site_1", "x"), sizes)
    assert [network.index_name(i) for i in network.sites.array.tolist()] == ["site_0", "site_1"]
    assert [network.index_name(i) for i in network.outputs] == ["x"]
    network, _ = from_cotengra(inputs, ("x", "site_0", "site_1"), sizes)
    assert [network.index_name(i) for i in network.outputs] == ["x", "site_0", "site_1"]


@pytest.mark.parametrize("arch", POOL[::5], ids=repr)
def test_a_drawn_architecture_is_its_very_network_again(arch):
    graph = arch.to_networkx()
    network, banks = from_networkx(graph)
    assert banks is None
    assert network is arch.network


@given(seeds(), st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_networkx_and_back(seed, random):
    network, banks = drawn(*seed)
    graph = to_networkx(network)
    arrays = zip((n for n, kind in graph.nodes(data="kind") if kind == "tensor"), tensors(network, banks), strict=True)
    nx.set_node_attributes(graph, dict(arrays), "tensor")
    shuffled = nx.MultiGraph()  # order tells nothing where axes are said
    shuffled.add_nodes_from(random.sample(list(graph.nodes(data=True)), len(graph)))
    edges = list(graph.edges(keys=True, data=True))
    shuffled.add_edges_from(random.sample(edges, len(edges)))
    found, read = from_networkx(shuffled, allow=ALL)
    assert described(found, read)[0] == described(network, banks)[0]
    assert sorted(described(found, read)[1]) == sorted(described(network, banks)[1])


def test_a_graph_drawn_by_hand_is_its_einsum():
    rng = np.random.default_rng(0)
    a, b, c = rng.normal(size=(2, 3, 5)), rng.normal(size=(2, 4)), rng.normal(size=(3, 4, 4))
    graph = nx.MultiGraph()
    for name, tensor in zip("abc", (a, b, c), strict=True):
        graph.add_node(name, tensor=tensor)
    graph.add_edge("a", "b", dim=2)
    graph.add_edge("a", "c")
    graph.add_node("same", kind="copy")
    for node in ("b", "c"):
        graph.add_edge(node, "same", dim=4)
    graph.add_edge("c", "same", dim=4)
    network, banks = from_networkx(graph, sites=["a"], allow=("traces",))
    close(dense(network, banks), np.einsum("abs,ad,bdd->s", a, b, c))


def test_shapes_alone_give_wiring_alone():
    graph = nx.Graph()
    graph.add_node("a", shape=(2, 3))
    graph.add_edge("a", "b", dim=2)
    network, banks = from_networkx(graph, outputs=["a"])
    assert banks is None
    assert sorted(stack.shape for stack in network.stacks) == [(2,), (2, 3)]
    assert [network.dims[i] for i in network.outputs] == [3]


PAIR = {"a": {"tensor": np.ones((2, 3))}, "b": {"tensor": np.ones((2,))}}


@pytest.mark.parametrize(
    ("nodes", "edges", "options", "words"),
    [
        (PAIR, [("a", "b", {"dim": 4})], {"outputs": ["a"]}, r"'a': wanted dim 2 of the edge on axis 0, found 4"),
        (PAIR, [("a", "b", {"axes": (("a", 1), ("b", 0))})], {"outputs": ["a"]}, r"'b': wanted dimension 3 of"),
        (PAIR, [("a", "b", {})], {}, r"index 'a\.1': wanted a second tensor, a site or an output, found none"),
        (PAIR, [("a", "b", {})], {"sites": ["b"]}, r"'b': wanted one open axis for a site or an output, found 0"),
        (PAIR, [("a", "b", {})], {"sites": ["z"]}, r"sites, outputs: wanted nodes of the graph, found 'z'"),
        (PAIR, [("a", "b", {"axes": (("a", 5),)})], {}, r"'a': wanted edges on the axes of shape"),
        ({"a": {"kind": "star"}}, [], {}, r"graph: wanted nodes of kind .*, found 'star' at 'a'"),
        ({"a": {}}, [("a", "b", {})], {}, r"'a': wanted an array 'tensor', a 'shape', or 'dim' of all its edges"),
        ({"a": {"tensor": np.ones((2, 2))}}, [("a", "a", {})], {}, r"'a': wanted every index once, found 'a-a' twice"),
    ],
)  # fmt: skip
def test_a_graph_that_is_no_network_says_where(nodes, edges, options, words):
    graph = nx.MultiGraph()
    graph.add_nodes_from(nodes.items())
    graph.add_edges_from(edges)
    with pytest.raises(ValueError, match=words):
        from_networkx(graph, **options)


def test_a_directed_graph_is_refused():
    with pytest.raises(ValueError, match="wanted an undirected graph"):
        from_networkx(nx.DiGraph())


def test_slips_are_refused_unless_allowed_and_a_product_is_said():
    a, b = np.ones((2, 2)), np.ones(2)
    for equation, arrays, kind, words in (
        ("ab,b,b->a", (a, b, b), "copies", "index 'b': wanted two ends, found 3"),
        ("ab,b->ab", (a, b), "copies", "index 'b': wanted two ends, found 3"),
        ("ab->a", (a,), "sums", "index 'b': wanted a second tensor, a site or an output, found none"),
        ("aa->", (a,), "traces", r"arrays\[0\]: wanted every index once, found 'a' twice"),
    ):
        with pytest.raises(ValueError, match=words + f".*allow '{kind}'|" + words + f"; allow '{kind}'"):
            from_einsum(equation, *arrays, allow=())
        from_einsum(equation, *arrays, allow=("copies", kind))
    with pytest.warns(UserWarning, match="the network has 2 parts that share no index; it is their product"):
        from_einsum("a,b->ab", b, b, allow=())
    from_einsum("a,b->ab", b, b, allow=("parts",))
    with pytest.raises(ValueError, match=r"allow: wanted some of .*, found 'loops'"):
        from_einsum("a->a", b, allow=("loops",))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([("a", "b")], ("a",), {"a": 2}, None), "size_dict: wanted a size for every index, found none for 'b'"),
        (([("a",)], ("a",), {"a": 2}, [np.ones(3)]), r"arrays\[0\]: wanted shape \(2,\) for \('a',\), found \(3,\)"),
        (([("a",)], ("a",), {"a": 2}, []), "arrays: wanted one for each of the inputs"),
        (([], (), {}, None), "arrays: wanted one for each of the inputs, at least one"),
        (([("a",)], ("b",), {"a": 2, "b": 2}, None), "output: wanted indices of the terms, found 'b'"),
    ],
)
def test_what_is_no_contraction_says_so(arguments, words):
    with pytest.raises(ValueError, match=words):
        from_cotengra(*arguments)


def tensor(data, inds, tags=()):
    """What quimb's Tensor shows."""
    return SimpleNamespace(data=data, inds=tuple(inds), tags=tuple(tags))


def duck(*found, **more):
    """What quimb's TensorNetwork shows."""
    return SimpleNamespace(tensor_map=dict(enumerate(found)), **more)


def test_quimb_need_not_be_there_to_read_what_it_shows():
    a, b = np.arange(6.0).reshape(2, 3), np.ones((3, 4), np.float32)
    network, banks = from_quimb(duck(tensor(a, ["out", "_aA"]), tensor(b, ["_aA", "k0"]), exponent=2.0))
    assert [network.index_name(i) for i in network.outputs] == ["out", "k0"]
    assert [run.name for run in network.indices] == ["out", "k0", "bond_3"]
    assert bitwise(banks["tensors_0"][0], a)
    assert bitwise(banks["tensors_1"][0], b)
    assert banks["tensors_2"].tolist() == [100.0]
    mps = duck(tensor(a, ["k1", "x"]), tensor(a, ["k0", "x"]), sites=(0, 1), site_ind="k{}".format)
    network, banks = from_quimb(mps)
    assert [network.index_name(i) for i in network.sites.array.tolist()] == ["k0", "k1"]
    assert banks["tensors_0"].shape == (1, 2, 3)  # one array, one row


@pytest.mark.parametrize(
    ("network", "options", "words"),
    [
        (duck(), {}, "tn: wanted at least one tensor, found none"),
        (duck(tensor([1.0], "a")), {}, r"tensors\[0\]: wanted numbers of NumPy or JAX, found list"),
        (duck(tensor(np.ones(2), "a"), tensor(np.ones(3), "a")), {}, r"tensors\[1\]: wanted dimension 2 of"),
        (duck(*[tensor(np.ones(2), "a")] * 3), {}, "index 'a': wanted two ends, found 3; allow 'copies'"),
        (duck(tensor(np.ones((2, 2)), "ab")), {"outputs": ["a"]}, "index 'b': wanted a second tensor"),
        (duck(tensor(np.ones((2, 2)), "aa")), {}, r"tensors\[0\]: wanted every index once, found 'a' twice"),
        (duck(tensor(np.ones(2), "a")), {"sites": ["b"]}, "sites: wanted indices of the terms, found 'b'"),
    ],
)  # fmt: skip
def test_a_quimb_network_that_is_none_says_where(network, options, words):
    with pytest.raises(ValueError, match=words):
        from_quimb(network, **options)
