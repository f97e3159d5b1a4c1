"""A network with numbers as parts that hang together by indices: one class chosen, sites at their tensors.

    part:  tensor over `legs` (diagonals taken, indices that nobody else has summed), sites s that open some of them

Every site belongs to one part: the first tensor on its index that has no site there yet, or a part of its own (ones
over the index), as where a copy index joins many sites. Used by all measures of networks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Num

from tnsim.interop.said import pieces
from tnsim.network import Network

Term = tuple[int, ...]


class Part(NamedTuple):
    """legs: the indices of `tensor`, each once; sites: (site, index) for those that hang here; bonds: the legs that
    other parts have too."""

    legs: Term
    tensor: Num[np.ndarray, "..."]
    sites: tuple[tuple[int, int], ...]
    bonds: Term


@dataclass(frozen=True, eq=False)
class Parts:
    """All parts, the dimension of every index, and the sites' dimensions."""

    parts: tuple[Part, ...]
    dims: tuple[int, ...]
    site_dims: tuple[int, ...]

    @property
    def pieces(self) -> int:
        """How many pieces share no index: the state is their product. Numbers without legs are none."""
        return pieces(part.legs for part in self.parts)

    @property
    def is_complex(self) -> bool:
        """Whether any of its numbers are."""
        return any(np.iscomplexobj(part.tensor) for part in self.parts)


def parts_of(network: Network, banks: Mapping[str, Num[np.ndarray, "..."]], labels: Sequence[int]) -> Parts:
    """The parts of the state that `labels`, a number for each output, choose. An open index counts as all ones where
    no tensor has it."""
    chosen = dict(zip(network.outputs, labels, strict=True))
    dims = network.dims.tolist()
    tensors = [_chosen(view.legs, _row(banks[view.bank], view), chosen) for view in network.tensors()]
    kind = np.result_type(*banks.values())
    hosts: dict[int, list[int]] = {}
    for number, (legs, _) in enumerate(tensors):
        for index in legs:
            hosts.setdefault(index, []).append(number)
    sites: dict[int, list[tuple[int, int]]] = {}
    for site, index in enumerate(network.sites.array.tolist()):
        if index in chosen:  # the class leg and the site are one index: the site shows the class
            dims.append(dims[index])
            tensors.append(((len(dims) - 1,), np.eye(dims[index], dtype=kind)[chosen[index]]))
            host, index = len(tensors) - 1, len(dims) - 1
        elif free := hosts.get(index):
            host = free.pop(0)
        else:
            tensors.append(((index,), np.ones(dims[index], kind)))
            host = len(tensors) - 1
        sites.setdefault(host, []).append((site, index))
    return Parts(tuple(_parts(tensors, sites)), tuple(dims), tuple(network.dims[network.sites.array].tolist()))


def _row(bank: Num[np.ndarray, "..."], view) -> Num[np.ndarray, "..."]:
    return bank if bank.ndim == len(view.shape) else np.asarray(bank[view.slot])


def _chosen(legs: Term, tensor: Num[np.ndarray, "..."], labels: Mapping[int, int]):
    """Output legs at their class, repeated legs as diagonals."""
    tensor = np.asarray(tensor[tuple(labels.get(index, slice(None)) for index in legs)])
    legs = tuple(index for index in legs if index not in labels)
    once = tuple(dict.fromkeys(legs))
    return once, tensor if once == legs else _einsum(tensor, legs, once)


def _parts(tensors, sites):
    uses = Counter(index for legs, _ in tensors for index in legs)
    for number, (legs, tensor) in enumerate(tensors):
        here = tuple(sites.get(number, ()))
        opened = {index for _, index in here}
        kept = tuple(index for index in legs if uses[index] > 1 or index in opened)
        tensor = tensor if kept == legs else _einsum(tensor, legs, kept)
        yield Part(kept, tensor, here, tuple(index for index in kept if uses[index] > 1))


def _einsum(tensor: Num[np.ndarray, "..."], legs: Term, kept: Term) -> Num[np.ndarray, "..."]:
    place = {index: number for number, index in enumerate(dict.fromkeys(legs))}
    return np.asarray(np.einsum(tensor, [place[index] for index in legs], [place[index] for index in kept]))
