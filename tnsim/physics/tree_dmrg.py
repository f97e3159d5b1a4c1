"""Two-site DMRG on any tree: its sweeps. Uses environments, bridges, lanczos. Used by dmrg.

      \\          /
    ---o---u-----v---o---       theta: the cores of a bond as one; H_eff: products of matrices on theta's legs.
      /          \\              theta = U s V, cut to the width; U stays at u, s V goes to v, and the centre with it

A walk around the tree passes every bond: at the first time its two cores are solved for, on the way back the centre
only moves. Source: Nakatani and Chan, J. Chem. Phys. 138, 134113 (2013); Gerster et al., PRB 90, 125154 (2014).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float, Num

from tnsim import memory
from tnsim.canonical.orthogonal import isometry, orthogonalised
from tnsim.canonical.state import Core, TreeState, absorbed, concrete, refolded
from tnsim.canonical.wiring import Step, rooted, tour
from tnsim.physics.bridges import bridged, crossed, without_bridges
from tnsim.physics.environments import DONE, NOTHING, Environment, beyond, lifted, moves, of_site
from tnsim.physics.hamiltonian import Hamiltonian
from tnsim.physics.lanczos import lowest
from tnsim.physics.pairs import CLOSE, FIRST_RESIDUAL, truncated

Vector = Num[np.ndarray, "n"]
VECTORS = 24  # of the size of two cores, that one solution holds at most


class TreeSweeper:
    """The tree as it is, and of every bond what lies beyond it, seen from the centre."""

    def __init__(self, H: Hamiltonian, start: TreeState, tolerance: float) -> None:
        self.whole, self.bridges = start.wiring, without_bridges(start.wiring)
        unit = orthogonalised(crossed(concrete(start, "ground_state"), self.bridges), 0)
        kind = np.result_type(*unit.cores, np.float64 if H.real else np.complex128)
        self.H, self.tolerance, self.wiring, self.at = H, tolerance, unit.wiring, 0
        self.cores = [core.astype(kind) for core in unit.cores]
        self.sides, self.sites = beyond(self.wiring), [of_site(np, H, site) for site in range(H.sites)]
        self.cuts = np.zeros(self.wiring.bonds)
        self.residual = FIRST_RESIDUAL
        self.around: dict[int, Environment] = {}
        for step in rooted(self.wiring, self.at):
            self.leave(step)

    @property
    def state(self) -> TreeState:
        """The tree of norm 1, its bridges too."""
        return bridged(TreeState(tuple(self.cores), self.wiring, self.at), self.bridges, self.whole)

    @property
    def discarded(self) -> Float[np.ndarray, "bonds"]:
        """Of every bond the weight that its last cut left out; of a bridge both have the one cut."""
        return self.cuts[list(self.bridges.bonds)]

    def sweep(self, cap: int) -> float:
        """Twice around the tree, from where the walk ends the second time; the energy of the last two cores."""
        if not self.wiring.bonds:
            energy, self.cores[0] = self.solved(self.cores[0], *self.legs(0, None))
        for _ in range(2):
            for step, first in tour(self.wiring, self.at):
                if first:
                    energy = self.pair(step, cap)
                else:
                    self.move(step)
                self.leave(step)
                self.at = step.onto
        self.residual = max(self.residual * 1e-2, CLOSE)
        return energy

    def move(self, step: Step) -> None:
        """The centre to the next core, and nothing else."""
        self.cores[step.core], right = isometry(np, self.cores[step.core], step.axis)
        self.cores[step.onto] = absorbed(np, self.cores[step.onto], step.at, right)

    def leave(self, step: Step) -> None:
        """What lies behind a step, its core being an isometry."""
        met, sides = self.legs(step.core, step.axis)
        ways = moves(self.H, dict(enumerate(sides)))
        del ways[NOTHING]
        core = np.moveaxis(self.cores[step.core], step.axis, -1)
        found = lifted(np, core, core.ndim - 1, dict(enumerate(met)), ways)
        self.around[step.bond] = {NOTHING: None, **found}

    def legs(self, core: int, without: int | None) -> tuple[list[Environment], list[frozenset[int]]]:
        """(what lies beyond each leg, the sites there) of a core, in order, but one."""
        legs = self.wiring.legs[core]
        some = [axis for axis in range(len(legs)) if axis != without]
        met = [self.around[legs[axis]] if legs[axis] >= 0 else self.sites[~legs[axis]] for axis in some]
        return met, [self.sides[core][axis] for axis in some]

    def pair(self, step: Step, cap: int) -> float:
        """The best two cores of a bond for what surrounds them, cut to `cap`; the centre goes on."""
        one, other = self.cores[step.core], self.cores[step.onto]
        theta = np.tensordot(one, other, axes=(step.axis, step.at))
        (near, near_sites), (far, far_sites) = self.legs(step.core, step.axis), self.legs(step.onto, step.at)
        energy, best = self.solved(theta, near + far, near_sites + far_sites)
        rows = one.size // one.shape[step.axis]
        u, s, v, self.cuts[step.bond] = truncated(best.reshape(rows, -1), cap, self.tolerance)
        self.cores[step.core] = refolded(np, u, one, step.axis)
        self.cores[step.onto] = refolded(np, (s[:, None] * v).T, other, step.at)
        return energy

    def solved(self, theta, met, sides):
        """(energy, the lowest vector in theta's shape) of H between the legs of theta."""
        memory.check(
            float(VECTORS * theta.nbytes), None, f"ground_state: vectors of two cores, {theta.shape}",
            "Ways out: a smaller width; a tree whose cores have fewer legs, as a chain's.",
        )  # fmt: skip
        apply = effective(self.H, dict(enumerate(met)), dict(enumerate(sides)), theta.shape)
        energy, best = lowest(apply, theta.reshape(-1), self.residual)
        return energy, best.reshape(theta.shape)


def effective(
    H: Hamiltonian, met: Mapping[int, Environment], sides: Mapping[int, frozenset[int]], shape: tuple[int, ...]
) -> Callable[[Vector], Vector]:
    """H between the legs of a tensor, {axis: what lies beyond} and {axis: sites there}, as a function of it, flat.

    Products that differ in the last of their matrices alone are one product.
    """
    products: dict[tuple, Num[np.ndarray, "_ _"]] = {}
    for coefficient, keys in moves(H, sides)[DONE]:
        *first, (last, key) = [(axis, key) for axis, key in keys.items() if key != NOTHING]
        name = (tuple(first), last)
        products[name] = products.get(name, 0) + coefficient * met[last][key]

    def apply(theta: Vector) -> Vector:
        whole = theta.reshape(shape)
        total = np.zeros(shape, theta.dtype)
        for (first, last), matrix in products.items():
            x: Core = whole
            for axis, key in first:
                x = absorbed(np, x, axis, met[axis][key])
            total += absorbed(np, x, last, matrix)
        return total.reshape(-1)

    return apply
