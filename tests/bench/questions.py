"""Small cases of every workload, and their answers by NumPy and the oracle."""

import numpy as np
import opt_einsum
import oracle

from tnsim.bench.cases import Case
from tnsim.bench.workloads import WORKLOADS, cut, trees

SMALL = [
    Case("amplitude", 8, 4, 3), Case("scores", (4, 4), 3, 3, 5), Case("scores", 8, 3, 4, 5, "full"),
    Case("value-and-grad", 4, 3, 3, 5), Case("norm", 8, 3, 2, dtype="float64"),
    Case("renyi", 4, 3, 2, 4, dtype="float64"), Case("spectrum", 4, 3, 2, dtype="float64"),
    Case("regular", 10, 3), Case("peps", (3, 3), 3), Case("strip", (2, 4), 3),
    Case("circuit", (2, 3), 8, dtype="complex64"), Case("sycamore", (2, 3), 4, dtype="complex64"),
    Case("mps", 6, 3, 2, 5), Case("mps-gradient", 6, 3, 2, 5), Case("graph", 4, 3, 3),
]  # fmt: skip


def contracted(case, arrays):
    """The tensors of a case's einsums, by NumPy."""
    found = []
    for einsum in WORKLOADS[case.workload].einsums(case):
        operands = cut(arrays, einsum.operands, lambda array, axis: list(np.moveaxis(array, axis, 0)))
        parts = [part for pair in zip(operands, einsum.terms, strict=True) for part in (pair[0], list(pair[1]))]
        path = list(einsum.path) if einsum.path else "greedy"
        found.append(opt_einsum.contract(*parts, list(einsum.output), optimize=path))
    return found


def answer(case):
    return WORKLOADS[case.workload].answer(case, contracted(case, WORKLOADS[case.workload].inputs(case)))


def oracles(case):
    """Wiring, banks and output of a tree as the oracle takes them."""
    tree, inputs = trees.tree_of(case), WORKLOADS[case.workload].inputs(case)
    wiring = oracle.levels(tree.grid, ((2,) * len(tree.grid),) * tree.depth, (case.sharing,) * tree.depth)
    return wiring, [inputs[f"conv_{level}"] for level in range(tree.depth)], inputs["output"]


def dense(case):
    return oracle.tensor(*oracles(case), 0)
