"""The survey and the page of networks that are no layered trees: rows of their states, what a page shows of them."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import oracle
import pytest
from architectures.networks import POOL, Case

import tnsim
from tnsim.bounds import network_min_cut
from tnsim.report import network_places
from tnsim.report.heads import architecture
from tnsim.report.html import render
from tnsim.report.maps import said
from tnsim.report.measurements import read
from tnsim.report.network_values import wired
from tnsim.report.survey import Settings, Subject, merged, survey
from tnsim.report.unlayered import head, is_layered, steps

_spec = importlib.util.spec_from_file_location("pages", Path(__file__).with_name("pages.py"))
pages = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(pages)

KINDS = ("mps", "mps-state", "mps-ring", "ttn-2d", "rac", "tucker", "peps", "mera", "overlapping-2d", "dilated")
PLAIN = Settings()
FILE = {"format": "tnsim-measurements/1", "version": "0", "measure": "coefficient", "dataset": {"name": "made"}}


def surveyed(case, asked=PLAIN, labels=None, names=None):
    told = {**FILE, **head(case.arch), "partitions": [], "measurements": []}
    names = {"half": "left-right"} if names is None else names
    for part in steps(Subject(case.arch, case.params), names, labels, asked, told):
        told = merged(told, part)
    return told


@pytest.mark.parametrize("name", ["mps", "ttn-2d", "rac", "mera-open", "peps-state"])
def test_rows_are_those_of_the_definition(name):
    case = Case(name, "float64", 5)
    (found,) = steps(Subject(case.arch, case.params), {"half": "left-right"}, None, Settings(top=1, exact_rank=True))
    (partition,) = found["partitions"]
    mask = np.isin(np.arange(case.arch.size), partition["sites"])
    for label, row in zip(case.classes, found["measurements"], strict=True):
        values, _ = oracle.spectrum(case.dense(label), mask)
        p = values[values > 1e-12] ** 2
        assert row["label"] == label
        assert row["entropy"] == pytest.approx(oracle.renyi(p, 1), abs=1e-9)
        assert row["renyi2"] == pytest.approx(oracle.renyi(p, 2), abs=1e-9)
        assert row["leading"]["values"] == pytest.approx([values[0]])
        assert row["exact_rank"]["value"] == len(p) <= int(partition["rank_bounds"]["upper"])
    assert partition["min_cut"]["value"] == str(network_min_cut(case.arch.network, mask, outputs="fixed").value)


@pytest.mark.parametrize("name", ["mps", pytest.param("peps", marks=pytest.mark.slow)])
def test_maps_are_those_of_the_definition(name):
    case = Case(name, "float64", 2)
    psi, size = case.dense(1), case.arch.size
    S = lambda sites: oracle.renyi(oracle.spectrum(psi, np.isin(np.arange(size), sites))[0] ** 2, 1)  # noqa: E731
    told = surveyed(case, Settings(maps=("windows", "sites", "mutual")), [1], {})
    windows, sites, mutual = told["maps"]
    alone = [S([i]) for i in range(size)]
    assert sites["entropies"] == pytest.approx(alone, abs=1e-9)
    assert windows["levels"][0]["entropies"] == pytest.approx(alone, abs=1e-9)
    i, j, most = mutual["pairs"][0]
    every = {(a, b): alone[a] + alone[b] - S([a, b]) for b in range(size) for a in range(b)}
    assert most == pytest.approx(max(every.values()), abs=1e-9) == pytest.approx(every[i, j], abs=1e-9)
    assert all(f"{np.mean(alone):.4f}" in said(one) for one in (windows, sites))


def test_maps_go_by_the_blocks_of_the_grid_and_say_what_is_out_of_reach():
    case = Case("mera", "float64", 0)
    (found,) = surveyed(case, Settings(maps=("windows",)), [0], {})["maps"]
    assert [(level["sites"], level["shape"]) for level in found["levels"]] == [(1, [8]), (2, [4]), (4, [2])]
    mask = np.arange(8) // 2 == 2
    wanted = oracle.renyi(oracle.spectrum(case.dense(0), mask)[0] ** 2, 1)
    assert found["levels"][1]["entropies"][2] == pytest.approx(wanted, abs=1e-9)
    (least,) = surveyed(case, Settings(maps=("windows",), memory=200), [0], {})["maps"]
    assert least["levels"][2]["entropies"] == [None, None]
    assert "4: -" in said(least)


@pytest.mark.parametrize(
    ("asked", "measure", "words"),
    [
        ({"whole": True}, "coefficient", "classes: wanted a layered tree, .* found MPS; .*network_state"),
        ({"seconds": 1.0}, "coefficient", "seconds: wanted a layered tree, .* found MPS; .*Renyi-2"),
        ({}, "data", r"measure data: wanted a layered tree, .* found MPS; tnsim\.sampled_entropy"),
        ({"maps": ("rooms",)}, "coefficient", "map: wanted one of windows, sites, mutual, found 'rooms'"),
        ({"atol": -1.0}, "coefficient", "atol: wanted a number > 0"),
        ({"exact_rank": True}, "function", "rank: .* take measure coefficient"),
    ],
)
def test_what_is_refused_says_what_there_is(asked, measure, words):
    case = Case("mps", "float64", 0)
    gram = np.ones((2, 2)) if measure == "function" else None
    with pytest.raises(ValueError, match=words):
        next(steps(Subject(case.arch, case.params, measure, gram), {"half": "left-right"}, None, Settings(**asked)))


def test_a_survey_goes_on_where_it_stopped():
    case, asked = Case("peps", "float64", 0), Settings(maps=("sites",))
    names = {"half": "left-right", "rows": "top-bottom"}
    whole = surveyed(case, asked, None, names)
    some = {**whole, "measurements": whole["measurements"][:4], "maps": whole["maps"][:2]}
    rest = list(steps(Subject(case.arch, case.params), names, None, asked, some))
    assert [(row["partition"], row["label"]) for part in rest for row in part.get("measurements", [])] == [
        ("rows", 1), ("rows", 2),
    ]  # fmt: skip
    assert [one["label"] for part in rest for one in part.get("maps", [])] == [2]
    with pytest.raises(ValueError, match="'rows': wanted the sites it had when measured before"):
        list(steps(Subject(case.arch, case.params), {"rows": [0]}, None, asked, some))


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_has_a_page(name):
    case = Case(name, "float64", 1)
    last = case.classes[-1]
    told = json.loads(json.dumps(surveyed(case, Settings(maps=("sites",)), None if last is None else [last])))
    text = render(told)
    page = pages.Page(text)
    (row,), (partition,), kind = told["measurements"], told["partitions"], type(case.arch).__name__
    assert f"Entanglement of a tensor network ({kind}), made" in text
    shown = {float(attrs["value"]) for attrs, _ in page.all("data")}
    assert {row["entropy"], row["renyi2"], float(row["rank"]), partition["min_cut"]["log"]} <= shown
    headings = [words for _, words in page.all("h2")]
    assert "What the network is made of" in headings
    assert not {"Which widths limit the partitions", "What as many parameters would allow"} & set(headings)
    ids = [attrs["id"] for _, attrs, _, _ in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    (drawing,) = [words for attrs, words in page.all("desc") if attrs["id"] == "network-0-desc"]
    assert f"cuts {sum(partition['min_cut']['levels'].values())} " in drawing
    lines, rings = page.all("path", class_="cut"), page.all("circle", class_="cut")
    severed = sum(attrs["d"].count("M") for attrs, _ in lines) + len(rings)
    assert severed >= len(partition["min_cut"]["indices"]) > 0
    assert len(page.all("circle", class_="a")) >= len(partition["min_cut"]["side"])
    rows = [words for attrs, words in page.all("th", scope="row")]
    assert {stack.bank for stack in case.arch.network.stacks} <= set(rows)


def test_a_cp_has_the_page_of_layered_trees():
    case = Case("cp", "float64", 1)
    told = {**FILE, **architecture(case.arch), **survey(Subject(case.arch, case.params), ["left-right"], [1])}
    page = pages.Page(render(told))
    assert told["measurements"][0]["entropy"] in {float(attrs["value"]) for attrs, _ in page.all("data")}
    assert "What the network is made of" not in [words for _, words in page.all("h2")]


def test_a_page_without_a_picture_where_the_network_is_too_large():
    arch = tnsim.MPS(300, 2, 2)
    told = {**FILE, **head(arch), "partitions": [], "measurements": []}
    cut = network_min_cut(arch.network, np.arange(300) < 150, outputs="fixed").to_json()
    told["partitions"] = [{"name": "half", "sites": list(range(150)), "exact": False, "min_cut": cut}]
    told["measurements"] = [{"partition": "half", "label": None, "class": "-", "renyi2": 0.5}]
    assert "legs" not in told["network"]
    page = pages.Page(render(told))
    assert not [1 for attrs, _ in page.all("desc") if attrs["id"] == "network-0-desc"]
    assert ("th", "site") in [(tag, "".join(words)) for tag, _, words, _ in page.elements]


@pytest.mark.parametrize("name", [name for name in POOL if is_layered(POOL[name]) is False])
def test_what_is_drawn_has_a_place_of_its_own(name):
    arch = POOL[name]
    grid = (1, arch.size) if len(arch.grid) == 1 else arch.grid
    placed = network_places.places(wired(head(arch), arch.size), grid)
    ends = [*placed.tensors] if placed.above else [*placed.tensors, *placed.sites]
    assert len(set(ends)) == len(ends) == arch.network.tensor_count + (0 if placed.above else arch.size)
    assert placed.above == name.startswith(("peps", "mps-last"))
    assert all(-0.5 <= x <= placed.size[0] + 0.5 and 0 <= y <= placed.size[1] for x, y in ends)


def test_trees_are_drawn_without_crossings():
    placed = network_places.places(wired(head(POOL["ttn-2d"]), 8), (2, 4))
    assert [x for x, y in placed.tensors if y == 1] == [1.5, 5.5]
    assert [placed.sites[site][0] for site in (0, 1, 4, 5, 2, 3, 6, 7)] == list(range(8))
    assert placed.tensors[-1] == (3.5, 2.0)


WRONG = [
    (lambda told: told["network"]["legs"].pop(), r"network\.legs: wanted those of 5 tensors"),
    (lambda told: told["network"].update(sites=[0]), r"network\.sites: wanted the indices of 5 sites"),
    (lambda told: told["network"]["legs"].__setitem__(0, [99]), r"network\.legs: wanted numbers of indices below"),
    (lambda told: told.update(grid=[0]), "grid: wanted one or two positive integers"),
    (lambda told: told["partitions"][0]["min_cut"].update(indices=[[1]]), r"min_cut\.indices: wanted lists"),
    (lambda told: told["measurements"][0].pop("label"), r"measurements\[0\]\.label: wanted an integer, found nothing"),
]


@pytest.mark.parametrize(("change", "words"), WRONG)
def test_a_file_with_a_wrong_key_is_named(change, words):
    told = json.loads(json.dumps(surveyed(Case("mps", "float64", 1), labels=[0])))
    read(told)
    change(told)
    with pytest.raises(ValueError, match=words):
        read(told)


def test_which_networks_are_layered():
    assert {name for name, arch in POOL.items() if is_layered(arch)} == {"cp"}
    assert head(POOL["mps"])["kind"] == "MPS"
