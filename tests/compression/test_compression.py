"""Compression against brute force: what a change costs, distances, and that each cut is the best of its kind."""

from dataclasses import replace
from itertools import product

import jax.numpy as jnp
import numpy as np
import oracle
import pytest
import strategies
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

import tnsim
from tnsim.compression import cores_distance, dense_cores, distance, factored, pruned, weights_in, weights_on
from tnsim.compression.distance import with_level
from tnsim.compression.factors import pinned, rows_of
from tnsim.entanglement.measure import site_measure
from tnsim.nn import NormalisedConvAC, TreeTensorNetwork

SHARINGS = ("none", "window", "full")
POOL = [
    tnsim.ConvAC((2, 4), 3, (4, 5, 3), ((1, 2), (2, 1), (1, 2)), 2),
    tnsim.ConvAC(8, 3, (5, 4), (4, 2), 3),
    tnsim.ConvAC((2, 2), 2, (3,), (2,), 2),
    tnsim.ConvAC(4, 3, (4, 6, 3), (4, 1, 1), 3),
    tnsim.ConvAC(8, 2, (3, 4, 3), (2, 2, 2), 2, geometry="mirror"),
]
TREES = [replace(arch, sharing=(sharing,) * arch.depth) for arch, sharing in product(POOL, SHARINGS)]


def grams(rng, arch):
    """A Gram matrix for every site."""
    root = rng.normal(size=(arch.size, arch.features, arch.features))
    return root @ np.swapaxes(root, 1, 2) + 0.1 * np.eye(arch.features)


def drawn(arch, seed, constant=True):
    """(banks, measure, the Grams' roots); constant: channel 0 is."""
    rng = np.random.default_rng(seed)
    banks = {name: rng.normal(size=shape) / shape[-1] ** 0.5 for name, shape in arch.network.bank_shapes.items()}
    if constant:
        for name, bank in banks.items():
            if name != "output":
                bank[:, 0] = np.eye(bank.shape[-1])[0]
    gram = grams(rng, arch)
    return banks, site_measure("function", gram, arch.size, arch.features), [oracle.hermitian_root(G) for G in gram]


def tensor(arch, banks, roots):
    """The functions of all classes in orthonormal coordinates, by the oracle."""
    convs = [np.asarray(banks[f"conv_{level}"]) for level in range(arch.depth)]
    wiring = strategies.wiring(arch)
    return np.stack([oracle.tensor(wiring, convs, banks["output"], y, roots) for y in range(arch.classes)])


def lost(one, other):
    return ((one - other) ** 2).sum() / (one**2).sum()


trees = st.sampled_from(TREES)
seeds = st.integers(0, 2**32 - 1)
PLAIN = settings(max_examples=20)


@PLAIN
@given(trees, seeds, st.booleans(), st.data())
def test_weights_are_what_a_change_at_one_position_costs(arch, seed, constant, data):
    banks, measure, roots = drawn(arch, seed, constant)
    level = data.draw(st.integers(0, arch.depth))
    name = "output" if level == arch.depth else f"conv_{level}"
    rows = np.zeros(1, int) if name == "output" else rows_of(arch, level)
    position = data.draw(st.integers(0, len(rows) - 1))
    alone = replace(arch, sharing=("none",) * arch.depth)  # the same function, every position a matrix of its own
    wide = {f"conv_{k}": banks[f"conv_{k}"][rows_of(arch, k)] for k in range(arch.depth)} | {"output": banks["output"]}
    D = np.random.default_rng(seed).normal(size=banks[name].shape[-2:])
    changed = {**wide, name: wide[name].copy()}
    changed[name][position if name != "output" else slice(None)] += D
    whole = tensor(alone, wide, roots)
    weights = weights_in(arch, banks, measure)
    E, G = weights.environments[level][position], weights.grams[level][position]
    wanted = lost(whole, tensor(alone, changed, roots))
    np.testing.assert_allclose(np.einsum("gh,gc,cd,hd->", E, D, G, D), wanted, rtol=1e-8)


