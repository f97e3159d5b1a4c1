"""The survey of a trained network as plain JSON values: the content of `measurements.json` and of the report.

For every partition and class: the exact spectrum's figures where the spectrum is within reach, a rigorous interval of
the entropy elsewhere, Renyi-2 beside both, the min-cut, and (optionally) the same of the network before training.
`steps` yields them as they are found, so that a run that is stopped keeps what it has.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Num

from tnsim import memory as limits
from tnsim import partitions
from tnsim.architectures.layered import Layered
from tnsim.banks import Banks, measurable
from tnsim.bounds.min_cut import min_cut
from tnsim.bounds.ranks import rank_bounds
from tnsim.entanglement import dataset, schmidt
from tnsim.entanglement.entropy import EXACT, Asked, entropy
from tnsim.entanglement.estimate import Estimate, Stopwatch
from tnsim.entanglement.exact_rank import check_measure
from tnsim.entanglement.measure import SiteMeasure, site_measure
from tnsim.entanglement.renyi import renyi_2
from tnsim.entanglement.spectrum import Spectrum
from tnsim.entanglement.state import State
from tnsim.entanglement.states import States
from tnsim.memory import MemoryLimitError
from tnsim.report import whole
from tnsim.report.maps import MAPS
from tnsim.report.rows import Row, bounded_row, data_row, leading_json, leading_of, ranked, spectrum_row

AT_ONCE = 256  # partitions of one Renyi-2 call
DEMO_PARTITIONS = (
    "left-right", "top-bottom", "quadrant", "chess:4", "center", "checkerboard", "interleaved",
)  # fmt: skip

Found = dict[str, list[dict[str, Any]]]
Mask = Bool[np.ndarray, "sites"]
Named = Mapping[str, partitions.Partition]
Features = Callable[[], Iterable[Num[np.ndarray, "_ sites M"]]]


@dataclass(frozen=True)
class Subject:
    """What is measured: an architecture, its banks, the inner product, and (optionally) the banks before training.

    measure "data" wants features: chunks of the images' features, made anew whenever it is called.
    """

    arch: Any  # a Layered; of `unlayered.steps`, any with doors
    params: Banks
    measure: str = "coefficient"
    gram: Num[np.ndarray, "..."] | None = None
    untrained: Banks | None = None
    untrained_gram: Num[np.ndarray, "..."] | None = None
    classes: Sequence[str] = field(default_factory=tuple)
    features: Features | None = None

    def class_name(self, label: int) -> str:
        return self.classes[label] if self.classes else str(label)


@dataclass(frozen=True)
class Settings:
    """How it is measured.

    memory: work that needs more is left out. atol (nats), seconds: of an interval, each partition and class. bounded:
    names of the partitions that get one where their spectrum is out of reach; None: all. top: how many Schmidt values;
    exact_rank: over finite fields; renyi_only: Renyi-2 alone, all partitions at once. maps: some of MAPS, of `mapped`
    classes (None: all measured). whole: all classes as one state, too.
    """

    memory: str | float | None = None
    atol: float | None = None
    seconds: float | None = None
    bounded: Collection[str] | None = None
    top: int | None = None
    exact_rank: bool = False
    renyi_only: bool = False
    maps: tuple[str, ...] = ()
    mapped: tuple[int, ...] | None = None
    whole: bool = False


class Side(NamedTuple):
    """One set of weights, ready to be measured."""

    banks: dict[str, Num[np.ndarray, "..."]]
    measure: SiteMeasure


def survey(
    subject: Subject,
    names: Sequence[partitions.Partition] | Named,
    labels: Sequence[int] | None = None,
    settings: Settings = Settings(),
    tell: Callable[[Found], None] = lambda found: None,
) -> dict[str, Any]:
    """Measure every class across every partition; {"partitions": [..], "measurements": [..]} of JSON values.

    names: partitions, or partitions by the name they shall have. `tell` hears whatever was found, as it is found.
    Raises as `steps`.
    """
    told: dict[str, Any] = {"partitions": [], "measurements": []}
    for found in steps(subject, names, labels, settings):
        tell(found)
        told = merged(told, found)
    return told


def merged(told: Mapping[str, Any], found: Found) -> dict[str, Any]:
    """A survey, and what was found since."""
    known = {partition["name"] for partition in told["partitions"]}
    new = [partition for partition in found.get("partitions", []) if partition["name"] not in known]
    lists = {key: [*told.get(key, []), *found.get(key, [])] for key in ("maps", "whole_model")}
    return {
        **told,
        "partitions": [*told["partitions"], *new],
        "measurements": [*told["measurements"], *found.get("measurements", [])],
    } | {key: parts for key, parts in lists.items() if parts}


def steps(
    subject: Subject,
    names: Sequence[partitions.Partition] | Named,
    labels: Sequence[int] | None,
    settings: Settings,
    done: Mapping[str, Any] | None = None,
) -> Iterator[Found]:
    """What `survey` finds, as it is found; what stands in `done`, an earlier survey, is left out.

    Exact spectra of all classes share one fold and come together; an interval comes alone. Raises ValueError for
    labels, partitions, settings, banks and grams that do not fit, before anything is measured; MemoryLimitError naming
    the least amount where not even the smallest interval fits.
    """
    arch = subject.arch
    labels = list(range(arch.classes)) if labels is None else [_label(arch, label) for label in dict.fromkeys(labels)]
    masks = {name: partitions.mask(arch, A) for name, A in named(names).items()}
    check(subject, settings)
    _side(subject)  # banks and grams that do not fit are refused before anything is measured
    had = {(row["partition"], row["label"]) for row in (done or {}).get("measurements", [])}
    same_sites(masks, done or {})
    wanted = {name: [label for label in labels if (name, label) not in had] for name in masks}
    wanted = {name: left for name, left in wanted.items() if left}
    yield from (_all_renyi if settings.renyi_only else _all_rows)(subject, masks, wanted, settings)
    for kind in settings.maps:
        for label in labels if settings.mapped is None else settings.mapped:
            if not any((m["kind"], m["label"]) == (kind, label) for m in (done or {}).get("maps", [])):
                yield {"maps": [_map(subject, kind, label, settings)]}
    if settings.whole:
        yield from ({"whole_model": [part]} for part in _whole(subject, masks, settings, done or {}))


# ---- what is asked


def check(subject: Subject, settings: Settings) -> None:
    """Raises ValueError for settings that are wrong, or that the subject's measure has no answer to."""
    check_settings(settings)
    if subject.measure == "data":
        _check_data(subject, settings)
    elif settings.exact_rank:
        rank_measure(_side(subject).measure)


