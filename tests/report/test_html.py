"""The report is one page that needs nothing else, says every figure, and never mixes S with S_2."""

import base64
import copy
import csv
import importlib.util
import io
import json
import math
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tnsim.report import scales
from tnsim.report.html import finding, render, write
from tnsim.report.measurements import read
from tnsim.report.pictures import styles
from tnsim.report.plots import intervals
from tnsim.report.prose import HOW_TO_READ
from tnsim.report.svg import spread
from tnsim.report.text import number

_spec = importlib.util.spec_from_file_location("sample", Path(__file__).with_name("sample.py"))
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
sample = _module.sample
_spec = importlib.util.spec_from_file_location("pages", Path(__file__).with_name("pages.py"))
_pages = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_pages)
Page = _pages.Page

@pytest.fixture(scope="module")
def measurements() -> dict[str, Any]:
    return sample()


@pytest.fixture(scope="module")
def text(measurements) -> str:
    return render(measurements)


@pytest.fixture(scope="module")
def page(text) -> Page:
    return Page(text)


def downloaded(page: Page, kind: str) -> str:
    [(attrs, _)] = [a for a in page.all("a") if a[0].get("download") == f"figures.{kind}"]
    return base64.b64decode(attrs["href"].split("base64,")[1]).decode()


# --- the page -----------------------------------------------------------------------------------


