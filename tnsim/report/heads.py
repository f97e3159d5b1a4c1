"""What a measurements file says of itself: versions, command, seed, and the network it is of. Beside survey."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from tnsim.architectures.layered import Layered
from tnsim.surroundings import versions

FORMAT = "tnsim-measurements/1"
DRAWN_SITES = 4096  # the wiring of larger networks is left out


def provenance(command: str, seed: int | None) -> dict[str, Any]:
    """Format, versions and command, for the head of a measurements file."""
    packages = versions(("jax", "flax", "optax", "numpy", "tensornetwork"))
    return {
        "format": FORMAT, "version": version("tnsim"), "command": command, "seed": seed, "packages": packages,
    }  # fmt: skip


def architecture(arch: Layered) -> dict[str, Any]:
    """Hyper-parameters, number of parameters, and the tree (children of every node, level by level) where drawable."""
    small = arch.size <= DRAWN_SITES
    tree = [arch.groups(level).tolist() for level in range(arch.depth)] if small else None
    return {"architecture": arch.to_json(), "parameters": arch.parameters, "tree": tree}