@PLAIN
@given(trees, seeds)
def test_weights_on_images_are_averages_of_values_and_derivatives(arch, seed):
    banks, _, _ = drawn(arch, seed)
    features = np.random.default_rng(seed).normal(size=(4, arch.size, arch.features))
    found = weights_on(arch, banks, features)
    G = np.einsum("isc,isd->scd", features, features) / 4
    np.testing.assert_allclose(found.grams[0], G, atol=1e-12 * np.abs(G).max())
    wiring, step, position = strategies.wiring(arch), 1e-6, seed % arch.size
    convs = [banks[f"conv_{level}"] for level in range(arch.depth)]

    def scores(f, extra):  # of one image, something added to what the first matrix makes at one position
        values = list(f)
        for number, ((groups, slots), bank) in enumerate(zip(wiring, convs, strict=True)):
            conv = [bank[slot] @ value for slot, value in zip(slots, values, strict=True)]
            if number == 0:
                conv[position] = conv[position] + extra
            values = [np.prod([conv[j] for j in group], axis=0) for group in groups]
        return banks["output"] @ values[0]

    slopes = np.array([
        [(scores(f, step * e) - scores(f, -step * e)) / (2 * step) for e in np.eye(arch.channels[0])] for f in features
    ])  # fmt: skip
    power = np.mean([(scores(f, 0) ** 2).sum() for f in features])
    wanted = np.einsum("igy,ihy->gh", slopes, slopes) / 4 / power
    np.testing.assert_allclose(found.environments[0][position], wanted, rtol=1e-5, atol=1e-6 * np.abs(wanted).max())


@pytest.mark.slow
@PLAIN
@given(trees, seeds, st.data())
def test_distance_is_that_of_the_tensors(arch, seed, data):
    banks, measure, roots = drawn(arch, seed)
    level = data.draw(st.integers(0, arch.depth))
    deeper = with_level(arch, banks, level, data.draw(st.sampled_from(SHARINGS)))
    assert deeper[0].depth == arch.depth + 1
    assert distance((arch, banks), deeper, measure) < 1e-12
    other = drawn(replace(arch, channels=tuple(r + 1 for r in arch.channels)), seed + 1)
    other_arch = replace(arch, channels=tuple(r + 1 for r in arch.channels))
    wanted = lost(tensor(arch, banks, roots), tensor(other_arch, other[0], roots))
    np.testing.assert_allclose(distance((arch, banks), (other_arch, other[0]), measure), wanted, rtol=1e-8)
    np.testing.assert_allclose(distance(deeper, (other_arch, other[0]), measure), wanted, rtol=1e-8)


@pytest.mark.slow
@PLAIN
@given(trees, seeds, st.booleans(), st.floats(0.3, 1.2), st.booleans())
def test_factors_and_channels_keep_the_budget(arch, seed, constant, part, on_images):
    banks, measure, _ = drawn(arch, seed, constant)
    features = np.random.default_rng(seed).normal(size=(6, arch.size, arch.features))
    weights = weights_on(arch, banks, features) if on_images else weights_in(arch, banks, measure)
    for method in (factored, pruned):
        try:
            small, found = method(arch, banks, int(part * arch.parameters), weights)
        except ValueError as why:
            assert "parameters: wanted at least" in str(why)  # noqa: PT017
            least = int(str(why).split()[4].rstrip(","))
            assert method(arch, banks, least, weights)[0].parameters == least > int(part * arch.parameters)
            continue
        assert small.parameters <= max(int(part * arch.parameters), 0)
        assert {name: bank.shape for name, bank in found.items()} == small.network.bank_shapes
        assert pinned(found) or not pinned(banks)
        if part >= 1:
            assert distance((arch, banks), (small, found), measure) < 1e-12


