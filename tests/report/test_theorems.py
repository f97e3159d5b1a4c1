"""The page of theorems: its numbers and figures are what is computed now, and what it names exists."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

import tnsim.bounds.relatives as relatives
from tnsim.experiments.figure import Curve, Figure, Panel, described
from tnsim.report import theorem_data, theorems

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SAMPLE = theorem_data.Told(
    Figure("Nothing much.", (Panel("one", "x", "y", (Curve("line", (1, 2), (3, 4)),)),)), ("a", "b"), (("1", "2"),)
)


def description_of(svg):
    found = ElementTree.fromstring(svg).find(".//{http://purl.org/dc/elements/1.1/}description")
    return found.text


@pytest.mark.slow
def test_the_page_and_its_figures_are_what_is_computed():
    families = theorems.told()
    assert (DOCS / "theorems.md").read_text(encoding="utf-8") == theorems.page(families)
    for name, one in families.items():
        shown = (DOCS / "figures" / f"theorem-{name}.svg").read_text(encoding="utf-8")
        assert json.loads(description_of(shown)) == json.loads(described(one.figure)), f"{name}: write the page again"
        assert (DOCS / "figures" / f"theorem-{name}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["pooling-geometry", "recurrent", "locally-connected", "graph-networks"])
def test_quick_families_are_on_the_page(name):
    text, told = (DOCS / "theorems.md").read_text(encoding="utf-8"), theorem_data.FAMILIES[name]()
    for row in told.rows:
        assert f"| {' | '.join(row)} |" in text


def test_every_theorem_names_functions_and_tests_that_exist():
    for one in theorems.THEOREMS:
        assert (ROOT / "tests" / "bounds" / "relatives" / one.test).exists()
        assert one.family in theorem_data.FAMILIES
        module = None
        for name in re.findall(r"`([\w.]+)`", one.function):
            if name.startswith("tnsim."):
                continue  # of another package, whose own tests hold it
            if "." in name:
                module, name = getattr(relatives, name.split(".")[0]), name.split(".")[1]
            assert name in module.__all__, f"{one.source}: {name}"


def test_a_page_has_a_row_a_theorem_a_section_a_family_and_whole_tables():
    text = theorems.page(dict.fromkeys(theorem_data.FAMILIES, SAMPLE))
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 2 + len(theorems.THEOREMS) + 3 * len(theorem_data.FAMILIES)
    assert {line.count("|") for line in rows} == {6, 3}  # no bar within a cell
    anchors = {title.lower().replace(" ", "-") for title in re.findall(r"^## (.+)$", text, flags=re.MULTILINE)}
    assert set(re.findall(r"\]\(#([\w-]+)\)", text)) == anchors


def test_writing_makes_the_page_and_its_figures(monkeypatch, tmp_path):
    monkeypatch.setattr(theorems, "FAMILIES", {"recurrent": lambda: SAMPLE})
    theorems.write(tmp_path)
    assert (tmp_path / "theorems.md").read_text(encoding="utf-8") == theorems.page({"recurrent": SAMPLE})
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {
        "theorem-recurrent.svg",
        "theorem-recurrent.png",
    }
