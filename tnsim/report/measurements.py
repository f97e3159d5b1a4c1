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

from tnsim.report.data_values import DataMap, data_map
from tnsim.report.fields import NAN, Number, integer, is_int, is_number, label, listed, mapping, number, optional, wrong
from tnsim.report.generated_values import Generated, generated
from tnsim.report.map_values import Map, maps
from tnsim.report.network_values import Wired, grid, wired
from tnsim.report.prose import MEASURES
from tnsim.report.width_values import Widths, widths

FORMAT = "tnsim-measurements/1"
# (level, position): level -1 is a site's own edge, else the copy index of a pooling node
Index = tuple[int, int]
# per level, per pooling node: its children's positions one level below
Tree = tuple[tuple[tuple[int, ...], ...], ...]


@dataclass(frozen=True)
class Cut:
    """The cheapest cut that separates a partition: its weight bounds the rank, `log` (nats) bounds
    the entropy. Of a network that is no layered tree also `indices`, (number, name) of the cut ones, `runs`, how many
    of each run of its wiring they are, and `side`, the tensors that the cut leaves to A.
    """

    log: float
    factors: tuple[tuple[int, int], ...]  # (dimension, how many cut indices have it)
    value: str | None  # the product, where it is short enough to be written
    levels: tuple[tuple[int, int], ...]  # (level, how many of its indices are cut)
    edges: tuple[Index, ...]
    indices: tuple[tuple[int, str], ...] = ()
    runs: tuple[tuple[str, int], ...] = ()
    side: tuple[int, ...] = ()


@dataclass(frozen=True)
class Partition:
    """The sites A of one split of the image; `exact` says whether S was computed, or bounds of it."""

    name: str
    sites: tuple[int, ...]
    exact: bool
    cut: Cut
    rank_upper: int | None
    rank_lower: int | None = None


@dataclass(frozen=True)
class Entropies:
    """What one set of weights has across one partition, in nats; NaN where it was not computed.

    lower, upper: the interval that holds the entropy; method: how it was found.
    """

    entropy: float = NAN
    renyi2: float = NAN
    probabilities: tuple[float, ...] = ()
    lower: float = NAN
    upper: float = NAN
    method: str = ""
    seconds: float = NAN


