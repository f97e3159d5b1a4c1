"""The command line: parses, calls, prints. The roof of the house; nothing imports it.

Exit codes: 0 done, 1 a mistake in the data or values (one line on standard error), 2 a mistake in the command,
130 stopped by Ctrl-C.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from math import log
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from flax import nnx
from rich.console import Console
from rich.table import Column, Table

from tnsim import __version__, demo, parsing
from tnsim.bench.commands import app as bench
from tnsim.bounding import PARTITION, partitions_of, short
from tnsim.bounding import app as bounding
from tnsim.contract.compiled import cache_from_environment
from tnsim.designing import app as design
from tnsim.designing import designed
from tnsim.distributed.launcher import launch
from tnsim.experiments import TrialError
from tnsim.experiments.commands import experiment, findings
from tnsim.explore.commands import explore
from tnsim.files import output_folder, write_json, write_whole
from tnsim.memory import MemoryLimitError
from tnsim.nn import GenerativeConvAC, NormalisedConvAC
from tnsim.report import data_maps, generated, journal, rows, unlayered, whole, widths
from tnsim.report import maps as maps_of
from tnsim.report.heads import architecture, provenance
from tnsim.report.html import render
from tnsim.report.survey import Features, Found, Settings, Subject, merged, steps
from tnsim.train.data import DataError, load
from tnsim.train.ensembles import fit_trees
from tnsim.train.loop import DivergedError, Interrupted
from tnsim.train.model_file import load as load_model
from tnsim.train.model_file import save as save_model
from tnsim.train.recipes import PADS, for_images

app = typer.Typer(
    add_completion=False, no_args_is_help=True, rich_markup_mode="markdown", pretty_exceptions_enable=False,
    help="Train ConvACs, contract them as tensor networks, and measure their entanglement exactly.",
)  # fmt: skip
app.add_typer(bench, name="bench")
app.add_typer(bounding)
app.command("experiment", epilog="Example: `tnsim experiment base-or-tip --quick`")(experiment)
app.add_typer(design)
app.command("explore", epilog="Example: `tnsim explore model.safetensors`")(explore)
app.command("findings", epilog="Example: `tnsim findings docs/experiments --out docs/findings.md`")(findings)
errors = Console(stderr=True)
CHUNK = 256  # images whose features are held at once

Out = Annotated[Path, typer.Option(help="Folder for the results; made if need be.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, for machines.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of weights and of the order of data.")]
Memory = Annotated[str, typer.Option(help="Refuse work that needs more, e.g. 8GB.")]
Size = Annotated[str | None, typer.Option(help="Resize images to HEIGHTxWIDTH.")]
Pad = Annotated[str | None, typer.Option(help="Pad images with zeros to HEIGHTxWIDTH.")]


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
    sharing: Annotated[str | None, typer.Option(help="none, window or full, for all levels or one per level.")] = None,
    architecture: Annotated[Path | None, typer.Option(help="A design.json, in place of these three.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1)] = None,
    rate: Annotated[float | None, typer.Option(help="Learning rate.")] = None,
    trees: Annotated[int, typer.Option(min=1, help="Sum so many trees of different seeds into one ConvAC.")] = 1,
    size: Size = None,
    pad: Pad = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Train a ConvAC. Every option has a default made for the data; the same seed gives the same numbers."""
    output_folder(out.parent)
    padded = parsing.size("--pad", pad) or (None if size else PADS.get(source))
    dataset = load(source, size=parsing.size("--size", size), pad=padded)
    shared = None if sharing is None else parsing.sharing(sharing)
    arch, representation, config = for_images(dataset, _widths(channels), _windows(windows), shared)
    arch = arch if architecture is None else designed(architecture, arch)
    config = replace(config, seed=seed, epochs=epochs or config.epochs, rate=rate or config.rate)
    make = lambda one: NormalisedConvAC(arch, representation, rngs=nnx.Rngs(one))  # noqa: E731
    _say(f"{dataset.describe()}; {trees * arch.parameters} parameters")
    try:
        model, results = fit_trees(make, dataset, config, trees, checkpoint=checkpoint, progress=not as_json)
    except Interrupted as stop:  # says from where the run can go on
        _say(f"tnsim: {stop}")
        raise typer.Exit(130) from stop
    gram = representation.gram_from(dataset.train_images, per_site=True)
    save_model(out, model, extra=demo.model_notes(dataset, gram, seed))
    told = demo.trained_trees(model, dataset, results)
    if as_json:
        typer.echo(json.dumps({"model": str(out), **told}))
        return
    _say(f"test accuracy {100 * told['accuracy']:.2f} % after {told['steps']} steps, {told['seconds']:.0f} s")
    _say(f"wrote {out}")


