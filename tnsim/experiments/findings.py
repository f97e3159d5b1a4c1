"""What the experiments found, as a page: every number comes from the results, none is typed. Over registry and results.

    FOLDER/NAME.json --[ the experiment's tell ]--> Finding --[ section ]--> Markdown, which shows figures/NAME.svg
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from tnsim.experiments import results
from tnsim.experiments.experiment import Experiment, Finding, Trial
from tnsim.experiments.figure import Figure
from tnsim.experiments.registry import EXPERIMENTS
from tnsim.experiments.running import missing

__all__ = ["FIGURES", "figures", "page"]

FIGURES = "figures"  # the folder of drawings, beside the page

HEAD = """# What trained networks do with their channels

Every number on this page is made from the results beside it by `tnsim findings`; intervals are Student's, 95 %,
in figures bars and bands.
"""


def page(folder: str | os.PathLike[str]) -> str:
    """The page, in Markdown: a section for each experiment that has results and something to tell.

    Raises ResultsError for results of another version, ValueError for a folder without any.
    """
    told = list(_told(folder))
    if not told:
        raise ValueError(f"results: wanted a folder with results of experiments, found none in {folder}")
    seconds = [trial.seconds for _, _, trials in told for trial in trials.values()]
    whole = f"In all {len(seconds)} trials, {sum(seconds) / 3600:.1f} hours of one core, half of that on two.\n"
    return "\n".join([HEAD, whole, *(_section(*one, len(missing(one[0], one[2]))) for one in told)])


def figures(folder: str | os.PathLike[str]) -> dict[str, Figure]:
    """What the page shows drawn, by the name of the experiment. Raises ResultsError."""
    return {experiment.name: finding.figure for experiment, finding, _ in _told(folder) if finding.figure is not None}


def _told(folder: str | os.PathLike[str]) -> Iterator[tuple[Experiment, Finding, dict[str, Trial]]]:
    """Each experiment that has results and something to tell, with what it tells."""
    for experiment in EXPERIMENTS.values():
        trials = results.read(folder, experiment)
        if trials and experiment.tell is not None:
            yield experiment, experiment.tell(list(trials.values())), trials


def _section(experiment: Experiment, finding: Finding, trials: dict[str, Trial], left: int) -> str:
    hours = sum(trial.seconds for trial in trials.values()) / 3600
    part = f" {left} more are not done yet." if left else ""
    return "\n".join([
        f"## {experiment.question}\n",
        f"{finding.answer}\n",
        *_shown(experiment.name, finding.figure),
        *_table(finding.head, finding.rows),
        f"\n{len(trials)} trials, {hours:.2f} hours of one core.{part} *What would change our mind:* {finding.doubt}\n",
        f"Again: `tnsim experiment {experiment.name}`\n",
    ])  # fmt: skip


def _shown(name: str, figure: Figure | None) -> list[str]:
    if figure is None:
        return []
    return [f"![{figure.about}]({FIGURES}/{name}.svg)\n", f"[The figure as PNG]({FIGURES}/{name}.png)\n"]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    line = lambda cells: f"| {' | '.join(cells)} |"  # noqa: E731
    return [line(head), line(["---"] * len(head)), *map(line, rows)]
