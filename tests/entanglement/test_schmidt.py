"""Schmidt spectra against the dense definition, and the laws that hold for any weights. THEORY sections 3, 5, 6, 8."""

from dataclasses import replace
from math import log

import jax
import numpy as np
import oracle
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import FEW, cases, masks

import tnsim
from tnsim.contract.schedule import distinct, whole
from tnsim.entanglement import compress, schmidt
from tnsim.entanglement.measure import side_kinds
from tnsim.memory import MemoryLimitError

SLACK = 1e-13  # of the oracle's own dense decomposition


def padded(values, length):
    return np.concatenate([values, np.zeros(max(0, length - len(values)))])


def distance(values, wanted):
    """Largest difference of two spectra; the shorter one ends in zeros."""
    length = max(len(values), len(wanted))
    return np.abs(padded(values, length) - padded(wanted, length)).max()


def assert_same(one, other, atol=1e-10):
    assert distance(one.values, other.values) <= atol


@settings(max_examples=36)
@given(cases() | cases(archs=FEW, measured=True))
def test_values_and_norm_are_those_of_the_matricised_tensor(case):
    values, norm = oracle.spectrum(case.dense, case.mask)
    assert distance(case.schmidt.values, values) <= 1e-10
    assert case.schmidt.log_norm == pytest.approx(np.log(norm) + case.log_scale, abs=1e-9)


@settings(max_examples=36)
@given(cases(archs=FEW))
def test_the_error_bound_holds(case):
    values, _ = oracle.spectrum(case.dense, case.mask)
    assert distance(case.schmidt.values, values) <= case.schmidt.error_bound + SLACK


@settings(max_examples=18)
@given(cases(archs=FEW))
def test_values_are_normalised_and_descend(case):
    values = case.schmidt.values
    assert values.dtype == np.float64
    assert (values**2).sum() == pytest.approx(1, abs=1e-12)
    assert (np.diff(values) <= 0).all()


@settings(max_examples=18)
@given(cases(archs=FEW))
def test_both_sides_see_one_spectrum(case):
    assert_same(case.schmidt, case.state.schmidt(~case.mask))


@settings(max_examples=30)
@given(cases(archs=FEW))
def test_rank_never_exceeds_the_min_cut_nor_the_upper_bound(case):
    rank = case.schmidt.rank()
    assert rank <= tnsim.bounds.min_cut(case.arch, case.mask).value
    assert rank <= tnsim.bounds.rank_bounds(case.arch, case.mask).upper


@settings(max_examples=18)
@given(cases(archs=FEW))
def test_scaling_banks_changes_the_norm_alone(case):
    plain = replace(case, powers=(0,) * len(case.powers))
    assert_same(case.schmidt, plain.schmidt, 1e-12)
    assert case.schmidt.log_norm - plain.schmidt.log_norm == pytest.approx(case.log_scale, abs=1e-9)


@settings(max_examples=18)
@given(cases(dtypes=["float64", "complex128"], archs=FEW), st.integers(0, 2**32 - 1))
def test_channel_permutations_are_gauge(case, seed):
    rng = np.random.default_rng(seed)
    weights = [bank.copy() for bank in case.weights]
    for level, width in enumerate(case.arch.channels):
        order = rng.permutation(width)
        weights[level] = weights[level][:, order]
        weights[level + 1] = weights[level + 1][..., order]
    assert_same(case.schmidt, replace(case, weights=weights).schmidt)


def rescaled_channels(rng, levels, weights):
    """Channel g of position j times d[j, g], column g of the next bank over the window's product of them."""
    weights = [bank.copy() for bank in weights]
    for level, (groups, slots) in enumerate(levels):
        following = levels[level + 1][1] if level + 1 < len(levels) else None
        free = following is None or len(set(following)) == len(following)
        copies, width = weights[level].shape[:2]
        d = np.exp(rng.normal(size=(copies if free else 1, width))) * rng.choice([-1, 1], width)
        d = np.broadcast_to(d, (copies, width))  # the same everywhere below a shared bank, whose column is one
        weights[level] *= d[..., None]
        for node, group in enumerate(groups):
            row = ... if following is None else following[node]
            if following is None or following.index(row) == node:  # each row of the next bank once
                weights[level + 1][row] = weights[level + 1][row] / np.prod([d[slots[j]] for j in group], axis=0)
    return weights


