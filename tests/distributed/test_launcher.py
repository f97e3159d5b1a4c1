"""The launcher watches its processes: all well, one lost, one stubborn, Ctrl-C."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tnsim.distributed import launcher
from tnsim.distributed.launcher import launch

SAY = "import os, sys; i = int(os.environ['TNSIM_PROCESS']); n = os.environ['TNSIM_PROCESSES'];"


def python(code):
    return [sys.executable, "-S", "-c", f"{SAY} {code}"]


def test_every_process_is_told_who_it_is(capfd):
    code = "say = f'{i} {n} ' + os.environ['TNSIM_COORDINATOR']; os.write(1, (say + chr(10)).encode())"
    assert launch(python(code), 3) == 0
    said = sorted(line.split(":")[0] for line in capfd.readouterr().out.splitlines())
    assert said == [f"{i} 3 127.0.0.1" for i in range(3)]


@pytest.mark.parametrize(
    ("end", "code", "how"),
    [("sys.exit(3)", 3, "exit code 3"), ("os.kill(os.getpid(), 9)", 137, "killed by SIGKILL")],
)
def test_a_lost_process_is_named_and_the_others_are_ended(capfd, end, code, how):
    began = time.monotonic()
    wait = "import time, signal; signal.signal(signal.SIGTERM, signal.SIG_DFL); time.sleep(60)"
    assert launch(python(f"exec({end!r} if i == 1 else {wait!r})"), 2, grace=0.5) == code
    assert time.monotonic() - began < 30
    said = capfd.readouterr().err
    assert f"process 1 of 2 was lost: {how}; the other processes end within" in said
    assert "process 0 of 2 ended after it: by the launcher" in said


def test_survivors_that_end_by_themselves_are_told_too(capfd):
    assert launch(python("import time; time.sleep(1.5 * (1 - i)); sys.exit(4 + i)"), 2) == 5
    said = capfd.readouterr().err
    assert "process 1 of 2 was lost: exit code 5" in said
    assert "process 0 of 2 ended after it: exit code 4" in said


def test_bad_calls_are_refused():
    with pytest.raises(ValueError, match="command: wanted a program"):
        launch([], 2)
    with pytest.raises(ValueError, match="processes: wanted a positive integer, found 0"):
        launch(["true"], 0)
    with pytest.raises(OSError, match="no-such-program"):
        launch(["no-such-program"], 2)


def test_ctrl_c_reaches_every_process_once():
    code = "import runpy, sys; sys.exit(runpy.run_path(sys.argv[1])['launch'](sys.argv[2:], 2))"
    child = python(
        "import time, signal\n"
        "say = lambda word: os.write(1, f'{word} {i}\\n'.encode())\n"  # in one piece
        "signal.signal(signal.SIGINT, lambda *_: (say('stopped'), sys.exit(130)))\n"
        "say('up'); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, launcher.__file__, *child]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        up = sorted(process.stdout.readline() for _ in range(2))
        assert up == ["up 0\n", "up 1\n"]
        os.kill(process.pid, signal.SIGINT)
        assert sorted(process.stdout.read().splitlines()) == ["stopped 0", "stopped 1"]
        assert process.wait(30) == 130
