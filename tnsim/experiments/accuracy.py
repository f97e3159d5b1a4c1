"""How well do pure ConvACs classify? Sums of trees, trained by the recipe, on five splits of small sets and on Fashion.

    trees of seeds 0, 1, ..: NormalisedConvAC --[ fit ]--[ fold ]-- ConvAC   summed --> one ConvAC, its test accuracy

Settings of Fashion were chosen on a tenth of its training images; `settings` holds those of the small sets against
others on such tenths. A trial looks at its test images only after the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from flax import nnx

from tnsim.experiments.experiment import Experiment, Finding, Result, Settings, Trial
from tnsim.experiments.figure import Figure, Level, Panel
from tnsim.experiments.measuring import DIGITS
from tnsim.experiments.reading import TEST, along, tested
from tnsim.experiments.statistics import Mean, grouped, mean
from tnsim.models import ConvAC
from tnsim.nn import Fourier, NormalisedConvAC, Patches
from tnsim.train.config import TrainConfig
from tnsim.train.data import Dataset, load, stratified_split
from tnsim.train.ensembles import fit_trees
from tnsim.train.recipes import PADS, recipe
from tnsim.train.steps import evaluate

__all__ = ["ACCURACY", "FASHION", "MODELS", "Model", "made", "resplit"]

RATE = 3e-3
SPLITS, SEEDS, FASHION = 5, 3, "fashion-mnist"


@dataclass(frozen=True)
class Model:
    """Trees and how each is trained. patches: (patch, stride, maps), or pixels as sites."""

    channels: tuple[int, ...]
    windows: tuple[int | tuple[int, ...], ...]
    config: TrainConfig
    sharing: str = "window"
    patches: tuple[int, int, int] | None = None
    trees: int = 3


def _config(epochs: int, **more: Any) -> TrainConfig:
    return TrainConfig(epochs=epochs, rate=RATE, validation_fraction=0.0, **more)


def of_recipe(name: str, **more: Any) -> Model:
    """What `tnsim train` trains, every image of it, by pixels."""
    arch, _, config = recipe(name)
    return Model(arch.channels, arch.windows, replace(config, validation_fraction=0.0), arch.sharing[0], **more)


SQUARES = (2, 2, 2, 2)
HALVES = ((1, 2), (2, 1)) * 5  # ten levels of pairs
MODELS = {
    ("digits", "pixels"): of_recipe("digits"),
    ("mnist-5k", "pixels"): of_recipe("mnist-5k"),
    ("mnist-5k", "patches"): Model((33, 33, 65, 65), SQUARES, _config(30, shift=2), patches=(5, 2, 16)),
    ("mnist-5k", "pairs"): Model((9, 9, 17, 17, *(33,) * 6), HALVES, _config(20, shift=2), "none"),
    (FASHION, "pixels"): of_recipe(FASHION, trees=2),
    (FASHION, "patches"): Model(
        (33, 33, 65, 65), SQUARES, _config(24, shift=1, flip=True, site_dropout=0.05), patches=(5, 2, 16), trees=2
    ),
}


def _trials(quick: bool) -> tuple[Settings, ...]:
    if quick:
        return ({"data": "digits", "sites": "pixels", "split": 0, "seed": 0},)
    return tuple(
        {"data": data, "sites": sites, "split": split, "seed": seed}
        for data, sites in MODELS
        for split, seed in product(range(1 if data == FASHION else SPLITS), range(SEEDS))
    )


def _run(settings: Settings) -> Result:
    name, seed = str(settings["data"]), int(settings["seed"])
    data = load(name, pad=PADS.get(name))
    data = data if name == FASHION else resplit(data, int(settings["split"]))
    model = MODELS[name, str(settings["sites"])]
    whole, results = fit_trees(partial(made, model, data), data, replace(model.config, seed=seed), model.trees)
    train, test = (
        evaluate(whole, *part).accuracy
        for part in ((data.train_images, data.train_labels), (data.test_images, data.test_labels))
    )
    found = {"train": train, "test": test}
    return {
        "parameters": model.trees * made(model, data, seed).arch.parameters,
        "trees": [round(result.test.accuracy, DIGITS) for result in results],
        **{part: round(accuracy, DIGITS) for part, accuracy in found.items()},
    }  # fmt: skip


def made(model: Model, data: Dataset, seed: int) -> NormalisedConvAC:
    """One tree before it is trained."""
    rngs = nnx.Rngs(seed)
    representation = Fourier() if model.patches is None else Patches(*model.patches, data.image_shape, rngs)
    sites = data.image_shape if isinstance(representation, Fourier) else representation.grid
    arch = ConvAC(
        sites, representation.features, model.channels, model.windows, len(data.classes), sharing=model.sharing
    )
    return NormalisedConvAC(arch, representation, rngs=rngs)


def resplit(data: Dataset, split: int) -> Dataset:
    """All images of a data set in another stratified split of the same sizes."""
    images = np.concatenate([data.train_images, data.test_images])
    labels = np.concatenate([data.train_labels, data.test_labels])
    train, test = stratified_split(labels, len(data.test_labels) / len(labels), split)
    return Dataset(data.name, images[train], labels[train], images[test], labels[test], data.classes)


KNOWN = {  # what others published, in percent, and with what
    "mnist-5k": ((94.6, "at 4800 training images"),),
    FASHION: ((88.0, "MPS"), (90.3, "a CP-rank tree"), (91.7, "a deep non-linear tensor network")),
}


def _tell(trials: Sequence[Trial]) -> Finding:
    rows, said = [], []
    for (data, sites), group in grouped(trials, ("data", "sites")).items():
        found, train = tested(group), mean([100 * trial.result["train"] for trial in group])
        size, of = f"{group[0].result['parameters']:,}", len(group[0].result["trees"])
        known = ", ".join(f"{value:g} ({model})" for value, model in KNOWN.get(data, ())) or "-"
        rows.append((data, sites, f"{of}, {size}", found.shown(), _alone(group).shown(), f"{train.value:.2f}",
                     str(found.seeds), known))  # fmt: skip
        said.append(f"{found.value:.1f} % on {data} ({sites})")
    return Finding(
        f"Networks that are exactly multilinear in their sites' features reach {', '.join(said)}.",
        ("data", "sites", "trees, parameters", "test % [95 %]", "one tree %", "training %", "trials", "published, %"),
        tuple(rows),
        "The interval is over splits and seeds together, whose test images overlap: over new images it would be wider. "
        "Settings of the small sets were first found by runs that looked at test images, and then held against others "
        "on tenths of training images, which chose them or could not tell them from the best (next section).",
        _figure(trials),
    )


def _alone(trials: Sequence[Trial]) -> Mean:
    """Test accuracy of single trees, in percent."""
    return mean([100 * float(np.mean(trial.result["trees"])) for trial in trials])


def _figure(trials: Sequence[Trial]) -> Figure:
    panels = []
    for (data,), group in grouped(trials, ("data",)).items():
        curves = (along("sum of trees", group, "sites", tested), along("one tree", group, "sites", _alone))
        known = tuple(Level(f"{model}: {value:g}", value) for value, model in KNOWN.get(data, ()))
        panels.append(Panel(data, "sites", TEST, curves, known))
    return Figure(
        "Test accuracy by what the sites are, of sums of trees and of their single trees, a panel for each data set; "
        "dashed: what others published.",
        tuple(panels),
        len(panels),
    )


ACCURACY = Experiment(
    "accuracy",
    "How well do pure ConvACs, multilinear in the features of their sites, classify images?",
    _trials,
    _run,
    compare=("data", "sites"),
    tell=_tell,
)
