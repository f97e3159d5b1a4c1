"""Tr rho^n across one partition: equal subtrees once, Grams inside a side, block after block. THEORY section 6.

The partition is known here, so that a look at the wiring (`distinct`, `part`) says what there is to compute and what it
takes. A part of the tree that is too large for its room is computed block by block, subtrees before their neighbours,
of which only the roots stay. In NumPy, where a new partition compiles nothing. Uses schedule, sided; used by renyi.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from tnsim import memory
from tnsim.banks import Banks
from tnsim.contract.schedule import Schedule, distinct, whole
from tnsim.entanglement import sided
from tnsim.entanglement.measure import SiteMeasure, item_size, side_kinds
from tnsim.entanglement.replicas import Form, form, widest
from tnsim.entanglement.roundoff import Grams, unit_rows
from tnsim.entanglement.sided import BOTH, A, B, Values, joined, one_sided, over_both
from tnsim.network import Network

BLOCK = 2**26  # bytes a block may take where it has the choice: blocks that stay near the processor are faster too
WAYS_OUT = (
    "Ways out: narrower levels (the cost is width^(2 order)); schmidt(A) where few edges are cut; a higher memory=."
)


class Tree(NamedTuple):
    """All distinct subtrees of one partition, their sides, and what is computed on them."""

    form: Form
    schedule: Schedule
    rows: Mapping[str, Grams]  # matrices of every bank with peak 1, and their log-scales
    sides: tuple[Int[np.ndarray, "kinds"], ...]  # of the sites' kinds, then of the nodes' of each wave
    leaves: Num[np.ndarray, "kinds M M"]
    item: int


class Step(NamedTuple):
    """A wave of a part: which of the tree's positions, where their values lie below, where each node's lie above."""

    wave: int
    positions: Int[np.ndarray, "positions"]
    below: Int[np.ndarray, "positions"]
    children: Int[np.ndarray, "nodes window"]


def log_trace(
    network: Network, banks: Banks, vectors: Num[np.ndarray, "labels r"], measure: SiteMeasure,
    mask: Bool[np.ndarray, "sites"], order: int, limit: str | float | None = None,
) -> Float[np.ndarray, "labels"]:  # fmt: skip
    """ln Tr rho_A^order of the unnormalised states that `vectors` close; -inf or NaN where it is zero to rounding.

    Raises MemoryLimitError where even subtree after subtree takes more than the limit.
    """
    tree = tree_of(network, banks, measure, mask, order)
    allowed = memory.limit(limit)
    needed = least(tree)
    if needed > allowed:
        raise memory.refusal(needed, limit, f"renyi: the fold of {named(order)}", WAYS_OUT)
    root = values(tree, len(tree.schedule.waves), np.zeros(1, np.int64), allowed)
    E = over_both(tree.form, root)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.array([np.log(tree.form.close(v, E.value)[0, 0]) + E.log_scale[0, 0] for v in vectors])


def named(order: int) -> str:
    """ "two replicas"."""
    words = ("no", "one", "two", "three", "four", "five", "six")
    return f"{words[order] if order < len(words) else order} replicas"


def tree_of(network: Network, banks: Banks, measure: SiteMeasure, mask: Bool[np.ndarray, "sites"], order: int) -> Tree:
    """A look at one partition, before anything is contracted."""
    schedule = distinct(whole(network), side_kinds(measure, mask))
    sides = [np.where(mask[schedule.leaves], A, B)]
    for wave in schedule.waves:
        below = sides[-1][wave.sources][wave.children.array]
        one = (below == below[:, :1]).all(axis=1)
        sides.append(np.where(one, below[:, 0], BOTH))
    rows = {wave.bank: unit_rows(np.asarray(banks[wave.bank])) for wave in schedule.waves}
    leaves = measure.grams[measure.kind[schedule.leaves]]
    return Tree(form(order, widest(network)), schedule, rows, tuple(sides), leaves, item_size(banks, measure))


# ---- what there is to compute, and what it takes


def part(tree: Tree, top: int, nodes: Int[np.ndarray, "nodes"]) -> tuple[list[Step], Int[np.ndarray, "kinds"]]:
    """What some nodes above `top` waves need: steps from the sites up, and the sites' kinds."""
    steps = []
    for level in reversed(range(top)):
        wave = tree.schedule.waves[level]
        positions, children = np.unique(wave.children.array[nodes], return_inverse=True)
        nodes, below = np.unique(wave.sources[positions], return_inverse=True)
        steps.append(Step(level, positions, below, children.reshape(-1, wave.children.array.shape[1])))
    return steps[::-1], nodes


