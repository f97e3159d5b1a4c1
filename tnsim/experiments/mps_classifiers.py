"""How well do matrix product states classify? One chain over the pixels in rows, its class leg in the middle.

    image --[means over 2 x 2 pixels]-- 14 x 14 --[1, cos, sin]-- chain of bond r, started near the identity --> scores

Epochs, rate, shift and smoothing were chosen on a fifth of the training images held apart, at bond 5 (digits) and 10.
A trial looks at its test images once, after the end.
Stoudenmire & Schwab 2016 (arXiv 1605.05775); Efthymiou, Hidary, Leichenauer 2019 (arXiv 1906.06329).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

from flax import nnx

from tnsim.experiments.accuracy import FASHION
from tnsim.experiments.experiment import Experiment, Finding, Result, Settings, Trial
from tnsim.experiments.figure import Figure, Level, Panel
from tnsim.experiments.measuring import trained
from tnsim.experiments.reading import TEST, along, tested
from tnsim.experiments.statistics import grouped, mean
from tnsim.models import MPS
from tnsim.nn import Fourier, TensorNetwork
from tnsim.train.config import TrainConfig
from tnsim.train.data import Dataset, load

__all__ = ["CHAINS", "MPS_CLASSIFIERS", "made"]


@dataclass(frozen=True)
class Chain:
    """Pixels a side, and how chains of these bonds are trained: images moved by up to each of `shifts` pixels."""

    side: int
    bonds: tuple[int, ...]
    config: TrainConfig
    shifts: tuple[int, ...] = (0,)


SEEDS = 3
BONDS = (5, 10, 20)
CHAINS = {
    "digits": Chain(8, BONDS, TrainConfig(epochs=60, rate=1e-2, validation_fraction=0.0)),
    "mnist-5k": Chain(14, BONDS, TrainConfig(epochs=60, rate=3e-3, validation_fraction=0.0), shifts=(0, 1)),
    FASHION: Chain(14, (5, 10), TrainConfig(epochs=40, batch=128, rate=2e-3, smoothing=0.1, validation_fraction=0.0)),
}
MOVED = ("as they are", "moved")  # by a shift
KNOWN = {  # what others published of matrix product states, in percent
    "mnist-5k": ((93.7, "tn4ml, least"), (94.6, "tn4ml, most")),
    FASHION: ((88.0, "arXiv 1906.06329"),),
}


def _trials(quick: bool) -> tuple[Settings, ...]:
    if quick:
        return ({"data": "digits", "shift": 0, "bond": 5, "epochs": 5, "seed": 0},)
    return tuple(
        {"data": data, "shift": shift, "bond": bond, "epochs": chain.config.epochs or 0, "seed": seed}
        for data, chain in CHAINS.items()
        for shift, bond, seed in product(chain.shifts, chain.bonds, range(SEEDS))
    )


def made(data: Dataset, bond: int, seed: int) -> TensorNetwork:
    """A chain before it is trained."""
    arch = MPS(data.image_shape, Fourier().features, bond, len(data.classes))
    return TensorNetwork(arch, Fourier(), rngs=nnx.Rngs(seed))


def _run(settings: Settings) -> Result:
    name, seed = str(settings["data"]), int(settings["seed"])
    chain = CHAINS[name]
    data = load(name, size=(chain.side, chain.side))
    module = made(data, int(settings["bond"]), seed)
    epochs, shift = int(settings["epochs"]), int(settings["shift"])
    reached = trained(module, data, replace(chain.config, epochs=epochs, shift=shift, seed=seed))
    return {"parameters": module.arch.parameters, **reached}


def _tell(trials: Sequence[Trial]) -> Finding:
    rows, said = [], []
    for (data, shift), group in grouped(trials, ("data", "shift")).items():
        side, bonds = CHAINS[data].side, grouped(group, ("bond",))
        known = ", ".join(f"{value:g} ({source})" for value, source in KNOWN.get(data, ())) or "-"
        for (bond,), part in bonds.items():
            train = mean([100 * trial.result["train"] for trial in part])
            rows.append((data, f"{side} x {side}", MOVED[shift], str(bond), f"{part[0].result['parameters']:,}",
                         str(part[0].settings["epochs"]), tested(part).shown(), f"{train.value:.2f}", str(len(part)),
                         known))  # fmt: skip
        bond, best = max(((bond, tested(part)) for (bond,), part in bonds.items()), key=lambda one: one[1].value)
        said.append(f"{best.value:.1f} % on {data} (bond {bond}, images {MOVED[shift]})")
    return Finding(
        f"One chain over the pixels reaches {', '.join(said)}.",
        ("data", "pixels", "images", "bond", "parameters", "epochs", "test % [95 %]", "training %", "seeds",
         "published, %"),
        tuple(rows),
        "Moved: training images are shifted at random by up to a pixel of those; what was published says nothing of "
        "that. The published figures of MNIST are of other 4800 training images.",
        _figure(trials),
    )  # fmt: skip


def _figure(trials: Sequence[Trial]) -> Figure:
    panels = [
        Panel(data, "bond dimension", TEST,
              tuple(along(f"images {MOVED[shift]}", part, "bond", tested)
                    for (shift,), part in grouped(group, ("shift",)).items()),
              tuple(Level(f"{source}: {value:g}", value) for value, source in KNOWN.get(data, ())))
        for (data,), group in grouped(trials, ("data",)).items()
    ]  # fmt: skip
    return Figure(
        "Test accuracy of matrix product states over the pixels by their bond dimension, a panel for each data set; "
        "dashed: what others published.",
        tuple(panels),
        len(panels),
    )


MPS_CLASSIFIERS = Experiment(
    "mps-classifiers",
    "How well do matrix product states classify images?",
    _trials,
    _run,
    compare=("data", "shift", "bond"),
    tell=_tell,
)
