"""How much memory a contraction may take where nobody says. Uses memory; used by plan and footprint."""

from __future__ import annotations

import jax

from tnsim import memory as limits

__all__ = ["allowed", "free"]


def allowed(memory: str | float | None) -> int:
    """A limit in bytes as `tnsim.memory.limit` reads it; of None what `free` says. Raises ValueError as it does."""
    return free() if memory is None else limits.limit(memory)


def free() -> int:
    """Half of what the default device has free, or of the machine's memory where a device does not tell."""
    told = jax.devices()[0].memory_stats() or {}
    if "bytes_limit" not in told:
        return limits.limit(None)
    return (told["bytes_limit"] - told.get("bytes_in_use", 0)) // 2
