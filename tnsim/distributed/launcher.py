"""Several processes of one command on this machine, watched until the last. Imports nothing of tnsim; used by the cli.

    launch --+-- process 0: the command, with the address of the others in its environment (read by `processes.start`)
             +-- process 1: the same
             `-- one is lost: said on standard error; JAX ends the others, the launcher those left
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

COORDINATOR, COUNT, INDEX = "TNSIM_COORDINATOR", "TNSIM_PROCESSES", "TNSIM_PROCESS"  # what a process is told
EVERY = 0.1  # seconds between two looks at the processes
LAST = 5.0  # seconds from asking a process to end to ending it

Running = dict[int, subprocess.Popen]


def launch(command: Sequence[str], processes: int, grace: float = 30.0) -> int:
    """Run `command` in so many processes on this machine, and return an exit code: 0 where all ended well.

    Each is told by environment variables where to meet the others; `tnsim.distributed.start()` in the command reads
    them. Once one ends in an error or by a signal, standard error says which; the others have `grace` seconds to end
    by themselves, and are then ended. The exit code is the lost one's (128 + its signal). Ctrl-C and a request to end
    go on to every process.

    Raises ValueError for no command or processes < 1, OSError where the command cannot be started.
    """
    if not command:
        raise ValueError("command: wanted a program and its arguments, found nothing")
    if processes < 1:
        raise ValueError(f"processes: wanted a positive integer, found {processes}")
    running: Running = {}
    try:
        with _passing_signals_on(running):
            address = f"127.0.0.1:{_free_port()}"
            for index in range(processes):
                told = {COORDINATOR: address, COUNT: str(processes), INDEX: str(index)}
                # A group of its own, or a terminal's Ctrl-C would reach it twice.
                running[index] = subprocess.Popen(command, env=os.environ | told, process_group=0)
            return _watched(running, processes, grace)
    finally:
        _end(running)


def _watched(running: Running, processes: int, grace: float) -> int:
    """Wait for all; the exit code of the first that failed, or 0."""
    failed, deadline = 0, float("inf")
    while running:
        time.sleep(EVERY)
        for index in [index for index, process in running.items() if process.poll() is not None]:
            code = running.pop(index).returncode
            if code and not failed:
                failed, deadline = _exit_code(code), time.monotonic() + grace
                rest = f"; the other processes end within {grace:.0f} s" if running else ""
                _say(f"process {index} of {processes} was lost: {_how(code)}{rest}")
            elif code:
                _say(f"process {index} of {processes} ended after it: {_how(code)}")
        if time.monotonic() > deadline:
            for index in _end(running):
                _say(f"process {index} of {processes} ended after it: by the launcher")
    return failed


def _end(running: Running) -> list[int]:
    """End what still runs: asked first, then not asked. Which ones they were."""
    left = list(running)
    for process in running.values():
        process.terminate()
    deadline = time.monotonic() + LAST
    for process in running.values():
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    running.clear()
    return left


@contextmanager
def _passing_signals_on(running: Running) -> Iterator[None]:
    """SIGINT and SIGTERM go on to every process; not outside of the main thread, which alone hears signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def send(number: int, frame: object) -> None:
        for process in list(running.values()):
            process.send_signal(number)

    before = {number: signal.signal(number, send) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _exit_code(code: int) -> int:
    return code if code > 0 else 128 - code


def _how(code: int) -> str:
    return f"exit code {code}" if code > 0 else f"killed by {signal.Signals(-code).name}"


def _say(text: str) -> None:
    print(f"tnsim launch: {text}", file=sys.stderr, flush=True)
