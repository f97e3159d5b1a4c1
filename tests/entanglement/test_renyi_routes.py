"""The routes to Tr rho^n: one partition at a time, tables of patterns, the plain fold; and its gradient."""

import tracemalloc
from unittest import mock

import jax
import numpy as np
import oracle
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import FEW, cases

import tnsim
from tnsim.contract.schedule import distinct, whole
from tnsim.entanglement import patterns, renyi, replicas, roundoff, subtrees
from tnsim.memory import MemoryLimitError

# Each compiles once a level. In the last the order of a window's positions is not that of their kinds.
CROSSED = tnsim.ConvAC(8, 2, (3, 2), (4, 2), 2, "window", geometry=([[6, 1, 4, 3], [2, 7, 0, 5]], [[1, 0]]))
TABLED = [FEW[0], FEW[1], FEW[4], CROSSED]


def inputs(case):
    state = case.state
    return state.network, state.banks, state.vector[None], state.measure


def felt(case, order):
    """How far two routes may differ, and more."""
    network, banks, vectors, measure = inputs(case)
    how = replicas.form(order, replicas.widest(network))
    return roundoff.felt(roundoff.gram_waves(network, banks, measure), vectors[0], how, real=False)


def plain(case, masks, order):
    network, banks, (vector,), measure = inputs(case)
    grams = measure.grams[measure.kind]
    with jax.enable_x64(True):
        fold = jax.jit(renyi.log_trace, static_argnames=("network", "order"))
        return np.array([[fold(network, banks, vector, grams, mask, order) for mask in masks]])


def close(found, wanted, case, order):
    """Equal up to rounding, which is relative to norm^2n."""
    scale = 2 * order * felt(case, order).log_norm
    error = felt(case, order).trace + 1e-12
    np.testing.assert_allclose(np.exp(found - scale), np.exp(wanted - scale), atol=2 * error, rtol=1e-9)


def some_masks(case, count=5):
    masks = np.random.default_rng(0).random((count, case.arch.size)) < 0.5
    masks[0] = case.mask
    masks[1] = False  # wholly in B: the trace of the n-th power of a number
    return masks


@pytest.mark.slow
@settings(max_examples=24)
@given(cases(archs=FEW, measured=True), st.sampled_from([2, 3]))
def test_one_partition_at_a_time_is_the_plain_fold(case, order):
    masks = some_masks(case, 3)
    close(renyi.single(*inputs(case), masks, order, None), plain(case, masks, order), case, order)


@settings(max_examples=18)
@given(cases(archs=FEW), st.sampled_from([2, 3]), st.sampled_from([1, 10_000, 300_000]))
def test_blocks_of_any_size_give_the_same(case, order, block):
    masks = some_masks(case, 2)
    whole_tree = renyi.single(*inputs(case), masks, order, None)
    with mock.patch.object(subtrees, "BLOCK", block), mock.patch.object(subtrees, "_shared", return_value=False):
        close(renyi.single(*inputs(case), masks, order, None), whole_tree, case, order)


@pytest.mark.slow
@settings(max_examples=8)
@given(cases(archs=TABLED, dtypes=["float64", "complex128"], measured=True), st.sampled_from([2, 3]))
def test_tables_at_every_level_are_the_plain_fold(case, order):
    masks = some_masks(case)
    for level in range(case.arch.depth):
        with mock.patch.object(patterns, "cost", lambda *args, level=level: cheap_at(level, args[3])):
            found = patterns.log_traces(*inputs(case), masks, order)
        close(found, plain(case, masks, order), case, order)


def cheap_at(level, asked):
    return patterns.Cost(float(level != asked), 1.0, 1.0)


@settings(max_examples=6)
@given(cases(archs=TABLED[:1], dtypes=["float64"]))
def test_tables_are_one_partition_at_a_time(case):
    masks = some_masks(case)
    close(patterns.log_traces(*inputs(case), masks, 2), renyi.single(*inputs(case), masks, 2, None), case, 2)


@pytest.mark.slow
@pytest.mark.parametrize("width", [5, 14])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_all_ways_to_hold_two_replicas_are_one(width, dtype):
    """PAIRS up to a width, HALF above, against the plain fold, which holds every leg."""
    case = wide_case(8, (width, 3, width), dtype)
    masks = some_masks(case, 3)
    assert replicas.form(2, width) is (replicas.PAIRS if width == 5 else replicas.HALF)
    traces = plain(case, masks, 2)
    close(renyi.single(*inputs(case), masks, 2, None), traces, case, 2)
    close(patterns.log_traces(*inputs(case), masks, 2), traces, case, 2)


def wide_case(sites, channels, dtype="float64", **options):
    arch = tnsim.ConvAC(sites, 2, channels, (2,) * len(channels), 2, **options)
    rng = np.random.default_rng(1)
    weights = [strategies.normal(rng, shape, dtype) for shape in strategies.shapes(arch)]
    return strategies.Case(arch, weights, (0,) * len(weights), 1, rng.random(sites) < 0.5)


