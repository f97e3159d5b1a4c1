"""Does entropy rise while a network trains, and does it tell how well it generalises, class by class, seed by seed?

    looks through training: Renyi-2 of every class over some partitions, test accuracy of every class, training loss

That entropy rises was claimed for quantum convolutional networks (arXiv 2103.11785).
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx

from tnsim.experiments.experiment import Experiment, Result, Settings
from tnsim.experiments.measuring import DIGITS, entropies, trained
from tnsim.nn import NormalisedConvAC
from tnsim.train.data import Dataset, load
from tnsim.train.recipes import PADS, recipe

__all__ = ["ENTROPY_AND_GENERALISATION", "by_class"]

PARTITIONS = ("left-right", "center", "chess:4", "checkerboard")
CLASSES = tuple(range(10))
EPOCHS = {"digits": 40, "mnist-5k": 12}
LOOKS = 8
AT_ONCE = 250  # images


def _trials(quick: bool) -> tuple[Settings, ...]:
    if quick:
        return ({"data": "digits", "epochs": 2, "seed": 0},)
    return tuple({"data": data, "epochs": EPOCHS[data], "seed": seed} for data, seed in product(EPOCHS, range(10)))


def by_class(module: nnx.Module, data: Dataset) -> list[float]:
    """Test accuracy of each class."""
    parts = np.array_split(data.test_images, -(-len(data.test_images) // AT_ONCE))
    told = np.concatenate([np.asarray(jnp.argmax(module(part), axis=-1)) for part in parts])
    return [round(float((told[data.test_labels == c] == c).mean()), DIGITS) for c in range(len(data.classes))]


def _run(settings: Settings) -> Result:
    name, seed = str(settings["data"]), int(settings["seed"])
    data = load(name, pad=PADS.get(name))
    arch, representation, config = recipe(name)
    module = NormalisedConvAC(arch, representation, rngs=nnx.Rngs(seed))
    config = replace(config, epochs=int(settings["epochs"]), rate=3e-3, seed=seed, validation_fraction=0.0)
    steps, _ = config.steps_of(len(data.train_labels))
    config = replace(config, evaluate_every=-(-steps // LOOKS))
    looks = [_look(0, module, data)]

    def look(step: int, now: Any) -> None:
        looks.append(_look(step, now, data))

    return {"parameters": arch.parameters, **trained(module, data, config, look), "looks": looks}


def _look(step: int, module: NormalisedConvAC, data: Dataset) -> dict[str, Any]:
    folded = module.folded()
    found = entropies(folded, data, PARTITIONS, CLASSES)
    return {"step": step, "test_by_class": by_class(folded, data), "entropies": found}


ENTROPY_AND_GENERALISATION = Experiment(
    "entropy-and-generalisation",
    "Does entropy rise while training, and does it predict generalisation, by class and by seed?",
    _trials,
    _run,
    compare=("data",),
)
