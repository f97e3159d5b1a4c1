"""Which widths limit a partition, and what others would allow: pages hold what the bounds say, and no more."""

import importlib.util
import math
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import tnsim
from tnsim import partitions
from tnsim.bounds import min_cut, sensitivity
from tnsim.report import bottleneck, front, widths
from tnsim.report.heads import FORMAT, architecture
from tnsim.report.html import render
from tnsim.report.measurements import read

_spec = importlib.util.spec_from_file_location("pages", Path(__file__).with_name("pages.py"))
pages = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(pages)

NAMES = ("left-right", "quadrant", "center", "checkerboard")
SMALL = tnsim.ConvAC(sites=(8, 8), features=3, channels=(5, 7, 11), windows=(2, 2, 2), classes=10)
LARGE = tnsim.ConvAC(sites=(16, 16), features=3, channels=(5, 7, 11, 13), windows=(2, 2, 2, 2), classes=10)


def measured(arch, names=NAMES):
    """A measurements file of an architecture, without entropies."""
    found = [
        {
            "name": name, "exact": False, "min_cut": min_cut(arch, name).to_json(),
            "sites": np.flatnonzero(partitions.mask(arch, name)).tolist(),
        }
        for name in names
    ]  # fmt: skip
    told = {"format": FORMAT, "measure": "function", "partitions": found, "measurements": []}
    return {**told, **architecture(arch), "widths": widths.allowed(arch, found)}


@pytest.fixture(scope="module", params=[SMALL, LARGE], ids=["by node", "by level"])
def source(request):
    return measured(request.param)


@pytest.fixture(scope="module")
def page(source):
    return pages.Page(render(source))


def described(page, start):
    """(title, description) of the pictures whose title starts so."""
    titles = [said for _, said in page.all("title")][1:]
    return [(t, d) for t, (_, d) in zip(titles, page.all("desc"), strict=True) if t.startswith(start)]


def test_flows_of_the_levels_add_up_to_the_min_cut(source, page):
    report = read(source)
    shown = dict(described(page, "Widths and min-cut of "))
    assert len(shown) == len(NAMES)
    for partition in report.partitions:
        rows = bottleneck.levels(report, partition)
        assert sum(row.flow for row in rows) == pytest.approx(partition.cut.log, rel=1e-12)
        assert all(row.flow <= row.capacity + 1e-12 for row in rows)
        said = shown[f"Widths and min-cut of {partition.name}"]
        flows = [float(flow) for flow in re.findall(r"([\d.]+) of [\d.]+ nats", said)]
        assert sum(flows) == pytest.approx(partition.cut.log, abs=0.005 * (len(flows) + 1))
        assert f"In all {partition.cut.log:.2f} nats" in said


def test_the_tables_hold_what_the_sensitivity_says(source, page):
    arch = SMALL if len(source["architecture"]["channels"]) == 3 else LARGE
    cards = [said for attrs, said in page.all("div", class_="scroll") if "widths do" in attrs.get("aria-label", "")]
    assert len(cards) == len(NAMES)
    shown = {float(attrs["value"]) for attrs, _ in page.all("data")}
    for name in NAMES:
        for effect in sensitivity(arch, name).widths:
            assert {effect.raised.log, effect.doubled.log} <= shown


def test_lines_are_as_thick_as_the_logarithms_of_their_widths(source, page):
    thick = {attrs["style"] for attrs, _ in page.all("g") if "stroke-width" in attrs.get("style", "")}
    whole = math.prod(source["architecture"]["sites"]) <= 64
    dims = [source["architecture"]["features"], *source["architecture"]["channels"]]
    factor = 1.0 if whole else bottleneck.BOLD
    wanted = {round(factor * bottleneck.thickness(width), 2) for width in dims}
    assert {float(style.split(":")[1]) for style in thick} == wanted
    assert bottleneck.thickness(16) - bottleneck.thickness(8) == pytest.approx(
        bottleneck.thickness(8) - bottleneck.thickness(4)
    )


def test_the_sentence_says_what_limits_and_what_does_not():
    report = read(measured(SMALL))
    said = {found.partition: bottleneck.sentence(found) for found in report.widths.limits}
    assert said["left-right"] == (
        f"Across left-right the bound is limited by r₂; doubling it adds {math.log(2):.2f} nats; "
        "doubling M, r₀ or r₁ adds nothing."
    )
    for name in NAMES:
        found = sensitivity(SMALL, name)
        assert ("no width alone" in said[name]) == (not found.bottlenecks)
    tied = read(measured(tnsim.ConvAC(sites=4, features=2, channels=(2, 2), windows=(2, 2), classes=2), ["left-right"]))
    words = bottleneck.sentence(tied.widths.limits[0])
    assert "no width alone limits" in words or "limited by" in words
    assert tuple(sensitivity(SMALL, "quadrant").tied) == next(
        found.tied for found in report.widths.limits if found.partition == "quadrant"
    )


