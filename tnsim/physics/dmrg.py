"""Ground states by two-site DMRG: the way to the answer, and the sweeps of chains. Uses tree_dmrg, operators, lanczos.

        a --[   theta   ]-- b       H_eff = sum_x (L W)_x theta (W R)_x^T: two products of matrices
             |         |
             d         d'           then theta = U s V, cut to the width; the centre goes on to the next pair

Source: White, PRL 69, 2863 (1992); Schollwoeck (2011), section 6.3. In NumPy: bonds change at every step, and no shape
costs a compilation. Trees have sweeps of their own; a chain's are products of large matrices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Num

from tnsim.canonical.making import random_state
from tnsim.canonical.orthogonal import orthogonalised
from tnsim.canonical.state import TreeState, chain, chain_cores, concrete
from tnsim.canonical.wiring import Wiring, chain_wiring
from tnsim.physics.energies import energy_and_variance
from tnsim.physics.hamiltonian import Hamiltonian
from tnsim.physics.lanczos import lowest
from tnsim.physics.operators import check_dims, grown, mirrored, product_operator, reversed_operator
from tnsim.physics.pairs import CLOSE, FIRST_RESIDUAL, truncated
from tnsim.physics.tree_dmrg import TreeSweeper

FIRST = 16  # bonds of the first sweep; twice as many in each that follows
FUSED = 64  # dimension of half a pair up to which W goes into L and R once, and not with every product


@dataclass(frozen=True, eq=False)
class GroundState:
    """A state and what is known of it: its energy, variance, and the energies on the way.

    discarded: of every bond, the weight that its last cut left out (zeros where none was made).
    """

    state: TreeState
    energy: float
    variance: float
    energies: Float[np.ndarray, "sweeps"]
    discarded: Float[np.ndarray, "bonds"]

    def __repr__(self) -> str:
        return (
            f"GroundState(energy {self.energy:.10g}, variance {self.variance:.1e}, {len(self.energies)} sweeps, "
            f"discarded {self.discarded.max(initial=0):.1e}, {self.state!r})"
        )


class Stops(NamedTuple):
    """When DMRG is done: variance small enough, energies that no longer change, or so many sweeps."""

    variance: float = 1e-10
    change: float = 1e-12
    sweeps: int = 30


DEFAULT = Stops()


def ground_state(
    H: Hamiltonian, width: int = 64, tolerance: float = 1e-14, start: TreeState | None = None, stops: Stops = DEFAULT,
    seed: int = 0, wiring: Wiring | None = None,
) -> GroundState:  # fmt: skip
    """The ground state of a tree with bonds up to `width`, each cut to a discarded weight of at most `tolerance`.

    start: a state to begin with, else a random one of `seed` on `wiring`, a chain where neither is given. stops: the
    variance is looked at after each sweep of full width, and the last; change is that of the energy, relative.

    Raises ValueError for a width or sweeps < 1, a start that does not fit, and both a start and a wiring;
    MemoryLimitError where two cores of a tree are too large as one.
    """
    if width < 1:
        raise ValueError(f"width: wanted at least 1, found {width}")
    if stops.sweeps < 1:
        raise ValueError(f"stops: wanted at least 1 sweep, found {stops.sweeps}")
    if H.sites < 2:
        raise ValueError(f"H: wanted at least 2 sites, found {H.sites}")
    if start is not None and wiring is not None:
        raise ValueError("wiring: wanted it or a start, which has one, found both")
    if start is None:
        tree, rng = wiring or chain_wiring(H.sites), np.random.default_rng(seed)
        start = random_state(tree, (H.dim,) * tree.sites, min(8, width), rng, _kind(H))
    check_dims(H, start)
    sweeper = (Sweeper if start.wiring.is_chain else TreeSweeper)(H, start, tolerance)
    energies: list[float] = []
    for sweep in range(stops.sweeps):
        cap = min(width, FIRST * 2**sweep)
        energies.append(sweeper.sweep(cap))
        still = sweep > 0 and abs(energies[-1] - energies[-2]) <= stops.change * max(1.0, abs(energies[-1]))
        last = sweep + 1 == stops.sweeps
        if cap < width and not (still or last):
            continue
        energy, variance = energy_and_variance(H, state := sweeper.state)
        if variance <= stops.variance or still:
            break
    return GroundState(orthogonalised(state, 0), energy, variance, np.array(energies), sweeper.discarded)


def _kind(H: Hamiltonian):
    return np.float64 if H.real else np.complex128


class Sweeper:
    """The chain as it is, and what lies left and right of every site: (bra, w, ket). The centre is at core 0."""

    def __init__(self, H: Hamiltonian, start: TreeState, tolerance: float) -> None:
        unit = orthogonalised(concrete(start, "ground_state"), 0)
        self.cores = [core.astype(np.result_type(core, _kind(H))) for core in chain_cores(unit.with_cores(unit.cores))]
        self.W, self.tolerance = product_operator(H), tolerance
        self.discarded = np.zeros(H.sites - 1)
        self.residual = FIRST_RESIDUAL
        edge = np.ones((1, 1, 1))
        self.left, self.right = [edge] * H.sites, [edge] * H.sites
        for site in range(H.sites - 1, 0, -1):
            self.grow_right(site)

    @property
    def state(self) -> TreeState:
        """The chain of norm 1."""
        return chain(self.cores)

    def grow_left(self, site: int) -> None:
        """What lies left of site + 1."""
        self.left[site + 1] = grown(self.left[site], self.cores[site], self.W[site])

    def grow_right(self, site: int) -> None:
        """What lies right of site - 1."""
        core, W = mirrored(self.cores[site]), reversed_operator(self.W[site])
        self.right[site - 1] = grown(self.right[site], core, W)

    def sweep(self, cap: int) -> float:
        """There and back; the energy of the last pair."""
        last = len(self.cores) - 2
        for site in range(last + 1):
            self.pair(site, cap, rightwards=True)
            self.grow_left(site)
        for site in range(last, -1, -1):
            energy = self.pair(site, cap, rightwards=False)
            self.grow_right(site + 1)
        self.residual = max(self.residual * 1e-2, CLOSE)
        return energy

    def pair(self, site: int, cap: int, rightwards: bool) -> float:
        """The best two cores at site, site + 1 for what surrounds them, cut to `cap`."""
        theta = np.tensordot(self.cores[site], self.cores[site + 1], axes=(2, 0))
        apply = effective(self.left[site], self.W[site], self.W[site + 1], self.right[site + 1])
        energy, best = lowest(apply, theta.reshape(-1), self.residual)
        a, d, e, b = theta.shape
        u, s, v, self.discarded[site] = truncated(best.reshape(a * d, e * b), cap, self.tolerance)
        u, v = (u, s[:, None] * v) if rightwards else (u * s, v)
        self.cores[site], self.cores[site + 1] = u.reshape(a, d, len(s)), v.reshape(len(s), e, b)
        return energy


def effective(L, W, V, R) -> Callable[[Num[np.ndarray, "n"]], Num[np.ndarray, "n"]]:
    """H between two sites and what surrounds them, as a function of theta (a d e b), flat."""
    a, b, d, e = L.shape[0], R.shape[0], W.shape[2], V.shape[2]
    if max(a * d, b * e) <= FUSED:
        left = np.tensordot(L, W, axes=(1, 0)).transpose(0, 3, 2, 1, 4).reshape(-1, a * d)  # (a d x), (a' d')
        right = np.tensordot(V, R, axes=(1, 1)).transpose(0, 2, 4, 1, 3).reshape(-1, e * b)  # (x e' b'), (e b)
        return lambda theta: ((left @ theta.reshape(a * d, e * b)).reshape(a * d, -1) @ right).reshape(-1)
    rows, columns = L.reshape(-1, a), R.transpose(1, 2, 0).reshape(-1, b)  # (a w), a'  and  (y b'), b
    first = W.transpose(0, 3, 1, 2).reshape(W.shape[0] * d, -1)  # (w d'), (x d)
    second = V.transpose(0, 3, 2, 1).reshape(V.shape[0] * e, -1)  # (x e'), (e y)

    def apply(theta):
        T = (rows @ theta.reshape(a, -1)).reshape(a, -1, e * b)  # a (w d') (e' b')
        T = (first.T @ T).reshape(a, -1, d, e, b)  # a x d e' b'
        T = T.transpose(0, 2, 1, 3, 4).reshape(a * d, -1, b)  # (a d) (x e') b'
        T = (second.T @ T).reshape(a * d * e, -1)  # (a d e) (y b')
        return (T @ columns).reshape(-1)

    return apply
