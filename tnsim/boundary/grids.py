"""A state whose network is a grid, as cores: one tensor a site, bonds between neighbours alone. Ground of boundary.

        up
        |
left ---o--- right       core (up, left, down, right, site); bonds that are not there have dimension 1, several
      / |                between the same neighbours are one
  site down
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Num

from tnsim.entanglement.networks.parts import Part, Parts, parts_of
from tnsim.entanglement.networks.state import NetworkState

Core = Num[np.ndarray, "_ _ _ _ _"]
Rows = tuple[tuple[Core, ...], ...]
WAYS = ((-1, 0), (0, -1), (1, 0), (0, 1))  # up, left, down, right
ANY = "tnsim.network_state measures any network, tnsim.contract_network contracts it"


def rows_of(state: NetworkState) -> Rows:
    """The cores of a state, row by row, without the measure's factors. Raises ValueError where it is no such grid."""
    parts, (height, width) = parts_of(state.network, state.banks, state.labels), _grid(state)
    home = _homes(parts, height * width)
    near = _neighbours(parts, home, width)
    cores = [_core(parts.parts[part], near[part]) for part in sorted(home, key=home.__getitem__)]
    return tuple(tuple(cores[row * width : (row + 1) * width]) for row in range(height))


def measured(rows: Rows, factors: Sequence[Num[np.ndarray, "_ _"]]) -> Rows:
    """The cores with F of the measure on every site's leg: an orthonormal basis."""
    left = iter(factors)
    return tuple(tuple(core @ next(left) for core in row) for row in rows)


def at_vectors(rows: Rows, vectors: Num[np.ndarray, "sites M"]) -> Rows:
    """The cores with a vector on every site's leg, which stays with dimension 1."""
    left = iter(vectors)
    return tuple(tuple((core @ next(left))[..., None] for core in row) for row in rows)


def _grid(state: NetworkState) -> tuple[int, int]:
    if len(state.sites.grid) != 2:
        raise ValueError(f"state: wanted sites on a grid (height, width), found {state.sites.grid}; {ANY}")
    height, width = state.sites.grid
    return height, width


def _homes(parts: Parts, sites: int) -> dict[int, int]:
    """Of every part its site."""
    found = {}
    for number, part in enumerate(parts.parts):
        shared = [index for _, index in part.sites if index in part.bonds]
        if len(part.sites) != 1 or shared:
            raise ValueError(
                f"state: wanted one tensor for each of {sites} sites, a site's leg on that alone, found a tensor of "
                f"shape {part.tensor.shape} with {len(part.sites)} sites{', one shared' if shared else ''}; {ANY}"
            )
        found[number] = part.sites[0][0]
    return found


def _neighbours(parts: Parts, home: Mapping[int, int], width: int) -> list[list[list[int]]]:
    """Of every part the bonds up, left, down and right, each list in one order at both ends."""
    ends: dict[int, list[int]] = {}
    for number, part in enumerate(parts.parts):
        for index in part.bonds:
            ends.setdefault(index, []).append(number)
    near: list[list[list[int]]] = [[[] for _ in WAYS] for _ in parts.parts]
    for index, pair in sorted(ends.items()):
        places = [divmod(home[number], width) for number in pair]
        if len(pair) != 2 or _step(*places) not in WAYS:
            raise ValueError(
                f"state: wanted bonds between neighbours on the grid alone, found index {index} at "
                f"{', '.join(map(str, places))}; {ANY}"
            )
        for number, way in zip(pair, (_step(*places), _step(*places[::-1])), strict=True):
            near[number][WAYS.index(way)].append(index)
    return near


def _step(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return other[0] - one[0], other[1] - one[1]


def _core(part: Part, near: list[list[int]]) -> Core:
    """The part's tensor with its axes by direction, those of one direction as one."""
    order = [*(index for bonds in near for index in bonds), part.sites[0][1]]
    tensor = part.tensor.transpose([part.legs.index(index) for index in order])
    size = dict(zip(part.legs, part.tensor.shape, strict=True))
    shape = [int(np.prod([size[index] for index in bonds], dtype=int)) for bonds in near]
    return tensor.reshape(*shape, -1)
