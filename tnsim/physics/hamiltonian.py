"""Sums of products of one-site operators, and the models of textbooks. Uses spins. Used by operators, dmrg, descent.

    H = sum over terms of coefficient * O_i O_j ..        a term: ({site: operator}, coefficient)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Num

from tnsim.physics.spins import pauli, spin

Operator = Num[np.ndarray, "d d"]


class Term(NamedTuple):
    """A product of one-site operators, by their places in the list of all, sites ascending."""

    coefficient: float
    sites: tuple[int, ...]
    operators: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Hamiltonian:
    """Made by `hamiltonian` or one of the models. operators: each matrix once."""

    sites: int
    dim: int
    operators: tuple[Operator, ...]
    terms: tuple[Term, ...]

    @cached_property
    def real(self) -> bool:
        """Whether all its numbers are real."""
        numbers = [*(np.asarray(term.coefficient) for term in self.terms), *self.operators]
        return not any(np.iscomplexobj(number) for number in numbers)

    def __repr__(self) -> str:
        return f"Hamiltonian({self.sites} sites of dimension {self.dim}, {len(self.terms)} terms)"


def hamiltonian(
    sites: int, dim: int, terms: Iterable[tuple[Mapping[int, Operator], float]]
) -> Hamiltonian:  # fmt: skip
    """A sum of terms ({site: operator}, coefficient).

    Raises ValueError for unknown sites, operators of another shape, no terms, and where terms on the same sites add up
    to something that is not Hermitian.
    """
    known: dict[bytes, int] = {}
    operators, found = list[Operator](), list[Term]()
    for number, (factors, coefficient) in enumerate(terms):
        places = sorted(factors)
        if not places or not all(0 <= site < sites for site in places):
            raise ValueError(f"terms: term {number}: wanted sites of 0..{sites - 1}, found {places}")
        own = []
        for site in places:
            matrix = np.asarray(factors[site])
            if matrix.shape != (dim, dim):
                raise ValueError(f"terms: term {number}, site {site}: wanted shape {(dim, dim)}, found {matrix.shape}")
            matrix = matrix.real if np.iscomplexobj(matrix) and not matrix.imag.any() else matrix
            matrix = matrix.astype(np.result_type(matrix, np.float64))
            key = known.setdefault(matrix.dtype.char.encode() + matrix.tobytes(), len(operators))
            operators += [matrix] if key == len(operators) else []
            own.append(key)
        found.append(Term(coefficient, tuple(places), tuple(own)))
    if not found:
        raise ValueError("terms: wanted at least one, found none")
    H = Hamiltonian(sites, dim, tuple(operators), tuple(found))
    _refuse_not_hermitian(H)
    return H


DENSE = 1024  # dimension of a term up to which it is written out to be checked


def _refuse_not_hermitian(H: Hamiltonian) -> None:
    """Terms on the same sites are added up, and must be Hermitian together."""
    groups: dict[tuple[int, ...], list[Term]] = {}
    for term in H.terms:
        groups.setdefault(term.sites, []).append(term)
    seen = set()
    for sites, terms in groups.items():
        kind = tuple((term.coefficient, term.operators) for term in terms)
        if kind in seen:
            continue
        seen.add(kind)
        if H.dim ** len(sites) > DENSE:  # each alone: products are Hermitian if their factors are
            wrong = any(_skew(H.operators[k]) or np.imag(term.coefficient) for term in terms for k in term.operators)
        else:
            wrong = _skew(sum(term.coefficient * _product(H, term) for term in terms))
        if wrong:
            raise ValueError(f"terms: wanted a Hermitian sum, found one that is not, at sites {sites}")


def _product(H: Hamiltonian, term: Term) -> Num[np.ndarray, "D D"]:
    whole = np.eye(1)
    for key in term.operators:
        whole = np.kron(whole, H.operators[key])
    return whole


def _skew(matrix) -> bool:
    return bool(np.abs(matrix - matrix.conj().T).max() > 1e-12 * max(np.abs(matrix).max(), 1e-300))


def _bonds(sites: int) -> Iterable[tuple[int, int]]:
    if sites < 2:
        raise ValueError(f"sites: wanted at least 2, found {sites}")
    return ((i, i + 1) for i in range(sites - 1))


def heisenberg(sites: int, J: float = 1.0, s: float = 0.5) -> Hamiltonian:
    """J sum S_i . S_(i+1), open ends. J > 0: antiferromagnet."""
    z, up, down = spin(s)
    terms = (
        (operators, J * factor)
        for i, j in _bonds(sites)
        for operators, factor in (({i: z, j: z}, 1.0), ({i: up, j: down}, 0.5), ({i: down, j: up}, 0.5))
    )
    return hamiltonian(sites, round(2 * s) + 1, terms)


def ising(sites: int, field: float = 1.0, J: float = 1.0) -> Hamiltonian:
    """-J sum Z_i Z_(i+1) - field sum X_i, open ends; critical at field = J."""
    X, _, Z = pauli()
    bonds = [({i: Z, j: Z}, -J) for i, j in _bonds(sites)]
    return hamiltonian(sites, 2, [*bonds, *(({i: X}, -field) for i in range(sites))])


def aklt(sites: int) -> Hamiltonian:
    """sum S_i . S_(i+1) + (S_i . S_(i+1))^2 / 3 of spins 1, open ends: four ground states of -2/3 a bond.

    Source: Affleck, Kennedy, Lieb, Tasaki, PRL 59, 799 (1987).
    """
    z, up, down = spin(1)
    parts = [(z, z, 1.0), (up, down, 0.5), (down, up, 0.5)]
    squares = [(a @ c, b @ d, x * y / 3) for a, b, x in parts for c, d, y in parts]
    terms = (({i: a, j: b}, x) for i, j in _bonds(sites) for a, b, x in [*parts, *squares])
    return hamiltonian(sites, 3, terms)
