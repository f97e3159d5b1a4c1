"""A path written out: which tensors meet in which step, and what that costs. Uses network; used by finders and plan.

    tensors 0 .. n-1 --[tidy: diagonals, lonely indices]--> --[step: two tensors]--> n + 1, n + 2, .. --> the result

A hyperedge is one index of as many tensors as it joins, summed when the last of them is met. Cost convention of this
package: scalar multiply-adds, the product of all dimensions in a step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import NamedTuple

from tnsim.network import Network

Term = tuple[int, ...]  # the indices of a tensor, an axis each


class Step(NamedTuple):
    """Contract the tensors numbered `operands` (one or two) with these `terms` into a tensor over `kept`."""

    operands: tuple[int, ...]
    terms: tuple[Term, ...]
    kept: Term


class Walk(NamedTuple):
    """All steps along a path. terms: of the network's tensors; opened: the open indices, each once; dims: by index."""

    terms: tuple[Term, ...]
    steps: tuple[Step, ...]
    opened: Term
    dims: tuple[int, ...]


def terms_of(network: Network) -> tuple[Term, ...]:
    """The indices of every tensor of a network."""
    return tuple(tensor.legs for tensor in network.tensors())


def opened_of(network: Network) -> Term:
    """The open indices, sites then outputs, each once."""
    return tuple(dict.fromkeys([*network.sites.array.tolist(), *network.outputs]))


def walk(network: Network, path: Sequence[tuple[int, ...]], sliced: Iterable[int] = ()) -> Walk:
    """The steps of a path; each entry takes the operands at these places out of the list and appends the result.

    sliced: indices left out of all terms, as in one slice.

    Raises ValueError where the path names a place that is not there, or leaves more than one tensor.
    """
    gone, dims = set(sliced), network.dims.tolist()
    terms = tuple(tuple(index for index in term if index not in gone) for term in terms_of(network))
    opened = tuple(index for index in opened_of(network) if index not in gone)
    steps = tuple(_steps(terms, opened, path))
    return Walk(terms, steps, opened, tuple(int(dim) for dim in dims))


def _steps(terms: Sequence[Term], opened: Term, path: Sequence[tuple[int, ...]]) -> Iterator[Step]:
    uses = Counter([index for term in terms for index in set(term)] + list(opened))
    left: list[tuple[int, Term]] = []
    number = len(terms)
    for place, term in enumerate(terms):
        kept = tuple(index for index in dict.fromkeys(term) if uses[index] > 1)
        if kept != term:
            yield Step((place,), (term,), kept)
            place, number = number, number + 1
        left.append((place, kept))
    for places in path:
        taken = _take(left, places)
        while len(taken) > 1:
            (first, one), (second, other), *rest = taken
            kept = _kept(uses, one, other)
            yield Step((first, second), (one, other), kept)
            taken, number = [(number, kept), *rest], number + 1
        left.append(taken[0])
    if len(left) != 1:
        raise ValueError(f"path: wanted one tensor at its end, found {len(left)} left")


def _kept(uses: Counter, one: Term, other: Term) -> Term:
    """Indices that another tensor or the outside still has; `uses` is brought up to date."""
    shared = set(one) & set(other)
    uses.subtract(shared)  # two tensors have it, their result is one
    involved = dict.fromkeys((*one, *other))
    kept = tuple(index for index in involved if uses[index] > 1 or index not in shared)
    return kept


def _take(left: list[tuple[int, Term]], places: Iterable[int]) -> list[tuple[int, Term]]:
    """Take the operands at these places out, the last place first, so that places stay right."""
    ordered = sorted(places, reverse=True)
    if not ordered or ordered[0] >= len(left) or ordered[-1] < 0 or len(set(ordered)) != len(ordered):
        raise ValueError(f"path: wanted different places in 0..{len(left) - 1}, found {tuple(places)}")
    return [left.pop(place) for place in ordered][::-1]


def size(term: Term, dims: Sequence[int] | Mapping[int, int]) -> int:
    """Numbers in a tensor."""
    return prod(dims[index] for index in term)


class Costs(NamedTuple):
    """What a walk costs. multiply_adds; largest: numbers in the largest tensor; moved: numbers read and written over
    all steps; peak: most numbers alive at once along the path, inputs (always alive) and result included."""

    multiply_adds: int
    largest: int
    moved: int
    peak: int


def costs(found: Walk, sliced: Iterable[int] = ()) -> Costs:
    """Costs of all slices together; largest and peak of one slice, beside whole inputs and the whole result."""
    gone = set(sliced)
    dims = [1 if index in gone else dim for index, dim in enumerate(found.dims)]
    times = prod(found.dims[index] for index in gone)
    inputs = sum(size(term, found.dims) for term in found.terms)
    sizes = [size(term, dims) for term in found.terms]
    flops = moved = 0
    alive = peak = 0
    for step in found.steps:
        result = size(step.kept, dims)
        operands = [size(term, dims) for term in step.terms]
        flops += size(tuple({index for term in step.terms for index in term}), dims)
        moved += sum(operands) + result
        alive += result
        peak = max(peak, alive)
        alive -= sum(n for n, number in zip(operands, step.operands, strict=True) if number >= len(found.terms))
        sizes.append(result)
    whole = size(found.opened, found.dims)
    extra = whole if gone else 0
    return Costs(times * flops, max([*sizes, whole]), times * moved, inputs + max(peak, sizes[-1]) + extra)

