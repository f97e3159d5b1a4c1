"""Networks that are not what they were meant to be: each slip has one error that says what was found, and what else."""

from types import SimpleNamespace

import jax
import network_worlds as worlds
import networkx as nx
import numpy as np
import oracle
import pytest
import tensornetwork as tn

import tnsim
from tnsim import canonical
from tnsim.contract.schedule import NotLayered
from tnsim.interop.terms import Term, filled, wired
from tnsim.network import Stack, Table, build


def graph_of(**tensors):
    """A networkx graph of tensors, without edges yet."""
    graph = nx.MultiGraph()
    for name, tensor in tensors.items():
        graph.add_node(name, tensor=tensor)
    return graph


def test_an_index_of_two_sizes():
    graph = graph_of(a=np.ones((2, 3)), b=np.ones((4, 2)))
    graph.add_edge("a", "b", axes=(("a", 1), ("b", 0)))
    with pytest.raises(ValueError, match=r"'b': wanted dimension 3 of index 'a-b', found 4 in shape \(4, 2\)"):
        tnsim.from_networkx(graph, sites=["a", "b"])
    with pytest.raises(ValueError, match=r"arrays\[1\]: wanted dimension 3 of index 'b', found 4"):
        tnsim.from_einsum("ab,bc->ac", np.ones((2, 3)), np.ones((4, 2)))
    stacks = [Stack("t", 0, (2, 3), Table([0]), Table([[0, 1]]))]
    with pytest.raises(
        ValueError,
        match=r"legs of bank 't': wanted dimension 3 on axis 1 of tensor 0, .* found 2 of index 1, 'j'",
    ):
        build([("i", 1, 2), ("j", 1, 2)], stacks, np.array([0, 1], np.int32), ())
    one, other = (tn.Node(np.ones((2, size)), backend="numpy") for size in (3, 4))
    with pytest.raises(ValueError, match="dimension"):  # TensorNetwork's own
        one[1] ^ other[1]


def test_a_third_leg_is_a_copy_tensor_only_where_that_is_said():
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(2, 3)) for _ in range(3)]
    terms = [Term((site, "bond"), array, site) for site, array in zip("abc", arrays, strict=True)]
    with pytest.raises(ValueError, match="index 'bond': wanted two ends, found 3; allow 'copies' for a copy tensor"):
        wired(terms, "abc", ())
    network, groups = wired(terms, "abc", (), ("copies",))
    state = tnsim.network_state(network, filled(terms, groups))
    dense = np.einsum("ax,bx,cx->abc", *arrays)
    assert state.renyi([0]).value == pytest.approx(
        oracle.renyi(oracle.spectrum(dense, [True, False, False])[0] ** 2, 2)
    )


def test_two_edges_on_one_axis_of_a_graph_are_told_what_joins_them():
    graph = graph_of(a=np.ones(2), b=np.ones(2), c=np.ones(2))
    for other in "bc":
        graph.add_edge("a", other, axes=(("a", 0), (other, 0)))
    with pytest.raises(ValueError, match=r"'a': wanted one edge on axis 0, found 2; a node of kind='copy' joins"):
        tnsim.from_networkx(graph)
    graph = graph_of(a=np.ones((2, 2)), b=np.ones(2), c=np.ones(2))
    graph.add_edge("a", "b", axes=(("a", 0), ("b", 0)))
    graph.add_edge("a", "c")
    with pytest.raises(ValueError, match=r"'a': wanted an axis for each of 2 ends of edges, found 1"):
        tnsim.from_networkx(graph)


def test_pieces_that_share_no_index_are_a_product_and_the_answer_says_so():
    arrays = [np.random.default_rng(k).normal(size=(2, 2)) for k in range(2)]
    with pytest.warns(UserWarning, match="2 parts that share no index; it is their product"):
        tnsim.from_networkx(pair_of_pairs(arrays), sites=["a", "b", "c", "d"])
    world = worlds.World([2] * 4, [(0, 1), (2, 3)], arrays, [0, 1, 2, 3])
    across, within = world.state.entropy([0, 1]), world.state.entropy([0, 2])
    assert across.value == pytest.approx(0, abs=1e-12)
    assert within.value > 0.1
    for found in (across, within, world.state.renyi([0]), world.state.renyi_many(np.eye(4, dtype=bool))):
        assert "the network has 2 pieces that share no index: a product" in found.note
    assert worlds.random_chain(4, 2).state.entropy([0]).note == ""


