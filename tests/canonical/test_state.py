"""Trees of dense cores: what they are made of and from, and which input is refused."""

import jax
import numpy as np
import oracle
import pytest
import strategies
from architectures.networks import POOL, Case
from canonical import drawn
from hypothesis import given, settings
from hypothesis import strategies as st

import tnsim
from tnsim.canonical import (
    amplitudes,
    binary_wiring,
    chain,
    chain_cores,
    chain_wiring,
    dense,
    entropy,
    from_dense,
    from_ring,
    log_norm,
    network_of,
    of_cores,
    random_state,
    set_spectrum,
    tree_of,
    tree_state,
    wiring,
)  # fmt: skip
from tnsim.compression import dense_cores
from tnsim.network import Stack, Table, build

FEW = settings(max_examples=20)


def whole(state):
    """The definition, of a state that may leave float range: over its own scale."""
    peaks = [np.abs(core).max() for core in state.cores]
    value = oracle.contracted([core / peak for core, peak in zip(state.cores, peaks, strict=True)], state.wiring.legs)
    return value, float(state.log_scale + np.log(peaks).sum())


@FEW
@given(drawn.SEEDS)
def test_dense_is_the_definition(seed):
    state = drawn.state(seed, scaled=False)
    assert np.allclose(dense(state), oracle.contracted(state.cores, state.wiring.legs), atol=1e-12)


@FEW
@given(st.integers(1, 6), st.integers(0, 10**6))
def test_a_chain_gives_its_cores_back(sites, seed):
    rng = np.random.default_rng(seed)
    bonds = [1, *rng.integers(1, 4, sites - 1), 1]
    cores = [rng.normal(size=(bonds[i], 2, bonds[i + 1])) for i in range(sites)]
    state = chain(cores)
    for core, again in zip(cores, chain_cores(state), strict=True):
        assert np.array_equal(core, again)
    assert np.allclose(dense(from_dense(dense(state))), dense(state), atol=1e-12)


@FEW
@given(drawn.SEEDS)
def test_a_network_and_back_is_the_same_state(seed):
    state = drawn.state(seed, scaled=False)
    network, banks = network_of(state)
    again = tree_of(network, banks)
    assert np.allclose(dense(again), dense(state), atol=1e-12)
    assert again.wiring.is_chain or not state.wiring.is_chain


@FEW
@given(strategies.cases(scaled=False))
def test_a_convac_is_a_tree_of_dense_cores(case):
    state = tree_of(case.arch.network, case.params, case.label)
    wanted = case.dense
    scale = max(np.abs(wanted).max(), 1e-300)
    assert np.allclose(dense(state) / scale, wanted / scale, atol=1e-9 if case.weights[0].dtype.itemsize > 8 else 1e-5)
    assert len(state.cores) < max(2, case.arch.size)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("name", [name for name in POOL if name.startswith(("mps", "ttn", "rac", "cp", "tucker"))])
def test_trees_of_all_architectures_have_their_amplitudes(name, dtype):
    """By class, and of all classes as one state with a leg more; a ring is no tree."""
    case = Case(name, dtype, seed=len(name))
    if "ring" in name:
        with pytest.raises(ValueError, match="network: wanted one without loops"):
            tree_of(case.arch.network, case.params)
        return
    wanted = [case.dense(label) for label in case.classes]
    for label, tensor in zip(case.classes, wanted, strict=True):
        state = tree_of(case.arch.network, case.params, label)
        assert np.allclose(dense(state), tensor, rtol=1e-10, atol=1e-10 * np.abs(tensor).max())
        x = np.stack([np.arange(state.sites) % 2, np.zeros(state.sites, int), np.full(state.sites, 1)])
        value, log_scale = amplitudes(state, x)
        peak = np.abs(tensor).max()
        assert np.allclose(value * np.exp(log_scale) / peak, tensor[tuple(x.T)] / peak, atol=1e-10)
    if case.classes != [None]:
        together = dense(tree_of(case.arch.network, case.params))
        assert np.allclose(together, np.stack(wanted, axis=-1), atol=1e-10 * np.abs(wanted).max())


@settings(max_examples=5)  # each compiles the fold that it is compared with
@given(strategies.cases(("float64", "complex128")))
def test_entropies_are_those_of_the_network_whatever_its_scale(case):
    state = tree_of(case.arch.network, case.params, case.label)
    A = np.flatnonzero(case.mask)
    assert entropy(state, A) == pytest.approx(case.state.schmidt(case.mask).entropy(), abs=1e-9)
    assert set_spectrum(state, A).log_norm == pytest.approx(case.state.schmidt(case.mask).log_norm, abs=1e-8)


def test_all_classes_are_one_state_with_the_class_leg_last():
    arch = tnsim.ConvAC(sites=4, features=2, channels=(3, 2), classes=3, windows=(2, 2))
    params = {name: np.asarray(bank, float) for name, bank in arch.init(jax.random.key(0)).items()}
    together = dense(tree_of(arch.network, params))
    assert together.shape == (2, 2, 2, 2, 3)
    for label in range(3):
        assert np.allclose(together[..., label], dense(tree_of(arch.network, params, label)))


