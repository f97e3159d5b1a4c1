"""Two processes on loopback give what one gives; one is killed, the other ends, and the same command goes on."""

import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

import tnsim
from tnsim.distributed.launcher import launch
from tnsim.distributed.processes import ALONE, Processes, _told, fetched, start

JOB = Path(__file__).with_name("job.py")


@pytest.mark.slow
def test_a_lost_process_ends_the_run_and_the_same_command_goes_on(tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")  # two processes, whatever the number of GPUs
    folder, killed = tmp_path / "parts", tmp_path / "killed"
    command = [sys.executable, str(JOB), str(folder), str(killed)]
    code, ended, said = launch(command, 2), time.time(), capfd.readouterr().err
    assert code == 137, said
    assert "process 1 of 2 was lost: killed by SIGKILL" in said
    assert "process 0 of 2 ended after it: killed by SIGABRT" in said  # by JAX, not by the launcher
    assert ended - killed.stat().st_mtime < 60
    done = sorted(path.name for path in folder.glob("part_*"))
    assert done == [f"part_{item:06d}.npz" for item in (0, 1, 2, 3, 4, 6)]

    code, again = launch(command, 2), capfd.readouterr()
    assert code == 0, again.err
    lines = again.out.splitlines()  # Gloo adds its own
    said = sorted(line.split(maxsplit=3) for line in lines if line.startswith("computed"))
    assert [line[:3] for line in said] == [["computed", "0", "0"], ["computed", "1", "2"]]  # items 5 and 7
    check_results(tmp_path, [line[3] for line in said])


def check_results(folder, sums):
    arch = tnsim.ConvAC(sites=(4, 4), features=2, channels=(3, 2), windows=(2, 2), classes=3)
    banks = arch.init(jax.random.key(0))
    features = np.random.default_rng(1).normal(size=(6, 16, 2)).astype("f4")
    value, log_scale = arch.apply(banks, features)
    for name in ("data-0", "data-1", "sites-0", "sites-1"):
        found = np.load(folder / f"scores-{name}.npz")
        np.testing.assert_allclose(found["arr_0"], value, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(found["arr_1"], log_scale, rtol=1e-5, atol=1e-5)
    h = np.asarray(value * np.exp(log_scale)[:, None])
    assert sums[0] == sums[1]
    np.testing.assert_allclose(eval(sums[0]), [h[[0, 1, 2, 3, 4, 5, 0, 1]].sum(axis=0)], rtol=1e-4, atol=1e-6)


def test_alone_nothing_is_started(monkeypatch):
    for name in ("TNSIM_COORDINATOR", "TNSIM_PROCESSES", "TNSIM_PROCESS"):
        monkeypatch.delenv(name, raising=False)
    assert start() == ALONE == Processes(0, 1)
    np.testing.assert_array_equal(fetched({"x": jax.numpy.arange(3)})["x"], [0, 1, 2])


@pytest.mark.parametrize("index", ["", "two", "2", "-1"])
def test_half_an_environment_is_refused(index):
    told = {"TNSIM_COORDINATOR": "127.0.0.1:1", "TNSIM_PROCESSES": "2", "TNSIM_PROCESS": index}
    assert _told({**told, "TNSIM_PROCESS": "1"}) == ("127.0.0.1:1", Processes(1, 2))
    with pytest.raises(ValueError, match="wanted an address, a count and a number below it"):
        _told(told)


def test_a_process_without_a_gpu_of_its_own_says_so(monkeypatch):
    def missing():
        raise RuntimeError("Unable to initialize backend 'cuda'")

    for name, value in zip(("COORDINATOR", "PROCESSES", "PROCESS"), ("127.0.0.1:1", "2", "1"), strict=True):
        monkeypatch.setenv(f"TNSIM_{name}", value)
    monkeypatch.setattr(jax.distributed, "initialize", lambda *arguments, **settings: None)
    monkeypatch.setattr(jax, "local_devices", missing)
    with pytest.raises(RuntimeError, match="wanted one device for each of 2, found none for process 1; start as many"):
        start()
