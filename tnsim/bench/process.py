"""A contender's process from outside: started with its threads, asked within limits, killed beyond them.

    Worker.ask("prepare", case, limits) --> Reply(status, value)     status: "ok", "time", "memory" or "error"

Above bench.worker, the script that runs inside; below bench.crew. Workers are fresh processes (never forks: JAX has
threads) in sessions of their own, so that a kill takes their children along and Ctrl-C reaches the parent alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from tnsim.memory import human

SCRIPT = Path(__file__).with_name("worker.py")
LOOK = 0.05  # seconds between two looks at a worker's memory
COUNTS = (
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS", "RAYON_NUM_THREADS", "TORCHINDUCTOR_COMPILE_THREADS", "TNSIM_BENCH_THREADS",
)  # fmt: skip
ALIKE = {
    "OMP_WAIT_POLICY": "PASSIVE",  # threads of a waiting worker must not spin beside the one that runs
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # several workers share a device
    "JAX_ENABLE_COMPILATION_CACHE": "false",  # compilation is measured, not remembered
    "JAX_DEFAULT_MATMUL_PRECISION": "highest",  # as PyTorch's default: no rounding of operands on GPUs
    "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1",
    "PYTHONHASHSEED": "0",
}


class Limits(NamedTuple):
    """What a request may take: seconds, and bytes over those held at `Worker.mark`. None: no limit."""

    seconds: float | None = None
    memory: int | None = None


class Reply(NamedTuple):
    """status: "ok" with the value, or "time", "memory", "error" with one line of words."""

    status: str
    value: Any


def processors(threads: int | None) -> list[int]:
    """The processors that a worker is kept to: the first of those this process may use, all for None.

    Raises ValueError if more are asked for than there are.
    """
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    if threads is not None and not 1 <= threads <= len(usable):
        raise ValueError(f"threads: wanted 1 to {len(usable)}, found {threads}")
    return usable[:threads]


def surroundings(threads: int) -> dict[str, str]:
    """The environment of every worker: this process's, with the same number of threads for all libraries."""
    return {**os.environ, **ALIKE, **dict.fromkeys(COUNTS, str(threads))}


class Worker:
    """A contender's process; `failure` is the reply of an import that failed."""

    def __init__(self, module: str, threads: int | None = None, limits: Limits = Limits()) -> None:  # noqa: B008
        usable = processors(threads)
        self.pipe, inner = Pipe()
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed by kill)
        self.process = _started(inner, surroundings(len(usable)), self.errors)
        self.ground = 0
        self.pipe.send({"module": module, "processors": usable, "path": sys.path})
        reply = self._reply(limits)
        self.failure = None if reply.status == "ok" else reply
        if self.failure:
            self.kill()

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self.process.poll() is None and not self.pipe.closed

    def mark(self) -> None:
        """Memory limits count from what is held now: libraries are not a case's."""
        self.ground = held(self.process.pid)

    def ask(self, command: str, *arguments: Any, limits: Limits = Limits()) -> Reply:  # noqa: B008
        """One request and its reply. Beyond a limit the worker is killed; the reply says so, or how it ended."""
        if self.pipe.closed:
            return self.failure or Reply("error", "the process has ended")
        try:
            self.pipe.send((command, *arguments))
            return self._reply(limits)
        except OSError:  # the process ended before it read
            return self._ended()

    def _reply(self, limits: Limits) -> Reply:
        end = None if limits.seconds is None else monotonic() + limits.seconds
        try:
            while not self.pipe.poll(LOOK):
                if end is not None and monotonic() > end:
                    return self._refused("time", f"more than {limits.seconds:.3g} s")
                if limits.memory is not None and held(self.process.pid) - self.ground > limits.memory:
                    return self._refused("memory", f"more than the limit of {human(limits.memory)}")
            return Reply(*self.pipe.recv())
        except (EOFError, ConnectionError):
            return self._ended()

    def _refused(self, status: str, words: str) -> Reply:
        self.kill()
        return Reply(status, words)

    def _ended(self) -> Reply:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        code, last = self.process.poll(), self._last_words()
        self.kill()
        if code == -signal.SIGKILL:  # not ours, which closes the pipe first: the system's, when memory runs out
            return Reply("memory", "ended by the system (signal 9): out of memory")
        return Reply("error", f"the process ended with code {code}{last and f': {last}'}")

    def _last_words(self) -> str:
        self.errors.seek(max(self.errors.seek(0, os.SEEK_END) - 4000, 0))
        lines = [line for line in self.errors.read().decode(errors="replace").splitlines() if line.strip()]
        return lines[-1].strip()[:300] if lines else ""

    def kill(self) -> None:
        """End the process and its children; nothing happens if that was done."""
        if self.pipe.closed:
            return
        self.pipe.close()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.errors.close()


def _started(inner: Connection, environment: dict[str, str], errors: Any) -> subprocess.Popen:
    """The script with its end of the pipe; -P keeps its folder out of the import path."""
    handle = inner.fileno()
    process = subprocess.Popen(
        [sys.executable, "-P", str(SCRIPT), str(handle)], env=environment, pass_fds=(handle,), start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
    )  # fmt: skip
    inner.close()
    return process


def held(pid: int) -> int:
    """Bytes that a process holds in memory; 0 where the system does not say."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0
