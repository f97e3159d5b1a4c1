"""Whole models: overlaps of the classes, and the classifier as one state with a class leg, against the dense tensor."""

from functools import cache

import numpy as np
import oracle
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import POOL, cases

import tnsim
from tnsim.entanglement import classes
from tnsim.entanglement.measure import side_kinds
from tnsim.memory import MemoryLimitError

MANY = [arch for arch in POOL if arch.classes > 1 and arch.size < 16]
FEW = MANY[::6]


def dense(case):
    """sum_y |y>|psi_y>, the class leg last, without the powers."""
    *banks, output = case.wide
    roots = None
    if case.gram is not None:
        grams = np.broadcast_to(case.gram, (case.arch.size, *case.gram.shape[-2:]))
        roots = [oracle.hermitian_root(gram) for gram in grams]
    return oracle.joint(strategies.wiring(case.arch), banks, output, roots)


def model(case):
    state = case.state
    return state.network, state.banks, state.measure


def wanted(case, mask, class_side):
    """(normalised Schmidt values, norm) by the definition."""
    return oracle.spectrum(dense(case), np.append(mask, class_side == "A"))


def entropy(case, mask):
    """Of Psi, mask: one entry a site and one for the class."""
    values, _ = oracle.spectrum(dense(case), mask)
    return oracle.renyi(values[values > 0] ** 2, 1)


def distance(values, other):
    length = max(len(values), len(other))
    one, two = (np.pad(v, (0, length - len(v))) for v in (values, other))
    return np.abs(one - two).max()


@settings(max_examples=18)
@given(cases(archs=FEW) | cases(archs=FEW, measured=True))
def test_overlaps_are_those_of_the_tensors(case):
    states = dense(case).reshape(-1, case.arch.classes)
    norms = np.linalg.norm(states, axis=0)
    cosines = states.conj().T @ states / np.outer(norms, norms)
    found = classes.overlaps(*model(case))
    assert np.abs(found.cosines - cosines).max() <= 1e-9
    assert (np.abs(found.cosines - cosines) <= found.error_bound + 1e-13).all()
    np.testing.assert_allclose(found.log_norms, np.log(norms) + case.log_scale, atol=1e-9)
    np.testing.assert_allclose(found.fidelities, np.abs(cosines) ** 2, atol=1e-9)
    np.testing.assert_allclose(found.weights, norms**2 / (norms**2).sum(), atol=1e-9)
    np.testing.assert_allclose(found.cosines, found.cosines.conj().T, atol=1e-14)


@settings(max_examples=18)
@given(cases(archs=FEW) | cases(archs=FEW, measured=True), st.sampled_from("AB"))
def test_the_class_leg_on_either_side(case, class_side):
    values, norm = wanted(case, case.mask, class_side)
    found = classes.joint_spectrum(*model(case), case.mask, class_side)
    assert distance(found.values, values) <= min(1e-9, found.error_bound + 1e-13)
    assert found.log_norm == pytest.approx(np.log(norm) + case.log_scale, abs=1e-9)


@pytest.mark.slow
@settings(max_examples=48)
@given(cases(archs=MANY), st.sampled_from("AB"))
def test_any_tree_with_the_class_leg_on_either_side(case, class_side):
    test_the_class_leg_on_either_side.hypothesis.inner_test(case, class_side)


@settings(max_examples=18)
@given(cases(archs=FEW))
def test_the_class_leg_alone(case):
    values, norm = wanted(case, np.ones(case.arch.size, bool), "B")
    found = classes.class_spectrum(*model(case))
    assert distance(found.values, values) <= min(1e-9, found.error_bound + 1e-13)
    assert found.log_norm == pytest.approx(np.log(norm) + case.log_scale, abs=1e-9)
    overlaps = classes.overlaps(*model(case))
    roots = np.sqrt(overlaps.weights)
    eigenvalues = np.linalg.eigvalsh(roots[:, None] * overlaps.cosines * roots)[::-1]
    assert distance(eigenvalues, found.values**2) <= 1e-9


@settings(max_examples=18)
@given(cases(archs=FEW))
def test_the_class_moves_to_the_other_side_with_it(case):
    """S(class A) = S(B): the state is pure, and both sides see one spectrum."""
    one = classes.joint_spectrum(*model(case), case.mask, "A")
    other = classes.joint_spectrum(*model(case), ~case.mask, "B")
    assert distance(one.values, other.values) <= 1e-10


@settings(max_examples=18)
@given(cases(archs=FEW) | cases(archs=FEW, measured=True), st.sampled_from("AB"))
def test_two_replicas_equal_the_joint_spectrum(case, class_side):
    values, _ = wanted(case, case.mask, class_side)
    found = classes.joint_renyi_2(*model(case), case.mask, class_side)
    value = -np.log((values**4).sum())
    assert found.lower - 1e-13 <= value <= found.upper + 1e-13
    assert found.value == pytest.approx(value, abs=1e-9 + found.tolerance)


