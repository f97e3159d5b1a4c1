"""What do missing pixels cost who sums them out, and who fills them in?

    a generative ConvAC    p(y | visible pixels), every missing one summed out exactly
    a ConvNet              scores of the image, missing pixels at their mean over the training images

Both are trained on whole images and see the same test images with the same pixels missing: each by itself with a
probability, or all of a rectangle. Source: Sharir, Tamari, Cohen and Shashua 2016 (arXiv 1610.04167), section 6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import sqrt
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Bool, Float

from tnsim.experiments.experiment import Experiment, Finding, Result, Settings, Trial
from tnsim.experiments.figure import Figure, Panel
from tnsim.experiments.measuring import DIGITS, trained
from tnsim.experiments.reading import TEST, curve
from tnsim.experiments.statistics import Mean, grouped, mean, paired
from tnsim.models import ConvAC
from tnsim.nn import ConvNet, Gaussians, GenerativeConvAC, Patches
from tnsim.train.config import TrainConfig
from tnsim.train.data import Dataset, load
from tnsim.train.penalties import likelihood_penalty

__all__ = ["MISSING_PIXELS", "masks"]

Mask = Bool[np.ndarray, "n H W"]
GENERATIVE, FILLED = "generative ConvAC", "ConvNet, filled"
NETWORKS = (GENERATIVE, FILLED)
SCATTERED, RECTANGLE = "scattered", "rectangle"
FRACTIONS = (0.25, 0.5, 0.75)
HALF = 0.5


@dataclass(frozen=True)
class Setup:
    """How a data set is loaded; of the generative ConvAC densities of a pixel and widths; of the ConvNet overlapping
    patches (side, stride, maps) and widths; epochs of each. Found on a fifth of the training images, held apart."""

    sides: Mapping[str, Any]
    densities: int
    channels: tuple[int, ...]
    patches: tuple[int, int, int]
    widths: tuple[int, ...]
    epochs: Mapping[str, int]


RATES = {GENERATIVE: 3e-2, FILLED: 1e-2}
STRENGTH = 0.1  # of the likelihood beside the cross entropy of classes
MNIST = {"size": (14, 14), "pad": (16, 16)}  # means of 2 x 2 pixels
SETUPS = {
    "digits": Setup({}, 16, (16, 32, 32), (3, 1, 24), (32, 64, 64), {GENERATIVE: 40, FILLED: 60}),
    "mnist-5k": Setup(MNIST, 8, (16, 32, 64, 64), (3, 1, 24), (32, 64, 64, 64), {GENERATIVE: 20, FILLED: 15}),
}


def _trials(quick: bool) -> tuple[Settings, ...]:
    data, seeds = (("digits",), 1) if quick else (tuple(SETUPS), 5)
    return tuple(
        {"data": name, "network": network, "epochs": 1 if quick else SETUPS[name].epochs[network], "seed": seed}
        for name, network, seed in product(data, NETWORKS, range(seeds))
    )


def _module(network: str, setup: Setup, data: Dataset, seed: int) -> nnx.Module:
    windows, classes, rngs = (2,) * len(setup.widths), len(data.classes), nnx.Rngs(seed)
    if network == GENERATIVE:
        arch = ConvAC(data.image_shape, setup.densities, setup.channels, windows, classes)
        return GenerativeConvAC(arch, Gaussians(setup.densities), rngs=rngs)
    patches = Patches(*setup.patches, data.image_shape, rngs)
    arch = ConvAC(patches.grid, patches.features, setup.widths, windows, classes, "window")
    return ConvNet(arch, patches, rngs=rngs)


def masks(kind: str, fraction: float, images: int, shape: tuple[int, int], rng: np.random.Generator) -> Mask:
    """Which pixels are missing: "scattered", each with this probability, or a "rectangle" of that share of the area,
    as near to the image's own shape as whole pixels allow, anywhere in the image.

    Raises ValueError for other kinds.
    """
    if kind == SCATTERED:
        return rng.random((images, *shape)) < fraction
    if kind != RECTANGLE:
        raise ValueError(f"kind: wanted {SCATTERED!r} or {RECTANGLE!r}, found {kind!r}")
    rows = round(sqrt(fraction) * shape[0])
    columns = round(fraction * shape[0] * shape[1] / rows)
    top, left = (rng.integers(0, side - part + 1, images) for side, part in zip(shape, (rows, columns), strict=True))
    at_row, at_column = (np.arange(side)[None] for side in shape)
    inside = (top[:, None] <= at_row) & (at_row < top[:, None] + rows)
    beside = (left[:, None] <= at_column) & (at_column < left[:, None] + columns)
    return inside[:, :, None] & beside[:, None]


def _run(settings: Settings) -> Result:
    name, network, seed = str(settings["data"]), str(settings["network"]), int(settings["seed"])
    setup = SETUPS[name]
    data = load(name, **setup.sides)
    module = _module(network, setup, data, seed)
    penalty = likelihood_penalty(STRENGTH) if network == GENERATIVE else None
    config = TrainConfig(
        epochs=int(settings["epochs"]), rate=RATES[network], seed=seed, validation_fraction=0.0, penalty=penalty
    )
    reached = trained(module, data, config)
    rows = []
    for place, (kind, fraction) in enumerate(product((SCATTERED, RECTANGLE), FRACTIONS)):
        rng = np.random.default_rng((seed, place))  # the same pixels for both networks
        missing = masks(kind, fraction, len(data.test_labels), data.image_shape, rng)
        right = (_predicted(module, data, missing) == data.test_labels).mean()
        rows.append({"kind": kind, "fraction": fraction, "test": round(float(right), DIGITS)})
    weights = sum(array.size for array in jax.tree.leaves(nnx.state(module, nnx.Param)))
    return {"parameters": weights, **reached, "missing": rows}


def _predicted(module: nnx.Module, data: Dataset, missing: Mask) -> np.ndarray:
    if isinstance(module, GenerativeConvAC):
        return np.asarray(_posterior(module, jnp.asarray(data.test_images), jnp.asarray(missing))).argmax(1)
    filled = np.where(missing, data.train_images.mean(axis=0), data.test_images)
    return np.asarray(_scored(module, jnp.asarray(filled))).argmax(1)


@nnx.jit
def _posterior(module: Any, images: Float[Any, "n H W"], missing: Any):
    return module.log_posterior(images, missing)


@nnx.jit
def _scored(module: Any, images: Float[Any, "n H W"]):
    return module(images)


def _tested(trials: Sequence[Trial], kind: str, fraction: float) -> dict[int, float]:
    """Test accuracy of each seed in percent, with so many pixels missing; 0: none."""
    if not fraction:
        return {int(trial.settings["seed"]): 100 * trial.result["test"] for trial in trials}
    return {
        int(trial.settings["seed"]): 100 * row["test"]
        for trial in trials for row in trial.result["missing"] if (row["kind"], row["fraction"]) == (kind, fraction)
    }  # fmt: skip


def _lost(trials: Sequence[Trial], kind: str, fraction: float) -> Mean:
    """Points of accuracy, seed by seed."""
    return paired(_tested(trials, kind, 0.0), _tested(trials, kind, fraction))


def _mean(trials: Sequence[Trial], kind: str, fraction: float) -> Mean:
    return mean(list(_tested(trials, kind, fraction).values()))


def _tell(trials: Sequence[Trial]) -> Finding:
    rows, said, more = [], [], []
    for (data,), group in grouped(trials, ("data",)).items():
        networks = {network: part for (network,), part in grouped(group, ("network",)).items()}
        for kind, (network, part) in product((SCATTERED, RECTANGLE), networks.items()):
            tests = [_mean(part, kind, fraction) for fraction in (0.0, *FRACTIONS)]
            lost = _lost(part, kind, HALF)
            rows.append((data, kind, network, *(one.shown(1) for one in tests), lost.shown(1), str(lost.seeds)))
        if len(networks) == len(NETWORKS):
            pairs = [[_lost(networks[one], kind, HALF).value for one in NETWORKS] for kind in (SCATTERED, RECTANGLE)]
            scattered, rectangle = (f"{mine:.1f} (the ConvNet {theirs:.1f})" for mine, theirs in pairs)
            said.append(f"{scattered} points on {data}, and {rectangle} where they are a rectangle")
            shares = [mine / theirs for mine, theirs in pairs]
            more += [f"{data}, {kind}: {share:.2f} of it"
                     for kind, share in zip((SCATTERED, RECTANGLE), shares) if share >= HALF]  # fmt: skip
    losses = "; ".join(said) or "nothing yet"
    under = "" if not said else f" Less than half of the ConvNet's loss{' but for ' * bool(more)}{'; '.join(more)}."
    return Finding(
        f"With half of the pixels missing, scattered, the generative ConvAC loses {losses}.{under}",
        ("data", "missing", "network", "none: test % [95 %]", *(f"{100 * fraction:.0f} %" for fraction in FRACTIONS),
         f"lost at {100 * HALF:.0f} %", "seeds"),
        tuple(rows),
        "The two differ in whole images too, and a ConvNet that is trained on images with missing pixels, or better "
        "filled ones, loses less; pixels are missing independently of their values.",
        _figure(trials),
    )  # fmt: skip


def _figure(trials: Sequence[Trial]) -> Figure:
    panels = []
    for (data,), group in grouped(trials, ("data",)).items():
        for kind in (SCATTERED, RECTANGLE):
            curves = tuple(
                curve(network, {100 * f: _mean(part, kind, f) for f in (0.0, *FRACTIONS)})
                for (network,), part in grouped(group, ("network",)).items()
            )
            panels.append(Panel(f"{data}, {kind}", "missing pixels, %", TEST, curves))
    return Figure(
        "Test accuracy against the share of pixels that are missing, each by itself or all of a rectangle: of the "
        "generative ConvAC that sums them out and the ConvNet whose missing pixels are at their training mean; a row "
        "for each data set.",
        tuple(panels),
        2,
    )


MISSING_PIXELS = Experiment(
    "missing-pixels",
    "What do missing pixels cost a ConvAC that sums them out, and a ConvNet whose pixels are filled with their mean?",
    _trials,
    _run,
    compare=("network", "data"),
    tell=_tell,
)
