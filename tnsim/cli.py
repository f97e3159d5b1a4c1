"""The command line: parses, calls, prints. The roof of the house; nothing imports it.

Exit codes: 0 done, 1 a mistake in the data or values (one line on standard error), 2 a mistake in the command,
130 stopped by Ctrl-C.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from math import log
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from flax import nnx
from rich.console import Console
from rich.table import Table

from tnsim import __version__, demo, parsing
from tnsim.bounds import min_cut, rank_bounds
from tnsim.files import output_folder, write_json, write_whole
from tnsim.memory import MemoryLimitError
from tnsim.models import ConvAC
from tnsim.nn import ConvAC as Module
from tnsim.report.html import render
from tnsim.report.survey import Subject, architecture, provenance, survey
from tnsim.train.data import load
from tnsim.train.loop import DivergedError, Interrupted, fit
from tnsim.train.model_file import load as load_model
from tnsim.train.model_file import save as save_model
from tnsim.train.recipes import PADS, for_images

app = typer.Typer(
    add_completion=False, no_args_is_help=True, rich_markup_mode="markdown", pretty_exceptions_enable=False,
    help="Train ConvACs, contract them as tensor networks, and measure their entanglement exactly.",
)  # fmt: skip
errors = Console(stderr=True)

Out = Annotated[Path, typer.Option(help="Folder for the results; made if need be.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, for machines.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of weights and of the order of data.")]
Memory = Annotated[str, typer.Option(help="Refuse work that needs more, e.g. 8GB.")]
Size = Annotated[str | None, typer.Option(help="Resize images to HEIGHTxWIDTH.")]
Pad = Annotated[str | None, typer.Option(help="Pad images with zeros to HEIGHTxWIDTH.")]
Partitions = Annotated[
    list[str], typer.Option("--partition", help="A name (left-right, chess:4, ..) or sites (0,1,8-15); repeatable.")
]


def _version(wanted: bool) -> bool:
    if wanted:
        typer.echo(f"tnsim {__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def _root(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False) -> None:
    pass


@app.command("demo", epilog="Example: `tnsim demo --out out` then open out/report.html")
def _demo(out: Out = Path("tnsim-demo"), seed: Seed = 0, as_json: Json = False) -> None:
    """The whole story on 8x8 digits: train, measure every class across seven partitions, write a report."""
    told = demo.tell(str(out), seed, progress=not as_json, say=_say)
    if as_json:
        typer.echo(json.dumps({"accuracy": told.accuracy, "seconds": told.seconds, "out": str(out)}))
        return
    _print_measurements(told.measurements)
    _say(f"{told.seconds:.0f} s in all; open {told.folder / 'report.html'}")


@app.command("train", epilog="Example: `tnsim train mnist-5k --out model.safetensors --checkpoint run`")
def _train(
    source: Annotated[str, typer.Argument(help="digits, mnist-5k, fashion-mnist, or a file or folder of images.")],
    out: Annotated[Path, typer.Option(help="Where to write the model.")] = Path("model.safetensors"),
    checkpoint: Annotated[Path | None, typer.Option(help="Folder for checkpoints; a run found there resumes.")] = None,
    channels: Annotated[str | None, typer.Option(help="True widths, one per level: 17,33,33.")] = None,
    windows: Annotated[str | None, typer.Option(help="One per level: 2,2,2 or 2x2,2x4.")] = None,
    sharing: Annotated[str, typer.Option(help="none, window or full, for all levels or one per level.")] = "none",
    epochs: Annotated[int | None, typer.Option(min=1)] = None,
    rate: Annotated[float | None, typer.Option(help="Learning rate.")] = None,
    size: Size = None,
    pad: Pad = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Train a ConvAC. Every option has a default made for the data; the same seed gives the same numbers."""
    output_folder(out.parent)
    padded = parsing.size("--pad", pad) or (None if size else PADS.get(source))
    dataset = load(source, size=parsing.size("--size", size), pad=padded)
    arch, representation, config = for_images(dataset, _widths(channels), _windows(windows), parsing.sharing(sharing))
    config = replace(config, seed=seed, epochs=epochs or config.epochs, rate=rate or config.rate)
    model = Module(arch, representation, rngs=nnx.Rngs(seed))
    _say(f"{dataset.describe()}; {arch.parameters} parameters")
    try:
        result = fit(model, dataset, config, checkpoint=checkpoint, progress=not as_json)
    except Interrupted as stop:  # says from where the run can go on
        _say(f"tnsim: {stop}")
        raise typer.Exit(130) from stop
    gram = representation.gram_from(dataset.train_images, per_site=True)
    save_model(out, model, extra=demo.model_notes(dataset, gram, seed))
    if as_json:
        typer.echo(json.dumps({"model": str(out), **demo.trained(result)}))
        return
    _say(f"test accuracy {100 * result.test.accuracy:.2f} % after {result.steps} steps, {result.seconds:.0f} s")
    _say(f"wrote {out}")


