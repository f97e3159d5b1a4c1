"""Workloads ask what they say: einsums against brute force, costs against the plans, numbers within range."""

import random
from dataclasses import replace
from itertools import product

import numpy as np
import opt_einsum
import oracle
import pytest
from bench.questions import SMALL, answer, contracted, dense, oracles
from hypothesis import given, settings
from hypothesis import strategies as st

import tnsim
from tnsim.bench.cases import Case
from tnsim.bench.peers import levels
from tnsim.bench.workloads import WORKLOADS, circuits, graphs, sycamores, trees
from tnsim.contract.plan import plan


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
def test_inputs_follow_from_the_seed_alone(case):
    inputs = WORKLOADS[case.workload].inputs
    first, again, other = inputs(case), inputs(case), inputs(replace(case, seed=1))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert any(not np.array_equal(first[name], other[name]) for name in first)
    kinds = {array.dtype for name, array in first.items() if name not in ("labels", "masks")}
    assert kinds == {np.dtype(case.dtype)}


@pytest.mark.parametrize("sharing", ["none", "full"])
@pytest.mark.parametrize("sites", [4, 8, (2, 2), (4, 4)])
def test_scores_are_the_oracles(sites, sharing):
    case = Case("scores", sites, 3, 4, 3, sharing, "float64")
    features = WORKLOADS["scores"].inputs(case)["features"]
    wanted = np.array([oracle.score(*oracles(case), sample)[0] for sample in features])
    np.testing.assert_allclose(answer(case), wanted.ravel(), rtol=1e-10, atol=1e-13)


STATES = [(8, 3, 2, "none"), (8, 3, 2, "full"), ((2, 2), 3, 3, "none"), ((4, 4), 3, 2, "none")]


