"""Which settings does a tenth of the training images choose for the small sets? One thing changed at a time.

    training images of split 0, 1, .. --[ a tenth apart ]--> one tree of each variant --> accuracy on the tenth

Test images are not looked at: this is how the settings of `accuracy` are chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product

from tnsim.experiments.accuracy import FASHION, MODELS, Model, made, resplit
from tnsim.experiments.experiment import Experiment, Finding, Result, Settings, Trial
from tnsim.experiments.figure import Figure, Panel
from tnsim.experiments.measuring import DIGITS
from tnsim.experiments.reading import by_seed, curve, tested
from tnsim.experiments.statistics import grouped, paired
from tnsim.train.data import Dataset, load, stratified_split
from tnsim.train.loop import fit
from tnsim.train.recipes import PADS

__all__ = ["BASE", "SETTINGS", "VARIANTS", "held_apart"]

BASE, TENTH = "rate 3e-3", 0.1


def _with(**config: float) -> Callable[[Model], Model]:
    return lambda model: replace(model, config=replace(model.config, **config))  # type: ignore[arg-type]


VARIANTS: dict[str, Callable[[Model], Model]] = {
    BASE: _with(rate=3e-3),
    "rate 1e-2": _with(rate=1e-2),
    "rate 1e-3": _with(rate=1e-3),
    "without shifts": _with(rate=3e-3, shift=0),
    "half the widths": lambda model: _with(rate=3e-3)(
        replace(model, channels=tuple(width // 2 + 1 for width in model.channels))
    ),
}


def _trials(quick: bool) -> tuple[Settings, ...]:
    models = [one for one in MODELS if one[0] != FASHION]
    if quick:
        return tuple({"data": "digits", "sites": "pixels", "variant": v, "epochs": 2, "seed": 0} for v in (BASE,))
    return tuple(
        {"data": data, "sites": sites, "variant": v, "epochs": MODELS[data, sites].config.epochs or 0, "seed": seed}
        for (data, sites), v, seed in product(models, VARIANTS, range(3))
    )


def held_apart(data: Dataset, seed: int) -> Dataset:
    """The training images of a split, a tenth of them in the place of the test images."""
    kept, held = stratified_split(data.train_labels, TENTH, seed)
    images, labels = data.train_images, data.train_labels
    return Dataset(data.name, images[kept], labels[kept], images[held], labels[held], data.classes)


def _run(settings: Settings) -> Result:
    name, seed = str(settings["data"]), int(settings["seed"])
    data = held_apart(resplit(load(name, pad=PADS.get(name)), seed), seed)
    model = VARIANTS[str(settings["variant"])](MODELS[name, str(settings["sites"])])
    config = replace(model.config, epochs=int(settings["epochs"]), seed=seed)
    reached = fit(made(model, data, seed), data, config, progress=False)
    return {"test": round(reached.test.accuracy, DIGITS)}


def _tell(trials: Sequence[Trial]) -> Finding:
    rows, better = [], []
    for (data, sites), group in grouped(trials, ("data", "sites")).items():
        variants = {variant: found for (variant,), found in grouped(group, ("variant",)).items()}
        for variant in (name for name in VARIANTS if name in variants):
            found = variants[variant]
            ahead = paired(by_seed(found), by_seed(variants[BASE])) if BASE in variants else None
            shown = "-" if variant == BASE or ahead is None else ahead.shown()
            rows.append((data, sites, variant, tested(found).shown(), shown, str(len(found))))
            if ahead is not None and ahead.lower > 0:
                better.append(f"{variant} by {ahead.shown()} points on {data} ({sites})")
    return Finding(
        f"Beyond chance better than a {BASE} on the tenth apart: {'; '.join(better) or 'none'}.",
        ("data", "sites", "variant", "% on the tenth [95 %]", f"before {BASE}", "seeds"),
        tuple(rows),
        "`accuracy` uses the base, or what is better beyond chance. One thing changed at a time, three seeds with a "
        "split each; a tenth is 144 images of digits and 400 of MNIST-5k, so that half a point is little.",
        _figure(trials),
    )


def _figure(trials: Sequence[Trial]) -> Figure:
    panels = []
    for (data, sites), group in grouped(trials, ("data", "sites")).items():
        points = {variant: tested(found) for (variant,), found in grouped(group, ("variant",)).items()}
        ordered = {variant: points[variant] for variant in VARIANTS if variant in points}
        panels.append(Panel(f"{data}, {sites}", "variant", "accuracy on the tenth, %", (curve("one tree", ordered),)))
    return Figure(
        "Accuracy on a tenth of the training images kept apart, by what was changed; a panel for each data set and "
        "kind of sites.",
        tuple(panels),
        min(2, len(panels)),
    )


SETTINGS = Experiment(
    "settings",
    "Which settings does a tenth of the training images choose for the small sets?",
    _trials,
    _run,
    compare=("data", "sites", "variant"),
    tell=_tell,
)
