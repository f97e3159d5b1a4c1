"""Networks of any wiring with numbers, as plain lists, for laws that hold of all of them; and some that have names."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import oracle
from hypothesis import strategies as st
from strategies import DTYPES, masks, normal

import tnsim
from tnsim.network import Stack, Table, build


@dataclass(frozen=True, eq=False)
class World:
    """dims of all indices, legs of all tensors, the tensors, the index of every site, outputs and the class of each."""

    dims: list
    legs: list
    tensors: list
    sites: list
    outputs: tuple = ()
    labels: tuple = ()
    gram: object = None
    mask: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))

    def __repr__(self):
        A, dtype = np.flatnonzero(self.mask).tolist(), self.tensors[0].dtype
        wiring = f"dims={self.dims}, legs={self.legs}, sites={self.sites}, outputs={self.outputs}"
        return f"World({wiring}, labels={self.labels}, A={A}, {dtype}, gram={self.gram is not None})"

    @cached_property
    def network(self):
        """A run for every index, a stack for every tensor."""
        runs = [(f"i{k}", 1, dim) for k, dim in enumerate(self.dims)]
        stacks = [
            Stack(f"t{k}", 0, tensor.shape, Table([0]), Table(np.array(its, np.int32).reshape(1, -1)))
            for k, (its, tensor) in enumerate(zip(self.legs, self.tensors, strict=True))
        ]
        return build(runs, stacks, np.array(self.sites, np.int32), self.outputs)

    @property
    def banks(self):
        return {f"t{k}": tensor for k, tensor in enumerate(self.tensors)}

    @cached_property
    def state(self):
        measure = "coefficient" if self.gram is None else "function"
        return tnsim.network_state(self.network, self.banks, self.labels, measure, self.gram)

    @property
    def site_dims(self):
        return [self.dims[index] for index in self.sites]

    @cached_property
    def dense(self):
        """psi by the definition, in double precision."""
        wide = [tensor.astype(np.result_type(tensor, np.float64)) for tensor in self.tensors]
        roots = None
        if self.gram is not None:
            grams = self.gram if isinstance(self.gram, list) else [self.gram] * len(self.sites)
            roots = [oracle.hermitian_root(gram) for gram in grams]
        return oracle.network_tensor(self.legs, wide, self.sites, self.outputs, self.labels, roots)

    @property
    def is_zero(self):
        return np.linalg.norm(self.dense) < 1e-7 * np.prod([np.linalg.norm(tensor) for tensor in self.tensors])

    def at(self, mask):
        return replace(self, mask=np.asarray(mask))


def drawn(measured=False):
    """Worlds of a few tensors: loops, copy indices, diagonals, scalars, parts apart, sites that share an index."""
    # Asked beforehand, as in strategies.cases.
    return _drawn(measured)


@st.composite
def _drawn(draw, measured):
    dims = draw(st.lists(st.integers(1, 3), min_size=2, max_size=8))
    numbers = st.integers(0, len(dims) - 1)
    legs = draw(st.lists(st.lists(numbers, max_size=4).map(tuple), min_size=1, max_size=7))
    met = st.sampled_from(sorted({index for its in legs for index in its} | {0}))
    sites = draw(st.lists(met, min_size=2, max_size=5))
    outputs = tuple(draw(st.lists(met, max_size=2, unique=True)))
    labels = tuple(draw(st.integers(0, dims[index] - 1)) for index in outputs)
    legs = [*legs, (0,)]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = draw(st.sampled_from(DTYPES))
    tensors = [normal(rng, tuple(dims[index] for index in its), dtype) for its in legs]
    gram = None
    if measured and draw(st.booleans()):
        roots = [normal(rng, (dims[index],) * 2, np.result_type(dtype, np.float64)) for index in sites]
        gram = [root @ root.conj().T + 0.1 * np.eye(len(root)) for root in roots]
        gram = gram[0] if draw(st.booleans()) and len({len(one) for one in gram}) == 1 else gram
        gram = np.stack(gram) if isinstance(gram, list) and len({len(one) for one in gram}) == 1 else gram
    return World(dims, legs, tensors, sites, outputs, labels, gram, draw(masks(len(sites))))


def chain(tensors, ring=False):
    """A matrix product state of tensors (left, site, right); a chain's ends have one bond of dimension 1 less."""
    N = len(tensors)
    dims = [tensor.shape[1] for tensor in tensors] + [tensor.shape[2] for tensor in tensors]
    legs = [(N + (k - 1) % N, k, N + k) for k in range(N)]
    if ring:
        return World(dims, legs, list(tensors), list(range(N)))
    ends = [tensors[0][0], *tensors[1:-1], tensors[-1][..., 0]]
    return World(dims[:-1], [legs[0][1:], *legs[1:-1], legs[-1][:2]], ends, list(range(N)))


def random_chain(N, bond, d=2, seed=0, ring=False, dtype="float64"):
    """Normal numbers, about normalised."""
    rng = np.random.default_rng(seed)
    left = [bond if k or ring else 1 for k in range(N)]
    right = [bond if k < N - 1 or ring else 1 for k in range(N)]
    return chain([normal(rng, (a, d, b), dtype) / (d * bond) ** 0.5 for a, b in zip(left, right, strict=True)], ring)


def aklt(N):
    """The ring of Affleck, Kennedy, Lieb and Tasaki: spins 1, bond 2."""
    up, z = np.array([[0, 1], [0, 0]]), np.diag([1.0, -1.0])
    site = np.stack([2**0.5 * up, -z, -(2**0.5) * up.T], axis=1) / 3**0.5
    return chain([site] * N, ring=True)


def peps(height, width, bond, d=2, seed=0):
    """A grid of tensors, one bond between neighbours."""
    rng, dims, legs = np.random.default_rng(seed), [d] * (height * width), [[k] for k in range(height * width)]
    for row in range(height):
        for column in range(width):
            for other in [(row, column + 1)] * (column + 1 < width) + [(row + 1, column)] * (row + 1 < height):
                for k in (row * width + column, other[0] * width + other[1]):
                    legs[k].append(len(dims))
                dims.append(bond)
    tensors = [normal(rng, tuple(dims[index] for index in its)) for its in legs]
    return World(dims, [tuple(its) for its in legs], tensors, list(range(height * width)))


def tree(depth, bond, d=2, seed=0):
    """A binary tree of dense cores (left, right, above), two sites below each of the lowest."""
    rng, N = np.random.default_rng(seed), 2**depth
    dims, legs, below = [d] * N, [], list(range(N))
    while len(below) > 1:
        top = len(below) == 2
        above = [] if top else list(range(len(dims), len(dims) + len(below) // 2))
        dims += [bond] * len(above)
        legs += [(*below[2 * k : 2 * k + 2], *above[k : k + 1]) for k in range(len(below) // 2)]
        below = above or below[:1]
    tensors = [normal(rng, tuple(dims[index] for index in its)) for its in legs]
    return World(dims, legs, tensors, list(range(N)))


def ghz(N, d=2):
    """A copy index that joins all sites, with equal weights."""
    return World([d], [(0,)], [np.ones(d)], [0] * N)
