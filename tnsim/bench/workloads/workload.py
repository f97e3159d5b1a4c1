"""What a workload is: numbers from a seed, the question as einsums, its least cost, its answer. Uses cases; no JAX.

    case --inputs--> arrays --[einsums: any contender, any framework]--> tensors --answer--> one vector, of order 1

An answer holds numbers of order 1 only (logarithms where ranges are wide), so that one tolerance serves all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import opt_einsum
from jaxtyping import Num

from tnsim.bench.cases import Case

Arrays = dict[str, Num[np.ndarray, "..."]]
Answer = Num[np.ndarray, "numbers"]


class Floor(NamedTuple):
    """The least that any method does in one run: scalar multiply-adds (of reals or complex numbers), bytes of inputs
    read once and outputs written once, and exponentials or logarithms."""

    multiply_adds: float
    bytes: float
    transcendentals: float = 0.0


class Operand(NamedTuple):
    """One tensor of an einsum: array `name`, cut at `place` of `axis`; all of it where axis is None."""

    name: str
    axis: int | None = None
    place: int = 0


class Letters(NamedTuple):
    """An einsum's wiring with letters as indices, as libraries take it: terms, the result's, sizes."""

    terms: tuple[tuple[str, ...], ...]
    output: tuple[str, ...]
    sizes: dict[str, int]


class Einsum(NamedTuple):
    """A contraction over hyperedges: terms[i] are the indices of operands[i], sizes those of all indices.

    path: the pairs to contract, in opt_einsum's counting, where all contenders must keep to one; else None.
    """

    terms: tuple[tuple[int, ...], ...]
    output: tuple[int, ...]
    sizes: dict[int, int]
    operands: tuple[Operand, ...]
    path: tuple[tuple[int, ...], ...] | None = None

    @property
    def letters(self) -> Letters:
        """The same with a letter for every index."""
        symbol = {index: opt_einsum.get_symbol(place) for place, index in enumerate(self.sizes)}
        terms = tuple(tuple(symbol[index] for index in term) for term in self.terms)
        output = tuple(symbol[index] for index in self.output)
        return Letters(terms, output, {symbol[index]: size for index, size in self.sizes.items()})

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shape of every operand."""
        return tuple(tuple(self.sizes[index] for index in term) for term in self.terms)


def cut(arrays: Mapping[str, Any], operands: Sequence[Operand], unbind: Callable[[Any, int], Sequence[Any]]) -> list:
    """The operands from whole arrays, in any framework; unbind(array, axis) gives all slices in one operation."""
    axes = {operand.name: operand.axis for operand in operands if operand.axis is not None}
    slices = {name: unbind(arrays[name], axis) for name, axis in axes.items()}
    return [arrays[o.name] if o.axis is None else slices[o.name][o.place] for o in operands]


@dataclass(frozen=True)
class Workload:
    """A question of the benchmark.

    about: a line for the report. tolerance: by which answers may differ, relative to 1 + |answer|. inputs: arrays of
    a case, equal in every process. floor: the least work. einsums: the question as contractions of the inputs.
    answer: the numbers to compare, from the contracted tensors.
    """

    name: str
    about: str
    tolerance: float
    inputs: Callable[[Case], Arrays]
    floor: Callable[[Case], Floor]
    einsums: Callable[[Case], tuple[Einsum, ...]]
    answer: Callable[[Case, Sequence[Num[np.ndarray, "..."]]], Answer]

    def theory(self, case: Case) -> float:
        """The cost that a scaling law is fitted against: multiply-adds of the natural contraction."""
        return self.floor(case).multiply_adds


def real(numbers: Any) -> Answer:
    """Numbers as one float64 vector, a complex one as its real and its imaginary part."""
    flat = np.asarray(numbers).ravel()
    parts = np.stack([flat.real, flat.imag], axis=1).ravel() if np.iscomplexobj(flat) else flat
    return parts.astype(np.float64)
