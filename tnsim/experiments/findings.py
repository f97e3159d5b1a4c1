"""What the experiments found, as a page: every number comes from the results, none is typed. Over registry and results.

    FOLDER/NAME.json --[ the experiment's tell ]--> Finding --[ section ]--> Markdown
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from tnsim.experiments import results
from tnsim.experiments.experiment import Experiment, Finding, Trial
from tnsim.experiments.registry import EXPERIMENTS
from tnsim.experiments.running import missing

__all__ = ["page"]

HEAD = """# What trained networks do with their channels

Every number on this page is made from the results beside it by `tnsim findings`; intervals are Student's, 95 %.
"""


def page(folder: str | os.PathLike[str]) -> str:
    """The page, in Markdown: a section for each experiment that has results and something to tell.

    Raises ResultsError for results of another version, ValueError for a folder without any.
    """
    sections = []
    for experiment in EXPERIMENTS.values():
        trials = results.read(folder, experiment)
        if trials and experiment.tell is not None:
            left = len(missing(experiment, trials))
            sections.append(_section(experiment, experiment.tell(list(trials.values())), list(trials.values()), left))
    if not sections:
        raise ValueError(f"results: wanted a folder with results of experiments, found none in {folder}")
    return "\n".join([HEAD, *sections])


def _section(experiment: Experiment, finding: Finding, trials: Sequence[Trial], left: int) -> str:
    hours = sum(trial.seconds for trial in trials) / 3600
    part = f" {left} more are not done yet." if left else ""
    return "\n".join([
        f"## {experiment.question}\n",
        f"{finding.answer}\n",
        *_table(finding.head, finding.rows),
        f"\n{len(trials)} trials, {hours:.2f} hours of one core.{part} *What would change our mind:* {finding.doubt}\n",
        f"Again: `tnsim experiment {experiment.name}`\n",
    ])  # fmt: skip


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    line = lambda cells: f"| {' | '.join(cells)} |"  # noqa: E731
    return [line(head), line(["---"] * len(head)), *map(line, rows)]
