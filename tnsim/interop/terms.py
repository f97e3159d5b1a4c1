"""Tensors with named legs as a network: what every way in has in common. Uses naming; used by einsum, quimb and others.

    Term(("a", "b"), array), Term(("b", "c"), array), .. --> runs of indices, stacks by name or by shape, banks

What a slip of a name would make (a third leg on an index, a leg that ends nowhere) is refused unless it is allowed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Num

from tnsim.banks import AnyArray
from tnsim.interop.naming import Name, parse
from tnsim.interop.said import say_pieces
from tnsim.network import Indices, Network, Stack, Table, build

ALLOWED = ("copies", "traces", "sums", "parts")
EINSUM = ("copies", "traces", "sums")  # what an einsum says by itself: its definition sums over any repeated index
PLACE = re.compile(r"(?P<run>site)_(?P<place>\d+)|(?P<named>.+)\[(?P<at>\d+)\]")

Number = dict[Hashable, int]


class Term(NamedTuple):
    """A tensor: the names of its legs, its array (or only its shape and type), how errors call it, its own name."""

    legs: tuple[Hashable, ...]
    array: Any
    where: str
    name: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.array.shape)


class Group(NamedTuple):
    """Terms that read one bank: which, the row of each, and for every row a term that has it; 0 copies: no rows."""

    bank: str
    members: list[int]
    slots: list[int]
    rows: list[int]
    copies: int


def wired(
    terms: Sequence[Term],
    sites: Sequence[Hashable],
    outputs: Sequence[Hashable],
    allow: Collection[str] = (),
    named: bool = True,
    order: Sequence[Hashable] = (),
) -> tuple[Network, list[Group]]:
    """The network of terms, and which of them read which bank.

    named: indices keep their names and tensors the banks of theirs; else runs of one dimension, so that equal wirings
    are one network whatever they are called. order: named indices that are numbered first. allow: "copies", more than
    two ends on an index; "traces", an index twice in a tensor; "sums", an index with one end, summed over; "parts",
    several parts that share no index, multiplied, without the warning that says so.

    Raises ValueError for what is not allowed, two dimensions of one index, or sites and outputs that no tensor has.
    """
    dims = dimensions(terms)
    _check_open(dims, sites, outputs)
    _check_allowed(terms, [*sites, *outputs], allow)
    opened = [*sites, *outputs]
    number, runs = _by_name(dims, [*order, *opened]) if named else _by_dimension(dims, opened)
    groups = (_named(terms) if named else None) or _by_shape(terms)
    stacks = [_stack(terms, group, number) for group in groups]
    return build(runs, stacks, np.array([number[leg] for leg in sites], np.int32), [number[o] for o in outputs]), groups


def filled(terms: Sequence[Term], groups: Iterable[Group]) -> dict[str, Num[AnyArray, "..."]]:
    """The banks of groups: rows stacked, or the one array of a bank without rows."""
    return {
        group.bank: _bank([terms[row].array for row in group.rows]) if group.copies else terms[group.rows[0]].array
        for group in groups
    }


def dimensions(terms: Sequence[Term]) -> dict[Hashable, int]:
    """The dimension of every index, in the order in which the terms meet them. Raises ValueError for two of one."""
    dims: dict[Hashable, int] = {}
    for term in terms:
        if len(term.legs) != len(term.shape):
            raise ValueError(f"{term.where}: wanted {len(term.legs)} axes for {term.legs}, found shape {term.shape}")
        for leg, dim in zip(term.legs, term.shape, strict=True):
            if dims.setdefault(leg, dim) != dim:
                raise ValueError(
                    f"{term.where}: wanted dimension {dims[leg]} of index {leg!r}, found {dim} in shape {term.shape}"
                )
    return dims


def _check_open(dims: Mapping[Hashable, int], sites: Sequence[Hashable], outputs: Sequence[Hashable]) -> None:
    for name, opened in (("sites", sites), ("output", outputs)):
        for leg in opened:
            if leg not in dims:
                raise ValueError(f"{name}: wanted indices of the terms, found {leg!r} in {tuple(opened)}")


def _check_allowed(terms: Sequence[Term], opened: Sequence[Hashable], allow: Collection[str]) -> None:
    """Raises ValueError, or warns, for what a slip may have made."""
    if unknown := sorted(set(allow) - set(ALLOWED)):
        raise ValueError(f"allow: wanted some of {ALLOWED}, found {unknown[0]!r}")
    ends = Counter(opened)
    for term in terms:
        twice = next((leg for leg, count in Counter(term.legs).items() if count > 1), None)
        if twice is not None and "traces" not in allow:
            raise ValueError(f"{term.where}: wanted every index once, found {twice!r} twice; allow 'traces' if meant")
        ends.update(term.legs)
    for leg, count in ends.items():
        if count > 2 and "copies" not in allow:
            raise ValueError(f"index {leg!r}: wanted two ends, found {count}; allow 'copies' for a copy tensor")
        if count == 1 and "sums" not in allow:
            raise ValueError(
                f"index {leg!r}: wanted a second tensor, a site or an output, found none; allow 'sums' to sum over it"
            )
    if "parts" not in allow:
        say_pieces([term.legs for term in terms], stacklevel=5)


def split(output: Sequence[Hashable], sites: Sequence[Hashable]) -> tuple[Sequence[Hashable], Sequence[Hashable]]:
    """(sites, the other indices of an output in its order). Raises ValueError for sites that are not in it."""
    rest = list(output)
    for leg in sites:
        if leg not in rest:
            raise ValueError(f"sites: wanted indices of the output {tuple(output)}, each once, found {leg!r}")
        rest.remove(leg)
    return sites, rest


def _by_dimension(dims: Mapping[Hashable, int], opened: Sequence[Hashable]) -> tuple[Number, list[Indices]]:
    """A number for every index, the open ones first, then by dimension; and the runs of equal ones."""
    first = list(dict.fromkeys(opened))
    inner = sorted((index for index in dims if index not in set(first)), key=lambda index: dims[index])
    runs = [Indices(f"open_{place}", 1, dims[index]) for place, index in enumerate(first)]
    sizes = [dims[index] for index in inner]
    runs += [Indices(f"bond_{size}", sizes.count(size), size) for size in sorted(set(sizes))]
    runs = runs or [Indices("bond_1", 0, 1)]  # scalars alone
    return {index: place for place, index in enumerate([*first, *inner])}, runs


def _by_name(dims: Mapping[Hashable, int], first: Sequence[Hashable]) -> tuple[Number, list[Indices]]:
    """A number for every index, and runs by name: "site_0", "site_1", .. or "pool[0]", "pool[1]", .. are one run each.

    Names that begin with "_", as libraries draw them at random, are not kept: these indices are runs by dimension.
    """
    members: dict[tuple[str, str], list[tuple[int, Hashable]]] = {}
    for index in dict.fromkeys([*first, *dims]):
        match = PLACE.fullmatch(str(index))
        if str(index).startswith("_"):
            run = members.setdefault(("drawn", f"bond_{dims[index]}"), [])
            run.append((len(run), index))
        elif match is None:
            members.setdefault(("single", str(index)), []).append((0, index))
        else:
            run = members.setdefault(("run", match["run"] or match["named"]), [])
            run.append((int(match["place"] or match["at"]), index))
    order: list[Hashable] = []
    runs: list[Indices] = []
    for (kind, name), run in members.items():
        placed = [index for _, index in sorted(run, key=lambda member: member[0])]
        sizes = {dims[index] for index in placed}
        whole = len(sizes) == 1 and sorted(place for place, _ in run) == list(range(len(run)))
        if kind == "drawn" or (whole and len(run) > 1):
            runs.append(Indices(name, len(run), sizes.pop()))
        else:
            runs += [Indices(str(index), 1, dims[index]) for index in placed]
        order += placed
    return {index: number for number, index in enumerate(order)}, runs or [Indices("bond_1", 0, 1)]


def _by_shape(terms: Sequence[Term]) -> list[Group]:
    """Terms of one shape and type, a row for each array object."""
    members: dict[tuple, list[int]] = {}
    for place, term in enumerate(terms):
        members.setdefault((term.shape, str(term.array.dtype)), []).append(place)
    return [_group(f"tensors_{k}", places, [id(terms[p].array) for p in places]) for k, places in
            enumerate(members.values())]  # fmt: skip


def _group(bank: str, members: list[int], keys: Sequence[Hashable]) -> Group:
    """A group with a row for each key, in the order in which they come."""
    rows: dict[Hashable, int] = {}
    first: list[int] = []
    for member, key in zip(members, keys, strict=True):
        if key not in rows:
            rows[key] = len(rows)
            first.append(member)
    return Group(bank, members, [rows[key] for key in keys], first, len(rows))


def _named(terms: Sequence[Term]) -> list[Group] | None:
    """Groups by the banks that the names tell ("conv_0[1]/3"); None unless all names are right."""
    found: dict[str, list[tuple[Name, int]]] = {}
    for place, term in enumerate(terms):
        name = parse(term.name)
        if name is None:
            return None
        found.setdefault(name.bank, []).append((name, place))
    groups = [_named_group(terms, bank, sorted(met, key=lambda m: m[0].position)) for bank, met in found.items()]
    right = [group for group in groups if group is not None]
    return right if len(right) == len(groups) else None


def _named_group(terms: Sequence[Term], bank: str, members: list[tuple[Name, int]]) -> Group | None:
    """One bank's group, if its tensors are of one kind, numbered on, and rows of one number are equal."""
    places = [place for _, place in members]
    kinds = {(terms[place].shape, str(terms[place].array.dtype)) for place in places}
    if len(kinds) != 1 or [name.position for name, _ in members] != list(range(len(members))):
        return None
    if len(members) == 1 and members[0][0].slot is None:
        return Group(bank, places, [0], places, 0)
    rows: dict[int, int] = {}
    for name, place in members:
        if name.slot is None or not _same(terms[rows.setdefault(name.slot, place)].array, terms[place].array):
            return None
    if set(rows) != set(range(len(rows))):
        return None
    slots = [name.slot for name, _ in members if name.slot is not None]
    return Group(bank, places, slots, [rows[slot] for slot in range(len(rows))], len(rows))


def _same(one: Any, other: Any) -> bool:
    """Whether two arrays are the same bits, or have none."""
    if one is other or isinstance(one, jax.ShapeDtypeStruct):
        return True
    if isinstance(one, jax.core.Tracer) or isinstance(other, jax.core.Tracer):
        return False
    return np.asarray(one).tobytes() == np.asarray(other).tobytes()


def _stack(terms: Sequence[Term], group: Group, number: Number) -> Stack:
    legs = np.array([[number[leg] for leg in terms[place].legs] for place in group.members], dtype=np.int32)
    shape = terms[group.members[0]].shape
    return Stack(group.bank, group.copies, shape, Table(group.slots), Table(legs.reshape(len(legs), len(shape))))


def _bank(rows: Sequence[Any]) -> Num[AnyArray, "rows *shape"]:
    """Stacked on the host, where a thousand small arrays cost little, unless they are traced."""
    if any(isinstance(row, jax.core.Tracer) for row in rows):
        return jnp.stack(rows)
    array = np.stack(jax.device_get(list(rows)))
    return jnp.asarray(array) if any(isinstance(row, jax.Array) for row in rows) else array
