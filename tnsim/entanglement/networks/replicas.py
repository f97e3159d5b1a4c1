"""n replicas of a network as one network without open indices, and the steps that contract it. Uses closed, clusters.

    kets k1 .. kn, bras b1 .. bn of every tensor      at a site of B  P[k1 .. kn, b1 .. bn] = prod_i G[k_i, b_i]
                                                      at one of A                             prod_i G[k_i, b_(i+1)]

G is the site's Gram matrix. The partition is data (the P_s), so that all partitions of a network share their steps.
n = 1 is the squared norm. Steps follow an order of clusters: what is larger than the cluster it goes into is never
formed, its tensors join one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from math import exp, log, prod
from typing import NamedTuple

import numpy as np
import opt_einsum
from jaxtyping import Bool, Num

from tnsim.entanglement.networks.closed import BATCH, Step
from tnsim.entanglement.networks.clusters import LARGEST, Order, Shape, Sizes, order
from tnsim.entanglement.networks.folds import Factors
from tnsim.entanglement.networks.parts import Parts
from tnsim.entanglement.networks.products import Named

SLICES = 2**12  # more of them would take too long
FEW = 6  # tensors up to which the best of all paths is looked for


class Wiring(NamedTuple):
    """The steps that contract all layers. clusters: the tensor that each merge of the order made, -1 where it was not
    formed; terms: the axes of all tensors; dims: of all axes."""

    steps: tuple[Step, ...]
    clusters: tuple[int, ...]
    terms: tuple[frozenset[int], ...]
    dims: tuple[int, ...]

    def numbers(self, sliced: Collection[int] = ()) -> list[float]:
        """Numbers in every tensor of a slice."""
        logs = {axis: log(self.dims[axis]) for axis in set().union(*self.terms).difference(sliced)}
        return [exp(min(sum(logs.get(axis, 0.0) for axis in term), LARGEST)) for term in self.terms]

    def sliced(self, room: float) -> dict[int, int]:
        """Axes {axis: dimension} that make all tensors of a slice fit into so many numbers, where SLICES are enough;
        each the one that the tensors lose most by."""
        chosen: dict[int, int] = {}
        while sum(sizes := self.numbers(chosen)) > room:
            worst = self.terms[sizes.index(max(sizes))].difference(chosen)
            saved = {axis: self._saved(axis, sizes) for axis in sorted(worst) if self.dims[axis] > 1}
            if not saved:
                break
            axis = max(saved, key=saved.__getitem__)
            chosen[axis] = self.dims[axis]
            if prod(chosen.values()) > SLICES:
                break
        return chosen

    def _saved(self, axis: int, sizes: list[float]) -> float:
        return sum(size for size, term in zip(sizes, self.terms, strict=True) if axis in term) * (
            1 - 1 / self.dims[axis]
        )


class Layers(NamedTuple):
    """How many copies of the network, and of its conjugate. n replicas: (n, n); an amplitude: (1, 0)."""

    kets: int
    bras: int

    @property
    def total(self) -> int:
        """Kets and bras together."""
        return self.kets + self.bras


def tensors(parts: Parts, layers: Layers, ends: Sequence[Num[np.ndarray, "..."]]) -> list[Named]:
    """Part by part: the kets, the bras, then the `ends` of its sites (over BATCH where they have one axis more)."""
    total, found = len(parts.dims), list[Named]()
    for part in parts.parts:
        for layer in range(layers.total):
            tensor = part.tensor if layer < layers.kets else np.conj(part.tensor)
            found.append(Named(tuple(index + layer * total for index in part.legs), tensor))
        for site, index in part.sites:
            axes = tuple(index + layer * total for layer in range(layers.total))
            found.append(Named(axes if ends[site].ndim == len(axes) else (BATCH, *axes), ends[site]))
    return found


def joints(
    factors: Factors, copies: int, masks: Bool[np.ndarray, "batch sites"] | None
) -> list[Num[np.ndarray, "..."]]:
    """P of every site, (batch, k1 .. kn, b1 .. bn); without masks, all on one side, (k1 .. kn, b1 .. bn)."""
    found = []
    for site, factor in enumerate(factors):
        straight, crossed = _joints(factor @ np.conj(factor.T), copies)
        if masks is None:
            found.append(straight)
        else:
            on_a = masks[:, site].reshape(-1, *(1,) * (2 * copies))
            found.append(np.where(on_a, crossed[None], straight[None]))
    return found


def _joints(gram: Num[np.ndarray, "M M"], copies: int):
    """P of a site in B, and in A."""
    kets, bras = list(range(copies)), list(range(copies, 2 * copies))
    turned = [*bras[1:], bras[0]]
    pairs = (zip(kets, ends, strict=True) for ends in (bras, turned))
    return (
        np.einsum(*(item for pair in each for item in (gram, list(pair))), [*kets, *bras]) for each in pairs
    )  # fmt: skip


def layered(parts: Parts, layers: Layers) -> Wiring:
    """Steps for these layers, along an order of clusters made for them."""
    sizes = [layers.total * float(part.tensor.size) for part in parts.parts]
    shapes = [Shape(1, 1, frozenset(part.bonds)) for part in parts.parts]
    found = order(shapes, parts.dims, Sizes(lambda a, b, bond: (1, 1), layers.total), sizes)
    return wiring(parts, layers, found, formed=False)


def wiring(parts: Parts, layers: Layers, plan: Order, formed: bool) -> Wiring:
    """Steps along an order of clusters. formed: whether every cluster becomes a tensor, also where that is large."""
    return _Wiring(parts, layers, plan, formed).wiring()


class _Wiring:
    def __init__(self, parts: Parts, layers: Layers, plan: Order, formed: bool) -> None:
        self.parts, self.layers, self.plan, self.formed = parts, range(layers.total), plan, formed
        self.terms: list[frozenset[int]] = []
        self.members: list[list[int]] = []  # of every part and cluster, the tensors it consists of
        self.steps: list[Step] = []
        for part in parts.parts:
            first = len(self.terms)
            self.terms += [self._in(part.legs, (layer,)) for layer in self.layers]
            self.terms += [self._in((index,), self.layers) for _, index in part.sites]
            self.members.append(list(range(first, len(self.terms))))
        self.dims = parts.dims * layers.total

    def _in(self, bonds: Iterable[int], layers: Iterable[int]) -> frozenset[int]:
        """The axes of indices in these layers."""
        total, bonds = len(self.parts.dims), tuple(bonds)
        return frozenset(index + layer * total for layer in layers for index in bonds)

    def _numbers(self, term: Iterable[int]) -> float:
        return exp(min(sum(log(self.dims[index]) for index in term), LARGEST))

    def wiring(self) -> Wiring:
        bonds = [frozenset(part.bonds) for part in self.parts.parts] + [merge.bonds for merge in self.plan.merges]
        room = [self._numbers(self._in(each, self.layers)) for each in bonds]
        above = {n: k for k, m in enumerate(self.plan.merges, len(self.parts.parts)) for n in (m.left, m.right)}
        made = []
        for number, each in enumerate(bonds):
            merged = number - len(self.parts.parts)
            if merged >= 0:
                self.members.append([m for n in self.plan.merges[merged][:2] for m in self.members[n]])
            form = self.formed and merged >= 0
            if form or room[number] <= room[above.get(number, number)]:
                self.members[number] = [self._form(self.members[number], self._in(each, self.layers))]
            if merged >= 0:
                made.append(self.members[number][0] if len(self.members[number]) == 1 else -1)
        return Wiring(tuple(self.steps), tuple(made), tuple(self.terms), self.dims)

    def _form(self, members: list[int], outside: frozenset[int]) -> int:
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


@lru_cache(maxsize=4096)
def _path(terms: tuple[frozenset[int], ...], outside: frozenset[int], dims: tuple[int, ...]):
    if len(terms) == 1:
        return ((0,),)
    search = opt_einsum.paths.optimal if len(terms) <= FEW else opt_einsum.paths.greedy
    return tuple(search(list(terms), outside, dict(enumerate(dims))))