def test_tags_balance_and_ids_are_unique(page):
    ids = [attrs["id"] for _, attrs, _, _ in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs, _, _ in page.elements:
        for key in ("aria-labelledby", "aria-describedby"):
            assert all(name in ids for name in (attrs.get(key) or "").split())


def test_nothing_is_loaded_from_outside(text, page):
    for tag, attrs, _, _ in page.elements:
        assert tag not in {"link", "img", "iframe", "object", "embed", "audio", "video", "base"}
        assert "src" not in attrs
        assert "srcset" not in attrs
        if "href" in attrs:
            assert tag == "a"
            assert re.match(r"data:|https://arxiv\.org/abs/", attrs["href"])
    styles = "".join(words for _, words in page.all("style"))
    assert "url(" not in styles
    assert "@import" not in styles
    assert "@font-face" not in styles
    scripts = "".join(words for attrs, words in page.all("script") if "type" not in attrs)
    assert not re.search(r"fetch|XMLHttpRequest|import\s*\(|https?:", scripts)
    assert "default-src 'none'" in text


def test_every_picture_and_header_is_accessible(page):
    assert len(page.all("svg")) == len(page.all("title")) - 1 == len(page.all("desc"))
    assert all(attrs.get("role") == "img" for attrs, _ in page.all("svg"))
    assert all(attrs.get("scope") in ("col", "row", "colgroup") for attrs, _ in page.all("th"))


def test_how_to_read_it_is_five_sentences(page):
    assert len(HOW_TO_READ) == 5
    assert len(page.all("ol", class_="reading")) == 1
    for sentence in HOW_TO_READ:
        plain = re.sub(r"<[^>]+>", "", sentence)
        assert plain.endswith(".")
        assert plain.count(". ") == 0
        assert plain[0].isupper()


def test_cells_contrast_with_their_text(page):
    [(_, css)] = page.all("style")
    light, dark = re.findall(r":root \{(.*?)\}", css, re.S)[:2]
    for theme in (light, light + dark):
        colours = dict(re.findall(r"--(\w+): (#\w{6})", theme))
        words = ["far"] * 4 + ["four", "five"] + ["near"] * 4
        for ramp in "sr":
            for k, name in enumerate(words):
                assert contrast(colours[f"{ramp}{k}"], colours[name]) >= 4.5, (ramp, k)
        assert contrast(colours["muted"], colours["paper"]) >= 4.5
        assert contrast(colours["accent"], colours["paper"]) >= 4.5
        for name in ("cut", "a", *(f"k{k}" for k in range(10))):
            assert contrast(colours[name], colours["paper"]) >= 3, name


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


# --- figures ------------------------------------------------------------------------------------


def test_every_figure_of_the_json_is_on_the_page(measurements, page):
    shown = {float(attrs["value"]) for attrs, _ in page.all("data")}
    for m in measurements["measurements"]:
        for key in ("entropy", "renyi2", "rank", "effective_rank", "geometric"):
            assert m[key] is None or float(m[key]) in shown, (m["partition"], m["label"], key)
        key = "renyi2" if m["untrained"]["entropy"] is None else "entropy"
        assert m["untrained"][key] in shown
        for end in ("lower", "upper") if "entropy_estimate" in m else ():
            assert m["entropy_estimate"][end] in shown


def test_csv_equals_json_equals_the_measurements(measurements, page):
    rows = list(csv.DictReader(io.StringIO(downloaded(page, "csv"), newline="")))
    records = json.loads(downloaded(page, "json"))
    assert len(rows) == len(records) == len(measurements["measurements"])
    for row, record, m in zip(rows, records, measurements["measurements"], strict=True):
        assert list(row) == list(record)
        for key, value in record.items():
            assert row[key] == (
                ""
                if value is None
                else str(value).lower()
                if value is True or value is False
                else str(value)
            )
        for key in ("partition", "label", "entropy", "renyi2", "rank", "geometric"):
            assert record[key] == m[key]
        assert record["untrained_renyi2"] == m["untrained"]["renyi2"]


def test_the_whole_of_the_measurements_is_embedded(measurements, page):
    [(_, embedded)] = page.all("script", id="measurements")
    assert json.loads(embedded) == measurements


def test_s_and_s2_stand_in_blocks_and_colours_of_their_own(measurements, page):
    kinds = {"exact": "s", "renyi": "r"}
    exact = {p["name"] for p in measurements["partitions"] if p["exact"]}
    for kind, ramp in kinds.items():
        inside = cells(page, kind)
        assert inside
        assert all(re.fullmatch(rf"{ramp}\d", name) for name, _ in inside)
        for _, said in inside:
            partition, symbol = re.match(r"(.*), class .*: (S₂?) = [\d.]+", said).groups()
            assert symbol == ("S" if ramp == "s" else "S₂")
            assert kind == "renyi" or partition in exact | {"checkerboard"}
    values = {m["entropy"] for m in measurements["measurements"]} - {None}
    assert {f"{v:.4f}" for v in values} <= {
        re.search(r"= ([\d.]+)", t)[1] for _, t in cells(page, "exact")
    }


def cells(page: Page, kind: str) -> list[tuple[str, str]]:
    """Colour class and title of every coloured table cell within the blocks of one kind."""
    blocks = {
        i
        for i, (tag, attrs, _, _) in enumerate(page.elements)
        if tag == "div" and (attrs.get("class") or "").split() == ["block", kind]
    }
    return [
        (attrs["class"].split()[0], attrs["title"])
        for tag, attrs, _, above in page.elements
        if tag == "td" and "title" in attrs and blocks & set(above)
    ]


def test_the_colour_is_the_tenth_of_the_ceiling_that_is_used(measurements, page):
    logs = {p["name"]: p["min_cut"]["log"] for p in measurements["partitions"]}
    shown = dict((title, colour) for colour, title in cells(page, "exact"))
    for m in measurements["measurements"]:
        if m["entropy"] is not None:
            start = f"{m['partition']}, class {m['class']}: S = {m['entropy']:.4f},"
            [colour] = [c for title, c in shown.items() if title.startswith(start)]
            assert colour == f"s{int(10 * m['entropy'] / logs[m['partition']])}"


def test_the_finding_names_the_partition_used_most(measurements):
    report = read(measurements)
    means = {
        p.name: np.mean([m.trained.entropy / p.cut.log for m in report.of(p)])
        for p in report.partitions
        if p.exact
    }
    most = max(means, key=means.get)
    said = re.sub(r"<[^>]+>", "", finding(report)).replace("\u00a0", " ")
    assert f"uses {100 * means[most]:.0f} % of its ceiling ln(min-cut) across {most}," in said
    assert said.startswith("At 97.5 % test accuracy")
    assert said.count(". ") == 0


def test_without_an_exact_entropy_the_finding_is_a_lower_bound(measurements):
    report = read(only(measurements, lambda p: not p["exact"] and p["name"] != "checkerboard"))
    assert "at least" in finding(report)
    assert "S₂" in finding(report)


def only(measurements: dict[str, Any], keep: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    partitions = [p for p in measurements["partitions"] if keep(p)]
    names = {p["name"] for p in partitions}
    measured = [m for m in measurements["measurements"] if m["partition"] in names]
    return measurements | {"partitions": partitions, "measurements": measured}


def test_cut_edges_are_those_that_separate_a_from_b(measurements):
    report = read(measurements)
    for partition in report.partitions:
        drawn = styles(report.tree, partition)
        assert {i for i, style in drawn.items() if style == "cut"} == set(partition.cut.edges)
        for site in range(64):
            side = "a" if site in partition.sites else "b"
            assert drawn[-1, site] in (side, "cut")
        for level, nodes in enumerate(report.tree):
            for k, children in enumerate(nodes):
                for child in children:
                    assert {drawn[level, k], drawn[level - 1, child]} != {"a", "b"}


def test_gallery_states_the_cut(page):
    words = [re.sub(r"\s+", " ", said) for _, said in page.all("figure", class_="card")]
    assert len(words) == 7
    assert "left-right exact Smin-cut 171 = 17 (ln 2.83), cuts level 2" in words[0]
    assert "cuts 4 nodes of level 1" in words[4]
    assert "S₂ only" in words[4]
    assert "S in an interval" in words[5]


# --- all classes as one state -------------------------------------------------------------------


def _whole(fidelities):
    exact = {"value": 0.5, "lower": 0.5, "upper": 0.5, "method": "exact spectrum"}
    held = {"value": 0.3, "lower": 0.21, "upper": 0.39, "method": "certified, dual below and chain above"}
    head = {"fidelities": fidelities, "weights": [0.5, 0.5], "class_entropy": exact, "classes": ["<a>", "b"]}
    return [head, {"partition": "left-right", "information": held}]


def test_the_classes_are_told_apart_on_the_page(measurements):
    page = render({**measurements, "whole_model": _whole([[1.0, 0.25], [0.25, 1.0]])})
    assert "Entropy of the class leg: 0.5000 nats" in page
    assert '<td class="s9">1.00</td><td class="s2">0.25</td>' in page
    assert "&lt;a&gt;" in page
    assert "0.3000 [0.2100, 0.3900]" in page
    assert "How alike the classes are" not in render(measurements)


def test_a_table_of_classes_that_is_not_square(measurements):
    with pytest.raises(ValueError, match=r"whole_model\.fidelities"):
        render({**measurements, "whole_model": _whole([[1.0, 0.25]])})


# --- intervals and maps -------------------------------------------------------------------------


def test_an_interval_is_in_the_cell_the_table_and_a_bar(measurements, page, text):
    rows = [m for m in measurements["measurements"] if "entropy_estimate" in m]
    said = dict(map(reversed, cells(page, "exact")))
    for m in rows:
        ends = [f"{m['entropy_estimate'][end]:.4f}" for end in ("lower", "upper")]
        assert any(f"class {m['class']}: S = {m['entropy']:.4f}" in s and f"between {ends[0]} and {ends[1]}" in s
                   for s in said)  # fmt: skip
    assert len(rows) == 10
    [_] = [1 for _, title in page.all("title") if title == "Intervals of S across checkerboard"]
    caps = {m["partition"]: m for m in rows}
    assert list(caps) == ["checkerboard"]
    assert text.count("\u00a0±\u00a0") == 10


def test_a_bar_spans_its_interval(measurements):
    report = read(measurements)
    [(caption, drawn)] = intervals(report)
    assert caption.startswith("checkerboard, ln(min-cut)")
    bars = re.findall(r'class="line accent" d="M([\d.]+) [\d.]+L([\d.]+) ', drawn)
    held = [m["entropy_estimate"] for m in measurements["measurements"] if "entropy_estimate" in m]
    scale = (396 - 96) / max(e["upper"] for e in held)
    for (low, high), e in zip(bars, held, strict=True):
        assert float(low) == pytest.approx(96 + scale * e["lower"], abs=0.01)
        assert float(high) == pytest.approx(96 + scale * e["upper"], abs=0.01)


def test_the_maps_are_drawn_on_one_scale_and_the_strongest_pair_is_widest(measurements, page, text):
    titles = [title for _, title in page.all("title")]
    for words in ("windows of 1 site", "windows of 4 sites", "windows of 16 sites", "Mutual information of pairs"):
        assert any(words in title for title in titles)
    windows, _, mutual = read(measurements).maps
    (_, sites), *_, (_, top_level) = scales.levels(windows, "w")
    assert scales.top(windows.levels) == max(v for level in windows.levels for v in level.entropies)
    assert "f9" in top_level
    assert "f9" not in sites  # sites reach 1, windows of 16 sites up to 3
    graph = scales.graph(mutual, (8, 8), "g")
    [widest] = re.findall(r'class="joined m9" d="([^"]+)"', graph)
    assert widest.startswith("M0.5 0.5L1.5 0.5")
    assert sum(d.count("M") for d in re.findall(r'class="joined m\d" d="([^"]+)"', graph)) == 63


def test_a_map_of_a_thousand_sites_stays_small():
    large = sample(side=32)
    large["maps"][2]["pairs"] = [[k % 1024, (7 * k + 1) % 1024, 1.0 / (k + 1)] for k in range(3 * 1024)]
    text = render(large)
    Page(text)
    assert len(text) < 1_500_000


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ((0, "kind"), "rooms", "maps[0].kind"),
        ((0, "levels"), None, "maps[0].levels"),
        ((0, "levels", 1, "shape"), [4, 5], "maps[0].levels[1].entropies"),
        ((1, "entropies"), [0.1], "maps[1].entropies"),
        ((2, "pairs", 0), [0, 64, 0.1], "maps[2].pairs"),
        ((2, "decay", "mean"), [0.1], "maps[2].decay.mean"),
    ],
)
def test_a_wrong_map_is_named(measurements, path, value, named):
    broken = copy.deepcopy(measurements)
    change(broken["maps"], path, value)
    with pytest.raises(ValueError, match=re.escape(f"measurements: {named}: wanted")):
        render(broken)


