"""How well do matrix product states classify? One chain over the pixels in rows, its class leg in the middle.

    image --[means over 2 x 2 pixels]-- 14 x 14 --[1, cos, sin]-- chain of bond r, started near the identity --> scores

Rate and shift of digits were chosen on a fifth of the training images held apart, at bond 5; the others are not tuned.
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
    """Pixels a side, and how chains of these bonds are trained, with so many seeds."""

    side: int
    bonds: tuple[int, ...]
    seeds: int
    config: TrainConfig


CHAINS = {
    "digits": Chain(8, (10, 20), 3, TrainConfig(epochs=60, rate=1e-2, validation_fraction=0.0)),
    "mnist-5k": Chain(14, (10, 20), 3, TrainConfig(epochs=60, rate=1e-3, shift=1, validation_fraction=0.0)),
    FASHION: Chain(14, (20,), 1, TrainConfig(epochs=20, batch=128, rate=1e-3, shift=1, validation_fraction=0.0)),
}
KNOWN = {  # what others published of matrix product states, in percent
    "mnist-5k": ((93.7, "tn4ml, least"), (94.6, "tn4ml, most")),
    FASHION: ((88.0, "arXiv 1906.06329"),),
}


def _trials(quick: bool) -> tuple[Settings, ...]:
    if quick:
        return ({"data": "digits", "bond": 5, "epochs": 5, "seed": 0},)
    return tuple(
        {"data": data, "bond": bond, "epochs": chain.config.epochs or 0, "seed": seed}
        for data, chain in CHAINS.items()
        for bond, seed in product(chain.bonds, range(chain.seeds))
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
    reached = trained(module, data, replace(chain.config, epochs=int(settings["epochs"]), seed=seed))
    return {"parameters": module.arch.parameters, **reached}


def _tell(trials: Sequence[Trial]) -> Finding:
    rows, said = [], []
    for (data,), group in grouped(trials, ("data",)).items():
        side, bonds = CHAINS[data].side, grouped(group, ("bond",))
        known = ", ".join(f"{value:g} ({source})" for value, source in KNOWN.get(data, ())) or "-"
        for (bond,), part in bonds.items():
            train = mean([100 * trial.result["train"] for trial in part])
            rows.append((data, f"{side} x {side}", str(bond), f"{part[0].result['parameters']:,}",
                         str(part[0].settings["epochs"]), tested(part).shown(), f"{train.value:.2f}", str(len(part)),
                         known))  # fmt: skip
        bond, best = max(((bond, tested(part)) for (bond,), part in bonds.items()), key=lambda one: one[1].value)
        said.append(f"{best.value:.1f} % on {data} (bond {bond})")
    return Finding(
        f"One chain over the pixels reaches {', '.join(said)}.",
        ("data", "pixels", "bond", "parameters", "epochs", "test % [95 %]", "training %", "seeds", "published, %"),
        tuple(rows),
        "Training images other than digits are moved at random by up to a pixel of those; what was published says "
        "nothing of that. The published figures of MNIST are of other 4800 training images. One seed has no interval.",
        _figure(trials),
    )


def _figure(trials: Sequence[Trial]) -> Figure:
    panels = [
        Panel(data, "bond dimension", TEST, (along("one chain", group, "bond", tested),),
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
    compare=("data", "bond"),
    tell=_tell,
)
