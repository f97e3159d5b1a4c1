"""Von Neumann entropy between rigorous bounds, narrowed until it is as sure as asked. Uses all of certified.

    S in [max(lower bounds), min(upper bounds)]     chi = 8, 16, ..: each pass may only narrow the interval

The best bound of each side is kept with its name, whichever pass it came from. docs/certified-entropy.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import e, inf, log
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Num

from tnsim import memory
from tnsim.banks import Banks
from tnsim.bounds.min_cut import network_cut
from tnsim.entanglement.certified import chain, lower, upper
from tnsim.entanglement.certified.blocks import block_bound
from tnsim.entanglement.certified.environments import Environments, environments
from tnsim.entanglement.certified.joins import A, B, Joins, JoinTree, join_tree
from tnsim.entanglement.certified.pinching import pinching_bound
from tnsim.entanglement.certified.root import Root, RootSpectrum, root_of
from tnsim.entanglement.certified.truncate import Lists, Policy, Truncation, estimate, truncated
from tnsim.entanglement.estimate import Stopwatch
from tnsim.entanglement.measure import SiteMeasure
from tnsim.network import Network

FIRST = 8  # chi of the first pass
CHAIN = 8  # states of a chain's second register
SMALL = 1024  # pairs at the root that are decomposed at once
MARGIN = 0.95  # of the width asked for, that a number of pairs must promise
WORTH = 0.6  # of its width, to which more pairs at the root must bring an interval that misses the goal anyway
STEEP = 2.5  # the power of chi with which a width falls at best
SHARE = 1 / 400  # of the width asked for: the weight that the tolerances of all joins together may drop


class Problem(NamedTuple):
    """A state and a partition: what `certified` measures.

    vectors: one, the class whose state it is; or all rows of the output bank: then the state is sum_y |y>|psi_y>, and
    its class leg is B's.
    """

    network: Network
    banks: Banks
    vectors: Num[np.ndarray, "classes r"]
    measure: SiteMeasure
    mask: Bool[np.ndarray, "sites"]

    @property
    def log_rank(self) -> float:
        """ln of a bound of the Schmidt rank: the min-cut, once for every class, and the dimension of A's sites."""
        cut = network_cut(self.network, self.mask).log + log(len(self.vectors))
        return min(cut, int(self.mask.sum()) * log(self.measure.factors.shape[-1]))


class Goal(NamedTuple):
    """When to stop: at a width of `atol` nats or of `rtol` times S, at `memory`, or (if given) after some seconds."""

    atol: float = 0.0
    rtol: float = 0.0
    memory: str | float | None = None
    seconds: float = inf

    def width(self, found: Certificate) -> float:
        return float(max(self.atol, self.rtol * found.lower))

    def met(self, found: Certificate) -> bool:
        return bool(found.width <= self.width(found))

    def next_chi(self, found: Certificate, before: Certificate) -> int:
        """1.5 to 3 times the last, a multiple of 4: what is needed if the width falls as chi^-2.5, and after a second
        pass, as a mean of that and of how it fell (a pass that misses its goal spares pairs at the root)."""
        ratio, power = found.width / max(self.width(found), 1e-300), STEEP
        if before.chi:
            fell = log(max(before.width / max(found.width, 1e-300), 1.0)) / log(found.chi / before.chi)
            power = 0.5 * (STEEP + min(max(fell, 0.5), STEEP))
        return 4 * int(np.ceil(found.chi * np.clip(ratio ** (1 / power), 1.5, 3.0) / 4))


@dataclass(frozen=True, eq=False)
class Certificate:
    """S is in [lower, upper], nats, by the bounds named.

    q: the last pass's Schmidt probabilities, each at most the true one; missing: 1 - sum q; chi: of that pass;
    complete: it left no state out; sides: those that chains still go over (A, B); ended: why no further pass was made.
    """

    lower: float
    upper: float
    lower_name: str
    upper_name: str
    q: Float[np.ndarray, "k"]
    missing: float
    chi: int
    seconds: float
    ended: str
    complete: bool = False
    sides: tuple[int, ...] = (A, B)

    @property
    def width(self) -> float:
        return float(self.upper - self.lower)

    def with_lower(self, value: float, name: str) -> Certificate:
        return replace(self, lower=value, lower_name=name) if value > self.lower else self

    def with_upper(self, value: float, name: str) -> Certificate:
        return replace(self, upper=value, upper_name=name) if value < self.upper else self


