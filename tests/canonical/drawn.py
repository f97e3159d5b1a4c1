"""Trees that laws are tried on: any shape, sites anywhere, bonds of 1 to 4, real and complex, legs in any order.

Drawn from seeds within the tests: type checkers draw random numbers to look into containers, which no strategy may.
"""

import numpy as np
from hypothesis import strategies as st

from tnsim.canonical import tree_state, wiring

SEEDS = st.integers(0, 2**32 - 1)


def tree(rng, most=6):
    """A chain, or any tree with at least two sites and up to two on a core."""
    if rng.random() < 0.4:
        parents = np.arange(rng.integers(2, most) - 1)
        counts = np.ones(len(parents) + 1, dtype=int)
    else:
        cores = int(rng.integers(1, most))
        parents = np.array([rng.integers(0, core) for core in range(1, cores)], dtype=int)
        counts = rng.integers(0, 3, cores)
        counts[0] = 2
    legs = [[] for _ in counts]
    for bond, parent in enumerate(parents):
        legs[parent].append(bond)
        legs[bond + 1].append(bond)
    order = rng.permutation(counts.sum()) if rng.random() < 0.7 else np.arange(counts.sum())
    names = iter(order.tolist())
    for core, count in enumerate(counts):
        legs[core] += [~next(names) for _ in range(count)]
    if rng.random() < 0.5:
        legs = [rng.permutation(some).tolist() for some in legs]
    return wiring(legs)


def numbers(rng, shape, kind):
    """Normal ones, real or complex."""
    return rng.normal(size=shape) + (1j * rng.normal(size=shape) if kind is complex else 0)


def state(seed, scaled=True, of=None, dims=None, kind=None):
    """Cores of normal numbers, each of a scale from 1e-30 to 1e30; sites of 1 to 3, bonds of 1 to 4."""
    rng = np.random.default_rng(seed)
    found = tree(rng) if of is None else of
    kind = (float, complex)[rng.integers(2)] if kind is None else kind
    sizes = dict(enumerate(rng.integers(1, 5, found.bonds).tolist()))
    sizes |= {~site: int(d) for site, d in enumerate(rng.integers(1, 4, found.sites) if dims is None else dims)}
    powers = rng.integers(-30, 30, len(found.legs)) if scaled else np.zeros(len(found.legs))
    cores = [numbers(rng, [sizes[leg] for leg in legs], kind) for legs in found.legs]
    return tree_state([core * 10.0**power for core, power in zip(cores, powers, strict=True)], found)


def two_states(seed):
    """On one tree with the same sites."""
    one = state(seed, scaled=False)
    return one, state(seed + 1, False, one.wiring, one.dims)