@pytest.mark.parametrize(("sites", "width", "features", "sharing"), STATES)
def test_norm_and_spectrum_are_those_of_the_dense_tensor(sites, width, features, sharing):
    case = Case("norm", sites, width, features, 1, sharing, "float64")
    whole = dense(case)
    np.testing.assert_allclose(answer(case), [np.log((whole**2).sum())], atol=1e-12)
    tree = trees.tree_of(case)
    columns = np.broadcast_to(np.arange(tree.grid[-1]), tree.grid).ravel()
    values = np.linalg.svd(oracle.matricise(whole, columns < tree.grid[-1] // 2), compute_uv=False) ** 2
    found = answer(replace(case, workload="spectrum"))
    wanted = np.pad(values / values.sum(), (0, width))[:width]
    np.testing.assert_allclose(found, wanted, atol=1e-12)


@pytest.mark.parametrize("sites", [8, (2, 2)])
def test_renyi_is_that_of_the_dense_tensor(sites):
    case = Case("renyi", sites, 3, 3, 1, "none", "float64")
    mask, whole = WORKLOADS["renyi"].inputs(case)["masks"][0], dense(case)
    p = np.linalg.svd(oracle.matricise(whole, mask), compute_uv=False) ** 2
    np.testing.assert_allclose(answer(case), -np.log((p**2).sum() / p.sum() ** 2), atol=1e-12)


@given(st.integers(0, 2**32 - 1), st.sampled_from([(2, 2), (2, 3), (1, 4)]), st.integers(1, 20))
@settings(max_examples=10)
def test_the_amplitudes_of_a_circuit_are_those_of_a_unitary(seed, grid, cycles):
    case = Case("circuit", grid, cycles, dtype="complex128", seed=seed)
    inputs, total = circuits.circuit_inputs(case), 0.0
    for bits in product(range(2), repeat=int(np.prod(grid))):
        (amplitude,) = contracted(case, inputs | {"bra": circuits.HADAMARD[list(bits)]})
        total += abs(amplitude) ** 2
    assert total == pytest.approx(1, abs=1e-12)


def test_the_amplitudes_of_a_sycamore_circuit_are_its_states():
    case = Case("sycamore", (2, 3), 5, dtype="complex128", seed=4)
    inputs, state = sycamores.sycamore_inputs(case), tnsim.circuits.sycamore(2, 3, 5, seed=4)
    network, banks = state.network()
    parts = [part for t in network.tensors() for part in (banks[t.bank][t.slot], list(t.legs))]
    psi = opt_einsum.contract(*parts, network.sites.array.tolist())
    assert (np.abs(psi) ** 2).sum() == pytest.approx(1, abs=1e-12)
    for bits in list(product(range(2), repeat=6))[::7]:
        (amplitude,) = contracted(case, inputs | {"bra": np.eye(2)[list(bits)].astype(complex)})
        assert amplitude == pytest.approx(psi[bits], abs=1e-12)


def test_every_pair_of_neighbours_meets_in_eight_cycles():
    met = [frozenset(pair) for cycle in range(8) for pair in circuits.pairs((5, 4), cycle)]
    assert len(met) == len(set(met)) == 5 * 3 + 4 * 4


PLANNED = [case for case in SMALL if case.workload in ("regular", "peps", "strip", "circuit", "sycamore")]


@pytest.mark.parametrize("case", PLANNED, ids=lambda case: case.name)
def test_one_path_for_all_and_its_cost_is_opt_einsums(case):
    random.seed(case.width)  # what others drew before
    einsum = WORKLOADS[case.workload].einsums(case)[0]
    {"circuit": circuits, "sycamore": sycamores}.get(case.workload, graphs)._einsum.cache_clear()
    random.seed(99)
    assert WORKLOADS[case.workload].einsums(case)[0].path == einsum.path
    terms, output, sizes = einsum.letters
    shapes = [tuple(sizes[letter] for letter in term) for term in terms]
    equation = ",".join(map("".join, terms)) + "->" + "".join(output)
    views = [np.broadcast_to(1.0, shape) for shape in shapes]
    parts = opt_einsum.contract_path(equation, *views, optimize=list(einsum.path))[1].contraction_list
    wanted = sum(np.prod([sizes[i] for i in set(step[2]) - set(",->")]) for step in parts)
    assert WORKLOADS[case.workload].floor(case).multiply_adds == wanted


def test_a_chain_is_a_product_of_matrices():
    case = Case("mps", 6, 3, 2, 4, dtype="float64")
    x = WORKLOADS["mps"].inputs(case)
    site = [np.einsum("amb,nm->nab", core, x["features"][:, i + 1]) for i, core in enumerate(x["cores"])]
    left = np.einsum("nm,mr->nr", x["features"][:, 0], x["first"])
    for core in site[:2]:
        left = np.einsum("na,nab->nb", left, core)
    right = np.einsum("rm,nm->nr", x["last"], x["features"][:, 5])
    for core in site[:1:-1]:
        right = np.einsum("nab,nb->na", core, right)
    wanted = np.einsum("na,ayb,nb->ny", left, x["output"], right)
    np.testing.assert_allclose(answer(case), wanted.ravel(), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("sites", [8, (4, 4), (8, 8)])
def test_the_floor_of_scores_is_the_cost_of_the_plan(sites):
    case = Case("scores", sites, 5, 3, 7)
    depth = trees.tree_of(case).depth
    arch = tnsim.ConvAC(sites, 3, (5,) * depth, (2,) * depth, trees.CLASSES)
    assert WORKLOADS["scores"].floor(case).multiply_adds == 7 * plan(arch.network).multiply_adds
    inputs = WORKLOADS["scores"].inputs(case)
    assert WORKLOADS["scores"].floor(case).bytes == sum(a.nbytes for a in inputs.values()) + 4 * 7 * trees.CLASSES


@pytest.mark.parametrize("sharing", ["none", "full"])
@pytest.mark.parametrize(("sites", "width"), [(4096, 16), (65536, 4), ((64, 64), 16), ((256, 256), 4)])
def test_scores_stay_of_order_one_in_plain_float32(sites, width, sharing):
    case = Case("scores", sites, width, width, 4, sharing)
    inputs = WORKLOADS["scores"].inputs(case)
    values = levels.scores_last(trees.tree_of(case), inputs, inputs["features"].transpose(1, 2, 0))
    assert values.dtype == np.float32
    assert 1e-3 < np.abs(values).max() < 1e2  # shared maps of few channels average most of the samples away
    assert np.ptp(values, axis=1).max() > 1e-4  # and yet they differ


@pytest.mark.parametrize("sharing", ["none", "full"])
@pytest.mark.parametrize("sites", [4096, (64, 64)])
def test_norms_stay_in_range(sites, sharing):
    case = Case("norm", sites, 4, 4, 1, sharing, "float64")
    (norm,) = levels.norm(trees.tree_of(case), WORKLOADS["norm"].inputs(case))
    assert abs(np.log(norm.item())) < 20


@pytest.mark.parametrize("sites", [6, 1, (4, 8)])
def test_a_tree_of_other_sides_is_refused(sites):
    with pytest.raises(ValueError, match="sites: wanted a power of 2"):
        trees.tree_of(Case("scores", sites))


OTHER = [("regular", (4, 4)), ("peps", 16), ("strip", 16), ("circuit", 9), ("sycamore", 9), ("mps", (2, 2))]


@pytest.mark.parametrize(("workload", "sites"), OTHER)
def test_sites_of_the_other_kind_are_refused(workload, sites):
    with pytest.raises(ValueError, match="sites: wanted"):
        WORKLOADS[workload].inputs(Case(workload, sites))


def test_a_strip_is_swept_column_by_column():
    """No tensor of the sweep has more than one index a row and one on the way down."""
    (einsum,) = WORKLOADS["strip"].einsums(Case("strip", (3, 7), 2))
    left, widest = [set(term) for term in einsum.terms], 0
    for places in einsum.path:
        one, other = (left.pop(place) for place in sorted(places, reverse=True))
        left.append(one ^ other)
        widest = max(widest, len(left[-1]))
    assert left == [set()]
    assert widest == 4
