"""The demo: a network that reaches 97 %, three whole files, and the same figures for the same seed."""

import json
import re

import pytest

import tnsim
from tnsim import demo
from tnsim.report.survey import DEMO_PARTITIONS

EXACT = {"left-right", "top-bottom", "quadrant", "chess:4"}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return demo.tell(str(tmp_path_factory.mktemp("demo") / "out"), seed=0, progress=False, say=lambda text: None)


@pytest.mark.slow
def test_the_demo_measures_a_network_that_classifies(told):
    assert told.accuracy >= 0.97
    assert min(told.measurements["architecture"]["channels"]) >= 16
    exact = {p["name"] for p in told.measurements["partitions"] if p["exact"]}
    assert exact == EXACT
    assert [p["name"] for p in told.measurements["partitions"]] == list(DEMO_PARTITIONS)
    assert len(told.measurements["measurements"]) == 10 * len(DEMO_PARTITIONS)


@pytest.mark.slow
def test_entropies_keep_to_the_bounds(told):
    ceiling = {p["name"]: p["min_cut"]["log"] for p in told.measurements["partitions"]}
    for row in told.measurements["measurements"]:
        for figures in (row, row["untrained"]):
            assert 0 <= figures["renyi2"] <= ceiling[row["partition"]]
            if row["partition"] in EXACT:
                assert figures["renyi2"] <= figures["entropy"] + 1e-12 <= ceiling[row["partition"]] + 1e-9


@pytest.mark.slow
def test_three_whole_files(told):
    assert sorted(path.name for path in told.folder.iterdir()) == [
        "measurements.json", "model.safetensors", "report.html",
    ]  # fmt: skip
    written = json.loads((told.folder / "measurements.json").read_text())
    assert written["measurements"] == told.measurements["measurements"]
    page = (told.folder / "report.html").read_text()
    assert not re.findall(r"(?:src|href)=[\"']?(?:https?:)?//(?!arxiv\.org)", page)


@pytest.mark.slow
def test_the_model_file_measures_as_the_demo_did(told):
    model, notes = tnsim.train.load_model(told.folder / "model.safetensors")
    row = next(row for row in told.measurements["measurements"] if row["partition"] == "chess:4" and row["label"] == 3)
    state = model.arch.state(model.params(), 3, "function", notes["gram"])
    assert float(state.entropy("chess:4")) == pytest.approx(row["entropy"], abs=1e-12)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_figures(told, tmp_path):
    again = demo.tell(str(tmp_path), seed=0, progress=False, say=lambda text: None)
    assert again.measurements["measurements"] == told.measurements["measurements"]
    assert again.accuracy == told.accuracy