def certified(
    problem: Problem, moments: lower.Moments | None, goal: Goal, tell: Callable[[str], None] = lambda text: None
) -> Certificate:
    """Rigorous bounds of S. moments: the exact purity and cubes, if known. tell: hears of every pass.

    Raises ValueError for a state that is zero or not finite, and MemoryLimitError where no pass fits the memory.
    """
    watch, chi, spent = Stopwatch(), FIRST, 0.0
    work = work_of(problem, moments)
    found = Certificate(0.0, work.log_rank * (1 + upper.EPS), "zero", "min-cut", np.zeros(0), 1.0, 0, 0.0, "")
    found = replace(found, sides=work.own)
    found = found.with_lower(*lower.best_lower(np.zeros(0), 1.0, moments))
    while not (ended := _ended(found, work, chi, goal, watch.seconds, spent)):
        began, before = watch.seconds, found
        found = _pass(work, chi, goal, before)
        spent = watch.seconds - began
        chi = _next_chi(found, before, work, goal, (watch.seconds, spent))
        tell(
            f"chi {found.chi}: S in [{found.lower:.6g}, {found.upper:.6g}] by {found.lower_name} and "
            f"{found.upper_name}, missing mass {found.missing:.2g}, {spent:.1f} s"
        )
    return replace(_ordered(found, work.env.rounding), seconds=watch.seconds, ended=ended)


class Work(NamedTuple):
    """What every pass starts from. sides: join tree and environments for chains over A and over B."""

    problem: Problem
    tree: JoinTree
    env: Environments
    log_rank: float
    moments: lower.Moments | None
    sides: tuple[tuple[JoinTree, Environments], ...]

    @property
    def own(self) -> tuple[int, ...]:
        """The sides whose sites are all there is: B has the class leg too where there are several classes."""
        return (A, B) if len(self.problem.vectors) == 1 else (A,)

    def cost(self, chi: int) -> float:
        """Bytes of a pass."""
        return 16.0 * estimate(self.tree, Policy(chi), len(self.problem.vectors))

    def cuts(self, state: Truncation) -> list[Lists]:
        """The lists of all cuts; in B's the class leg, if it is there, is an edge of its own."""
        if len(self.own) > 1:
            return list(state.cuts)
        return [side for A_s, B_s in state.lists.values() for side in (A_s, B_s.with_row(self.env.class_values))]


def work_of(problem: Problem, moments: lower.Moments | None) -> Work:
    """Join trees and environments of a problem, for either side as A."""
    trees = [join_tree(problem.network, mask) for mask in (problem.mask, ~problem.mask)]
    sides = tuple((tree, environments(tree, problem.banks, problem.vectors, problem.measure)) for tree in trees)
    return Work(problem, *sides[0], problem.log_rank, moments, sides)


def _ended(found: Certificate, work: Work, chi: int, goal: Goal, elapsed: float, spent: float) -> str:
    """Why to make no further pass; "" to go on. Raises MemoryLimitError where the first pass does not fit."""
    if goal.met(found):
        return "the interval is as narrow as asked"
    if found.complete:
        return "no state was left out"
    needed = work.cost(chi)
    if needed > memory.limit(goal.memory):
        ways_out = "Ways out: renyi(A, order=2), where it fits; a higher memory=."
        if not found.chi:
            raise memory.refusal(needed, goal.memory, "entropy: the smallest certified pass", ways_out)
        allowed = memory.human(memory.limit(goal.memory))
        return f"chi {chi} needs about {memory.human(needed)}, above the limit of {allowed}"
    if not _in_time(found, chi, goal, elapsed, spent):
        return f"chi {chi} would end after {goal.seconds:g} s"
    return ""


def _in_time(found: Certificate, chi: int, goal: Goal, elapsed: float, spent: float) -> bool:
    """Whether a pass may be begun: it takes as chi^4 what the one before took (chi^2 pairs, bases as wide as chi)."""
    return not found.chi or elapsed + spent * (chi / found.chi) ** 4 <= goal.seconds


def _next_chi(found: Certificate, before: Certificate, work: Work, goal: Goal, times: tuple[float, float]) -> int:
    """What the goal needs, or as much less of it as fits memory and time and is still worth a pass."""
    chi, least = goal.next_chi(found, before), max(found.chi + 4, int(1.25 * found.chi))
    limit = memory.limit(goal.memory)
    while chi > least and not (work.cost(chi) <= limit and _in_time(found, chi, goal, *times)):
        chi = max(least, int(0.85 * chi))
    return chi


