"""The README's Python blocks run, one after the other, and print the numbers beside them."""

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)


def printed(block):
    """What the block's comments say its prints print."""
    return re.findall(r"^print\(.*\) +# (.+)$", block, flags=re.MULTILINE)


@pytest.mark.slow
def test_the_blocks_run_and_print_what_they_say():
    names = {}
    for block in BLOCKS:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(block, "README.md", "exec"), names)
        assert out.getvalue().split("\n")[:-1] == printed(block)
    assert sum(len(printed(block)) for block in BLOCKS) >= 4


def test_each_of_the_two_commands_is_one_line():
    text = (ROOT / "README.md").read_text()
    for name in ("demo", "tests"):
        block = re.search(rf"<!-- {name} -->\n```sh\n(.*?)```", text, flags=re.DOTALL)
        assert block
        assert block[1].count("\n") == 1
