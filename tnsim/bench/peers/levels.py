"""Trees level by level, as one would write them by hand, for JAX and PyTorch arrays alike. Uses workloads.

    values (positions, r, batch) --[bank @ values]--> --[product over windows]--> (nodes, r, batch)   or batch first
    Grams (positions, r, r)      --[bank G bank^T]--> --[product over windows]--> (nodes, r, r)
    replicas (positions, r^4)    --[bank on each leg in turn]--> ..

No scales are carried: what is written here is what the weights' range allows. Equal subtrees of shared weights are
computed once where nothing on the sites differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tnsim.bench.workloads.states import sides
from tnsim.bench.workloads.trees import Tree


def pooled(values: Any, tree: Tree, level: int) -> Any:
    """Products over the windows of a level; the leading axis is that of the positions."""
    side, rest = [n >> (level + 1) for n in tree.grid], tuple(values.shape[1:])
    if len(side) == 1:
        pairs = values.reshape(side[0], 2, *rest)
        return pairs[:, 0] * pairs[:, 1]
    rows = values.reshape(side[0], 2, 2 * side[1], *rest)
    rows = (rows[:, 0] * rows[:, 1]).reshape(side[0] * side[1], 2, *rest)
    return rows[:, 0] * rows[:, 1]


def scores_last(tree: Tree, banks: Mapping[str, Any], values: Any) -> Any:
    """Scores (classes, batch) from features (sites, M, batch)."""
    for level in range(tree.depth):
        values = pooled(banks[f"conv_{level}"] @ values, tree, level)
    return banks["output"] @ values[0]


def scores_first(tree: Tree, banks: Mapping[str, Any], values: Any) -> Any:
    """Scores (batch, classes) from features (sites, batch, M)."""
    for level in range(tree.depth):
        values = pooled(values @ banks[f"conv_{level}"].swapaxes(-1, -2), tree, level)
    return values[0] @ banks["output"].swapaxes(-1, -2)


def grams(tree: Tree, banks: Mapping[str, Any]) -> Any:
    """Gram matrices above the last matrices, before the root's product: (window, r, r), or (1, r, r) if all share."""
    found = None
    for level in range(tree.depth):
        bank = banks[f"conv_{level}"]
        if found is not None:
            found = found**tree.window if len(found) == 1 else pooled(found, tree, level - 1)
        found = (bank if found is None else bank @ found) @ bank.swapaxes(-1, -2)
    return found


def norm(tree: Tree, banks: Mapping[str, Any]) -> tuple[Any, ...]:
    """<psi|psi>, in an axis of 1 twice."""
    top = grams(tree, banks)
    top = top[0] ** tree.window if len(top) == 1 else pooled(top, tree, tree.depth - 1)[0]
    return (banks["output"] @ top @ banks["output"].swapaxes(-1, -2),)


def halves(tree: Tree, banks: Mapping[str, Any]) -> tuple[Any, ...]:
    """Gram matrices (r, r) of the left half, times the class's row, and of the right half."""
    top, row, found = grams(tree, banks), banks["output"], []
    for side in sides(tree):
        here = [top[0 if len(top) == 1 else position] for position in side]
        found.append(here[0] if len(here) == 1 else here[0] * here[1])
    return found[0] * row * row.swapaxes(0, 1), found[1]


def trace(tree: Tree, banks: Mapping[str, Any], leaves: Any) -> Any:
    """Tr rho_A^2, not normalised, from the replicas' leaves (sites, r, r, r, r)."""
    values = leaves
    for level in range(tree.depth):
        values = pooled(_legs(banks[f"conv_{level}"], values) if level else values, tree, level)
    return _legs(banks["output"][None], values).reshape(())


def _legs(bank: Any, values: Any) -> Any:
    """A matrix on each of four legs: applied to the first, which then goes last, four times."""
    for _ in range(4):
        n, r, *rest = values.shape
        values = (bank @ values.reshape(n, r, -1)).swapaxes(1, 2).reshape(n, *rest, bank.shape[-2])
    return values


def forward_of(workload: str) -> Callable[..., tuple[Any, ...]] | None:
    """norm or spectrum as functions of (tree, banks)."""
    return {"norm": norm, "spectrum": halves}.get(workload)
