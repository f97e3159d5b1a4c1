"""How small can a trained network become? Cut where the measured state loses least, then train a little more.

    factors    every matrix as a product, by Schmidt values that know the Gram below and the environment above it
    channels   fewer channels, each dropped one expressed by those that stay
    cores      the same function as a tree of dense cores, its bonds truncated
    beside:    plain singular values; the largest weights; a small network from scratch

Weights of the first three: of the product measure, whose loss is exact, or averages over training images ("on images").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import nnx

from tnsim.architectures.convac import ConvACArchitecture
from tnsim.compression import Weights, cores_distance, dense_cores, distance, factored, pruned, weights_in, weights_on
from tnsim.entanglement.measure import SiteMeasure, site_measure
from tnsim.experiments.experiment import Experiment, Finding, Result, Settings, Trial
from tnsim.experiments.figure import Figure, Level, Panel
from tnsim.experiments.measuring import DIGITS
from tnsim.experiments.reading import TEST, curve, tested
from tnsim.experiments.statistics import Mean, grouped, mean
from tnsim.nn import Fourier, Masked, NormalisedConvAC, TreeTensorNetwork, magnitude_masks, resumed
from tnsim.nn.convac import ConvAC as Module
from tnsim.train.config import TrainConfig
from tnsim.train.data import Dataset, load
from tnsim.train.loop import fit
from tnsim.train.recipes import PADS, recipe
from tnsim.train.steps import evaluate

__all__ = ["COMPRESSION", "METHODS"]

EPOCHS = {"digits": (40, 8), "mnist-5k": (12, 3)}  # of the whole network, and after it was cut
PARTS = (0.5, 0.25, 0.125)  # of its parameters
PART = "part of the parameters"
RATE, LOOKED_AT = 1e-3, 500  # after a cut; images that weigh and that moments are of


class Trained(NamedTuple):
    """A trained network, its data, and what says which parts of it matter."""

    module: Module
    data: Dataset
    banks: dict[str, Any]
    measure: SiteMeasure
    inside: Weights
    on_images: Weights


class Small(NamedTuple):
    """What a method makes: a module to train on, its size, and the exact loss of the cut."""

    module: nnx.Module
    parameters: int
    multiply_adds: int
    loss: float


def _trials(quick: bool) -> tuple[Settings, ...]:
    if quick:
        return ({"data": "digits", "epochs": 4, "after": 1, "parts": 1, "seed": 0},)
    return tuple(
        {"data": data, "epochs": epochs, "after": after, "parts": len(PARTS), "seed": seed}
        for (data, (epochs, after)), seed in product(EPOCHS.items(), range(5))
    )


def _run(settings: Settings) -> Result:
    name, seed, after = str(settings["data"]), int(settings["seed"]), int(settings["after"])
    data = load(name, pad=PADS.get(name))
    arch, representation, config = recipe(name)
    config = replace(config, epochs=int(settings["epochs"]), rate=3e-3, seed=seed, validation_fraction=0.0)
    module = NormalisedConvAC(arch, representation, rngs=nnx.Rngs(seed))
    reached = fit(module, data, config, progress=False)
    whole = _weighed(module.folded(), data)
    rows = []
    for part, method in product(PARTS[-int(settings["parts"]) :], METHODS):
        budget = int(part * arch.parameters)
        if method == "scratch":
            longer = replace(config, epochs=int(settings["epochs"]) + after)
            rows.append({"method": method, "part": part, **_from_scratch(whole, budget, longer)})
        else:
            rows.append({"method": method, "part": part, **_cut(whole, METHODS[method], budget, _after(config, after))})
        jax.clear_caches()  # every cut is a network of its own: compiled programs would fill the memory
    return {
        "parameters": arch.parameters, "multiply_adds": _multiply_adds(arch),
        "test": round(reached.test.accuracy, DIGITS), "small": rows,
    }  # fmt: skip


def _after(config: TrainConfig, epochs: int) -> TrainConfig:
    return replace(config, epochs=epochs, rate=RATE)


def _weighed(module: Module, data: Dataset) -> Trained:
    """With its weights in the product measure of the training images, and on some of them."""
    banks = {name: np.asarray(bank, np.float64) for name, bank in module.params().items()}
    gram = Fourier().gram_from(data.train_images, per_site=True)
    measure = site_measure("function", gram, module.arch.size, module.arch.features)
    features = np.asarray(module.features(data.train_images[:LOOKED_AT]))
    inside, on_images = weights_in(module.arch, banks, measure), weights_on(module.arch, banks, features)
    return Trained(module, data, banks, measure, inside, on_images)


def _cut(whole: Trained, method: Callable[[Trained, int], Small], budget: int, config: TrainConfig) -> Result:
    """A method's network before and after it is trained on; or why there is none of that size."""
    try:
        small = method(whole, budget)
    except ValueError as why:
        return {"why": str(why)}
    before = evaluate(small.module, whole.data.test_images, whole.data.test_labels).accuracy
    after = fit(small.module, whole.data, config, progress=False).test.accuracy
    return {
        "parameters": small.parameters, "multiply_adds": small.multiply_adds, "loss": round(small.loss, DIGITS),
        "before": round(before, DIGITS), "test": round(after, DIGITS),
    }  # fmt: skip


