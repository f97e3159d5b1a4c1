"""Many devices against one, on eight virtual devices; test_shards.py runs this file in a process that has them."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import strategies
import tensornetwork as tn

import tnsim
from tnsim.contract.execution import DEFAULT, Execution
from tnsim.contract.paths import contract_network
from tnsim.contract.plan import plan_path
from tnsim.contract.scores import scores
from tnsim.contract.sharding.mesh import mesh
from tnsim.contract.sharding.placed import place, place_features, unplaced
from tnsim.contract.sharding.slices import sharded_contract
from tnsim.contract.shards import _scores, sharded_scores
from tnsim.network import Stack, Table, build

GROUPS = strategies.random_groups(np.random.default_rng(3), 16, (2, 2, 2, 2))
ARCH = partial(tnsim.ConvAC, features=2, classes=3)
FLAT = ARCH(sites=8, channels=(3, 2, 4), windows=(2, 2, 2))
SQUARE = ARCH(sites=(4, 4), channels=(3, 2), windows=(2, 2))
CASES = [  # each geometry and sharing, each kind of mesh, batches that divide and that do not
    (FLAT, {"data": 2, "sites": 4}, 4, "float64"),
    (ARCH(sites=(2, 6), channels=(3, 2), windows=((1, 3), (2, 2)), sharing="window"), {"sites": 2}, 3, "complex128"),
    (ARCH(sites=(4, 4), channels=(3, 2), windows=(2, 2), sharing="full", geometry="mirror"),
     {"sites": 2, "data": 4}, 5, "float64"),
    (ARCH(sites=16, channels=(3, 2, 2, 3), windows=(2,) * 4, sharing=("full", "none", "window", "none"),
          geometry=GROUPS), {"sites": 4}, 3, "float64"),
]  # fmt: skip


def drawn(network, dtype="float64"):
    rng = np.random.default_rng(0)
    return {name: jnp.asarray(strategies.normal(rng, s, dtype)) for name, s in network.bank_shapes.items()}


def features_of(network, batch, dtype="float64"):
    return jnp.asarray(strategies.normal(np.random.default_rng(1), (batch, len(network.sites), 2), dtype))


def total(of):
    """Mean log-score, with the scores beside it."""

    def loss(banks):
        value, log_scale = of(banks)
        return (jnp.log(jnp.abs(value)) + log_scale[:, None]).mean(), (value, log_scale)

    return jax.jit(jax.value_and_grad(loss, has_aux=True))  # or each little operation compiles for all devices


def close(found, wanted, tolerance=1e-10):
    for name in wanted:
        scale = np.abs(wanted[name]).max()
        np.testing.assert_allclose(np.asarray(found[name]), wanted[name], atol=tolerance * scale, rtol=0)


@pytest.mark.parametrize(("arch", "axes", "batch", "dtype"), CASES, ids=range(len(CASES)))
def test_scores_and_gradients_are_those_of_one_device(arch, axes, batch, dtype):
    network, devices = arch.network, mesh(**axes)
    with jax.enable_x64(True):
        banks, features = drawn(network, dtype), features_of(network, batch, dtype)
        (wanted, one), by_bank = total(lambda b: scores(network, b, features))(banks)
        put = place_features(network, features, devices)
        of = total(lambda b: sharded_scores(network, b, put, devices))
        (found, many), placed = of(place(network, banks, devices))
        assert float(found) == pytest.approx(float(wanted), rel=1e-12)
        for mine, theirs in zip(many, one, strict=True):
            assert mine.dtype == theirs.dtype
            np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-10)
        close(unplaced(placed), by_bank)


def test_one_exchange_of_vectors_and_no_other():
    devices, network = mesh(data=2, sites=4), SQUARE.network
    banks, features = drawn(network, "float32"), features_of(network, 4, "float32")
    given = place(network, banks, devices), place_features(network, features, devices)
    program = _scores.lower(network, devices, DEFAULT, *given).compile().as_text()
    assert exchanges(program) == ["all-gather"]
    groups = re.search(r"all-gather.*replica_groups=(\S+),", program)[1]
    assert groups.startswith(("{{0,1,2,3},{4,5,6,7}}", "[2,4]<=[8]"))  # among the devices of "sites" alone


def exchanges(program):
    return re.findall(r" (all-\w+|reduce-scatter|collective-\w+|send|recv)(?:-start)?\(", program)


def test_samples_alone_need_no_exchange():
    arch = ARCH(sites=9, channels=(3, 2), windows=(3, 3))
    devices, network = mesh(data=8), arch.network
    banks, features = drawn(network, "float32"), features_of(network, 16, "float32")
    given, how = (place(network, banks, devices), place_features(network, features, devices)), Execution(blocks=3)
    assert exchanges(_scores.lower(network, devices, how, *given).compile().as_text()) == []
    last, turned = Execution(blocks=3, layout="batch-last"), features.transpose(1, 2, 0)
    found, wanted = sharded_scores(network, banks, turned, devices, last), scores(network, banks, features)
    for mine, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5)


def test_each_device_has_its_own_subtrees_alone():
    devices = mesh(data=2, sites=4)
    banks = drawn(SQUARE.network, "float32")
    placed = place(SQUARE.network, banks, devices)
    features = place_features(SQUARE.network, features_of(SQUARE.network, 4, "float32"), devices)
    assert [bank.addressable_shards[0].data.shape for bank in placed.banks.values()] == [(4, 3, 2), (4, 2, 3), (3, 2)]
    assert features.values.addressable_shards[0].data.shape == (2, 4, 2)
    first_window = np.asarray(banks["conv_0"])[[0, 1, 4, 5]]
    np.testing.assert_array_equal(placed.banks["conv_0"].addressable_shards[0].data, first_window)
    close(unplaced(placed), banks, 0)


def tied():
    """FLAT's wiring, with rows that sites of several devices share in no regular way."""
    network = FLAT.network
    stack = network.stacks[0]
    stacks = (Stack("conv_0", 3, stack.shape, Table([0, 2, 1, 1, 2, 0, 1, 2]), stack.legs), *network.stacks[1:])
    return build(network.indices, stacks, network.sites, network.outputs)


