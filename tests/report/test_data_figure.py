"""The figure of docs/data-entanglement.md is what is measured now."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tnsim.experiments.figure import described
from tnsim.report import data_figure

FIGURES = Path(__file__).parents[2] / "docs" / "figures"


def kept():
    """What the drawing's own metadata say that it shows."""
    text = (FIGURES / f"{data_figure.NAME}.svg").read_text(encoding="utf-8")
    return json.loads(ElementTree.fromstring(text).find(".//{http://purl.org/dc/elements/1.1/}description").text)


def test_the_figure_has_both_orders_of_pixels_in_both_panels():
    for panel in kept()["panels"]:
        assert [curve["name"] for curve in panel["curves"]] == ["digits", "shuffled pixels"]
    scales = kept()["panels"][0]["curves"]
    for curve in scales:
        assert all(low <= y <= high for low, y, high in zip(curve["lower"], curve["y"], curve["upper"], strict=True))
    assert (FIGURES / f"{data_figure.NAME}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_figure_is_what_is_measured():
    now = json.loads(described(data_figure.figure(data_figure.measured())))
    for panel, shown in zip(now["panels"], kept()["panels"], strict=True):
        for curve, drawn in zip(panel["curves"], shown["curves"], strict=True):
            assert curve["x"] == drawn["x"]
            for key in ("y", "lower", "upper"):
                assert (curve[key] is None) == (drawn[key] is None)
                assert curve[key] is None or curve[key] == pytest.approx(drawn[key], abs=2e-6)
