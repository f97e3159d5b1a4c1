"""Any network contracts to its einsum: by any finder, batched or not, sliced over whatever indices, scaled or not."""

import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from math import prod

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from contract.hypergraphs import hypergraphs
from hypothesis import given, settings
from hypothesis import strategies as st

from tnsim.contract.chains import chained
from tnsim.contract.estimate import peak
from tnsim.contract.execute import How
from tnsim.contract.finders import Grouped, find
from tnsim.contract.kinds import Chain, Meet
from tnsim.contract.paths import _contract, contract_network, contract_network_scaled
from tnsim.contract.plan import load_plan, plan_path
from tnsim.contract.program import program
from tnsim.contract.slices import contract_slices
from tnsim.contract.slicing import fit
from tnsim.interop.einsum import from_einsum
from tnsim.interop.terms import ALLOWED
from tnsim.memory import MemoryLimitError
from tnsim.network import Stack, Table, build


def wanted(terms, arrays, opened):
    number = {index: place for place, index in enumerate(dict.fromkeys(index for term in terms for index in term))}
    labels = [[number[index] for index in term] for term in (*terms, opened)]
    parts = [part for pair in zip(arrays, labels, strict=False) for part in pair]
    return np.einsum(*parts, labels[-1], optimize="greedy")


def plain(scaled):
    return np.asarray(scaled.value) * np.exp(np.asarray(scaled.log_scale))


@given(hypergraphs(), st.data())
@settings(max_examples=10)
def test_any_hypergraph_is_its_einsum_and_any_slicing_too(case, data):
    terms, arrays, opened = case
    with jax.enable_x64(True):
        network, banks = from_einsum(terms, *arrays, output=opened, allow=ALLOWED)
        total = wanted(*case)
        close = {"rtol": 1e-9, "atol": 1e-9}
        np.testing.assert_allclose(contract_network(network, banks), total, **close)
        sliced = tuple(i for i in range(len(network.dims)) if data.draw(st.booleans()))
        slices = prod(int(network.dims[i]) for i in sliced)
        plan = replace(plan_path(network), sliced=sliced, slices=slices)
        np.testing.assert_allclose(plain(contract_network_scaled(network, banks, plan=plan)), total, **close)
        cut = data.draw(st.integers(0, slices))  # and two ranges past the end, which add nothing
        parts = [contract_slices(network, banks, plan, jnp.arange(*ends)) for ends in ((0, cut), (cut, slices + 1))]
        np.testing.assert_allclose(parts[0] + parts[1], total, **close)


def lattice(length, dim, seed=0):
    """A square grid of tensors with a bond to each neighbour."""
    rng, terms = np.random.default_rng(seed), []
    for i in range(length):
        for j in range(length):
            bonds = [((i, j), (i, j + 1)), ((i, j - 1), (i, j)), ((i, j), (i + 1, j)), ((i - 1, j), (i, j))]
            terms.append([b for b in bonds if all(0 <= x < length for end in b for x in end)])
    arrays = [(rng.normal(size=[dim] * len(term)) / dim ** (len(term) / 2)).astype(np.float32) for term in terms]
    return terms, arrays, []


def graph(count, dim, seed):
    """A random graph of degree 3."""
    rng = np.random.default_rng(seed)
    ends = rng.permutation(np.repeat(np.arange(count), 3)).tolist()
    terms = [[] for _ in range(count)]
    for bond, (one, other) in enumerate(zip(ends[::2], ends[1::2], strict=True)):
        terms[one].append(bond)
        terms[other].append(bond)
    arrays = [(rng.normal(size=(dim,) * 3) / dim**1.5).astype(np.float32) for _ in terms]
    return terms, arrays, []


def train(sites, width, batch, seed=0):
    """Matrices in a row, each with a vector a sample: ([terms, arrays, opened], path along the row)."""
    rng = np.random.default_rng(seed)
    terms = [["b", 0]] + [[i, ("x", i), i + 1] for i in range(sites)] + [["b", ("x", i)] for i in range(sites)]
    shapes = [(batch, width)] + [(width, 2, width)] * sites + [(batch, 2)] * sites
    arrays = [rng.normal(size=shape).astype(np.float32) / np.sqrt(width) for shape in shapes]
    return terms, arrays, ["b", sites]


