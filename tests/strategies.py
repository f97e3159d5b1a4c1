"""Cases that laws are tried on: small architectures from a fixed pool, so that each compiles once, and free weights."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import oracle
from hypothesis import strategies as st

import tnsim

DTYPES = ("float32", "float64", "complex64", "complex128")
SHAPES = [  # sites, windows: 1D and 2D, windows of 2 to 4, mixed per level, and shallow ones
    (8, (2, 2, 2)), (4, (2, 2)), (9, (3, 3)), (6, (2, 3)), (12, (3, 2, 2)), (8, (4, 2)), (6, (6,)), (4, (4,)),
    (2, (2,)), ((2, 4), (2, (1, 2))), ((4, 4), (2, 2)), ((3, 3), (3,)), ((2, 6), ((2, 3), (1, 2))),
    ((3, 4), ((3, 2), (1, 2))), ((1, 6), ((1, 3), (1, 2))), ((2, 2), (2,)), (16, (4, 4)), (16, (2, 2, 2, 2)),
]  # fmt: skip
MIRRORED = [(8, (2, 2, 2)), ((4, 4), (2, 2)), (4, (2, 2)), ((2, 2), (2,))]
LARGEST = 2**12


def pairs(window, grid):
    """A window as (h, w) or (n,), as the architecture normalises it."""
    return tuple(window) if isinstance(window, tuple) else (window,) * len(grid)


def random_groups(rng, sites, windows):
    """For every level a random grouping of its positions."""
    groups, count = [], sites
    for window in windows:
        order = rng.permutation(count)
        groups.append(order.reshape(-1, window).tolist())
        count //= window
    return groups


def _architecture(rng, sites, windows, geometry):
    size = int(np.prod(sites))
    features = int(rng.choice([1, 2, 2, 3, 3, 4]))
    while features > 1 and features**size > LARGEST:
        features -= 1
    features = 2 if size == 16 else features  # the largest: 2^16
    grid = sites if isinstance(sites, tuple) else (sites,)
    if geometry == "user":
        geometry = random_groups(rng, size, [int(np.prod(pairs(w, grid))) for w in windows])
    kinds = ("none", "window", "full")
    mixed = tuple(rng.choice(kinds, len(windows)).tolist())
    return tnsim.ConvAC(
        sites=sites, features=features, windows=windows,
        channels=tuple(rng.choice([1, 2, 2, 3, 3, 4, 4], len(windows)).tolist()),
        classes=int(rng.integers(1, 4)), sharing=kinds[rng.integers(3)] if rng.random() < 0.5 else mixed,
        geometry=geometry,
    )  # fmt: skip


def _pool():
    rng = np.random.default_rng(20170404)
    square = [_architecture(rng, *shape, None) for shape in SHAPES]
    mirror = [_architecture(rng, *shape, "mirror") for shape in MIRRORED]
    user = [_architecture(rng, *SHAPES[i], "user") for i in range(14)]
    return [*square, *mirror, *user]


POOL = _pool()
FEW = POOL[::3]  # for laws that follow from no code of their own; each architecture costs a second of compiling


def wiring(arch):
    """The oracle's own wiring of an architecture, from its hyper-parameters."""
    geometry = arch.geometry if not isinstance(arch.geometry, tuple) else [t.array.tolist() for t in arch.geometry]
    return oracle.levels(arch.grid, arch.windows, arch.sharing, geometry)


def shapes(arch):
    """Bank shapes, the output's last, from the definition."""
    widths = (arch.features, *arch.channels)
    levels = wiring(arch)
    convs = [(max(slots) + 1, widths[l + 1], widths[l]) for l, (_, slots) in enumerate(levels)]
    return [*convs, (arch.classes, widths[-1])]


def named(banks):
    """The pytree {"conv_0": .., "output": ..} of a list of banks."""
    return {**{f"conv_{level}": bank for level, bank in enumerate(banks[:-1])}, "output": banks[-1]}


