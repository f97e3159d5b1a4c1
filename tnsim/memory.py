"""Memory limits: read, compared with an estimate, refused in words. Ground floor: imports nothing of tnsim."""

from __future__ import annotations

import os
import re

UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


class MemoryLimitError(MemoryError):
    """A contraction was refused before it began: its estimate is above the limit."""


def limit(memory: str | float | None = None) -> int:
    """A limit in bytes: a number, a text like "8GB", or None for half of the memory that is free now.

    Raises ValueError for anything else.
    """
    if memory is None:
        return _free() // 2
    if isinstance(memory, (int, float)) and not isinstance(memory, bool) and memory > 0:
        return int(memory)
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?B?)\s*", str(memory).upper())
    if not match or float(match[1]) <= 0:
        raise ValueError(f"memory: wanted bytes or a text like '8GB', found {memory!r}")
    unit = match[2] if match[2] in UNITS else match[2] + "B"
    return int(float(match[1]) * UNITS[unit])


def human(size: float) -> str:
    """Bytes for people: 1.2e9 is "1.2 GB"."""
    for unit in ("TB", "GB", "MB", "KB"):
        if size >= UNITS[unit]:
            return f"{size / UNITS[unit]:.3g} {unit}"
    return f"{size:.0f} B"


def check(needed: float, memory: str | float | None, what: str, ways_out: str) -> None:
    """Refuse work whose estimate is above the limit. Raises MemoryLimitError that names both, and the ways out."""
    if needed > limit(memory):
        raise refusal(needed, memory, what, ways_out)


def refusal(needed: float, memory: str | float | None, what: str, ways_out: str) -> MemoryLimitError:
    """The error that `check` raises."""
    return MemoryLimitError(
        f"{what} needs about {human(needed)}, above the limit of {human(limit(memory))}. {ways_out}"
    )


def _free() -> int:
    """Bytes that could be had now without swapping; free pages alone would leave out what caches give back."""
    try:
        with open("/proc/meminfo") as lines:
            available = next(line for line in lines if line.startswith("MemAvailable:"))
        return int(available.split()[1]) * 1024
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (ValueError, OSError, AttributeError):  # no such figure on this system: assume a small machine
        return 4 * 10**9
