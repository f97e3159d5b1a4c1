"""How much of what its widths allow does a trained network use? S / ln(min-cut), as widths grow and through training.

    widths r, r, .. on digits and MNIST-5k; the start (random weights) is the base line; a look after every few epochs
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from flax import nnx
from jaxtyping import Float

from tnsim.experiments.experiment import Experiment, Finding, Result, Settings, Trial
from tnsim.experiments.figure import Figure, Panel
from tnsim.experiments.measuring import DIGITS, entropies, trained
from tnsim.experiments.reading import END, START, TEST, along, by_seed, share, tested
from tnsim.experiments.statistics import Mean, grouped, mean, paired
from tnsim.models import ConvAC
from tnsim.nn import Fourier, NormalisedConvAC
from tnsim.train.config import TrainConfig
from tnsim.train.data import load
from tnsim.train.recipes import PADS, recipe
from tnsim.train.steps import evaluate

__all__ = ["USE_OF_BOUND"]

WIDTHS = {  # true widths: the constant channel is one of them; a look at 1024 sites costs width^5
    "digits": (2, 3, 5, 9, 17, 33),
    "mnist-5k": (2, 3, 5, 9, 13),
}
PARTITIONS = ("left-right", "quadrant", "center", "chess:4", "chess:2", "checkerboard")
CLASSES = tuple(range(10))
LOOKS = 4  # at the network, in training
RATE = 3e-3  # of the normalised parametrisation


def _trials(quick: bool) -> tuple[Settings, ...]:
    epochs = {"digits": 4} if quick else {"digits": 40, "mnist-5k": 12}
    widths, seeds = ({"digits": (2, 5)}, range(1)) if quick else (WIDTHS, range(5))
    return tuple(
        {"data": name, "epochs": epochs[name], "r": r, "seed": seed}
        for name in epochs
        for r, seed in product(widths[name], seeds)
    )


def _run(settings: Settings) -> Result:
    name, r, seed = str(settings["data"]), int(settings["r"]), int(settings["seed"])
    data = load(name, pad=PADS.get(name))
    depth = data.image_shape[0].bit_length() - 1
    arch = ConvAC(data.image_shape, Fourier().features, (r,) * depth, (2,) * depth, len(data.classes))
    module = NormalisedConvAC(arch, Fourier(), rngs=nnx.Rngs(seed))
    looks = [{"step": 0, "entropies": entropies(module.folded(), data, PARTITIONS, CLASSES)}]

    def look(step: int, now: Any) -> None:
        seen = evaluate(now, data.test_images, data.test_labels)
        found = entropies(now.folded(), data, PARTITIONS, CLASSES)
        looks.append({"step": step, "test": round(seen.accuracy, DIGITS), "entropies": found})

    reached = trained(module, data, _config(name, int(settings["epochs"]), seed, len(data.train_labels)), look)
    return {"parameters": arch.parameters, **reached, "looks": looks}


def _config(name: str, epochs: int, seed: int, images: int) -> TrainConfig:
    """The data set's own recipe for so many epochs, looked at a few times; every image trains, no step is chosen."""
    config = replace(recipe(name)[2], epochs=epochs, rate=RATE, seed=seed, validation_fraction=0.0)
    steps, _ = config.steps_of(images)
    return replace(config, evaluate_every=-(-steps // LOOKS))


def _tell(trials: Sequence[Trial]) -> Finding:
    rows, shares, accuracies = [], dict[str, list[float]](), dict[str, list[float]]()
    for (data, r), group in grouped(trials, ("data", "r")).items():
        start, end, test = _at_start(group), _at_end(group), tested(group)
        shares.setdefault(data, []).append(end.value)
        accuracies.setdefault(data, []).append(test.value)
        rows.append((data, str(r), test.shown(), start.shown(3), end.shown(3), mean([*_nats(group).values()]).shown(3),
                     _by_partition(group), _by_class(group), str(len(group))))  # fmt: skip
    said = [
        f"on {data} from {found[0]:.2f} at the smallest width to {found[-1]:.2f} at the largest, while accuracy goes "
        f"from {accuracies[data][0]:.1f} to {accuracies[data][-1]:.1f} %; {_enough(trials, data)}"
        for data, found in shares.items()
    ]
    return Finding(
        f"The share of the bound that trained networks hold goes {'; '.join(said)}.",
        ("data", "width r", "test % [95 %]", "share at the start [95 %]", "share when trained [95 %]",
         "Renyi-2 when trained, nats [95 %]", "share by partition", "by class, least and most", "seeds"),
        tuple(rows),
        "The share is Renyi-2 over ln(min-cut), averaged over classes and partitions, in the measure of the data's own "
        "features: Renyi-2 is a lower bound of S, so S itself uses at least as much.",
        _figure(trials),
    )  # fmt: skip


def _ends(trials: Sequence[Trial]) -> Float[np.ndarray, "trials partitions classes"]:
    """Renyi-2 at the last look."""
    looks = (trial.result["looks"][-1]["entropies"] for trial in trials)
    return np.array([[row["renyi2"] for row in rows] for rows in looks], float)


def _bounds(trials: Sequence[Trial]) -> Float[np.ndarray, "partitions"]:
    return np.array([row["bound"] for row in trials[0].result["looks"][-1]["entropies"]], float)


def _nats(trials: Sequence[Trial]) -> dict[int, float]:
    """Renyi-2 of each seed, averaged over partitions and classes."""
    return {int(t.settings["seed"]): float(value) for t, value in zip(trials, _ends(trials).mean((1, 2)), strict=True)}


def _by_partition(trials: Sequence[Trial]) -> str:
    names = [row["partition"] for row in trials[0].result["looks"][-1]["entropies"]]
    found = _ends(trials).mean((0, 2)) / _bounds(trials)
    return ", ".join(f"{name} {value:.3f}" for name, value in zip(names, found, strict=True))


def _by_class(trials: Sequence[Trial]) -> str:
    """The classes with the least and the largest share, averaged over partitions."""
    found = (_ends(trials) / _bounds(trials)[:, None]).mean((0, 1))
    return ", ".join(f"{found[y]:.3f} of {y}" for y in (int(found.argmin()), int(found.argmax())))


def _enough(trials: Sequence[Trial], data: str) -> str:
    """From which width on accuracy and entropy are not told from those of the largest, paired over seeds."""
    by_width = {r: group for (r,), group in grouped([t for t in trials if t.settings["data"] == data], ("r",)).items()}
    widest, said = max(by_width), []
    for name, of in (("accuracy", by_seed), ("entropy", _nats)):
        differ = [r for r, group in by_width.items() if not _alike(of(by_width[widest]), of(group))]
        least = min((r for r in by_width if not differ or r > max(differ)), default=widest)
        said.append(f"{name} still changes up to r = {least}" if least == widest else
                    f"more width than r = {least} changes no {name} beyond chance")  # fmt: skip
    return ", ".join(said)


def _alike(one: dict[int, float], other: dict[int, float]) -> bool:
    ahead = paired(one, other)
    return ahead.seeds > 1 and ahead.lower <= 0 <= ahead.upper


def _at_start(trials: Sequence[Trial]) -> Mean:
    """The share of the bound at the first look."""
    return mean([share(trial.result["looks"][0]["entropies"]) for trial in trials])


def _at_end(trials: Sequence[Trial]) -> Mean:
    """The share of the bound at the last look."""
    return mean([share(trial.result["looks"][-1]["entropies"]) for trial in trials])


def _figure(trials: Sequence[Trial]) -> Figure:
    shares, accuracies = [], []
    for (data,), group in grouped(trials, ("data",)).items():
        curves = along(START, group, "r", _at_start), along(END, group, "r", _at_end)
        shares.append(Panel(data, "width r", "Renyi-2 / ln(min-cut)", curves, log_x=True, floor=0.0))
        accuracies.append(Panel(data, "width r", TEST, (along(END, group, "r", tested),), log_x=True))
    return Figure(
        "Above, the share of ln(min-cut) that Renyi-2 holds, at the start and when trained, against the width; below, "
        "test accuracy against the width; a column for each data set.",
        (*shares, *accuracies),
        len(shares),
    )


USE_OF_BOUND = Experiment(
    "use-of-bound",
    "How much of the entropy that its widths allow does a trained network hold, and does that saturate as they grow?",
    _trials,
    _run,
    compare=("r", "data"),
    tell=_tell,
)