@app.command("measure", epilog="Example: `tnsim measure model.safetensors --partition left-right --label 3`")
def _measure(
    model: Annotated[Path, typer.Argument(help="A model that `tnsim train` or `demo` wrote.")],
    partition: Annotated[list[str] | None, typer.Option(help=PARTITION)] = None,
    label: Annotated[list[int] | None, typer.Option(help="A class; repeatable; all by default.")] = None,
    measure: Annotated[str, typer.Option(help="function, coefficient, or data (the images themselves).")] = "function",
    gram: Annotated[str, typer.Option(help="Of function: data (the training images) or uniform pixels.")] = "data",
    images: Annotated[str | None, typer.Option(help="Of data: a data set; the one trained on by default.")] = None,
    atol: Annotated[float | None, typer.Option(help="Width of an interval, in nats; 2 % of S by default.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Time for an interval, each partition and class.")] = None,
    top: Annotated[int | None, typer.Option(min=1, help="Print so many of the largest Schmidt values.")] = None,
    rank: Annotated[bool, typer.Option("--rank", help="Ranks as integers, over finite fields, too.")] = False,
    renyi_only: Annotated[bool, typer.Option("--renyi-only", help="Renyi-2 alone, of many masks at once.")] = False,
    maps: Annotated[list[str] | None, typer.Option("--map", help="windows, sites or mutual; repeatable.")] = None,
    classes: Annotated[bool, typer.Option("--classes", help="All classes as one state, too.")] = False,
    data_map: Annotated[str | None, typer.Option(help="With --out: map the correlations of a data set, too.")] = None,
    bits: Annotated[bool, typer.Option("--bits", help="Entropies in bits, not nats.")] = False,
    memory: Memory = "4GB",
    out: Annotated[Path | None, typer.Option(help="Folder for report.html and measurements.json; resumes.")] = None,
    as_json: Json = False,
) -> None:
    """Schmidt ranks and entropies of a trained model, class by class, beside the min-cut bounds.

    Exact where the spectrum is in reach, an interval that holds S elsewhere: 1.6136 [1.6060, 1.6212]. With --out,
    every finished figure is written at once, and the same command goes on where it was stopped.
    """
    folder = output_folder(out) if out else None
    module, notes = load_model(model)
    made = _features(module, notes, images) if measure == "data" else None
    grams = _gram(module, notes, measure, gram)
    subject = Subject(module.arch, module.params(), measure, grams, classes=notes.get("classes", ()), features=made)
    kinds = tuple(dict.fromkeys(maps or ()))
    settings = Settings(memory, atol, seconds, None, top, rank, renyi_only, kinds, None, classes)
    layered = unlayered.is_layered(module.arch)
    names = partitions_of(unlayered.sites_of(module.arch), partition or [])
    if not names and not settings.maps and not classes:
        raise ValueError("--partition: wanted at least one partition, or a --map, found none")
    described = architecture(module.arch) if layered else unlayered.head(module.arch)
    told = {**provenance(f"tnsim measure {model.name}", notes.get("seed")), **described}
    told |= {"measure": measure, "dataset": {"name": notes.get("dataset", "unknown")}}
    told |= {"settings": journal.settings_json(model, measure, images or gram, settings)}
    told = journal.begun(folder, told) if folder else {**told, "partitions": [], "measurements": []}
    if data_map and not folder:
        raise ValueError("--data-map: wanted with --out, whose report shows the map, found no --out")
    told |= {"data_map": data_maps.named(data_map, module.arch)} if data_map else {}
    survey = steps if layered else unlayered.steps
    told = _surveyed(told, survey(subject, names, label or None, settings, told), folder, as_json)
    if folder:
        told |= {"widths": widths.allowed(module.arch, told["partitions"])} if layered else {}
        told |= {"generated": generated.named(module, notes)} if isinstance(module, GenerativeConvAC) else {}
        write_json(folder / journal.NAME, told)
        write_whole(folder / "report.html", render(told))
    if as_json:
        typer.echo(json.dumps(told))
        return
    _print_measurements(told, bits)


@app.command(
    "launch", epilog="Example: `tnsim launch --processes 2 -- python job.py`",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)  # fmt: skip
def _launch(
    context: typer.Context, processes: Annotated[int, typer.Option(min=1, help="How many, on this machine.")]
) -> None:
    """Run a script as several JAX processes that work together; if one is lost, say which, and stop the others."""
    if not context.args:
        raise ValueError("COMMAND: wanted a command after --, found none")
    raise typer.Exit(launch(context.args, processes))


def _surveyed(told: dict[str, Any], found: Iterator[Found], folder: Path | None, quiet: bool) -> dict[str, Any]:
    """All that is found, each part written and said as it comes. Ctrl-C leaves the file whole, and says so."""
    try:
        for part in found:
            told = merged(told, part)
            if folder:
                write_json(folder / journal.NAME, told)
            for line in [] if quiet else _progress(part):
                _say(line)
    except KeyboardInterrupt as stop:
        kept = f"; {folder / journal.NAME} holds what is done, and the same command goes on" if folder else ""
        _say(f"tnsim: stopped after {len(told['measurements'])} figures{kept}")
        raise typer.Exit(130) from stop
    return told


