"""Drawn architectures and partitions for laws of bounds: any windows, sharings, geometries, widths; no weights."""

import numpy as np
import strategies

import tnsim

KINDS = ("window", "full", "none")


def architecture(rng, sharing=None, largest=18, widest=6):
    """A ConvAC of 4 to `largest` sites, 1D or 2D, square windows, mirror pooling or any groups; mixed sharing."""
    while True:
        depth, mirror, plane = int(rng.integers(1, 4)), rng.random() < 0.25, rng.random() < 0.4
        windows = _windows(rng, depth, mirror, plane)
        grid = tuple(int(n) for n in np.prod(windows, axis=0))
        if 4 <= np.prod(grid) <= largest:
            break
    N = int(np.prod(grid))
    groups = strategies.random_groups(rng, N, [int(np.prod(w)) for w in windows]) if rng.random() < 0.3 else None
    return tnsim.ConvAC(
        sites=grid if plane else N,
        features=int(rng.choice([1, 2, 2, 3, 4] if N <= 9 else [2, 2, 3])),
        channels=tuple(rng.integers(1, widest + 1, depth).tolist()),
        windows=tuple(w if plane else w[0] for w in windows),
        classes=int(rng.integers(1, 3)),
        sharing=sharing or tuple(rng.choice(KINDS, depth, p=[0.45, 0.45, 0.1]).tolist()),
        geometry="mirror" if mirror else groups,
    )


def _windows(rng, depth, mirror, plane):
    if mirror:
        return [(2, 2) if plane else (2,)] * depth
    if plane:
        return [[(2, 2), (1, 2), (2, 1), (1, 3), (3, 1)][rng.integers(5)] for _ in range(depth)]
    return [(int(rng.choice([2, 2, 2, 3, 4])),) for _ in range(depth)]


def partition(rng, arch):
    """A mask: any sites, or whole subtrees and perhaps one site more; neither side empty."""
    while True:
        mask = rng.random(arch.size) < 0.5
        if rng.random() < 0.5 and arch.depth > 1:
            below = arch.sites_below(int(rng.integers(0, arch.depth - 1)))
            mask = np.zeros(arch.size, dtype=bool)
            mask[below[rng.random(len(below)) < 0.5].ravel()] = True
            mask[rng.integers(arch.size)] ^= rng.random() < 0.5
        if 0 < mask.sum() < arch.size:
            return mask


def with_dims(arch, dims, sharing=None):
    """The same wiring with other features and widths."""
    return tnsim.ConvAC(
        sites=arch.sites, features=int(dims[0]), channels=tuple(int(r) for r in dims[1:]), windows=arch.windows,
        classes=arch.classes, sharing=sharing or arch.sharing, geometry=arch.geometry,
    )  # fmt: skip
