"""Architectures of all kinds: every view is the tensor of the definition, and what their papers say holds."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from architectures.networks import LINEAR, POOL, TENSORS, Case, cases, reading
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import DTYPES, masks, normal

import tnsim
from tnsim.bounds import network_min_cut
from tnsim.bounds.relatives.recurrent import ring_rank, shallow_rank
from tnsim.contract.engines import route
from tnsim.models import ARCHITECTURES

TOLERANCE = {"float64": 1e-11, "complex128": 1e-11, "float32": 1e-4, "complex64": 1e-4}
SPREAD = [Case(name, DTYPES[k % 4], k) for k, name in enumerate(POOL)]  # every architecture once, every type


def plain(scores):
    return np.asarray(scores.value) * np.exp(np.asarray(scores.log_scale))[:, None]


def close(found, wanted, dtype):
    return np.abs(np.asarray(found) - wanted).max() <= TOLERANCE[dtype] * np.abs(wanted).max()


def scores_of(case, features):
    """By the definition."""
    wide = features.astype(np.result_type(features, np.float64))
    if case.name not in LINEAR:
        return np.array([reading(case.arch, case.wide, x) for x in wide])
    dense = [case.dense(label) for label in case.classes]
    return np.array([[oracle.multilinear(one, x) for one in dense] for x in wide])


@pytest.mark.parametrize("case", SPREAD, ids=lambda case: case.name)
def test_apply_equals_the_definition(case):
    features = normal(np.random.default_rng(7), (3, case.arch.size, case.arch.features), case.dtype)
    with jax.enable_x64(True):
        found = plain(case.arch.apply(case.params, jnp.asarray(features)))
    assert found.dtype == case.dtype
    assert close(found, scores_of(case, features), case.dtype)


@pytest.mark.parametrize("name", POOL)  # one pool drawn from as a whole leaves out some, the same ones each time
@given(st.data())
@settings(max_examples=2)
def test_the_einsum_is_the_tensor_of_the_definition(name, data):
    case = data.draw(cases((name,)))
    found = case.arch.to_einsum(case.params).contract()
    dense = np.stack([case.dense(label) for label in case.classes], axis=-1)
    assert close(found.reshape(dense.shape), dense, case.dtype)


@pytest.mark.slow
@pytest.mark.parametrize("name", POOL)
@given(st.data(), st.integers(0, 2**32 - 1))
@settings(max_examples=2)
def test_graph_module_and_state_equal_the_definition(name, data, seed):
    case = data.draw(cases((name,)))
    arch = case.arch
    digits = np.random.default_rng(seed).integers(0, arch.features, (2, arch.size))
    features = np.eye(arch.features, dtype=case.dtype)[digits]
    wanted = np.array([[case.dense(label)[tuple(row)] for label in case.classes] for row in digits])
    with jax.enable_x64(True):
        params = {name: jnp.asarray(bank) for name, bank in case.params.items()}
        graph = arch.to_tensornetwork(params)
        node = tnsim.contractor([*graph.nodes, *graph.attach(features[0])])
        assert close(node.tensor.reshape(-1), wanted[0], case.dtype)
        module = tnsim.nn.TensorNetwork.from_params(arch, params)
        assert close(plain(module.scores(jnp.asarray(features))), wanted, case.dtype)
    for label, column in zip(case.classes, wanted.T, strict=True):
        value, log_scale = arch.state(case.wide, label).amplitude(digits)
        assert close(value * np.exp(log_scale), column, case.dtype)


@pytest.mark.parametrize("name", POOL)
@given(st.data())
@settings(max_examples=2)
def test_the_state_has_the_definitions_entropy_and_no_more_rank_than_its_min_cut(name, data):
    case = data.draw(cases((name,), ("float64", "complex128")))
    mask = data.draw(masks(case.arch.size))
    label = data.draw(st.sampled_from(case.classes))
    values, norm = oracle.spectrum(case.dense(label), mask)
    state = case.arch.state(case.params, label)
    found = state.schmidt(mask)
    both = [np.pad(one, (0, 2**case.arch.size - len(one))) for one in (values, found.values)]  # the rest is zero
    assert np.abs(both[0] - both[1]).max() <= 1e-10
    assert found.log_norm == pytest.approx(np.log(norm), abs=1e-9)
    entropy = oracle.renyi(values[values > 1e-150] ** 2, 1)
    assert found.entropy() == pytest.approx(entropy, abs=1e-9)
    assert float(state.entropy(~mask)) == pytest.approx(entropy, abs=1e-9)
    assert (values > 1e-10).sum() <= network_min_cut(case.arch.network, mask).value


@pytest.mark.parametrize("arch", POOL.values(), ids=POOL)
def test_hyper_parameters_come_back_from_json_and_wirings_are_one(arch):
    again = ARCHITECTURES[type(arch).__name__].from_json(json.loads(json.dumps(arch.to_json())))
    assert again == arch
    assert hash(again) == hash(arch)
    assert again.network is arch.network
    assert arch.parameters == sum(np.prod(shape) for shape in arch.network.bank_shapes.values())


@pytest.mark.parametrize("arch", list(POOL.values())[::5], ids=list(POOL)[::5])
def test_networkx_has_a_node_for_every_tensor(arch):
    drawn = arch.to_networkx()
    kinds = [kind for _, kind in drawn.nodes(data="kind")]
    assert kinds.count("tensor") == arch.network.tensor_count


def test_routes():
    routes = {name: route(arch.network) for name, arch in POOL.items() if name in LINEAR}
    swept = {name for name, how in routes.items() if how == "sweep"}
    assert swept == {name for name in LINEAR if name.startswith(("mps", "ttn", "tucker", "rac"))}
    assert {name for name, how in routes.items() if how == "fold"} == {"cp"}


# ---- starts


@pytest.mark.parametrize("name", ["ttn", "ttn-2d", "ttn-groups", "mera", "mera-open", "mera-small"])
def test_an_isometric_start_has_orthonormal_classes(name):
    arch = POOL[name]
    with jax.enable_x64(True):
        params = arch.init(jax.random.key(3), jnp.complex128, start="isometric")
    case = Case(name, "complex128", 0)
    case.__dict__["wide"] = {bank: np.asarray(array) for bank, array in params.items()}
    states = np.stack([case.dense(label).ravel() for label in case.classes])
    assert np.abs(states.conj() @ states.T - np.eye(len(states))).max() < 1e-12


@pytest.mark.parametrize(
    "arch",
    [
        tnsim.MPS(4096, 3, 6, classes=2), tnsim.MPS(1024, 3, 4, classes=2, boundary="periodic", sharing="full"),
        tnsim.RAC(4096, 3, 6, 2), tnsim.TTN(1024, 3, (6,) * 9, (2,) * 10, classes=2),
    ],
    ids=lambda arch: type(arch).__name__,
)  # fmt: skip
def test_thousands_of_sites_keep_scores_and_gradients_in_range(arch):
    params = arch.init(jax.random.key(0))
    features = np.random.default_rng(0).random((2, arch.size, 3)).astype(np.float32)
    features[..., 0] = 1

    def loss(params):
        scores = arch.apply(params, features)
        return jnp.log(jnp.abs(scores.value)).sum() + scores.log_scale.sum()

    value, gradient = jax.jit(jax.value_and_grad(loss))(params)
    assert abs(value) < 4 * np.log(1e20)
    for name, one in gradient.items():
        assert np.isfinite(one).all(), name
        assert (np.abs(one) > 0).mean() > 0.5, name


def test_weights_and_features_of_any_scale_do_not_leave_float_range():
    arch = tnsim.MPS(40, 2, 3, classes=2)
    rng = np.random.default_rng(0)
    params = {name: normal(rng, shape, "float32") for name, shape in arch.network.bank_shapes.items()}
    features = normal(rng, (3, 40, 2), "float32")
    one = arch.apply(params, features)
    scales = {"first": 1e30, "cores": 1e-30, "label": 1e20, "last": 1e-25}
    scaled = {name: bank * np.float32(scales[name]) for name, bank in params.items()}
    other = arch.apply(scaled, features * np.float32(1e12))
    moved = sum(np.log(scales[s.bank]) * s.count for s in arch.network.stacks) + 40 * np.log(1e12)
    sizes = [np.log(np.abs(s.value)) + np.asarray(s.log_scale)[:, None] for s in (one, other)]
    assert np.abs(sizes[1] - sizes[0] - moved).max() < 0.05
    zero = arch.apply({**params, "last": np.zeros((3, 2), np.float32)}, features)
    assert (np.asarray(zero.value) == 0).all()
    assert np.isfinite(zero.log_scale).all()


# ---- what papers say


@pytest.mark.parametrize(("steps", "features", "width"), [(4, 2, 3), (6, 2, 3), (4, 3, 5)])
def test_the_start_end_rank_of_a_recurrent_circuit_is_its_theorem(steps, features, width):
    arch = tnsim.RAC(steps, features, width, 1)
    rng = np.random.default_rng(steps)
    banks = {name: rng.normal(size=shape) for name, shape in arch.network.bank_shapes.items()}
    into, hidden = (list(banks[name]) * steps for name in ("input", "hidden"))
    dense = oracle.rac_tensor(into, hidden, banks["start"], banks["output"], 0)
    mask = np.arange(steps) < steps // 2
    values, _ = oracle.spectrum(dense, mask)
    assert (values > 1e-10).sum() == shallow_rank(steps, features, width)
    assert (arch.state(banks, 0).schmidt(mask).values > 1e-10).sum() == shallow_rank(steps, features, width)


@pytest.mark.parametrize(("sites", "rank"), [(4, 3), (6, 6), (8, 12)])
def test_a_ring_of_one_tensor_has_the_rank_of_theory(sites, rank):
    arch = tnsim.MPS(sites, 2, 2, boundary="periodic", sharing="full")
    core = np.random.default_rng(0).normal(size=(1, 2, 2, 2))
    values, _ = oracle.spectrum(oracle.mps_tensor([core[0]] * sites, None, None, True), np.arange(sites) % 2 == 0)
    assert (values > 1e-10).sum() == rank == ring_rank(sites, 2, 2)
    found = arch.state({"cores": core}).schmidt("interleaved")
    assert (found.values > 1e-8).sum() == rank


def test_the_min_cut_of_a_projected_entangled_pair_state_is_the_boundary_law():
    for height, width in ((3, 4), (4, 4), (2, 6)):
        arch = tnsim.PEPS((height, width), 5, 2)
        left = (np.arange(height * width) % width) < width // 2
        assert network_min_cut(arch.network, left).value == 2**height
        assert network_min_cut(arch.network, np.arange(height * width) < width).value == 2**width


def test_the_min_cut_of_a_block_of_a_mera_grows_with_its_logarithm():
    arch = tnsim.MERA(64, 2, 2)
    logs = []
    for length in (1, 2, 4, 8, 16, 32):
        blocks = [np.isin(np.arange(64), (np.arange(length) + at) % 64) for at in (0, 3)]
        logs.append(max(np.log2(float(network_min_cut(arch.network, block).value)) for block in blocks))
        assert logs[-1] <= 2 * (1 + np.log2(length))
    assert logs[-1] > 4  # more than a chain's, for the same bond


@pytest.mark.parametrize(("rows", "columns", "boundary"), [(1, 3, 3), (2, 3, 3), (2, 2, 4), (3, 2, 5)])
def test_the_rank_of_a_block_of_a_random_peps_is_its_boundary_law(rows, columns, boundary):
    """bond^boundary: twice the sites leave it as it is, a bond more on the boundary doubles it."""
    arch = tnsim.PEPS((4, 3), 2, 2)
    rng = np.random.default_rng(0)
    banks = {name: rng.normal(size=shape) for name, shape in arch.network.bank_shapes.items()}
    block = np.zeros((4, 3), bool)
    block[:rows, :columns] = True
    values, _ = oracle.spectrum(TENSORS["peps"](arch, banks, None), block.ravel())
    found = arch.state(banks, None).schmidt(block.ravel())
    assert (values > 1e-10).sum() == found.rank() == network_min_cut(arch.network, block.ravel()).value == 2**boundary
    assert found.entropy() == pytest.approx(oracle.renyi(values[values > 1e-150] ** 2, 1), abs=1e-9)
    assert found.entropy() <= boundary * np.log(2)


def block_entropies(dense, length):
    """Of all blocks of a ring: masks, and entropies by the definition."""
    sites = dense.ndim
    masks = [np.isin(np.arange(sites), (np.arange(length) + at) % sites) for at in range(sites)]
    values = [oracle.spectrum(dense, mask)[0] for mask in masks]
    return masks, np.array([oracle.renyi(one[one > 1e-150] ** 2, 1) for one in values])


def test_the_entropy_of_a_block_of_a_random_mera_grows_with_its_logarithm_at_most():
    """Twice the block, no more than ln bond^2 more: a random state of as many sites has more than that."""
    arch = tnsim.MERA(16, 2, 2)
    with jax.enable_x64(True):
        params = arch.init(jax.random.key(0), jnp.float64, start="isometric")
    dense = TENSORS["mera"](arch, {name: np.asarray(bank) for name, bank in params.items()}, 0)
    means = []
    for length in (1, 2, 4, 8):
        masks, S = block_entropies(dense, length)
        bounds = np.array([network_min_cut(arch.network, mask).log for mask in masks])
        assert (bounds - S > -1e-9).all()
        means.append(S.mean())
    assert (np.diff(means) < 2 * np.log(2)).all()
    any_state = np.random.default_rng(0).normal(size=dense.shape)
    grown = [block_entropies(any_state, length)[1].mean() for length in (4, 8)]
    assert np.diff(grown) > 2 * np.log(2)


# ---- errors


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: tnsim.MPS(1, 2, 2), "sites: wanted at least 2"),
        (lambda: tnsim.MPS(4, 2, (2, 2)), "bond: wanted one dimension, or one for each of 3 bonds, found 2"),
        (lambda: tnsim.MPS(4, 2, (2, 3, 2), sharing="full"), "sharing: 'full' wants bonds of one dimension"),
        (lambda: tnsim.MPS(4, 2, 2, label=1), "label: wanted None without classes"),
        (lambda: tnsim.MPS(4, 2, 2, classes=2, label=4), "label: wanted a site in 0..3, found 4"),
        (lambda: tnsim.MPS(4, 2, 2, boundary="ring"), "boundary: wanted one of"),
        (lambda: tnsim.TTN(8, 2, (2, 2, 2), (2, 2, 2), classes=2), "channels: wanted one width per level, 2 in all"),
        (lambda: tnsim.TTN(8, 2, (2, 2), (2, 2, 2), 2, "window"), "sharing: level 0: wanted one of"),
        (lambda: tnsim.TTN(4, 2, (5,), (2, 2), 2).init(jax.random.key(0), start="isometric"), "at most 4 rows"),
        (lambda: tnsim.RAC(4, 2, 0, 2), "width: wanted a positive integer, found 0"),
        (lambda: tnsim.PEPS(4, 2, 2), r"sites: wanted \(height, width\)"),
        (lambda: tnsim.MERA(12, 2, 2), "sites: wanted a power of 2"),
        (lambda: tnsim.MERA(8, 2, 2, sharing="full"), "sharing: wanted one of"),
        (lambda: tnsim.DilatedConvAC(9, 2, (2,), (2,), dilations=(7,)), "dilations: wanted every site read"),
        (lambda: tnsim.MPS(4, 2, 2).init(jax.random.key(0), start="residual"), "start: wanted one of"),
    ],
)  # fmt: skip
def test_bad_hyper_parameters_are_named(make, told):
    with pytest.raises(ValueError, match=told):
        make()
