"""The chain with a compressed memory never falls below S(A), meets it when nothing is cut, needs all its parts."""

from dataclasses import replace
from math import log
from unittest import mock

import numpy as np
import oracle
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st

import tnsim
from tnsim.entanglement.certified import chain, environments, joins, one_sided, operators, registers

CHI = ((1,), (1, 1), (2,), (2, 2), (3, 2, 1), (4, 2), (8, 4))
PRICES = (-1.0, 1e-4, 10.0)  # look inside every block; those that lost nothing whole; as few blocks as may be
FULL = 2**10


def bound(state, mask, chi, tol=0.0, price=-1.0):
    tree = joins.join_tree(state.network, mask)
    env = environments.environments(tree, state.banks, state.vector[None], state.measure)
    return chain.chain_bound(tree, state.banks, state.measure, env, chi, tol, price)


def entropy(dense, mask):
    p = oracle.spectrum(dense, mask)[0] ** 2
    return oracle.renyi(p[p > 0], 1)


@given(strategies.cases(measured=True), st.sampled_from(CHI), st.sampled_from(PRICES), st.sampled_from([0.0, 1e-3]))
def test_never_below_the_entropy_on_either_side(case, chi, price, tol):
    S = entropy(case.dense, case.mask)
    for mask in (case.mask, ~case.mask):
        found = bound(case.state, mask, chi, tol, price)
        assert S - 1e-9 <= found.upper < np.inf


@given(strategies.cases(measured=True, dtypes=("float64", "complex128")), st.sampled_from(PRICES))
def test_is_the_entropy_when_nothing_is_cut(case, price):
    found = bound(case.state, case.mask, (FULL, 2), 0.0, price)
    assert abs(found.upper - found.rounding - entropy(case.dense, case.mask)) <= 1e-9 + found.rounding


def made(arch, kind, rng, dtype="float64"):
    """Banks of a kind of state, by how each (copies, r_out, r_in) is drawn."""

    def bank(shape):
        noise = strategies.normal(rng, shape, dtype)
        one = np.eye(*shape[1:])[None] + 0 * noise
        ways = {
            "gaussian": noise, "near copy": one + 0.05 * noise, "flat": one,
            "product": noise[:, :1] + 0 * noise,  # every channel the same
        }  # fmt: skip
        return ways[kind]

    *banks, output = strategies.shapes(arch)
    return strategies.named([*(bank(shape) for shape in banks), np.ones(output).astype(dtype)])


ARCH = tnsim.ConvAC(
    sites=(4, 4), features=2, channels=(3, 4, 4, 4), windows=((1, 2), (2, 1), (1, 2), (2, 1)), classes=1
)
CHECKERBOARD = np.indices((4, 4)).sum(axis=0).ravel() % 2 == 0


def dense_of(arch, banks):
    *convs, output = banks.values()
    return oracle.tensor(strategies.wiring(arch), convs, output, 0)


@pytest.mark.parametrize("kind", ["near copy", "flat", "product"])
def test_special_states(kind):
    banks = made(ARCH, kind, np.random.default_rng(3))
    S = entropy(dense_of(ARCH, banks), CHECKERBOARD)
    assert {"product": S < 1e-9, "flat": abs(S - log(2)) < 1e-9, "near copy": 0 < S < 3}[kind]
    for chi in CHI:
        found = bound(ARCH.state(banks, 0), CHECKERBOARD, chi).upper
        assert found >= S - 1e-9
        if kind == "product" or (kind == "flat" and chi[0] > 1):
            assert found <= S + 1e-8  # one state, or two, are all there is to remember


def test_maximally_entangled_pairs_need_no_memory():
    """THEORY section 5: pairs of sites in one window, each pair on both sides: every term is of its own."""
    arch = tnsim.ConvAC(sites=8, features=2, channels=(2, 4, 4), windows=(2, 2, 2), classes=1)
    rng = np.random.default_rng(0)
    banks = {f"conv_{l}": strategies.normal(rng, s) for l, s in enumerate(strategies.shapes(arch)[:-1])}
    banks = {name: np.zeros_like(bank) for name, bank in banks.items()} | {"output": np.array([[1.0, 0, 0, 0]])}
    banks["conv_0"][:] = np.eye(2)
    banks["conv_1"][:, 0] = 1
    banks["conv_2"][:, :, 0] = 1
    mask = np.arange(8) % 2 == 0
    assert bound(arch.state(banks, 0), mask, (2, 1)).upper == pytest.approx(4 * log(2), abs=1e-7)


@given(
    strategies.cases(measured=True, archs=strategies.FEW), st.sampled_from([(2, 2), (8, 4)]), st.sampled_from(PRICES)
)
def test_terms_and_rounding_are_told(case, chi, price):
    found = bound(case.state, case.mask, chi, 0.0, price)
    assert found.terms >= 1
    assert 0 <= found.rounding < 1e-5


