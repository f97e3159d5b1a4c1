"""At which scale and distance the correlations of a data set live. Uses sample, population, surrogate.

    windows:   every window of every level of an architecture, against the rest      S or Renyi-2, and SE
    scales:    their mean by level; chess boards of k x k blocks, for every k
    distances: mean rho of pairs of sites, by how far apart they lie

Plain arrays and to_json: whoever draws stands above.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from tnsim import partitions
from tnsim.correlations.surrogate import surrogate_entanglement
from tnsim.correlations.tensor import DataTensor
from tnsim.entanglement.estimate import Estimate

__all__ = ["DataMap", "Distances", "Row", "correlation_by_distance", "data_map"]

Measure = Callable[[DataTensor, Bool[np.ndarray, "N"]], Estimate]


class Distances(NamedTuple):
    """Mean rho of the pairs of varying sites at a rounded distance in sites, its standard deviation, their number."""

    distance: Float[np.ndarray, "d"]
    mean: Float[np.ndarray, "d"]
    deviation: Float[np.ndarray, "d"]
    pairs: Float[np.ndarray, "d"]


@dataclass(frozen=True)
class Row:
    """A partition by name, sites in A and how many of them vary, the entropy in its interval, the surrogate or None."""

    partition: str
    sites: int
    varying: int
    value: float
    lower: float
    upper: float
    surrogate: float | None


@dataclass(frozen=True)
class DataMap:
    """Rows for every partition measured; in nats. method: how, as the first estimate says it."""

    rows: tuple[Row, ...]
    method: str
    confidence: float | None

    def scales(self) -> dict[str, tuple[float, float, float]]:
        """Mean value, lower and upper end by family: "window:0", "window:1", .., each chess board."""
        families: dict[str, list[Row]] = {}
        for row in self.rows:
            name = row.partition.rsplit(":", 1)[0] if row.partition.startswith("window:") else row.partition
            families.setdefault(name, []).append(row)
        mean = lambda rows, end: float(np.mean([getattr(row, end) for row in rows]))  # noqa: E731
        return {name: (mean(r, "value"), mean(r, "lower"), mean(r, "upper")) for name, r in families.items()}

    def values(self, family: str) -> Float[np.ndarray, "partitions"]:
        """The values of a family in order, of "window:0" one a window. Raises ValueError for an unknown family."""
        found = [row.value for row in self.rows if row.partition == family or row.partition.startswith(f"{family}:")]
        if not found:
            raise ValueError(f"family: wanted one of {', '.join(self.scales())}, found {family!r}")
        return np.array(found)

    def to_json(self) -> dict[str, Any]:
        """Plain values; ends that are infinite are None, since JSON has no such number."""
        finite = lambda value: value if not isinstance(value, float) or np.isfinite(value) else None  # noqa: E731
        rows = [{name: finite(value) for name, value in asdict(row).items()} for row in self.rows]
        return {"unit": "nats", "method": self.method, "confidence": self.confidence, "rows": rows}


def data_map(
    tensor: DataTensor, measure: Measure, rho: Float[np.ndarray, "N N"] | None = None, chess: bool = True
) -> DataMap:
    """Measure every window of every level of the tensor's architecture, and chess boards of blocks of 1, 2, 4, ..

    measure: (tensor, mask) -> Estimate, as `data_entropy`, `data_renyi` or `data_population` with what else they take.
    rho: of `correlations`, for the surrogate beside it. Windows of constant sites alone have entropy 0 by definition.
    """
    rows, method, confidence = [], "", None
    for name, mask in _named(tensor.arch, chess):
        found = _measured(tensor, mask, measure)
        method, confidence = method or found.method, found.confidence if confidence is None else confidence
        beside = None if rho is None else surrogate_entanglement(rho, mask)
        varying = int((mask & tensor.varying).sum())
        value, lower, upper = (float(x) for x in (found.value, found.lower, found.upper))
        rows.append(Row(name, int(mask.sum()), varying, value, lower, upper, beside))
    return DataMap(tuple(rows), method, confidence)


def _named(arch: partitions.Sites, chess: bool) -> list[tuple[str, Bool[np.ndarray, "N"]]]:
    found = [
        (f"window:{level}:{node}", mask)
        for level in range(arch.depth)
        for node, mask in enumerate(partitions.windows(arch, level)) if not mask.all()
    ]  # fmt: skip
    block = 1
    while chess and block < max(arch.grid):
        found.append((f"chess:{block}", partitions.mask(arch, f"chess:{block}")))
        block *= 2
    return found


def _measured(tensor: DataTensor, mask: Bool[np.ndarray, "N"], measure: Measure) -> Estimate:
    """Of a side that no sample varies on D is a product, exactly."""
    if not (mask & tensor.varying).any() or not (~mask & tensor.varying).any():
        return Estimate(0.0, 0.0, 0.0, "")
    return measure(tensor, mask)


def correlation_by_distance(rho: Float[np.ndarray, "N N"], grid: tuple[int, ...]) -> Distances:
    """Mean rho of pairs of sites by their Euclidean distance on a grid (N,) or (height, width), to the nearest integer.

    Sites that correlate with nothing (constant ones) are left out. Raises ValueError for a grid of another size.
    """
    if int(np.prod(grid)) != len(rho) or len(grid) not in (1, 2):
        raise ValueError(f"grid: wanted one or two sides of {len(rho)} sites, found {grid}")
    alive = rho.sum(axis=1) > 0
    places = np.indices(grid).reshape(len(grid), -1).T[alive]
    one, other = np.triu_indices(len(places), 1)
    far = np.rint(np.linalg.norm(places[one] - places[other], axis=1)).astype(np.int64)
    values = rho[np.ix_(alive, alive)][one, other]
    count = np.bincount(far)
    sums, squares = (np.bincount(far, weights=values**power) for power in (1, 2))
    at = np.flatnonzero(count)
    mean = sums[at] / count[at]
    deviation = np.sqrt(np.maximum(squares[at] / count[at] - mean**2, 0.0))
    return Distances(at.astype(np.float64), mean, deviation, count[at].astype(np.float64))
