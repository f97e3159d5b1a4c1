"""Architectures of all kinds with free weights, and their tensors from the definition: what the tests draw from."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import oracle
from hypothesis import strategies as st
from strategies import normal

import tnsim

POOL = {
    "mps": tnsim.MPS(5, 2, 3, classes=3),
    "mps-bonds": tnsim.MPS(5, 2, (2, 3, 4, 2), classes=2, label=0),
    "mps-last": tnsim.MPS((2, 2), 3, 2, classes=2, label=3, sharing="full"),
    "mps-state": tnsim.MPS(6, 2, 3),
    "mps-ring": tnsim.MPS(5, 2, 3, classes=2, boundary="periodic"),
    "mps-ring-bonds": tnsim.MPS(4, 2, (2, 3, 2, 4), boundary="periodic"),
    "mps-ring-shared": tnsim.MPS(4, 2, 2, boundary="periodic", sharing="full"),
    "ttn": tnsim.TTN(8, 2, (3, 4), (2, 2, 2), classes=3),
    "ttn-2d": tnsim.TTN((2, 4), 2, (3,), (2, (1, 2)), classes=2, sharing="full"),
    "ttn-groups": tnsim.TTN(6, 2, (3,), (3, 2), classes=2, geometry=(((0, 2, 4), (5, 1, 3)), ((1, 0),))),
    "ttn-flat": tnsim.TTN(3, 3, (), (3,), classes=2),
    "tucker": tnsim.Tucker(4, 3, 2, 3),
    "cp": tnsim.CP(4, 3, 5, 2),
    "rac": tnsim.RAC(5, 2, 3, 2),
    "rac-unshared": tnsim.RAC(4, 3, 2, 3, sharing="none"),
    "peps": tnsim.PEPS((2, 3), 2, 2, classes=3),
    "peps-state": tnsim.PEPS((3, 3), 2, 2),
    "mera": tnsim.MERA(8, 2, 3, classes=2),
    "mera-open": tnsim.MERA(8, 2, 2, boundary="open", sharing="level"),
    "mera-small": tnsim.MERA(4, 2, 4, classes=3),
    "overlapping": tnsim.OverlappingConvAC(5, 2, (3, 2), (2, 2), classes=2),
    "overlapping-2d": tnsim.OverlappingConvAC((2, 3), 2, (3,), (2,), classes=2, sharing="none"),
    "dilated": tnsim.DilatedConvAC(8, 2, (3, 2, 3), (2, 2, 2), classes=2),
    "dilated-shared": tnsim.DilatedConvAC(6, 2, (2, 3), (2, 2), classes=2, boundary="periodic"),
}
LINEAR = [name for name in POOL if not name.startswith(("overlapping", "dilated"))]  # in every site's features


@dataclass(frozen=True)
class Case:
    """An architecture of the pool with free weights of a type."""

    name: str
    dtype: str
    seed: int

    @property
    def arch(self):
        return POOL[self.name]

    @property
    def classes(self):
        """Numbers of its classes; None alone where it has no class leg."""
        return [None] if getattr(self.arch, "classes", None) is None else list(range(self.arch.classes))

    @cached_property
    def params(self):
        rng = np.random.default_rng(self.seed)
        return {name: normal(rng, shape, self.dtype) for name, shape in self.arch.network.bank_shapes.items()}

    @cached_property
    def wide(self):
        kind = np.result_type(self.dtype, np.float64)
        return {name: bank.astype(kind) for name, bank in self.params.items()}

    def dense(self, label):
        """psi of one class, an axis a site."""
        kind = self.name.split("-")[0]
        return TENSORS[kind](self.arch, self.wide, label)


def cases(names=tuple(POOL), dtypes=("float32", "float64", "complex64", "complex128")):
    """Cases drawn from the pool."""
    return st.builds(Case, st.sampled_from(names), st.sampled_from(dtypes), st.integers(0, 2**32 - 1))


def _mps(arch, banks, label):
    cores, used = [], {}
    bonds, open_ = arch.bonds, arch.boundary == "open"
    for site in range(arch.size):
        left = 1 if open_ and site == 0 else bonds[site - 1]
        right = 1 if open_ and site == arch.size - 1 else bonds[site]
        shape = (left, arch.features, right)
        if site == arch.label:
            cores.append(banks["label"].reshape(arch.classes, *shape))
        elif open_ and site in (0, arch.size - 1):
            cores.append(banks["last" if site else "first"].reshape(shape))
        else:
            inner = {name: bank for name, bank in banks.items() if name.startswith("cores") and bank.shape[1:] == shape}
            ((name, bank),) = inner.items()
            used[name] = used.get(name, -1) + 1
            cores.append(bank[0 if arch.sharing == "full" else used[name]])
    return oracle.mps_tensor(cores, label, arch.label, not open_)


def _ttn(arch, banks, label):
    geometry = arch.geometry if not isinstance(arch.geometry, tuple) else [t.array.tolist() for t in arch.geometry]
    kinds = ["full" if kind == "full" else "none" for kind in arch.sharing]
    levels = []
    for level, (groups, _) in enumerate(oracle.levels(arch.grid, arch.windows, kinds, geometry)):
        bank = banks["output"][None] if level == arch.depth - 1 else banks[f"core_{level}"]
        levels.append((groups, [bank[0 if len(bank) == 1 else node] for node in range(len(groups))]))
    return oracle.ttn_tensor(levels, label)


def _tucker(arch, banks, label):
    return oracle.tucker_tensor(banks["output"], list(banks["core_0"]), label)


def _cp(arch, banks, label):
    dense = 0
    for g in range(arch.channels[0]):
        term = banks["output"][label, g]
        for vector in banks["conv_0"][:, g]:
            term = np.multiply.outer(term, vector)
        dense = dense + term
    return dense


def _rac(arch, banks, label):
    into, hidden = ([bank[t % len(bank)] for t in range(arch.size)] for bank in (banks["input"], banks["hidden"]))
    return oracle.rac_tensor(into, hidden, banks["start"], banks["output"], label)


def _peps(arch, banks, label):
    height, width = arch.grid
    middle = (height // 2, width // 2) if arch.classes else None
    used, cores = {}, []
    for i in range(height):
        for j in range(width):
            there = [i > 0, j > 0, i < height - 1, j < width - 1]
            name = "core_" + "".join(letter for letter, one in zip("uldr", there, strict=True) if one)
            name = "label" if (i, j) == middle else name
            used[name] = used.get(name, -1) + 1
            bank = banks[name] if name == "label" else banks[name][used[name]]
            front = bank.shape[:1] if name == "label" else ()
            cores.append(bank.reshape(*front, *(arch.bond if one else 1 for one in there), arch.features))
    rows = [cores[i * width : (i + 1) * width] for i in range(height)]
    return oracle.peps_tensor(rows, label, middle)


def _mera(arch, banks, label):
    levels, count = [], arch.sites
    for level in range(arch.levels):
        gates, joins = banks[f"disentangler_{level}"], banks[f"isometry_{level}"]
        many = count // 2 - (arch.boundary == "open")
        both = ((gates, many), (joins, count // 2))
        levels.append(tuple([bank[k % len(bank)] for k in range(number)] for bank, number in both))
        count //= 2
    return oracle.mera_state(banks["output"], levels, label, arch.boundary == "periodic")


def reading(arch, banks, features):
    """Scores of an architecture whose windows share what they read, for features (sites, M); 1D or one level."""
    levels, grid = [], arch.grid
    for level in range(arch.depth):
        window, stride = arch.windows[level], arch.strides[level]
        apart = getattr(arch, "dilations", ((1,) * len(grid),) * arch.depth)[level]
        after = tuple(
            n // s if arch.boundary == "periodic" else (n - (w - 1) * d - 1) // s + 1
            for n, w, s, d in zip(grid, window, stride, apart, strict=True)
        )
        at = lambda *ways: [(u * s + j * d) % n for u, j, s, d, n in zip(*ways)]  # noqa: E731
        below = [
            [np.ravel_multi_index(at(place, offset, stride, apart, grid), grid) for offset in np.ndindex(*window)]
            for place in np.ndindex(*after)
        ]
        size = len(below[0])
        rows = [[(p * size if arch.sharing == "none" else 0) + j for j in range(size)] for p in range(len(below))]
        levels.append((below, rows, banks[f"conv_{level}"]))
        grid = after
    return oracle.reading_scores(levels, banks["output"], features)


def _reading(arch, banks, label):
    eye, dense = np.eye(arch.features), np.zeros((arch.features,) * arch.size, banks["output"].dtype)
    for digits in np.ndindex(*dense.shape):
        dense[digits] = reading(arch, banks, eye[list(digits)])[label]
    return dense


TENSORS = {"mps": _mps, "ttn": _ttn, "tucker": _tucker, "cp": _cp, "rac": _rac, "peps": _peps, "mera": _mera,
           "overlapping": _reading, "dilated": _reading}  # fmt: skip