def test_new_masks_compile_nothing():
    case = wide_case(8, (3, 3, 2))
    rng = np.random.default_rng(0)
    traced = []
    with mock.patch.object(patterns, "_folded", side_effect=patterns._folded) as folded:
        for _ in range(3):
            patterns.log_traces(*inputs(case), rng.random((40, 8)) < 0.5, 2)
            traced.append(folded.call_count)
    assert traced == [1, 1, 1]
    before = renyi._value_and_grad._cache_size()
    for _ in range(3):
        renyi.renyi_value_and_grad(case.arch.network, case.state.banks, 1, case.state.measure, rng.random(8) < 0.5)
    assert renyi._value_and_grad._cache_size() == before + 1


def test_partitions_are_folded_in_chunks_that_fit_the_memory():
    case = wide_case(8, (3, 3, 2))
    masks = np.random.default_rng(0).random((7, 8)) < 0.5
    network, measure = case.state.network, case.state.measure
    plan = patterns.planned(network, measure, 2, 7, 1e9)
    least = patterns.needed(patterns.cost(network, plan.kind, 2, plan.level, 7))
    assert plan.chunk == 7
    assert patterns.planned(network, measure, 2, 7, 1.5 * least).chunk < 7
    few = patterns.log_traces(*inputs(case), masks, 2, 8 * 1.5 * least)
    assert few == pytest.approx(patterns.log_traces(*inputs(case), masks, 2), abs=1e-12)


def test_tables_are_as_large_as_the_count_of_partitions_repays():
    case = wide_case(64, (8,) * 6)
    levels = [patterns.planned(case.state.network, case.state.measure, 2, n, 1e10).level for n in (1, 4, 1000, 10**5)]
    assert levels == [0, 1, 3, 4]  # subtrees of 1, 2, 8 and 16 sites


def test_few_partitions_are_left_to_numpy_and_many_to_the_tables():
    state = wide_case(64, (8,) * 6).state
    assert not renyi.pays(state.network, state.measure, 2, 1, 1e9)
    assert renyi.pays(state.network, state.measure, 2, 1000, 1e9)
    assert not renyi.pays(state.network, state.measure, 2, 1000, 1e5)  # too little memory


def test_subtrees_with_equal_masks_are_computed_once():
    case = wide_case(2**10, (3,) * 10, sharing="full")
    tree = subtrees.tree_of(case.state.network, case.state.banks, case.state.measure, np.arange(2**10) % 2 == 0, 2)
    assert [wave.positions for wave in tree.schedule.waves] == [2, *(1,) * 9]
    peak = max(subtrees.step_bytes(tree, step) for step in subtrees.part(tree, 10, np.zeros(1, np.int64))[0])
    assert peak < 20_000


def test_blocks_keep_to_the_memory_that_is_allowed():
    """2^12 unshared sites in 1 MB, where all at once would take seven times as much: counted, and seen."""
    case = wide_case(2**12, (4,) * 12)
    tree = subtrees.tree_of(case.state.network, case.state.banks, case.state.measure, case.mask, 2)
    steps, _ = subtrees.part(tree, 12, np.zeros(1, np.int64))
    assert max(subtrees.step_bytes(tree, step) for step in steps) > 7e6
    assert subtrees.least(tree) < 1e5
    tracemalloc.start()
    found = subtrees.values(tree, 12, np.zeros(1, np.int64), 1e6)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2e6  # with the numbers of nodes and positions
    closed = np.log(tree.form.close(case.state.vector, found.replicas.value)) + found.replicas.log_scale
    assert closed == pytest.approx(renyi.single(*inputs(case), case.mask[None], 2, None), abs=1e-8)


# ---- gradients


def dense_entropy(case, order, banks):
    """S_n from the definition, in JAX: the tensor in full, its matricisation, the n-th power of rho."""
    jnp = jax.numpy
    levels = strategies.wiring(case.arch)
    M = case.arch.features
    inputs = [([i], jnp.eye(M)) for i in range(case.arch.size)]
    for level, (groups, slots) in enumerate(levels):
        conv = [(sites, value @ banks[f"conv_{level}"][slot].T) for (sites, value), slot in zip(inputs, slots)]
        inputs = []
        for group in groups:
            sites, value = conv[group[0]]
            for j in group[1:]:
                sites, value = sites + conv[j][0], (value[:, None] * conv[j][1][None]).reshape(-1, value.shape[-1])
            inputs.append((sites, value))
    ((sites, value),) = inputs
    dense = jnp.transpose((value @ banks["output"][case.label]).reshape((M,) * case.arch.size), np.argsort(sites))
    a, b = np.flatnonzero(case.mask), np.flatnonzero(~case.mask)
    matrix = jnp.transpose(dense, (*a, *b)).reshape(M ** len(a), -1)
    rho = matrix @ matrix.conj().T
    power = jnp.linalg.matrix_power(rho, order)
    return (order * jnp.log(jnp.trace(rho).real) - jnp.log(jnp.trace(power).real)) / (order - 1)


SMALL = tnsim.ConvAC(sites=4, features=2, channels=(3, 2), windows=(2, 2), classes=2)
SHARED = tnsim.ConvAC(sites=(2, 4), features=2, channels=(3, 2), windows=(2, (1, 2)), classes=2, sharing="window")


