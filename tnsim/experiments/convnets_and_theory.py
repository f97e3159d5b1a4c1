"""Do networks with ReLU and max pooling follow the theory of the ConvAC? Their sampled entropies beside its min-cuts.

    one wiring:  product | relu + max | relu + average | relu + product        base: (4r, 2r, r)    tip: (r, 2r, 4r)
    g = score of a class  --[ n x n mixtures of two test images ]-->  S of g in L2(mu_A x mu_B), with its interval

mu_A and mu_B are the marginals of the test images; of a ConvAC the same number is known exactly, measure "data". The
min-cut bounds the ConvAC's alone: Levine et al. 2017 (arXiv 1704.01552), whose section 6 tries the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from math import inf
from typing import Any

import jax
import numpy as np
from flax import nnx
from jaxtyping import Float
from scipy.stats import spearmanr

from tnsim import partitions
from tnsim.banks import measurable
from tnsim.bounds import min_cut
from tnsim.contract.scores import Scores
from tnsim.entanglement.data_state import DataState
from tnsim.entanglement.estimate import Estimate
from tnsim.entanglement.sampled import Sampling, sampled_entropy
from tnsim.experiments.experiment import Experiment, Finding, Result, Settings, Trial
from tnsim.experiments.figure import Curve, Figure, Panel
from tnsim.experiments.measuring import DIGITS, trained
from tnsim.experiments.reading import curve, tested
from tnsim.experiments.statistics import Mean, grouped, mean, paired
from tnsim.models import ConvAC
from tnsim.nn import ConvNet, Fourier, NormalisedConvAC
from tnsim.nn.normalised import Normalised
from tnsim.train.config import TrainConfig
from tnsim.train.data import load
from tnsim.train.steps import scores_of

__all__ = ["CONVNETS_AND_THEORY", "architecture"]

PROFILES: dict[str, dict[str, tuple[int, ...]]] = {
    "digits": {"base": (16, 8, 4), "tip": (4, 8, 16)},
    "mnist-5k": {"base": (32, 16, 8, 4), "tip": (4, 8, 16, 32)},
}
POOLINGS = {"relu + max": "max", "relu + average": "average", "relu + product": "product"}
NETWORKS = ("ConvAC", *POOLINGS)
SIDES = {"digits": 8, "mnist-5k": 16}
EPOCHS = {"digits": 40, "mnist-5k": 12}
SCALES = ("chess:1", "chess:2", "chess:4", "chess:8")  # fine to coarse, up to half of a side
LABELS, IMAGES, DRAWS, CONFIDENCE, SEEDS = (0, 3, 8), 300, 192, 0.95, 5


Ends = list[float | None]  # value, lower and upper end


def _trials(quick: bool) -> tuple[Settings, ...]:
    if quick:
        small: Settings = {"data": "digits", "profile": "base", "epochs": 1, "draws": 32, "seed": 0}
        return tuple({"network": network, **small} for network in NETWORKS[:2])
    return tuple(
        {"network": network, "data": data, "profile": profile, "epochs": EPOCHS[data], "draws": DRAWS, "seed": seed}
        for data in PROFILES
        for network, profile, seed in product(NETWORKS, PROFILES[data], range(SEEDS))
    )


def architecture(data: str, profile: str) -> ConvAC:
    """The wiring of all four networks."""
    widths, side = PROFILES[data][profile], SIDES[data]
    return ConvAC((side, side), Fourier().features, widths, (2,) * len(widths), 10, sharing="window")


def _partitions(data: str) -> tuple[str, ...]:
    return (*SCALES[: len(PROFILES[data]["base"])], "left-right", "quadrant", "center")


def _run(settings: Settings) -> Result:
    name, seed = str(settings["data"]), int(settings["seed"])
    data = load(name, size=(SIDES[name], SIDES[name]))
    arch, network, rngs = architecture(name, str(settings["profile"])), str(settings["network"]), nnx.Rngs(seed)
    module: Normalised = (
        ConvNet(arch, Fourier(), rngs=rngs, pooling=POOLINGS[network])
        if network in POOLINGS
        else NormalisedConvAC(arch, Fourier(), rngs=rngs)
    )
    config = TrainConfig(epochs=int(settings["epochs"]), rate=3e-3, seed=seed, validation_fraction=0.0)
    reached = trained(module, data, config)
    images, rows = data.test_images[:IMAGES], []
    for place, A in enumerate(_partitions(name)):
        draws = Sampling(int(settings["draws"]), CONFIDENCE, seed=100 * seed + place)
        row: dict[str, Any] = {"partition": A, "bound": round(min_cut(arch, A).log, DIGITS)}
        row["sampled"] = _sampled(module, images, A, draws)
        if isinstance(module, NormalisedConvAC):
            row["exact"] = _exact(module, images, A)
        rows.append(row)
    return {"parameters": arch.parameters, **reached, "entropies": rows}


_scores = nnx.jit(scores_of)


def _sampled(module: Normalised, images: np.ndarray, A: str, draws: Sampling) -> list[Ends]:
    """S of each class from its scores at mixtures of two images; all classes see the same ones, scored once."""
    kept: list[Scores] = []

    def of(label: int) -> Ends:
        told = iter(tuple(kept))

        def g(mixtures: np.ndarray) -> Scores:
            found = next(told, None)
            if found is None:
                found = jax.device_get(_scores(module, mixtures))
                kept.append(found)
            return Scores(found.value[:, label], found.log_scale)

        return _ends(sampled_entropy(g, partitions.mask(module.arch, A), images, sampling=draws))

    return [of(label) for label in LABELS]


def _exact(module: NormalisedConvAC, images: np.ndarray, A: str) -> list[Ends]:
    """The same numbers of a ConvAC, on all mixtures of two images."""
    features, params = np.asarray(module.features(images), np.float64), module.params()
    return [_ends(DataState(module.arch, measurable(module.arch.network, params), label, features).entropy(A))
            for label in LABELS]  # fmt: skip


def _ends(S: Estimate) -> Ends:
    """Value, lower and upper end, as JSON has them: None for one that is infinite."""
    return [None if abs(x) == inf else round(float(x), DIGITS) for x in (S.value, S.lower, S.upper)]


def _tell(trials: Sequence[Trial]) -> Finding:
    rows, orders = [], dict[str, list[tuple[float, float]]]()
    alike = {_place(trial): _entropies(trial) for trial in trials if trial.settings["network"] == "ConvAC"}
    for (data, network), group in grouped(trials, ("data", "network")).items():
        cuts = [_correlated(_entropies(trial), _bounds(trial)) for trial in group]
        convac = [_correlated(_entropies(trial), alike[_place(trial)]) for trial in group if _place(trial) in alike]
        if convac:
            orders.setdefault(network, []).append((mean(cuts).value, mean(convac).value))
        profiles = grouped(group, ("profile",))
        accuracies = ", ".join(f"{name} {tested(found).value:.1f}" for (name,), found in profiles.items())
        wide = [_base_less_tip(profiles, A) for A in (_partitions(data)[0], SCALES[len(PROFILES[data]["base"]) - 1])]
        over, asked = _above(group)
        order = [mean(one).shown() if one else "-" for one in (cuts, convac)]
        rows.append((data, network, accuracies, *("-" if one is None else one.shown(3) for one in wide), *order,
                     f"{over} of {asked}", str(len({trial.settings["seed"] for trial in group}))))  # fmt: skip
    return Finding(
        _answer(trials, orders),
        ("data", "network", "test %", "S at the finest chess board, base - tip", "at the coarsest, base - tip",
         "Spearman of S with ln(min-cut) [95 %]", "with S of the ConvAC [95 %]", "S above ln(min-cut)", "seeds"),
        tuple(rows),
        f"S is a mean over {len(LABELS)} classes. Scores are known up to a function that all classes share, which "
        "changes entropies and no decision; networks of one wiring reach different accuracies; and n draws a side "
        "resolve at most ln n nats, so that a min-cut above them could not be exceeded. Intervals of one trial share "
        "their draws over classes: their misses come together.",
        _figure(trials),
    )  # fmt: skip


def _figure(trials: Sequence[Trial]) -> Figure:
    panels = []
    for (data, profile), group in grouped(trials, ("data", "profile")).items():
        names = _partitions(data)
        curves = []
        for (network,), same in grouped(group, ("network",)).items():
            values = np.array([_entropies(trial) for trial in same])
            curves.append(curve(network, {A: mean(values[:, place].tolist()) for place, A in enumerate(names)}))
        cuts = tuple(float(cut) for cut in _bounds(group[0]))
        curves.append(Curve("ln(min-cut)", names, cuts, reference=True))
        panels.append(Panel(f"{data}, wide at the {profile}", "partition", "S, nats", tuple(curves), log_y=True))
    return Figure(
        "Sampled entropy of class scores by partition, of networks of one wiring that pool by products or by maxima or "
        "averages after ReLU, beside ln(min-cut) of the wiring; a panel for each data set and profile of widths.",
        tuple(panels),
        2,
    )


def _place(trial: Trial) -> tuple:
    """What a network of another kind shares with it."""
    return tuple(trial.settings[name] for name in ("data", "profile", "seed"))


def _entropies(trial: Trial) -> Float[np.ndarray, "partitions"]:
    """S of each partition, sampled, averaged over the classes."""
    return np.array([np.mean([ends[0] for ends in row["sampled"]]) for row in trial.result["entropies"]])


def _bounds(trial: Trial) -> Float[np.ndarray, "partitions"]:
    return np.array([row["bound"] for row in trial.result["entropies"]])


def _correlated(one: Float[np.ndarray, "n"], other: Float[np.ndarray, "n"]) -> float:
    """Spearman's correlation; 0 where one of them is constant."""
    return float(spearmanr(one, other).statistic) if np.ptp(one) and np.ptp(other) else 0.0


