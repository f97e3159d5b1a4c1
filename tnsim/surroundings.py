"""What this process runs on, as far as everyone needs it: processors and versions. On the ground."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

__all__ = ["processors", "system", "versions"]


def processors() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