@PLAIN
@given(seeds, st.integers(1, 2))
def test_the_factors_of_one_matrix_are_the_best_of_their_rank(seed, rank):
    """No other matrix of the rank that passes the constant is nearer; the loss is what the singular values say."""
    arch = tnsim.ConvAC(4, 3, (5, 12), (4, 1), 3)
    banks, measure, roots = drawn(arch, seed)
    whole = tensor(arch, banks, roots)
    budget = arch.parameters - 12 * 5 + (5 + 12) * (1 + rank)
    small, found = factored(arch, banks, budget, weights_in(arch, banks, measure))
    assert small.channels == (5, 1 + rank, 12)
    best = lost(whole, tensor(small, found, roots))
    rng = np.random.default_rng(seed)
    for scale in (1e-3, 1e-2, 0.1):
        other = {name: bank.copy() for name, bank in found.items()}
        other["conv_1"][:, 1:] += scale * rng.normal(size=other["conv_1"][:, 1:].shape)
        other["conv_2"][:, 1:] += scale * rng.normal(size=other["conv_2"][:, 1:].shape)
        assert lost(whole, tensor(small, other, roots)) >= best * (1 - 1e-9)
    plain, by_weights = factored(arch, banks, budget, None)
    assert lost(whole, tensor(plain, by_weights, roots)) >= best * (1 - 1e-9)


@PLAIN
@given(seeds, st.integers(2, 4))
def test_the_kept_channels_take_over_as_well_as_can_be(seed, width):
    arch = tnsim.ConvAC(4, 3, (5,), (4,), 3)
    banks, measure, roots = drawn(arch, seed)
    whole = tensor(arch, banks, roots)
    budget = replace(arch, channels=(width,)).parameters
    small, found = pruned(arch, banks, budget, weights_in(arch, banks, measure))
    assert small.channels == (width,)
    kept = [int(np.abs(banks["conv_0"][0] - row).sum(1).argmin()) for row in found["conv_0"][0]]
    np.testing.assert_array_equal(found["conv_0"], banks["conv_0"][:, kept])
    assert kept[0] == 0
    best = lost(whole, tensor(small, found, roots))
    for _ in range(3):
        other = {**found, "output": found["output"] + 0.01 * np.random.default_rng(seed).normal(size=(3, width))}
        assert lost(whole, tensor(small, other, roots)) >= best * (1 - 1e-9)
    cut = {"conv_0": banks["conv_0"][:, kept], "output": banks["output"][:, kept]}  # simply dropped
    assert lost(whole, tensor(small, cut, roots)) >= best * (1 - 1e-9)


@PLAIN
@given(trees, seeds, st.floats(0.2, 2.0))
def test_cores_are_the_function_and_their_distance_is_that_of_the_tensors(arch, seed, part):
    banks, measure, roots = drawn(arch, seed)
    exact = dense_cores(arch, banks)
    np.testing.assert_allclose(cores_tensor(arch, exact, roots), tensor(arch, banks, roots), atol=1e-9)
    try:
        small = dense_cores(arch, banks, int(part * exact.parameters), weights_in(arch, banks, measure))
    except ValueError as why:
        assert "parameters: wanted at least" in str(why)  # noqa: PT017
        return
    assert small.parameters <= int(part * exact.parameters)
    wanted = lost(tensor(arch, banks, roots), cores_tensor(arch, small, roots))
    np.testing.assert_allclose(cores_distance(exact, small, measure), wanted, rtol=1e-6, atol=1e-12)


def joined(one, two, core):
    """(sites, [configuration, g]) of two children."""
    value = np.einsum("xa,yb,gab->xyg", one[1], two[1], core)
    return one[0] + two[0], value.reshape(-1, len(core))


def cores_tensor(arch, tree, roots):
    """By the definition: all joins of dense tensors, sites in order."""
    values = [([i], root.T) for i, root in enumerate(roots)]
    for join in tree.joins:
        nodes = zip(join.rows, join.pairs, strict=True)
        values = [joined(values[i], values[j], join.cores[row]) for row, (i, j) in nodes]
    ((order, value),) = values
    dense = (value @ tree.output.T).reshape(*(arch.features,) * arch.size, arch.classes)
    return np.moveaxis(np.transpose(dense, (*np.argsort(order), arch.size)), -1, 0)