def normal(rng, shape, dtype="float64"):
    """Normal numbers, real or complex."""
    values = rng.normal(size=shape)
    if np.dtype(dtype).kind == "c":
        values = values + 1j * rng.normal(size=shape)
    return values.astype(dtype)


@dataclass(frozen=True, eq=False)
class Case:
    """An architecture with weights (each bank times a power of two), a label and a partition."""

    arch: tnsim.ConvAC
    weights: list
    powers: tuple
    label: int
    mask: np.ndarray
    gram: np.ndarray | None = None

    def __repr__(self):
        gram = None if self.gram is None else (self.gram.shape, self.gram.dtype)
        A = np.flatnonzero(self.mask).tolist()
        weights = f"{self.weights[0].dtype}, powers={self.powers}"
        return f"Case({self.arch!r}, {weights}, label={self.label}, A={A}, gram={gram})"

    @property
    def params(self):
        return named([np.ldexp(bank, p) if bank.dtype.kind == "f" else bank * bank.dtype.type(2.0**p)
                      for bank, p in zip(self.weights, self.powers, strict=True)])  # fmt: skip

    @cached_property
    def state(self):
        return self.arch.state(self.params, self.label, "coefficient" if self.gram is None else "function", self.gram)

    @cached_property
    def schmidt(self):
        return self.state.schmidt(self.mask)

    @property
    def wide(self):
        """The weights without their powers, in double precision."""
        return [bank.astype(np.result_type(bank, np.float64)) for bank in self.weights]

    @property
    def log_scale(self):
        """ln of what the powers multiply the state by: each counts once for every position that reads the bank."""
        counts = [len(slots) for _, slots in wiring(self.arch)] + [1]
        return np.log(2) * sum(p * n for p, n in zip(self.powers, counts, strict=True))

    @cached_property
    def dense(self):
        """The oracle's tensor, without the powers."""
        *banks, output = self.wide
        roots = None
        if self.gram is not None:
            grams = np.broadcast_to(self.gram, (self.arch.size, *self.gram.shape[-2:]))
            roots = [oracle.hermitian_root(gram) for gram in grams]
        return oracle.tensor(wiring(self.arch), banks, output, self.label, roots)


def architectures():
    """One of the pool."""
    return st.sampled_from(POOL)


@st.composite
def masks(draw, sites):
    """A partition: neither side empty."""
    number = draw(st.integers(1, 2**sites - 2))
    return np.array([number >> i & 1 for i in range(sites)], dtype=bool)


def cases(dtypes=DTYPES, archs=POOL, measured=False, scaled=True):
    """Architecture, weights, label and partition; measured: with Gram matrices too, one or one for each site."""
    # Asked beforehand: type checkers draw random numbers to look into containers, which no strategy may.
    return _cases([(arch, shapes(arch), arch.size) for arch in archs], dtypes, measured, scaled)


@st.composite
def _cases(draw, archs, dtypes, measured, scaled):
    arch, bank_shapes, sites = draw(st.sampled_from(archs))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = draw(st.sampled_from(dtypes))
    weights = [normal(rng, shape, dtype) for shape in bank_shapes]
    power = st.integers(-100, 100) if scaled else st.just(0)  # 1e-30 to 1e30, exact in every dtype
    powers = tuple(draw(power) for _ in weights)
    gram = _gram(draw, rng, sites, arch.features, np.result_type(dtype, np.float64)) if measured else None
    return Case(arch, weights, powers, draw(st.integers(0, arch.classes - 1)), draw(masks(sites)), gram)


def _gram(draw, rng, sites, M, dtype):
    """Hermitian positive, real or complex as the weights, one or one for each site."""
    count = draw(st.sampled_from([(), (sites,)]))
    root = normal(rng, (*count, M, M), dtype)
    return root @ np.conj(np.swapaxes(root, -1, -2)) + 0.1 * np.eye(M)
