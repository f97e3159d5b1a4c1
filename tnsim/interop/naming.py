"""What things are called in every view of a network, and who meets at an index. Uses network; used by all of interop.

    tensor "conv_0[1]/3"   row 1 of bank conv_0, at position 3      open ends "site_0", "site_1", .. and "class"
    copy   "pool_0[2]"     the index, joined by other than two ends     its legs "pool_0[2].0", "pool_0[2].1", ..
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tnsim.network import Network, TensorView

FEATURES = "features"  # bank of the vectors attached to the sites
TENSOR = re.compile(r"(?P<bank>[^/]+?)(?:\[(?P<slot>\d+)\])?/(?P<position>\d+)")
VECTOR = re.compile(r"(?P<bank>features)\[(?P<slot>(?P<position>\d+))\]")
SITE = re.compile(r"site_(\d+)")


class Name(NamedTuple):
    """What a tensor's name says: row `slot` (None: the whole) of `bank`, at `position` among those that read it."""

    bank: str
    slot: int | None
    position: int


class End(NamedTuple):
    """One tensor's leg: axis `axis` of tensor number `tensor`."""

    tensor: int
    axis: int


def tensor_name(name: Name) -> str:
    """The text of a name; `parse` reads it back."""
    row = "" if name.slot is None else f"[{name.slot}]"
    return f"{name.bank}{row}/{name.position}"


def parse(text: str) -> Name | None:
    """What a tensor's name says, or None where it was not made by `tensor_name`."""
    match = TENSOR.fullmatch(text) or VECTOR.fullmatch(text)
    if match is None:
        return None
    slot = match["slot"]
    return Name(match["bank"], None if slot is None else int(slot), int(match["position"]))


def named_tensors(network: Network) -> Iterator[tuple[Name, TensorView]]:
    """Every tensor with its name; positions run on where several stacks read one bank, so that names differ."""
    whole = {stack.bank for stack in network.stacks if stack.copies == 0}
    position: dict[str, int] = defaultdict(int)
    for tensor in network.tensors():
        slot = None if tensor.bank in whole else tensor.slot
        yield Name(tensor.bank, slot, position[tensor.bank]), tensor
        position[tensor.bank] += 1


def open_ends(network: Network) -> list[tuple[str, int]]:
    """(name, index) of every open end: the sites in order, then the outputs."""
    sites = [(f"site_{i}", index) for i, index in enumerate(network.sites.array.tolist())]
    if len(network.outputs) == 1:
        return [*sites, ("class", network.outputs[0])]
    return [*sites, *((f"class_{i}", index) for i, index in enumerate(network.outputs))]


def index_names(network: Network) -> list[str]:
    """The name of every index; where several are called alike, with their numbers: "bond#3"."""
    names = [network.index_name(index) for index in range(network.offsets[-1])]
    counts = Counter(names)
    return [name if counts[name] == 1 else f"{name}#{index}" for index, name in enumerate(names)]


def site_order(names: Sequence[Any]) -> list[Any]:
    """Those that are called site_0, site_1, .., in this order, where all up to the last are there; else none."""
    found = {int(match[1]): name for name in names if (match := SITE.fullmatch(str(name)))}
    return [found[place] for place in range(len(found))] if set(found) == set(range(len(found))) else []


def ends(network: Network) -> list[list[End]]:
    """The legs of tensors that join each index."""
    found: list[list[End]] = [[] for _ in range(network.offsets[-1])]
    for number, tensor in enumerate(network.tensors()):
        for axis, index in enumerate(tensor.legs):
            found[index].append(End(number, axis))
    return found
