"""The survey of a network that is no layered tree, by the state of any network. Beside survey, of the same rows.

Exact spectra where they are in reach, Renyi-2 alone elsewhere; intervals, maps, exact ranks, the images' own measure,
all classes as one state and the page are of layered trees, and asking for them is an error that says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tnsim import partitions
from tnsim.bounds.flow import network_min_cut
from tnsim.contract.schedule import NotLayered, whole
from tnsim.entanglement.estimate import Stopwatch
from tnsim.memory import MemoryLimitError
from tnsim.report.rows import Row, bounded_row, leading_of, spectrum_row
from tnsim.report.survey import Found, Named, Settings, Subject

__all__ = ["head", "is_layered", "sites_of", "steps"]


def is_layered(arch: Any) -> bool:
    """Whether the whole survey, and its page, are there for an architecture: its windows and its network are a tree."""
    try:
        whole(arch.network)
    except NotLayered:
        return False
    return isinstance(arch, partitions.Sites)


def head(arch: Any) -> dict[str, Any]:
    """What a file of measurements says of the network."""
    return {"kind": type(arch).__name__, "architecture": arch.to_json(), "parameters": arch.parameters}


def sites_of(arch: Any) -> partitions.Sites:
    """The sites of an architecture, as partitions ask for them."""
    return partitions.sites_of(arch)


def steps(subject: Subject, names: Named, labels: list[int] | None, settings: Settings) -> Iterator[Found]:
    """What is found of every partition and class, as `survey.steps` yields it.

    Raises ValueError for settings that want a layered tree, before anything is measured, and as arch.state does;
    MemoryLimitError where neither the spectrum nor two replicas fit.
    """
    arch: Any = subject.arch
    _check(subject, settings)
    every = [None] if arch.classes is None else list(range(arch.classes))
    for name, A in names.items():
        mask = partitions.mask(sites_of(arch), A)
        rows = [(label, _row(subject, label, mask, settings)) for label in (every if labels is None else labels)]
        cut = network_min_cut(arch.network, mask, outputs="fixed").to_json()
        exact = all(row["rank"] is not None for _, row in rows)
        sites = np.flatnonzero(mask).tolist()
        heads = [{"partition": name, "label": label, "class": _name(subject, label)} for label, _ in rows]
        yield {
            "partitions": [{"name": name, "sites": sites, "size": len(sites), "exact": exact, "min_cut": cut}],
            "measurements": [{**first, **row} for first, (_, row) in zip(heads, rows, strict=True)],
        }


def _name(subject: Subject, label: int | None) -> str:
    return "-" if label is None else subject.class_name(label)


def _check(subject: Subject, settings: Settings) -> None:
    asked: Mapping[str, Any] = {
        "map": settings.maps, "rank": settings.exact_rank, "classes": settings.whole, "atol": settings.atol,
        "seconds": settings.seconds, "renyi-only": settings.renyi_only,
    }  # fmt: skip
    found = [name for name, value in asked.items() if value] + ["measure data"] * (subject.measure == "data")
    if found:
        kind = type(subject.arch).__name__
        raise ValueError(f"{found[0]}: wanted a layered tree, such as a ConvAC, found {kind}; leave it out")


def _row(subject: Subject, label: int | None, mask: np.ndarray, settings: Settings) -> Row:
    arch: Any = subject.arch
    state, watch = arch.state(subject.params, label, subject.measure, subject.gram), Stopwatch()
    try:
        found = state.schmidt(mask, settings.memory)
    except MemoryLimitError:
        return bounded_row(None, state.renyi(mask, 2, memory=settings.memory))
    row = spectrum_row(found, None, watch.seconds, state.measure.note)
    return row if settings.top is None else row | {"leading": leading_of(found, settings.top)}
