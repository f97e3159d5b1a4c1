"""Matrix product states: hyper-parameters -> wiring and initial banks, no more. Uses grid and starts.

    [first]--[cores]-- .. --[label]-- .. --[cores]--[last]        open: N - 1 bonds; first (M, r), cores (.., l, M, r),
       |        |            |   |            |        |          label (classes, l, M, r), last (l, M)
    site 0    site 1     site s  class     site N-2  site N-1     periodic: one bond more, from the last to the first

Stoudenmire & Schwab 2016, "Supervised learning with tensor networks" (arXiv 1605.05775).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from tnsim.architectures.grid import OnGrid, Shape, one_of, positive, sites_of
from tnsim.architectures.starts import NOISE, Banks, standard
from tnsim.network import Network, Stack, Table, build

__all__ = ["MPSArchitecture"]

BOUNDARIES = ("open", "periodic")
SHARINGS = ("none", "full")
STARTS = ("identity", "random")


@dataclass(frozen=True)
class MPSArchitecture(OnGrid):
    """Hyper-parameters of a matrix product state, checked and normalised; equal ones are equal and hash alike.

    sites: int or (height, width), a chain in row-major order. features: M, functions per site. bond: the dimension of
    all bonds, or one for each: N - 1 of an open chain, N of a periodic one (the last joins the ends). classes: Y, of
    the leg at site `label` (the middle one by default); None for a state without such a leg. boundary: "open" or
    "periodic". sharing: "none", or "full", one tensor at all sites that have two bonds and no class leg.

    Raises ValueError, naming the argument, for what does not fit.
    """

    sites: int | Shape
    features: int
    bond: int | Shape
    classes: int | None = None
    label: int | None = None
    boundary: str = "open"
    sharing: str = "none"

    def __post_init__(self) -> None:
        put = lambda name, value: object.__setattr__(self, name, value)  # noqa: E731  (a frozen dataclass)
        put("sites", sites_of(self.sites))
        put("features", positive("features", self.features))
        one_of("boundary", self.boundary, BOUNDARIES)
        one_of("sharing", self.sharing, SHARINGS)
        if self.size < 2:
            raise ValueError(f"sites: wanted at least 2, found {self.size}")
        put("bond", _bond(self.bond, self.size - (self.boundary == "open")))
        if self.sharing == "full" and len(set(self.bonds)) > 1:
            raise ValueError(f"sharing: 'full' wants bonds of one dimension, found {self.bonds}")
        put("classes", None if self.classes is None else positive("classes", self.classes))
        put("label", _label(self))

    @property
    def bonds(self) -> Shape:
        """The dimension of the bond after every site; of an open chain the last has none."""
        count = self.size - (self.boundary == "open")
        return (self.bond,) * count if isinstance(self.bond, int) else self.bond

    @cached_property
    def network(self) -> Network:
        """The wiring, interned."""
        return wiring(self)

    def init(self, key: PRNGKeyArray, dtype=jnp.float32, start: str = "identity") -> Banks:
        """Initial banks {"first": (M, r), "cores": (copies, l, M, r), "label": (classes, l, M, r), "last": (l, M)};
        where bonds differ, "cores_k" for every shape there is.

        start: "identity", which trains at thousands of sites: every matrix of feature 0, which should be about 1, is
        the identity, and all others noise that adds up to a fraction of it; or "random", normal, with norms kept for
        feature vectors of norm 1.
        """
        one_of("start", start, STARTS)
        drawn = standard(key, self.network.bank_shapes, dtype)
        made = _near_identity if start == "identity" else _random
        return {name: made(self, name, noise) for name, noise in drawn.items()}


def _bond(bond: Any, count: int) -> int | Shape:
    if not isinstance(bond, (tuple, list)):
        return positive("bond", bond)
    if len(bond) != count:
        raise ValueError(f"bond: wanted one dimension, or one for each of {count} bonds, found {len(bond)}")
    return tuple(positive(f"bond: {place}", dim) for place, dim in enumerate(bond))


def _label(arch: MPSArchitecture) -> int | None:
    if arch.classes is None:
        if arch.label is not None:
            raise ValueError(f"label: wanted None without classes, found {arch.label!r}")
        return None
    label = arch.size // 2 if arch.label is None else arch.label
    if isinstance(label, bool) or not isinstance(label, (int, np.integer)) or not 0 <= label < arch.size:
        raise ValueError(f"label: wanted a site in 0..{arch.size - 1}, found {label!r}")
    return int(label)


class _Site(NamedTuple):
    """One tensor: its bank, the indices of its legs, and their dimensions."""

    bank: str
    legs: Shape
    shape: Shape


@lru_cache(maxsize=256)
def wiring(arch: MPSArchitecture) -> Network:
    """The hypergraph: sites, then bonds in order, then the class; a stack for every bank."""
    bonds = arch.bonds
    runs = [("site", arch.size, arch.features)]
    same = len(set(bonds)) == 1
    runs += [("bond", len(bonds), bonds[0])] if same else [(f"bond_{k}", 1, dim) for k, dim in enumerate(bonds)]
    outputs: tuple[int, ...] = ()
    if arch.classes is not None:
        runs.append(("class", 1, arch.classes))
        outputs = (arch.size + len(bonds),)
    tensors: dict[str, list[_Site]] = {}
    for one in _tensors(arch):
        tensors.setdefault(one.bank, []).append(one)
    stacks = [_stack(arch, bank, members) for bank, members in tensors.items()]
    return build(runs, stacks, np.arange(arch.size, dtype=np.int32), outputs)


def _tensors(arch: MPSArchitecture) -> list[_Site]:
    """The tensor of every site, legs (class, left bond, site, right bond), those that it has."""
    bonds, found = arch.bonds, []
    dims = (*(arch.features,) * arch.size, *bonds, arch.classes or 1)
    inner = [s for s in range(arch.size) if s != arch.label and (arch.boundary == "periodic" or 0 < s < arch.size - 1)]
    shapes = list(dict.fromkeys((bonds[s - 1], bonds[s]) for s in inner))
    for site in range(arch.size):
        left = [arch.size + (site - 1) % len(bonds)] if site or arch.boundary == "periodic" else []
        right = [arch.size + site] if site < len(bonds) else []
        top = [arch.size + len(bonds)] if site == arch.label else []
        legs = (*top, *left, site, *right)
        found.append(_Site(_bank(arch, site, shapes), legs, tuple(dims[index] for index in legs)))
    return found


def _bank(arch: MPSArchitecture, site: int, shapes: Sequence[Shape]) -> str:
    if site == arch.label:
        return "label"
    if arch.boundary == "open" and site in (0, arch.size - 1):
        return "last" if site else "first"
    if len(shapes) < 2:
        return "cores"
    return f"cores_{shapes.index((arch.bonds[site - 1], arch.bonds[site]))}"


def _stack(arch: MPSArchitecture, bank: str, members: list[_Site]) -> Stack:
    copies = 0 if not bank.startswith("cores") else 1 if arch.sharing == "full" else len(members)
    slots = np.arange(len(members)) if copies > 1 else np.zeros(len(members))
    return Stack(bank, copies, members[0].shape, Table(slots), Table([one.legs for one in members]))


def _near_identity(arch: MPSArchitecture, bank: str, noise):
    """Matrices of feature 0 near the identity; ends of norm 1; class scores of order 1."""
    M, width = arch.features, max(arch.bonds)
    if bank == "label":
        return noise / (M * (width if arch.boundary == "periodic" else 1)) ** 0.5
    if bank in ("first", "last"):
        return noise / noise.size**0.5
    left, _, right = noise.shape[1:]
    noise = noise * NOISE / (arch.size * M * left) ** 0.5
    return noise.at[:, :, 0].add(jnp.eye(left, right, dtype=noise.dtype))


def _random(arch: MPSArchitecture, bank: str, noise):
    """Normal; a vector of norm 1 meets a site's features of norm 1 and keeps its norm."""
    own = arch.features * (arch.classes if bank == "label" else 1)  # type: ignore[operator]
    copies = noise.shape[0] if bank.startswith("cores") else 1
    return noise / (noise.size / (copies * own)) ** (0.25 if bank.startswith("cores") else 0.5)
