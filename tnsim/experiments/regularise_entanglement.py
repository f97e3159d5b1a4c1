"""Does entanglement as a term of the loss change robustness, or what few images suffice for? It costs, or it pays.

    loss + strength * mean over classes of S_2(A)        strength > 0: entropy costs; < 0: it pays; 0: it is left alone

S_2 in nats of the classes as functions, by the site Grams of the images trained on: the measure of the other
experiments, of directions in which images lie. The coefficient measure depends on the basis of features, and counts
those in which no image does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np
from flax import nnx
from jaxtyping import Float, Float32

from tnsim.experiments.experiment import Experiment, Finding, Result, Settings, Trial
from tnsim.experiments.figure import Figure, Panel
from tnsim.experiments.measuring import DIGITS, entropies, trained
from tnsim.experiments.reading import TEST, along, renyi2, tested
from tnsim.experiments.statistics import Mean, grouped, mean, paired
from tnsim.models import ConvAC
from tnsim.nn import Fourier, NormalisedConvAC
from tnsim.train.config import TrainConfig
from tnsim.train.data import Dataset, load, stratified_split
from tnsim.train.penalties import renyi_penalty
from tnsim.train.steps import evaluate

__all__ = ["REGULARISE_ENTANGLEMENT", "fewer", "occluded", "shifted"]

SIZES: dict[str, tuple[int, int] | None] = {"digits": None, "mnist-5k": (16, 16)}
# Narrow: a fold of two replicas costs width^5 a node.
WIDTHS: dict[str, tuple[int, ...]] = {"digits": (9, 9, 9), "mnist-5k": (5, 5, 9, 9)}
IMAGES: dict[str, tuple[int, ...]] = {"digits": (100, 300, 1438), "mnist-5k": (300, 4000)}
PARTITIONS = ("left-right", "checkerboard")
# Nats of loss for a nat of entropy.
STRENGTHS: dict[str, tuple[float, ...]] = {"digits": (-0.1, -0.02, 0.02, 0.1), "mnist-5k": (-0.1, 0.1)}
NONE: Settings = {"partition": "none", "strength": 0.0}
STEPS, SEEDS, CLASSES = 400, 3, tuple(range(10))
STRENGTH = "strength of the term"
KINDS = ("test", "shifted_1", "shifted_2", "occluded")


def _trials(quick: bool) -> tuple[Settings, ...]:
    if quick:
        terms = _terms("digits")
        return tuple({"data": "digits", "images": 100, "steps": 20, **one, "seed": 0} for one in (terms[0], terms[-1]))
    return tuple(
        {"data": data, "images": images, "steps": STEPS, **one, "seed": seed}
        for data in IMAGES
        for images, one, seed in product(IMAGES[data], _terms(data), range(SEEDS))
    )


def _terms(data: str) -> list[Settings]:
    """None, and every partition with every strength."""
    chosen: list[Settings] = [
        {"partition": A, "strength": strength} for A, strength in product(PARTITIONS, STRENGTHS[data])
    ]
    return [NONE, *chosen]


def _run(settings: Settings) -> Result:
    name, seed, strength = str(settings["data"]), int(settings["seed"]), float(settings["strength"])
    data = fewer(load(name, size=SIZES[name]), int(settings["images"]), seed)
    widths = WIDTHS[name]
    arch = ConvAC(data.image_shape, Fourier().features, widths, (2,) * len(widths), len(data.classes))
    module = NormalisedConvAC(arch, Fourier(), rngs=nnx.Rngs(seed))
    gram = Fourier().gram_from(data.train_images, per_site=True)
    penalty = renyi_penalty(arch, str(settings["partition"]), strength, gram) if strength else None
    steps = int(settings["steps"])
    config = TrainConfig(steps=steps, rate=3e-3, seed=seed, validation_fraction=0.0, penalty=penalty)
    reached = trained(module, data, config)
    whole = module.folded()
    seen = {f"shifted_{pixels}": shifted(data.test_images, pixels) for pixels in (1, 2)}
    seen["occluded"] = occluded(data.test_images)[None]
    robust = {
        kind: round(float(np.mean([evaluate(whole, one, data.test_labels).accuracy for one in images])), DIGITS)
        for kind, images in seen.items()
    }
    measured = entropies(whole, data, PARTITIONS, CLASSES)
    return {"parameters": arch.parameters, **reached, **robust, "entropies": measured}


def fewer(data: Dataset, count: int, seed: int) -> Dataset:
    """So many of the training images, as many of each class as may be; all of them where there are no more."""
    total = len(data.train_labels)
    if count >= total:
        return data
    _, kept = stratified_split(data.train_labels, count / total, seed)
    return replace(data, train_images=data.train_images[kept], train_labels=data.train_labels[kept])


def shifted(images: Float32[np.ndarray, "n H W"], pixels: int) -> Float32[np.ndarray, "4 n H W"]:
    """Moved by so many pixels up, down, left and right; black comes in."""
    height, width = images.shape[1:]
    wide = np.pad(images, ((0, 0), (pixels, pixels), (pixels, pixels)))
    corners = ((0, pixels), (2 * pixels, pixels), (pixels, 0), (pixels, 2 * pixels))
    return np.stack([wide[:, row : row + height, column : column + width] for row, column in corners])


def occluded(images: Float32[np.ndarray, "n H W"]) -> Float32[np.ndarray, "n H W"]:
    """A black square of a quarter of the side in each, at a place of its own in the middle half; the same each time."""
    side = images.shape[1] // 4
    corners = np.random.default_rng(0).integers(side, 2 * side + 1, size=(len(images), 2))
    found = images.copy()
    for image, (row, column) in zip(found, corners, strict=True):
        image[row : row + side, column : column + side] = 0
    return found


def _tell(trials: Sequence[Trial]) -> Finding:
    rows, changes = [], dict[tuple, dict[str, Mean]]()
    for (data, images), group in grouped(trials, ("data", "images")).items():
        terms = grouped(group, ("partition", "strength"))
        left = terms.pop(tuple(NONE.values()), [])
        for (A, strength), found in [(tuple(NONE.values()), left), *terms.items()] if left else []:
            moved = {kind: paired(_by_seed(found, kind), _by_seed(left, kind)) for kind in KINDS}
            alone = strength == NONE["strength"]
            told = [mean([*_by_seed(found, kind).values()]) if alone else moved[kind] for kind in KINDS]
            entropy = [f"{renyi2(found, A).value:.3f}" for A in PARTITIONS]
            rows.append((data, str(images), A, f"{strength:g}", *entropy, *(one.shown() for one in told),
                         str(len(found))))  # fmt: skip
            if not alone:
                changes[data, images, A, strength] = moved
    return Finding(
        _answer(changes),
        ("data", "images", "partition", "strength", *(f"Renyi-2, {A}" for A in PARTITIONS),
         "test % [95 %], or its change", "shifted 1", "shifted 2", "occluded", "seeds"),
        tuple(rows),
        "Rows of strength 0 show accuracies, the others what changes against them, paired over seeds: few seeds, and "
        "many comparisons, of which one in twenty is beyond chance by chance. Entropies are those of class scores, and "
        "a function added to all of them changes entropies and no decision: some of what is paid for may be that.",
        _figure(trials),
    )  # fmt: skip


def _figure(trials: Sequence[Trial]) -> Figure:
    """Of the fewest images of each data set: accuracy and entropy against the strength, a curve a partition."""
    tests, entropy = [], []
    for (data,), group in grouped(trials, ("data",)).items():
        images, few = next(iter(grouped(group, ("images",)).items()))
        by_term = {A: [t for t in few if t.settings["partition"] in (A, NONE["partition"])] for A in PARTITIONS}
        title = f"{data}, {images[0]} images"
        tests.append(Panel(title, STRENGTH, TEST, tuple(along(A, by_term[A], "strength", tested) for A in by_term)))
        curves = (along(A, by_term[A], "strength", partial(_renyi2, A)) for A in by_term)
        entropy.append(Panel(title, STRENGTH, "Renyi-2 of the same partition, nats", tuple(curves), floor=0.0))
    return Figure(
        "Above, test accuracy after training on the fewest images against the strength with which the entropy of a "
        "partition costs (right) or pays (left); below, that entropy when trained; a column for each data set.",
        (*tests, *entropy),
        len(tests),
    )


def _renyi2(A: str, trials: Sequence[Trial]) -> Mean:
    return renyi2(trials, A)


def _by_seed(trials: Sequence[Trial], kind: str) -> dict[int, float]:
    """Accuracy of one kind, in percent."""
    return {int(trial.settings["seed"]): 100 * trial.result[kind] for trial in trials}


def _answer(changes: dict[tuple, dict[str, Mean]]) -> str:
    if not changes:
        return "Nothing is known yet: no strength has a trial of strength 0 beside it."
    said = []
    for way, sign in (("costs", 1), ("pays", -1)):
        found = [moved for (*_, strength), moved in changes.items() if sign * strength > 0]
        if found:
            means = {kind: float(np.mean([moved[kind].value for moved in found])) for kind in KINDS}
            shift = (means["shifted_1"] + means["shifted_2"]) / 2
            few = float(np.mean(_of_fewest(changes, sign)))
            said.append(
                f"where entropy {way}, {means['test']:+.2f} points on test images ({few:+.2f} with the fewest training "
                f"images), {shift:+.2f} on shifted and {means['occluded']:+.2f} on occluded ones"
            )
    every = [one for moved in changes.values() for one in moved.values()]
    up, down = sum(one.lower > 0 for one in every), sum(one.upper < 0 for one in every)
    return (
        f"Accuracy changes on average by: {'; '.join(said)}. Of {len(every)} comparisons {up} are up and {down} down "
        f"beyond chance, paired over seeds, where chance alone makes about {len(every) / 20:.0f}."
    )


def _of_fewest(changes: dict[tuple, dict[str, Mean]], sign: int) -> Float[np.ndarray, "n"]:
    """Changes on test images with the fewest training images of each data set."""
    fewest: dict[str, int] = {}
    for data, images, *_ in changes:
        fewest[data] = min(images, fewest.get(data, images))
    return np.array([
        moved["test"].value for (data, images, _, strength), moved in changes.items()
        if images == fewest[data] and sign * strength > 0
    ])  # fmt: skip


REGULARISE_ENTANGLEMENT = Experiment(
    "regularise-entanglement",
    "Does entanglement that costs or pays in the loss change robustness, or how few images suffice?",
    _trials,
    _run,
    compare=("partition", "strength", "images", "data"),
    tell=_tell,
)
