"""Scores of ConvACs: trees with windows of 2 (1D) or 2 x 2, their inputs in NumPy, their einsums. Uses workload.

    features (batch, sites, M) --[conv_0]--( window )--[conv_1]--( window )-- .. --[output]-- scores (batch, classes)

Weights are small residuals around the constant 1 (feature 0 and channel 0 are constant), so that scores stay of order 1
at any number of sites and contenders without scales keep in range.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from jaxtyping import Int

from tnsim.bench.cases import Case
from tnsim.bench.workloads.training import labels
from tnsim.bench.workloads.workload import Answer, Arrays, Einsum, Floor, Operand, real

CLASSES = 10
SINGLE = ("amplitude", "graph")  # one sample, with no batch axis
SPREAD = 0.1  # of a level's maps: products of windows stay near 1


@dataclass(frozen=True)
class Tree:
    """Geometry of a case: `grid` of sites, windows of 2 in every direction, numbered row-major."""

    grid: tuple[int, ...]

    @property
    def size(self) -> int:
        return prod(self.grid)

    @property
    def window(self) -> int:
        """Positions in a window: 2 or 4."""
        return 2 ** len(self.grid)

    @property
    def depth(self) -> int:
        return self.grid[0].bit_length() - 1

    @property
    def positions(self) -> tuple[int, ...]:
        """Of every level, and 1 for the root."""
        return tuple(self.size // self.window**level for level in range(self.depth + 1))

    def nodes_above(self, level: int) -> Int[np.ndarray, "positions"]:
        """The node that every position of a level is pooled into."""
        side = [n >> level for n in self.grid]
        halves = [np.arange(n) // 2 for n in side]
        if len(side) == 1:
            return halves[0]
        return (halves[0][:, None] * (side[1] // 2) + halves[1][None, :]).ravel()


def tree_of(case: Case) -> Tree:
    """The tree of a case. Raises ValueError where its sides are no equal powers of 2."""
    grid = (case.sites,) if isinstance(case.sites, int) else tuple(case.sites)
    side = grid[0]
    if len(grid) > 2 or any(n != side for n in grid) or side < 2 or side & (side - 1):
        raise ValueError(f"sites: wanted a power of 2, or a square of such a side, found {case.sites}")
    return Tree(grid)


def bank_shapes(case: Case, classes: int = CLASSES) -> dict[str, tuple[int, ...]]:
    """{"conv_0": (copies, r, M), .., "output": (classes, r)}."""
    tree = tree_of(case)
    widths = (case.features, *(case.width,) * tree.depth)
    shapes: dict[str, tuple[int, ...]] = {}
    for level in range(tree.depth):
        copies = tree.positions[level] if case.sharing == "none" else 1
        shapes[f"conv_{level}"] = (copies, widths[level + 1], widths[level])
    return shapes | {"output": (classes, case.width)}


def residual_banks(case: Case, rng: np.random.Generator, classes: int = CLASSES, spread: float = SPREAD) -> Arrays:
    """Row 0 copies the constant; the others are 1 + small maps of the centred channels below, folded into one matrix.

    spread: standard deviation of a level's maps. The output's maps have 1: a score depends on all channels.
    """
    mean, deviation, k = 0.5, 0.36, tree_of(case).window
    banks: Arrays = {}
    for name, shape in bank_shapes(case, classes).items():
        output = name == "output"
        rows, size = shape[-2] - (not output), 1.0 if output else spread
        maps = rng.standard_normal((*shape[:-2], rows, shape[-1] - 1)) * size / (shape[-1] - 1) ** 0.5 / deviation
        constant = (0.0 if output else 1.0) - mean * maps.sum(-1, keepdims=True)
        banks[name] = np.concatenate([constant, maps], -1)
        if not output:
            pinned = np.zeros((*shape[:-2], 1, shape[-1]))
            pinned[..., 0] = 1
            banks[name] = np.concatenate([pinned, banks[name]], -2)
            mean, deviation = 1.0, spread * (k * (1 + (k - 1) / 2)) ** 0.5
    return {name: bank.astype(case.dtype) for name, bank in banks.items()}


def score_inputs(case: Case) -> Arrays:
    """Banks and "features" (batch, sites, M), feature 0 the constant 1; an amplitude's have no batch axis."""
    rng = np.random.default_rng(case.seed)
    banks = residual_banks(case, rng)
    shape = (case.batch, tree_of(case).size, case.features)
    features = rng.random(shape, dtype=np.float32).astype(case.dtype)
    features[..., 0] = 1
    return banks | {"features": features[0] if case.workload in SINGLE else features}


def training_inputs(case: Case) -> Arrays:
    """The inputs of scores, and "labels" (batch,)."""
    return score_inputs(case) | labels(case, CLASSES)


def score_einsums(case: Case) -> tuple[Einsum, ...]:
    """One einsum: every matrix, the features of every site, an index for the batch where there is one."""
    tree, shapes = tree_of(case), bank_shapes(case)
    starts = np.cumsum([0, *tree.positions]).tolist()  # the indices below level l begin at starts[l]
    sizes = {index: case.features if index < tree.size else case.width for index in range(starts[-1])}
    batch, classes = starts[-1], starts[-1] + 1
    sizes |= {batch: case.batch, classes: CLASSES}
    terms: list[tuple[int, ...]] = []
    operands: list[Operand] = []
    for level in range(tree.depth):
        copies = shapes[f"conv_{level}"][0]
        for place, node in enumerate(tree.nodes_above(level).tolist()):
            terms.append((starts[level + 1] + node, starts[level] + place))
            operands.append(Operand(f"conv_{level}", 0, place if copies > 1 else 0))
    terms.append((classes, starts[-2]))
    operands.append(Operand("output"))
    outside = () if case.workload in SINGLE else (batch,)
    terms += [(*outside, site) for site in range(tree.size)]
    operands += [Operand("features", len(outside), site) for site in range(tree.size)]
    return (Einsum(tuple(terms), (*outside, classes), sizes, tuple(operands)),)


def forward_cost(case: Case) -> float:
    """Multiply-adds of the scores of one sample: matrices and products over windows, the output's matrix last."""
    tree, cost = tree_of(case), float(CLASSES * case.width)
    for level, positions in enumerate(tree.positions[:-1]):
        fan_in = case.features if level == 0 else case.width
        cost += case.width * (positions * fan_in + positions - tree.positions[level + 1])
    return cost


def score_floor(case: Case) -> Floor:
    """All inputs read, all scores written."""
    numbers = sum(map(prod, bank_shapes(case).values())) + case.batch * (tree_of(case).size * case.features + CLASSES)
    return Floor(case.batch * forward_cost(case), float(numbers * np.dtype(case.dtype).itemsize))


def training_floor(case: Case) -> Floor:
    """Forward, and two products backward for each; none into the features. Banks read, their gradients written."""
    scores, tree = score_floor(case), tree_of(case)
    into_features = case.batch * case.width * tree.size * case.features
    gradients = sum(map(prod, bank_shapes(case).values())) * np.dtype(case.dtype).itemsize
    work = 3 * scores.multiply_adds - into_features
    return Floor(work, scores.bytes + gradients, float(case.batch * (CLASSES + 1)))


def score_answer(case: Case, tensors) -> Answer:
    """The scores themselves."""
    return real(tensors[0])
