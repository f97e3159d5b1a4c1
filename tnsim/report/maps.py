"""Maps of one class as plain JSON values: all windows of all scales, all sites, all pairs of sites. Used by survey.

windows    S of every window of every level against the rest        sites    S of every single site
mutual     I(i : j): the strongest pairs, and its mean and largest value at every distance

Of a layered tree by one fold each (MAPS), of any other network by a spectrum for every window (NETWORK_MAPS).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Int

from tnsim import partitions
from tnsim.entanglement.estimate import Estimate, Stopwatch
from tnsim.entanglement.maps import LevelMap, tiling
from tnsim.entanglement.mutual import MutualInformation
from tnsim.entanglement.networks.state import NetworkState
from tnsim.entanglement.state import Memory, State
from tnsim.memory import MemoryLimitError

PAIRS_PER_SITE = 3  # strongest pairs kept: a thousand sites have half a million


def windows(state: State, memory: Memory = None) -> dict[str, Any]:
    """S of every window of every level, nats, row by row as the windows lie; the sites are the first level."""
    found = state.window_map(memory)
    return {"levels": [_level(level) for level in found.levels], "seconds": found.seconds}


def blocks(state: NetworkState, memory: Memory = None) -> dict[str, Any]:
    """The same of a network's windows, or of the blocks that tile its grid, a spectrum each; None where it is out of
    reach. The window that is everything is left out."""
    watch, sites = Stopwatch(), state.sites
    every = [np.arange(sites.size)[:, None], *(sites.sites_below(level) for level in range(sites.depth))]
    levels = [_blocks(state, below, number - 1, memory) for number, below in enumerate(every) if len(below) > 1]
    return {"levels": levels, "seconds": watch.seconds}


def _blocks(state: NetworkState, below: Int[np.ndarray, "nodes sites"], level: int, memory: Memory) -> dict[str, Any]:
    found = [_reached(state, block.tolist(), memory) for block in below]
    return {
        "level": level,
        "sites": below.shape[1],
        "shape": list(tiling(below, state.sites.grid)),
        "entropies": [None if S is None else float(S.value) for S in found],
        "error": max((float(S.tolerance) for S in found if S is not None), default=0.0),
    }


def _reached(state: NetworkState, block: list[int], memory: Memory) -> Estimate | None:
    try:
        return state.entropy(block, memory=memory)
    except MemoryLimitError:
        return None


def sites(state: State | NetworkState, memory: Memory = None) -> dict[str, Any]:
    """S of every site, nats."""
    found = state.site_entropies(memory=memory)
    return {
        "entropies": np.ravel(found.value).tolist(),
        "error": float(np.max(found.tolerance, initial=0.0)),
        "seconds": found.seconds,
    }


def mutual(state: State | NetworkState, memory: Memory = None) -> dict[str, Any]:
    """The strongest pairs [i, j, I], strongest first, and I against distance on the grid; nats."""
    found = state.mutual_information_map(memory=memory)
    on: partitions.Sites = state.sites if isinstance(state, NetworkState) else state.arch
    fall = found.decay(on.grid)
    return {
        "pairs": strongest(found, PAIRS_PER_SITE * on.size),
        "entropies": found.entropies.tolist(),
        "decay": {
            "distance": fall.distance.tolist(), "mean": fall.mean.tolist(), "largest": fall.largest.tolist(),
            "count": fall.count.tolist(),
        },
        "error": found.error,
        "seconds": found.seconds,
    }  # fmt: skip


MAPS: dict[str, Callable[[State, Memory], dict[str, Any]]] = {"windows": windows, "sites": sites, "mutual": mutual}


NETWORK_MAPS: dict[str, Callable[[NetworkState, Memory], dict[str, Any]]] = {
    "windows": blocks, "sites": sites, "mutual": mutual,
}  # fmt: skip


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
        means = (f"{level['sites']}: {_mean(level['entropies'], unit)}" for level in found["levels"])
        return f"mean S by sites in a window: {', '.join(means)}"
    if found["kind"] == "sites":
        S = np.array(found["entropies"]) / unit
        return f"mean S of a site {S.mean():.4f}, largest {S.max():.4f} (site {int(S.argmax())})"
    if not found["pairs"]:
        return "no pairs"
    i, j, largest = found["pairs"][0]
    return f"largest I {largest / unit:.4f} (sites {i} and {j})"


def _mean(entropies: list[float | None], unit: float) -> str:
    known = [S for S in entropies if S is not None]
    return f"{np.mean(known) / unit:.4f}" if known else "-"
