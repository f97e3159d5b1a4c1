"""The inside of a contender's process: imports one contender, makes it ready, times it. Started by bench.process.

    bench.process  -- ("prepare", case) -->  this script  -- prepare(case) -->  the contender's module
                   <-- ("ok", answer) -----               <-- Prepared -------

Run as a script by its path and in need of the standard library alone, so that processors and thread counts are set
before anything is imported, and a contender's process holds what that contender imports and no more. A contender's
module has `prepare(case)` and may have `refuses(case)`; cases come as plain dictionaries and are made `Case` here.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import sys
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from time import perf_counter
from typing import Any

STATUS, CLEAR = "/proc/self/status", "/proc/self/clear_refs"
TOO_LARGE = ("RESOURCE_EXHAUSTED", "out of memory", "Out of memory", "can't allocate memory")


def held(name: str = "VmRSS") -> int | None:
    """Bytes of this process: now ("VmRSS") or at the highest ("VmHWM"); None where the system does not say."""
    try:
        with open(STATUS) as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))
    except (OSError, StopIteration):
        return None


def forget_peak() -> bool:
    """Start the record of the highest bytes anew, after giving back what was freed. False where that cannot be."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # another C library: its freed pages stay in the figure
        ctypes.CDLL(None).malloc_trim(0)  # else freed pages of the compiler count as held
    try:
        with open(CLEAR, "w") as file:
            file.write("5")
    except OSError:
        return False
    return True


class Peak:
    """The highest bytes of host and device above what was held before a case."""

    def __init__(self) -> None:
        self.clean = forget_peak()
        self.before = held()
        self.device = device_bytes(restart=True)

    def read(self) -> int | None:
        """Highest host bytes since the last start over those held before the case."""
        high = held("VmHWM")
        return max(high - self.before, 0) if self.clean and high is not None and self.before is not None else None

    def restart(self) -> int | None:
        """Begin a stage: its peak is counted from here, over the same ground. Bytes held now over that ground."""
        self.clean = forget_peak()
        now = held()
        return None if now is None or self.before is None else max(now - self.before, 0)

    def read_device(self) -> int | None:
        """Highest device bytes over those held before; None without a device, or if an earlier case went higher."""
        now = device_bytes()
        if now is None:
            return None
        (held_before, peak_before), (_, peak) = self.device or (0, 0), now
        return max(peak - held_before, 0) if peak > peak_before else None


def device_bytes(restart: bool = False) -> tuple[int, int] | None:
    """(held now, highest) on the accelerator of the library that this process computes with; None on a CPU."""
    torch, jax = sys.modules.get("torch"), sys.modules.get("jax")
    if torch is not None:  # such a contender may have imported JAX for its data only
        if not torch.cuda.is_initialized():
            return None
        if restart:
            torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated(), torch.cuda.max_memory_allocated()
    stats = jax.local_devices()[0].memory_stats() if jax is not None else None
    return (stats["bytes_in_use"], stats["peak_bytes_in_use"]) if stats and "peak_bytes_in_use" in stats else None


def wake() -> None:
    """Let JAX make its backend now, where this process computes with it: its threads and memory are no case's."""
    jax = sys.modules.get("jax")
    if jax is not None and "torch" not in sys.modules:
        jax.jit(lambda x: x + 1)(0.0).block_until_ready()


class Contender:
    """One contender's module and the case that it is ready for; a method is a command of the pipe."""

    def __init__(self, module: str) -> None:
        self.module = importlib.import_module(module)
        wake()
        self.prepared: Any = None
        self.peak: Peak | None = None

    def _case(self, fields: dict[str, Any]) -> Any:
        kind = getattr(self.module, "Case", None) or importlib.import_module("tnsim.bench.cases").Case
        return kind(**fields)

    def refuses(self, fields: dict[str, Any]) -> str | None:
        """Why this contender does not take a case, if it does not."""
        asked = getattr(self.module, "refuses", None)
        return asked(self._case(fields)) if asked else None

    def prepare(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Make ready, and answer: seconds by stage, the answer, multiply-adds, a note, the peak of bytes."""
        self.peak = Peak()
        self.prepared = self.module.prepare(self._case(fields))
        answer = self.prepared.answer()
        told = {key: getattr(self.prepared, key, None) for key in ("seconds", "multiply_adds", "note")}
        numpy = sys.modules.get("numpy")  # what is sent must not need the contender's library to be read
        told |= {"answer": answer if numpy is None else numpy.asarray(answer), "peak": self.peak.read()}
        told["held"] = self.peak.restart()
        return told

    def run(self, calls: int, warm: int) -> list[float]:
        """Seconds of each of so many calls, one after the other, the first `warm` calls not among them."""
        run, seconds = self.prepared.run, []
        for _ in range(warm):
            run()
        for _ in range(calls):
            start = perf_counter()
            run()
            seconds.append(perf_counter() - start)
        return seconds

    def peaks(self) -> dict[str, int | None]:
        """Highest bytes of the runs since the case was made ready, on the host and on the device."""
        assert self.peak is not None, "peaks: wanted a prepared case"
        return {"run": self.peak.read(), "device": self.peak.read_device()}

    def drop(self) -> None:
        """Forget the case, with what was compiled for it: the next one starts as in a fresh process."""
        self.prepared = self.peak = None
        if (jax := sys.modules.get("jax")) is not None:
            jax.clear_caches()
        forget_peak()

    def call(self, module: str, name: str, fields: dict[str, Any] | None) -> Any:
        """Any function of this process: with a case, or without arguments."""
        asked: Any = importlib.import_module(module)
        for part in name.split("."):
            asked = asked[part] if isinstance(asked, Mapping) else getattr(asked, part)
        return asked() if fields is None else asked(self._case(fields))


def said(error: BaseException) -> tuple[str, str]:
    """An error as a row says it: "memory" or "error", and one line."""
    text = str(error).strip()
    line = f"{type(error).__name__}: {text.splitlines()[0][:300]}" if text else type(error).__name__
    large = isinstance(error, MemoryError) or any(word in text for word in TOO_LARGE)
    return ("memory" if large else "error"), line


def attempt(action: Callable[[], Any]) -> tuple[str, Any]:
    """("ok", value), or what went wrong."""
    try:
        return "ok", action()
    except BaseException as error:  # a contender that exits or panics is a row, too
        return said(error)


def set_processors(processors: list[int]) -> None:
    """Keep this process to these processors, where the system can."""
    if processors and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, processors)


def serve(pipe: Connection) -> None:
    """Take commands until the pipe is closed: the first names processors, import paths and the contender."""
    start = pipe.recv()
    set_processors(start["processors"])
    sys.path[:] = start["path"]
    status, contender = attempt(lambda: Contender(start["module"]))
    pipe.send((status, None if status == "ok" else contender))
    while status == "ok":
        try:
            command, *arguments = pipe.recv()
        except EOFError:  # the parent has gone
            return
        method = getattr(contender, command)
        pipe.send(attempt(lambda: method(*arguments)))  # noqa: B023  (called here)


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
