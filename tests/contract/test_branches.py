"""Trees of tensors of any shape, grouped, and chains found in them; what is no tree is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tnsim
from tnsim.contract.branches import NotTree, branches
from tnsim.contract.engines import run
from tnsim.network import Stack, Table, build


def test_a_chain_is_two_scans_towards_its_label_and_a_tree_a_group_a_level():
    chain = branches(tnsim.MPS(100, 2, 3, classes=2, label=40).network)
    assert sorted(len(step.groups) for step in chain.steps) == [1, 1, 1, 39, 58]
    tree = branches(tnsim.TTN(16, 2, (2, 2, 2), (2, 2, 2, 2), classes=2).network)
    assert [group.count for group in tree.groups] == [8, 4, 2, 1]
    recurrent = branches(tnsim.RAC(30, 2, 3, 2).network)
    assert sorted(len(step.groups) for step in recurrent.steps)[-1] >= 28
    assert len(recurrent.steps) <= 5


def test_every_group_comes_after_its_sources():
    for arch in (tnsim.MPS(30, 2, (2,) * 10 + (3,) * 19, classes=2), tnsim.MPS(12, 2, 2, boundary="periodic")):
        found = branches(arch.network)
        made = {-1, -2}
        for step in found.steps:
            inside = set(step.groups)
            for number in step.groups:
                sources = {source.group for leg in found.groups[number].inlets for source in leg.sources}
                assert sources <= made | inside
            made |= inside
        assert sum(group.count for group in found.groups) == arch.size
        assert (found.cut is None) == (arch.boundary == "open")


def test_equal_chains_side_by_side_are_one():
    """A comb: four chains of matrices, each from a vector, meet in one index."""
    length, teeth = 12, 4
    bond = 1 + np.arange(teeth * length).reshape(teeth, length)
    bond = np.concatenate([bond, np.zeros((teeth, 1), int)], axis=1)
    legs = np.stack([bond[:, 1:], bond[:, :-1]], axis=-1).reshape(-1, 2)
    site = 1 + teeth * length + np.arange(teeth)
    stacks = [
        Stack("vectors", 0, (3, 2), Table(np.zeros(teeth)), Table(np.stack([bond[:, 0], site], axis=1))),
        Stack("matrices", length * teeth, (3, 3), Table(np.arange(length * teeth)), Table(legs)),
        Stack("output", 0, (2, 3), Table([0]), Table([[1 + teeth * length + teeth, 0]])),
    ]
    runs = [("bond", 1 + teeth * length, 3), ("site", teeth, 2), ("class", 1, 2)]
    network = build(runs, stacks, site, (1 + teeth * length + teeth,))
    assert [len(step.groups) for step in branches(network).steps] == [1, length, 1]
    rng = np.random.default_rng(0)
    banks = {name: rng.normal(size=shape) for name, shape in network.bank_shapes.items()}
    features = rng.normal(size=(5, teeth, 2))
    with jax.enable_x64(True):
        found = run("tnsim", network, banks, jnp.asarray(features))
    value = np.asarray(found.value) * np.exp(np.asarray(found.log_scale))[:, None]
    vectors = np.einsum("ra,bta->tbr", banks["vectors"], features)
    matrices = banks["matrices"].reshape(teeth, length, 3, 3)
    for place in range(length):
        vectors = np.einsum("tij,tbj->tbi", matrices[:, place], vectors)
    assert np.allclose(value, vectors.prod(0) @ banks["output"].T, rtol=1e-10)


@pytest.mark.parametrize("arch", [tnsim.PEPS((2, 3), 2, 2), tnsim.MERA(8, 2, 2)], ids=lambda arch: type(arch).__name__)
def test_two_loops_are_refused(arch):
    with pytest.raises(NotTree, match="loops: wanted one at most"):
        branches(arch.network)
