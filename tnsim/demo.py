"""The whole story in one call: train a ConvAC on images, measure its entanglement, write the report. Used by cli."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flax import nnx

from tnsim.files import output_folder, write_json, write_whole
from tnsim.nn import ConvAC as Module
from tnsim.report import data_maps, widths
from tnsim.report.heads import architecture, provenance
from tnsim.report.html import render
from tnsim.report.survey import DEMO_PARTITIONS, Found, Settings, Subject, survey
from tnsim.train.data import Dataset, load
from tnsim.train.loop import TrainResult, evaluate, fit
from tnsim.train.model_file import save
from tnsim.train.recipes import PLAIN_RATE, recipe

# All fixed, so that what is found does not depend on the machine or its speed: which spectra are within reach of the
# memory, and a width, never a time, of the intervals. Those of checkerboard are ten, of seconds each; maps are of one
# class.
HOW = Settings(memory="4GB", atol=0.1, bounded=("checkerboard",), maps=("windows", "mutual"), mapped=(0,))


@dataclass(frozen=True)
class Told:
    """What a run of the demo produced."""

    folder: Path
    accuracy: float
    seconds: float
    measurements: dict[str, Any]


def tell(out: str, seed: int = 0, progress: bool = True, say: Callable[[str], None] = print) -> Told:
    """Train on digits, measure every class across seven partitions, write three files to `out`.

    report.html, measurements.json and model.safetensors, each written whole. Raises OSError for a folder that cannot
    be written to, before any work is done.
    """
    folder, began = output_folder(out), time.perf_counter()
    arch, representation, config = recipe("digits")
    dataset, config = load("digits"), replace(config, rate=PLAIN_RATE, seed=seed)
    model = Module(arch, representation, rngs=nnx.Rngs(seed))
    before = model.params()
    say(f"training on {dataset.describe()}")
    result = fit(model, dataset, config, progress=progress)
    tested = result.test.accuracy
    say(f"test accuracy {100 * tested:.2f} %; measuring")
    gram = representation.gram_from(dataset.train_images, per_site=True)
    subject = Subject(arch, model.params(), "function", gram, before, gram, dataset.classes)
    found = survey(subject, DEMO_PARTITIONS, settings=HOW, tell=lambda part: say(_heard(part)))
    told = {
        **provenance(f"tnsim demo --seed {seed}", seed), **described(dataset), **architecture(arch),
        "measure": "function", "training": trained(result), **found,
    }  # fmt: skip
    say("data map and other widths")
    told |= {"widths": widths.allowed(arch, told["partitions"]), "data_map": data_maps.mapped(dataset, arch, label=0)}
    write_json(folder / "measurements.json", told)
    write_whole(folder / "report.html", render(told))
    save(folder / "model.safetensors", model, extra=model_notes(dataset, gram, seed))
    return Told(folder, tested, time.perf_counter() - began, told)


def _heard(part: Found) -> str:
    """What was measured, in a line: the partition (and the class, where classes come one by one), or the map."""
    rows, maps = part.get("measurements", []), part.get("maps", [])
    if maps:
        return f"map {maps[0]['kind']}, class {maps[0]['class']}"
    return rows[0]["partition"] + (f", class {rows[0]['class']}" if len(rows) == 1 else "")


def described(dataset: Dataset) -> dict[str, Any]:
    """A data set, for the head of a measurements file."""
    return {
        "dataset": {
            "name": dataset.name, "train": len(dataset.train_labels), "test": len(dataset.test_labels),
            "image_shape": list(dataset.image_shape), "classes": list(dataset.classes),
        }
    }  # fmt: skip


def trained(result: TrainResult) -> dict[str, Any]:
    """How training went, for a measurements file; accuracy: on the test images, looked at once, after the end."""
    told = {"steps": result.steps, "seconds": result.seconds, "history": result.history}
    return {"accuracy": result.test.accuracy, **told}


def trained_trees(model: Module, dataset: Dataset, results: Sequence[TrainResult]) -> dict[str, Any]:
    """`trained` of one tree; of several the accuracy of their sum, all steps and seconds, and `trained` of each."""
    if len(results) == 1:
        return trained(results[0])
    whole = evaluate(model, dataset.test_images, dataset.test_labels).accuracy
    steps, seconds = (sum(getattr(result, name) for result in results) for name in ("steps", "seconds"))
    return {"accuracy": whole, "steps": steps, "seconds": seconds, "trees": [trained(result) for result in results]}


def model_notes(dataset: Dataset, gram, seed: int) -> dict[str, Any]:
    """What a model file remembers beside the weights: classes, seed, and the Gram matrices of its training images."""
    return {"classes": list(dataset.classes), "dataset": dataset.name, "seed": seed, "gram": gram.tolist()}
