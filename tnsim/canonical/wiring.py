"""Which cores a tree has, which bonds join them and which legs are sites: static, hashable. The ground of canonical.

    legs of a core, in the order of its axes: bond b is written b, site s is written ~s (-1 - s)

    chain of three:  ((~0, 0), (0, ~1, 1), (1, ~2))          ~0   ~1   ~2
                                                              o-0--o-1--o
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import NamedTuple

import jax

from tnsim.network import Network

ALTERNATIVES = (
    "no bond of a loop separates the state, so that it has no orthogonality centre and no Schmidt values there; "
    "tnsim.contract_network contracts any network, tnsim.network_state measures it (entropies, ranks, density "
    "matrices), tnsim.sampled_entropy measures any function"
)


class Step(NamedTuple):
    """Across a bond: from a core (its leg `axis`) to the next (its leg `at`)."""

    core: int
    axis: int
    onto: int
    at: int
    bond: int


@jax.tree_util.register_static
@dataclass(frozen=True)
class Wiring:
    """A tree: legs[v] of core v. Every bond joins two cores, every site is one leg. Made by `wiring`, which checks.

    To JAX it is a constant, wherever it stands in what a compiled function takes or returns.
    """

    legs: tuple[tuple[int, ...], ...]
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash(self.legs))

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def ends(self) -> tuple[tuple[int, int], ...]:
        """The two cores of every bond."""
        found: dict[int, list[int]] = {}
        for core, legs in enumerate(self.legs):
            for leg in legs:
                if leg >= 0:
                    found.setdefault(leg, []).append(core)
        return tuple((found[bond][0], found[bond][1]) for bond in range(len(self.legs) - 1))

    @cached_property
    def homes(self) -> tuple[tuple[int, int], ...]:
        """Of every site its core and the leg there."""
        found = {~leg: (v, axis) for v, legs in enumerate(self.legs) for axis, leg in enumerate(legs) if leg < 0}
        return tuple(found[site] for site in range(len(found)))

    @property
    def sites(self) -> int:
        """How many sites."""
        return len(self.homes)

    @property
    def bonds(self) -> int:
        """How many bonds."""
        return len(self.legs) - 1

    @cached_property
    def is_chain(self) -> bool:
        """Whether it is wired as `chain_wiring` wires it: one site a core, in order."""
        return self == chain_wiring(len(self.legs))

    def step(self, core: int, bond: int) -> Step:
        """Across a bond, away from this core."""
        one, other = self.ends[bond]
        onto = other if core == one else one
        return Step(core, self.legs[core].index(bond), onto, self.legs[onto].index(bond), bond)


def wiring(legs) -> Wiring:
    """The tree of these legs. Raises ValueError for bonds that do not join two cores, loops, parts, missing sites."""
    found = Wiring(tuple(tuple(int(leg) for leg in some) for some in legs))
    flat = [leg for some in found.legs for leg in some]
    sites, bonds = sorted(~leg for leg in flat if leg < 0), sorted(leg for leg in flat if leg >= 0)
    if sites != list(range(len(sites))):
        raise ValueError(f"legs: wanted every site 0, 1, .. once, found {sites}")
    count = len(bonds) // 2
    where: dict[int, set[int]] = {}
    for core, some in enumerate(found.legs):
        for leg in some:
            where.setdefault(leg, set()).add(core)
    if bonds != sorted([*range(count), *range(count)]):
        raise ValueError(f"legs: wanted every bond 0, 1, .. twice, found {bonds}")
    if count > len(found.legs) - 1 or any(len(where[bond]) < 2 for bond in bonds):
        raise ValueError(f"legs: wanted a tree, found {count} bonds among {len(found.legs)} cores; {ALTERNATIVES}")
    if not found.legs or count < len(found.legs) - 1 or len({step.core for step in rooted(found, 0)} - {0}) != count:
        raise ValueError(f"legs: wanted one connected tree, found {count} bonds among {len(found.legs)} cores")
    return found


@lru_cache(maxsize=512)
def chain_wiring(sites: int) -> Wiring:
    """Sites in a row: core i has legs (bond i - 1, site i, bond i), the ends one less."""
    return Wiring(tuple(tuple(([i - 1] if i else []) + [~i] + ([i] if i < sites - 1 else [])) for i in range(sites)))


@lru_cache(maxsize=512)
def rooted(wiring: Wiring, root: int) -> tuple[Step, ...]:
    """Of every core but the root the step towards it, from the leaves up; reversed, each branch is one run."""
    found: list[Step] = []
    stack: list[Step | None] = [None]
    while stack:
        came = stack.pop()
        core = root if came is None else came.core
        found += [came] if came else []
        if len(found) > wiring.bonds:
            break  # a loop, which `wiring` refuses
        for bond in wiring.legs[core]:
            if bond >= 0 and (came is None or bond != came.bond):
                down = wiring.step(core, bond)
                stack.append(Step(down.onto, down.at, core, down.axis, bond))
    return tuple(found[::-1])


def path(wiring: Wiring, start: int, end: int) -> tuple[Step, ...]:
    """The steps from one core to another."""
    if start == end:
        return ()
    return _climb({step.core: step for step in rooted(wiring, end)}, start, end)


def _climb(towards: dict[int, Step], start: int, end: int) -> tuple[Step, ...]:
    found = []
    while start != end:
        found.append(towards[start])
        start = towards[start].onto
    return tuple(found)


@lru_cache(maxsize=512)
def tour(wiring: Wiring, root: int) -> tuple[tuple[Step, bool], ...]:
    """A walk along every bond: (step, whether it is the first along its bond); it ends where all have been passed."""
    found: list[tuple[Step, bool]] = []
    at, up = root, {step.core: step for step in rooted(wiring, root)}
    for step in reversed(rooted(wiring, root)):
        found += [(back, False) for back in _climb(up, at, step.onto)]
        found.append((Step(step.onto, step.at, step.core, step.axis, step.bond), True))
        at = step.core
    return tuple(found)


def children(wiring: Wiring, root: int) -> dict[int, list[Step]]:
    """Of every core the steps that come from below."""
    found: dict[int, list[Step]] = {core: [] for core in range(len(wiring.legs))}
    for step in rooted(wiring, root):
        found[step.onto].append(step)
    return found


def refuse_loops(network: Network) -> None:
    """Raises ValueError where tensors and indices form a loop, with one bank that is on it."""
    above: dict[int, int] = {}

    def top(node: int) -> int:
        while node in above:
            above[node] = above.get(above[node], above[node])  # halves the path for the next
            node = above[node]
        return node

    for number, view in enumerate(network.tensors()):
        for index in view.legs:
            one, other = top(-1 - number), top(index)
            if one == other:
                raise ValueError(
                    f"network: wanted one without loops, found a loop through bank {view.bank!r} and index "
                    f"{network.index_name(index)!r}; {ALTERNATIVES}"
                )
            above[other] = one