def _from_scratch(whole: Trained, budget: int, config: TrainConfig) -> Result:
    """The same shape with all widths scaled down, trained as long as the others were in all."""
    full, small = whole.module.arch, whole.module.arch
    for step in range(1, max(full.channels)):
        if small.parameters <= budget:
            break
        scale = 1 - step / max(full.channels)
        small = replace(full, channels=tuple(max(2, round(scale * width)) for width in full.channels))
    module = NormalisedConvAC(small, whole.module.representation, rngs=nnx.Rngs(config.seed))
    reached = fit(module, whole.data, config, progress=False)
    return {
        "parameters": small.parameters, "multiply_adds": _multiply_adds(small),
        "test": round(reached.test.accuracy, DIGITS),
    }  # fmt: skip


# ---- methods


def _plain(whole: Trained, found: tuple[Any, Any]) -> Small:
    """A smaller ConvAC, taken up in the parametrisation that trains."""
    arch, banks = found
    loss = distance((whole.module.arch, whole.banks), found, whole.measure)
    single = {name: np.asarray(bank, np.float32) for name, bank in banks.items()}
    module = Module.from_params(arch, single, whole.module.representation, pinned=True)
    twin = resumed(module, whole.data.train_images[:LOOKED_AT])
    return Small(twin, arch.parameters, _multiply_adds(arch), loss)


def _multiply_adds(arch: ConvACArchitecture, banks: Any = None) -> int:
    """Of one image's scores: every matrix at every position, its zeros left out where there are banks."""
    total = 0
    for stack in arch.network.stacks:
        sizes = np.full(max(1, stack.copies), stack.shape[0] * stack.shape[1])
        if banks is not None:
            sizes = np.count_nonzero(np.asarray(banks[stack.bank]).reshape(len(sizes), -1), axis=1)
        total += int(sizes[stack.slots.array].sum())
    return total


def _largest(whole: Trained, budget: int) -> Small:
    """Magnitude pruning: the largest weights, where they meet channels of one scale."""
    twin = resumed(whole.module, whole.data.train_images[:LOOKED_AT])
    module = Masked(twin, magnitude_masks(twin, budget))
    banks = module.params()
    loss = distance((whole.module.arch, whole.banks), (whole.module.arch, banks), whole.measure)
    return Small(module, module.nonzero, _multiply_adds(whole.module.arch, banks), loss)


def _cores(whole: Trained, budget: int, weights: Weights) -> Small:
    exact = dense_cores(whole.module.arch, whole.banks)
    tree = dense_cores(whole.module.arch, whole.banks, budget, weights)
    module = TreeTensorNetwork(tree, whole.module.representation)
    return Small(module, tree.parameters, tree.multiply_adds, cores_distance(exact, tree, whole.measure))


def _factors(whole: Trained, budget: int, weights: Weights | None) -> Small:
    return _plain(whole, factored(whole.module.arch, whole.banks, budget, weights))


def _channels(whole: Trained, budget: int, weights: Weights) -> Small:
    return _plain(whole, pruned(whole.module.arch, whole.banks, budget, weights))


