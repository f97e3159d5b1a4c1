"""n replicas of a network as one network without open indices, which the engine plans. Uses closed and contract.

    kets k1 .. kn, bras b1 .. bn of every tensor      at a site of B  P[k1 .. kn, b1 .. bn] = prod_i G[k_i, b_i]
                                                      at one of A                             prod_i G[k_i, b_(i+1)]

G is the site's Gram matrix. The partition is data (the P_s), so that all partitions of a network share one path: that
of a finder for whom a part's copies and the joints of its sites are one group, or where that is costly the cheapest of
some that the engine finds. n = 1 is the squared norm.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import count, groupby
from math import exp, log
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Num

from tnsim.contract.clusters import LARGEST, Order
from tnsim.contract.finders import Grouped, Path, find, here
from tnsim.contract.grouped import Step, steps_of
from tnsim.contract.steps import costs, terms_of, walk
from tnsim.entanglement.networks.closed import BATCH
from tnsim.entanglement.networks.folds import Factors
from tnsim.entanglement.networks.parts import Parts
from tnsim.entanglement.networks.products import Named
from tnsim.network import Indices, Network, Stack, Table, build

SEARCHES = ("clusters", "cotengra-hyper")  # finders that are asked, where they are installed, ..
COSTLY = 10**8  # .. if the groups' path costs more, a tenth of a second, ..
MANY = 300  # .. and there are no more tensors: searches of more take longer than they save
TRAFFIC = 64  # multiply-adds in the time that takes a number there and back


class Wiring(NamedTuple):
    """The steps that contract all layers. clusters: the tensor that each merge of an order made; terms: the axes of all
    tensors; dims: of all axes."""

    steps: tuple[Step, ...]
    clusters: tuple[int, ...]
    terms: tuple[frozenset[int], ...]
    dims: tuple[int, ...]

    def numbers(self, sliced: Collection[int] = ()) -> list[float]:
        """Numbers in every tensor of a slice."""
        logs = {axis: log(self.dims[axis]) for axis in set().union(*self.terms).difference(sliced)}
        return [exp(min(sum(logs.get(axis, 0.0) for axis in term), LARGEST)) for term in self.terms]


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


# ---- the wiring, by the engine


def network_of(parts: Parts, layers: Layers) -> Network:
    """All layers as a network: its tensors are those of `tensors`, in that order, its indices the axes there."""
    total, stacks = len(parts.dims), []
    for number, part in enumerate(parts.parts):
        legs = [[index + layer * total for index in part.legs] for layer in range(layers.total)]
        for name, rows in (("ket", legs[: layers.kets]), ("bra", legs[layers.kets :])):
            if rows:
                table = Table(np.array(rows, np.int32).reshape(len(rows), len(part.legs)))
                stacks.append(Stack(f"{name}_{number}", 0, part.tensor.shape, Table([0] * len(rows)), table))
        for site, index in part.sites:
            axes = [index + layer * total for layer in range(layers.total)]
            shape = (parts.dims[index],) * layers.total
            stacks.append(Stack(f"joint_{site}", 0, shape, Table([0]), Table([axes])))
    runs, numbers = [], count()
    for dim, run in groupby(parts.dims * layers.total):
        runs.append(Indices(f"run_{next(numbers)}", len(list(run)), dim))
    return build(runs, stacks, np.empty(0, np.int32), ())


def finder(parts: Parts, layers: Layers) -> Grouped:
    """Part by part: its copies and the joints of its sites are one group."""
    sizes = [layers.total + len(part.sites) for part in parts.parts]
    ends = np.cumsum([0, *sizes]).tolist()
    return Grouped(tuple(tuple(range(start, start + size)) for start, size in zip(ends, sizes, strict=False)))


def path_of(network: Network, parts: Parts, layers: Layers) -> Path:
    """A path through `network_of`: along the groups, or the cheapest of some where these are costly."""
    along_groups = find(network, finder(parts, layers))
    if network.tensor_count > MANY or price(network, along_groups) < COSTLY:
        return along_groups
    found = [find(network, name) for name in SEARCHES if name in here()]
    return min((along_groups, *found), key=lambda path: price(network, path))


def price(network: Network, path: Path) -> int:
    """Multiply-adds, and what is moved in their place."""
    spent = costs(walk(network, path))
    return spent.multiply_adds + TRAFFIC * spent.moved


def wired(network: Network, path: Path) -> Wiring:
    """The steps of a path through `network_of`."""
    steps, terms = [], [frozenset(term) for term in terms_of(network)]
    for step in walk(network, path).steps:
        left, right = step.operands  # of two tensors: `parts_of` left no diagonals and no indices that are one's own
        terms.append(frozenset(step.kept))
        steps.append(Step(left, right, terms[-1]))
    return Wiring(tuple(steps), (), tuple(terms), tuple(network.dims.tolist()))


def layered(parts: Parts, layers: Layers) -> Wiring:
    """Steps for these layers, along the engine's path for them."""
    network = network_of(parts, layers)
    return wired(network, path_of(network, parts, layers))


def along(parts: Parts, layers: Layers, plan: Order) -> Wiring:
    """Steps along an order of clusters that was made for one partition; every cluster becomes a tensor."""
    total, terms, groups = len(parts.dims), list[frozenset[int]](), finder(parts, layers).groups

    def over(bonds: Iterable[int], through: Iterable[int] = range(layers.total)) -> frozenset[int]:
        """The axes of indices in layers."""
        inside = tuple(bonds)
        return frozenset(index + layer * total for layer in through for index in inside)

    for part in parts.parts:
        terms += [over(part.legs, (layer,)) for layer in range(layers.total)]
        terms += [over((index,)) for _, index in part.sites]
    bonds = [over(part.bonds) for part in parts.parts] + [over(merge.bonds) for merge in plan.merges]
    dims = parts.dims * layers.total
    found = steps_of(terms, groups, bonds, plan.merges, dims, formed=True)
    return Wiring(found.steps, found.clusters, found.terms, dims)
