"""Schmidt values under the data: psi on all pairs of images, with the tree's help or without. THEORY 2 and 7."""

from fractions import Fraction

import numpy as np
import oracle
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import POOL, cases

import tnsim
from tnsim.contract.schedule import whole
from tnsim.entanglement import dataset
from tnsim.memory import MemoryLimitError


def below(network):
    """The sites below every position of every wave."""
    waves, sites = whole(network).waves, [[site] for site in range(len(network.sites))]
    found = []
    for wave in waves:
        found.append(sites)
        sites = [[site for child in window for site in sites[child]] for window in wave.children.array.tolist()]
    return found


def respected(draw, arch):
    """The union of some of the subtrees that one window joins, or what is left of the sites."""
    sites = below(arch.network)
    levels = [l for l, wave in enumerate(whole(arch.network).waves) if wave.children.array.shape[1] * wave.nodes > 1]
    level = draw(st.sampled_from(levels))
    window = draw(st.sampled_from(whole(arch.network).waves[level].children.array.tolist()))
    chosen = draw(st.sets(st.sampled_from(window), min_size=1))
    mask = np.zeros(arch.size, bool)
    mask[[site for child in chosen for site in sites[level][child]]] = True
    if mask.all():
        mask[sites[level][window[0]]] = False
    return mask if draw(st.booleans()) else ~mask


