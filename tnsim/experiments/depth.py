"""What does depth buy at equal parameters? The same budget as one wide level, or as several narrower ones.

    levels 1: all sites meet in one product        2: two windows        all: windows of 2 x 2, the deepest tree

The width, equal at all levels, is the largest that the budget allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from math import exp

from flax import nnx

from tnsim.experiments.experiment import Experiment, Finding, Result, Settings, Trial
from tnsim.experiments.figure import Figure, Panel
from tnsim.experiments.measuring import measured, ranks
from tnsim.experiments.reading import END, TEST, along, beside_bound, bound, renyi2, tested
from tnsim.experiments.statistics import grouped, mean
from tnsim.models import ConvAC
from tnsim.nn import Fourier, NormalisedConvAC
from tnsim.train.config import TrainConfig
from tnsim.train.data import Dataset, load
from tnsim.train.loop import DivergedError
from tnsim.train.recipes import PADS, recipe

__all__ = ["DEPTH", "widest"]

WINDOWS = {
    "digits": {1: (8,), 2: (2, 4), 3: (2, 2, 2)},
    "mnist-5k": {1: (32,), 2: (4, 8), 5: (2, 2, 2, 2, 2)},
}
BUDGETS = {"digits": 10_000, "mnist-5k": 80_000}  # parameters
RATES = (3e-3, 1e-3, 3e-4)
EPOCHS = {"digits": 40, "mnist-5k": 15}
PARTITIONS = ("left-right", "quadrant", "center", "chess:4", "checkerboard")
RANKED, CLASSES = "left-right", tuple(range(10))


def _trials(quick: bool) -> tuple[Settings, ...]:
    if quick:
        return tuple({"data": "digits", "levels": levels, "epochs": 2, "seed": 0} for levels in (1, 3))
    return tuple(
        {"data": data, "levels": levels, "epochs": EPOCHS[data], "seed": seed}
        for data in WINDOWS
        for levels, seed in product(WINDOWS[data], range(5))
    )


def widest(arch: ConvAC, budget: int) -> ConvAC:
    """The architecture with the largest equal width at all levels whose parameters are within the budget.

    Raises ValueError where two channels are too many.
    """
    of = lambda r: replace(arch, channels=(r,) * len(arch.channels))  # noqa: E731
    r = 2
    if of(r).parameters > budget:
        raise ValueError(f"budget: wanted at least {of(r).parameters} parameters, found {budget}")
    while of(r + 1).parameters <= budget:
        r += 1
    return of(r)


def _run(settings: Settings) -> Result:
    name, seed = str(settings["data"]), int(settings["seed"])
    data, windows = load(name, pad=PADS.get(name)), WINDOWS[name][int(settings["levels"])]
    narrow = ConvAC(data.image_shape, Fourier().features, (2,) * len(windows), windows, len(data.classes))
    arch = widest(narrow, BUDGETS[name])
    config = TrainConfig(
        epochs=int(settings["epochs"]), rate=RATES[0], seed=seed, validation_fraction=0.0, shift=recipe(name)[2].shift
    )
    return {"r": arch.channels[0], **_without_divergence(arch, data, config)}


def _without_divergence(arch: ConvAC, data: Dataset, config: TrainConfig) -> Result:
    """At the first rate at which the loss stays finite: products of a thousand factors leave float range easily."""
    for rate in RATES:
        module = NormalisedConvAC(arch, Fourier(), rngs=nnx.Rngs(config.seed))
        try:
            reached = measured(module, data, replace(config, rate=rate), PARTITIONS, CLASSES)
        except DivergedError:
            continue
        return {"rate": rate, **reached, "ranks": ranks(module.folded(), data, RANKED, CLASSES)}
    raise DivergedError(f"loss: not finite at any of the rates {RATES}")


def _tell(trials: Sequence[Trial]) -> Finding:
    rows, best = [], dict[str, tuple[float, int]]()
    for (data, levels), group in grouped(trials, ("data", "levels")).items():
        test, first = tested(group), group[0]
        best[data] = max(best.get(data, (0.0, 0)), (test.value, int(levels)))
        sizes = f"{first.result['r']}, {first.result['parameters']:,}"
        rank = mean([rank for trial in group for rank in trial.result["ranks"]]).value
        measures = [f"{renyi2(group, A).shown(2)} of {bound(first, A):.1f}" for A in (RANKED, "checkerboard")]
        of = f"{rank:.1f} of {exp(bound(first, RANKED)):.0f}"
        rows.append((data, str(levels), sizes, test.shown(), of, *measures, str(len(group))))
    said = " and ".join(f"{levels} levels do best on {data} ({test:.1f} %)" for data, (test, levels) in best.items())
    slower = sum(trial.result.get("rate", RATES[0]) != RATES[0] for trial in trials)
    return Finding(
        f"At equal parameters {said}.",
        ("data", "levels", "r, parameters", "test % [95 %]", f"rank of min-cut, {RANKED}",
         f"Renyi-2 of ln(min-cut), {RANKED}", "checkerboard", "seeds"),
        tuple(rows),
        "One rate and number of epochs serve all depths: a shallow network tuned for itself might do better. Where the "
        f"loss left float range ({slower} of {len(trials)} trials), a smaller rate was taken.",
        _figure(trials),
    )  # fmt: skip


def _figure(trials: Sequence[Trial]) -> Figure:
    tests, ranks = [], []
    for (data,), group in grouped(trials, ("data",)).items():
        tests.append(Panel(data, "levels", TEST, (along(END, group, "levels", tested),)))
        curves = beside_bound(group, "levels", "left-right")
        ranks.append(Panel(data, "levels", "Renyi-2 of left-right, nats", curves, floor=0.0))
    return Figure(
        "Above, test accuracy against the number of levels at equal parameters; below, Renyi-2 of left against right "
        "at the start and when trained, beside ln(min-cut); a column for each data set.",
        (*tests, *ranks),
        len(tests),
    )


DEPTH = Experiment(
    "depth",
    "At equal parameters, which ranks and entropies do shallow and deep networks reach, and which accuracy?",
    _trials,
    _run,
    compare=("levels", "data"),
    tell=_tell,
)
