"""The guide's Python blocks run, one after the other, and print what stands beside them."""

import contextlib
import io
import re
from pathlib import Path

import jupytext
import pytest

PAGE = Path(__file__).parents[1] / "docs" / "entanglement.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)


def printed(block):
    """What the block's comments say its prints print."""
    return re.findall(r"^print\(.*\)  # (.+)$", block, flags=re.MULTILINE)


@pytest.mark.slow
def test_the_guide_runs_and_prints_what_it_says():
    names = {}
    for block in BLOCKS:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(block, PAGE.name, "exec"), names)
        assert out.getvalue().split("\n")[:-1] == printed(block)


def test_every_print_of_the_guide_says_what_it_prints():
    assert all(block.count("print(") == len(printed(block)) for block in BLOCKS)
    assert sum(len(printed(block)) for block in BLOCKS) >= 20


NOTEBOOKS = sorted((PAGE.parents[1] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_and_its_text_are_one_and_its_outputs_are_there(path):
    shown, text = jupytext.read(path), jupytext.read(path.with_suffix(".py"))
    told = [[(cell.cell_type, cell.source) for cell in notebook.cells] for notebook in (shown, text)]
    assert told[0] == told[1]
    assert any(cell.get("outputs") for cell in shown.cells)
    assert path.stat().st_size < 50_000


def test_the_pages_link_to_files_that_are_there():
    for page in PAGE.parent.glob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (PAGE.parent / target).exists(), f"{page.name}: {target}"
