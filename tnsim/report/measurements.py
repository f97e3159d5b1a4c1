"""The measurements of one network, checked and typed: what every part of the page reads.

Stands lowest in the report: plain JSON values in, frozen values out. A missing or wrong key raises
one ValueError that names it (`partitions[2].min_cut.log`), before anything is drawn; numbers that
are not finite become NaN and print as "–".
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np

from tnsim.report.prose import MEASURES

FORMAT = "tnsim-measurements/1"
NAN = float("nan")

Number = float | int  # 0 is as good as 0.0, also where types are checked at run time

# (level, position): level -1 is a site's own edge, else the copy index of a pooling node
Index = tuple[int, int]
# per level, per pooling node: its children's positions one level below
Tree = tuple[tuple[tuple[int, ...], ...], ...]


@dataclass(frozen=True)
class Cut:
    """The cheapest cut that separates a partition: its weight bounds the rank, `log` (nats) bounds
    the entropy.
    """

    log: float
    factors: tuple[tuple[int, int], ...]  # (dimension, how many cut indices have it)
    value: str | None  # the product, where it is short enough to be written
    levels: tuple[tuple[int, int], ...]  # (level, how many of its indices are cut)
    edges: tuple[Index, ...]


@dataclass(frozen=True)
class Partition:
    """The sites A of one split of the image; `exact` says whether S was computed, or S_2 alone."""

    name: str
    sites: tuple[int, ...]
    exact: bool
    cut: Cut
    rank_upper: int | None
    rank_lower: int | None = None


@dataclass(frozen=True)
class Entropies:
    """What one set of weights has across one partition, in nats; NaN where it was not computed."""

    entropy: float = NAN
    renyi2: float = NAN
    probabilities: tuple[float, ...] = ()


@dataclass(frozen=True)
class Measured:
    """One partition and one class."""

    partition: Partition
    label: int
    name: str
    trained: Entropies
    before: Entropies  # the same network before training
    rank: int | None
    tolerance: float
    effective_rank: float
    geometric: float

    def share(self, quantity: str, trained: bool = True) -> float:
        """The part of ln(min-cut) that `quantity`, "entropy" or "renyi2", uses; NaN where the
        ceiling is 0.
        """
        value = float(getattr(self.trained if trained else self.before, quantity))
        return value / self.partition.cut.log if self.partition.cut.log > 0 else NAN


@dataclass(frozen=True)
class Report:
    """Everything the page shows. `source` is the plain JSON it was read from, for what is only
    passed on.
    """

    sites: tuple[int, ...]
    tree: Tree | None
    nodes: tuple[int, ...]  # pooling nodes per level
    partitions: tuple[Partition, ...]
    measured: tuple[Measured, ...]
    source: dict[str, Any]

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of the image in sites; a chain is one row."""
        return (1, self.sites[0]) if len(self.sites) == 1 else (self.sites[0], self.sites[1])

    @property
    def has_before(self) -> bool:
        """Whether anything was measured before training."""
        return any(is_number(m.before.entropy) or is_number(m.before.renyi2) for m in self.measured)

    def of(self, partition: Partition) -> tuple[Measured, ...]:
        """The classes measured across one partition, in the order given."""
        return tuple(m for m in self.measured if m.partition is partition)


def is_number(value: Number | None) -> bool:
    """Whether a figure was computed and is finite."""
    return value is not None and math.isfinite(value)


def mean(values: Sequence[Number]) -> float:
    """The mean of the finite values, NaN if there is none."""
    finite = [value for value in values if is_number(value)]
    return sum(finite) / len(finite) if finite else NAN


def read(measurements: Mapping[str, Any]) -> Report:
    """Checks measurements and gives them types.

    Raises ValueError that names the first key that is missing or wrong.
    """
    if not isinstance(measurements, Mapping):
        raise ValueError(f"measurements: wanted a mapping, found {type(measurements).__name__}")
    source = plain(measurements)
    if source.get("format") != FORMAT:
        raise _wrong("format", repr(FORMAT), source.get("format"))
    if source.get("measure") not in tuple(MEASURES):
        raise _wrong("measure", f"one of {', '.join(MEASURES)}", source.get("measure"))
    sites, nodes = _architecture(_mapping(source, "architecture", ""))
    tree = _tree(source.get("tree"), math.prod(sites))
    nodes = tuple(map(len, tree)) if tree else nodes
    _dataset(source)
    _optional(source, "packages", "")
    partitions = tuple(
        _partition(item, f"partitions[{i}].", math.prod(sites), nodes)
        for i, item in enumerate(_list(source, "partitions", ""))
    )
    _unique([p.name for p in partitions])
    measured = tuple(
        _measured(item, f"measurements[{i}].", partitions, source)
        for i, item in enumerate(_list(source, "measurements", ""))
    )
    _training(source)
    return Report(sites, tree, nodes, partitions, measured, source)


