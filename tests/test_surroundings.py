"""What a process runs on: how many mappings it has left, and that compiled programs are what takes them."""

import builtins
import io
import sys
from pathlib import Path

import pytest

from tnsim import surroundings


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts mappings")
@pytest.mark.parametrize(("most", "full"), [(5, True), (7, False)])
def test_half_of_the_mappings_is_crowded(monkeypatch, most, full):
    monkeypatch.setattr(Path, "read_text", lambda self: f"{most}\n")
    monkeypatch.setattr(builtins, "open", lambda *args: io.BytesIO(b"one\ntwo\nthree\n"))
    assert surroundings.crowded() is full


def test_systems_that_do_not_count_are_never_crowded(monkeypatch):
    def missing(self):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    assert surroundings.crowded() is False


def test_versions_are_of_what_is_installed():
    found = surroundings.versions(("jax", "no-such-distribution"))
    assert set(found) == {"python", "jax"}
    assert surroundings.processors() >= 1