def check_settings(settings: Settings) -> None:
    """Raises ValueError for settings that are wrong, whatever is measured."""
    limits.limit(settings.memory)
    for name, value in (("atol", settings.atol), ("seconds", settings.seconds)):
        if value is not None and not value > 0:
            raise ValueError(f"{name}: wanted a number > 0, found {value!r}")
    if settings.top is not None and settings.top < 1:
        raise ValueError(f"top: wanted an integer >= 1, found {settings.top}")
    unknown = [kind for kind in settings.maps if kind not in MAPS]
    if unknown:
        raise ValueError(f"map: wanted one of {', '.join(MAPS)}, found {unknown[0]!r}")


def rank_measure(measure: SiteMeasure) -> None:
    """Raises ValueError for a measure in which exact ranks are not told."""
    try:
        check_measure(measure)
    except ValueError as error:
        raise ValueError(f"rank: {error}; take measure coefficient") from error


def _check_data(subject: Subject, settings: Settings) -> None:
    if subject.features is None:
        raise ValueError("measure: data wants the features of images, found none")
    asked = {
        "map": settings.maps, "rank": settings.exact_rank, "renyi-only": settings.renyi_only, "classes": settings.whole,
    }  # fmt: skip
    for name, value in asked.items():
        if value:
            raise ValueError(f"{name}: wanted with measure coefficient or function, found data")


def _label(arch: Layered, label: int) -> int:
    if not 0 <= label < arch.classes:
        raise ValueError(f"label: wanted an integer in 0..{arch.classes - 1}, found {label}")
    return label


def named(names: Sequence[partitions.Partition] | Named) -> Named:
    """Partitions by their names."""
    return names if isinstance(names, Mapping) else {name_of(A): A for A in names}


