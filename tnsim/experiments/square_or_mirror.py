"""Does the pooling geometry decide which correlations a network models? Square against mirror windows, two tasks.

    closedness: near pixels decide, square windows pool them        symmetry: mirror images decide, mirror windows do

The checkerboard does not tell the geometries apart; left against right does: a mirror window stands on both sides.
Cohen & Shashua 2017 (arXiv 1605.06743), section 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from flax import nnx

from tnsim.experiments.experiment import Experiment, Finding, Result, Settings, Trial
from tnsim.experiments.figure import Figure, Panel
from tnsim.experiments.measuring import measured
from tnsim.experiments.reading import TEST as ACCURACY
from tnsim.experiments.reading import along, beside_bound, bound, by_seed, renyi2, tested
from tnsim.experiments.statistics import Mean, grouped, paired
from tnsim.models import ConvAC
from tnsim.nn import Fourier, NormalisedConvAC
from tnsim.tasks import Blobs, dataset
from tnsim.train.config import TrainConfig

__all__ = ["SQUARE_OR_MIRROR"]

SIDE, TEST = 32, 2000
CHANNELS = (9, 17, 17, 17, 17)
PARTITIONS = ("left-right", "quadrant", "center", "chess:4", "checkerboard")
GEOMETRIES = {"square": None, "mirror": "mirror"}


def _trials(quick: bool) -> tuple[Settings, ...]:
    images, epochs, seeds = (400, 1, 1) if quick else (8000, 12, 5)
    return tuple(
        {"task": task, "geometry": geometry, "images": images, "epochs": epochs, "seed": seed}
        for task, geometry, seed in product(("closedness", "symmetry"), GEOMETRIES, range(seeds))
    )


def _run(settings: Settings) -> Result:
    seed = int(settings["seed"])
    geometry = GEOMETRIES[str(settings["geometry"])]
    arch = ConvAC((SIDE, SIDE), Fourier().features, CHANNELS, (2,) * 5, 2, geometry=geometry)
    data = dataset(Blobs(str(settings["task"]), SIDE), seed, int(settings["images"]), TEST)
    config = TrainConfig(epochs=int(settings["epochs"]), rate=3e-3, seed=seed, validation_fraction=0.0)
    return measured(NormalisedConvAC(arch, Fourier(), rngs=nnx.Rngs(seed)), data, config, PARTITIONS, (0, 1))


def _tell(trials: Sequence[Trial]) -> Finding:
    groups, told = grouped(trials, ("task", "geometry")), "left-right"
    rows = [
        (task, geometry, tested(group).shown(), renyi2(group, told, "entropies_at_start").shown(3),
         renyi2(group, told).shown(3), f"{bound(group[0], told):.2f}", str(len(group)))
        for (task, geometry), group in groups.items()
    ]  # fmt: skip
    ahead = {
        task: paired(by_seed(groups[task, "mirror"]), by_seed(groups[task, "square"]))
        for task in dict.fromkeys(task for task, _ in groups)
        if (task, "mirror") in groups and (task, "square") in groups
    }
    said = ", ".join(_ahead(task, found) for task, found in ahead.items())
    return Finding(
        f"In test accuracy, paired over seeds: {said or 'nothing to compare yet'}.",
        ("task", "windows", "test % [95 %]", f"Renyi-2, {told}, at the start", "when trained", "ln(min-cut)", "seeds"),
        tuple(rows),
        "Blobs are drawn, not photographed; widths and budget are the same for both and were tuned for neither.",
        _figure(trials),
    )


def _ahead(task: str, mirror: Mean) -> str:
    """Who wins on a task, given what mirror windows have before square ones; in points."""
    if mirror.value > 0:
        return f"mirror windows are ahead by {mirror.shown()} points on {task}"
    square = Mean(-mirror.value, -mirror.upper, -mirror.lower, mirror.seeds)
    return f"square windows are ahead by {square.shown()} points on {task}"


def _figure(trials: Sequence[Trial]) -> Figure:
    curves = tuple(
        along(f"{geometry} windows", group, "task", tested)
        for (geometry,), group in grouped(trials, ("geometry",)).items()
    )
    entropies = tuple(
        Panel(f"entropy, {task}", "windows", "Renyi-2 of left-right, nats",
              beside_bound(group, "geometry", "left-right"), log_y=True)
        for (task,), group in grouped(trials, ("task",)).items()
    )  # fmt: skip
    return Figure(
        "Test accuracy by task of square and of mirror windows; then, for each task, Renyi-2 of left against right at "
        "the start and when trained, beside ln(min-cut).",
        (Panel("accuracy", "task", ACCURACY, curves), *entropies),
        1 + len(entropies),
    )


SQUARE_OR_MIRROR = Experiment(
    "square-or-mirror",
    "Does the pooling geometry that brings together the pixels that decide win, and does it hold more entropy there?",
    _trials,
    _run,
    compare=("geometry", "task"),
    tell=_tell,
)