def _base_less_tip(profiles: Mapping[tuple, list[Trial]], A: str) -> Mean | None:
    """S at a partition, of wide bases less wide tips, paired over seeds."""
    if len(profiles) < 2:
        return None
    base, tip = (
        {int(trial.settings["seed"]): float(_entropies(trial)[_partitions(str(trial.settings["data"])).index(A)])
         for trial in profiles[name,]}
        for name in ("base", "tip")
    )  # fmt: skip
    return paired(base, tip)


def _above(trials: Sequence[Trial]) -> tuple[int, int]:
    """How often S is above ln(min-cut), its whole interval; of so many, of all classes and partitions."""
    over = [ends[1] > row["bound"] for trial in trials for row in trial.result["entropies"] for ends in row["sampled"]]
    return sum(over), len(over)


def _covered(trials: Sequence[Trial]) -> tuple[int, int]:
    """How many sampled intervals hold the exact number, and of how many."""
    rows = [row for trial in trials for row in trial.result["entropies"] if "exact" in row]
    held = [
        lower <= value <= (inf if upper is None else upper)
        for row in rows
        for (_, lower, upper), (value, *_) in zip(row["sampled"], row["exact"], strict=True)
    ]
    return sum(held), len(held)


def _answer(trials: Sequence[Trial], orders: Mapping[str, list[tuple[float, float]]]) -> str:
    said = []
    for network, found in orders.items():
        cut, convac = np.mean(found, axis=0)
        said.append(f"{cut:.2f} for {network}" + ("" if network == "ConvAC" else f" ({convac:.2f} with its S)"))
    over, asked = _above([trial for trial in trials if trial.settings["network"] != "ConvAC"])
    held, of = _covered(trials)
    return (
        f"Over partitions S follows ln(min-cut) with a Spearman correlation of {', '.join(said) or 'nothing known yet'}"
        f"; with ReLU it is above ln(min-cut) in {over} of {asked} classes and partitions; of the ConvAC's exact "
        f"entropies {held} of {of} lie inside their sampled intervals of {100 * CONFIDENCE:.0f} %."
    )


CONVNETS_AND_THEORY = Experiment(
    "convnets-and-theory",
    "Do networks with ReLU and max pooling order their entropies as the ConvAC of the same wiring and its min-cuts do?",
    _trials,
    _run,
    compare=("network", "profile", "data"),
    tell=_tell,
)