@pytest.mark.parametrize(
    ("arch", "dtype", "order"),
    [(SMALL, "float64", 2), (SMALL, "complex128", 3), (SHARED, "complex128", 2), (SHARED, "float64", 3)],
)
def test_the_gradient_is_that_of_the_definition_and_of_differences(arch, dtype, order):
    rng = np.random.default_rng(3)
    weights = [strategies.normal(rng, shape, dtype) for shape in strategies.shapes(arch)]
    mask = np.arange(arch.size) % 3 == 0
    case = strategies.Case(arch, weights, (0,) * len(weights), 1, mask)
    banks, measure = case.state.banks, case.state.measure
    value, gradient = renyi.renyi_value_and_grad(arch.network, banks, 1, measure, mask, order)
    values, _ = oracle.spectrum(case.dense, mask)
    assert value == pytest.approx(oracle.renyi(values[values > 1e-14] ** 2, order), abs=1e-11)
    assert gradient.keys() == banks.keys()
    assert all(isinstance(part, np.ndarray) and part.dtype == dtype for part in gradient.values())
    with jax.enable_x64(True):
        exact = jax.jit(jax.grad(lambda banks: dense_entropy(case, order, banks)))(banks)
        exact = {name: np.asarray(part) for name, part in exact.items()}
    for name in banks:
        np.testing.assert_allclose(gradient[name], exact[name], rtol=1e-10, atol=1e-10 * np.abs(exact[name]).max())
    step = {name: strategies.normal(rng, bank.shape, dtype) for name, bank in banks.items()}
    ends = [{name: bank + t * step[name] for name, bank in banks.items()} for t in (1e-5, -1e-5)]
    up, down = (renyi.renyi_value_and_grad(arch.network, end, 1, measure, mask, order)[0] for end in ends)
    along = sum(float((gradient[name] * step[name]).real.sum()) for name in banks)
    assert along == pytest.approx((up - down) / 2e-5, rel=1e-6)


def test_the_plain_fold_differentiates_under_jit_and_vmap():
    case = wide_case(4, (3, 2))
    network, banks, (vector,), measure = inputs(case)
    grams = measure.grams[measure.kind]
    masks = np.array([[True, False, True, True], [False, True, True, False]])
    with jax.enable_x64(True):
        total = jax.jit(
            lambda banks: jax.vmap(lambda mask: renyi.log_trace(network, banks, vector, grams, mask, 3))(masks).sum()
        )
        gradient = jax.tree.map(np.asarray, jax.grad(total)(jax.tree.map(jax.numpy.asarray, banks)))
        step = {name: np.random.default_rng(0).normal(size=bank.shape) for name, bank in banks.items()}
        up, down = (float(total({k: b + t * step[k] for k, b in banks.items()})) for t in (1e-5, -1e-5))
    along = sum(float((gradient[name] * step[name]).sum()) for name in banks)
    assert along == pytest.approx((up - down) / 2e-5, rel=1e-6)


def test_the_trace_is_not_divided_by_the_norm():
    case = wide_case(4, (3, 2))
    network, banks, (vector,), measure = inputs(case)
    grams = measure.grams[measure.kind]
    fold = jax.jit(renyi.log_trace, static_argnames=("network", "order"))
    with jax.enable_x64(True):
        for order in (1, 2):
            one, two = (float(fold(network, banks, s * vector, grams, case.mask, order)) for s in (1, 2))
            assert two - one == pytest.approx(2 * order * np.log(2))
        purity = jax.jit(renyi.log_purity, static_argnames="network")(network, banks, vector, grams, case.mask)
    assert float(purity) == pytest.approx(one)


def test_a_gradient_of_nothing_or_too_much_is_refused():
    state = wide_case(4, (3, 2)).state
    mask = np.array([True, False, False, False])
    with pytest.raises(ValueError, match="state: it is zero or cancels to rounding, so its Renyi entropy has no grad"):
        renyi.renyi_value_and_grad(state.network, state.banks | {"output": np.zeros((2, 2))}, 0, state.measure, mask)
    with pytest.raises(
        MemoryLimitError, match=r"renyi: the gradient of four replicas needs about .* Ways out: narrower"
    ):
        renyi.renyi_value_and_grad(state.network, state.banks, 0, state.measure, mask, 4, 1000)


# ---- the kinds that tables are of


@pytest.mark.parametrize("arch", FEW, ids=str)
def test_positions_are_numbered_as_the_schedule_numbers_them(arch):
    kinds = np.random.default_rng(0).integers(0, 2, arch.size)
    full, schedule = whole(arch.network), distinct(whole(arch.network), kinds)
    for level, (wave, every) in enumerate(zip(schedule.waves, full.waves, strict=True)):
        found = patterns.position_kinds(schedule, full, level)
        np.testing.assert_array_equal(wave.rows[found], every.rows)
        np.testing.assert_array_equal(wave.sources[found], schedule.kinds[level])
        above = np.sort(found[every.children.array], axis=1)
        np.testing.assert_array_equal(above, wave.children.array[schedule.kinds[level + 1]])
