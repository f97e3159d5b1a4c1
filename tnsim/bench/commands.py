"""`tnsim bench` and its parts: run, list, report, compare. Parses, calls, prints; over all of bench.

    tnsim bench --profile quick --out results.jsonl     then     tnsim bench report results.jsonl
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from typer.core import TyperGroup

from tnsim import memory
from tnsim.bench import comparison, machine, page, results, roofline, runner, tables
from tnsim.bench.crew import Crew
from tnsim.bench.peers.registry import PEERS, missing
from tnsim.bench.process import Limits, Worker, processors
from tnsim.bench.profiles import PROFILES, Entry, chosen
from tnsim.bench.results import FIRST
from tnsim.bench.rounds import Pace
from tnsim.bench.runner import Known, Settings
from tnsim.bench.schema import Row
from tnsim.bench.workloads import WORKLOADS
from tnsim.files import write_whole


class Group(TyperGroup):
    """Makes the context that the callback is annotated with."""

    context_class = typer.Context


app = typer.Typer(
    cls=Group, add_completion=False, rich_markup_mode="markdown",
    help="Time tnsim beside its peers, in one run and in turn; every end is a row. Part by part: run, report, compare.",
)  # fmt: skip
errors = Console(stderr=True)
KNOWN = Known(PEERS, WORKLOADS)
COLUMNS = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
BRIEF = Pace(seconds=0.3)  # of the quick profile
Many = list[str] | None


class Done(NamedTuple):
    """A results file, and the rows of it that were asked for."""

    found: results.Results
    rows: list[Row]


@app.callback(invoke_without_command=True, epilog="Example: `tnsim bench --profile quick --out results.jsonl`")
def run_command(
    context: typer.Context,
    profile: Annotated[str, typer.Option(help=f"Which cases: {', '.join(PROFILES)}.")] = "quick",
    out: Annotated[Path, typer.Option(help="Results, JSON lines; a run found there is resumed.")] = Path("bench.jsonl"),
    workload: Annotated[Many, typer.Option(help="Of these workloads only; repeatable.")] = None,
    peer: Annotated[Many, typer.Option(help="Beside tnsim, these contenders only; repeatable.")] = None,
    threads: Annotated[int | None, typer.Option(help="Processors for every contender; all by default.")] = None,
    limit: Annotated[float, typer.Option(min=1, help="Seconds a case may take, for each contender.")] = 120.0,
    memory_limit: Annotated[str | None, typer.Option("--memory", help="Bytes a case may take, e.g. 8GB.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start anew: forget the rows that are there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows on standard output, for machines.")] = False,
) -> None:
    """Run a profile. Rows that are there are not run again; Ctrl-C keeps what is done."""
    if context.invoked_subcommand:
        return
    processors(threads)  # an error before any process is started
    settings = Settings(threads, limit, memory.limit(memory_limit), BRIEF if profile == "quick" else Pace())
    entries = entries_of(profile, tuple(workload or ()), tuple(peer or ()))
    runner.check_memory(entries, KNOWN.workloads, settings.memory)
    try:
        done = run(entries, settings, out, fresh, as_json)
    except KeyboardInterrupt:
        errors.print(f"tnsim: stopped; what is done is in {out}, the same command goes on from there", highlight=False)
        raise typer.Exit(130) from None
    if not as_json:
        for table in shown(done):
            Console().print(table)
        for line in absent(done):
            Console().print(line, highlight=False, markup=False)


def entries_of(profile: str, workloads: tuple[str, ...], peers: tuple[str, ...]) -> tuple[Entry, ...]:
    """The entries of a profile with the contenders named; raises ValueError for names that are not known."""
    for name in peers:
        if name not in KNOWN.peers:
            raise ValueError(f"--peer: wanted one of {', '.join(KNOWN.peers)}, found {name!r}")
    asked = tuple(name for name in KNOWN.peers if name in peers or name == FIRST) if peers else ()
    found = chosen(profile, workloads, tuple(KNOWN.workloads))
    return tuple(Entry(entry.case, asked or entry.peers) for entry in found)


def run(entries: tuple[Entry, ...], settings: Settings, out: Path, fresh: bool, as_json: bool) -> Done:
    """Measure what is not there yet, writing row by row. Returns all that is in the file, and the rows of this run."""
    there = results.begin(out, fresh)
    with Crew(KNOWN.peers, settings.threads) as crew, results.Writer(out) as writer:
        place = where(settings)
        writer.write(place)
        with Progress(*COLUMNS, console=errors) as bar:
            task = bar.add_task("", total=len(entries))
            for entry in entries:
                bar.update(task, description=entry.case.name)
                names = runner.due(entry, KNOWN, there, place)
                for row in runner.case_rows(entry.case, names, crew, KNOWN, settings, place) if names else ():
                    writer.write(row)
                    if as_json:
                        typer.echo(json.dumps(row))
                bar.advance(task)
    cases = {entry.case.name for entry in entries}
    found = results.read(out)
    return Done(found, [row for row in found.done(place["fingerprint"]).values() if row["case"] in cases])


def where(settings: Settings) -> Row:
    """What the run takes place on, told and measured in a process of its own."""
    worker = Worker(machine.__name__, settings.threads)
    try:
        told = worker.ask("call", machine.__name__, "surroundings", None, limits=Limits(120))
        rates = worker.ask("call", roofline.__name__, "measure", None, limits=Limits(300))
    finally:
        worker.kill()
    for reply in (told, rates):
        if reply.status != "ok":
            raise OSError(f"bench: the machine could not be measured: {reply.value}")
    return runner.environment(told.value[0], told.value[1], settings, rates.value)


def shown(done: Done) -> Iterator[Table]:
    """Rows for the terminal, a table for each case: who has a time beside tnsim's, and who should have had one."""
    lines = [line for line in tables.lines(*done) if line.status not in ("refused", "missing")]
    for case in dict.fromkeys(line.case for line in lines):
        heads = Column("contender", no_wrap=True), "run", "spread", "tnsim is", "compile", "peak", "share"
        table = Table(*heads, title=case, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
        for one in (line for line in lines if line.case == case):
            told = one.ratio.removeprefix("tnsim ") or escape(one.said)
            table.add_row(one.peer, one.median, one.spread, told, one.making, one.peak, one.share)
        yield table


def absent(done: Done) -> list[str]:
    """A line for each contender that is not installed, with what installs it."""
    return list(dict.fromkeys(row["message"] for row in done.rows if row["status"] == "missing"))


@app.command("list", epilog="Example: `tnsim bench list`")
def list_command() -> None:
    """The profiles, workloads and contenders that are known, and which of them can run here."""
    profiles, workloads = Table("profile", "cases"), Table("workload", "what is asked")
    for name, entries in PROFILES.items():
        profiles.add_row(name, str(len(entries)))
    for name, workload in KNOWN.workloads.items():
        workloads.add_row(name, workload.about)
    peers = Table("contender", "here?", "how it is used")
    for name, peer in KNOWN.peers.items():
        peers.add_row(name, escape(missing(peer) or "yes"), escape(peer.note))
    for table in (profiles, workloads, peers):
        Console().print(table)


@app.command("report", epilog="Example: `tnsim bench report results.jsonl --out report.html --markdown table.md`")
def report_command(
    files: Annotated[list[Path], typer.Argument(help="Results, one file or more.")],
    out: Annotated[Path, typer.Option(help="The page to write: one file.")] = Path("bench.html"),
    markdown: Annotated[Path | None, typer.Option(help="A table of the profile `table`, for a README.")] = None,
) -> None:
    """A page with tables and plots of all rows, wins and losses alike."""
    found = results.read(*files)
    about = {name: workload.about for name, workload in KNOWN.workloads.items()}
    write_whole(out, page.render(found, about, {name: peer.note for name, peer in KNOWN.peers.items()}))
    errors.print(f"wrote {out}", highlight=False)
    if markdown:
        write_whole(markdown, tables.markdown(found, [entry.case for entry in PROFILES["table"]]))
        errors.print(f"wrote {markdown}", highlight=False)


@app.command("compare", epilog="Example: `tnsim bench compare before.jsonl after.jsonl --fail`")
def compare_command(
    old: Annotated[Path, typer.Argument(help="Results from before.")],
    new: Annotated[Path, typer.Argument(help="Results from after.")],
    fail: Annotated[bool, typer.Option("--fail", help="Exit with 1 if tnsim got slower beyond the noise.")] = False,
    relative: Annotated[bool, typer.Option("--relative", help="Divide by how the other contenders moved.")] = False,
    tolerance: Annotated[float, typer.Option(min=0, help="A change below this share is never counted.")] = 0.05,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")] = False,
) -> None:
    """What got slower or faster beyond the noise, pair by pair."""
    before, after = results.read(old), results.read(new)
    for line in comparison.differences(before, after):
        errors.print(f"ATTENTION, another environment: {line}", highlight=False, markup=False)
    changes = comparison.compare(before, after, tolerance, relative)
    if as_json:
        typer.echo(json.dumps([change._asdict() for change in changes]))
    else:
        Console().print(_changes(changes))
    if fail and any(change.peer == FIRST and change.verdict == "slower" for change in changes):
        raise typer.Exit(1)


def _changes(changes: list[comparison.Change]) -> Table:
    heads = Column("case", overflow="fold"), "contender", "before", "after", "ratio", "noise", ""
    table = Table(*heads, box=SIMPLE_HEAD, pad_edge=False)
    for change in (change for change in changes if change.ratio is not None or change.verdict):
        ratio = "-" if change.ratio is None else f"{change.ratio:.2f}"
        noise = "-" if change.noise is None else f"{100 * change.noise:.0f} %"
        table.add_row(change.case, change.peer, change.before, change.after, ratio, noise, change.verdict)
    return table