def test_a_bond_s_cut_is_the_best_of_its_rank():
    """Of two halves and one class the cut at both tops is the Schmidt truncation: its loss, the smaller values."""
    arch = tnsim.ConvAC(4, 3, (4, 4), (2, 2), 1)
    banks, measure, roots = drawn(arch, 5, constant=False)
    whole, weights = tensor(arch, banks, roots), weights_in(arch, banks, measure)
    values = np.linalg.svd(whole[0].reshape(9, 9), compute_uv=False)
    exact = dense_cores(arch, banks)
    for budget in range(60, exact.parameters):
        small = dense_cores(arch, banks, budget, weights)
        bond = small.joins[0].cores.shape[1]
        least = (values[bond:] ** 2).sum() / (values**2).sum()
        assert least * (1 - 1e-9) <= cores_distance(exact, small, measure) + 1e-13


def test_the_module_of_cores_gives_the_same_scores():
    arch = TREES[1]
    banks, *_ = drawn(arch, 3)
    features = np.random.default_rng(1).normal(size=(5, arch.size, arch.features)).astype(np.float32)
    module = TreeTensorNetwork(dense_cores(arch, banks))
    single = {name: jnp.asarray(bank, jnp.float32) for name, bank in banks.items()}
    scores = arch.apply(single, features)
    np.testing.assert_allclose(module(features), scores.value * np.exp(scores.log_scale)[:, None], rtol=1e-4, atol=1e-5)
    assert nnx.state(module, nnx.Param)


def test_more_budget_is_never_worse_for_a_trained_start():
    """Unshared, pinned and residual, as networks are trained."""
    arch = tnsim.ConvAC((4, 4), 3, (5, 6), (2, 2), 3)
    module = NormalisedConvAC(arch, rngs=nnx.Rngs(0))
    banks = {name: np.asarray(bank, np.float64) for name, bank in module.params().items()}
    measure = site_measure("function", grams(np.random.default_rng(2), arch), arch.size, arch.features)
    weights = weights_in(arch, banks, measure)
    for method, start in ((factored, 0.93), (pruned, 0.4)):
        losses = [
            distance((arch, banks), method(arch, banks, int(part * arch.parameters), weights), measure)
            for part in np.linspace(start, 1, 6)
        ]
        assert losses[0] > losses[-1]
        assert losses[-1] < 1e-12
        assert losses[0] < 1


@pytest.mark.parametrize("method", [factored, pruned, dense_cores])
def test_what_cannot_be_is_refused(method):
    arch = TREES[0]
    banks, measure, _ = drawn(arch, 0)
    weights = weights_in(arch, banks, measure)
    with pytest.raises(ValueError, match=r"parameters: wanted at least \d+, found 3"):
        method(arch, banks, 3, weights)
    with pytest.raises(ValueError, match="banks: wanted real numbers, found complex"):
        method(arch, {name: bank + 0j for name, bank in banks.items()}, 100, weights)


def test_what_has_no_cores_or_distance_is_refused():
    odd = tnsim.ConvAC(6, 2, (3, 3), (3, 2), 2)
    banks, measure, _ = drawn(odd, 0)
    with pytest.raises(ValueError, match=r"windows: level 0: wanted 2, 4, 8, \.\. positions in each, found 3"):
        dense_cores(odd, banks)
    even = tnsim.ConvAC(6, 2, (3, 3), (2, 3), 2)
    with pytest.raises(ValueError, match="other: wanted the windows"):
        distance((odd, banks), (even, drawn(even, 0)[0]), measure)
    with pytest.raises(ValueError, match="weights: wanted"):
        dense_cores(TREES[0], drawn(TREES[0], 0)[0], 50)
    nothing = {name: 0 * bank for name, bank in banks.items()}
    with pytest.raises(ValueError, match="one: it is exactly zero"):
        distance((odd, nothing), (odd, banks), measure)
    with pytest.raises(ValueError, match="the scores are zero"):
        weights_on(odd, nothing, np.ones((2, 6, 2)))
