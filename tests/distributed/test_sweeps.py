"""A sweep computes what is missing and nothing else, and its parts do not feel who computed them."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tnsim.distributed.parts import PartsError, summed
from tnsim.distributed.processes import Processes
from tnsim.distributed.sweeps import sweep

FACTS = {"network": "a1"}


class Job:
    """Numbers whose sum feels the order; stops before an item where told."""

    def __init__(self, stop=None):
        self.stop, self.done = stop, []

    def __call__(self, item):
        if item == self.stop:
            raise KeyboardInterrupt
        self.done.append(item)
        return {"x": np.array([0.1 * item, 1 / (item + 1)])}


@settings(max_examples=10)
@given(st.integers(1, 9), st.data())
def test_a_stopped_sweep_goes_on_from_what_is_done(tmp_path_factory, items, data):
    folder, first = tmp_path_factory.mktemp("sweep"), Job(stop=data.draw(st.integers(0, items - 1)))
    with pytest.raises(KeyboardInterrupt):
        sweep(items, first, folder, FACTS)
    again = Job()
    parts = sweep(items, again, folder, FACTS)
    assert [*first.done, *again.done] == list(range(items))
    assert parts.computed == len(again.done)
    assert sweep(items, Job(stop=0), folder, FACTS).computed == 0
    assert sorted(path.name for path in folder.iterdir()) == [f"part_{item:06d}.npz" for item in range(items)]


@settings(max_examples=5)
@given(st.integers(1, 9), st.integers(2, 3))
def test_processes_share_the_items_and_agree(tmp_path_factory, items, count):
    folder, jobs = tmp_path_factory.mktemp("sweep"), [Job() for _ in range(count)]
    with ThreadPoolExecutor(count) as pool:
        calls = [pool.submit(sweep, items, job, folder, FACTS, Processes(i, count)) for i, job in enumerate(jobs)]
        sums = [summed(call.result())["x"] for call in calls]
    assert sorted(item for job in jobs for item in job.done) == list(range(items))
    alone = summed(sweep(items, Job(), tmp_path_factory.mktemp("alone"), FACTS))["x"]
    for one in sums:
        np.testing.assert_array_equal(one, alone)


def test_parts_of_another_job_are_refused(tmp_path):
    sweep(2, Job(), tmp_path, FACTS)
    with pytest.raises(PartsError, match="network: 'a1' there, 'b2' asked for"):
        sweep(2, Job(), tmp_path, {"network": "b2"})
    with pytest.raises(PartsError, match="items: 2 there, 3 asked for"):
        sweep(3, Job(), tmp_path, FACTS)
    with pytest.raises(ValueError, match="items: wanted a positive number, found 0"):
        sweep(0, Job(), tmp_path, FACTS)
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="folder: cannot write to"):
        sweep(2, Job(), tmp_path / "file", FACTS)


def test_the_bar_shows_what_is_done(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    sweep(3, Job(), tmp_path, FACTS)
    assert "3/3" in capsys.readouterr().err
