"""Contenders made for the tests: each a module that imports nothing, so that its process starts in a moment."""

import pytest

from tnsim.bench.peers.registry import Peer

MODULE = '''
from types import SimpleNamespace
import time
Case = SimpleNamespace
held = []
{top}
def refuses(case):
    return {refuses}
def prepare(case):
    {prepare}
    return SimpleNamespace(run=lambda: {run}, answer=lambda: {answer}, seconds={{"compile": 0.5}}, multiply_adds=12.0,
                           note="tried")
'''
PARTS = {"top": "", "refuses": "None", "prepare": "pass", "run": "time.sleep(0.001)", "answer": "[1.0, 2.0]"}


@pytest.fixture
def contender(tmp_path, monkeypatch):
    """contender(name, run=.., prepare=.., answer=.., refuses=.., requires=(..)): a Peer whose module does just that."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(name, requires=(), **parts):
        (tmp_path / f"fake_{name}.py").write_text(MODULE.format(**{**PARTS, **parts}))
        return Peer(name, f"fake_{name}", "peers", requires, f"how {name} is used")

    return make