@pytest.mark.parametrize("sites", [8, (2, 4)])
@pytest.mark.parametrize("label", [None, 1])
def test_the_cores_of_compression_are_the_same_state(sites, label):
    windows = (2, 4) if sites == 8 else (2, (1, 2))
    arch = tnsim.ConvAC(sites=sites, features=3, channels=(4, 3), classes=2, windows=windows)
    params = {name: np.asarray(bank, float) for name, bank in arch.init(jax.random.key(1)).items()}
    one, other = tree_of(arch.network, params, label), of_cores(dense_cores(arch, params), label)
    assert np.allclose(dense(one), dense(other), atol=1e-12)


def test_a_ring_is_a_chain_of_squared_bonds():
    rng = np.random.default_rng(0)
    cores = [rng.normal(size=shape) for shape in ((2, 3, 4), (4, 2, 3), (3, 2, 2))]
    wanted = np.einsum("cam,mbn,ndc->abd", *cores)
    assert np.allclose(dense(from_ring(cores)), wanted)


@pytest.mark.parametrize("sites", range(2, 11))
def test_a_balanced_tree_of_any_number_of_sites(sites):
    tree = binary_wiring(sites)
    state = random_state(tree, (2,) * sites, 4, np.random.default_rng(0))
    assert dense(state).shape == (2,) * sites
    assert max(state.bond_dims, default=1) <= 4


def test_parts_that_nothing_joins_become_one_tree():
    network = build([("site", 3, 2)], [_stack("vectors", 3, (2,), [[0], [1], [2]])], [0, 1, 2], ())
    banks = {"vectors": np.random.default_rng(0).normal(size=(3, 2))}
    assert np.allclose(dense(tree_of(network, banks)), np.einsum("a,b,c->abc", *banks["vectors"]))


def _stack(bank, copies, shape, legs):
    return Stack(bank, copies, shape, Table(np.arange(copies)), Table(legs))


def test_loops_are_refused_with_what_else_there_is():
    legs = [[0, 3, 4], [1, 4, 5], [2, 5, 3]]
    network = build([("site", 3, 2), ("bond", 3, 2)], [_stack("ring", 3, (2, 2, 2), legs)], [0, 1, 2], ())
    with pytest.raises(ValueError, match=r"without loops, found a loop through bank 'ring'.*contract_network"):
        tree_of(network, {"ring": np.ones((3, 2, 2, 2))})
    with pytest.raises(ValueError, match="a ring is a loop, and no bond of a loop separates the state"):
        chain([np.ones((2, 2, 2))] * 3)
    with pytest.raises(ValueError, match="wanted a tree, found 3 bonds among 3 cores"):
        wiring([(0, 1, ~0), (1, 2, ~1), (2, 0, ~2)])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: chain([]), "cores: wanted at least one"),
        (lambda: chain([np.ones((1, 2, 3)), np.ones((2, 2, 1))]), "axis 0: wanted 3, the dimension of bond 0, found 2"),
        (lambda: chain([np.ones((2, 2, 2)), np.ones((2, 2, 1))]), "open ends of dimension 1, found 2 and 1"),
        (lambda: chain([np.ones((1, 2, 2)), np.full((2, 2, 1), np.nan)]), "core 1: wanted finite numbers"),
        (lambda: tree_state([np.ones((2, 2))], chain_wiring(1)), "core 0: wanted 1 axes"),
        (lambda: tree_state([], chain_wiring(1)), "cores: wanted 1, one for each"),
        (lambda: wiring([(0, ~0), (0, ~2)]), r"every site 0, 1, .. once, found \[0, 2\]"),
        (lambda: wiring([(0, ~0), (1, ~1)]), r"every bond 0, 1, .. twice, found \[0, 1\]"),
        (lambda: wiring([(0, ~0), (0, ~1), (1, ~2), (1, ~3)]), "one connected tree"),
        (lambda: wiring([(0, ~0), (0, ~1), (1, 1, ~2)]), "wanted a tree"),
        (lambda: random_state(chain_wiring(3), (2, 2), 2, np.random.default_rng(0)), "dims: wanted 3"),
        (lambda: random_state(chain_wiring(2), (2, 2), 0, np.random.default_rng(0)), "width: wanted at least 1"),
        (lambda: binary_wiring(1), "sites: wanted at least 2"),
        (lambda: from_ring([np.ones((2, 2, 3))] * 2), "wanted a ring"),
        (lambda: log_norm(chain([np.zeros((1, 2, 1))] * 3)), "state: it is zero"),
        (lambda: chain_cores(random_state(binary_wiring(4), (2,) * 4, 2, np.random.default_rng(0))), "wanted a chain"),
        (lambda: dense(random_state(chain_wiring(60), (2,) * 60, 2, np.random.default_rng(0))), "all amplitudes needs"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(make, words):
    with pytest.raises((ValueError, MemoryError), match=words):
        make()


def test_a_label_is_checked():
    arch = tnsim.ConvAC(sites=4, features=2, channels=(3, 2), classes=3, windows=(2, 2))
    params = {name: np.asarray(bank) for name, bank in arch.init(jax.random.key(0)).items()}
    for door in (lambda y: tree_of(arch.network, params, y), lambda y: of_cores(dense_cores(arch, params), y)):
        with pytest.raises(ValueError, match=r"label: wanted one of 0..2, found 3"):
            door(3)
