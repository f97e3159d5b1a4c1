"""The empirical data tensor of labelled samples, held as its samples and never as a tensor. Uses partitions.

    D = (1/m) sum_i y_i  x_i^1 (x) x_i^2 (x) .. (x) x_i^N          x_i^n in R^M: what site n of sample i shows
      = e^s sum_i v_i u_i^1 (x) .. (x) u_i^N                       u = x / |x|, v_i = y_i prod_n |x_i^n| / (m e^s)

Inner products of unit vectors are at most 1, so products of any number of them stay in float range: one that underflows
is nothing beside the diagonal, which is 1. All scale is in the weights v, whose largest is 1, and in s.
Source: Alexander, De La Vega, Razin, Cohen 2023 (arXiv 2303.11249), section 4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import log, pi, prod

import numpy as np
from jaxtyping import Bool, Float, Int, Integer, Num

from tnsim import partitions
from tnsim.architectures.canonical import canonical

__all__ = ["DataTensor", "canonical", "class_tensors", "cos_sin", "data_tensor", "of_class", "one_vs_rest"]

AT_ONCE = 2**22  # numbers of one chunk of features


@dataclass(frozen=True, eq=False)
class DataTensor:
    """D of the module's docstring. Made by `data_tensor`, which checks.

    features: x as given, of the samples whose weight is not zero. weights: v, signed, peak 1. log_scale: s. varying:
    the sites at which not all samples show the same vector; the others multiply D by a fixed factor and carry no
    entanglement. arch: names partitions of the sites.
    """

    features: Float[np.ndarray, "m N M"]
    weights: Float[np.ndarray, "m"]
    log_scale: float
    varying: Bool[np.ndarray, "N"]
    arch: partitions.Sites

    @property
    def samples(self) -> int:
        """How many samples have weight: of m, those of label 0 are left out."""
        return len(self.features)

    @property
    def constant(self) -> tuple[int, ...]:
        """Numbers of the sites that are the same in all samples."""
        return tuple(np.flatnonzero(~self.varying).tolist())

    def mask(self, A: partitions.Partition) -> Bool[np.ndarray, "N"]:
        """A partition as a mask over the sites (True: in A). Raises ValueError for an A that is empty or everything."""
        return partitions.mask(self.arch, A)

    def part(self, samples: Integer[np.ndarray, "k"]) -> DataTensor:
        """The part of D that is the sum over some samples; scale and weights stay as they are."""
        return replace(self, features=self.features[samples], weights=self.weights[samples])


def data_tensor(
    features: Num[np.ndarray, "..."], y: Num[np.ndarray, "..."],
    arch: partitions.Sites | tuple[int, ...] | None = None,
) -> DataTensor:  # fmt: skip
    """The data tensor of samples with features (m, N, M) and real labels y (m,); in the paper 1 and -1.

    arch: an architecture, or the grid of the sites, (N,) or (height, width), whose canonical partitions are then those
    of `canonical`; by default (N,). Raises ValueError for shapes that do not fit, numbers that are not finite, no
    samples, and samples that all have weight zero.
    """
    features, y = _checked(np.asarray(features), np.asarray(y))
    sites = features.shape[1]
    arch = canonical((sites,) if arch is None else arch) if arch is None or isinstance(arch, tuple) else arch
    if arch.size != sites:
        raise ValueError(f"arch: wanted one of {sites} sites, like the features, found {arch.size}")
    logs = np.log(np.abs(np.where(y == 0, 1, y))) + _log_norms(features)
    alive = (y != 0) & (logs > -np.inf)
    if not alive.any():
        raise ValueError("y: wanted a sample of weight, found that each has label 0 or a site whose features are all 0")
    m = len(features)
    features, y, logs = (x if alive.all() else x[alive] for x in (features, y, logs))
    varying = np.zeros(sites, bool)
    for rows in chunks(features.shape):
        varying |= (features[rows] != features[:1]).any(axis=(0, 2))
    peak = float(logs.max())
    return DataTensor(features, np.sign(y) * np.exp(logs - peak), peak - log(m), varying, arch)


def _log_norms(features: Float[np.ndarray, "m N M"]) -> Float[np.ndarray, "m"]:
    """ln of the product of the sites' norms, -inf where a site is zero."""
    found = np.zeros(len(features))
    for rows in chunks(features.shape):
        with np.errstate(divide="ignore"):
            found[rows] = np.log(np.linalg.norm(features[rows].astype(np.float64), axis=2)).sum(axis=1)
    return found