def name_of(A: partitions.Partition) -> str:
    """A partition's name, or its sites."""
    return A if isinstance(A, str) else "sites " + ",".join(str(site) for site in A)


def same_sites(masks: Mapping[str, Mask], done: Mapping[str, Any]) -> None:
    """Raises ValueError where a name stands for other sites than in an earlier survey."""
    for had in done.get("partitions", []):
        name = had["name"]
        if name in masks and np.flatnonzero(masks[name]).tolist() != had["sites"]:
            raise ValueError(f"partition: {name!r}: wanted the sites it had when measured before, found others")


def _side(subject: Subject, trained: bool = True) -> Side:
    arch = subject.arch
    params, gram = (subject.params, subject.gram) if trained else (subject.untrained, subject.untrained_gram)
    assert params is not None
    banks = measurable(arch.network, params)
    if subject.measure == "data":
        return Side(banks, site_measure("coefficient", None, arch.size, arch.features))
    return Side(banks, site_measure(subject.measure, gram, arch.size, arch.features))


def _vectors(subject: Subject, side: Side, labels: Sequence[int]) -> Num[np.ndarray, "labels r"]:
    """The classes' rows of the last bank."""
    return np.stack([_state(subject, side, label).vector for label in labels])


def _state(subject: Subject, side: Side, label: int) -> State:
    return State(subject.arch, side.banks, label, side.measure)


def _described(arch: Layered, name: str, mask: Mask, exact: bool) -> dict[str, Any]:
    bounds = rank_bounds(arch, mask)
    return {
        "name": name,
        "sites": np.flatnonzero(mask).tolist(),
        "size": int(mask.sum()),
        "exact": exact,
        "min_cut": min_cut(arch, mask).to_json(),
        "rank_bounds": {"lower": str(bounds.lower), "upper": str(bounds.upper), "note": bounds.note},
    }


# ---- rows


def _all_rows(subject: Subject, masks, wanted: Mapping[str, list[int]], settings: Settings) -> Iterator[Found]:
    trained = _side(subject)
    before = None if subject.untrained is None else _side(subject, trained=False)
    plain = replace(settings, atol=None, bounded=(), top=None, exact_rank=False)
    for name, labels in wanted.items():
        made = _rows(subject, trained, name, masks[name], labels, settings)
        old = None if before is None else [row for _, row in _rows(subject, before, name, masks[name], labels, plain)]
        described = None
        for rows in _together(made):
            exact = rows[0][1]["rank"] is not None
            described = described or _described(subject.arch, name, masks[name], exact)
            yield {
                "partitions": [described],
                "measurements": [_headed(subject, name, label, row, old, labels) for label, row in rows],
            }


def _headed(subject: Subject, name: str, label: int, row: Row, old: list[Row] | None, labels: list[int]) -> Row:
    head = {"partition": name, "label": label, "class": subject.class_name(label), **row}
    return head if old is None else head | {"untrained": old[labels.index(label)]}


def _together(rows: Iterator[tuple[int, Row]]) -> Iterator[list[tuple[int, Row]]]:
    """Rows that are there at once (exact spectra, Renyi-2 alone) in one piece, intervals one by one."""
    first = next(rows)
    if first[1]["rank"] is not None or first[1]["entropy"] is None:
        yield [first, *rows]
        return
    yield [first]
    for row in rows:
        yield [row]


def _rows(
    subject: Subject, side: Side, name: str, mask: Mask, labels: list[int], settings: Settings
) -> Iterator[tuple[int, Row]]:
    """(label, figures): of exact spectra, all folded at once, where they are in reach."""
    try:
        found = _exact_rows(subject, side, mask, labels, settings)
    except MemoryLimitError:
        if subject.measure == "data":
            raise
        asked = settings.bounded is None or name in settings.bounded
        found = _bounded_rows(subject, side, mask, labels, replace(settings, bounded=None if asked else ()))
    for label, row in zip(labels, found, strict=True):
        state = _state(subject, side, label)
        yield label, ranked(row, state, mask, settings.memory) if settings.exact_rank else row


