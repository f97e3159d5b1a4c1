"""Measures of the state of one class: norm, Renyi-2 and Schmidt spectrum, as contractions of replicas. Uses trees.

    norm      <psi|psi>: the tree and its conjugate, joined at the sites
    renyi     Tr rho_A^2: four trees a b c d; sites of B join a-b and c-d, sites of A join a-d and c-b
    spectrum  psi = sum_r L_r R_r: the Gram matrices of L and of R, r x r, then a small SVD

The weights are the scores' residuals, each matrix scaled so that the Gram matrix above it peaks at 1: no contender
leaves float range, whatever the number of sites.
"""

from __future__ import annotations

from math import prod

import numpy as np
from jaxtyping import Bool, Num

from tnsim.bench.cases import Case
from tnsim.bench.workloads.trees import Tree, bank_shapes, residual_banks, tree_of
from tnsim.bench.workloads.workload import Answer, Arrays, Einsum, Floor, Operand

SPREAD = 0.4  # of a level's maps: entangled, while traces stay in float64's range at thousands of sites


def pooled(values: Num[np.ndarray, "positions ..."], tree: Tree, level: int) -> Num[np.ndarray, "nodes ..."]:
    """Products over the windows of a level."""
    side, rest = [n >> (level + 1) for n in tree.grid], values.shape[1:]
    if len(side) == 1:
        return values.reshape(side[0], 2, *rest).prod(1)
    return values.reshape(side[0], 2, side[1], 2, *rest).prod((1, 3)).reshape(-1, *rest)


def state_inputs(case: Case) -> Arrays:
    """Banks of one class; "masks" (batch, sites) for Renyi entropies, True in A."""
    rng, tree = np.random.default_rng(case.seed), tree_of(case)
    drawn = residual_banks(case, rng, classes=1, spread=SPREAD)
    banks = {name: bank.astype(np.float64) for name, bank in drawn.items()}
    grams = np.broadcast_to(np.eye(case.features), (1, case.features, case.features))
    for level in range(tree.depth):
        bank = banks[f"conv_{level}"]
        grams = bank @ grams @ bank.swapaxes(-1, -2)
        peak = np.abs(grams).max((-2, -1), keepdims=True)
        banks[f"conv_{level}"], grams = bank / peak**0.5, grams / peak
        grams = pooled(grams, tree, level) if len(grams) > 1 else grams**tree.window
    banks["output"] += 0.3  # a class that sees all channels
    found = {name: bank.astype(case.dtype) for name, bank in banks.items()}
    if case.workload != "renyi":
        return found
    masks = rng.random((case.batch, tree.size)) < 0.5
    masks[:, 0], masks[:, -1] = True, False  # neither side is empty
    return found | {"masks": masks}


def _replicas(case: Case, count: int, leaves: list[tuple[int, ...]] | None, below: range | None = None):
    """Terms and operands of `count` copies of the trees below the top nodes, their indices apart but for the sites.

    leaves: of every replica the index of each site, None to leave the lowest matrices out. below: the positions of the
    last level that are wanted, all for None. Returns (terms, operands, root index of each replica, sizes).
    """
    tree, shapes = tree_of(case), bank_shapes(case, classes=1)
    starts = np.cumsum([0, *tree.positions]).tolist()
    wanted = [np.ones(n, bool) for n in tree.positions[:-1]]
    if below is not None:
        wanted[-1] = np.isin(np.arange(tree.window), list(below))
        for level in range(tree.depth - 2, -1, -1):
            wanted[level] = wanted[level + 1][tree.nodes_above(level)]
    terms, operands = [], []
    for replica in range(count):
        for level in range(0 if leaves else 1, tree.depth):
            shared = shapes[f"conv_{level}"][0] == 1
            for place, node in enumerate(tree.nodes_above(level).tolist()):
                if wanted[level][place]:
                    low = leaves[replica][place] if level == 0 and leaves else count * (starts[level] + place) + replica
                    terms.append((count * (starts[level + 1] + node) + replica, low))
                    operands.append(Operand(f"conv_{level}", 0, 0 if shared else place))
    roots = tuple(count * starts[-2] + replica for replica in range(count))
    sizes = {index: case.features if index < count * tree.size else case.width for index in range(count * starts[-1])}
    return terms, operands, roots, sizes


def _einsum(terms, output, sizes, operands) -> Einsum:
    used = {index for term in terms for index in term}
    return Einsum(tuple(terms), tuple(output), {i: n for i, n in sizes.items() if i in used}, tuple(operands))


def _row(case: Case, roots, sizes):
    """The class's row on the root of every replica: terms, operands, sizes."""
    fresh = max(sizes) + 1
    terms = [(fresh + number, root) for number, root in enumerate(roots)]
    return terms, [Operand("output")] * len(roots), {fresh + number: 1 for number in range(len(roots))}


