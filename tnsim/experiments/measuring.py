"""What trials measure: accuracy of a trained module, and the entropies of its classes beside their bounds. Below all.

    Module --[ fit ]--> accuracies        ConvAC --[ gram of the data ]--> {partition: bound, Renyi-2 of each class, S}
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import Any

import numpy as np
from flax import nnx

from tnsim.banks import Banks, measurable
from tnsim.bounds import min_cut
from tnsim.entanglement import renyi, schmidt
from tnsim.entanglement.entropy import EXACT, exact
from tnsim.entanglement.estimate import Estimate
from tnsim.entanglement.measure import SiteMeasure, site_measure
from tnsim.entanglement.state import State
from tnsim.memory import MemoryLimitError
from tnsim.network import Network
from tnsim.nn.convac import ConvAC
from tnsim.nn.normalised import NormalisedConvAC
from tnsim.partitions import Partition
from tnsim.train.config import TrainConfig
from tnsim.train.data import Dataset
from tnsim.train.loop import Watch, fit
from tnsim.train.steps import evaluate

__all__ = ["DIGITS", "entropies", "measured", "ranks", "trained"]

IN_REACH = 512  # singular values
DIGITS = 6  # of every number kept: more would only make files long


def trained(module: nnx.Module, data: Dataset, config: TrainConfig, watch: Watch | None = None) -> dict[str, Any]:
    """Train it; accuracies on the training images, as they are, and on the test images."""
    result = fit(module, data, config, progress=False, watch=watch)
    train = evaluate(module, data.train_images, data.train_labels)
    return {
        "train": round(train.accuracy, DIGITS), "test": round(result.test.accuracy, DIGITS),
        "test_loss": round(result.test.loss, DIGITS), "steps": result.steps,
    }  # fmt: skip


def measured(
    module: NormalisedConvAC, data: Dataset, config: TrainConfig, partitions: Sequence[Partition], labels: Sequence[int]
) -> dict[str, Any]:
    """`trained`, with the number of parameters, and the `entropies` at the start and at the end."""
    before = entropies(module.folded(), data, partitions, labels)
    reached = trained(module, data, config)
    after = entropies(module.folded(), data, partitions, labels)
    return {"parameters": module.arch.parameters, **reached, "entropies_at_start": before, "entropies": after}


def entropies(
    module: ConvAC, data: Dataset, partitions: Sequence[Partition], labels: Sequence[int]
) -> list[dict[str, Any]]:
    """A row for each partition: ln(min-cut) and, a list over the classes, Renyi-2; in nats.

    Where the min-cut is at most IN_REACH, so that the spectrum is, S of each class too: [value, lower, upper].

    Measured as functions of the data: the inner product of features at a site is that of the training images.
    """
    states = _states(module, data, labels)
    masks = np.stack([states[0].mask(A) for A in partitions])
    values = np.asarray(renyi.renyi(*_parts(states), masks).value)  # (labels, partitions): one fold serves all labels
    rows = []
    for place, A in enumerate(partitions):
        row: dict[str, Any] = {"partition": str(A), "bound": round(min_cut(module.arch, A).log, DIGITS)}
        row["renyi2"] = [round(float(value), DIGITS) for value in values[:, place]]
        if row["bound"] <= log(IN_REACH) + 1e-9:
            found = _each(states, A)
            row["entropy"] = [[round(float(x), DIGITS) for x in (S.value, S.lower, S.upper)] for S in found]
        rows.append(row)
    return rows


def ranks(module: ConvAC, data: Dataset, A: Partition, labels: Sequence[int]) -> list[int]:
    """Schmidt ranks across (A, the rest) of classes as `entropies` measures them: values above rounding."""
    states = _states(module, data, labels)
    return [spectrum.rank() for spectrum in schmidt.spectra(*_parts(states), states[0].mask(A))]


def _each(states: Sequence[State], A: Partition) -> list[Estimate]:
    """S of every state: from exact spectra, of which one fold serves all, or else intervals, one by one."""
    try:
        return [exact(spectrum, None) for spectrum in schmidt.spectra(*_parts(states), states[0].mask(A), EXACT)]
    except MemoryLimitError:
        return [state.entropy(A) for state in states]


def _parts(states: Sequence[State]) -> tuple[Network, Banks, np.ndarray, SiteMeasure]:
    """What states that differ in their class alone share, and their rows of the output."""
    first = states[0]
    return first.network, first.banks, np.stack([state.vector for state in states]), first.measure


def _states(module: ConvAC, data: Dataset, labels: Sequence[int]) -> list[State]:
    """Classes as functions of the data: by the site Grams of the training images."""
    if module.representation is None:
        raise ValueError("module: wanted one with a representation, found None")
    gram = module.representation.gram_from(data.train_images, per_site=True)
    banks = measurable(module.arch.network, module.params())
    measure = site_measure("function", gram, module.arch.size, module.arch.features)
    return [State(module.arch, banks, label, measure) for label in labels]
