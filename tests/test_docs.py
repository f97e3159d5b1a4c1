"""The guide's Python blocks run, one after the other, and print what stands beside them."""

import contextlib
import io
import re
from pathlib import Path

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


def test_the_pages_link_to_files_that_are_there():
    for page in PAGE.parent.glob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (PAGE.parent / target).exists(), f"{page.name}: {target}"
