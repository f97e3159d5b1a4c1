"""Do the widths that lose least of the data's tensor do better than others of equal cost? Six data sets, many profiles.

    least loss | constant | doubling | wide base | wide tip | 20 random profiles      equal parameters, equal training

All profiles of a data set train alike. The loss that is predicted is known before: it comes from training images and
widths alone, of samples that no trial changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
from flax import nnx
from jaxtyping import Float
from scipy.stats import spearmanr

from tnsim.design import Costs, contrasted, costs, drawn, least_loss, losses, standard
from tnsim.design.contrast import RANKS
from tnsim.experiments.contested import breast_cancer, fashion_part
from tnsim.experiments.experiment import Experiment, Finding, Result, Settings, Trial
from tnsim.experiments.figure import Curve, Figure, Panel
from tnsim.experiments.measuring import trained
from tnsim.experiments.reading import TEST, by_seed, tested
from tnsim.experiments.statistics import grouped, paired
from tnsim.models import ConvAC
from tnsim.nn import Fourier, NormalisedConvAC
from tnsim.tasks import Placed, dataset, shuffled
from tnsim.train.config import TrainConfig
from tnsim.train.data import Dataset, load

__all__ = ["DESIGNED_WIDTHS"]

CHOSEN, NAMED = "least loss", ("constant", "doubling", "wide base", "wide tip")
RANDOM, SAMPLES, SEEDS, FEW = 20, 600, 5, 2  # FEW: seeds of a random profile


@dataclass(frozen=True)
class Contest:
    """A data set, the budget of all its profiles in parameters, and how they are trained."""

    load: Callable[[], Dataset]
    windows: tuple[int | tuple[int, ...], ...]
    budget: int
    epochs: int
    rate: float = 3e-3


class Entrants(NamedTuple):
    """What competes on a data set: every profile's widths, and what each is predicted to lose."""

    arch: ConvAC
    contrast: float
    widths: dict[str, tuple[int, ...]]
    losses: dict[str, float]


CONTESTS = {
    "digits": Contest(partial(load, "digits"), (2, 2, 2), 3000, 30, 1e-2),
    "placed-8-of-16": Contest(lambda: dataset(Placed(8, ground=16), 0, 6000, 2000), (2,) * 4, 8000, 10),
    "placed-16-of-16": Contest(lambda: dataset(Placed(16, ground=16), 0, 6000, 2000), (2,) * 4, 8000, 8),
    "fashion-mnist": Contest(fashion_part, (2,) * 5, 20000, 3),
    "fashion-shuffled": Contest(lambda: shuffled(fashion_part(), 8 * 1024), (2,) * 5, 20000, 3),
    "breast-cancer": Contest(breast_cancer, ((1, 2),) * 5, 1500, 60, 1e-2),
}


def _trials(quick: bool) -> tuple[Settings, ...]:
    data = ("digits",) if quick else tuple(CONTESTS)
    random = [f"random {number:02d}" for number in range(2 if quick else RANDOM)]
    seeds = {**dict.fromkeys((CHOSEN, *NAMED), SEEDS), **dict.fromkeys(random, FEW)}
    return tuple(
        {"data": name, "profile": profile, "seed": seed, "epochs": 1 if quick else CONTESTS[name].epochs}
        for name in data
        for profile, count in seeds.items()
        for seed in range(1 if quick else count)
    )


@lru_cache(maxsize=1)
def _loaded(name: str) -> Dataset:
    return CONTESTS[name].load()


@lru_cache(maxsize=8)
def _entrants(name: str) -> Entrants:
    """Measured once in a process; the same in all of them."""
    contest, data = CONTESTS[name], _loaded(name)
    depth, features = len(contest.windows), Fourier().features
    arch = ConvAC(data.image_shape, features, (1,) * depth, contest.windows, len(data.classes), sharing="window")
    chosen = np.random.default_rng(0).permutation(len(data.train_labels))[:SAMPLES]
    contrast, needs = contrasted(data.train_images[chosen], data.train_labels[chosen], arch, contest.budget)
    lost, price = losses(needs, RANKS), costs(arch)
    widths = {CHOSEN: least_loss(lost, price, contest.budget).channels, **_others(price, contest.budget)}
    return Entrants(arch, contrast, widths, {profile: _lost(lost, given) for profile, given in widths.items()})


def _others(price: Costs, budget: int) -> dict[str, tuple[int, ...]]:
    """The named profiles, and random ones; in the place of one with a width of 1, which cannot train, a later one."""
    first, later = (part.tolist() for part in np.split(np.array(drawn(price, budget, 2 * RANDOM)), [RANDOM]))
    spare = iter(widths for widths in later if min(widths) > 1)
    random = [tuple(widths if min(widths) > 1 else next(spare)) for widths in first]
    return {**standard(price, budget), **{f"random {number:02d}": widths for number, widths in enumerate(random)}}