@dataclass(frozen=True)
class Measured:
    """One partition and one class; label None: of a state without classes."""

    partition: Partition
    label: int | None
    name: str
    trained: Entropies
    before: Entropies  # the same network before training
    rank: int | None
    tolerance: float
    effective_rank: float
    geometric: float
    exact_rank: int | None = None

    @property
    def bounded(self) -> bool:
        """Whether S is known by an interval alone."""
        return not self.partition.exact and is_number(self.trained.entropy)

    def share(self, quantity: str, trained: bool = True) -> float:
        """The part of ln(min-cut) that `quantity`, "entropy", "lower", "upper" or "renyi2", uses;
        NaN where the ceiling is 0.
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
    maps: tuple[Map, ...] = ()
    widths: Widths | None = None
    data_map: DataMap | None = None
    generated: Generated | None = None
    wired: Wired | None = None  # of a network that is no layered tree: then tree and nodes are empty

    @property
    def dims(self) -> tuple[int, ...]:
        """Dimensions of the indices, level by level: M of a site, r₀, r₁, .."""
        return _dims(self.source)

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
        raise wrong("format", repr(FORMAT), source.get("format"))
    if source.get("measure") not in tuple(MEASURES):
        raise wrong("measure", f"one of {', '.join(MEASURES)}", source.get("measure"))
    described = mapping(source, "architecture", "")
    sites, nodes = _architecture(described) if source.get("network") is None else (grid(source), ())
    tree = _tree(source.get("tree"), math.prod(sites))
    nodes = tuple(map(len, tree)) if tree else nodes
    _dataset(source)
    optional(source, "packages", "")
    partitions = tuple(
        _partition(item, f"partitions[{i}].", math.prod(sites), nodes)
        for i, item in enumerate(listed(source, "partitions", ""))
    )
    _unique([p.name for p in partitions])
    measured = tuple(
        _measured(item, f"measurements[{i}].", partitions, source)
        for i, item in enumerate(listed(source, "measurements", ""))
    )
    _training(source)
    others = widths(source, [p.name for p in partitions], _dims(source)) if nodes else None
    size = math.prod(sites)
    return Report(
        sites, tree, nodes, partitions, measured, source, maps(source, size), others, data_map(source, size),
        generated(source, size), wired(source, size),
    )  # fmt: skip


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


def _dims(source: dict[str, Any]) -> tuple[int, ...]:
    """M and the width of every level."""
    architecture = source["architecture"]
    channels = listed(architecture, "channels", "architecture.", int)
    return (integer(architecture, "features", "architecture."), *channels)


def _architecture(architecture: dict[str, Any]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    sites = architecture.get("sites")
    sites = tuple(sites) if isinstance(sites, list) else (sites,)
    if len(sites) not in (1, 2) or not all(is_int(n) and n > 0 for n in sites):
        raise wrong("architecture.sites", "one or two positive integers", architecture.get("sites"))
    for key in ("channels", "windows"):
        listed(architecture, key, "architecture.", of=object)
    for key in ("features", "classes"):
        integer(architecture, key, "architecture.")
    nodes, left = [], math.prod(sites)
    for window in architecture["windows"]:
        sides = window if isinstance(window, list) else [window]
        if not all(is_int(side) and side > 0 for side in sides):
            raise wrong("architecture.windows", "positive integers or pairs of them", window)
        left //= math.prod(sides)
        nodes.append(max(left, 1))
    return sites, tuple(nodes)


def _tree(levels: Any, sites: int) -> Tree | None:
    if levels is None:
        return None
    below, tree = sites, []
    for height, level in enumerate(listed({"tree": levels}, "tree", "", of=list)):
        for node in level:
            listed({f"tree[{height}]": node}, f"tree[{height}]", "", of=int)
        if sorted(child for node in level for child in node) != list(range(below)):
            raise wrong(f"tree[{height}]", f"every position 0..{below - 1} once", level)
        tree.append(tuple(tuple(node) for node in level))
        below = len(level)
    return tuple(tree) or None


def _partition(item: dict[str, Any], where: str, sites: int, nodes: tuple[int, ...]) -> Partition:
    name = item.get("name")
    if not isinstance(name, str):
        raise wrong(where + "name", "a string", name)
    members = listed(item, "sites", where, of=int)
    if not all(0 <= site < sites for site in members):
        raise wrong(where + "sites", f"numbers of sites below {sites}", members)
    if not isinstance(item.get("exact"), bool):
        raise wrong(where + "exact", "true or false", item.get("exact"))
    return Partition(
        name,
        tuple(members),
        item["exact"],
        _cut(mapping(item, "min_cut", where), where + "min_cut.", (sites, *nodes)),
        *(_bound(optional(item, "rank_bounds", where), side, where) for side in ("upper", "lower")),
    )


def _bound(bounds: dict[str, Any], side: str, where: str) -> int | None:
    """The bound as an integer; a file may hold its decimal digits. None where it is endless."""
    bound = bounds.get(side)
    if isinstance(bound, str) and bound.isdecimal():
        return int(bound) if len(bound) < 300 else None
    if bound is not None and not is_int(bound):
        raise wrong(f"{where}rank_bounds.{side}", "an integer", bound)
    return bound


def _unique(names: list[str]) -> None:
    for i, name in enumerate(names):
        if name in names[:i]:
            raise wrong(f"partitions[{i}].name", "a name of its own", name)


def _cut(item: dict[str, Any], where: str, sizes: tuple[int, ...]) -> Cut:
    if "log" not in item:
        raise wrong(where + "log", "a number", None)
    edges = item.get("edges") or []
    if not isinstance(edges, list) or not all(_is_index(edge, sizes) for edge in edges):
        raise wrong(where + "edges", "a list of [level, position] in the network", edges)
    value = item.get("value")
    head = (number(item, "log", where), _pairs(item, "factors", where), None if value is None else str(value))
    if "indices" in item:
        return Cut(*head, (), (), *_severed(item, where))
    return Cut(*head, _pairs(item, "levels", where), tuple((level, position) for level, position in edges))


def _severed(item: dict[str, Any], where: str) -> tuple[Any, Any, Any]:
    """Indices, runs and side of a network's cut."""
    indices = listed(item, "indices", where, of=list)
    if not all(len(one) == 3 and is_int(one[0]) and isinstance(one[1], str) for one in indices):
        raise wrong(where + "indices", "lists of a number, a name and a dimension", indices)
    runs = mapping(item, "levels", where)
    return (
        tuple((one[0], one[1]) for one in indices),
        tuple((name, integer(runs, name, where + "levels.")) for name in runs),
        tuple(listed(item, "side", where, of=int)),
    )