# --- other networks -----------------------------------------------------------------------------


def test_a_large_network_is_drawn_level_by_level():
    text = render(sample(side=16))
    Page(text)
    assert "Levels and min-cut of left-right" in text
    assert "Network and min-cut" not in text


def test_a_file_of_weights_alone_has_no_training(measurements):
    bare = {k: measurements[k] for k in ("format", "measure", "architecture")}
    measured = [
        {k: v for k, v in m.items() if k != "untrained"} for m in measurements["measurements"]
    ]
    bare |= {"partitions": measurements["partitions"], "measurements": measured}
    text = render(bare)
    Page(text)
    assert "nothing was trained" in text
    assert ">before</th>" not in text


def test_a_chain_many_classes_and_numbers_that_are_none(measurements):
    chain = {
        "format": "tnsim-measurements/1",
        "measure": "coefficient",
        "architecture": {
            "sites": 4,
            "features": 2,
            "channels": [4, 4],
            "windows": [2, 2],
            "classes": 30,
        },
        "tree": [[[0, 1], [2, 3]], [[0, 1]]],
        "partitions": [
            {"name": "left-right", "sites": [0, 1], "exact": True, "min_cut": {"log": math.inf}},
            {
                "name": "one",
                "sites": np.array([0]),
                "exact": True,
                "min_cut": {"log": np.float64(0)},
            },
        ],
        "measurements": [
            {
                "partition": name,
                "label": y,
                "entropy": s,
                "renyi2": None,
                "probabilities": [0.9, 0.1, 0.0],
            }
            for name in ("left-right", "one")
            for y, s in zip(np.arange(30), [math.nan, *np.linspace(0, 1, 29)], strict=True)
        ],
    }
    text = render(chain)
    Page(text)
    assert "–" in text
    assert not re.search(r"\b(nan|inf|NaN|None)\b", text.split("<script>")[0])


