"""A user's files beside tnsim: what a circle among them says, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import tnsim

ARCHITECTURE = """
from tnsim.network import build
from measure import log_best
class Ladder: ...
"""
MEASURE = """
from tnsim.contract.path_fold import semiring
from architecture import Ladder
def log_best(network): ...
"""


def run(folder, line):
    """(exit status, what it said on stderr) of a line of Python in a folder."""
    paths = [str(Path(tnsim.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    found = subprocess.run(
        [sys.executable, "-c", line], cwd=folder, capture_output=True, text=True, timeout=300,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )  # fmt: skip
    return found.returncode, found.stderr


def test_a_circle_among_ones_own_files_names_the_file_and_no_file_of_tnsim(tmp_path):
    for file, text in (("architecture.py", ARCHITECTURE), ("measure.py", MEASURE)):
        (tmp_path / file).write_text(text)
    status, said = run(tmp_path, "import architecture")
    last = said.strip().splitlines()[-1]
    assert status == 1
    assert last.startswith("ImportError: cannot import name 'Ladder' from partially initialized module 'architecture'")
    assert str(tmp_path / "architecture.py") in last
    assert "circular import" in last
    assert "tnsim" not in last.replace(str(tmp_path), "")


def test_a_file_that_is_called_as_a_package_is_named(tmp_path):
    (tmp_path / "tnsim.py").write_text("from tnsim.network import build\n")
    status, said = run(tmp_path, "import tnsim")
    assert status == 1
    assert str(tmp_path / "tnsim.py") in said
    assert "ModuleNotFoundError: No module named 'tnsim.network'; 'tnsim' is not a package" in said