def _pass(work: Work, chi: int, goal: Goal, found: Certificate) -> Certificate:
    """One pass at chi, and every bound that follows from it."""
    weight = SHARE * goal.width(found)
    policy = Policy(chi, weight / (2 * sum(len(layer.pairs) for layer in work.tree.layers if isinstance(layer, Joins))))
    state = truncated(work.tree, work.env, work.problem.banks, policy)
    nothing_left_out = state.complete(policy, work.env.rounding)
    found = replace(found, chi=chi).with_upper(block_bound(work.tree, work.env, state.lists, work.own), "blocks")
    root, tried = root_of(state.left, state.right), list[tuple[int, float]]()
    while not goal.met(found) and (K := _root_pairs(root, policy.root_pairs, tried, goal.width(found))):
        spectrum = root.spectrum(K)
        found = replace(found, q=spectrum.q, missing=spectrum.missing, complete=nothing_left_out and spectrum.whole)
        own = _narrowed(replace(found, lower=0.0), work, state, spectrum)  # earlier lists know nothing of this one's K
        tried.append((K, own.width))
        found = found.with_lower(own.lower, own.lower_name).with_upper(own.upper, own.upper_name)
    return found if goal.met(found) else _by_chains(found, work, chi, weight)


def _narrowed(found: Certificate, work: Work, state: Truncation, root: RootSpectrum) -> Certificate:
    """With the bounds by the lists of a truncated state."""
    slack = work.env.rounding
    found = found.with_lower(*lower.best_lower(root.q, root.missing, work.moments, slack))
    found = found.with_upper(upper.water_filling(root.q, root.missing, work.log_rank, slack), "water filling")
    return found.with_upper(pinching_bound(root.q, [*work.cuts(state), *root.pieces], slack), "pinching")


def _root_pairs(root: Root, most: int, tried: list[tuple[int, float]], width: float) -> int:
    """How many pairs to keep at the root, after those tried and the widths they gave; 0 to try no more.

    An eighth of the most, and a quarter, cost next to nothing (the cube counts). The width is about linear in eta of
    the weight left out, so they tell how many pairs reach the goal: those are kept; or the most, where that is worth it
    (a pass at a larger chi will follow) or leaves nothing out.
    """
    most = min(most, root.pairs)
    if tried and (tried[-1][1] <= width or tried[-1][0] >= most):
        return 0
    if most < SMALL:
        return most
    if len(tried) < 2:
        return most // (8, 4)[len(tried)]
    (few, wide), (many, narrow) = tried[-2:]
    sizes = np.linspace(many, most, 33).astype(int)[1:]
    lost = upper.eta(np.minimum(root.dropped(np.array([few, many, *sizes])), 1 / e))
    slope = (wide - narrow) / max(lost[0] - lost[1], 1e-300)
    promised = narrow - slope * (lost[1] - lost[2:])
    enough = sizes[promised <= MARGIN * width]
    if len(enough):
        return int(enough[0])
    return most if most == root.pairs or promised[-1] <= max(width, WORTH * narrow) else 0


def _by_chains(found: Certificate, work: Work, chi: int, weight: float) -> Certificate:
    """With the bound by a chain over the sites of A or of B: both at first, then the one that was lower.

    Where pinching was below them it stays so: no more chains.
    """
    if not found.sides:
        return found
    measured, others = list[float](), found
    for side in found.sides:
        tree, env = work.sides[side]
        bound = chain.chain_bound(
            tree, work.problem.banks, work.problem.measure, env, chi=(chi, CHAIN), tol=max(weight, 1e-9)
        )
        found = found.with_upper(bound.upper, "chain")
        measured.append(bound.upper)
    lost = others.upper_name == "pinching" and min(measured) > others.upper
    return replace(found, sides=() if lost else (found.sides[int(np.argmin(measured))],))


def _ordered(found: Certificate, rounding: float) -> Certificate:
    """Ends that rounding has crossed (they agree to it), put in order."""
    low, high = sorted((found.lower, found.upper))
    return (
        found if found.lower <= found.upper else replace(found, lower=max(low - rounding, 0.0), upper=high + rounding)
    )
