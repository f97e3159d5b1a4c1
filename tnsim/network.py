"""A network is a static hypergraph over banks of parameters: wiring only, no numbers. The ground floor.

    bank "conv_0" (copies, r, M)        index (hyperedge)
        |                                    |
    stack of tensors: tensor i is bank[slots[i]], its leg k belongs to index legs[i, k]

An index joined by two legs is an edge, by more a copy tensor; a leg count of one leaves it open. The wiring is
held as integer tables per stack, so that 2^20 sites are a few arrays; single tensors are views made on demand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple
from weakref import WeakValueDictionary

import numpy as np
from jaxtyping import Int


class Table:
    """An immutable integer array that compares by content and keeps its hash (hashing anew costs ms a call)."""

    __slots__ = ("_digest", "_hash", "array")

    def __init__(self, values) -> None:
        array = np.array(values, dtype=np.int32)
        array.setflags(write=False)
        self.array: Int[np.ndarray, "..."] = array
        self._digest = hashlib.blake2b(array.tobytes(), digest_size=16).digest()
        self._hash = hash((self._digest, array.shape))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Table) and self._digest == other._digest and self.array.shape == other.array.shape

    def __len__(self) -> int:
        return len(self.array)

    def __repr__(self) -> str:
        return f"Table(shape={self.array.shape})"

    def __getstate__(self):
        return self.array

    def __setstate__(self, array) -> None:
        self.__init__(array)  # type: ignore[misc]


@dataclass(frozen=True)
class Indices:
    """A run of `count` indices of one dimension, numbered on from the runs before it."""

    name: str
    count: int
    dim: int


@dataclass(frozen=True)
class Stack:
    """Equal-shaped tensors that read one bank: tensor i is `bank[slots[i]]`, leg k of it joins index `legs[i, k]`."""

    bank: str
    copies: int
    shape: tuple[int, ...]
    slots: Table
    legs: Table

    @property
    def count(self) -> int:
        return len(self.slots)

    @property
    def bank_shape(self) -> tuple[int, ...]:
        """Shape of the whole bank, (copies, *shape); 0 copies: one tensor, without that axis."""
        return self.shape if self.copies == 0 else (self.copies, *self.shape)


class TensorView(NamedTuple):
    """One tensor of a network: slice `slot` of `bank`, on the indices `legs` of dimensions `shape`."""

    bank: str
    slot: int
    shape: tuple[int, ...]
    legs: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Network:
    """Static, hashable wiring. Equal wirings are one object (see `build`), so nothing is compiled twice.

    indices: runs of indices; sites: the open index of every site, in site order; outputs: the open indices that
    are no sites (the class leg of a classifier).
    """

    indices: tuple[Indices, ...]
    stacks: tuple[Stack, ...]
    sites: Table
    outputs: tuple[int, ...]
    _hash: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash(self._key))

    @property
    def _key(self) -> tuple:
        return (self.indices, self.stacks, self.sites, self.outputs)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Network) and self._hash == other._hash and self._key == other._key

    def __reduce__(self):
        return (build, self._key)

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """First index number of every run, and the total last."""
        return tuple(int(o) for o in np.cumsum([0, *(run.count for run in self.indices)]))

    @cached_property
    def dims(self) -> Int[np.ndarray, "indices"]:
        """Dimension of every index."""
        return np.repeat([run.dim for run in self.indices], [run.count for run in self.indices])

    @cached_property
    def leg_counts(self) -> Int[np.ndarray, "indices"]:
        """How many legs join each index: those of tensors, and one for each open end."""
        ends = [stack.legs.array.ravel() for stack in self.stacks]
        ends += [self.sites.array, np.array(self.outputs, dtype=np.int32)]
        return np.bincount(np.concatenate(ends), minlength=self.offsets[-1])

    @property
    def bank_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every bank, by name, in the order of the stacks."""
        return {stack.bank: stack.bank_shape for stack in self.stacks}

    @property
    def tensor_count(self) -> int:
        return sum(stack.count for stack in self.stacks)

    def tensors(self) -> Iterator[TensorView]:
        """Every tensor in turn, as a view of its stack."""
        for stack in self.stacks:
            for slot, legs in zip(stack.slots.array.tolist(), stack.legs.array.tolist(), strict=True):
                yield TensorView(stack.bank, slot, stack.shape, tuple(legs))

    def index_name(self, index: int) -> str:
        """Name of an index: its run's name and its place there, "site_3" or "pool_0[2]"."""
        run = int(np.searchsorted(self.offsets, index, side="right")) - 1
        name, place = self.indices[run].name, index - self.offsets[run]
        if self.indices[run].count == 1:
            return name
        return f"{name}_{place}" if name == "site" else f"{name}[{place}]"

    def __repr__(self) -> str:
        return (
            f"Network({len(self.sites)} sites, {self.tensor_count} tensors in {len(self.stacks)} stacks, "
            f"{self.offsets[-1]} indices)"
        )


_interned: WeakValueDictionary[tuple, Network] = WeakValueDictionary()


def build(indices, stacks, sites, outputs) -> Network:
    """Check the wiring, and return the one Network object for it.

    Raises ValueError where a leg, site or output names no index, a dimension differs from its index's, or a tensor
    reads a row that its bank does not have.
    """
    network = Network(
        tuple(run if isinstance(run, Indices) else Indices(*run) for run in indices),
        tuple(stacks),
        Table(sites.array if isinstance(sites, Table) else sites),
        tuple(int(o) for o in outputs),
    )
    known = _interned.get(network._key)
    if known is not None:
        return known
    total = network.offsets[-1]
    for stack in network.stacks:
        _in_range(f"slots of bank {stack.bank!r}", "rows", stack.slots.array, max(stack.copies, 1))
        _in_range(f"legs of bank {stack.bank!r}", "indices", stack.legs.array, total)
        _fitting(network, stack)
    _in_range("sites", "indices", network.sites.array, total)
    _in_range("outputs", "indices", np.array(network.outputs, dtype=np.int32), total)
    return _interned.setdefault(network._key, network)


def _fitting(network: Network, stack: Stack) -> None:
    """Raises ValueError where a leg's dimension is not its index's: names the first such tensor, leg and index."""
    met = network.dims[stack.legs.array]
    if (met == np.array(stack.shape)).all():
        return
    tensor, axis = (int(place) for place in np.argwhere(met != np.array(stack.shape))[0])
    index = int(stack.legs.array[tensor, axis])
    raise ValueError(
        f"legs of bank {stack.bank!r}: wanted dimension {stack.shape[axis]} on axis {axis} of tensor {tensor}, of "
        f"shape {stack.shape}, found {met[tensor, axis]} of index {index}, {network.index_name(index)!r}"
    )


def _in_range(name: str, what: str, numbers: Int[np.ndarray, "..."], total: int) -> None:
    if numbers.size and not (numbers.min() >= 0 and numbers.max() < total):
        raise ValueError(f"{name}: wanted {what} in 0..{total - 1}, found {numbers.min()}..{numbers.max()}")
