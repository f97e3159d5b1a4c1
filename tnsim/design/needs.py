"""What data needs of every level: the weight that its tensor loses where a window's bond has width r. Uses partitions.

    D = sum_i x_i^1 (x) .. (x) x_i^N (x) e_{y_i}          the data tensor with its label leg; x of length 1

    a window of level l | the rest        singular values s_k of D there        lost(r) = sum_{k > r} s_k^2 / |D|^2

A tree whose bonds have these widths comes within sqrt(sum over all bonds of lost) of D, relative to |D|, if its nodes
are dense (hierarchical truncation: Grasedyck 2010, Theorem 3.11); no tree of these widths comes closer than the largest
lost of one bond. At the root, and within windows, the copy index is what joins halves of the window's children.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float, Integer

from tnsim.architectures.layered import Layered
from tnsim.entanglement.spectrum import renyi

__all__ = ["Need", "data_needs", "losses"]

TINY = 1e-300  # an inner product that is nothing, so that its logarithm is a number


@dataclass(frozen=True, eq=False)
class Need:
    """What one level needs. nodes: windows of the level, of which `measured` were looked at.

    lost: lost[r], averaged over these windows, for r = 0 .. samples. entropy: of the measured cuts, in nats, averaged.
    """

    level: int
    nodes: int
    measured: int
    lost: Float[np.ndarray, "ranks"]
    entropy: float

    def width(self, share: float) -> int:
        """The least width at which no more than this share of the weight is lost, in the mean over windows."""
        return int(np.argmax(self.lost <= share))


@dataclass(frozen=True, eq=False)
class _Samples:
    """Unit features, and ln <x_i, x_j> over all sites with what it is the sign of; same: whether labels are equal."""

    features: Float[np.ndarray, "m N M"]
    log: Float[np.ndarray, "m m"]
    negative: Bool[np.ndarray, "m m"]
    same: Bool[np.ndarray, "m m"]


def data_needs(
    features: Float[np.ndarray, "m N M"], labels: Integer[np.ndarray, "n"], arch: Layered,
    nodes: int = 8, seed: int = 0, tick: Callable[[int], None] | None = None,
) -> tuple[Need, ...]:  # fmt: skip
    """What every level of an architecture's wiring needs for these samples; widths of `arch` do not matter.

    nodes: windows measured of a level, drawn by `seed` where it has more. tick: told after each level. Costs m^3 a
    window in time, and some m^2 numbers. Raises ValueError for shapes that do not fit, numbers that are not finite,
    fewer samples than classes, labels of one class, and samples with a site whose features are all 0.
    """
    samples, rng, found = _checked(features, labels, arch), np.random.default_rng(seed), []
    for level in range(arch.depth):
        groups = arch.groups(level)
        chosen = rng.permutation(len(groups))[:nodes]
        spectra = [_neediest(samples, cuts) for cuts in (_cuts(arch, level, int(node)) for node in chosen)]
        found.append(_need(level, len(groups), spectra))
        if tick:
            tick(level)
    return tuple(found)


def losses(needs: Sequence[Need], most: int) -> Float[np.ndarray, "levels ranks"]:
    """Row l: what all windows of level l lose together at width r = 0 .. most."""
    rows = np.zeros((len(needs), most + 1))
    for row, need in zip(rows, needs, strict=True):
        count = min(most + 1, len(need.lost))
        row[:count] = need.nodes * need.lost[:count]
    return rows


def _cuts(arch: Layered, level: int, node: int) -> Iterator[Integer[np.ndarray, "sites"]]:
    """The sites that a window's index joins to others: all of it below the root, there each half of its children."""
    if level < arch.depth - 1:
        yield arch.sites_below(level)[node]
        return
    children = arch.groups(level)[node]
    below = arch.sites_below(level - 1) if level else np.arange(arch.size)[:, None]
    first, rest = children[:1], children[1:]
    for others in combinations(rest.tolist(), len(children) // 2 - 1 if len(children) > 1 else 0):
        yield below[[*first.tolist(), *others]].ravel()


def _neediest(samples: _Samples, cuts: Iterator[Integer[np.ndarray, "sites"]]) -> Float[np.ndarray, "m"]:
    """Of several cuts the spectrum of most entropy."""
    return max((_spectrum(samples, sites) for sites in cuts), key=lambda p: renyi(p, 1))


def _spectrum(samples: _Samples, sites: Integer[np.ndarray, "sites"]) -> Float[np.ndarray, "m"]:
    """Squared singular values, descending, their sum 1: eigenvalues of G_A^(1/2) (G_B o [y = y']) G_A^(1/2)."""
    log, negative = _logs(samples.features[:, sites])
    one = _signed(log, negative)
    other = _signed(samples.log - log, samples.negative ^ negative) * samples.same
    values, vectors = np.linalg.eigh(one)
    root = vectors * np.sqrt(np.maximum(values, 0))
    p = np.maximum(np.linalg.eigvalsh(root.T @ other @ root)[::-1], 0)
    return p / p.sum()


def _signed(log: Float[np.ndarray, "m m"], negative: Bool[np.ndarray, "m m"]) -> Float[np.ndarray, "m m"]:
    return np.where(negative, -1.0, 1.0) * np.exp(log)


def _logs(features: Float[np.ndarray, "m sites M"]) -> tuple[Float[np.ndarray, "m m"], Bool[np.ndarray, "m m"]]:
    """ln |prod_n <x_i^n, x_j^n>| and whether it is negative."""
    m = len(features)
    log, negative = np.zeros((m, m)), np.zeros((m, m), bool)
    for site in range(features.shape[1]):
        inner = features[:, site] @ features[:, site].T
        log += np.log(np.maximum(np.abs(inner), TINY))
        negative ^= inner < 0
    return log, negative


def _need(level: int, nodes: int, spectra: list[Float[np.ndarray, "m"]]) -> Need:
    kept = np.concatenate([[0.0], np.mean(spectra, axis=0).cumsum()])
    lost = np.maximum(1 - kept, 0)
    lost[-1] = 0.0
    return Need(level, nodes, len(spectra), lost, float(np.mean([renyi(p, 1) for p in spectra])))


def _checked(features: np.ndarray, labels: np.ndarray, arch: Layered) -> _Samples:
    if features.ndim != 3 or features.shape[1] != arch.size:
        raise ValueError(f"features: wanted (samples, {arch.size}, M), found shape {features.shape}")
    if labels.shape != features.shape[:1] or labels.dtype.kind not in "iu":
        raise ValueError(f"labels: wanted {len(features)} integers, found {labels.dtype} of shape {labels.shape}")
    if not np.isfinite(features).all():
        raise ValueError("features: wanted finite numbers, found NaN or infinity")
    classes = len(np.unique(labels))
    if classes < 2:
        raise ValueError(f"labels: wanted at least two classes, found {classes}")
    if len(labels) < max(arch.classes, classes):
        raise ValueError(f"labels: wanted a sample for each of {arch.classes} classes at least, found {len(labels)}")
    norms = np.linalg.norm(features.astype(np.float64), axis=2, keepdims=True)
    if not norms.all():
        raise ValueError("features: wanted none that is 0 at all functions of a site, found one")
    units = features.astype(np.float64) / norms
    log, negative = _logs(units)
    return _Samples(units, log, negative, labels[:, None] == labels)
