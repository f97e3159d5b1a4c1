"""A Hamiltonian as a matrix product operator, and what it is in a chain. Uses hamiltonian. Used by energies, dmrg.

         d (out)
         |
     w --o-- x        W[w, x, d, d']    on a bond: 0 nothing yet, 1 a term is done, then the terms that are under way
         |
         d' (in)

Terms that begin alike share a channel until they part. Source: Schollwoeck (2011), section 6; Crosswhite and Bacon,
PRA 78, 012356 (2008).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Num

from tnsim.canonical.orthogonal import orthogonalised
from tnsim.canonical.state import TreeState, chain_cores, concrete
from tnsim.physics.hamiltonian import Hamiltonian

NOTHING, DONE = "nothing", "done"
Operators = list[Num[np.ndarray, "w x d d"]]


def product_operator(H: Hamiltonian) -> Operators:
    """W of every site, (1, x, d, d) at the first and (w, 1, d, d) at the last."""
    channels: list[dict] = [{NOTHING: 0, DONE: 1} for _ in range(H.sites - 1)]
    moves: list[dict] = [{} for _ in range(H.sites)]
    identity = np.eye(H.dim)
    for term in H.terms:
        held = dict(zip(term.sites, term.operators, strict=True))
        came: object = NOTHING
        for site in range(term.sites[0], term.sites[-1] + 1):
            ended = site == term.sites[-1]
            begun = tuple((s, k) for s, k in held.items() if s <= site)
            goes = DONE if ended else begun
            matrix = H.operators[held[site]] if site in held else identity
            if ended:
                moves[site][came, goes] = moves[site].get((came, goes), 0) + term.coefficient * matrix
            else:
                moves[site][came, goes] = matrix
                channels[site].setdefault(goes, len(channels[site]))
            came = goes
    for site in range(H.sites):
        for same in (NOTHING, DONE):
            moves[site].setdefault((same, same), identity)
    ends = [{NOTHING: 0}, *channels, {DONE: 0}]
    return [_filled(H, moves[site], ends[site], ends[site + 1]) for site in range(H.sites)]


def _filled(H: Hamiltonian, moves: dict, left: dict, right: dict) -> Num[np.ndarray, "w x d d"]:
    W = np.zeros((len(left), len(right), H.dim, H.dim), dtype=np.float64 if H.real else np.complex128)
    for (came, goes), matrix in moves.items():
        if came in left and goes in right:
            W[left[came], right[goes]] = matrix
    return W


def grown(L, core, W):
    """The left environment (bra, w, ket) with one more site (l, d, r)."""
    T = np.tensordot(L, core, axes=(2, 0))  # (bra, w, d', r)
    T = np.tensordot(T, W, axes=([1, 2], [0, 3]))  # (bra, r, x, d)
    return np.tensordot(core.conj(), T, axes=([0, 1], [0, 3])).swapaxes(1, 2)  # (bra', x, r)


def mirrored(core):
    """A core with left and right exchanged, so that `grown` grows from the right."""
    return np.transpose(core, (2, 1, 0))


def reversed_operator(W):
    """W with left and right exchanged."""
    return np.swapaxes(W, 0, 1)


def chain_energy_and_variance(H: Hamiltonian, state: TreeState) -> tuple[float, float]:
    """`energy_and_variance` of a chain."""
    unit = orthogonalised(concrete(state, "energy_and_variance"), 0)
    one, two = np.ones((1, 1, 1)), np.ones((1, 1, 1, 1))
    for core, W in zip(chain_cores(unit.with_cores(unit.cores, 0)), product_operator(H), strict=True):
        one, two = grown(one, core, W), _grown_twice(two, core, W)
    energy = float(one.real.item())
    return energy, float(two.real.item()) - energy**2


def _grown_twice(L, core, W):
    """The same with two layers of W, (bra, w, v, ket): of H^2."""
    T = np.tensordot(L, core, axes=(3, 0))  # (bra, w, v, d', r)
    T = np.tensordot(T, W, axes=([2, 3], [0, 3]))  # (bra, w, r, y, d)
    T = np.tensordot(T, W, axes=([1, 4], [0, 3]))  # (bra, r, y, x, d)
    return np.tensordot(core.conj(), T, axes=([0, 1], [0, 4])).transpose(0, 3, 2, 1)


def check_dims(H: Hamiltonian, state: TreeState) -> None:
    """Raises ValueError where a state has other sites than a Hamiltonian."""
    if state.dims != (H.dim,) * H.sites:
        raise ValueError(f"state: wanted {H.sites} sites of dimension {H.dim}, found {state.dims}")
