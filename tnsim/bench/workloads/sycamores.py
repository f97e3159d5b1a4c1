"""An amplitude of a random circuit of Arute et al. (2019), by `tnsim.circuits.sycamore`. Uses circuits and graphs.

    |0> --[sqrt(X), sqrt(Y) or sqrt(W)]--[fSim(pi/2, pi/6) in the pattern A B C D C D A B]-- .. `width` cycles .. --<x|

fSim is diagonal on no qubit, so that this network has edges alone, no hyperedges: the harder kind of circuit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod

import numpy as np

from tnsim.bench.cases import Case
from tnsim.bench.workloads.circuits import grid_of
from tnsim.bench.workloads.graphs import path_floor, searched
from tnsim.bench.workloads.workload import Answer, Arrays, Einsum, Floor, Operand, real
from tnsim.circuits import sycamore


@lru_cache(maxsize=8)
def _network(case: Case):
    return sycamore(*grid_of(case), case.width, case.seed).network()


@lru_cache(maxsize=8)
def _einsum(case: Case) -> Einsum:
    network, _ = _network(case)
    ends = network.sites.array.tolist()
    terms = [*(tensor.legs for tensor in network.tensors()), *((index,) for index in ends)]
    operands = [Operand(tensor.bank, 0, tensor.slot) for tensor in network.tensors()]
    operands += [Operand("bra", 0, qubit) for qubit in range(len(ends))]
    sizes = dict.fromkeys(range(len(network.dims)), 2)
    return Einsum(tuple(terms), (), sizes, tuple(operands), searched(terms, (), sizes))


def sycamore_einsums(case: Case) -> tuple[Einsum, ...]:
    """One closed network."""
    return (_einsum(case),)


def sycamore_inputs(case: Case) -> Arrays:
    """Each kind of gate once, and "bra" (qubits, 2): the bits of one outcome."""
    bits = np.random.default_rng(case.seed + 1).integers(0, 2, prod(grid_of(case)))
    return {name: bank.astype(case.dtype) for name, bank in (_network(case)[1] | {"bra": np.eye(2)[bits]}).items()}


def sycamore_floor(case: Case) -> Floor:
    """Of the one path; every gate counts as read."""
    return path_floor(case, _einsum(case))


def sycamore_answer(case: Case, tensors: Sequence) -> Answer:
    """The amplitude times 2^(qubits/2): of order 1."""
    return real(np.asarray(tensors[0], np.complex128) * 2 ** (prod(grid_of(case)) / 2))
