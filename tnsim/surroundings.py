"""What this process runs on, as far as everyone needs it: processors and versions. On the ground."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["crowded", "processors", "system", "versions"]


def processors() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def crowded() -> bool:
    """Whether half of the memory mappings that Linux allows a process are used up: a compiled program takes some.

    XLA aborts the process where it finds none left; `jax.clear_caches()` gives them back.
    """
    try:
        most = int(Path("/proc/sys/vm/max_map_count").read_text())
        with open("/proc/self/maps", "rb") as lines:
            return 2 * sum(1 for _ in lines) > most
    except OSError:  # another system, without such a limit
        return False


def system() -> str:
    """Operating system and instruction set."""
    return f"{platform.system()} {platform.machine()}"


def versions(names: Iterable[str]) -> dict[str, str]:
    """Of Python and of the distributions of these names, as far as they are installed."""
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
