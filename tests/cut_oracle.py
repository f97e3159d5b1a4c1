"""Cuts and ranks of any network, by brute force from the definition. NumPy only, nothing of tnsim.

A network is dims (of every index), legs (of every tensor), sites and outputs (the indices that are open). A cut puts
every tensor on A's or B's side; an index costs its dimension, once, where the tensors and sites that meet at it are not
all on one side.
"""

from itertools import product
from math import prod

import numpy as np
from oracle import PRIME, rank_mod


def severed_sets(dims, legs, sites, mask):
    """The indices severed by every one of the 2^tensors cuts, as rows of booleans, each row once."""
    sides = np.array(list(product([False, True], repeat=len(legs))), dtype=bool).reshape(2 ** len(legs), -1)
    rows = np.zeros((len(sides), len(dims)), dtype=bool)
    for index in range(len(dims)):
        met = [sides[:, t] for t, its in enumerate(legs) if index in its]
        met += [np.full(len(sides), bool(in_a)) for site, in_a in zip(sites, mask, strict=True) if site == index]
        if met:
            rows[:, index] = ~((np.array(met) == met[0]).all(axis=0))
    return np.unique(rows, axis=0)


def least_cuts(dims, legs, sites, mask):
    """(least weight, every set of indices above dimension 1 that is severed at that weight)."""
    found = {}
    for row in severed_sets(dims, legs, sites, mask):
        severed = frozenset(i for i in np.flatnonzero(row).tolist() if dims[i] > 1)
        found.setdefault(prod(dims[i] for i in severed), set()).add(severed)
    least = min(found)
    return least, found[least]


def matrix(dims, legs, sites, outputs, mask, rng):
    """The matricisation for random tensors mod a prime, label legs at 0: rows A's sites."""
    total = np.ones(dims, dtype=np.int64)
    for its in legs:
        kept = sorted(set(its))
        entries = rng.integers(1, PRIME, tuple(dims[i] for i in kept), dtype=np.int64)
        total = total * entries.reshape([dims[i] if i in kept else 1 for i in range(len(dims))]) % PRIME
    configurations = np.indices(dims).reshape(len(dims), -1)
    entries = np.where((configurations[list(outputs)] == 0).all(axis=0), total.ravel(), 0)
    shape = [prod(dims[i] for i, m in zip(sites, mask, strict=True) if m == side) for side in (True, False)]
    found = np.zeros(shape, dtype=np.int64)
    rows, columns = (_numbers(configurations, dims, [i for i, m in zip(sites, mask, strict=True) if m == side])
                     for side in (True, False))  # fmt: skip
    for row, column, entry in zip(rows.tolist(), columns.tolist(), entries.tolist(), strict=True):
        found[row, column] = (found[row, column] + entry) % PRIME
    return found


def _numbers(configurations, dims, indices):
    number = np.zeros(configurations.shape[1], dtype=np.int64)
    for index in indices:
        number = number * dims[index] + configurations[index]
    return number


def generic_rank(dims, legs, sites, outputs, mask, rng):
    """Rank for random tensors mod a prime."""
    return rank_mod(matrix(dims, legs, sites, outputs, mask, rng))


def layered(wiring, dims):
    """(dims, legs, sites) of the network of an oracle's wiring; dims: M, r_0, r_1, .. and the number of classes."""
    legs, first, every = [], 0, [dims[0]] * len(wiring[0][1])
    for level, (groups, slots) in enumerate(wiring):
        node = {position: number for number, group in enumerate(groups) for position in group}
        legs += [(first + len(slots) + node[position], first + position) for position in range(len(slots))]
        every += [dims[level + 1]] * len(groups)
        first += len(slots)
    return [*every, dims[-1]], [*legs, (first + 1, first)], list(range(len(wiring[0][1])))
