"""Projected entangled pair states on a finite grid: hyper-parameters -> wiring and initial banks. Uses grid and starts.

    o--o--o      a tensor a site, legs (class, up, left, down, right, site), those that it has; the class leg, if any,
    |  |  |      stands in the middle. Tensors with equal neighbours are one bank: "core_dr" has bonds down and right.
    o--Y--o
    |  |  |      Its min-cut across a straight line grows with the line's length: the boundary law.
    o--o--o

Verstraete & Cirac 2004 (cond-mat/0407066); Cheng, Wang, Zhang 2021, "Supervised learning with projected entangled pair
states" (arXiv 2009.09932).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from tnsim.architectures.grid import OnGrid, Shape, one_of, positive, sites_of
from tnsim.architectures.starts import NOISE, Banks, standard
from tnsim.network import Network, Stack, Table, build

__all__ = ["PEPSArchitecture"]

STARTS = ("product", "random")
WAYS = (("u", -1, 0), ("l", 0, -1), ("d", 1, 0), ("r", 0, 1))


@dataclass(frozen=True)
class PEPSArchitecture(OnGrid):
    """Hyper-parameters of a projected entangled pair state, checked; equal ones are equal and hash alike.

    sites: (height, width), at least two in all. features: M, functions per site. bond: the dimension of all bonds.
    classes: Y, of the leg at the site in the middle; None for a state without such a leg.

    Raises ValueError, naming the argument, for what does not fit.
    """

    sites: Shape
    features: int
    bond: int
    classes: int | None = None

    def __post_init__(self) -> None:
        put = lambda name, value: object.__setattr__(self, name, value)  # noqa: E731  (a frozen dataclass)
        put("sites", sites_of(self.sites))
        put("features", positive("features", self.features))
        put("bond", positive("bond", self.bond))
        put("classes", None if self.classes is None else positive("classes", self.classes))
        if len(self.grid) != 2 or self.size < 2:
            raise ValueError(f"sites: wanted (height, width), at least two sites, found {self.sites!r}")

    @property
    def label(self) -> int | None:
        """The site with the class leg."""
        height, width = self.grid
        return None if self.classes is None else height // 2 * width + width // 2

    @cached_property
    def network(self) -> Network:
        """The wiring, interned."""
        return wiring(self)

    def init(self, key: PRNGKeyArray, dtype=jnp.float32, start: str = "product") -> Banks:
        """Initial banks {"core_dr": (copies, bond, bond, M), .., "label": (classes, bond, .., M)}.

        start: "product", where index 0 of all bonds and feature 0, which should be about 1, meet in a 1 among noise; or
        "random", normal, with norms kept on average for feature vectors of norm 1.
        """
        one_of("start", start, STARTS)
        drawn = standard(key, self.network.bank_shapes, dtype)
        return {name: self._started(name, noise, start) for name, noise in drawn.items()}

    def _started(self, name: str, noise, start: str):
        bonds = noise.ndim - 2
        if start == "random":
            return noise / self.bond ** (bonds / 4)
        if name == "label":
            return noise / self.features**0.5
        return (noise * NOISE / self.bond ** (bonds / 2)).at[(slice(None), *(0,) * (bonds + 1))].set(1)


@lru_cache(maxsize=256)
def wiring(arch: PEPSArchitecture) -> Network:
    """The hypergraph: sites, then the bonds to the right, row by row, then those down, then the class."""
    (height, width), N = arch.grid, arch.size
    right, down = height * (width - 1), (height - 1) * width
    runs = [("site", N, arch.features), ("bond", right + down, arch.bond)]
    outputs: tuple[int, ...] = ()
    if arch.classes is not None:
        runs.append(("class", 1, arch.classes))
        outputs = (N + right + down,)
    banks: dict[str, list[tuple[int, ...]]] = {}
    for site in range(N):
        name, legs = _legs(arch, site, N, N + right)
        bank, top = ("label", outputs) if site == arch.label else (f"core_{name}", ())
        banks.setdefault(bank, []).append((*top, *legs, site))
    dims = np.repeat([dim for _, _, dim in runs], [count for _, count, _ in runs])
    stacks = []
    for bank, rows in banks.items():
        copies = 0 if bank == "label" else len(rows)
        shape = tuple(int(dim) for dim in dims[list(rows[0])])
        stacks.append(Stack(bank, copies, shape, Table(np.arange(len(rows))), Table(rows)))
    return build(runs, stacks, np.arange(N, dtype=np.int32), outputs)


def _legs(arch: PEPSArchitecture, site: int, first_right: int, first_down: int) -> tuple[str, list[int]]:
    """Which bonds a site has, and their indices."""
    height, width = arch.grid
    row, column = divmod(site, width)
    names, legs = "", []
    for name, vertical, sideways in WAYS:
        if not (0 <= row + vertical < height and 0 <= column + sideways < width):
            continue
        names += name
        above, before = row + min(vertical, 0), column + min(sideways, 0)
        legs.append(first_down + above * width + column if vertical else first_right + row * (width - 1) + before)
    return names, legs