def norm_einsums(case: Case) -> tuple[Einsum, ...]:
    """<psi|psi> of real weights; the result has two axes of size 1, the class of either copy."""
    sites = tuple(2 * site for site in range(tree_of(case).size))
    terms, operands, roots, sizes = _replicas(case, 2, [sites, sites])
    more, rows, fresh = _row(case, roots, sizes)
    return (_einsum(terms + more, list(fresh), sizes | fresh, operands + rows),)


def renyi_einsums(case: Case) -> tuple[Einsum, ...]:
    """Tr rho_A^2, not normalised, and the norm.

    One partition is wired into the indices of the sites. For several the lowest matrices are left out, and an operand
    "leaves" (sites, r, r, r, r) stands in their place, which a contender makes from a mask and Gram matrices.
    """
    size = tree_of(case).size
    wired = None
    if case.batch == 1:
        mask = state_inputs(case)["masks"][0]
        first, second = ([4 * site + k for site in range(size)] for k in (0, 1))
        turned = [tuple(np.where(mask, b, a).tolist()) for a, b in ((first, second), (second, first))]
        wired = [tuple(first), turned[0], tuple(second), turned[1]]
    terms, operands, roots, sizes = _replicas(case, 4, wired)
    if wired is None:
        above = tree_of(case).nodes_above(0).tolist()
        terms += [tuple(4 * (size + node) + replica for replica in range(4)) for node in above]
        operands += [Operand("leaves", 0, site) for site in range(size)]
    more, rows, fresh = _row(case, roots, sizes)
    return (_einsum(terms + more, list(fresh), sizes | fresh, operands + rows), *norm_einsums(case))


def sides(tree: Tree) -> tuple[range, range]:
    """Positions of the last level on the left and on the right."""
    return (range(0, 1), range(1, 2)) if tree.window == 2 else (range(0, 4, 2), range(1, 4, 2))


def spectrum_einsums(case: Case) -> tuple[Einsum, ...]:
    """The Gram matrices (r, r) of the left half, times the class's row, and of the right half."""
    tree = tree_of(case)
    sites = tuple(2 * site for site in range(tree.size))
    left, right = (_replicas(case, 2, [sites, sites], side) for side in sides(tree))
    more, rows, fresh = _row(case, left[2], left[3])
    return (
        _einsum(left[0] + more, left[2], left[3] | fresh, left[1] + rows),
        _einsum(right[0], right[2], right[3], right[1]),
    )


def norm_answer(case: Case, tensors) -> Answer:
    """ln <psi|psi>."""
    return np.log(np.asarray(tensors[0], np.float64)).ravel()


def renyi_answer(case: Case, tensors) -> Answer:
    """-ln (Tr rho_A^2 / <psi|psi>^2) of every partition, nats."""
    trace, norm = (np.asarray(tensor, np.float64).ravel() for tensor in tensors)
    return 2 * np.log(norm) - np.log(trace)


def schmidt(left: Num[np.ndarray, "r r"], right: Num[np.ndarray, "r r"]) -> Answer:
    """Squares of the Schmidt values of sum_r L_r R_r, normalised, descending, from the halves' Gram matrices."""
    factors = []
    for gram in (left, right):
        values, vectors = np.linalg.eigh(np.asarray(gram, np.float64))
        factors.append(np.sqrt(np.maximum(values, 0))[:, None] * vectors.T)
    squares = np.linalg.svd(factors[0] @ factors[1].T, compute_uv=False) ** 2
    return squares / squares.sum()


def spectrum_answer(case: Case, tensors) -> Answer:
    """Squared Schmidt values, descending, r of them."""
    return schmidt(*tensors)


def padded(case: Case, squares: Num[np.ndarray, "values"]) -> Answer:
    """Squared Schmidt values with zeros up to r of them."""
    return np.pad(squares[: case.width], (0, max(0, case.width - len(squares))))


def distinct(case: Case) -> tuple[int, ...]:
    """Matrices of every level with different subtrees below: one a level where all share."""
    positions = tree_of(case).positions[:-1]
    return positions if case.sharing == "none" else (1,) * len(positions)


def norm_floor(case: Case) -> Floor:
    """Two matrix products for each different subtree, and the products of the windows."""
    cost, r = 0.0, case.width
    for level, different in enumerate(distinct(case)):
        fan_in = case.features if level == 0 else r
        cost += different * (r * fan_in * (fan_in if level else 0) + r * r * fan_in + r * r)
    numbers = sum(map(prod, bank_shapes(case, classes=1).values()))
    return Floor(cost, float(numbers * np.dtype(case.dtype).itemsize), 1.0)


def renyi_floor(case: Case) -> Floor:
    """Natural cost: a matrix on each of four legs, r^5 each; tables of small subtrees and symmetries can save some."""
    tree, r = tree_of(case), case.width
    inner = sum(4 * r**5 * n for n in tree.positions[1:-1]) + r**4 * tree.size
    gram = norm_floor(case)
    masks = case.batch * (tree.size + 8.0)
    return Floor(gram.multiply_adds + float(case.batch * inner), gram.bytes + masks, float(case.batch))


def partitions(case: Case) -> Bool[np.ndarray, "batch sites"]:
    """The masks of a case."""
    return state_inputs(case)["masks"]
