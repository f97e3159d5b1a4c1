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
    assert [found["kind"] for found in told.measurements["maps"]] == ["windows", "mutual"]
    assert [level["shape"] for level in told.measurements["data_map"]["levels"]] == [[4, 4], [2, 2]]
    assert len(told.measurements["widths"]["sensitivity"]) == len(DEMO_PARTITIONS)


@pytest.mark.slow
def test_the_checkerboard_is_known_between_bounds(told):
    rows = [row for row in told.measurements["measurements"] if row["partition"] == "checkerboard"]
    assert len(rows) == 10
    for row in rows:
        held = row["entropy_estimate"]
        assert held["upper"] - held["lower"] <= 0.1
        assert row["renyi2"] <= held["lower"] <= row["entropy"] <= held["upper"]


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


def figures(measurements):
    """All that was found, without the times it took."""

    def timeless(value):
        if isinstance(value, dict):
            return {key: timeless(item) for key, item in value.items() if key != "seconds"}
        return [timeless(item) for item in value] if isinstance(value, list) else value

    return timeless({key: measurements[key] for key in ("partitions", "measurements", "maps", "widths", "data_map")})


@pytest.mark.slow
def test_the_same_seed_gives_the_same_figures(told, tmp_path):
    again = demo.tell(str(tmp_path), seed=0, progress=False, say=lambda text: None)
    assert figures(again.measurements) == figures(told.measurements)
    assert again.accuracy == told.accuracy