def _is_index(edge: Any, sizes: tuple[int, ...]) -> bool:
    if not isinstance(edge, list) or len(edge) != 2 or not all(map(is_int, edge)):
        return False
    level, position = edge
    return bool(-1 <= level < len(sizes) - 1 and 0 <= position < sizes[level + 1])


def _pairs(item: dict[str, Any], key: str, where: str) -> tuple[tuple[int, int], ...]:
    try:
        return tuple(sorted((int(k), int(n)) for k, n in (item.get(key) or {}).items()))
    except (AttributeError, TypeError, ValueError):
        raise wrong(where + key, "an object of integers", item[key]) from None


def _measured(item: dict[str, Any], where: str, partitions: tuple[Partition, ...], source: dict[str, Any]) -> Measured:
    found = [p for p in partitions if p.name == item.get("partition")]
    if not found:
        raise wrong(where + "partition", "the name of one of the partitions", item.get("partition"))
    needed = "entropy" if found[0].exact else "renyi2"
    if needed not in item:
        raise wrong(where + needed, "a number or null", None)
    number_of = label(item, where)
    names = optional(source, "dataset", "").get("classes") or []
    known: dict[int | None, Any] = dict(enumerate(names))
    name = item.get("class", known.get(number_of, number_of))
    return Measured(
        found[0],
        number_of,
        str(name),
        _entropies(item, where, found[0].exact),
        _entropies(optional(item, "untrained", where), where + "untrained.", found[0].exact),
        None if item.get("rank") is None else integer(item, "rank", where),
        number(item, "rank_tolerance", where),
        number(item, "effective_rank", where),
        number(item, "geometric", where),
        _exact_rank(item, where),
    )


def _exact_rank(item: dict[str, Any], where: str) -> int | None:
    found = optional(item, "exact_rank", where)
    return None if found.get("value") is None else integer(found, "value", where + "exact_rank.")


def _entropies(item: dict[str, Any], where: str, exact: bool) -> Entropies:
    probabilities = item.get("probabilities") or []
    if not isinstance(probabilities, list) or not all(p is None or isinstance(p, (int, float)) for p in probabilities):
        raise wrong(where + "probabilities", "a list of numbers", probabilities)
    found, there = optional(item, "entropy_estimate", where), where + "entropy_estimate."
    return Entropies(
        number(item, "entropy", where),
        number(item, "renyi2", where),
        tuple(float(p) for p in probabilities if p is not None) if exact else (),
        number(found, "lower", there),
        number(found, "upper", there),
        str(found.get("method") or ""),
        number(found, "seconds", there),
    )


def _dataset(source: dict[str, Any]) -> None:
    dataset = optional(source, "dataset", "")
    for key in ("classes", "image_shape"):
        if dataset.get(key) is not None:
            listed(dataset, key, "dataset.", of=object)


def _training(source: dict[str, Any]) -> None:
    training = optional(source, "training", "")
    for key in ("accuracy", "seconds"):
        number(training, key, "training.")
    history = listed(training, "history", "training.") if training.get("history") else []
    for i, step in enumerate(history):
        integer(step, "step", f"training.history[{i}].")
        for key in ("loss", "train_accuracy", "validation_accuracy"):
            number(step, key, f"training.history[{i}].")
