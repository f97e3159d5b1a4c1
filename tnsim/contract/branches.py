"""A tree of tensors of any shape: groups of equal ones, chains of groups, one direction. Uses network; used by sweep.

    site 0 --[a]--.                           group: tensors of one stack whose legs lead to the same groups
    site 1 --[a]--+--[b]--[b]-- .. --[b]-- class       chain: groups of one form, each fed by the one before it
    site 2 --[a]--'

Every tensor has one leg up, towards the output (or the middle, where there is none); what comes up an index is the
product of what the tensors and the site below it give. One loop is opened by fixing the index of it that is farthest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from tnsim.network import Network

Rows = tuple[int, ...]
SITES, CUT = -1, -2  # sources that are no groups
REPEATS = 8  # groups; fewer are compiled one by one: a loop has its own cost


class NotTree(ValueError):  # noqa: N818  (a finding: callers then plan a path)
    """The network has two loops or more, several outputs or several parts, so that no sweep of vectors contracts it."""


class Source(NamedTuple):
    """A factor of the vectors that enter a leg: of each tensor of the group, that row of this group's, or site."""

    group: int
    rows: Rows


class Inlet(NamedTuple):
    """A leg that leads down, and the factors of the vectors there."""

    axis: int
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Group:
    """Tensors `slots` of a bank that are contracted at once; up: the leg that leads up, None at the very top."""

    bank: str
    shape: tuple[int, ...]
    slots: Rows
    up: int | None
    inlets: tuple[Inlet, ...]

    @property
    def count(self) -> int:
        return len(self.slots)

    def form(self, carried: int) -> tuple:
        """What groups must share to be steps of one chain that carries the vectors of group `carried`."""
        sources = tuple((leg.axis, tuple(_named(s.group, carried) for s in leg.sources)) for leg in self.inlets)
        return (self.bank, self.shape, self.count, self.up, sources)


def _named(group: int, carried: int) -> int | None:
    return None if group == carried else group


class Step(NamedTuple):
    """Groups in a row, each carrying on the one before; the first carries on `start`. A single group has no start."""

    groups: Rows
    start: int | None = None


@dataclass(frozen=True, eq=False)
class Branches:
    """groups, in an order in which each comes after its sources; steps over them; top: what meets in the output."""

    groups: tuple[Group, ...]
    steps: tuple[Step, ...]
    top: tuple[Source, ...]
    cut: int | None  # dimension of the index that is fixed


Ends = list[list[tuple[int, int]]]  # of every index: (tensor, axis)


@lru_cache(maxsize=128)
def branches(network: Network) -> Branches:
    """The groups and chains of a tree, or of a network with one loop. Raises NotTree for any other."""
    legs = [tensor.legs for tensor in network.tensors()]
    ends: Ends = [[] for _ in range(network.offsets[-1])]
    for tensor, row in enumerate(legs):
        for axis, index in enumerate(row):
            ends[index].append((tensor, axis))
    _check_ends(network, legs)
    cut = _loop(legs, ends, network)
    ups = _upward(legs, ends, network, cut)
    groups, top = _grouped(network, legs, ends, ups, cut)
    return Branches(tuple(groups), tuple(_steps(groups)), top, None if cut is None else int(network.dims[cut]))


def _check_ends(network: Network, legs: Sequence[Rows]) -> None:
    sites = network.sites.array.tolist()
    if len(network.outputs) > 1 or len(set(sites)) < len(sites) or set(sites) & set(network.outputs):
        raise NotTree("outputs: wanted at most one, and sites that are open once")
    if any(len(set(row)) < len(row) for row in legs) or not legs:
        raise NotTree("legs: wanted tensors, each with every index at most once")


def _loop(legs: Sequence[Rows], ends: Ends, network: Network) -> int | None:
    """The index to fix; None where there is no loop. What is left once ends are taken off again and again is loops."""
    degrees = [len(found) for found in ends]
    arms = [len(row) for row in legs]
    loops = sum(arms) - len(legs) - sum(degree > 0 for degree in degrees) + 1
    if loops == 0:
        return None
    if loops != 1:
        raise NotTree(f"loops: wanted one at most, found {loops}")
    lonely = [("index", i) for i, degree in enumerate(degrees) if degree == 1]
    lonely += [("tensor", t) for t, count in enumerate(arms) if count == 1]
    while lonely:
        kind, number = lonely.pop()
        if kind == "index":
            degrees[number] = 0
            for tensor, _ in ends[number]:
                arms[tensor] -= 1
                if arms[tensor] == 1:
                    lonely.append(("tensor", tensor))
        else:
            arms[number] = 0
            for index in legs[number]:
                degrees[index] -= degrees[index] > 0
                if degrees[index] == 1:
                    lonely.append(("index", index))
    around = [index for index, degree in enumerate(degrees) if degree > 1]
    far = _distances(legs, ends, _middle(legs, ends, network, None))
    least = min(int(network.dims[index]) for index in around)
    return max((i for i in around if network.dims[i] == least), key=lambda i: far[i])