def test_more_registers_and_states_may_help_and_a_look_inside_never_hurts():
    rng = np.random.default_rng(5)
    state = ARCH.state(made(ARCH, "near copy", rng), 0)
    coarse, fine = (bound(state, CHECKERBOARD, chi).upper for chi in ((1,), (8, 4)))
    assert fine < coarse
    whole, inside = (bound(state, CHECKERBOARD, (2, 2), 0.0, price).upper for price in (10.0, -1.0))
    assert inside <= whole + 1e-12


def below_the_entropy(kinds=("gaussian", "near copy"), chi=(2, 2), price=-1.0, count=6):
    """By how much a broken bound falls short at worst."""
    worst = np.inf
    for seed in range(count):
        for kind in kinds:
            banks = made(ARCH, kind, np.random.default_rng(seed))
            S = entropy(dense_of(ARCH, banks), CHECKERBOARD)
            worst = min(worst, bound(ARCH.state(banks, 0), CHECKERBOARD, chi, 0.0, price).upper - S)
    return worst


def test_without_the_flag_it_fails():
    sound = registers._taken_up

    def flagless(*args):
        return [[*found[:-1], 0 * found[-1]] for found in sound(*args)]

    assert below_the_entropy(chi=(1,)) >= -1e-9
    with mock.patch.object(registers, "_taken_up", flagless):
        assert below_the_entropy(chi=(1,)) < -1e-3


def test_with_the_other_side_cut_too_it_fails():
    """H of which only the leading configurations of B are left, as the fold of both sides would have it."""
    sound = one_sided.one_sided

    def cut(value):
        if value.ndim == 2 or value.shape[-1] == 1:
            return value
        a, half = value.shape[-1], operators.triangle(operators.channels(len(value)))
        full = value[half.place].transpose(0, 2, 1, 3).reshape(len(half.place) * a, -1)  # real: [h, g] from its mirror
        full = np.triu(full) + np.triu(full, 1).T
        values, vectors = np.linalg.eigh(full)
        full = (vectors[:, -1:] * values[-1:]) @ vectors[:, -1:].T
        return full.reshape(len(half.place), a, -1, a).transpose(0, 2, 1, 3)[half.g, half.h]

    def both_sides(*args):
        side = sound(*args)
        return replace(side, values=tuple([cut(value) for value in level] for level in side.values))

    with mock.patch.object(chain, "one_sided", both_sides):
        assert below_the_entropy(chi=(8, 4)) < -1e-3


def test_without_the_price_it_fails():
    sound = chain._conditional

    def unpriced(X, H, gram, lost, log_dim, rounding):
        return sound(X, H, gram, 0 * lost, log_dim, rounding)

    assert below_the_entropy(price=1.0) >= -1e-9
    with mock.patch.object(chain, "_conditional", unpriced):
        assert below_the_entropy(price=1.0) < -1e-3


def test_estimate_covers_what_is_held():
    state = ARCH.state(made(ARCH, "gaussian", np.random.default_rng(0)), 0)
    tree = joins.join_tree(state.network, CHECKERBOARD)
    small, large = (chain.estimate(tree, chi) for chi in ((2, 2), (16, 8)))
    held = sum(value.nbytes for level in bound(state, CHECKERBOARD, (16, 8)).side.values for value in level)
    assert held < large
    assert small < large
    assert chain.estimate(tree, (16, 8), 16) == 2 * large


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gaussian", "near copy", "product", "flat"])
def test_hundreds_of_states_of_sixteen_sites(kind):
    rng = np.random.default_rng(16)
    archs = [arch for arch in strategies.POOL if arch.size == 16] + [ARCH]
    for trial in range(40):
        arch = archs[trial % len(archs)]
        banks = made(arch, kind, rng, ("float64", "complex128")[trial % 2])
        mask = rng.permutation(16) < rng.integers(4, 13)
        dense = dense_of(arch, banks)
        if np.linalg.norm(dense) < 1e-6:
            continue  # cancels
        S = entropy(dense, mask)
        for chi in CHI:
            price = PRICES[rng.integers(3)]
            found = bound(arch.state(banks, 0), mask, chi, rng.choice([0.0, 1e-6, 1e-2]), price)
            assert found.upper >= S - 1e-9, (trial, chi, price)


@settings(max_examples=20)
@given(strategies.cases(archs=strategies.FEW), st.integers(0, 2**16))
def test_does_not_depend_on_what_is_called_a_scale(case, seed):
    """The powers of two that the banks are multiplied by are divided out."""
    scaled, plain = case, replace(case, powers=(0,) * len(case.powers))
    a, b = (bound(one.state, one.mask, (2, 2)).upper for one in (scaled, plain))
    assert a == pytest.approx(b, abs=1e-7)