def _lost(lost: Float[np.ndarray, "levels ranks"], widths: tuple[int, ...]) -> float:
    return float(sum(row[min(width, RANKS)] for row, width in zip(lost, widths, strict=True)))


def _run(settings: Settings) -> Result:
    name, profile, seed = str(settings["data"]), str(settings["profile"]), int(settings["seed"])
    contest, data, entrants = CONTESTS[name], _loaded(name), _entrants(name)
    arch = replace(entrants.arch, channels=entrants.widths[profile])
    config = TrainConfig(epochs=int(settings["epochs"]), rate=contest.rate, seed=seed, validation_fraction=0.0)
    module = NormalisedConvAC(arch, Fourier(), rngs=nnx.Rngs(seed))
    return {
        "parameters": arch.parameters, "widths": list(arch.channels), "predicted": round(entrants.losses[profile], 6),
        "contrast": round(entrants.contrast, 6), **trained(module, data, config),
    }  # fmt: skip


def _is_random(trial: Trial) -> bool:
    return str(trial.settings["profile"]).startswith("random")


def _tell(trials: Sequence[Trial]) -> Finding:
    rows, above, below, orders = [], [], [], []
    for (data,), group in grouped(trials, ("data",)).items():
        random = {key: part for key, part in grouped(group, ("profile",)).items() if _is_random(part[0])}
        chosen = [trial for trial in group if trial.settings["profile"] == CHOSEN]
        if not random or not chosen:
            continue
        heights = np.array([tested(part).value for part in random.values()])
        lost = np.array([part[0].result["predicted"] for part in random.values()])
        mine, order = tested(chosen), float(spearmanr(-lost, heights).statistic) if len(heights) > 2 else float("nan")
        above += [data] if mine.value > np.median(heights) else []
        below += [data] if mine.value < np.quantile(heights, 0.25) else []
        orders.append(f"{order:.2f} on {data}")
        rows.append((
            data, ", ".join(map(str, chosen[0].result["widths"])), mine.shown(), *_against(group, chosen),
            f"{np.quantile(heights, 0.25):.2f}, {np.median(heights):.2f}, {heights.max():.2f}",
            f"{(heights < mine.value).sum()} of {len(heights)}", f"{order:.2f}", str(mine.seeds),
        ))  # fmt: skip
    return Finding(
        f"The widths that lose least beat the median of random profiles of equal cost on {len(above)} of {len(rows)} "
        f"data sets ({', '.join(above) or 'none'}), and are below the lower quartile on {', '.join(below) or 'none'}; "
        f"over random profiles predicted loss orders test accuracy with a Spearman correlation of {', '.join(orders)}.",
        ("data", "widths of least loss", "test % [95 %]", *(f"- {name} [95 %]" for name in NAMED),
         "random: lower quartile, median, best", "random ones it beats", "Spearman over random ones", "seeds"),
        tuple(rows),
        "Trainings are short and equal; profiles that learn slowly may end higher. Random profiles have two seeds.",
        _figure(trials),
    )  # fmt: skip


def _against(group: Sequence[Trial], chosen: Sequence[Trial]) -> list[str]:
    """How far the widths of least loss are ahead of each named profile, paired over seeds."""
    found = []
    for name in NAMED:
        others = [trial for trial in group if trial.settings["profile"] == name]
        found.append(paired(by_seed(chosen), by_seed(others)).shown() if others else "-")
    return found


def _figure(trials: Sequence[Trial]) -> Figure:
    panels = []
    for (data,), group in grouped(trials, ("data",)).items():
        kinds = {"random": _is_random, CHOSEN: _is(CHOSEN), "named": _is(*NAMED)}
        curves = []
        for kind, belongs in kinds.items():
            parts = [part for part in grouped(group, ("profile",)).values() if belongs(part[0])]
            points = sorted((part[0].result["predicted"], tested(part).value) for part in parts)
            if points:
                x, y = zip(*points, strict=True)
                curves.append(Curve(kind, x, y, joined=False))
        panels.append(Panel(data, "predicted loss", TEST, tuple(curves), log_x=True))
    return Figure(
        "Test accuracy against the loss that is predicted from the data's tensor, a point a profile of equal cost, "
        "a panel for each data set.",
        tuple(panels),
        3,
    )


def _is(*profiles: str) -> Callable[[Trial], bool]:
    return lambda trial: trial.settings["profile"] in profiles


DESIGNED_WIDTHS = Experiment(
    "designed-widths",
    "Do the widths that lose least of the data's tensor do better than others of equal cost, and is that predicted?",
    _trials,
    _run,
    compare=("data", "profile"),
    tell=_tell,
)
