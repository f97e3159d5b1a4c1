"""Steps for tensors in groups that meet as wholes: an order of the groups, then products within it. Uses clusters.

    groups --[clusters.order]--> merges --[each cluster formed, in the best order of its tensors]--> steps, a path

For copies of one network laid over each other, a group a place: what crosses the border of a group is there in every
copy. What is larger than the cluster it goes into is never formed, its tensors join one by one. Used by finders.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from math import exp, log
from typing import NamedTuple

import opt_einsum

from tnsim.contract.clusters import LARGEST, Merge, Shape, Sizes, order

FEW = 6  # tensors up to which the best of all orders is looked for
ONE = Sizes(lambda a, b, bond: (1, 1))  # no sides: a cluster holds what its bonds do

Axes = frozenset[int]
Groups = Sequence[Sequence[int]]


class Step(NamedTuple):
    """Tensors `left` and `right` (numbered on from those given) become the next one, over the axes `kept`."""

    left: int
    right: int
    kept: Axes


class Steps(NamedTuple):
    """All steps. clusters: the tensor that each merge made, -1 where it was not formed; terms: axes of all tensors."""

    steps: tuple[Step, ...]
    clusters: tuple[int, ...]
    terms: tuple[Axes, ...]


def path_of(
    terms: Sequence[Sequence[int]], groups: Groups, opened: Iterable[int], dims: Sequence[int]
) -> tuple[tuple[int, ...], ...]:
    """A path over tensors in groups, each in one: places taken out of the list, the product appended."""
    axes, ends = [frozenset(term) for term in terms], frozenset(opened)
    within = [frozenset[int]().union(*(axes[member] for member in group)) for group in groups]
    uses = Counter(axis for its in within for axis in its)
    uses.update(ends)
    shapes = [Shape(1, 1, frozenset(axis for axis in sorted(its) if uses[axis] > 1)) for its in within]
    held = [sum(_numbers(axes[member], dims) for member in group) for group in groups]
    found = order(shapes, dims, ONE, held, ends)
    bonds = [shape.bonds for shape in shapes] + [merge.bonds for merge in found.merges]
    return _places(steps_of(axes, groups, bonds, found.merges, dims).steps, len(terms))


def steps_of(
    terms: Sequence[Axes], groups: Groups, bonds: Sequence[Axes], merges: Sequence[Merge], dims: Sequence[int],
    formed: bool = False,
) -> Steps:  # fmt: skip
    """Steps along merges of groups. bonds: what each group, then each merge, shares with the rest; formed: whether
    every cluster becomes a tensor, also where that is large."""
    found = _Steps(terms, dims)
    members = [list(group) for group in groups]
    room = [_numbers(bond, dims) for bond in bonds]
    above = {n: k for k, merge in enumerate(merges, len(groups)) for n in (merge.left, merge.right)}
    clusters = []
    for number, bond in enumerate(bonds):
        merged = number - len(groups)
        if merged >= 0:
            members.append([*members[merges[merged].left], *members[merges[merged].right]])
        if (formed and merged >= 0) or room[number] <= room[above.get(number, number)]:
            members[number] = [found.form(members[number], bond)]
        if merged >= 0:
            clusters.append(members[number][0] if len(members[number]) == 1 else -1)
    return Steps(tuple(found.steps), tuple(clusters), tuple(found.terms))


class _Steps:
    def __init__(self, terms: Sequence[Axes], dims: Sequence[int]) -> None:
        self.terms, self.dims, self.steps = list(terms), dims, list[Step]()

    def form(self, members: list[int], outside: Axes) -> int:
        """The product of tensors, in an order found for them alone."""
        axes = dict.fromkeys(axis for member in members for axis in sorted(self.terms[member]))
        name = {axis: place for place, axis in enumerate(axes)}
        local = tuple(frozenset(name[axis] for axis in self.terms[member]) for member in members)
        path = _path(local, frozenset(name[axis] for axis in outside), tuple(self.dims[axis] for axis in name))
        left, uses = list(members), Counter(axis for member in members for axis in self.terms[member])
        uses.update(outside)
        for places in path:
            taken = [left.pop(place) for place in sorted(places, reverse=True)]
            left.append(taken[0] if len(taken) == 1 else self._step(taken[1], taken[0], uses))
        return left[0]

    def _step(self, one: int, other: int, uses: Counter) -> int:
        shared = self.terms[one] & self.terms[other]
        uses.subtract(shared)
        kept = (self.terms[one] | self.terms[other]) - {axis for axis in shared if uses[axis] == 1}
        self.steps.append(Step(one, other, kept))
        self.terms.append(kept)
        return len(self.terms) - 1


def _numbers(term: Collection[int], dims: Sequence[int]) -> float:
    return exp(min(sum(log(dims[axis]) for axis in term), LARGEST))


def _places(steps: Sequence[Step], count: int) -> tuple[tuple[int, ...], ...]:
    """Steps between numbered tensors as places in the list of those that are left."""
    left, path = list(range(count)), []
    for number, step in enumerate(steps, start=count):
        places = sorted((left.index(step.left), left.index(step.right)))
        for place in reversed(places):
            left.pop(place)
        left.append(number)
        path.append(tuple(places))
    return tuple(path)


@lru_cache(maxsize=4096)
def _path(terms: tuple[Axes, ...], outside: Axes, dims: tuple[int, ...]):
    if len(terms) == 1:
        return ((0,),)
    search = opt_einsum.paths.optimal if len(terms) <= FEW else opt_einsum.paths.greedy
    return tuple(search(list(terms), outside, dict(enumerate(dims))))