def plain(value: Any) -> Any:
    """The value in plain JSON types: arrays as lists, NumPy scalars as numbers.

    What is not finite becomes None, as do integers of more digits than Python prints.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Integral):
        return int(value) if abs(int(value)) < 10**300 else None
    if isinstance(value, Real):
        return float(value) if math.isfinite(value) else None
    return str(value)


def _architecture(architecture: dict[str, Any]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    sites = architecture.get("sites")
    sites = tuple(sites) if isinstance(sites, list) else (sites,)
    if len(sites) not in (1, 2) or not all(_is_int(n) and n > 0 for n in sites):
        raise _wrong(
            "architecture.sites", "one or two positive integers", architecture.get("sites")
        )
    for key in ("channels", "windows"):
        _list(architecture, key, "architecture.", of=object)
    for key in ("features", "classes"):
        _integer(architecture, key, "architecture.")
    nodes, left = [], math.prod(sites)
    for window in architecture["windows"]:
        sides = window if isinstance(window, list) else [window]
        if not all(_is_int(side) and side > 0 for side in sides):
            raise _wrong("architecture.windows", "positive integers or pairs of them", window)
        left //= math.prod(sides)
        nodes.append(max(left, 1))
    return sites, tuple(nodes)


def _tree(levels: Any, sites: int) -> Tree | None:
    if levels is None:
        return None
    below, tree = sites, []
    for number, level in enumerate(_list({"tree": levels}, "tree", "", of=list)):
        for node in level:
            _list({f"tree[{number}]": node}, f"tree[{number}]", "", of=int)
        if sorted(child for node in level for child in node) != list(range(below)):
            raise _wrong(f"tree[{number}]", f"every position 0..{below - 1} once", level)
        tree.append(tuple(tuple(node) for node in level))
        below = len(level)
    return tuple(tree) or None


def _partition(item: dict[str, Any], where: str, sites: int, nodes: tuple[int, ...]) -> Partition:
    name = item.get("name")
    if not isinstance(name, str):
        raise _wrong(where + "name", "a string", name)
    members = _list(item, "sites", where, of=int)
    if not all(0 <= site < sites for site in members):
        raise _wrong(where + "sites", f"numbers of sites below {sites}", members)
    if not isinstance(item.get("exact"), bool):
        raise _wrong(where + "exact", "true or false", item.get("exact"))
    return Partition(
        name,
        tuple(members),
        item["exact"],
        _cut(_mapping(item, "min_cut", where), where + "min_cut.", (sites, *nodes)),
        *(_bound(_optional(item, "rank_bounds", where), side, where) for side in ("upper", "lower")),
    )


def _bound(bounds: dict[str, Any], side: str, where: str) -> int | None:
    """The bound as an integer; a file may hold its decimal digits. None where it is endless."""
    bound = bounds.get(side)
    if isinstance(bound, str) and bound.isdecimal():
        return int(bound) if len(bound) < 300 else None
    if bound is not None and not _is_int(bound):
        raise _wrong(f"{where}rank_bounds.{side}", "an integer", bound)
    return bound


def _unique(names: list[str]) -> None:
    for i, name in enumerate(names):
        if name in names[:i]:
            raise _wrong(f"partitions[{i}].name", "a name of its own", name)


def _cut(item: dict[str, Any], where: str, sizes: tuple[int, ...]) -> Cut:
    if "log" not in item:
        raise _wrong(where + "log", "a number", None)
    edges = item.get("edges") or []
    if not isinstance(edges, list) or not all(_is_index(edge, sizes) for edge in edges):
        raise _wrong(where + "edges", "a list of [level, position] in the network", edges)
    value = item.get("value")
    return Cut(
        _number(item, "log", where),
        _pairs(item, "factors", where),
        None if value is None else str(value),
        _pairs(item, "levels", where),
        tuple((level, position) for level, position in edges),
    )


def _is_index(edge: Any, sizes: tuple[int, ...]) -> bool:
    if not isinstance(edge, list) or len(edge) != 2 or not all(map(_is_int, edge)):
        return False
    level, position = edge
    return bool(-1 <= level < len(sizes) - 1 and 0 <= position < sizes[level + 1])


def _pairs(item: dict[str, Any], key: str, where: str) -> tuple[tuple[int, int], ...]:
    try:
        return tuple(sorted((int(k), int(n)) for k, n in (item.get(key) or {}).items()))
    except (AttributeError, TypeError, ValueError):
        raise _wrong(where + key, "an object of integers", item[key]) from None


def _measured(
    item: dict[str, Any], where: str, partitions: tuple[Partition, ...], source: dict[str, Any]
) -> Measured:
    found = [p for p in partitions if p.name == item.get("partition")]
    if not found:
        raise _wrong(
            where + "partition", "the name of one of the partitions", item.get("partition")
        )
    needed = "entropy" if found[0].exact else "renyi2"
    if needed not in item:
        raise _wrong(where + needed, "a number or null", None)
    label = _integer(item, "label", where)
    names = _optional(source, "dataset", "").get("classes") or []
    name = item.get("class", names[label] if 0 <= label < len(names) else label)
    return Measured(
        found[0],
        label,
        str(name),
        _entropies(item, where, found[0].exact),
        _entropies(_optional(item, "untrained", where), where + "untrained.", found[0].exact),
        None if item.get("rank") is None else _integer(item, "rank", where),
        _number(item, "rank_tolerance", where),
        _number(item, "effective_rank", where),
        _number(item, "geometric", where),
    )


def _entropies(item: dict[str, Any], where: str, exact: bool) -> Entropies:
    probabilities = item.get("probabilities") or []
    if not isinstance(probabilities, list) or not all(
        p is None or isinstance(p, (int, float)) for p in probabilities
    ):
        raise _wrong(where + "probabilities", "a list of numbers", probabilities)
    return Entropies(
        _number(item, "entropy", where) if exact else NAN,
        _number(item, "renyi2", where),
        tuple(float(p) for p in probabilities if p is not None) if exact else (),
    )


def _dataset(source: dict[str, Any]) -> None:
    dataset = _optional(source, "dataset", "")
    for key in ("classes", "image_shape"):
        if dataset.get(key) is not None:
            _list(dataset, key, "dataset.", of=object)


def _training(source: dict[str, Any]) -> None:
    training = _optional(source, "training", "")
    for key in ("accuracy", "seconds"):
        _number(training, key, "training.")
    history = _list(training, "history", "training.") if training.get("history") else []
    for i, step in enumerate(history):
        _integer(step, "step", f"training.history[{i}].")
        for key in ("loss", "train_accuracy", "validation_accuracy"):
            _number(step, key, f"training.history[{i}].")


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _integer(item: dict[str, Any], key: str, where: str) -> int:
    if not _is_int(item.get(key)):
        raise _wrong(where + key, "an integer", item.get(key))
    return int(item[key])


def _number(item: dict[str, Any], key: str, where: str) -> float:
    value = item.get(key)
    if value is None:
        return NAN
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _wrong(where + key, "a number", value)
    return float(value)


def _mapping(item: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    if not isinstance(item.get(key), dict):
        raise _wrong(where + key, "an object", item.get(key))
    return dict(item[key])


def _optional(item: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    return {} if item.get(key) is None else _mapping(item, key, where)


def _list(item: dict[str, Any], key: str, where: str, of: type = dict) -> list[Any]:
    values = item.get(key)
    if not isinstance(values, list) or not all(isinstance(value, of) for value in values):
        raise _wrong(where + key, "a list" if of is object else f"a list of {of.__name__}", values)
    return values


def _wrong(key: str, wanted: str, found: Any) -> ValueError:
    shown = "nothing" if found is None else repr(found)[:80]
    return ValueError(f"measurements: {key}: wanted {wanted}, found {shown}")
