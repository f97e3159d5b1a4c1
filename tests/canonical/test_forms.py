"""Canonical forms, gauges, cuts and sums: the state stays what it is, or loses what is said."""

import numpy as np
import oracle
import pytest
from canonical import drawn
from canonical.test_state import whole
from hypothesis import given, settings
from hypothesis import strategies as st

from tnsim.canonical import (
    added,
    binary_wiring,
    chain_wiring,
    compressed,
    dense,
    fidelity,
    gauged,
    log_norm,
    normalised,
    orthogonalised,
    overlap,
    random_state,
    scaled,
    schmidt,
    vidal,
)  # fmt: skip

FEW = settings(max_examples=20)


def isometry(core, axis, tolerance=1e-10):
    """Whether a core is one, from its other legs to this."""
    matrix = np.moveaxis(core, axis, -1).reshape(-1, core.shape[axis])
    return np.allclose(matrix.conj().T @ matrix, np.eye(matrix.shape[1]), atol=tolerance)


def same(state, other):
    """Whether two states are equal, whatever their scales."""
    (a, log_a), (b, log_b) = whole(state), whole(other)
    peak = max(np.abs(a).max(), 1e-300)
    return np.allclose(b / peak * np.exp(log_b - log_a), a / peak, atol=1e-9)


@FEW
@given(drawn.SEEDS)
def test_all_cores_are_isometries_towards_the_centre(seed):
    state = drawn.state(seed)
    for centre in np.random.default_rng(seed).integers(0, len(state.cores), 2):  # from anywhere, and on from there
        moved = orthogonalised(state, int(centre))
        assert same(state, moved)
        assert np.linalg.norm(moved.cores[centre]) == pytest.approx(1)
        for core, legs in enumerate(state.wiring.legs):
            towards = [leg for leg in legs if leg >= 0 and _is_towards(state.wiring, core, leg, int(centre))]
            assert all(isometry(moved.cores[core], legs.index(leg)) for leg in towards)
        state = moved


def _is_towards(wiring, core, bond, centre):
    seen, stack = {core}, [wiring.step(core, bond).onto]
    while stack:
        seen.add(at := stack.pop())
        stack += [x for leg in wiring.legs[at] if leg >= 0 and (x := wiring.step(at, leg).onto) not in seen]
    return core != centre and centre in seen


@FEW
@given(drawn.SEEDS)
def test_the_norm_is_that_of_the_tensor(seed):
    state = drawn.state(seed)
    value, log_scale = whole(state)
    wanted = np.log(np.linalg.norm(value)) + log_scale
    for form in (state, orthogonalised(state, len(state.cores) - 1)):
        assert log_norm(form) == pytest.approx(wanted, abs=1e-9)
    assert log_norm(normalised(state)) == pytest.approx(0, abs=1e-9)


@FEW
@given(drawn.SEEDS)
def test_overlaps_and_sums_are_those_of_the_tensors(seed):
    pair = drawn.two_states(seed)
    a, b = (dense(state) for state in pair)
    value, log_scale = overlap(*pair)
    assert np.allclose(value * np.exp(log_scale), np.vdot(a, b), atol=1e-10 * np.linalg.norm(a) * np.linalg.norm(b))
    wanted = abs(np.vdot(a, b)) ** 2 / np.vdot(a, a).real / np.vdot(b, b).real
    assert fidelity(*pair) == pytest.approx(wanted, abs=1e-10)
    assert np.allclose(dense(added(scaled(pair[0], 2 - 1j), pair[1])), (2 - 1j) * a + b, atol=1e-10)
    away = added(pair[0].with_cores(pair[0].cores, None, 3.0), pair[1])
    assert np.allclose(dense(away), np.exp(3.0) * a + b, atol=1e-9)


@FEW
@given(drawn.SEEDS, st.integers(1, 3), st.sampled_from([0.0, 1e-3, 0.2]))
def test_cuts_lose_what_they_say(seed, width, tolerance):
    state = drawn.state(seed)
    found = compressed(state, width, tolerance)
    assert max(found.state.bond_dims, default=1) <= width
    a, b = whole(state)[0], whole(found.state)[0]
    wanted = abs(np.vdot(a, b)) ** 2 / np.vdot(a, a).real / np.vdot(b, b).real
    assert found.fidelity == pytest.approx(wanted, abs=1e-9)
    angle = np.arccos(np.sqrt(min(found.fidelity, 1.0)))
    assert angle <= np.arcsin(np.sqrt(np.clip(found.discarded, 0, 1))).sum() + 1e-6
    if state.wiring.is_chain:
        assert found.fidelity == pytest.approx((1 - found.discarded).prod(), abs=1e-9)
    centre = found.state.centre
    assert same(found.state, orthogonalised(found.state.with_cores(found.state.cores, None, found.state.log_scale)))
    assert centre is not None


