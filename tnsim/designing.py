"""`tnsim design`: images and a budget in; an architecture, what it was weighed against, and why out. Used by cli.

    load --> what the data needs --> widths of least loss --[ --refine ]--> design.json, design.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer
from flax import nnx
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from tnsim import memory, parsing
from tnsim.design import KINDS, Look, Proposal, contrasted, image_needs, propose, refined
from tnsim.files import output_folder, write_json, write_whole
from tnsim.models import ConvAC
from tnsim.nn import NormalisedConvAC
from tnsim.report import data_maps
from tnsim.report.design_page import render
from tnsim.train.data import Dataset, load
from tnsim.train.recipes import PADS, for_images

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")
errors = Console(stderr=True)
SHARED = "window"  # what a design shares by default: equal windows have equal needs


class Asked(NamedTuple):
    """What is asked for. samples: training images looked at; windows: of a level; refine: epochs, or none."""

    budget: float
    kind: str = "parameters"
    sharing: str = SHARED
    samples: int = 600
    windows: int = 8
    refine: int = 0
    seed: int = 0


@app.command("design", epilog="Example: `tnsim design digits --budget 3000`")
def _design(
    source: Annotated[str, typer.Argument(help="digits, mnist-5k, fashion-mnist, or a file or folder of images.")],
    budget: Annotated[str, typer.Option(help="The most that may be spent: 5000, or of memory 2MB.")],
    kind: Annotated[str, typer.Option(help=f"Of the budget: {', '.join(KINDS)}.")] = "parameters",
    sharing: Annotated[str, typer.Option(help="none, window or full, for all levels or one per level.")] = SHARED,
    samples: Annotated[int, typer.Option(min=2, help="Training images that are looked at.")] = 600,
    refine: Annotated[int, typer.Option(min=0, help="Train what was weighed for so many epochs, and choose.")] = 0,
    size: Annotated[str | None, typer.Option(help="Resize images to HEIGHTxWIDTH.")] = None,
    pad: Annotated[str | None, typer.Option(help="Pad images with zeros to HEIGHTxWIDTH.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for what is found, and for trainings.")] = Path("design"),
    seed: Annotated[int, typer.Option(min=0, help="Of the images and windows that are drawn.")] = 0,
) -> None:
    """Widths for a data set: where its correlations need them, under a budget. Trains nothing unless told to."""
    padded = parsing.size("--pad", pad) or (None if size else PADS.get(source))
    dataset = load(source, size=parsing.size("--size", size), pad=padded)
    most = float(memory.limit(budget)) if kind == "memory" else _number(budget)
    found = tell(dataset, Asked(most, kind, sharing, samples, refine=refine, seed=seed), out)
    errors.print(found.words(), highlight=False, soft_wrap=True)
    errors.print(f"wrote {out}/design.json and design.html; tnsim train {source} --architecture {out}/design.json")


def tell(dataset: Dataset, asked: Asked, out: str | Path, shown: bool = True) -> Proposal:
    """The proposal for a data set, written to a folder as design.json and design.html, each whole.

    What is measured and trained is kept there, so that the same call goes on where it was stopped.

    Raises ValueError for a budget below the smallest network's, kinds and sharings that are none, and data without
    two classes; OSError for a folder that cannot be written to, before any work is done.
    """
    folder = output_folder(out)
    template, representation, config = for_images(dataset, sharing=parsing.sharing(asked.sharing))
    rng = np.random.default_rng(asked.seed)
    chosen = rng.permutation(len(dataset.train_labels))[: asked.samples]
    labels = dataset.train_labels[chosen].astype(np.int64)
    images = dataset.train_images[chosen]
    with _bar(shown) as tick:
        look = Look(asked.windows, asked.seed, tick, folder / "looks")
        contrast, square = contrasted(images, labels, template, asked.budget, asked.kind, look)
        needs = {"square": square}
        if all(window == (2, 2) for window in template.windows):
            needs["mirror"] = image_needs(images, labels, replace(template, geometry="mirror"), contrast, look)
    still = tuple(np.flatnonzero(np.ptp(images, axis=0).ravel() == 0).tolist())
    found = replace(propose(template, needs, asked.budget, asked.kind), contrast=contrast, constant=still)
    if asked.refine:
        short = replace(config, epochs=asked.refine, steps=None, seed=asked.seed)
        make = lambda arch: NormalisedConvAC(arch, representation, rngs=nnx.Rngs(short.seed))  # noqa: E731
        found = refined(found, dataset, make, short, folder / "trainings")
    measured = {"data_map": data_maps.mapped(dataset, found.arch, contrast=contrast, seed=asked.seed)}
    write_json(folder / "design.json", {**found.to_json(), **measured})
    write_whole(folder / "design.html", render(found, dataset.describe(), measured))
    return found


def designed(path: Path, fitting: ConvAC) -> ConvAC:
    """The architecture of a design.json. Raises ValueError for a file that is none, or for other images or classes."""
    try:
        found = ConvAC.from_json(json.loads(path.read_text(encoding="utf-8"))["architecture"])
    except (OSError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"architecture: wanted what `tnsim design` wrote, found {str(path)!r}: {error!r}") from error
    for name in ("sites", "features", "classes"):
        here, there = getattr(fitting, name), getattr(found, name)
        if here != there:
            raise ValueError(f"architecture: {path}: wanted {name} = {here}, that of the data, found {there}")
    return found


@contextmanager
def _bar(shown: bool) -> Iterator[Callable[[float, int], None] | None]:
    """A bar of the levels at each contrast, on standard error where that is a terminal."""
    if not (shown and errors.is_terminal):
        yield None
        return
    columns = (TextColumn("contrast {task.description}"), BarColumn(), TextColumn("level {task.completed}"))
    with Progress(*columns, console=errors) as bar:
        task = bar.add_task("")
        yield lambda contrast, level: bar.update(task, description=f"{contrast:.2g} pi", completed=level + 1)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"budget: wanted a number, found {text!r}") from error
