"""At which scale the correlations of a data set live, as plain JSON values. Above correlations and train; beside maps.

levels       S of every window of a level against the rest, and its mean            of y x^1 (x) .. (x) x^N, y = 1 for
chess        S of chess boards of k x k sites                                        a class and -1 for the rest
distances    mean correlation of two sites by how far apart they lie
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Integer

from tnsim import partitions
from tnsim.correlations import (
    DataMap,
    correlation_by_distance,
    correlations,
    cos_sin,
    data_map,
    data_population,
    data_tensor,
    one_vs_rest,
)
from tnsim.entanglement.estimate import Stopwatch
from tnsim.entanglement.maps import tiling
from tnsim.train.data import Dataset, load
from tnsim.train.recipes import PADS

CONTRAST = 0.085  # black to white, in pi: that of the published code
SAMPLES, OF_LARGE = 200, 120  # images looked at; of those of more than LARGE sites
LARGE = 256
WINDOWS = 64  # levels of more windows are left out: of 32 x 32 pixels the lowest one
LEAST = 16  # samples below which nothing is known of what they were drawn from


@dataclass(frozen=True)
class _Upper:
    """The levels of an architecture, or blocks of its grid, of which there are few, counted from the lowest of them."""

    arch: partitions.Sites
    first: int

    @property
    def grid(self) -> tuple[int, ...]:
        return self.arch.grid

    @property
    def size(self) -> int:
        return self.arch.size

    @property
    def depth(self) -> int:
        return self.arch.depth - self.first

    def sites_below(self, level: int) -> Int[np.ndarray, "nodes sites"]:
        return self.arch.sites_below(level + self.first)


def mapped(
    dataset: Dataset, arch: Any, label: int | None = None, contrast: float = CONTRAST, seed: int = 0
) -> dict[str, Any]:
    """The map of a class of a data set against the rest: of some training images, drawn by the seed.

    arch: any architecture, for its windows, or the blocks of 2, 4, .. sites a side that tile its grid. label: the most
    frequent of them by default. contrast: the angle between black and white, in pi. Raises ValueError for images of
    other sites than the architecture's. A note in place of figures says why there are none.
    """
    if tuple(dataset.image_shape) != tuple(arch.grid):
        wanted, found = (" x ".join(map(str, sides)) for sides in (arch.grid, dataset.image_shape))
        raise ValueError(f"data map: wanted images of {wanted} sites, found {dataset.name} of {found}")
    watch, count = Stopwatch(), SAMPLES if arch.size <= LARGE else OF_LARGE
    chosen = np.random.default_rng(seed).permutation(len(dataset.train_labels))[:count]
    images, labels = dataset.train_images[chosen], dataset.train_labels[chosen]
    label = int(np.bincount(labels).argmax()) if label is None else label
    head = {
        "dataset": dataset.name, "label": label, "class": dataset.classes[label], "samples": len(labels),
        "contrast": contrast, "seed": seed,
    }  # fmt: skip
    if len(labels) < LEAST or len(np.unique(labels)) < 2 or label not in labels:
        return head | {"note": f"Of {len(labels)} samples nothing can be said: too few, or all of one class."}
    return head | _measured(images, labels, label, contrast, arch) | {"seconds": watch.seconds}


def named(source: str, arch: Any) -> dict[str, Any]:
    """`mapped` of a data set by its name, a file or a folder. Raises as `mapped` and `load`."""
    return mapped(load(source, pad=PADS.get(source)), arch)


def _measured(
    images: Float[np.ndarray, "m H W"], labels: Integer[np.ndarray, "m"], label: int, contrast: float,
    arch: Any,
) -> dict[str, Any]:  # fmt: skip
    sites = partitions.sites_of(arch)
    few = (level for level in range(sites.depth) if len(sites.sites_below(level)) <= WINDOWS)
    upper = _Upper(sites, next(few, sites.depth))
    tensor = data_tensor(cos_sin(images, contrast), one_vs_rest(labels, label), upper)
    found = data_map(tensor, data_population)
    fall = correlation_by_distance(correlations(images).rho, arch.grid)
    return {
        "method": found.method, "confidence": found.confidence,
        "levels": [level for number in range(upper.depth) if (level := _level(found, upper, number))],
        "chess": [
            {"block": int(row.partition.split(":")[1]), **_ends(row.value, row.lower, row.upper)}
            for row in found.rows if row.partition.startswith("chess:")
        ],
        "distances": {key: values.tolist() for key, values in fall._asdict().items()},
    }  # fmt: skip


def _level(found: DataMap, upper: _Upper, number: int) -> dict[str, Any] | None:
    """One level as its windows lie; None for the window that is everything."""
    family = f"window:{number}"
    if family not in found.scales():
        return None
    below = upper.sites_below(number)
    return {
        "level": number + upper.first, "sites": below.shape[1], "shape": list(tiling(below, upper.grid)),
        "entropies": found.values(family).tolist(), **_ends(*found.scales()[family]),
    }  # fmt: skip


def _ends(value: float, lower: float, upper: float) -> dict[str, float | None]:
    """An estimate; an end that is infinite is None, since JSON has no such number."""
    return {"value": value, "lower": lower, "upper": upper if np.isfinite(upper) else None}
