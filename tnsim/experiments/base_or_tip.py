"""Should a network be wide at its base or at its tip? At equal parameters, as the scale of the task changes.

    base: (4r, 4r, 2r, 2r, r, r)    tip: (r, r, 2r, 2r, 4r, 4r)    tasks: a digit of `size` pixels somewhere in 64 x 64

The theory expects the tip ahead where correlations reach 16 pixels and more, the base ahead at 4 and less: Levine et
al. 2017 (arXiv 1704.01552), section 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from flax import nnx

from tnsim.experiments.experiment import Experiment, Finding, Result, Settings, Trial
from tnsim.experiments.figure import Figure, Panel
from tnsim.experiments.measuring import entropies, trained
from tnsim.experiments.reading import TEST as ACCURACY
from tnsim.experiments.reading import along, by_seed, renyi2, renyi2_by_seed, tested
from tnsim.experiments.statistics import grouped, paired
from tnsim.models import ConvAC
from tnsim.nn import ConvNet, Fourier, NormalisedConvAC
from tnsim.tasks import Placed, dataset
from tnsim.train.config import TrainConfig

__all__ = ["BASE_OR_TIP", "PROFILES"]

PROFILES = {"base": (4, 4, 2, 2, 1, 1), "tip": (1, 1, 2, 2, 4, 4)}  # times r
SIZES = (4, 8, 16, 32, 64)
FINE, COARSE = "chess:1", "chess:16"
SCALES = (FINE, "chess:4", COARSE, "left-right")
CLASSES = (0, 1, 3, 8)  # whose entropies are measured,
MEASURED = 4  # where r is at most this: a look at 4096 sites costs the widest level's width^4 a node
TEST = 2000  # images


def _trials(quick: bool) -> tuple[Settings, ...]:
    whole = {"r": (4, 8), "size": SIZES, "seed": range(5), "images": (10000,), "epochs": (10,)}
    small = {"r": (4,), "size": (64,), "seed": range(1), "images": (500,), "epochs": (1,)}
    axes = {"network": ("ConvAC", "ConvNet"), "profile": tuple(PROFILES), **(small if quick else whole)}
    return tuple(dict(zip(axes, values, strict=True)) for values in product(*axes.values()))


def _run(settings: Settings) -> Result:
    r, seed = int(settings["r"]), int(settings["seed"])
    widths = tuple(factor * r for factor in PROFILES[str(settings["profile"])])
    arch = ConvAC((64, 64), Fourier().features, widths, (2,) * 6, 10, sharing="window")
    data = dataset(Placed(int(settings["size"])), seed, int(settings["images"]), TEST)
    config = TrainConfig(epochs=int(settings["epochs"]), rate=3e-3, seed=seed, validation_fraction=0.0)
    if settings["network"] == "ConvNet":
        return {"parameters": arch.parameters, **trained(ConvNet(arch, Fourier(), rngs=nnx.Rngs(seed)), data, config)}
    module = NormalisedConvAC(arch, Fourier(), rngs=nnx.Rngs(seed))
    found = {"parameters": arch.parameters, **trained(module, data, config)}
    if not _is_measured(settings):
        return found
    return {**found, "entropies": entropies(module.folded(), data, SCALES, CLASSES)}


def _is_measured(settings: Settings) -> bool:
    return settings["network"] == "ConvAC" and int(settings["r"]) <= MEASURED


def _tell(trials: Sequence[Trial]) -> Finding:
    rows, wins, decided = [], dict[tuple, list[str]](), []
    for (network, r, size), group in grouped(trials, ("network", "r", "size")).items():
        profiles = grouped(group, ("profile",))
        if len(profiles) < len(PROFILES):
            continue
        base, tip = profiles[("base",)], profiles[("tip",)]
        ahead = paired(by_seed(tip), by_seed(base))
        rows.append((
            network, str(r), str(size), tested(base).shown(), tested(tip).shown(), ahead.shown(),
            _both(base, tip, FINE), _both(base, tip, COARSE), str(ahead.seeds),
        ))  # fmt: skip
        if ahead.lower > 0 or ahead.upper < 0:
            winner, pair = ("tip", (tip, base)) if ahead.lower > 0 else ("base", (base, tip))
            wins.setdefault((winner, network, r), []).append(str(size))
            decided.append(pair)
    said = "; ".join(
        f"the {winner} for {network} r = {r} at {', '.join(sizes)} pixels"
        for (winner, network, r), sizes in wins.items()
    )
    return Finding(
        f"Ahead beyond chance, paired over seeds: {said or 'neither, anywhere'}. {_entropic(decided)}",
        ("network", "r", "digit's pixels", "base: test % [95 %]", "tip: test % [95 %]", "tip - base [95 %]",
         f"Renyi-2 at {FINE}: base, tip", f"at {COARSE}", "seeds"),
        tuple(rows),
        "Trainings are short, equal for both: longer ones may move the crossing; at few pixels they end near chance.",
        _figure(trials),
    )  # fmt: skip


def _entropic(decided: Sequence[tuple[Sequence[Trial], Sequence[Trial]]]) -> str:
    """Whether who won holds more entropy than who lost, where it was measured."""
    known = [pair for pair in decided if all(map(_is_measured, (trial.settings for part in pair for trial in part)))]
    counts = []
    for A in (FINE, COARSE):
        ahead = [paired(renyi2_by_seed(won, A), renyi2_by_seed(lost, A)) for won, lost in known]
        more, less = sum(one.lower > 0 for one in ahead), sum(one.upper < 0 for one in ahead)
        counts.append(f"at {A} more in {more} and less in {less}")
    return f"Of {len(known)} winners measured, Renyi-2 is beyond chance {', '.join(counts)}."


def _both(base: Sequence[Trial], tip: Sequence[Trial], A: str) -> str:
    """Renyi-2 of both profiles, where it was measured."""
    measured = ([trial for trial in part if _is_measured(trial.settings)] for part in (base, tip))
    return ", ".join(renyi2(part, A).shown(3) if part else "-" for part in measured)


def _figure(trials: Sequence[Trial]) -> Figure:
    panels = []
    for (network, r), group in grouped(trials, ("network", "r")).items():
        curves = tuple(
            along(f"wide at the {profile}", same, "size", tested)
            for (profile,), same in grouped(group, ("profile",)).items()
        )
        panels.append(Panel(f"{network}, r = {r}", "size of the digit, pixels", ACCURACY, curves, log_x=True))
    looked_at = grouped([trial for trial in trials if _is_measured(trial.settings)], ("profile",))
    for A in (FINE, COARSE) if looked_at else ():
        curves = tuple(
            along(f"wide at the {profile}", same, "size", lambda group, A=A: renyi2(group, A))  # type: ignore[misc]
            for (profile,), same in looked_at.items()
        )
        panels.append(Panel(A, "size of the digit, pixels", "Renyi-2, nats", curves, log_x=True, floor=0.0))
    return Figure(
        "Test accuracy against the size of the digit, of networks wide at their base and at their tip, a panel for "
        "each network and width; then Renyi-2 of the narrower ConvACs over a fine and over a coarse chess board.",
        tuple(panels),
        len(grouped(trials, ("r",))),
    )


BASE_OR_TIP = Experiment(
    "base-or-tip",
    "At equal parameters, does the width belong to the base or to the tip, and does the scale of the task decide it?",
    _trials,
    _run,
    compare=("profile", "size", "network", "r"),
    tell=_tell,
)