def along(network, sites):
    """The path: each matrix with its vector, then one after the other onto the first."""
    views = list(network.tensors())
    start = next(k for k, view in enumerate(views) if len(view.legs) == 2 and view.shape[1] != 2)
    vectors = {view.legs[1]: k for k, view in enumerate(views) if len(view.legs) == 2 and k != start}
    names, path = list(range(len(views))), []

    def meet(*pair):
        path.append(tuple(sorted(names.index(name) for name in pair)))
        names[:] = [name for name in names if name not in pair] + [max(names) + 1 if names else 0]
        return names[-1]

    fresh = [(view.legs, meet(k, vectors[view.legs[1]])) for k, view in enumerate(views) if len(view.legs) == 3]
    at, bond = start, views[start].legs[1]
    for _ in range(sites):
        legs, name = next((legs, name) for legs, name in fresh if legs[0] == bond)
        at, bond = meet(at, name), legs[2]
    return path


def test_a_row_of_equal_products_is_one_scan():
    case = train(40, 6, 3)
    network, banks = from_einsum(*case[:1], *case[1], output=case[2])
    plan = plan_path(network, finder=along(network, 40))
    kinds = [type(operation) for operation in program(network, plan.path).operations]
    assert kinds.count(Chain) == 1
    assert kinds.count(Meet) <= 2
    matrices, vectors = np.array(case[1][1:41], float), np.array(case[1][41:], float)
    total = np.asarray(case[1][0], float)
    for matrix, vector in zip(matrices, vectors, strict=True):
        total = np.einsum("bk,bx,kxl->bl", total, vector, matrix)
    found = contract_network_scaled(network, banks, plan=plan)
    np.testing.assert_allclose(plain(found), total, rtol=1e-3, atol=1e-4 * np.abs(total).max())
    slope = jax.grad(lambda banks: contract_network(network, banks, plan=plan).sum())(banks)
    assert all(np.isfinite(part).all() for part in slope.values())


def test_a_row_of_large_products_makes_them_within_the_scan(monkeypatch):
    monkeypatch.setattr("tnsim.contract.chains.CACHED", 10)
    case = train(12, 3, 2, seed=1)
    network, banks = from_einsum(*case[:1], *case[1], output=case[2])
    plan = plan_path(network, finder=along(network, 12))
    found = program(network, plan.path)
    assert any(isinstance(step, Chain) and step.links[0].inner is not None for step in found.operations)
    loose = program(network, plan.path, small=0)
    assert not any(isinstance(step, Chain) for step in loose.operations)
    total = np.asarray(case[1][0], float)
    for matrix, vector in zip(case[1][1:13], case[1][13:], strict=True):
        total = np.einsum("bk,bx,kxl->bl", total, vector.astype(float), matrix)
    np.testing.assert_allclose(plain(contract_network_scaled(network, banks, plan=plan)), total, rtol=1e-4, atol=1e-6)
    assert chained({}, [], []) == {}