def test_what_the_user_wrote_is_escaped(measurements):
    hostile = '</script><script>alert("1")</script><b>&amp;'
    dirty = copy.deepcopy(measurements)
    dirty["dataset"]["name"] = dirty["command"] = dirty["version"] = hostile
    dirty["packages"] = {hostile: hostile}
    dirty["partitions"][0]["name"] = hostile
    assert len(hostile) > 24  # shortened as well
    dirty["partitions"][0]["min_cut"] |= {"value": "<b>", "factors": {}}
    for m in dirty["measurements"]:
        m["class"] = hostile
        if m["partition"] == "left-right":
            m["partition"] = hostile
    text = render(dirty)
    page = Page(text)
    assert "<script>alert" not in text
    assert len(page.all("script")) == 2
    [(_, embedded)] = page.all("script", id="measurements")
    assert json.loads(embedded)["command"] == hostile
    assert not set("<>&") & set(embedded)


# --- errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("format",), None, "format"),
        (("format",), "tnsim-measurements/9", "format"),
        (("measure",), "entropy", "measure"),
        (("architecture",), None, "architecture"),
        (("architecture", "sites"), "8x8", "architecture.sites"),
        (("architecture", "features"), None, "architecture.features"),
        (("partitions",), None, "partitions"),
        (("partitions", 1, "name"), "left-right", "partitions[1].name"),
        (("partitions", 2, "sites"), [64], "partitions[2].sites"),
        (("partitions", 2, "exact"), None, "partitions[2].exact"),
        (("partitions", 2, "min_cut"), None, "partitions[2].min_cut"),
        (("partitions", 2, "min_cut", "log"), "big", "partitions[2].min_cut.log"),
        (("partitions", 2, "min_cut", "edges"), [[2, 1]], "partitions[2].min_cut.edges"),
        (("tree", 1), [[0, 1, 4, 4]], "tree[1]"),
        (("measurements",), {}, "measurements"),
        (("measurements", 3, "partition"), "diagonal", "measurements[3].partition"),
        (("measurements", 3, "label"), "three", "measurements[3].label"),
        (("measurements", 3, "entropy"), "0.6", "measurements[3].entropy"),
        (("measurements", 3, "probabilities"), 1, "measurements[3].probabilities"),
        (("training", "history"), [{"loss": 1.0}], "training.history[0].step"),
    ],
)
def test_the_error_names_the_key(measurements, path, value, named):
    broken = copy.deepcopy(measurements)
    change(broken, path, value)
    with pytest.raises(ValueError, match=re.escape(f"measurements: {named}: wanted")):
        render(broken)


