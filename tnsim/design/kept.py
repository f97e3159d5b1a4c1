"""Needs kept in a folder as they are measured, so that a design goes on where it was stopped. Uses needs, distributed.

    looks/3f2a... .npz = the needs of all levels at one contrast, named by a fingerprint of all that they depend on
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tnsim.design.needs import Need
from tnsim.distributed.parts import PartsError, read, write

__all__ = ["kept"]

Needs = tuple[Need, ...]


def kept(folder: Path | None, fingerprint: str, measure: Callable[[], Needs]) -> Needs:
    """What was measured under this fingerprint before, or is now; without a folder nothing is kept."""
    if folder is None:
        return measure()
    path = folder / f"{fingerprint}.npz"
    try:
        return _needs(read(path))
    except (FileNotFoundError, PartsError):  # never measured, or a file that is none: it is replaced by a whole one
        found = measure()
    folder.mkdir(parents=True, exist_ok=True)
    write(path, _arrays(found), {"levels": len(found)})
    return found


def _arrays(needs: Needs) -> dict[str, np.ndarray]:
    return {
        "counts": np.array([(need.level, need.nodes, need.measured) for need in needs]),
        "entropies": np.array([need.entropy for need in needs]),
        **{f"lost_{place}": need.lost for place, need in enumerate(needs)},
    }


def _needs(arrays: dict[str, np.ndarray]) -> Needs:
    rows = zip(arrays["counts"].tolist(), arrays["entropies"].tolist(), strict=True)
    return tuple(
        Need(level, nodes, measured, arrays[f"lost_{place}"], entropy)
        for place, ((level, nodes, measured), entropy) in enumerate(rows)
    )