def images(case, n=6, seed=0):
    """Features whose sites depend on each other: the second image repeats half of the first, the last is the first."""
    rng = np.random.default_rng(seed)
    found = strategies.normal(rng, (n, case.arch.size, case.arch.features), case.wide[0].dtype)
    found[1, : case.arch.size // 2] = found[0, : case.arch.size // 2]
    found[-1] = found[0]
    return found


def measured(case, features, mask):
    state = case.state
    return dataset.data_spectrum(state.network, state.banks, state.vector, features, mask)


def wanted(case, features, mask):
    *banks, output = case.wide
    return oracle.mixed_scores(strategies.wiring(case.arch), banks, output, case.label, features, mask)


def assert_spectrum(case, found, matrix):
    values, n = np.linalg.svd(matrix, compute_uv=False), len(matrix)
    norm = np.linalg.norm(values)
    assert found.log_norm == pytest.approx(np.log(norm / n) + case.log_scale, abs=1e-9)
    length = max(len(values), len(found.values))
    padded = [np.pad(s, (0, length - len(s))) for s in (values / norm, found.values)]
    assert np.abs(padded[0] - padded[1]).max() <= min(1e-9, found.error_bound + 1e-13)


@settings(max_examples=50)
@given(cases())
def test_values_are_those_of_the_function_on_all_pairs_of_images(case):
    features = images(case)
    assert_spectrum(case, measured(case, features, case.mask).spectrum, wanted(case, features, case.mask))


@settings(max_examples=60)
@given(st.data(), cases())
def test_a_cut_of_the_tree_needs_no_pairs(data, case):
    mask, features = respected(data.draw, case.arch), images(case)
    found = measured(case, features, mask)
    assert "one window of the tree" in found.method
    assert_spectrum(case, found.spectrum, wanted(case, features, mask))


@settings(max_examples=40)
@given(st.data(), cases())
def test_both_routes_are_one_number(data, case):
    mask, features = respected(data.draw, case.arch), images(case, 20)
    state = case.state
    by_tree = measured(case, features, mask).spectrum
    by_pairs = dataset._mixed(state.network, state.banks, state.vector, features, mask, None).spectrum
    k = len(by_tree.values)
    assert np.abs(by_tree.values - by_pairs.values[:k]).max() <= by_tree.error_bound + by_pairs.error_bound
    assert by_pairs.values[k:] == pytest.approx(0, abs=by_pairs.error_bound)
    assert by_tree.log_norm == pytest.approx(by_pairs.log_norm, abs=1e-9)


@settings(max_examples=100)
@given(st.data(), st.sampled_from(POOL))
def test_tree_cuts_are_found_where_they_are(data, arch):
    mask = respected(data.draw, arch)
    cut = dataset.tree_cut(arch.network, mask)
    sites = below(arch.network)[cut.wave]
    inside = np.isin(np.arange(arch.size), [site for child in cut.inside for site in sites[child]])
    assert (inside == mask).all() or (inside == ~mask).all()
    assert set(cut.inside) <= set(whole(arch.network).waves[cut.wave].children.array[cut.node].tolist())


SMALL = tnsim.ConvAC(sites=8, features=2, channels=(3, 2, 2), windows=(2, 2, 2), classes=2)


def drawn(arch=SMALL, n=9, seed=3):
    """A state, and the features of n images."""
    rng = np.random.default_rng(seed)
    params = strategies.named([strategies.normal(rng, shape) for shape in strategies.shapes(arch)])
    return arch.state(params, 1), rng.normal(size=(n, arch.size, arch.features))


def test_no_edge_separates_interleaved_sites():
    assert dataset.tree_cut(SMALL.network, np.arange(8) % 2 == 0) is None
    assert dataset.tree_cut(SMALL.network, np.arange(8) < 3) is None
    assert dataset.tree_cut(SMALL.network, np.arange(8) < 4) == dataset.Cut(1, 0, (0, 1))
    assert dataset.tree_cut(SMALL.network, np.arange(8) != 5) == dataset.Cut(0, 2, (5,))


@pytest.mark.parametrize("A", ["left-right", "interleaved"])
def test_features_come_in_any_chunks_once(A, monkeypatch):
    state, features = drawn()
    arguments = state.network, state.banks, state.vector
    whole_batch = dataset.data_spectrum(*arguments, features, state.mask(A)).spectrum
    chunks = iter([features[:2], features[2:3], features[3:]])
    chunked = dataset.data_spectrum(*arguments, chunks, state.mask(A)).spectrum
    monkeypatch.setattr(dataset, "STREAMED", 64)  # four images at a time
    monkeypatch.setattr(dataset, "AT_ONCE", 54)  # two rows of the matrix at a time
    streamed = dataset.data_spectrum(*arguments, features, state.mask(A)).spectrum
    for found in (chunked, streamed):
        np.testing.assert_allclose(found.values, whole_batch.values, atol=1e-13)
        assert found.log_norm == pytest.approx(whole_batch.log_norm, abs=1e-12)


@pytest.mark.parametrize("A", ["left-right", "interleaved"])
def test_scales_that_differ_from_image_to_image_leave_no_float_range(A):
    """A thousand orders of magnitude between images: the largest carries the norm, exact zeros carry nothing."""
    arch = tnsim.ConvAC(sites=64, features=2, channels=(3,) * 6, windows=(2,) * 6, classes=2)
    state, features = drawn(arch, 5)
    arguments = state.network, state.banks, state.vector
    factors = np.array([1e-8, 1, 1e8, 1, 0])
    scaled = dataset.data_spectrum(*arguments, features * factors[:, None, None], state.mask(A)).spectrum
    largest = dataset.data_spectrum(*arguments, features[2:3], state.mask(A)).spectrum
    assert scaled.values[0] == pytest.approx(1, abs=1e-12)
    assert scaled.log_norm == pytest.approx(largest.log_norm + 64 * np.log(1e8) - np.log(5), rel=1e-12)


def test_one_image_is_a_product_state():
    state, features = drawn(n=1)
    for A in ("left-right", "interleaved"):
        found = dataset.data_spectrum(state.network, state.banks, state.vector, features, state.mask(A)).spectrum
        assert found.entropy() == 0


def test_independent_sites_are_the_function_measure():
    """Images that hold every configuration of two values once: the data are a product, and so are both measures."""
    state, _ = drawn()
    values = np.array([[1, 0.3], [0.5, -1]])
    features = values[np.array([[i >> s & 1 for s in range(8)] for i in range(256)])]
    measured = SMALL.state(state.banks, 1, "function", values.T @ values / 2)
    for A in ("left-right", [0, 3, 5]):
        found = dataset.data_spectrum(state.network, state.banks, state.vector, features, state.mask(A)).spectrum
        product = measured.schmidt(A)
        assert found.entropy() == pytest.approx(product.entropy(), abs=1e-9)
        assert found.log_norm == pytest.approx(product.log_norm, abs=1e-9)


@pytest.mark.parametrize(("A", "most"), [("left-right", 1e3), ("interleaved", 1e-4)])
def test_the_bound_holds_where_channels_nearly_cancel(A, most):
    """Channels that differ by 1e-8 are subtracted at every level: against fractions, the bound knows what is left."""
    arch = tnsim.ConvAC(4, 2, (2, 2), (2, 2), 1)
    twin, difference = np.array([[1.0, 0.3], [1.0, 0.3 + 1e-8]]), np.array([[1.0, -1.0], [1.0, -1 + 1e-8]])
    banks, output = [np.stack([twin] * 4), np.stack([difference] * 2)], np.array([[1.0, -0.5]])
    features = np.random.default_rng(0).random((7, 4, 2))
    state = arch.state(strategies.named([*banks, output]), 0)
    found = dataset.data_spectrum(state.network, state.banks, state.vector, features, state.mask(A)).spectrum
    exact = np.vectorize(Fraction, otypes=[object])
    arguments = [exact(bank) for bank in banks], exact(output), 0, exact(features), state.mask(A)
    matrix = oracle.mixed_scores(strategies.wiring(arch), *arguments).astype(float)
    values = np.linalg.svd(matrix, compute_uv=False)[: len(found.values)] / np.linalg.norm(matrix)
    assert 1e-11 < np.abs(found.values - values).max() <= found.error_bound < most


@pytest.mark.parametrize(
    ("features", "words"),
    [
        (np.zeros((3, 8, 3)), r"features: wanted shape \(batch, 8, 2\), found \(3, 8, 3\)"),
        (np.zeros((0, 8, 2)), "features: wanted at least one image, found none"),
        (np.zeros((3, 8, 2), np.int32), "features: wanted floating or complex numbers, found int32"),
        (np.zeros((3, 8, 2)), "state: the function is exactly zero on these images"),
        (np.full((3, 8, 2), np.nan), "features: wanted finite numbers, found NaN or infinity"),
    ],
)
@pytest.mark.parametrize("A", ["left-right", "interleaved"])
def test_features_that_do_not_fit(A, features, words):
    state, _ = drawn()
    with pytest.raises(ValueError, match=words):
        dataset.data_spectrum(state.network, state.banks, state.vector, features, state.mask(A))


def test_too_many_images_are_refused_as_soon_as_they_are_seen():
    state, _ = drawn()
    seen = []

    def chunks():
        for number in range(100):
            seen.append(number)
            yield np.ones((1000, 8, 2))

    words = r"data: the matrix of 7000 \(or more\) x as many images needs about .*GB, above the limit of 1 GB\. .*fewer"
    with pytest.raises(MemoryLimitError, match=words):
        dataset.data_spectrum(state.network, state.banks, state.vector, chunks(), state.mask("interleaved"), "1GB")
    assert len(seen) == 7


def test_the_note_names_the_images():
    state, features = drawn()
    for A, method in [("left-right", "images through one window of the tree, 2 channels"),
                      ("interleaved", "all 9 x 9 mixed images")]:  # fmt: skip
        found = dataset.data_spectrum(state.network, state.banks, state.vector, features, state.mask(A))
        assert found.method == method
        assert found.note == (
            "exact on these 9 images, sites of a side dependent as in them; the population's value differs"
        )
