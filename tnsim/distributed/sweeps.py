"""A long job over numbered items that goes on from what is done. Uses parts and processes; used by scripts.

    items 0 .. n-1 --[process i of k: items i, i + k, ..; those without a part]--> folder of parts --[summed, joined]-->
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tnsim.distributed.parts import Facts, Parts, check, path_of, write
from tnsim.distributed.processes import ALONE, Processes
from tnsim.files import write_whole

EVERY = 0.1  # seconds between two looks at the folder


def sweep(
    items: int,
    compute: Callable[[int], Mapping[str, Any]],
    folder: str | Path,
    facts: Facts,
    processes: Processes = ALONE,
) -> Parts:
    """Compute every item's part that `folder` lacks, this process its share, and wait for the others' parts.

    compute: the arrays of an item, by name. facts: what makes the job this job (`digest` of its network, plan and
    banks; settings): the number of items is added, and every part keeps them. Each part is written whole as soon as it
    is computed, so that a job that is stopped, by Ctrl-C, a lost process or a lost machine, goes on with the same call,
    in any number of processes. Progress is shown on standard error, where that is a terminal, by process 0.

    Raises PartsError where the folder holds parts of another job, ValueError for items < 1, OSError for a folder that
    nobody can write to.
    """
    if items < 1:
        raise ValueError(f"items: wanted a positive number, found {items}")
    place, facts = _writable(Path(folder), processes.index), {**facts, "items": items}
    paths = tuple(path_of(place, item) for item in range(items))
    for path in sorted(place.glob("part_*.npz")):
        check(path, facts)
    missing = [item for item in range(processes.index, items, processes.count) if not paths[item].exists()]
    for item in _shown(missing, processes):
        write(paths[item], compute(item), facts)
    while not all(path.exists() for path in paths):  # JAX ends this process where the one that owes them is lost
        time.sleep(EVERY)
    return Parts(paths, len(missing))


def _writable(folder: Path, index: int) -> Path:
    """The folder, made if need be and tried by writing: long work must not end at a folder nobody can write to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / f".writable-{index}", b"").unlink()
    except OSError as error:
        raise OSError(f"folder: cannot write to {str(folder)!r}: {error.strerror}") from error
    return folder


def _shown(missing: list[int], processes: Processes) -> Iterable[int]:
    """The items, with a bar of how many are done."""
    if processes.index or not missing or not sys.stderr.isatty():
        return missing
    return _bar(missing, "items" if processes.count == 1 else f"items of process 0 of {processes.count}")


def _bar(missing: list[int], name: str) -> Iterator[int]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield from progress.track(missing, description=name)
