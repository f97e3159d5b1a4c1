"""The Python blocks of pages run, one after the other, and print what stands beside them."""

import contextlib
import io
import re
from pathlib import Path

import jupytext
import pytest

DOCS = Path(__file__).parents[1] / "docs"
PAGES = {  # which print at least so often
    "entanglement.md": 20, "compression.md": 2, "bounds.md": 15, "design.md": 3, "data-entanglement.md": 11,
    "networks.md": 19, "extending.md": 19, "canonical.md": 16, "generation.md": 8,
}  # fmt: skip


def blocks_of(name):
    return re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), flags=re.DOTALL)


def printed(block):
    """What the block's comments say its prints print."""
    return re.findall(r"^print\(.*\) +# (.+)$", block, flags=re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_a_page_runs_and_prints_what_it_says(name):
    names = {}
    for block in blocks_of(name):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(block, name, "exec"), names)
        assert out.getvalue().split("\n")[:-1] == printed(block)


@pytest.mark.parametrize("name", PAGES)
def test_every_print_of_a_page_says_what_it_prints(name):
    blocks = blocks_of(name)
    assert all(block.count("print(") == len(printed(block)) for block in blocks)
    assert sum(len(printed(block)) for block in blocks) >= PAGES[name]


def test_an_architecture_and_a_measure_are_written_in_under_sixty_lines():
    blocks = blocks_of("extending.md")
    written = {name: [block for block in blocks if name in block] for name in ("class Ladder(", "BEST = semiring(")}
    assert all(len(found) == 1 and found[0].count("\n") < 60 for found in written.values())


NOTEBOOKS = sorted((DOCS.parent / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_and_its_text_are_one_and_its_outputs_are_there(path):
    shown, text = jupytext.read(path), jupytext.read(path.with_suffix(".py"))
    told = [[(cell.cell_type, cell.source) for cell in notebook.cells] for notebook in (shown, text)]
    assert told[0] == told[1]
    assert any(cell.get("outputs") for cell in shown.cells)
    assert path.stat().st_size < 50_000


def test_the_pages_link_to_files_that_are_there():
    for page in DOCS.glob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (DOCS / target).exists(), f"{page.name}: {target}"