@settings(max_examples=18)
@given(cases(dtypes=["float64", "complex128"], archs=FEW), st.integers(0, 2**32 - 1))
def test_channel_scalings_are_gauge(case, seed):
    weights = rescaled_channels(np.random.default_rng(seed), strategies.wiring(case.arch), case.weights)
    scaled = replace(case, weights=weights)
    assert_same(case.schmidt, scaled.schmidt)
    assert scaled.schmidt.log_norm == pytest.approx(case.schmidt.log_norm, abs=1e-9)


@settings(max_examples=5)
@given(cases(archs=[arch for arch in FEW if arch.size <= 9]), st.integers(0, 2**32 - 1))
def test_renaming_the_sites_moves_the_partition_with_them(case, seed):
    to = np.random.default_rng(seed).permutation(case.arch.size)  # site i becomes site to[i]
    (first, *others), _ = zip(*strategies.wiring(case.arch), strict=True)
    arch = replace(case.arch, geometry=(to[np.array(first)], *others))
    weights = list(case.weights)
    if arch.sharing[0] == "none":
        weights[0] = weights[0][np.argsort(to)]
    mask = case.mask[np.argsort(to)]
    assert_same(case.schmidt, replace(case, arch=arch, weights=weights, mask=mask).schmidt)


FULL = [arch for arch in strategies.POOL if set(arch.sharing) == {"full"} and arch.size > 2]


@settings(max_examples=9)
@given(cases(archs=FULL, dtypes=["float64"]), st.integers(0, 2**32 - 1))
def test_automorphisms_of_a_fully_shared_tree_change_nothing(case, seed):
    rng = np.random.default_rng(seed)
    original = moved = [[site] for site in range(case.arch.size)]
    for groups, _ in strategies.wiring(case.arch):
        original = [[site for j in group for site in original[j]] for group in groups]
        moved = [[site for j in rng.permutation(group) for site in moved[j]] for group in groups]
    mask = np.empty_like(case.mask)
    mask[moved[0]] = case.mask[original[0]]
    assert_same(case.schmidt, case.state.schmidt(mask))


