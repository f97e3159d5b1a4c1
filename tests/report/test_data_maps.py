"""The map of a data set: what is measured is what `tnsim.correlations` measures, and the page holds it."""

import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest

import tnsim
from tnsim.correlations import cos_sin, data_population, data_tensor, one_vs_rest
from tnsim.report import data_maps, data_scales
from tnsim.report.data_values import data_map
from tnsim.train.data import Dataset

_spec = importlib.util.spec_from_file_location("pages", Path(__file__).with_name("pages.py"))
pages = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(pages)

ARCH = tnsim.ConvAC(sites=(4, 4), features=3, channels=(2, 2), windows=(2, 2), classes=2)


def images(count, seed=0):
    """Of 4 x 4 pixels whose left halves tell three classes apart."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int32) % 3
    shown = rng.random((count, 4, 4)).astype(np.float32)
    shown[:, :, :2] = 0.5 * shown[:, :, :2] + 0.25 * labels[:, None, None]
    return Dataset("halves", shown, labels, shown, labels, ("a<", "b", "c"))


@pytest.fixture(scope="module")
def source():
    return data_maps.mapped(images(40), ARCH, label=1, contrast=0.25, seed=3)


@pytest.fixture(scope="module")
def page(source):
    found = data_map({"data_map": json.loads(json.dumps(source))}, 16)
    return pages.Page(f"<body>{data_scales.section(found)}</body>")


def test_figures_are_those_of_the_samples_drawn(source):
    dataset = images(40)
    chosen = np.random.default_rng(3).permutation(40)
    tensor = data_tensor(
        cos_sin(dataset.train_images[chosen], 0.25), one_vs_rest(dataset.train_labels[chosen], 1), ARCH
    )
    [level] = source["levels"]  # of the next one the only window is everything
    assert (level["level"], level["sites"], level["shape"]) == (0, 4, [2, 2])
    found = [data_population(tensor, f"window:0:{k}") for k in range(4)]
    assert level["entropies"] == pytest.approx([float(one.value) for one in found], rel=1e-9)
    assert level["value"] == pytest.approx(np.mean(level["entropies"]))
    assert level["lower"] == pytest.approx(np.mean([float(one.lower) for one in found]), rel=1e-9)
    assert [board["block"] for board in source["chess"]] == [1, 2]
    board = data_population(tensor, "chess:2")
    assert source["chess"][1]["value"] == pytest.approx(float(board.value), rel=1e-9)
    assert sum(source["distances"]["pairs"]) == 16 * 15 / 2
    assert (source["samples"], source["class"], source["confidence"]) == (40, "b", 0.95)


def test_the_page_holds_the_figures(source, page):
    said = dict(zip([t for _, t in page.all("title")], [d for _, d in page.all("desc")], strict=True))
    profile = said["Entropy of the data by scale"]
    rows = [*source["levels"], *source["chess"]]
    assert [float(v) for v in re.findall(r": ([\d.]+) \(", profile)] == [
        pytest.approx(row["value"], abs=5e-5) for row in rows
    ]
    assert "4 windows" in said["Entropy of windows of 4 sites"]
    assert said["Correlation of pixels by distance"].startswith(
        f"From {source['distances']['mean'][0]:.3f} at distance 1"
    )
    words = page.all("p", class_="note")[0][1]
    assert "class b of halves" in words
    assert "40 training images" in words
    assert "cos 0.25πv" in words
    assert len(page.all("svg")) == len(page.all("desc")) == 3
    ids = [attrs["id"] for _, attrs, _, _ in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_dots_stand_at_the_values_inside_their_intervals(source):
    found = data_map({"data_map": source}, 16)
    text = data_scales.profile(found)
    dots = [float(x) for x in re.findall(r'<circle class="fill accent" cx="([\d.]+)"', text)]
    held = [held for _, held in (*found.levels, *found.boards)]
    high = max(max(value for value in one if np.isfinite(value)) for one in held)
    assert dots == pytest.approx([96 + 300 * one.value / high for one in held], abs=0.01)


def test_levels_of_many_windows_are_left_out(monkeypatch):
    monkeypatch.setattr(data_maps, "WINDOWS", 3)
    assert data_maps.mapped(images(40), ARCH, label=0)["levels"] == []
    deep = tnsim.ConvAC(sites=(4, 4), features=3, channels=(2,) * 4, windows=((2, 1), (1, 2)) * 2, classes=2)
    monkeypatch.setattr(data_maps, "WINDOWS", 4)
    levels = data_maps.mapped(images(40), deep, label=0)["levels"]
    assert [(level["level"], level["sites"], level["shape"]) for level in levels] == [(1, 4, [2, 2]), (2, 8, [1, 2])]
    for level in levels:
        assert level["value"] == pytest.approx(np.mean(level["entropies"]))
        assert level["lower"] <= level["value"]


def test_too_little_to_say_is_said():
    few = data_maps.mapped(images(8), ARCH)
    assert few["note"].startswith("Of 8 samples nothing can be said")
    assert "Of 8 samples" in data_scales.section(data_map({"data_map": few}))
    assert data_scales.section(data_map({})) == ""


def test_images_of_other_sites_are_refused():
    other = tnsim.ConvAC(sites=(2, 2), features=3, channels=(2,), windows=(2,), classes=2)
    with pytest.raises(ValueError, match=r"data map: wanted images of 2 x 2 sites, found halves of 4 x 4"):
        data_maps.mapped(images(40), other)


def test_an_end_that_is_not_known_is_drawn_open(source):
    level = source["levels"][0] | {"upper": None}
    found = data_map({"data_map": source | {"levels": [level]}}, 16)
    text = data_scales.profile(found)
    assert text.count('class="line before"') == 1
    assert "to unknown" in text


WRONG = {
    r"data_map: wanted an object": lambda m: 3,
    r"data_map\.samples: wanted an integer": lambda m: m | {"samples": "many"},
    r"data_map\.levels: wanted a list": lambda m: m | {"levels": None},
    r"data_map\.levels\[0\]\.shape": lambda m: m | {"levels": [m["levels"][0] | {"shape": []}]},
    r"data_map\.levels\[0\]\.entropies: wanted 4 numbers": lambda m: (
        m | {"levels": [m["levels"][0] | {"entropies": [1.0]}]}
    ),
    r"data_map\.levels\[0\]\.entropies: wanted a window for each 2 of 16": lambda m: (
        m | {"levels": [m["levels"][0] | {"sites": 2}]}
    ),
    r"data_map\.chess\[1\]\.block: wanted an integer": lambda m: m | {"chess": [m["chess"][0], {"value": 0.0}]},
    r"data_map\.chess\[0\]\.value: wanted a number": lambda m: m | {"chess": [{"block": 1}]},
    r"data_map\.chess\[0\]\.value: wanted one between": lambda m: m | {"chess": [m["chess"][0] | {"lower": 9.0}]},
    r"data_map\.distances\.mean: wanted": lambda m: m | {"distances": m["distances"] | {"mean": [0.1]}},
}


@pytest.mark.parametrize("message", WRONG)
def test_what_is_wrong_is_named(source, message):
    with pytest.raises(ValueError, match=message):
        data_map({"data_map": WRONG[message](source)}, 16)