def test_the_networks_own_point_is_on_or_below_the_front(source, page):
    report = read(source)
    assert [len(one.partitions) for one in report.widths.fronts] == [len(NAMES), 1, 1, 1, 1]
    for one in report.widths.fronts:
        assert one.own.parameters == source["parameters"]
        assert one.own.log == pytest.approx(
            math.fsum(p.cut.log for p in report.partitions if p.name in one.partitions), rel=1e-12
        )
        assert one.instead.log >= one.own.log - 1e-9
        logs = [design.log for design in one.designs]
        assert logs == sorted(set(logs))
    shown = described(page, "Bound against parameters: ")
    assert len(shown) == len(report.widths.fronts)
    for one, (_, said) in zip(report.widths.fronts, shown, strict=True):
        assert said.startswith(f"{len(one.designs)} best designs")
        assert f"{one.own.parameters} parameters, {one.own.log:.2f} nats" in said


def test_a_point_of_the_plot_stands_where_its_numbers_are(source):
    one = read(source).widths.fronts[1]
    found = re.findall(r'<circle class="fill accent" cx="([\d.]+)" cy="([\d.]+)"', front.plot(one, "x"))
    spots = [tuple(map(float, spot)) for spot in
             re.findall(r'<circle class="fill quiet" cx="([\d.]+)" cy="([\d.]+)"', front.plot(one, "x"))]  # fmt: skip
    assert len(spots) == len(one.designs)
    assert len(found) == 1
    assert all(a[0] < b[0] and a[1] > b[1] for a, b in pairwise(spots))  # y grows downward
    best = spots[one.designs.index(one.instead)]
    assert float(found[0][1]) >= best[1] - 0.01
    assert float(found[0][0]) >= best[0] - 0.01


def test_what_is_out_of_reach_is_said(monkeypatch):
    monkeypatch.setattr(widths, "COSTS", 10.0)
    source = measured(SMALL, ["left-right"])
    text = render(source)
    assert "left-right: Too many choices of widths" in text
    assert "Bound against parameters" not in text
    monkeypatch.setattr(widths, "SITES", 16)
    text = render(measured(SMALL, ["left-right"]))
    assert "Of more than 16 sites no other widths were tried." in text
    monkeypatch.undo()
    monkeypatch.setattr(widths, "SHOWN", 1)
    assert "the first 1 of 4 partitions" in render(measured(SMALL))


def test_a_file_without_them_has_no_such_sections(source):
    text = render({key: value for key, value in source.items() if key != "widths"})
    assert 'id="bottlenecks"' not in text
    assert 'id="front"' not in text
    assert 'id="bottlenecks"' in render(source)


WRONG = {
    r"widths: wanted an object": lambda w: "none",
    r"widths\.sensitivity\[0\]\.partition: wanted the name": lambda w: edited(w, "sensitivity", 0, partition="other"),
    r"widths\.sensitivity\[1\]\.log: wanted a number": lambda w: edited(w, "sensitivity", 1, log=None),
    r"widths\.sensitivity\[0\]\.widths: wanted one of every width": lambda w: edited(w, "sensitivity", 0, widths=[]),
    r"widths\.sensitivity\[0\]\.bottlenecks: wanted levels": lambda w: edited(w, "sensitivity", 0, bottlenecks=[9]),
    r"widths\.front\[0\]\.partitions: wanted names": lambda w: edited(w, "front", 0, partitions=["other"]),
    r"widths\.front\[1\]\.own: wanted an object": lambda w: edited(w, "front", 1, own=3),
    r"widths\.front\[1\]\.designs: wanted ascending": lambda w: edited(
        w, "front", 1, designs=w["front"][1]["designs"][::-1]
    ),
    r"widths\.front\[1\]\.designs: wanted none of": lambda w: edited(
        w, "front", 1, own=w["front"][1]["own"] | {"log": 1e6}
    ),
    r"widths\.front\[1\]\.own\.channels: wanted": lambda w: edited(
        w, "front", 1, own=w["front"][1]["own"] | {"channels": [1]}
    ),
}


def edited(found, key, place, **changes):
    rows = [row | changes if k == place else row for k, row in enumerate(found[key])]
    return found | {key: rows}


@pytest.mark.parametrize("message", WRONG)
def test_what_is_wrong_is_named(source, message):
    with pytest.raises(ValueError, match=message):
        read(source | {"widths": WRONG[message](source["widths"])})
