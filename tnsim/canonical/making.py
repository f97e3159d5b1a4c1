"""States from elsewhere: dense tensors, random ones, balanced trees. Uses state, orthogonal."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from jaxtyping import Num

from tnsim.canonical.state import TreeState, chain, tree_state
from tnsim.canonical.wiring import Wiring, rooted, wiring


def from_dense(tensor: Num[np.ndarray, "..."], tolerance: float = 1e-14) -> TreeState:
    """A chain for a tensor of one axis a site, without Schmidt values below `tolerance` of the largest."""
    left, cores = np.asarray(tensor)[None], []
    left = left.astype(np.result_type(left, np.float64))
    for _ in range(tensor.ndim - 1):
        u, s, v = np.linalg.svd(left.reshape(left.shape[0] * left.shape[1], -1), full_matrices=False)
        kept = max(1, int((s > tolerance * s[0]).sum()))
        cores.append(u[:, :kept].reshape(*left.shape[:2], kept))
        left = (s[:kept, None] * v[:kept]).reshape(kept, *left.shape[2:])
    return chain([*cores, left.reshape(*left.shape[:2], 1)])


def from_ring(cores: Sequence[Num[np.ndarray, "_ _ _"]]) -> TreeState:
    """A ring of two or more cores as a chain: every bond also carries the one that closes it, so r becomes r c.

    Raises ValueError for cores that are no ring.
    """
    if len(cores) < 2 or any(core.ndim != 3 for core in cores) or cores[0].shape[0] != cores[-1].shape[2]:
        raise ValueError(f"cores: wanted a ring of (left, d, right), found {[tuple(core.shape) for core in cores]}")
    c = cores[0].shape[0]
    first = np.einsum("cdr->drc", cores[0]).reshape(cores[0].shape[1], -1)
    inner = [np.einsum("ldr,ce->lcdre", core, np.eye(c)) for core in cores[1:-1]]
    inner = [x.reshape(x.shape[0] * c, x.shape[2], -1) for x in inner]
    last = np.einsum("ldc->lcd", cores[-1]).reshape(-1, cores[-1].shape[1])
    return chain([first, *inner, last])


def binary_wiring(sites: int) -> Wiring:
    """A balanced tree: two sites a core at its base, one core over every two below; 2^m sites or any other number."""
    if sites < 2:
        raise ValueError(f"sites: wanted at least 2, found {sites}")
    open_legs, legs, bond = [~site for site in range(sites)], [], 0
    while len(open_legs) > 3:
        ups = []
        for one, other in zip(open_legs[::2], open_legs[1::2], strict=False):
            legs.append((bond, one, other))
            ups.append(bond)
            bond += 1
        open_legs = [*ups, *open_legs[len(ups) * 2 :]]
    return wiring([*legs, tuple(open_legs)])


def random_state(
    tree: Wiring, dims: Sequence[int], width: int, rng: np.random.Generator, kind=np.float64
) -> TreeState:  # fmt: skip
    """Normal entries, bonds as wide as their sites allow and at most `width`. Raises ValueError for a width < 1."""
    if width < 1:
        raise ValueError(f"width: wanted at least 1, found {width}")
    if len(dims) != tree.sites:
        raise ValueError(f"dims: wanted {tree.sites}, one for each site, found {len(dims)}")
    size = {~site: int(d) for site, d in enumerate(dims)} | dict.fromkeys(range(tree.bonds), width)
    up = [*(step.core for step in rooted(tree, 0)), 0]
    for core in [*up, *reversed(up)]:
        for leg in [leg for leg in tree.legs[core] if leg >= 0]:
            size[leg] = min(size[leg], prod(size[other] for other in tree.legs[core] if other != leg))
    cores = []
    for legs in tree.legs:
        shape = tuple(size[leg] for leg in legs)
        real, imaginary = rng.normal(size=(2, *shape)) / prod(shape) ** 0.5
        cores.append(real + 1j * imaginary if np.issubdtype(kind, np.complexfloating) else real)
    return tree_state(cores, tree)