@FEW
@given(drawn.SEEDS)
def test_a_tolerance_keeps_what_is_needed_and_no_more(seed):
    state = drawn.state(seed)
    found = compressed(state, tolerance=1e-2)
    assert (found.discarded <= 1e-2).all()
    exact = compressed(state, tolerance=1e-20)
    assert exact.fidelity == pytest.approx(1, abs=1e-9)
    for bond, width in enumerate(exact.state.bond_dims):
        assert width == max(1, oracle_rank(state, bond))


def oracle_rank(state, bond):
    """Values above 1e-10 of all, by the definition; a side without sites has one."""
    A = side(state, bond)
    if A.all() or not A.any():
        return 1
    values = oracle.spectrum(whole(state)[0], A)[0]
    return int((values > 1e-10).sum())


def side(state, bond):
    """The sites beyond a bond as seen from the first of its cores, as a mask."""
    one, other = state.wiring.ends[bond]
    beyond = [core for core in range(len(state.cores)) if core != one and _is_towards(state.wiring, one, bond, core)]
    assert other in beyond
    return np.isin(np.arange(state.sites), [~leg for core in beyond for leg in state.wiring.legs[core]])


@FEW
@given(drawn.SEEDS)
def test_gauges_change_cores_and_not_the_state(seed):
    state, rng = drawn.state(seed), np.random.default_rng(seed)
    gauges = {bond: rng.normal(size=(r, r)) + 3 * np.eye(r) for bond, r in enumerate(state.bond_dims)}
    moved = gauged(state, gauges)
    assert same(state, moved)
    touched = {core for ends in state.wiring.ends for core in ends}
    assert not any(np.array_equal(moved.cores[core], state.cores[core]) for core in touched)


@FEW
@given(drawn.SEEDS)
def test_vidals_form_has_the_schmidt_values_on_its_bonds(seed):
    state = drawn.state(seed)
    found = vidal(state)
    assert same(state, found.state())
    for bond, values in enumerate(found.lambdas):
        wanted = schmidt(orthogonalised(state), bond).values
        assert np.allclose(values, wanted[: len(values)], atol=1e-8)
    for core, legs in zip(found.gammas, state.wiring.legs, strict=True):
        for axis, leg in enumerate(legs):
            others = [(at, found.lambdas[x]) for at, x in enumerate(legs) if x >= 0 and at != axis]
            weighted = core
            for at, values in others:
                weighted = np.moveaxis(np.moveaxis(weighted, at, -1) * values, -1, at)
            assert leg < 0 or isometry(weighted, axis, 1e-5)  # it has inverses of small values


def test_compression_is_the_best_of_one_bond():
    state = random_state(chain_wiring(4), (3,) * 4, 9, np.random.default_rng(0))
    only = gauged(state, {})
    values = schmidt(only, 1).values
    found = compressed(state, 4)
    assert found.discarded[1] <= (values[4:] ** 2).sum() + 1e-12  # after the cut of bond 0, which is 3 wide
    assert found.discarded[0] == pytest.approx(0, abs=1e-14)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda s: orthogonalised(s, 9), r"centre: wanted a core of 0..2, found 9"),
        (lambda s: compressed(s, 0), "width: wanted at least 1, found 0"),
        (lambda s: compressed(s, 2, 1.5), r"tolerance: wanted a discarded weight in \[0, 1\), found 1.5"),
        (lambda s: schmidt(s, 5), r"bond: wanted one of 0..1, found 5"),
        (lambda s: gauged(s, {0: np.eye(3)}), r"gauges: bond 0: wanted shape \(2, 2\), found \(3, 3\)"),
        (lambda s: gauged(s, {0: np.ones((2, 2))}), "bond 0: wanted an invertible matrix"),
        (lambda s: vidal(s, 0.0), r"tolerance: wanted a Schmidt value in \(0, 1\)"),
        (lambda s: compressed(scaled(s, 0.0), 2), "state: it is zero"),
        (lambda s: vidal(scaled(s, 0.0)), "state: it is zero"),
        (lambda s: fidelity(s, scaled(s, 0.0)), "state: it is zero"),
        (lambda s: overlap(s, drawn.state(0, of=binary_wiring(3))), "on the same tree"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(act, words):
    state = random_state(chain_wiring(3), (2,) * 3, 2, np.random.default_rng(0))
    with pytest.raises(ValueError, match=words):
        act(state)