def held(tree: Tree, level: int, both: int, one: int, width: int) -> float:
    """Bytes of values at a width: `both` of replicas, `one` of Gram matrices."""
    return float(tree.item * (both * tree.form.size(width) + one * width**2))


def step_bytes(tree: Tree, step: Step) -> float:
    """Peak bytes of a step: values and matrices around the conv, three of each; or the pooled ones beside them."""
    wave = tree.schedule.waves[step.wave]
    side = tree.sides[step.wave][wave.sources[step.positions]]
    both = int((side == BOTH).sum())
    below, above = (held(tree, step.wave, both, len(side) - both, r) for r in (wave.dim_in, wave.dim_out))
    inside = tree.sides[step.wave][wave.sources[step.positions]][step.children]
    mixed = int((inside.min(axis=1) != inside.max(axis=1)).sum() + (inside.max(axis=1) == BOTH).sum())
    pooled = held(tree, step.wave, min(mixed, len(inside)), len(inside), wave.dim_out)
    lifted = tree.item * both * lifted_size(tree.form, wave.dim_in, wave.dim_out)
    return max(3 * max(below, above) + 2 * lifted, below + above + 4 * pooled)


def lifted_size(form: Form, c: int, g: int) -> int:
    """Numbers of a lifted matrix."""
    return sum(array.size for array in form.lift(np.zeros((1, g, c))))


def least(tree: Tree) -> float:
    """Peak bytes of one subtree after the other: a step at one node, and at every level above what waits there."""
    needed, waiting = 0.0, 0.0
    for level, wave in reversed(list(enumerate(tree.schedule.waves))):
        w = wave.children.array.shape[1]
        both = w * int((tree.sides[level] == BOTH).any())
        below, above = (held(tree, level, both, w - both, r) for r in (wave.dim_in, wave.dim_out))
        lifted = tree.item * both * lifted_size(tree.form, wave.dim_in, wave.dim_out)
        pooled = held(tree, level, int((tree.sides[level + 1] == BOTH).any()), 1, wave.dim_out)
        needed = max(needed, waiting + max(3 * max(below, above) + 2 * lifted, below + above + 4 * pooled))
        waiting += below
    return needed


# ---- the computation


def values(tree: Tree, top: int, nodes: Int[np.ndarray, "nodes"], room: float) -> Values:
    """Values of some nodes above `top` waves, within `room` bytes where a single node can be.

    Blocks are for subtrees that have little in common: what is shared would be computed in each of them again.
    """
    steps, kinds = part(tree, top, nodes)
    peak = max((step_bytes(tree, step) for step in steps), default=0.0)
    if top == 0 or peak <= min(room, BLOCK) or (peak <= room and _shared(steps)):
        return _swept(tree, steps, kinds)
    if len(nodes) == 1:
        wave = tree.schedule.waves[top - 1]
        below = values(tree, top - 1, np.unique(wave.sources[steps[-1].positions]), room)
        return advance(tree, steps[-1], below)
    first, second = np.array_split(nodes, 2)
    done = values(tree, top, first, room)
    left = room - sum(array.nbytes for array in (done.grams.value, *done.replicas.value))
    return joined(done, values(tree, top, second, left))


def _shared(steps: list[Step]) -> bool:
    """Whether values of these steps, the sites' own apart, are used more than once."""
    uses = sum(step.children.size + len(step.positions) for step in steps)
    once = sum(len(step.positions) + (step.below.max() + 1 if step.wave else len(step.positions)) for step in steps)
    return bool(uses > 1.2 * once)


def _swept(tree: Tree, steps: list[Step], kinds: Int[np.ndarray, "kinds"]) -> Values:
    found = one_sided(tree.form, tree.sides[0][kinds], tree.leaves[kinds])
    for step in steps:
        found = advance(tree, step, found)
    return found


def advance(tree: Tree, step: Step, below: Values) -> Values:
    """Through the matrices of a step, and its windows."""
    wave = tree.schedule.waves[step.wave]
    above = sided.conv(tree.form, tree.rows[wave.bank], wave.rows[step.positions], below, step.below)
    return sided.pool(tree.form, above, step.children)