def tree(leaves, width=2):
    """A binary tree of matrices, each pair of positions pooled, a vector on every leaf."""
    terms = [[("x", i)] for i in range(leaves)]
    below, level = [("x", i) for i in range(leaves)], 0
    while len(below) > 1:
        terms += [[(level, i // 2), index] for i, index in enumerate(below)]
        below, level = [(level, i) for i in range(len(below) // 2)], level + 1
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=[width] * len(term)).astype(np.float32) for term in terms]
    return terms, arrays, [below[0]]


def test_a_tree_of_1024_leaves_traces_as_many_equations_as_it_has_classes():
    sizes = {}
    for leaves in (64, 1024):
        case = tree(leaves)
        network, banks = from_einsum(*case[:1], *case[1], output=case[2])
        plan = plan_path(network)
        found = program(network, plan.path)
        classes = sum(isinstance(step, Meet) for step in found.operations)
        assert classes <= 2 * leaves.bit_length()
        traced = jax.make_jaxpr(partial(contract_slices.__wrapped__, network, plan=plan, numbers=jnp.arange(1)))
        sizes[leaves] = len(traced(banks).eqns)
        assert sizes[leaves] <= 20 * classes
    assert sizes[1024] <= 2 * sizes[64]


def test_equal_subtrees_with_equal_data_are_computed_once():
    matrix, vector = np.ones((2, 2), np.float32), np.array([1, 2], np.float32)
    case = tree(16)
    arrays = [matrix if array.ndim == 2 else vector for array in case[1]]
    network, banks = from_einsum(case[0], *arrays, output=case[2])
    found = program(network, plan_path(network).path)
    assert max(len(rows) for rows in found.uses) == 1
    np.testing.assert_allclose(contract_network(network, banks), wanted(case[0], arrays, case[2]), rtol=1e-5)


def test_norms_beyond_float_range_have_a_scale():
    case = tree(256)
    arrays = [array * np.float32(30) for array in case[1]]
    network, banks = from_einsum(case[0], *arrays, output=case[2])
    ours = contract_network_scaled(network, banks)
    with jax.enable_x64(True):
        small, _ = from_einsum(case[0], *case[1], output=case[2])
        exact = contract_network_scaled(small, {name: np.asarray(bank, float) / 30 for name, bank in banks.items()})
    log = len(arrays) * np.log(30)
    assert log > 1000
    np.testing.assert_allclose(ours.log_scale - log, exact.log_scale, atol=1e-2)
    assert np.isfinite(ours.value).all()


@pytest.mark.parametrize("case", [lattice(5, 3), graph(24, 3, 1), graph(40, 2, 2), lattice(4, 6), train(30, 16, 8)])
@pytest.mark.skipif(jax.default_backend() != "cpu", reason="GPU libraries hold workspaces of their own")
def test_the_estimate_is_within_half_as_much_again_of_what_xla_takes(case):
    network, banks = from_einsum(*case[:1], *case[1], output=case[2])
    banks = {name: jnp.asarray(bank) for name, bank in banks.items()}
    plan = plan_path(network, finder=along(network, 30)) if len(case[2]) else plan_path(network)
    assert plan.peak == peak(network, program(network, plan.path), False)
    order = tuple(range(len(case[2])))
    found = _contract.lower(network, plan, order, How(), banks).compile().memory_analysis()
    measured = found.temp_size_in_bytes + found.argument_size_in_bytes + found.output_size_in_bytes
    assert 1 / 1.5 <= plan.peak_bytes / measured <= 1.5


def test_a_limit_is_kept_by_slicing_and_refused_below_the_least():
    case = lattice(5, 4)
    network, banks = from_einsum(*case[:1], *case[1], output=case[2])
    free = plan_path(network)
    assert free.slices == 1
    plan = plan_path(network, memory=free.peak_bytes * 3 // 4)
    assert plan.slices > 1
    assert plan.peak_bytes <= free.peak_bytes * 3 // 4
    assert plan.multiply_adds >= free.multiply_adds
    assert f"{plan.slices} slices" in str(plan)
    np.testing.assert_allclose(
        contract_network(network, banks, memory=free.peak_bytes * 3 // 4), contract_network(network, banks), rtol=1e-3
    )
    compiled = contract_slices.lower(network, banks, plan, jnp.arange(plan.slices)).compile().memory_analysis()
    measured = compiled.temp_size_in_bytes + compiled.argument_size_in_bytes + compiled.output_size_in_bytes
    assert 1 / 1.5 <= plan.peak_bytes / measured <= 1.5
    least = sum(array.nbytes for array in case[1])
    with pytest.raises(MemoryLimitError, match=r"needs about .* above the limit of"):
        plan_path(network, memory=least)
    with pytest.raises(MemoryLimitError, match="as planned"):
        contract_network(network, banks, plan=free, memory=least)


def test_intermediates_beyond_float_range_are_weighed():
    """Three hundred pairs of vectors, all left ones multiplied out first: 16^300 numbers, where 2^20 slices end it."""
    pairs = 300
    legs = Table([[index] for index in (*range(pairs), *range(pairs))])
    network = build([("inner", pairs, 16)], [Stack("v", 1, (16,), Table([0] * 2 * pairs), legs)], [], ())
    path = [(0, 1), *((0, last) for last in range(2 * pairs - 2, 0, -1))]
    found = fit(network, tuple(path), 10.0**6)
    assert not found.fits
    assert len(found.indices) > 0


@given(hypergraphs(), st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_clusters_of_any_groups_are_paths(case, seed):
    terms, arrays, opened = case
    rng = np.random.default_rng(seed)
    order, cuts = rng.permutation(len(terms)), np.sort(rng.integers(0, len(terms) + 1, 2))
    groups = Grouped(tuple(tuple(part.tolist()) for part in np.split(order, cuts) if len(part)))
    with jax.enable_x64(True):
        network, banks = from_einsum(terms, *arrays, output=opened, allow=ALLOWED)
        for finder in ("clusters", groups):
            plan = plan_path(network, finder=finder)
            found = contract_network(network, banks, plan=plan)
            np.testing.assert_allclose(found, wanted(*case), rtol=1e-9, atol=1e-9)
    with pytest.raises(ValueError, match=r"finder: wanted each of .* tensors in one group"):
        find(network, Grouped(groups.groups[1:]))


def test_clusters_of_a_lattice_are_close_to_its_width():
    terms, arrays, _ = lattice(5, 4)
    network, _ = from_einsum(terms, *arrays, output=[])
    assert plan_path(network, 2**62, finder="clusters").largest <= 4**7  # row by row it is 4^6


def test_an_index_of_samples_on_every_vector_leaves_a_chain_cheap():
    N, r, samples, rng = 40, 8, 32, np.random.default_rng(0)
    cores = [rng.normal(size=(r, 2, r)) / r**0.5 for _ in range(N)]
    vectors = [rng.normal(size=(samples, 2)) for _ in range(N)]
    bond, site, batch = range(N + 1), range(N + 1, 2 * N + 1), 2 * N + 1
    terms = [(bond[n], site[n], bond[n + 1]) for n in range(N)] + [(batch, site[n]) for n in range(N)]
    network, banks = from_einsum(terms, *cores, *vectors, output=(batch, bond[0], bond[N]))
    plan = plan_path(network)
    assert plan.multiply_adds <= 2 * N * samples * (2 * r * r + r**3)
    found = contract_network(network, banks, plan=plan)
    rows = np.eye(r)[None].repeat(samples, 0)
    for core, vector in zip(cores, vectors, strict=True):
        rows = rows @ np.einsum("adb,nd->nab", core, vector)
    np.testing.assert_allclose(found, rows, rtol=1e-3, atol=1e-3 * np.abs(rows).max())


@pytest.mark.parametrize("finder", ["greedy", "clusters", "cotengra", "cotengra-hyper"])
def test_equal_seeds_give_equal_paths_in_any_process(finder):
    if finder.startswith("cotengra"):
        pytest.importorskip("cotengra")
    terms = graph(16, 2, 3)[0]
    code = (
        "import numpy as np\nfrom tnsim.interop.einsum import from_einsum\nfrom tnsim.contract.finders import find\n"
        f"network, _ = from_einsum({terms!r}, *[np.ones((2,) * 3)] * 16)\n"
        f"print(find(network, {finder!r}, seed=7, trials=8))"
    )
    network, _ = from_einsum(terms, *[np.ones((2,) * 3)] * 16)
    here = find(network, finder, seed=7, trials=8)
    there = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": "12", "JAX_PLATFORMS": "cpu"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert there.stdout.strip() == str(here), there.stderr


def test_plans_are_saved_and_loaded_for_their_own_network(tmp_path):
    case = lattice(3, 3)
    network, banks = from_einsum(*case[:1], *case[1], output=case[2])
    plan = plan_path(network, memory=plan_path(network).peak_bytes - 1)
    loaded = load_plan(plan.save(tmp_path / "plan.json"), network)
    assert loaded == plan
    assert hash(loaded) == hash(plan)
    assert loaded.moved_bytes == plan.moved_bytes > 0
    np.testing.assert_allclose(contract_network(network, banks, plan=loaded), wanted(*case), rtol=1e-3)
    other, _ = from_einsum("ab,ba->", np.eye(2), np.ones((2, 2)))
    with pytest.raises(ValueError, match=r"plan: wanted one made for this network"):
        load_plan(tmp_path / "plan.json", other)
    (tmp_path / "none.json").write_text("[]")
    with pytest.raises(ValueError, match=r"path: wanted a file of form 'tnsim plan 1'"):
        load_plan(tmp_path / "none.json", network)
    (tmp_path / "old.json").write_text('{"form": "tnsim plan 0"}')
    with pytest.raises(ValueError, match=r"found 'tnsim plan 0'"):
        load_plan(tmp_path / "old.json", network)
    (tmp_path / "part.json").write_text('{"form": "tnsim plan 1", "path": [], "sliced": []}')
    with pytest.raises(ValueError, match=r"wanted the fields of a plan"):
        load_plan(tmp_path / "part.json", network)


def test_what_is_wrong_with_a_path_a_finder_or_a_precision_is_said(monkeypatch):
    network, banks = from_einsum("ab,bc,ca->", np.eye(2), np.ones((2, 2)), np.eye(2))
    with pytest.raises(ValueError, match=r"finder: wanted one of .* or a path, found 'best'"):
        find(network, "best")
    with pytest.raises(ValueError, match=r"path: wanted different places in 0..2, found \(0, 3\)"):
        plan_path(network, finder=[(0, 3)])
    with pytest.raises(ValueError, match=r"path: wanted one tensor at its end, found 2 left"):
        plan_path(network, finder=[(0, 1)])
    with pytest.raises(ValueError, match=r"precision: wanted one of .* found 'best'"):
        contract_network(network, banks, precision="best")
    large, _ = from_einsum([[i, i + 1] for i in range(20)], *[np.eye(2)] * 20)
    with pytest.raises(ValueError, match=r"finder: wanted at most 16 tensors for 'optimal', found 20"):
        find(large, "optimal")
    monkeypatch.setattr("tnsim.contract.finders.cotengra", None)
    with pytest.raises(ImportError, match=r"tnsim\[paths\]"):
        find(large, "cotengra", seed=99)
    for finder in ("optimal", [(0, 1, 2)], [(1, 2), (0, 1)]):
        plan = plan_path(network, finder=finder)
        np.testing.assert_allclose(contract_network(network, banks, plan=plan, precision="highest"), 2.0)