def _middle(legs: Sequence[Rows], ends: Ends, network: Network, cut: int | None) -> int:
    """The index at the top: the output, or else one in the middle of the longest way."""
    if network.outputs:
        return network.outputs[0]
    first = next(index for index, found in enumerate(ends) if found and index != cut)
    one = _far(_distances(legs, ends, first, cut))
    distances = _distances(legs, ends, one, cut)
    index, way = _far(distances), []
    while distances[index]:
        way.append(index)
        index = next(i for t, _ in ends[index] for i in legs[t] if distances.get(i, -1) == distances[index] - 1)
    return way[len(way) // 2] if way else one


def _far(distances: dict[int, int]) -> int:
    return max(distances, key=lambda index: distances[index])


def _distances(legs: Sequence[Rows], ends: Ends, start: int, cut: int | None = None) -> dict[int, int]:
    """Tensors between an index and every other."""
    found, frontier = {start: 0}, [start]
    while frontier:
        after = []
        for index in frontier:
            for tensor, _ in ends[index]:
                for other in legs[tensor]:
                    if other not in found and other != cut:
                        found[other] = found[index] + 1
                        after.append(other)
        frontier = after
    return found


def _upward(legs: Sequence[Rows], ends: Ends, network: Network, cut: int | None) -> dict[int, int | None]:
    """The leg of every tensor that leads up, tensors nearer to the top first."""
    top = _middle(legs, ends, network, cut)
    ups: dict[int, int | None] = {}
    frontier = [top]
    if not network.outputs:  # a tensor stands at the very top
        first, _ = ends[top][0]
        ups[first] = None
        frontier = [index for index in legs[first] if index != cut]
    while frontier:
        after = []
        for index in frontier:
            for tensor, axis in ends[index]:
                if tensor not in ups:
                    ups[tensor] = axis
                    after += [other for other in legs[tensor] if other not in (index, cut)]
        frontier = after
    if len(ups) != len(legs):
        raise NotTree("tensors: wanted all in one part")
    return ups


def _grouped(network: Network, legs: Sequence[Rows], ends: Ends, ups: dict[int, int | None], cut: int | None):
    """Groups, those of the lowest tensors first, and what meets in the output."""
    views = list(network.tensors())
    stack_of = [number for number, stack in enumerate(network.stacks) for _ in range(stack.count)]
    site_of = {index: site for site, index in enumerate(network.sites.array.tolist())}
    at: dict[int, tuple[int, int]] = {}  # tensor: group, row
    groups: list[Group] = []

    def sources(index: int, above: int | None) -> list[tuple[int, int]]:
        if index == cut:
            return [(CUT, 0)]
        own = [(SITES, site_of[index])] if index in site_of else []
        return own + sorted(at[tensor] for tensor, _ in ends[index] if tensor != above)

    for level in _levels(legs, ends, ups, cut):
        classes: dict[tuple, list[tuple[int, list[list[tuple[int, int]]]]]] = {}
        for tensor in sorted(level):
            axes = [axis for axis in range(len(legs[tensor])) if axis != ups[tensor]]
            found = [sources(legs[tensor][axis], tensor) for axis in axes]
            kinds = tuple(tuple(group for group, _ in leg) for leg in found)
            classes.setdefault((stack_of[tensor], ups[tensor], tuple(axes), kinds), []).append((tensor, found))
        for (_, up, axes, kinds), members in classes.items():
            at |= {tensor: (len(groups), row) for row, (tensor, _) in enumerate(members)}
            inlets = tuple(
                Inlet(axis, tuple(
                    Source(group, tuple(found[leg][factor][1] for _, found in members))
                    for factor, group in enumerate(kinds[leg])
                )) for leg, axis in enumerate(axes)
            )  # fmt: skip
            one = views[members[0][0]]
            groups.append(Group(one.bank, one.shape, tuple(views[t].slot for t, _ in members), up, inlets))
    if not network.outputs:
        return groups, (Source(len(groups) - 1, (0,)),)
    return groups, tuple(Source(group, (row,)) for group, row in sources(network.outputs[0], None))


def _levels(legs: Sequence[Rows], ends: Ends, ups: dict[int, int | None], cut: int | None) -> list[list[int]]:
    """Tensors by height: every one above all that it stands on."""
    height: dict[int, int] = {}
    for tensor in reversed(list(ups)):
        up = ups[tensor]
        below = [index for axis, index in enumerate(legs[tensor]) if axis != up and index != cut]
        height[tensor] = max((height[t] + 1 for index in below for t, _ in ends[index] if t != tensor), default=0)
    levels: list[list[int]] = [[] for _ in range(max(height.values()) + 1)]
    for tensor, level in height.items():
        levels[level].append(tensor)
    return levels


def _steps(groups: Sequence[Group]) -> Iterator[Step]:
    """Every group once, those of one chain together, at the place of its last."""
    after = _followers(groups)
    last: dict[int, Step] = {}
    taken: set[int] = set()
    for start in range(len(groups)):
        if start not in taken or start in last:
            run = _run(groups, after, start)
            if len(run) > REPEATS:
                last[run[-1]] = Step(tuple(run[1:]), start)
                taken.update(run[1:])
    for number in range(len(groups)):
        if number in last:
            yield last[number]
        elif number not in taken:
            yield Step((number,))


def _followers(groups: Sequence[Group]) -> dict[int, int]:
    """For each group that one other alone goes on with, row by row: that other."""
    uses = Counter(source.group for group in groups for leg in group.inlets for source in leg.sources)
    after: dict[int, int] = {}
    for number, group in enumerate(groups):
        for source in (source for leg in group.inlets for source in leg.sources):
            whole = source.group >= 0 and source.rows == tuple(range(groups[source.group].count))
            if whole and uses[source.group] == 1 and groups[source.group].count == group.count:
                after[source.group] = number
                break  # a group goes on with one
    return after


def _run(groups: Sequence[Group], after: dict[int, int], start: int) -> list[int]:
    """A group and those that go on with it, one after the other, as long as they are of one form."""
    run = [start]
    while run[-1] in after:
        here, following = run[-1], after[run[-1]]
        if len(run) > 1 and groups[here].form(run[-2]) != groups[following].form(here):
            break
        run.append(following)
    return run
