"""What a benchmark ran on: device, processor, threads, precision, versions, commit. Called inside tnsim's own worker.

Nothing here is measured; bench.roofline measures.
"""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path
from typing import NamedTuple

import jax

from tnsim.surroundings import processors, system, versions

LIBRARIES = (
    "tnsim", "jax", "jaxlib", "numpy", "scipy", "tensornetwork", "opt_einsum", "torch", "cotengra", "cotengrust",
    "quimb", "autoray", "tensorkrowch", "cuquantum-python", "cuquantum-python-cu12", "cuquantum-python-cu13",
)  # fmt: skip


class Machine(NamedTuple):
    """Facts by name, and versions of the libraries that are installed."""

    facts: dict[str, str | int | None]
    versions: dict[str, str]


def surroundings() -> Machine:
    """What this process runs on, its processors being those it is kept to."""
    device = jax.devices()[0]
    facts = {
        "platform": device.platform, "device": device.device_kind, "devices": jax.device_count(),
        "processor": processor(), "threads": processors(), "system": system(),
        "matmul_precision": str(getattr(jax.config, "jax_default_matmul_precision", None) or "default"),
        "commit": commit(),
    }  # fmt: skip
    return Machine(facts, versions(LIBRARIES))


def processor() -> str:
    """The processor's name; its architecture where the system does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def commit() -> str | None:
    """The last commit of this package, with a + where the files differ from it; None outside a clone."""
    named = _git("log", "-1", "--format=%h")
    changed = _git("status", "--porcelain", "-uno")
    return None if not named or changed is None else named + ("+" if changed else "")


def _git(*words: str) -> str | None:
    package = Path(__file__).parents[1]
    command = ["git", "-C", str(package), *words, "--", "."]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
