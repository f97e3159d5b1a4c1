"""The survey of a network that is no layered tree, by the state of any network. Beside survey, of the same rows.

Exact spectra where they are in reach, Renyi-2 alone elsewhere; min-cuts, exact ranks and maps as there. Intervals, the
images' own measure and all classes as one state are folds of layered trees: who asks for them hears what there is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool

from tnsim import partitions
from tnsim.bounds.flow import network_min_cut
from tnsim.contract.schedule import NotLayered, whole
from tnsim.entanglement.estimate import Stopwatch
from tnsim.entanglement.networks.state import NetworkState
from tnsim.memory import MemoryLimitError
from tnsim.report.maps import NETWORK_MAPS
from tnsim.report.rows import Row, bounded_row, leading_of, ranked, spectrum_row
from tnsim.report.survey import Found, Named, Settings, Subject, check_settings, named, rank_measure, same_sites
from tnsim.report.wiring import wiring

__all__ = ["head", "is_layered", "sites_of", "steps"]

States = dict[int | None, NetworkState]
INSTEAD = {
    "classes": "tnsim.network_state of a network whose class leg is one of its sites has it as a party",
    "seconds": "no entropy is an interval here, but its spectrum's, or Renyi-2 where memory is too little",
    "measure data": "tnsim.sampled_entropy(f, A, images) measures any function on images",
}


def is_layered(arch: Any) -> bool:
    """Whether the survey by folds is there for an architecture: its windows and its network are a tree of matrices."""
    try:
        whole(arch.network)
    except NotLayered:
        return False
    return isinstance(arch, partitions.Sites)


def head(arch: Any) -> dict[str, Any]:
    """What a file of measurements says of the network: its kind and hyper-parameters, its sites, its wiring."""
    return {
        "kind": type(arch).__name__, "architecture": arch.to_json(), "parameters": arch.parameters,
        "grid": list(sites_of(arch).grid), "network": wiring(arch.network),
    }  # fmt: skip


def sites_of(arch: Any) -> partitions.Sites:
    """The sites of an architecture, as partitions ask for them."""
    return partitions.sites_of(arch)


def steps(
    subject: Subject, names: Named, labels: list[int] | None, settings: Settings, done: Mapping[str, Any] | None = None
) -> Iterator[Found]:
    """What is found of every partition and class, as `survey.steps` yields it; what stands in `done` is left out.

    Raises ValueError for settings that want a layered tree, before anything is measured, and as arch.state does;
    MemoryLimitError where neither the spectrum nor two replicas fit, or a map does not.
    """
    _check(subject, settings)
    states = _states(subject, labels)
    for _, measure in next(iter(states.values())).measure.groups if settings.exact_rank else ():
        rank_measure(measure)
    masks = {name: partitions.mask(sites_of(subject.arch), A) for name, A in named(names).items()}
    same_sites(masks, done or {})
    had = {(row["partition"], row["label"]) for row in (done or {}).get("measurements", [])}
    for name, mask in masks.items():
        left = {label: state for label, state in states.items() if (name, label) not in had}
        if left:
            yield _found(subject, left, name, mask, settings)
    mapped = {(one["kind"], one["label"]) for one in (done or {}).get("maps", [])}
    for kind in settings.maps:
        for label in states if settings.mapped is None else settings.mapped:
            if (kind, label) not in mapped:
                yield {"maps": [_map(subject, kind, label, states[label], settings)]}


def _states(subject: Subject, labels: list[int] | None) -> States:
    arch: Any = subject.arch
    every = [None] if arch.classes is None else list(range(arch.classes))
    wanted = every if labels is None else dict.fromkeys(labels)
    return {label: arch.state(subject.params, label, subject.measure, subject.gram) for label in wanted}


def _found(subject: Subject, states: States, name: str, mask: Bool[np.ndarray, "sites"], settings: Settings) -> Found:
    rows = [_row(state, mask, settings) for state in states.values()]
    cut, sites = network_min_cut(subject.arch.network, mask, outputs="fixed"), np.flatnonzero(mask).tolist()
    weighed = cut.to_json()
    bounds = {"lower": "1", "upper": weighed["value"], "note": "upper: min-cut, for any weights; lower: none"}
    exact = all(row["rank"] is not None for row in rows)
    described = {
        "name": name, "sites": sites, "size": len(sites), "exact": exact, "min_cut": weighed, "rank_bounds": bounds,
    }  # fmt: skip
    return {
        "partitions": [described],
        "measurements": [
            {"partition": name, **_label(subject, label), **row} for label, row in zip(states, rows, strict=True)
        ],
    }


def _label(subject: Subject, label: int | None) -> dict[str, Any]:
    return {"label": label, "class": "-" if label is None else subject.class_name(label)}


def _check(subject: Subject, settings: Settings) -> None:
    check_settings(settings)
    asked = {"classes": settings.whole, "seconds": settings.seconds, "measure data": subject.measure == "data"}
    for name, value in asked.items():
        if value:
            kind = type(subject.arch).__name__
            raise ValueError(f"{name}: wanted a layered tree, such as a ConvAC, found {kind}; {INSTEAD[name]}")


def _row(state: NetworkState, mask: Bool[np.ndarray, "sites"], settings: Settings) -> Row:
    row = _renyi_row(state, mask, settings) if settings.renyi_only else _exact_row(state, mask, settings)
    return ranked(row, state, mask, settings.memory) if settings.exact_rank else row


def _renyi_row(state: NetworkState, mask: Bool[np.ndarray, "sites"], settings: Settings) -> Row:
    return bounded_row(None, state.renyi(mask, 2, memory=settings.memory))


def _exact_row(state: NetworkState, mask: Bool[np.ndarray, "sites"], settings: Settings) -> Row:
    watch = Stopwatch()
    try:
        found = state.schmidt(mask, settings.memory)
    except MemoryLimitError:
        return _renyi_row(state, mask, settings)
    row = spectrum_row(found, settings.atol, watch.seconds, state.measure.note)
    return row if settings.top is None else row | {"leading": leading_of(found, settings.top)}


def _map(subject: Subject, kind: str, label: int | None, state: NetworkState, settings: Settings) -> dict[str, Any]:
    return {"kind": kind, **_label(subject, label), **NETWORK_MAPS[kind](state, settings.memory)}
