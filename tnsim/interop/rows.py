"""Nodes that share a shape, put back into one bank. Uses naming and nodes; used by layers and general.

Views of one bank give back the bank itself, untouched. Others are stacked: the same array twice is one row, and rows
that a name promises to be equal are compared before they are believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import tensornetwork as tn
from jaxtyping import Num

from tnsim.banks import AnyArray
from tnsim.interop.naming import Name, parse
from tnsim.interop.nodes import BankNode


class Rows(NamedTuple):
    """A bank, its number of copies (0: the bank is one tensor), and the row that each node reads."""

    array: Num[AnyArray, "..."]
    copies: int
    slots: list[int]


def stacked(
    nodes: Sequence[tn.Node], flipped: Sequence[bool] = (), names: Sequence[Name] | None = None
) -> Rows:
    """The bank of nodes of one shape, in their order; flipped: which of them (matrices) are to be transposed.

    names: what the nodes' names say, where they can be trusted to number the rows (checked against the numbers).
    """
    flipped = flipped or [False] * len(nodes)
    return _viewed(nodes, flipped) or _copied(nodes, flipped, names)


def single(node: tn.Node, flipped: bool = False) -> Num[AnyArray, "..."]:
    """The numbers of one node."""
    return node.tensor.T if flipped else node.tensor


def names_of(nodes: Sequence[tn.Node]) -> list[Name] | None:
    """What the names of nodes say, where they agree on one bank and number its positions 0, 1, .. once each."""
    found = [parse(node.name) for node in nodes]
    names = [name for name in found if name is not None]
    if len(names) < len(found) or len({name.bank for name in names}) != 1:
        return None
    return names if {name.position for name in names} == set(range(len(names))) else None


def _viewed(nodes: Sequence[tn.Node], flipped: Sequence[bool]) -> Rows | None:
    """The bank that all nodes view, if there is one."""
    rows = [node.row if isinstance(node, BankNode) else None for node in nodes]
    first = rows[0]
    if first is None or first.slot is None or len(set(flipped)) != 1:
        return None
    array, slots = first.array, []
    for row in rows:
        if row is None or row.array is not array or row.slot is None:
            return None
        slots.append(row.slot)
    return Rows(jnp.swapaxes(array, 1, 2) if flipped[0] else array, len(array), slots)


def _copied(nodes: Sequence[tn.Node], flipped: Sequence[bool], names: Sequence[Name] | None) -> Rows:
    """The nodes' tensors stacked, as their names number them or else one row for each array object."""
    tensors = [node.tensor.T if flip else node.tensor for node, flip in zip(nodes, flipped, strict=True)]
    keys = [_identity(node, flip) for node, flip in zip(nodes, flipped, strict=True)]
    slots = _named_slots(tensors, keys, names)
    if slots is None:
        place: dict[Any, int] = {}
        slots = [place.setdefault(key, len(place)) for key in keys]
    first = _first(slots)
    return Rows(_stack([tensors[place] for place in first]), len(first), slots)


def _identity(node: tn.Node, flip: bool) -> tuple:
    """Equal for nodes that hold the very same numbers: one array object, or one row of it."""
    row = node.row if isinstance(node, BankNode) else None
    return (id(node.tensor), flip) if row is None else (id(row.array), row.slot, flip)


def _named_slots(tensors: Sequence[Any], keys: Sequence[tuple], names: Sequence[Name] | None) -> list[int] | None:
    """The rows that the names tell; None where they leave rows out, or promise equal rows that are not.

    Traced numbers cannot be compared: there only the same object is the same row.
    """
    slots = [name.slot for name in names or () if name.slot is not None]
    if len(slots) != len(tensors) or set(slots) != set(range(max(slots) + 1)):
        return None
    first = _first(slots)
    of_slot = [first[slot] for slot in slots]
    doubtful = [(i, place) for i, place in enumerate(of_slot) if keys[i] != keys[place]]
    if doubtful and _traced(tensors):
        return None
    pairs = [jax.device_get((tensors[i], tensors[place])) for i, place in doubtful]
    return slots if all(np.array_equal(a, b) for a, b in pairs) else None


def _first(slots: Sequence[int]) -> list[int]:
    """The first place of every slot 0, 1, .. in order."""
    first: dict[int, int] = {}
    for place, slot in enumerate(slots):
        first.setdefault(slot, place)
    return [first[slot] for slot in range(len(first))]


def _stack(tensors: Sequence[Any]) -> Any:
    """Tensors stacked: traced ones by JAX, others on the host, where a thousand small arrays cost little."""
    if _traced(tensors):
        return jnp.stack(tensors)
    array = np.stack(jax.device_get(list(tensors)))
    return array if all(isinstance(tensor, np.ndarray) for tensor in tensors) else jnp.asarray(array)


def _traced(tensors: Sequence[Any]) -> bool:
    return any(isinstance(tensor, jax.core.Tracer) for tensor in tensors)
