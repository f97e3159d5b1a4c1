"""`tnsim experiment`: parses, calls, prints; over all of experiments.

    tnsim experiment                list        tnsim experiment base-or-tip --quick        run what is missing
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tnsim.experiments import drawing
from tnsim.experiments import results as files
from tnsim.experiments.executors import here, on_cluster
from tnsim.experiments.experiment import Experiment, Trial, key
from tnsim.experiments.findings import FIGURES, figures, page
from tnsim.experiments.registry import EXPERIMENTS, named
from tnsim.experiments.running import missing, run
from tnsim.experiments.statistics import grouped, mean
from tnsim.files import write_whole

FOLDER = Path("experiments")
errors = Console(stderr=True)


def experiment(
    name: Annotated[str | None, typer.Argument(help="Which; without it, all are listed.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of results; what is done there is not repeated.")] = FOLDER,
    quick: Annotated[bool, typer.Option("--quick", help="Small settings that only show that it works.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; one a core by default.")] = None,
    cluster: Annotated[str | None, typer.Option(help="Address of a dask scheduler to use instead.")] = None,
    minutes: Annotated[float | None, typer.Option(min=0, help="Stop after so many; the rest stays for later.")] = None,
) -> None:
    """Run the trials of an experiment that are not done yet; each is kept as soon as it ends."""
    if name is None:
        _list(out)
        return
    chosen = named(name)
    trials = here(workers) if cluster is None else on_cluster(cluster)
    try:
        done = run(chosen, out, trials, quick, minutes, _say)
    except KeyboardInterrupt as stop:
        errors.print(f"tnsim: stopped; {files.path_of(out, name)} holds what is done, and the same command goes on")
        raise typer.Exit(130) from stop
    wanted = {key(settings) for settings in chosen.trials(quick)}
    _print(chosen, [trial for place, trial in done.items() if place in wanted])
    left = len(missing(chosen, done, quick))
    errors.print(f"{len(done)} trials in {files.path_of(out, name)}" + (f"; {left} are left" if left else ""))


def findings(
    results: Annotated[Path, typer.Argument(help="Folder of results, as `tnsim experiment` writes them.")] = FOLDER,
    out: Annotated[Path, typer.Option(help="Where to write the page, in Markdown.")] = Path("findings.md"),
) -> None:
    """What the experiments found, every number from their results, and a folder of figures beside it."""
    text = page(results)
    for name, figure in figures(results).items():  # before the page, which shows them
        drawing.draw(out.parent / FIGURES, name, figure)
    write_whole(out, text)
    errors.print(f"wrote {out}")


def _say(done: int, of: int, trial: Trial) -> None:
    line = f"{done} of {of}: {key(trial.settings)}: test {100 * trial.result['test']:.2f} % ({trial.seconds:.0f} s)"
    errors.print(line, highlight=False, soft_wrap=True)


def _list(folder: Path) -> None:
    table = Table("experiment", "question", "done", "trials")
    for one in EXPERIMENTS.values():
        done = files.read(folder, one)
        table.add_row(one.name, one.question, str(len(done)), str(len(one.trials(False))))
    Console().print(table)


def _print(chosen: Experiment, trials: list[Trial]) -> None:
    """Test accuracy by what the experiment compares."""
    table = Table(*chosen.compare, "test % [95 %]", "trials")
    for values, group in grouped(trials, chosen.compare).items():
        found = mean([100 * trial.result["test"] for trial in group])
        table.add_row(*map(str, values), found.shown(), str(found.seeds))
    Console().print(table)