@pytest.mark.parametrize(
    "path", [("partitions", 0, "min_cut", "log"), ("measurements", 0, "entropy")]
)
def test_a_key_that_must_be_there(measurements, path):
    broken = copy.deepcopy(measurements)
    parent = broken
    for key in path[:-1]:
        parent = parent[key]
    del parent[path[-1]]
    with pytest.raises(ValueError, match=re.escape(path[-1])):
        render(broken)


def test_whatever_is_wrong_is_a_page_or_one_clear_error():
    small = only(sample(side=4), lambda p: p["name"] in ("quadrant", "center"))
    small["measurements"] = small["measurements"][::10]  # one exact, one not
    small["training"] = small["training"] | {"history": small["training"]["history"][:2]}
    for path in paths(small):
        for wrong in (None, "x", [None]):
            broken = copy.deepcopy(small)
            change(broken, path, wrong)
            try:
                render(broken)
            except ValueError as error:
                clear = str(error).startswith("measurements: ")
            else:
                clear = True
            assert clear, (path, wrong)


def paths(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every key and to the first item of every list."""
    items = (
        value.items()
        if isinstance(value, dict)
        else list(enumerate(value))[:1]
        if isinstance(value, list)
        else []
    )
    for key, item in items:
        yield (*above, key)
        yield from paths(item, (*above, key))


def change(value: Any, path: tuple[Any, ...], new: Any) -> None:
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = new


# --- writing ------------------------------------------------------------------------------------


def test_write_leaves_the_page_and_nothing_else(measurements, text, tmp_path):
    assert write(measurements, tmp_path / "report.html") == tmp_path / "report.html"
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == text
    assert os.listdir(tmp_path) == ["report.html"]


@pytest.mark.parametrize("failing", ["os.replace", "os.fsync"])
def test_a_failed_write_leaves_the_old_page(measurements, tmp_path, monkeypatch, failing):
    target = tmp_path / "report.html"
    target.write_text("old")

    def fail(*_args, **_kwargs):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(failing, fail)
        with pytest.raises(OSError, match="disk full"):
            write(measurements, target)
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["report.html"]


def test_wrong_measurements_touch_nothing(measurements, tmp_path):
    with pytest.raises(ValueError, match="format"):
        write(measurements | {"format": "other"}, tmp_path / "report.html")
    assert os.listdir(tmp_path) == []


# --- small pieces -------------------------------------------------------------------------------


def test_labels_keep_their_order_and_their_distance():
    wanted = [50.0, 50.0, 51.0, 90.0, 10.0]
    placed = spread(wanted, 12, 0, 100)
    assert sorted(range(5), key=lambda i: placed[i]) == sorted(range(5), key=lambda i: wanted[i])
    gaps = np.diff(sorted(placed))
    assert gaps.min() > 11.999
    for heights in (placed, spread([5.0] * 30, 12, 0, 100)):
        assert min(heights) >= 0
        assert max(heights) < 100.001


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (0.6251, 2, "0.63"),
        (3.2e-9, 4, "3.2e-9"),
        (-0.0, 2, "0.00"),
        (-1.5, 1, "−1.5"),
        (None, 2, "–"),
    ],
)
def test_numbers(value, digits, shown):
    assert number(value, digits) == shown