@app.command("measure", epilog="Example: `tnsim measure model.safetensors --partition left-right --label 3`")
def _measure(
    model: Annotated[Path, typer.Argument(help="A model that `tnsim train` or `demo` wrote.")],
    partition: Partitions,
    label: Annotated[list[int] | None, typer.Option(help="A class; repeatable; all by default.")] = None,
    measure: Annotated[str, typer.Option(help="function or coefficient.")] = "function",
    gram: Annotated[str, typer.Option(help="Of function: data (the training images) or uniform pixels.")] = "data",
    bits: Annotated[bool, typer.Option("--bits", help="Entropies in bits, not nats.")] = False,
    memory: Memory = "4GB",
    out: Annotated[Path | None, typer.Option(help="Folder for report.html and measurements.json.")] = None,
    as_json: Json = False,
) -> None:
    """Schmidt ranks and entropies of a trained model, class by class, beside the min-cut bounds."""
    folder = output_folder(out) if out else None
    module, notes = load_model(model)
    grams = _gram(module, notes, measure, gram)
    subject = Subject(module.arch, module.params(), measure, grams, classes=notes.get("classes", ()))
    found = survey(subject, [parsing.partition(text) for text in partition], label or None, memory)
    told = {**provenance(f"tnsim measure {model.name}", notes.get("seed")), **architecture(module.arch)}
    told |= {"measure": measure, "dataset": {"name": notes.get("dataset", "unknown")}} | found
    if folder:
        write_json(folder / "measurements.json", told)
        write_whole(folder / "report.html", render(told))
    if as_json:
        typer.echo(json.dumps(told))
        return
    _print_measurements(told, bits)


@app.command(
    "bounds", epilog="Example: `tnsim bounds --sites 8x8 --channels 16,16,16 --windows 2,2,2 --partition center`"
)
def _bounds(
    sites: Annotated[str, typer.Option(help="N or HEIGHTxWIDTH.")],
    channels: Annotated[str, typer.Option(help="True widths, one per level: 16,16,32.")],
    windows: Annotated[str, typer.Option(help="One per level: 2,2,2 or 2x2,2x4.")],
    partition: Partitions,
    features: Annotated[int, typer.Option(help="M, functions per site.")] = 3,
    classes: Annotated[int, typer.Option()] = 10,
    sharing: Annotated[str, typer.Option(help="none, window or full, for all levels or one per level.")] = "none",
    geometry: Annotated[str | None, typer.Option(help="mirror; square windows by default.")] = None,
    as_json: Json = False,
) -> None:
    """Min-cuts and rank bounds of an architecture, without any training."""
    arch = ConvAC(
        sites=parsing.sites(sites), features=features, channels=parsing.widths(channels), classes=classes,
        windows=parsing.windows(windows), sharing=parsing.sharing(sharing), geometry=geometry,
    )  # fmt: skip
    rows = [_bound(arch, text) for text in partition]
    if as_json:
        typer.echo(json.dumps({**architecture(arch), "bounds": rows}))
        return
    table = Table("partition", "min-cut", "ln", "log2", "generic rank >=", "rank <=")
    for row in rows:
        factors = " · ".join(f"{dim}^{exponent}" for dim, exponent in row["min_cut"]["factors"].items()) or "1"
        ln = row["min_cut"]["log"]
        bounds = (_short(row["rank_bounds"][side]) for side in ("lower", "upper"))
        table.add_row(row["partition"], factors, f"{ln:.4f}", f"{ln / log(2):.2f}", *bounds)
    Console().print(table)


def _bound(arch: ConvAC, text: str) -> dict[str, Any]:
    A = parsing.partition(text)
    bounds = rank_bounds(arch, A)
    return {
        "partition": text,
        "min_cut": min_cut(arch, A).to_json(),
        "rank_bounds": {"lower": bounds.lower, "upper": bounds.upper, "note": bounds.note},
    }


def _short(number: int) -> str:
    """An integer, or a power of ten for one that nobody would read."""
    return str(number) if number < 10**12 else f"~1e{int(number.bit_length() * log(2) / log(10))}"


def _gram(module: Module, notes: dict[str, Any], measure: str, gram: str) -> np.ndarray | None:
    """The Gram matrices that a measure wants: those kept with the model, or the closed form."""
    if measure != "function":
        return None
    if gram == "uniform" and module.representation is not None:
        return module.representation.gram()
    if gram != "data":
        raise ValueError(f"--gram: wanted data or uniform, found {gram!r}")
    if "gram" not in notes:
        raise ValueError("--gram: the model file keeps no Gram matrices of its data; use --gram uniform")
    return np.array(notes["gram"])


def _print_measurements(told: dict[str, Any], bits: bool = False) -> None:
    unit, name = (log(2), "bits") if bits else (1.0, "nats")
    cuts = {partition["name"]: partition["min_cut"]["log"] for partition in told["partitions"]}
    ceiling = "log2 min-cut" if bits else "ln min-cut"
    table = Table("partition", "class", f"S, {name}", f"S_2, {name}", "rank", ceiling)
    for row in told["measurements"]:
        exact = row["entropy"] is not None
        entropy = f"{row['entropy'] / unit:.4f}" if exact else "out of reach"
        table.add_row(
            row["partition"], row["class"], entropy, f"{row['renyi2'] / unit:.4f}", str(row["rank"] or "-"),
            f"{cuts[row['partition']] / unit:.4f}",
        )  # fmt: skip
    Console().print(table)


def _widths(text: str | None):
    return None if text is None else parsing.widths(text)


def _windows(text: str | None):
    return None if text is None else parsing.windows(text)


def _say(text: str) -> None:
    """Progress goes to standard error: standard output is for results."""
    errors.print(text, highlight=False, markup=False, soft_wrap=True)


def main() -> None:
    """Run the command line; a user's mistake is one line, not a traceback."""
    try:
        app()
    except (ValueError, MemoryLimitError, OSError, DivergedError) as error:
        _say(f"tnsim: {error}")
        sys.exit(1)