def _progress(part: Found) -> Iterator[str]:
    """One line for each partition and class, or map."""
    for row in part.get("measurements", []):
        why = row.get("entropy_note", "two replicas")
        S = row.get("entropy_estimate") or {"method": why, "seconds": None}
        figure = f"S {rows.figure(row)}" if row["entropy"] is not None else f"S_2 {row['renyi2']:.4f}"
        time = "" if S["seconds"] is None else f", {S['seconds']:.1f} s"
        yield f"{row['partition']}, class {row['class']}: {figure} nats ({S['method']}{time})"
    for found in part.get("maps", []):
        yield f"map {found['kind']}, class {found['class']} ({found['seconds']:.1f} s)"
    yield from map(whole.said, part.get("whole_model", []))


def _gram(module: Any, notes: dict[str, Any], measure: str, gram: str) -> np.ndarray | None:
    """The Gram matrices that a measure wants: those kept with the model, or the closed form."""
    if measure != "function":
        return None
    if gram == "uniform" and module.representation is not None:
        return module.representation.gram()
    if gram == "uniform":
        raise ValueError("--gram: the model takes features as they come, whose distribution nobody knows; "
                         "use --measure coefficient")  # fmt: skip
    if gram != "data":
        raise ValueError(f"--gram: wanted data or uniform, found {gram!r}")
    if "gram" not in notes:
        instead = "--measure coefficient" if module.representation is None else "--gram uniform"
        raise ValueError(f"--gram: the model file keeps no Gram matrices of its data; use {instead}")
    return np.array(notes["gram"])


def _features(module: Any, notes: dict[str, Any], images: str | None) -> Features:
    """Chunks of the features of the training images, read by the name that the model file notes, or by --images."""
    source = images or notes.get("dataset")
    if not source:
        raise ValueError("--measure data: the model file notes no data set; name it with --images")
    try:
        read = load(source, pad=PADS.get(source)).train_images
    except DataError as error:
        raise ValueError(f"--measure data: {error}; name the data with --images") from error
    starts = range(0, len(read), CHUNK)
    return lambda: (np.asarray(module.features(read[start : start + CHUNK])) for start in starts)


def _print_measurements(told: dict[str, Any], bits: bool = False) -> None:
    unit, name = (log(2), "bits") if bits else (1.0, "nats")
    cuts = {partition["name"]: partition["min_cut"]["log"] for partition in told["partitions"]}
    ceiling = "log2 min-cut" if bits else "ln min-cut"
    exactly = any("exact_rank" in row for row in told["measurements"])
    named = Column("partition", min_width=12, overflow="fold")  # "checkerboard" in one line, lists of sites in many
    table = Table(named, "class", Column(f"S, {name}", no_wrap=True), f"S_2, {name}", "rank", pad_edge=False)
    for head in [*["exact rank"] * exactly, ceiling]:
        table.add_column(head)
    for row in told["measurements"]:
        renyi2 = "-" if row["renyi2"] is None else f"{row['renyi2'] / unit:.4f}"
        rank = [_rank(row.get("exact_rank"))] * exactly
        cells = (rows.figure(row, bits), renyi2, str(row["rank"] or "-"), *rank)
        table.add_row(row["partition"], row["class"], *cells, f"{cuts[row['partition']] / unit:.4f}")
    shown = [table] * bool(told["measurements"]) + _leading(told) + _mapped(told, unit, name)
    for each in shown:
        Console().print(each)
    for part in told.get("whole_model", []):
        Console().print(whole.said(part, unit, name), highlight=False)


def _rank(found: dict[str, Any] | None) -> str:
    """An exact rank; a * where it is not proven but for a stated probability."""
    if found is None or found["value"] is None:
        return "-"
    return f"{short(found['value'])}{'' if found['certain'] else ' *'}"


def _leading(told: dict[str, Any]) -> list[Table]:
    """The largest Schmidt values; those of spectra out of reach are from below."""
    table = Table("partition", "class", "largest Schmidt values", "missing mass")
    for row in told["measurements"]:
        if found := row.get("leading"):
            values = ", ".join(f"{value:.4g}" for value in found["values"])
            table.add_row(row["partition"], row["class"], values, f"{found['missing']:.1g}")
    return [table] * bool(table.row_count)


def _mapped(told: dict[str, Any], unit: float, name: str) -> list[Table]:
    """One line for each map: where most is."""
    table = Table("map", "class", f"{name}")
    for found in told.get("maps", []):
        table.add_row(found["kind"], found["class"], maps_of.said(found, unit))
    return [table] * bool(table.row_count)


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
        cache_from_environment()
        app()
    except (ValueError, MemoryLimitError, OSError, DivergedError, TrialError) as error:
        _say(f"tnsim: {error}")
        sys.exit(1)
