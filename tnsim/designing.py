"""`tnsim design`: images and a budget in; an architecture, what it was weighed against, and why out. Used by cli.

    load --> what the data needs --> widths of least loss --[ --refine ]--> design.json, design.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer
from jaxtyping import Float32, Int64
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from tnsim import memory, parsing
from tnsim.architectures.convac import ConvACArchitecture
from tnsim.correlations import cos_sin
from tnsim.design import KINDS, Need, Proposal, costs, data_needs, least_loss, losses, propose, refined
from tnsim.design.proposal import RANKS
from tnsim.files import output_folder, write_json, write_whole
from tnsim.models import ConvAC
from tnsim.report.design_page import render
from tnsim.train.data import Dataset, load
from tnsim.train.recipes import PADS, for_images

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")
errors = Console(stderr=True)
SHARED = "window"  # what a design shares by default: equal windows have equal needs
CONTRASTS = tuple(2.0 ** (-1 - step / 2) for step in range(9))  # times pi: black to white in radians, 1/2 to 1/32
HELD = 0.5  # the most that the best widths may lose: where more is lost, the sum of losses orders nothing


class Asked(NamedTuple):
    """What is asked for. samples: training images looked at; windows: of a level; refine: epochs, or none."""

    budget: float
    kind: str = "parameters"
    sharing: str = SHARED
    samples: int = 600
    windows: int = 8
    refine: int = 0
    seed: int = 0


class Seen(NamedTuple):
    """The images that are looked at, with their labels, and how."""

    images: Float32[np.ndarray, "m H W"]
    labels: Int64[np.ndarray, "m"]
    asked: Asked
    shown: bool


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

    Raises ValueError for a budget below the smallest network's, kinds and sharings that are none, and data without
    two classes; OSError for a folder that cannot be written to, before any work is done.
    """
    folder = output_folder(out)
    template, representation, config = for_images(dataset, sharing=parsing.sharing(asked.sharing))
    rng = np.random.default_rng(asked.seed)
    chosen = rng.permutation(len(dataset.train_labels))[: asked.samples]
    labels = dataset.train_labels[chosen].astype(np.int64)
    seen = Seen(dataset.train_images[chosen], labels, asked, shown)
    contrast, square = _contrasted(seen, template)
    needs = {"square": square}
    if all(window == (2, 2) for window in template.windows):
        needs["mirror"] = _needs(seen, replace(template, geometry="mirror"), contrast)
    found = replace(propose(template, needs, asked.budget, asked.kind), contrast=contrast)
    if asked.refine:
        short = replace(config, epochs=asked.refine, steps=None, seed=asked.seed)
        found = refined(found, dataset, representation, short, folder / "trainings")
    write_json(folder / "design.json", found.to_json())
    write_whole(folder / "design.html", render(found, dataset.describe()))
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


def _contrasted(seen: Seen, arch: ConvACArchitecture) -> tuple[float, tuple[Need, ...]]:
    """The most contrast at which the budget can hold what the images show, and what is needed at it."""
    price = costs(arch, seen.asked.kind)
    for contrast in CONTRASTS:
        needs = _needs(seen, arch, contrast)
        if least_loss(losses(needs, RANKS), price, seen.asked.budget).loss <= HELD:
            break
    return contrast, needs


def _needs(seen: Seen, arch: ConvACArchitecture, contrast: float) -> tuple[Need, ...]:
    """`data_needs` at a contrast, with a bar on standard error where that is a terminal."""
    features = cos_sin(seen.images, contrast).astype(np.float64)
    if not (seen.shown and errors.is_terminal):
        return data_needs(features, seen.labels, arch, seen.asked.windows, seen.asked.seed)
    with Progress(TextColumn("contrast {task.description}"), BarColumn(), MofNCompleteColumn(), console=errors) as bar:
        task = bar.add_task(f"{contrast:.2g} pi, level", total=arch.depth)
        tick: Callable[[int], None] = lambda level: bar.update(task, completed=level + 1)  # noqa: E731
        return data_needs(features, seen.labels, arch, seen.asked.windows, seen.asked.seed, tick)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"budget: wanted a number, found {text!r}") from error
