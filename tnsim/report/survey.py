"""The survey of a trained network as plain JSON values: the content of `measurements.json` and of the report.

For every partition and class: the exact spectrum's figures where the spectrum is within reach, Renyi-2 (a lower bound
of the entropy) everywhere, the min-cut beside them, and the same of the network before training.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import numpy as np
from jaxtyping import Num

from tnsim import partitions
from tnsim.architectures.convac import ConvACArchitecture
from tnsim.banks import Banks, measurable
from tnsim.bounds.min_cut import min_cut, rank_bounds
from tnsim.entanglement import schmidt
from tnsim.entanglement.measure import SiteMeasure, site_measure
from tnsim.entanglement.renyi import renyi_2
from tnsim.entanglement.spectrum import Spectrum
from tnsim.memory import MemoryLimitError

FORMAT = "tnsim-measurements/1"
SPECTRUM_SHOWN = 64  # probabilities kept for the pictures
DRAWN_SITES = 4096  # the wiring of larger networks is left out
DEMO_PARTITIONS = (
    "left-right",
    "top-bottom",
    "quadrant",
    "chess:4",
    "center",
    "checkerboard",
    "interleaved",
)


@dataclass(frozen=True)
class Subject:
    """What is measured: an architecture, its banks, the inner product, and (optionally) the banks before training."""

    arch: ConvACArchitecture
    params: Banks
    measure: str = "coefficient"
    gram: Num[np.ndarray, "..."] | None = None
    untrained: Banks | None = None
    untrained_gram: Num[np.ndarray, "..."] | None = None
    classes: Sequence[str] = field(default_factory=tuple)

    def class_name(self, label: int) -> str:
        return self.classes[label] if self.classes else str(label)


def survey(
    subject: Subject,
    names: Sequence[partitions.Partition],
    labels: Sequence[int] | None = None,
    memory: str | float | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Measure every class across every partition; {"partitions": [..], "measurements": [..]} of JSON values.

    A spectrum that needs more than `memory` is left out and its partition marked "exact": false. `tell` hears what is
    being measured. Raises ValueError for labels, partitions, banks and grams that do not fit.
    """
    arch = subject.arch
    labels = (
        list(range(arch.classes)) if labels is None else [_label(arch, label) for label in labels]
    )
    masks = {_name(A): partitions.mask(arch, A) for A in names}
    found: dict[str, Any] = {"partitions": [], "measurements": []}
    for name, mask in masks.items():
        tell(name)
        trained = _measured(subject, subject.params, subject.gram, mask, labels, memory)
        before = None
        if subject.untrained is not None:
            before = _measured(
                subject, subject.untrained, subject.untrained_gram, mask, labels, memory
            )
        found["partitions"].append(
            _described(arch, name, mask, exact=trained[0]["entropy"] is not None)
        )
        for place, label in enumerate(labels):
            row = {
                "partition": name,
                "label": label,
                "class": subject.class_name(label),
                **trained[place],
            }
            found["measurements"].append(row | ({"untrained": before[place]} if before else {}))
    return found


def provenance(command: str, seed: int | None) -> dict[str, Any]:
    """Format, versions and command, for the head of a measurements file."""
    packages = {name: version(name) for name in ("jax", "flax", "optax", "numpy", "tensornetwork")}
    return {
        "format": FORMAT, "version": version("tnsim"), "command": command, "seed": seed,
        "packages": {"python": platform.python_version(), **packages},
    }  # fmt: skip


def architecture(arch: ConvACArchitecture) -> dict[str, Any]:
    """Hyper-parameters, number of parameters, and the tree (children of every node, level by level) where drawable."""
    small = arch.size <= DRAWN_SITES
    tree = [arch.groups(level).tolist() for level in range(arch.depth)] if small else None
    return {"architecture": arch.to_json(), "parameters": arch.parameters, "tree": tree}


def _label(arch: ConvACArchitecture, label: int) -> int:
    if not 0 <= label < arch.classes:
        raise ValueError(f"label: wanted an integer in 0..{arch.classes - 1}, found {label}")
    return label


def _name(A: partitions.Partition) -> str:
    return A if isinstance(A, str) else "sites " + ",".join(str(site) for site in A)


def _described(arch: ConvACArchitecture, name: str, mask, exact: bool) -> dict[str, Any]:
    bounds = rank_bounds(arch, mask)
    return {
        "name": name,
        "sites": np.flatnonzero(mask).tolist(),
        "size": int(mask.sum()),
        "exact": exact,
        "min_cut": min_cut(arch, mask).to_json(),
        "rank_bounds": {
            "lower": str(bounds.lower),
            "upper": str(bounds.upper),
            "note": bounds.note,
        },
    }


def _measured(
    subject: Subject, params, gram, mask, labels: Sequence[int], memory
) -> list[dict[str, Any]]:
    """One row of figures for each label."""
    arch = subject.arch
    banks = measurable(arch.network, params)
    measure = site_measure(subject.measure, gram, arch.size, arch.features)
    vectors = banks["output"][list(labels)]
    try:
        spectra = schmidt.spectra(arch.network, banks, vectors, measure, mask, memory)
    except MemoryLimitError:  # out of reach: Renyi-2 is what can be said exactly
        return _replica_rows(arch, banks, vectors, measure, mask, memory)
    return [_spectrum_row(spectrum) for spectrum in spectra]


def _spectrum_row(spectrum: Spectrum) -> dict[str, Any]:
    return {
        "entropy": spectrum.entropy(),
        "entropy_error": spectrum.entropy_error,
        "renyi2": spectrum.renyi(2),
        "rank": spectrum.rank(),
        "rank_tolerance": spectrum.tolerance,
        "effective_rank": spectrum.effective_rank,
        "geometric": spectrum.geometric,
        "probabilities": spectrum.probabilities[:SPECTRUM_SHOWN].tolist(),
    }


def _replica_rows(arch: ConvACArchitecture, banks, vectors, measure: SiteMeasure, mask, memory) -> list[dict[str, Any]]:
    found = renyi_2(arch.network, banks, vectors, measure, mask[None], memory)
    pairs = zip(np.ravel(found.value).tolist(), np.ravel(found.upper).tolist(), strict=True)
    return [dict.fromkeys(_ROW) | {"renyi2": value, "renyi2_error": upper - value} for value, upper in pairs]


_ROW = (
    "entropy",
    "entropy_error",
    "renyi2",
    "rank",
    "rank_tolerance",
    "effective_rank",
    "geometric",
    "probabilities",
)