def _exact_rows(subject: Subject, side: Side, mask: Mask, labels: list[int], settings: Settings) -> Iterator[Row]:
    arch, watch = subject.arch, Stopwatch()
    vectors = _vectors(subject, side, labels)
    if subject.measure == "data":
        return iter([_data_row(subject, side, mask, vector, settings) for vector in vectors])
    reach = limits.limit(settings.memory)
    # Who names a time wants an answer in it: a spectrum that takes longer than its interval would is out of reach.
    reach = reach if settings.seconds is None else min(reach, EXACT)
    found = schmidt.spectra(arch.network, side.banks, vectors, side.measure, mask, reach)
    each = watch.seconds / len(labels)
    note = side.measure.note
    return iter([_topped(spectrum_row(s, settings.atol, each, note), s, settings) for s in found])


def _data_row(subject: Subject, side: Side, mask: Mask, vector: Num[np.ndarray, "r"], settings: Settings) -> Row:
    watch = Stopwatch()
    assert subject.features is not None
    found = dataset.data_spectrum(subject.arch.network, side.banks, vector, subject.features(), mask, settings.memory)
    return _topped(data_row(found, settings.atol, watch.seconds), found.spectrum, settings)


def _topped(row: Row, spectrum: Spectrum, settings: Settings) -> Row:
    return row if settings.top is None else row | {"leading": leading_of(spectrum, settings.top)}


def _bounded_rows(subject: Subject, side: Side, mask: Mask, labels: list[int], settings: Settings) -> Iterator[Row]:
    """Renyi-2 of all classes by one fold; then, class by class, an interval of S and the leading values."""
    arch, vectors = subject.arch, _vectors(subject, side, labels)
    limit, asked = settings.memory, settings.bounded is None
    renyi2: list[Estimate | None] = [None] * len(labels)
    try:
        found = renyi_2(arch.network, side.banks, vectors, side.measure, mask[None], limit)
        renyi2 = [_one(found, place, 0) for place in range(len(labels))]
    except MemoryLimitError:
        if not asked:
            raise  # the interval does without it; without both there is nothing to say
    for label, order_2 in zip(labels, renyi2, strict=True):
        state, S, said = _state(subject, side, label), None, {}
        try:
            S = entropy(state.problem(mask), Asked(settings.atol, limit, settings.seconds)) if asked else None
        except MemoryLimitError as error:
            if order_2 is None:
                raise
            said = {"entropy_note": str(error)}
        top = settings.top and {"leading": leading_json(state.leading_values(mask, settings.top, memory=limit))}
        yield bounded_row(S, order_2) | said | (top or {})


def _all_renyi(subject: Subject, masks, wanted: Mapping[str, list[int]], settings: Settings) -> Iterator[Found]:
    """Renyi-2 of many partitions and all their classes in one call."""
    side, names = _side(subject), list(wanted)
    for start in range(0, len(names), AT_ONCE):
        part = names[start : start + AT_ONCE]
        labels = sorted({label for name in part for label in wanted[name]})
        rows, vectors = np.stack([masks[name] for name in part]), _vectors(subject, side, labels)
        found = renyi_2(subject.arch.network, side.banks, vectors, side.measure, rows, settings.memory)
        yield {
            "partitions": [_described(subject.arch, name, masks[name], exact=False) for name in part],
            "measurements": [
                _headed(subject, name, label, bounded_row(None, _one(found, labels.index(label), k)), None, labels)
                for k, name in enumerate(part) for label in wanted[name]
            ],
        }  # fmt: skip


def _one(found: Estimate, label: int, partition: int) -> Estimate:
    return found.map(lambda values: float(values[label, partition]))


def _map(subject: Subject, kind: str, label: int, settings: Settings) -> dict[str, Any]:
    state = _state(subject, _side(subject), label)
    head = {"kind": kind, "label": label, "class": subject.class_name(label)}
    return head | MAPS[kind](state, settings.memory)


def _whole(subject: Subject, masks: Mapping[str, Mask], settings: Settings, done: Mapping[str, Any]) -> Iterator[Any]:
    side, names = _side(subject), [subject.class_name(label) for label in range(subject.arch.classes)]
    asked = {"atol": settings.atol, "memory": settings.memory, "seconds": settings.seconds}
    return whole.parts(States(subject.arch, *side), names, masks, done.get("whole_model", []), asked)
