"""The measure "data": one door for its spectra and entropies, exact on the images."""

import numpy as np
import oracle
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import FEW, cases

import tnsim
from tnsim.entanglement.data_state import DataState
from tnsim.entanglement.dataset import data_spectrum

ARCH = tnsim.ConvAC(sites=8, features=2, channels=(3, 3, 3), windows=(2, 2, 2), classes=2)
PARAMS = strategies.named([strategies.normal(np.random.default_rng(1), shape) for shape in strategies.shapes(ARCH)])
FEATURES = np.random.default_rng(0).normal(size=(12, 8, 2))


@settings(max_examples=25)
@given(cases(archs=FEW), st.sampled_from([0.5, 1, 2, 3, np.inf]), st.sampled_from([np.e, 2]))
def test_entropies_are_those_of_the_function_on_all_pairs(case, order, base):
    features = strategies.normal(np.random.default_rng(case.arch.size), (7, case.arch.size, case.arch.features))
    *banks, output = case.wide
    matrix = oracle.mixed_scores(strategies.wiring(case.arch), banks, output, case.label, features, case.mask)
    values = np.linalg.svd(matrix, compute_uv=False)
    p = (values / np.linalg.norm(values)) ** 2
    wanted = oracle.renyi(p[p > 1e-26], order) / np.log(base)
    state = DataState(case.arch, case.state.banks, case.label, features)
    found = state.renyi(case.mask, order, base)
    assert found.value == pytest.approx(wanted, abs=1e-9 if order >= 1 else 1e-5)
    assert found.lower <= found.value <= found.upper
    assert found.seconds > 0
    assert found.note.startswith("exact on these 7 images")


def test_the_door_opens_it_and_images_may_come_in_chunks():
    whole = ARCH.state(PARAMS, 1, "data", images=FEATURES)
    chunks = ARCH.state(PARAMS, 1, "data", images=lambda: iter([FEATURES[:5], FEATURES[5:]]))
    wide = ARCH.state(PARAMS, 1)
    plain = data_spectrum(wide.network, wide.banks, wide.vector, FEATURES, wide.mask("left-right"))
    for _ in range(2):  # chunks are made anew
        for state in (whole, chunks):
            np.testing.assert_allclose(state.schmidt("left-right").values, plain.spectrum.values, atol=1e-12)
            assert state.measured("left-right").method == plain.method
    S = whole.entropy("interleaved")
    assert float(S) == pytest.approx(whole.schmidt("interleaved").entropy())
    assert "mixed images" in S.method


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r"images: measure 'data' wants the features of images, \(n, sites, M\)"):
        ARCH.state(PARAMS, 0, "data")
    with pytest.raises(ValueError, match="images: measure 'function' wants none, found some"):
        ARCH.state(PARAMS, 0, "function", images=FEATURES)
    with pytest.raises(ValueError, match="gram: measure 'data' wants none, found one"):
        ARCH.state(PARAMS, 0, "data", np.eye(2), FEATURES)
    with pytest.raises(ValueError, match=r"label: wanted an integer in 0\.\.1, found 2"):
        ARCH.state(PARAMS, 2, "data", images=FEATURES)
    with pytest.raises(ValueError, match=r"features: wanted shape \(batch, 8, 2\), found \(12, 7, 2\)"):
        ARCH.state(PARAMS, 0, "data", images=lambda: iter([FEATURES[:, :7]])).entropy("left-right")
    with pytest.raises(ValueError, match="atol: wanted 1e-30 nats, found a rounding error"):
        ARCH.state(PARAMS, 0, "data", images=FEATURES).entropy("left-right", atol=1e-30)