@pytest.mark.parametrize(("N", "M"), [(4, 2), (8, 2), (16, 2), (4, 3), (8, 3)])
def test_the_closed_form_state_is_maximally_entangled(N, M):
    """conv_0 rows e_g, conv_1 channel 1 all ones, deeper e_1: A(odd|even) is the identity, S = (N/2) ln M."""
    depth = N.bit_length() - 1
    arch = tnsim.ConvAC(sites=N, features=M, channels=(M,) * depth, windows=(2,) * depth, classes=1, sharing="full")
    banks = [np.zeros((1, M, M)) for _ in range(depth)] + [np.eye(1, M)]
    banks[0][0] = np.eye(M)
    banks[1][0, 0] = 1
    for bank in banks[2:-1]:
        bank[0, 0, 0] = 1
    found = arch.state(strategies.named(banks), 0).schmidt("interleaved")
    assert found.entropy() == pytest.approx(N / 2 * log(M), abs=1e-10)
    assert found.rank() == M ** (N // 2)


@pytest.mark.parametrize(("sharing", "dtype"), [("none", "float32"), ("full", "complex128")])
def test_the_accelerators_kernels_agree_with_the_hosts(sharing, dtype):
    arch = tnsim.ConvAC(sites=(2, 6), features=2, channels=(3, 4), windows=((2, 2), (1, 3)), classes=2, sharing=sharing)
    rng = np.random.default_rng(1)
    state = arch.state(strategies.named([strategies.normal(rng, s, dtype) for s in strategies.shapes(arch)]), 1)
    arguments = (state.network, state.banks, state.vector[None], state.measure, state.mask([0, 1, 2, 6, 9, 11]))
    (found,), (wanted,) = (schmidt.spectra(*arguments, backend=backend) for backend in ("gpu", "cpu"))
    assert_same(found, wanted, 1e-12)
    assert found.log_norm == pytest.approx(wanted.log_norm, abs=1e-10)


@pytest.mark.parametrize("kernels", [compress.HOST, compress.DEVICE], ids=["host", "device"])
@pytest.mark.parametrize("swap", [False, True], ids=["A long", "B long"])
def test_streamed_products_equal_formed_ones(kernels, swap, monkeypatch):
    """A product compressed slice by slice is the product up to isometries: its Gram matrices on both sides agree."""
    rng = np.random.default_rng(0)
    a, b = (strategies.normal(rng, shape, "complex128") for shape in [(2, 6, 2, 2), (2, 5, 1, 2)])
    turn = (lambda x: np.swapaxes(x, 1, 2)) if swap else (lambda x: x)
    whole_product = turn(np.einsum("nabr,ncdr->nacbdr", a, b).reshape(2, 30, 2, 2))
    with jax.enable_x64(True):
        x, y = (compress.Scaled(kernels.arrays.asarray(turn(v)), kernels.arrays.zeros(2)) for v in (a, b))
        monkeypatch.setattr(compress, "STREAMED", 8)
        assert compress.streams(x.value.shape[1:3], y.value.shape[1:3], 2)
        found = compress._pair(kernels.arrays, x, y)
    value = np.asarray(found.value) * np.exp(np.asarray(found.log_scale))[:, None, None, None]
    assert value.shape[1:] == (*compress.product_shape(x.value.shape[1:3], y.value.shape[1:3], 2), 2)
    for n in range(2):
        for axes in [(0, 2), (1, 2)]:  # singular values with r on either side
            grouped, wanted = (
                np.moveaxis(v[n], axes, (0, 1)).reshape(v[n].shape[axes[0]] * 2, -1) for v in (value, whole_product)
            )
            assert (
                distance(*(np.linalg.svd(v, compute_uv=False) for v in (grouped, wanted)))
                < 1e-12 * np.abs(wanted).sum()
            )


@settings(max_examples=15)
@given(cases(archs=FEW))
def test_streaming_changes_no_spectrum(case):
    patch = pytest.MonkeyPatch()
    with patch.context() as patched:
        patched.setattr(compress, "STREAMED", 8)
        streamed = case.state.schmidt(case.mask)
    assert_same(case.schmidt, streamed, 1e-12)


def wide(N, width, sharing="none", windows=None):
    depth = (N.bit_length() - 1) if windows is None else len(windows)
    return tnsim.ConvAC(
        sites=N, features=2, channels=(width,) * depth, windows=windows or (2,) * depth, classes=1, sharing=sharing
    )


def drawn(arch, seed=0):
    rng = np.random.default_rng(seed)
    return strategies.named([rng.normal(size=s) / s[-1] ** 0.5 for s in strategies.shapes(arch)])


@pytest.mark.slow
def test_left_right_of_a_thousand_sites():
    arch = wide(1024, 16)
    found = arch.state(drawn(arch), 0).schmidt("left-right")
    assert len(found.values) == 16
    assert found.rank() == 16
    assert found.error_bound < 1e-9


@settings(max_examples=12)
@given(st.integers(0, 2**32 - 1), masks(6))
def test_one_fold_serves_all_labels(seed, mask):
    arch = tnsim.ConvAC(sites=6, features=2, channels=(3, 2), windows=(2, 3), classes=3)
    states = [arch.state(drawn(arch, seed), label) for label in range(3)]
    one = states[0]
    together = schmidt.spectra(one.network, one.banks, one.banks["output"], one.measure, mask)
    for found, state in zip(together, states, strict=True):
        assert_same(found, state.schmidt(mask), 1e-13)


def test_too_entangled_a_partition_is_refused_before_memory_is_spent():
    arch = wide(256, 16)
    words = (
        r"A of 128 sites: its exact Schmidt spectrum needs about .*B, above the limit of 1 GB\. "
        r"The rank may reach the min-cut, Cut\(2\^128, ln 88\.7228, .*\)\. "
            r"Ways out: renyi\(A, order=2\).*fewer edges.*memory="
    )
    with pytest.raises(MemoryLimitError, match=words):
        arch.state(drawn(arch), 0).schmidt("interleaved", memory="1GB")


def test_the_estimate_covers_the_matrix_at_the_root():
    state = wide(16, 4).state(drawn(wide(16, 4)), 0)
    mask = state.mask("interleaved")
    found = schmidt.estimate(distinct(whole(state.network), side_kinds(state.measure, mask)), state.measure, mask)
    assert 3 * 256 * 256 <= found <= 100 * 256 * 256  # the matrix, its copy and the work space


def test_a_state_that_is_zero_has_no_spectrum():
    arch = wide(4, 2)
    params = drawn(arch)
    params["output"][:] = 0
    with pytest.raises(ValueError, match="state: it is exactly zero, so it has no Schmidt spectrum"):
        arch.state(params, 0).schmidt([0])
