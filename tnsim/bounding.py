"""`tnsim bounds`: an architecture in, of any kind; min-cuts and rank bounds of its partitions out. Used by cli.

    --sites .. --channels .. --windows ..        a ConvAC
    --architecture "PEPS((4, 4), 2, 3)"          any kind, as in Python          --model FILE    that of a model
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from math import log
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from tnsim import parsing, partition_files
from tnsim.bounds import min_cut, rank_bounds
from tnsim.models import ARCHITECTURES, CP, ConvAC, Tucker
from tnsim.partitions import Partition, Sites, sites_of
from tnsim.report import unlayered
from tnsim.report.heads import architecture as described
from tnsim.report.survey import name_of
from tnsim.train.model_file import load

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")
PARTITION = (
    "A name (left-right, chess:4, ..), sites (0,1,8-15), a file of masks (.npy, .txt) or a black and white picture "
    "(.png, white: A); repeatable."
)
KINDS: dict[str, Any] = {**ARCHITECTURES, "CP": CP, "Tucker": Tucker}
Text = str | None


@app.command(
    "bounds", epilog="Example: `tnsim bounds --sites 8x8 --channels 16,16,16 --windows 2,2,2 --partition center`"
)
def _bounds(
    partition: Annotated[list[str], typer.Option("--partition", help=PARTITION)],
    sites: Annotated[Text, typer.Option(help="Of a ConvAC: N or HEIGHTxWIDTH.")] = None,
    channels: Annotated[Text, typer.Option(help="True widths, one per level: 16,16,32.")] = None,
    windows: Annotated[Text, typer.Option(help="One per level: 2,2,2 or 2x2,2x4.")] = None,
    features: Annotated[int, typer.Option(help="M, functions per site.")] = 3,
    classes: Annotated[int, typer.Option()] = 10,
    sharing: Annotated[str, typer.Option(help="none, window or full, for all levels or one per level.")] = "none",
    geometry: Annotated[Text, typer.Option(help="mirror; square windows by default.")] = None,
    architecture: Annotated[Text, typer.Option(help="In place of these, any kind: 'MPS(16, 2, 4, classes=2)'.")] = None,
    model: Annotated[Path | None, typer.Option(help="In place of these, a model file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on standard output, for machines.")] = False,
) -> None:
    """Min-cuts and rank bounds of an architecture, of any kind, without any training."""
    given = {"--architecture": architecture, "--model": model, "--sites, --channels, --windows": sites}
    named = [name for name, value in given.items() if value is not None]
    if len(named) != 1:
        raise ValueError(f"wanted one of {'; '.join(given)}, found {' and '.join(named) or 'none'}")
    arch: Any
    if model is not None:
        arch = load(model)[0].arch
    elif architecture is not None:
        arch = architecture_of(architecture)
    else:
        if channels is None or windows is None:
            raise ValueError("--channels, --windows: wanted both beside --sites")
        arch = ConvAC(
            sites=parsing.sites(sites or ""), features=features, channels=parsing.widths(channels), classes=classes,
            windows=parsing.windows(windows), sharing=parsing.sharing(sharing), geometry=geometry,
        )  # fmt: skip
    found = [_bound(arch, name, A) for name, A in partitions_of(sites_of(arch), partition).items()]
    if as_json:
        head = described(arch) if unlayered.is_layered(arch) else unlayered.head(arch)
        typer.echo(json.dumps({**head, "bounds": found}))
        return
    Console().print(_table(found))


def architecture_of(text: str) -> Any:
    """The architecture that a text makes as in Python, "PEPS((4, 4), 2, 3)". Raises ValueError for what is none."""
    name, arguments, options = parsing.call("--architecture", text)
    if name not in KINDS:
        raise ValueError(f"--architecture: wanted one of {', '.join(sorted(KINDS))}, found {name!r}")
    try:
        return KINDS[name](*arguments, **options)
    except TypeError as error:
        raise ValueError(f"--architecture: {name}: {error}") from error


def partitions_of(arch: Sites, texts: list[str]) -> dict[str, Partition]:
    """Partitions by name; a file may hold many. Raises ValueError for files and texts that are none."""
    found: dict[str, Partition] = {}
    for text in texts:
        if partition_files.is_file(text):
            some: dict[str, Partition] = dict(partition_files.read(text, arch))
        else:
            one = parsing.partition(text)
            some = {name_of(one): one}
        twice = sorted(found.keys() & some.keys())
        if twice:
            raise ValueError(f"--partition: wanted every name once, found {twice[0]!r} again")
        found |= some
    return found


def short(number: int) -> str:
    """An integer, or a power of ten for one that nobody would read."""
    return str(number) if number < 10**12 else f"~1e{int(number.bit_length() * log(2) / log(10))}"


def _bound(arch: Any, name: str, A: Partition) -> dict[str, Any]:
    bounds = rank_bounds(arch, A)
    return {
        "partition": name,
        "min_cut": min_cut(arch, A).to_json(),
        "rank_bounds": {"lower": bounds.lower, "upper": bounds.upper, "note": bounds.note},
    }


def _table(found: Iterable[dict[str, Any]]) -> Table:
    table = Table("partition", "min-cut", "ln", "log2", "generic rank >=", "rank <=")
    for row in found:
        factors = " · ".join(f"{dim}^{exponent}" for dim, exponent in row["min_cut"]["factors"].items()) or "1"
        ln = row["min_cut"]["log"]
        bounds = (short(row["rank_bounds"][side]) for side in ("lower", "upper"))
        table.add_row(row["partition"], factors, f"{ln:.4f}", f"{ln / log(2):.2f}", *bounds)
    return table
