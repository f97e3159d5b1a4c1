"""Networks that are not what they were meant to be: each slip has one error that says what was found, and what else."""

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
        ValueError, match=r"legs of bank 't': tensors of shape \(2, 3\) meet indices of other dimensions"
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
    nodes = [tn.Node(np.random.default_rng(k).normal(size=(2, 2, 2)), backend="numpy") for k in range(2)]
    nodes[0][1] ^ nodes[1][1]
    found = tnsim.from_tensornetwork(nodes, [nodes[0][0], nodes[1][0]])
    with pytest.raises(ValueError, match="label: wanted 2 numbers, one for each output, found None; outputs: class_0"):
        tnsim.network_state(*found)
    assert tnsim.network_state(*found, label=(0, 1)).entropy([0]).value >= 0
    stacks = [Stack("t", 0, (2, 2, 3), Table([0]), Table([[0, 1, 2]]))]
    network = build([("i", 2, 2), ("lonely", 1, 3)], stacks, np.array([0, 1], np.int32), ())
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
