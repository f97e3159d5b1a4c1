"""Does entropy rise while a network trains, and does it tell how well it generalises, class by class, seed by seed?

    looks through training: Renyi-2 of every class over some partitions, test accuracy of every class, training loss

That entropy rises was claimed for quantum convolutional networks (arXiv 2103.11785).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Float
from scipy.stats import spearmanr

from tnsim.experiments.experiment import Experiment, Finding, Result, Settings, Trial
from tnsim.experiments.figure import Curve, Figure, Panel
from tnsim.experiments.measuring import DIGITS, entropies, trained
from tnsim.experiments.reading import curve
from tnsim.experiments.statistics import Mean, grouped, mean
from tnsim.nn import NormalisedConvAC
from tnsim.train.data import Dataset, load
from tnsim.train.recipes import PADS, recipe

__all__ = ["ENTROPY_AND_GENERALISATION", "by_class"]

PARTITIONS = ("left-right", "center", "chess:4", "checkerboard")
CLASSES = tuple(range(10))
WIDTHS = {"mnist-5k": (5, 9, 17, 17, 17)}  # narrower than its recipe's: a look costs width^5
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
    arch = replace(arch, channels=WIDTHS.get(name, arch.channels))
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


def _tell(trials: Sequence[Trial]) -> Finding:
    rows, said = [], []
    for (data,), group in grouped(trials, ("data",)).items():
        rises = []
        for place, A in enumerate(PARTITIONS):
            start, end = (np.array([_renyi2(t, look, place) for t in group]) for look in (0, -1))  # (seeds, classes)
            rises.append(float((end > start).mean()))
            classes = np.array([trial.result["looks"][-1]["test_by_class"] for trial in group])
            tests = np.array([trial.result["test"] for trial in group])
            told = (_correlated(end.mean(1), tests), _correlated(end.mean(0), classes.mean(0)))
            means = (f"{start.mean():.3f}", f"{end.mean():.3f}", f"{100 * rises[-1]:.0f}")
            rows.append((data, A, *means, *told, str(len(group))))
        said.append(f"{100 * np.mean(rises):.0f} % of the classes, partitions and seeds on {data}")
    return Finding(
        f"Renyi-2 is higher after training than at the start in {' and '.join(said)}.",
        ("data", "partition", "Renyi-2 at the start", "when trained", "rises in, %",
         "Spearman with test accuracy over seeds (p)", "over classes (p)", "seeds"),
        tuple(rows),
        "Few seeds and ten classes: only correlations beyond about 0.65 could be told from none.",
        _figure(trials),
    )  # fmt: skip


def _figure(trials: Sequence[Trial]) -> Figure:
    through, classes = [], []
    for (data,), group in grouped(trials, ("data",)).items():
        rising = tuple(curve(A, _by_step(group, place)) for place, A in enumerate(PARTITIONS))
        through.append(Panel(data, "training step", "Renyi-2, nats", rising, floor=0.0))
        told = tuple(_by_class(A, group, place) for place, A in enumerate(PARTITIONS))
        classes.append(Panel(data, "Renyi-2 of a class when trained, nats", "its test accuracy, %", told))
    return Figure(
        "Above, Renyi-2 averaged over classes against the training step, a curve for each partition; below, test "
        "accuracy of each class against its Renyi-2, both averaged over seeds; a column for each data set.",
        (*through, *classes),
        len(through),
    )


def _by_step(trials: Sequence[Trial], place: int) -> dict[int, Mean]:
    """Renyi-2 of a partition at each look, averaged over the classes of each trial."""
    seen: dict[int, list[float]] = {}
    for trial in trials:
        for look, found in enumerate(trial.result["looks"]):
            seen.setdefault(int(found["step"]), []).append(float(np.mean(_renyi2(trial, look, place))))
    return {step: mean(seen[step]) for step in sorted(seen)}


def _by_class(name: str, trials: Sequence[Trial], place: int) -> Curve:
    """Test accuracy of each class, in percent, against its Renyi-2 when trained."""
    tests = np.mean([trial.result["looks"][-1]["test_by_class"] for trial in trials], axis=0)
    found = np.mean([_renyi2(trial, -1, place) for trial in trials], axis=0)
    return Curve(name, tuple(map(float, found)), tuple(100 * float(test) for test in tests), joined=False)


def _renyi2(trial: Trial, look: int, place: int) -> list[float]:
    return trial.result["looks"][look]["entropies"][place]["renyi2"]


def _correlated(one: Float[np.ndarray, "n"], other: Float[np.ndarray, "n"]) -> str:
    """Spearman's correlation and its p; nothing where it is not defined."""
    if len(one) < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return "-"
    found = spearmanr(one, other)
    return f"{found.statistic:.2f} ({found.pvalue:.2f})"


ENTROPY_AND_GENERALISATION = Experiment(
    "entropy-and-generalisation",
    "Does entropy rise while training, and does it predict generalisation, by class and by seed?",
    _trials,
    _run,
    compare=("data",),
    tell=_tell,
)