def _checked(features: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if features.ndim != 3 or features.dtype.kind != "f" or 0 in features.shape:
        raise ValueError(
            f"features: wanted floats of shape (samples, sites, M), none of them 0 (cos_sin makes them of values), "
            f"found {features.dtype} of shape {features.shape}"
        )
    if features.shape[1] < 2:
        raise ValueError("features: wanted at least two sites, found 1")
    if y.shape != (len(features),) or y.dtype.kind not in "iufb":
        raise ValueError(f"y: wanted {len(features)} real numbers, one a sample, found {y.dtype} of shape {y.shape}")
    for rows in chunks(features.shape):
        if not np.isfinite(features[rows]).all():
            raise ValueError("features: wanted finite numbers, found NaN or infinity")
    if not np.isfinite(y).all():
        raise ValueError("y: wanted finite numbers, found NaN or infinity")
    return features, y.astype(np.float64)


def chunks(shape: tuple[int, ...]) -> Iterator[slice]:
    """Slices of the first axis that hold AT_ONCE numbers each, or one row."""
    step = max(1, AT_ONCE // max(prod(shape[1:]), 1))
    return (slice(start, start + step) for start in range(0, shape[0], step))


def cos_sin(values: Num[np.ndarray, "..."], angle: float = 0.5) -> Float[np.ndarray, "m N 2"]:
    """[cos(pi angle x), sin(pi angle x)] of every value, sites in one row: the paper's embedding; float32.

    With values in [0, 1], 1/2 makes 0 and 1 orthogonal, so that samples which differ at many sites have nothing in
    common and the sample's entropy is near ln m whatever the data; the published code takes 0.085. Raises ValueError
    for fewer than two axes, and where angle is not above 0.
    """
    if np.ndim(values) < 2:
        raise ValueError(f"values: wanted shape (samples, sites) or (samples, height, width), found {values.shape}")
    if not 0 < angle < np.inf:
        raise ValueError(f"angle: wanted a part of pi above 0, found {angle!r}")
    turned = np.asarray(values, np.float32).reshape(len(values), -1) * np.float32(pi * angle)
    return np.stack([np.cos(turned), np.sin(turned)], axis=-1)


def one_vs_rest(labels: Integer[np.ndarray, "m"], label: int) -> Float[np.ndarray, "m"]:
    """y = 1 for a label and -1 for all others. Raises ValueError where all labels are this one, or none is."""
    y = np.where(labels == label, 1.0, -1.0)
    if (y == y[0]).all():
        found = f"only {label}" if y[0] > 0 else f"none that is {label}"
        raise ValueError(f"labels: wanted samples of label {label} and of others, found {found}")
    return y


def of_class(labels: Integer[np.ndarray, "m"], label: int) -> Float[np.ndarray, "m"]:
    """y = 1 for a label and 0 for all others: the mean tensor of the class. Raises ValueError where none has it."""
    y = (labels == label).astype(np.float64)
    if not y.any():
        raise ValueError(f"labels: wanted samples of label {label}, found none")
    return y


def class_tensors(
    features: Num[np.ndarray, "..."], labels: Num[np.ndarray, "..."],
    arch: partitions.Sites | tuple[int, ...] | None = None, classes: int | None = None,
) -> Mapping[int, DataTensor]:  # fmt: skip
    """The one-vs-rest tensor of every class, 0 .. classes - 1 (by default the largest label), of labels (m,).

    Raises ValueError for labels of another shape or outside the classes, fewer than two classes, fewer samples than
    classes, and classes without a sample.
    """
    labels = np.asarray(labels)
    count = _classes(labels, np.shape(features)[:1], classes)
    return {label: data_tensor(features, one_vs_rest(labels, label), arch) for label in range(count)}


def _classes(labels: np.ndarray, shape: tuple[int, ...], classes: int | None) -> int:
    """How many classes there are; each has samples."""
    if labels.shape != shape or labels.dtype.kind not in "iu" or not labels.size or labels.min() < 0:
        raise ValueError(f"labels: wanted an integer >= 0 for each of {shape} samples, found "
                         f"{labels.dtype} of shape {labels.shape}")  # fmt: skip
    classes = int(labels.max()) + 1 if classes is None else classes
    if len(np.unique(labels)) < 2:
        raise ValueError(f"labels: wanted at least two classes, found {int(labels[0])} alone")
    if len(labels) < classes:
        raise ValueError(f"labels: wanted at least as many samples as classes, found {len(labels)} for {classes}")
    if labels.max() >= classes:
        raise ValueError(f"labels: wanted labels below {classes} classes, found {int(labels.max())}")
    if absent := sorted({*range(classes)} - {*labels.tolist()}):
        raise ValueError(f"labels: wanted samples of each of {classes} classes, found none of {absent}")
    return classes


def site_numbers(mask: Bool[np.ndarray, "N"]) -> Int[np.ndarray, "k"]:
    """The sites of a mask."""
    return np.flatnonzero(mask)
