"""Maps of one class as plain JSON values: all windows of all scales, all sites, all pairs of sites. Used by survey.

windows    S of every window of every level against the rest        sites    S of every single site
mutual     I(i : j): the strongest pairs, and its mean and largest value at every distance
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tnsim.entanglement.maps import LevelMap
from tnsim.entanglement.mutual import MutualInformation
from tnsim.entanglement.state import Memory, State

PAIRS_PER_SITE = 3  # strongest pairs kept: a thousand sites have half a million


def windows(state: State, memory: Memory = None) -> dict[str, Any]:
    """S of every window of every level, nats, row by row as the windows lie; the sites are the first level."""
    found = state.window_map(memory)
    return {"levels": [_level(level) for level in found.levels], "seconds": found.seconds}


def sites(state: State, memory: Memory = None) -> dict[str, Any]:
    """S of every site, nats."""
    found = state.site_entropies(memory=memory)
    return {
        "entropies": np.ravel(found.value).tolist(),
        "error": float(np.max(found.tolerance, initial=0.0)),
        "seconds": found.seconds,
    }


def mutual(state: State, memory: Memory = None) -> dict[str, Any]:
    """The strongest pairs [i, j, I], strongest first, and I against distance on the grid; nats."""
    found = state.mutual_information_map(memory)
    fall = found.decay(state.arch.grid)
    return {
        "pairs": strongest(found, PAIRS_PER_SITE * state.arch.size),
        "entropies": found.entropies.tolist(),
        "decay": {
            "distance": fall.distance.tolist(), "mean": fall.mean.tolist(), "largest": fall.largest.tolist(),
            "count": fall.count.tolist(),
        },
        "error": found.error,
        "seconds": found.seconds,
    }  # fmt: skip


MAPS: dict[str, Callable[[State, Memory], dict[str, Any]]] = {"windows": windows, "sites": sites, "mutual": mutual}


def strongest(found: MutualInformation, count: int) -> list[list[Any]]:
    """The `count` pairs i < j of the largest I, equal ones in the order of their sites."""
    i, j = np.triu_indices(len(found.values), 1)
    values = found.values[i, j]
    order = np.argsort(-values, kind="stable")[:count]
    return [[int(i[k]), int(j[k]), float(values[k])] for k in order]


def _level(level: LevelMap) -> dict[str, Any]:
    S = level.entropy()
    return {
        "level": level.level,
        "sites": level.sites,
        "shape": list(level.shape),
        "entropies": np.ravel(S.value).tolist(),
        "error": float(np.max(S.tolerance, initial=0.0)),
    }


def said(found: dict[str, Any], unit: float = 1.0) -> str:
    """A map in a line: means of the levels, the site of most entropy, or the strongest pair, in units."""
    if found["kind"] == "windows":
        means = (f"{level['sites']}: {np.mean(level['entropies']) / unit:.4f}" for level in found["levels"])
        return f"mean S by sites in a window: {', '.join(means)}"
    if found["kind"] == "sites":
        S = np.array(found["entropies"]) / unit
        return f"mean S of a site {S.mean():.4f}, largest {S.max():.4f} (site {int(S.argmax())})"
    if not found["pairs"]:
        return "no pairs"
    i, j, largest = found["pairs"][0]
    return f"largest I {largest / unit:.4f} (sites {i} and {j})"
