"""The exact Schmidt rank of any network with float weights: the fold of C over GF(p). THEORY section 6. Uses folds.

    weights m 2^e  ->  GF(p)  ->  product of two clusters, then rows and columns that are a basis  ->  rank mod p

Rows of C that depend on others are left out: what is above a cluster acts on all of its rows alike, so the rank of the
whole stays. Probabilities and what they mean: exact_rank.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import log, prod

import numpy as np
from jaxtyping import Bool, Float, Num

from tnsim import memory, modular
from tnsim.bounds.flow import network_min_cut
from tnsim.entanglement import exact_rank as fields
from tnsim.entanglement.blocks import HELD, row_basis
from tnsim.entanglement.estimate import Stopwatch
from tnsim.entanglement.exact_rank import ExactRank
from tnsim.entanglement.networks import closed, folds, replicas, spectra
from tnsim.entanglement.networks.parts import parts_of
from tnsim.entanglement.networks.products import over
from tnsim.network import Network

Banks = Mapping[str, Num[np.ndarray, "..."]]


def exact_rank(
    network: Network, banks: Banks, labels: tuple[int, ...], mask: Bool[np.ndarray, "sites"],
    drawing: tuple[int, int] = (2, 0), limit: str | float | None = None,
) -> ExactRank:  # fmt: skip
    """The Schmidt rank of the coefficient tensor across (A, the rest). drawing: how many primes, and from which seed.

    Raises ValueError for a state that is exactly zero; MemoryLimitError before a product whose size, from the ranks
    found so far, is above the limit.
    """
    watch, (primes, seed) = Stopwatch(), drawing
    gaussian = any(map(np.iscomplexobj, banks.values()))
    drawn = modular.draw_primes(primes, seed, gaussian)
    allowed = memory.limit(limit)
    try:
        ranks = tuple(_rank(network, banks, labels, mask, prime, allowed) for prime in drawn)
    except _TooLargeError as error:
        raise spectra.refusal(network, mask, error.args[0], limit, "its exact Schmidt rank") from None
    value, upper = max(ranks), network_min_cut(network, mask, outputs="fixed").value
    if value == 0:
        raise ValueError(f"state: it is exactly zero (over GF(p), p = {drawn}), so it has no Schmidt rank")
    bits = 0.0 if value == upper else fields.bits_of_minor(log2_norm(network, banks, labels), value + 1)
    doubt = fields.error_probability(bits, gaussian, primes)
    return ExactRank(value, upper, drawn, ranks, doubt, seconds=watch.seconds)


class _TooLargeError(ArithmeticError):
    """A product of so many bytes is above the limit."""


def _rank(network: Network, banks: Banks, labels, mask: Bool[np.ndarray, "sites"], prime: int, allowed: int) -> int:
    """Rank over GF(p); 0 where a cluster is zero: then all is."""
    parts = parts_of(network, _entrywise(lambda bank: modular.residues(bank, prime), banks), labels)
    units = tuple(np.eye(dim, dtype=np.int64) for dim in parts.site_dims)
    plan, matmul = folds.planned(parts, mask), over(prime)
    values = {}
    for number, part in enumerate(parts.parts):  # their sums over lonely indices are not reduced yet
        values[number] = folds.leaf(part._replace(tensor=part.tensor % prime), units, mask, matmul)
    for number, merge in enumerate(plan.merges, start=len(parts.parts)):
        x, y = values.pop(merge.left), values.pop(merge.right)
        elements = prod(map(float, (*x.value.shape[:2], *y.value.shape[:2], *(parts.dims[i] for i in merge.bonds))))
        if 8 * HELD * elements > allowed:
            raise _TooLargeError(8 * HELD * elements)
        made = folds.product(x, y, merge.bonds, matmul)
        if not made.value.any():
            return 0
        values[number] = _independent(made, prime)
    ((_, whole),) = values.items()
    return modular.rank(whole.value.reshape(whole.value.shape[:2]), prime)


def _entrywise(f: Callable[[Num[np.ndarray, "..."]], Num[np.ndarray, "..."]], banks: Banks) -> Banks:
    """f of every bank; a bank that is one number too, of which NumPy would make a scalar."""
    return {name: f(np.atleast_1d(bank)).reshape(np.shape(bank)) for name, bank in banks.items()}


def _independent(x: folds.Factor, prime: int) -> folds.Factor:
    """Rows, then columns, that are a basis of them; unit vectors where they span all that is there."""
    value = x.value.reshape(*x.value.shape[:2], -1)
    for _ in range(2):
        a, b, bond = value.shape
        value = row_basis(value.reshape(a, b * bond), prime).reshape(-1, b, bond).swapaxes(0, 1)
    return folds.Factor(value.reshape(*value.shape[:2], *x.value.shape[2:]), x.bonds, 0.0)


def _magnitude(bank: Num[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Rounded to double precision, whatever the bank's own."""
    return np.abs(bank.astype(np.result_type(bank, np.float64)))


def log2_norm(network: Network, banks: Banks, labels: tuple[int, ...]) -> float:
    """A bound on log2 of the Frobenius norm of the tensor whose every matrix is scaled to (Gaussian) integers.

    By the sum of absolute values, one contraction of the network with ones at its sites.
    """
    logs = _entrywise(fields.lowest_exponents, banks)
    parts = parts_of(network, _entrywise(_magnitude, banks), labels)
    layers = replicas.Layers(1, 0)
    ends = [np.ones(dim) for dim in parts.site_dims]
    run = closed.contract(replicas.tensors(parts, layers, ends), replicas.layered(parts, layers).steps)
    value, log_scale = run.number
    lowest = sum(int((logs[view.bank] if logs[view.bank].ndim == len(view.shape) else logs[view.bank][view.slot]).min())
                 for view in network.tensors())  # fmt: skip
    with np.errstate(divide="ignore"):
        return float(np.log(np.real(value)) + log_scale) / log(2) - lowest