def test_every_way_in_says_that_pieces_are_a_product():
    eye, said = np.eye(2), "the network has 2 parts that share no index; it is their product; allow 'parts' if meant"
    apart = [tn.Node(eye, name, backend="numpy") for name in "ab"]
    quimb = SimpleNamespace(tensor_map={k: SimpleNamespace(data=eye, inds=tuple(i), tags=()) for k, i in PAIRS.items()})
    sizes = dict.fromkeys("abcd", 2)
    ways = (
        lambda **allow: tnsim.from_einsum("ab,cd->abcd", eye, eye, **allow),
        lambda **allow: tnsim.from_cotengra(["ab", "cd"], "abcd", sizes, **allow),
        lambda **allow: tnsim.from_tensornetwork(apart, **allow),
        lambda **allow: tnsim.from_quimb(quimb, **allow),
        lambda **allow: tnsim.from_networkx(pair_of_pairs([eye, eye]), sites=["a", "b", "c", "d"], **allow),
    )
    for way in ways:
        with pytest.warns(UserWarning, match=said):
            way()
        way(allow=("parts",))


PAIRS = {0: "ab", 1: "cd"}


def pair_of_pairs(arrays):
    """Two pairs of sites, each joined by its tensor's neighbour alone."""
    eye = np.eye(2)
    graph = graph_of(a=arrays[0], b=eye, c=arrays[1], d=eye)
    graph.add_edge("a", "b", axes=(("a", 1), ("b", 0)))
    graph.add_edge("c", "d", axes=(("c", 1), ("d", 0)))
    return graph


def test_a_leg_that_ends_nowhere_is_neither_site_nor_output():
    graph = graph_of(a=np.ones((2, 3)), b=np.ones((3, 2)))
    graph.add_edge("a", "b", axes=(("a", 1), ("b", 0)))
    with pytest.raises(ValueError, match=r"index 'b\.1': wanted a second tensor, a site or an output, found none"):
        tnsim.from_networkx(graph, sites=["a"])
    numbers = np.random.default_rng(0).normal(size=(2, 2, 2, 2))
    nodes = [tn.Node(numbers[k], name, backend="numpy") for k, name in enumerate("ab")]
    nodes[0][1] ^ nodes[1][1]
    ends = r"open ends \['axis 2 of a', 'axis 2 of b'\] are no sites; they become outputs"
    with pytest.warns(UserWarning, match=ends):
        found = tnsim.from_tensornetwork(nodes, [nodes[0][0], nodes[1][0]])
    assert tnsim.from_tensornetwork(nodes, [nodes[0][0], nodes[1][0]], allow=("outputs",))[0] is found[0]
    with pytest.raises(ValueError, match=r"allow: wanted some of \('outputs', 'parts'\), found 'copies'"):
        tnsim.from_tensornetwork(nodes, allow=("copies",))
    with pytest.raises(ValueError, match="label: wanted 2 numbers, one for each output, found None; outputs: class_0"):
        tnsim.network_state(*found)
    assert tnsim.network_state(*found, label=(0, 1)).entropy([0]).value >= 0
    stacks = [Stack("t", 0, (2, 2, 3), Table([0]), Table([[0, 1, 2]]))]
    network = build([("i", 2, 2), ("lonely", 1, 3)], stacks, np.array([0, 1], np.int32), ())
    numbers = np.random.default_rng(0).normal(size=(2, 2, 3))
    state = tnsim.network_state(network, {"t": numbers})
    assert state.entropy([0]).note == "summed over, as no sites: lonely"
    weights = oracle.spectrum(numbers.sum(2), [True, False])[0] ** 2
    assert state.renyi([0]).value == pytest.approx(oracle.renyi(weights, 2))
    with pytest.raises(
        ValueError, match="wanted every open leg to be a site or the class leg, found one of dimension 3"
    ):
        canonical.tree_of(network, {"t": np.ones((2, 2, 3))})


def test_a_loop_is_no_tree_and_what_there_is_instead():
    world = worlds.peps(2, 2, 2)
    with pytest.raises(NotLayered, match=r"only layered trees .* tnsim\.network_state measures"):
        world.state.window_map()
    ways = r"found a loop through bank 't\d' and index .*contract_network contracts any network, tnsim\.network_state"
    with pytest.raises(ValueError, match=ways):
        canonical.tree_of(world.network, world.banks)
    with pytest.raises(ValueError, match=r"legs: wanted a tree, found 3 bonds .*tnsim\.sampled_entropy"):
        canonical.wiring([(0, 2, ~0), (0, 1, ~1), (1, 2, ~2)])


def test_a_state_under_a_trace_is_refused_with_what_there_is_instead():
    world, arch = worlds.peps(2, 2, 2), tnsim.ConvAC(sites=4, features=2, channels=(2, 2), classes=2, windows=(2, 2))
    ways = r"params\['\w+'\]: wanted numbers, .* found a traced bank: .*trainable\.renyi_entropy .*tnsim\.canonical"
    with pytest.raises(ValueError, match=ways):
        jax.jit(lambda banks: tnsim.network_state(world.network, banks).renyi([0]).value)(world.banks)
    with pytest.raises(ValueError, match=ways):
        jax.grad(lambda params: arch.state(params, label=0).entropy([0]).value)(arch.init(jax.random.key(0)))