def test_plain_banks_are_rearranged_and_any_sharing_is_taken():
    devices, network = mesh(sites=4), tied()
    with jax.enable_x64(True):
        banks, features = drawn(network), features_of(network, 3)
        (wanted, _), by_bank = total(lambda b: scores(network, b, features))(banks)
        (found, _), gradient = total(lambda b: sharded_scores(network, b, features, devices))(banks)
        assert float(found) == pytest.approx(float(wanted), rel=1e-12)
        close(gradient, by_bank)
    with pytest.raises(ValueError, match=r"rows that all devices or one device read, found others in \['conv_0'"):
        place(tied(), drawn(tied(), "float32"), devices)


def test_what_cannot_be_is_refused_in_words():
    banks, features = drawn(FLAT.network, "float32"), features_of(FLAT.network, 3, "float32")
    with pytest.raises(ValueError, match=r"divides the nodes .*, \[4, 2, 1\], found 8; possible are \[1, 2, 4\]"):
        sharded_scores(FLAT.network, banks, features, mesh(sites=8))
    with pytest.raises(ValueError, match="data=3 x sites=4: wanted at most the 8 devices there are, found 12"):
        mesh(data=3, sites=4)
    with pytest.raises(ValueError, match="wanted at least one positive integer"):
        mesh(data=0)
    with pytest.raises(ValueError, match="placed for this network and sites=2, found sites=4"):
        sharded_scores(FLAT.network, place(FLAT.network, banks, mesh(sites=4)), features, mesh(sites=2))
    with pytest.raises(ValueError, match=r"wanted an axis 'data' or 'sites', found \('slices',\)"):
        sharded_scores(FLAT.network, banks, features, mesh(slices=2))


def grid(size, dim):
    """A square grid of random tensors, as a network."""
    rng = np.random.default_rng(2)
    shapes = {(i, j): [dim] * (2 * (0 < i < size - 1) + (i in (0, size - 1)) + 2 * (0 < j < size - 1)
              + (j in (0, size - 1))) for i in range(size) for j in range(size)}  # fmt: skip
    nodes = {at: tn.Node(rng.normal(size=shape), backend="jax") for at, shape in shapes.items()}
    free = {at: iter(node.edges) for at, node in nodes.items()}
    for i, j in nodes:
        for other in ((i + 1, j), (i, j + 1)):
            if other in nodes:
                next(free[i, j]) ^ next(free[other])
    return tnsim.from_tensornetwork(list(nodes.values()))


def test_slices_add_up_over_devices():
    with jax.enable_x64(True):
        network, banks = grid(4, 5)
        banks = {name: jnp.asarray(bank, jnp.float64) for name, bank in banks.items()}
        whole = plan_path(network, "1GB")
        plan = plan_path(network, int(0.83 * whole.peak) * 4)
        assert plan.slices % 4, plan  # some devices have one slice less
        wanted, by_bank = jax.jit(jax.value_and_grad(lambda b: contract_network(network, b)))(banks)
        devices = mesh(slices=4)
        of = jax.jit(jax.value_and_grad(lambda b: sharded_contract(network, b, plan, devices)))
        found, gradient = of(banks)
        assert float(found) == pytest.approx(float(wanted), rel=1e-10)
        close(gradient, by_bank)
    with pytest.raises(ValueError, match="wanted an axis 'slices'"):
        sharded_contract(network, banks, plan, mesh(data=2))
