"""TeNPy's matrix product states as arrays, out and back. Uses terms.

    S_0 --[ B_0 ]--[ B_1 ]-- .. --[ B_L-1 ]-- S_L      B_i: (vL, p, vR), right canonical: sum over p, vR of B B* = 1
             |        |               |                S_i: Schmidt values left of site i, squares sum to 1

The product of the B alone is the state (S belongs to the left of what one looks at), so that banks keep them bitwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Num

from tnsim.banks import Banks, measurable
from tnsim.interop.einsum import row
from tnsim.interop.terms import Term, filled, wired
from tnsim.network import Network

Array = Num[np.ndarray, "..."]


class Canonical(NamedTuple):
    """A state as TeNPy keeps it: exp(log_norm) times the product of B; S[i] left of site i, S[-1] right of the last."""

    B: tuple[Array, ...]
    S: tuple[Array, ...]
    log_norm: float


def from_tenpy_arrays(
    B: Sequence[Num[np.ndarray, "..."]], S: Sequence[Num[np.ndarray, "..."]] | None = None
) -> tuple[Network, dict[str, Array]]:
    """The network of a finite MPS of tensors (vL, p, vR), and its banks with the very numbers; leg p is the site.

    The state is their product, as of TeNPy's forms A and B. The chain ends in bonds of dimension 1. S: Schmidt values
    left of every site and right of the last, only compared with the bonds, as the B contain them already.

    Raises ValueError for tensors that do not fit, or no tensor.
    """
    tensors = list(B)
    for i, tensor in enumerate(tensors):
        if tensor.ndim != 3:
            raise ValueError(f"B[{i}]: wanted shape (vL, p, vR), found {tensor.shape}")
    ends = [1, *(tensor.shape[2] for tensor in tensors)]
    for i, tensor in enumerate(tensors):
        if tensor.shape[0] != ends[i]:
            raise ValueError(f"B[{i}]: wanted vL = {ends[i]}, its left neighbour's vR, found shape {tensor.shape}")
    if not tensors or ends[-1] != 1:
        raise ValueError(f"B: wanted a finite chain that ends in a bond of dimension 1, found bonds {ends}")
    if S is not None and [len(values) for values in S] != ends:
        raise ValueError(f"S: wanted Schmidt values for bonds {ends}, found {[len(values) for values in S]}")
    terms = [Term((f"bond[{i}]", f"site_{i}", f"bond[{i + 1}]"), t, f"B[{i}]") for i, t in enumerate(tensors)]
    network, groups = wired(terms, [f"site_{i}" for i in range(len(terms))], (), ("sums", "parts"))
    return network, {name: np.asarray(bank) for name, bank in filled(terms, groups).items()}


def from_tenpy(psi: Any) -> tuple[Network, dict[str, Array]]:
    """The network of a finite TeNPy MPS, and its banks; reads its public `bc`, `L`, `norm` and `get_B` alone.

    A norm other than 1 is on the first tensor. Raises ValueError for infinite and segment boundary conditions, and
    sites with more legs than p.
    """
    if psi.bc != "finite":
        raise ValueError(f"psi: wanted an MPS with bc='finite', found bc={psi.bc!r}")
    found = [psi.get_B(i, form="B") for i in range(psi.L)]
    if sorted(found[0].get_leg_labels()) != ["p", "vL", "vR"]:
        raise ValueError(f"psi: wanted tensors with legs vL, p, vR, found {found[0].get_leg_labels()}")
    tensors = [tensor.transpose(["vL", "p", "vR"]).to_ndarray() for tensor in found]
    if psi.norm != 1:
        tensors[0] = tensors[0] * psi.norm
    return from_tenpy_arrays(tensors, [psi.get_SL(i) for i in range(psi.L)] + [psi.get_SR(psi.L - 1)])


def to_tenpy_arrays(network: Network, banks: Banks) -> Canonical:
    """A chain of tensors with one site each as right canonical B with Schmidt values S, for `MPS.from_Bflat`.

    Tensors in this form already are kept bitwise, in the order of axes (vL, p, vR); others are brought to it by two
    sweeps in double precision, which drop Schmidt values that are rounding alone (below 1e-15 times the bond's
    dimension, of the largest). For TeNPy: `MPS.from_Bflat(sites, [b.transpose(1, 0, 2) for b in B], S, form="B")`.

    Raises ValueError for a network that is no chain in the order of its sites, or a state of norm 0.
    """
    measurable(network, banks)  # numbers that are finite
    tensors = _chain(network, banks)
    eps = float(max(100 * np.finfo(tensors[0].dtype).eps, 1e-13))
    values = _canonical_values(tensors, eps)
    if values is not None:
        return Canonical(tuple(tensors), tuple(values), 0.0)
    return _canonical([tensor.astype(np.result_type(tensor.dtype, np.float64)) for tensor in tensors])


def _chain(network: Network, banks: Banks) -> list[Array]:
    """The tensors in the order of the sites, axes (vL, p, vR)."""
    site_of = {index: i for i, index in enumerate(network.sites.array.tolist())}
    held: dict[int, tuple[tuple[int, ...], Array]] = {}
    joined: dict[int, list[int]] = {}
    for tensor in network.tensors():
        own = [site_of[leg] for leg in tensor.legs if leg in site_of]
        if len(own) != 1 or own[0] in held:
            raise ValueError(f"network: wanted one site on every tensor, found {len(own)} on one of {tensor.bank!r}")
        array = np.asarray(row(banks[tensor.bank], tensor))
        held[own[0]] = tensor.legs, array if array.dtype.char in "fdFD" else array.astype(np.float64)
        for leg in tensor.legs:
            joined.setdefault(leg, []).append(own[0])
    if network.outputs or len(held) != len(network.sites):
        raise ValueError(f"network: wanted a tensor for each of {len(network.sites)} sites and no outputs")
    bonds = [_bond(network, joined, i) for i in range(-1, len(held))]
    return [_ordered(*held[i], [bonds[i], int(network.sites.array[i]), bonds[i + 1]]) for i in range(len(held))]


def _bond(network: Network, joined: dict[int, list[int]], left: int) -> int | None:
    """The index between site `left` and the next; None where there is none. Checks what else meets there."""
    found = [index for index, where in joined.items() if sorted(where) == [left, left + 1]]
    for index, where in joined.items():
        closed = len(where) == 1 and (network.dims[index] == 1 or index in network.sites.array)
        if not closed and not (len(where) == 2 and abs(where[0] - where[1]) == 1):
            raise ValueError(f"network: wanted bonds between neighbours, found {network.index_name(index)} at {where}")
    if len(found) > 1:
        raise ValueError(f"network: wanted one bond between sites {left} and {left + 1}, found {len(found)}")
    return found[0] if found else None


def _ordered(legs: tuple[int, ...], array: Array, wanted: Sequence[int | None]) -> Array:
    """Axes in the order wanted, None an axis of 1; other legs have dimension 1."""
    axes = [legs.index(leg) for leg in wanted if leg is not None]
    rest = [axis for axis in range(len(legs)) if axis not in axes]
    shape = [1 if leg is None else array.shape[legs.index(leg)] for leg in wanted]
    return array.transpose(*axes, *rest).reshape(shape)


def _canonical_values(tensors: Sequence[Array], eps: float) -> list[Array] | None:
    """The Schmidt values of tensors that are right canonical with diagonal left Gram matrices; None if they are not."""
    gram, values = np.ones((1, 1)), [np.ones(1)]
    for tensor in tensors:
        flat = tensor.reshape(len(tensor), -1)
        if not np.allclose(flat @ flat.conj().T, np.eye(len(tensor)), rtol=0, atol=eps):
            return None
        gram = np.einsum("apb,ac,cpd->bd", tensor.conj(), gram, tensor, optimize=True)
        diagonal = np.diag(gram).real
        if not np.allclose(gram, np.diag(diagonal), rtol=0, atol=eps) or not (diagonal > 0).all():
            return None
        values.append(np.sqrt(diagonal))
    return values


def _canonical(tensors: list[Array]) -> Canonical:
    """Left canonical from the left by QR, then right canonical from the right by SVD; scales taken at every step."""
    carry, log_norm = np.ones((1, 1)), 0.0
    for i, tensor in enumerate(tensors):
        theta = np.tensordot(carry, tensor / (np.abs(tensor).max() or 1), 1)
        peak = np.abs(theta).max()
        if peak == 0:
            raise ValueError("network: wanted a state of norm above 0, found 0")
        log_norm += np.log(peak) + np.log(np.abs(tensor).max())
        q, carry = np.linalg.qr(theta.reshape(-1, theta.shape[2]) / peak)
        tensors[i] = q.reshape(*theta.shape[:2], -1)
    log_norm += np.log(np.abs(carry[0, 0]))
    tensors[-1] = tensors[-1] * (carry[0, 0] / np.abs(carry[0, 0]))
    values = [np.ones(1)]
    for i in range(len(tensors) - 1, 0, -1):
        u, s, vh = np.linalg.svd(tensors[i].reshape(len(tensors[i]), -1), full_matrices=False)
        kept = s > s[0] * 1e-15 * len(tensors[i])
        s = s[kept] / np.linalg.norm(s[kept])
        tensors[i] = vh[kept].reshape(-1, *tensors[i].shape[1:])
        tensors[i - 1] = np.tensordot(tensors[i - 1], u[:, kept] * s, 1)
        values.insert(0, s)
    return Canonical(tuple(tensors), (np.ones(1), *values), float(log_norm))