METHODS: dict[str, Any] = {
    "factors": lambda whole, budget: _factors(whole, budget, whole.inside),
    "factors on images": lambda whole, budget: _factors(whole, budget, whole.on_images),
    "channels": lambda whole, budget: _channels(whole, budget, whole.inside),
    "channels on images": lambda whole, budget: _channels(whole, budget, whole.on_images),
    "cores": lambda whole, budget: _cores(whole, budget, whole.inside),
    "singular values": lambda whole, budget: _factors(whole, budget, None),
    "magnitude": _largest,
    "scratch": None,
}


# ---- what it says


def _tell(trials: Sequence[Trial]) -> Finding:
    rows, said = [], []
    for (data,), group in grouped(trials, ("data",)).items():
        whole = group[0].result
        rows.append((data, "whole", f"{whole['parameters']:,}", f"{whole['multiply_adds']:,}", "-", "-",
                     tested(group).shown(), str(len(group))))  # fmt: skip
        after: dict[float, dict[str, Mean]] = {}
        for part, method in product(PARTS, METHODS):
            found = [row for trial in group for row in trial.result["small"] if row["method"] == method]
            found = [row for row in found if row["part"] == part]
            if not found or any("why" in row for row in found):
                continue
            after.setdefault(part, {})[method] = mean([100 * row["test"] for row in found])
            rows.append((data, f"{method}, {part:g}", *_row(found), str(len(found))))
        smallest = after[min(after)]
        best = max(smallest, key=lambda method: smallest[method].value)
        said.append(
            f"at {min(after):g} of the parameters on {data} {best} do best with {smallest[best].value:.1f} % "
            f"(the whole network {tested(group).value:.1f}, from scratch {smallest['scratch'].value:.1f})"
        )
    return Finding(
        f"After a little more training, {' and '.join(said)}.",
        ("data", "method, part", "parameters", "multiply-adds", "lost of the squared norm", "test % when cut",
         "test % trained on [95 %]", "seeds"),
        tuple(rows),
        "Networks of the recipe's widths, more than their tasks need; others leave less to cut. Unstructured zeros "
        "save multiply-adds only where kernels use them.",
        _figure(trials),
    )  # fmt: skip


def _figure(trials: Sequence[Trial]) -> Figure:
    tests, losses = [], []
    for (data,), group in grouped(trials, ("data",)).items():
        reached = {name: by_part(group, name, lambda row: 100 * row["test"]) for name in METHODS}
        lost = {name: by_part(group, name, lambda row: row["loss"]) for name in METHODS if name != "scratch"}
        whole = (Level("whole", tested(group).value),)
        curves = (tuple(curve(name, found) for name, found in part.items() if found) for part in (reached, lost))
        tests.append(Panel(data, PART, TEST, next(curves), whole, log_x=True))
        losses.append(Panel(data, PART, "lost of the squared norm", next(curves), log_x=True, log_y=True))
    return Figure(
        "Above, test accuracy of cut networks that were trained on a little, against the part of the parameters that "
        "is left, by method, and of the whole network; below, the part of the function's squared norm that the cut "
        "lost; a column for each data set.",
        (*tests, *losses),
        len(tests),
    )


def by_part(trials: Sequence[Trial], method: str, of: Callable[[dict[str, Any]], float]) -> dict[float, Mean]:
    """A number of a method's networks, by the part of the parameters, where every seed has one."""
    found: dict[float, Mean] = {}
    for part in sorted(PARTS):
        rows = [row for trial in trials for row in trial.result["small"] if row["method"] == method]
        rows = [row for row in rows if row["part"] == part]
        if rows and not any("why" in row for row in rows):
            found[part] = mean([of(row) for row in rows])
    return found


def _row(found: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """Means of what a method reached, over seeds."""
    average = lambda name: float(np.mean([row[name] for row in found]))  # noqa: E731
    cut = "loss" in found[0]
    return (
        f"{average('parameters'):,.0f}", f"{average('multiply_adds'):,.0f}",
        f"{average('loss'):.3g}" if cut else "-", f"{100 * average('before'):.1f}" if cut else "-",
        mean([100 * row["test"] for row in found]).shown(),
    )  # fmt: skip


COMPRESSION = Experiment(
    "compression",
    "How small can a trained network become, cut by what it measurably holds, and is that better than by its weights?",
    _trials,
    _run,
    compare=("data",),
    tell=_tell,
)