@settings(max_examples=18)
@given(cases(archs=FEW))
def test_mutual_information_of_class_and_side(case):
    def of(in_a, in_b, class_too):
        return entropy(case, np.append(np.where(case.mask, in_a, in_b), class_too))

    value = of(True, True, False) + of(True, False, False) - of(True, False, True)
    found = classes.mutual_information(*model(case), case.mask)
    assert found.value == pytest.approx(value, abs=1e-9)
    assert found.lower - 1e-12 <= value <= found.upper + 1e-12
    other = classes.mutual_information(*model(case), ~case.mask)
    alone = classes.class_spectrum(*model(case)).entropy()
    assert found.value + other.value == pytest.approx(2 * alone, abs=1e-9)


ARCH = tnsim.ConvAC(sites=8, features=2, channels=(3, 3, 3), windows=(2, 2, 2), classes=3)


@cache
def drawn():
    rng = np.random.default_rng(2)
    return strategies.named([strategies.normal(rng, shape) for shape in strategies.shapes(ARCH)])


def of(params):
    state = ARCH.state(params, 0)
    return state.network, state.banks, state.measure


def test_one_class_alone_is_the_state_of_that_class():
    params = drawn() | {"output": drawn()["output"] * np.array([[0.0], [1], [0]])}
    mask = np.arange(8) % 2 == 0
    found = classes.joint_spectrum(*of(params), mask, "A")
    np.testing.assert_allclose(found.values[:8], ARCH.state(params, 1).schmidt(mask).values[:8], atol=1e-13)
    assert classes.class_spectrum(*of(params)).entropy() == pytest.approx(0, abs=1e-12)
    assert classes.mutual_information(*of(params), mask).value == pytest.approx(0, abs=1e-12)
    with pytest.raises(ValueError, match="state: class 0 is exactly zero, so it has no overlaps"):
        classes.overlaps(*of(params))


def test_equal_classes_have_cosine_one_whatever_their_norm():
    params = drawn() | {"output": np.array([[1.0, 2, 3], [-2e-200, -4e-200, -6e-200], [3, 0, -1]])}
    found = classes.overlaps(*of(params))
    assert found.cosines[0, 1] == pytest.approx(-1, abs=1e-14)
    assert found.log_norms[1] - found.log_norms[0] == pytest.approx(np.log(2e-200))
    assert found.weights[1] == 0


def test_orthogonal_classes_of_equal_norm_are_maximally_entangled_with_the_input():
    """Site 0 names the class: conv rows e_g, all deeper ones keep the channel."""
    banks = {name: np.zeros(shape) for name, shape in ARCH.network.bank_shapes.items()}
    arch = tnsim.ConvAC(sites=4, features=3, channels=(3, 3), windows=(2, 2), classes=3)
    banks = {"conv_0": np.stack([np.eye(3), np.ones((3, 3)), np.ones((3, 3)), np.ones((3, 3))]),
             "conv_1": np.stack([np.eye(3), np.ones((3, 3))]), "output": np.eye(3)}  # fmt: skip
    state = arch.state(banks, 0)
    found = state.network, state.banks, state.measure
    assert classes.class_spectrum(*found).entropy() == pytest.approx(np.log(3), abs=1e-12)
    first = np.arange(4) == 0
    assert classes.mutual_information(*found, first).value == pytest.approx(2 * np.log(3), abs=1e-12)
    assert classes.mutual_information(*found, ~first).value == pytest.approx(0, abs=1e-12)


def test_a_dependent_feature_is_noted():
    state = ARCH.state(drawn(), 0, "function", np.ones((2, 2)))
    found = classes.mutual_information(state.network, state.banks, state.measure, np.arange(8) < 4)
    assert found.note.startswith("at 8 of 8 sites the features span only 1 of 2 dimensions")
    assert found.value == pytest.approx(0, abs=1e-9)


def test_what_is_refused():
    network, banks, measure = of(drawn())
    mask = np.arange(8) < 4
    for measured in (classes.joint_spectrum, classes.joint_renyi_2):
        with pytest.raises(ValueError, match=r"class_side: wanted one of \('A', 'B'\), found 'C'"):
            measured(network, banks, measure, mask, "C")
        with pytest.raises(MemoryLimitError, match=r"needs about .*above the limit of 100 B"):
            measured(network, banks, measure, mask, "A", 100)
    zero = banks | {"output": np.zeros((3, 3))}
    with pytest.raises(ValueError, match="state: it is exactly zero"):
        classes.joint_spectrum(network, zero, measure, mask, "A")
    with pytest.raises(ValueError, match="state: it is exactly zero or not finite"):
        classes.joint_renyi_2(network, zero, measure, mask, "A")


def test_the_estimate_covers_all_classes_at_the_root():
    network, banks, measure = of(drawn())
    mask = np.arange(8) % 2 == 0
    one, three = (classes.schmidt.planned(network, banks, measure, mask, None, n) for n in (1, 3))
    assert one.kinds[0].max() == three.kinds[0].max() == side_kinds(measure, mask).max()
    sizes = [classes.schmidt.estimate(one, measure, mask, joined) for joined in (1, 3)]
    assert sizes[1] >= 3 * 3 * 16 * 16
    assert sizes[1] > sizes[0]
