"""The largest Schmidt values across any partition, from a truncated state whose root is never formed. Uses certified.

p_k in [q_k, q_k + missing]: q_k is from below (a projection), missing is what no value found accounts for
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Float

from tnsim.entanglement.certified import top
from tnsim.entanglement.certified.certify import Problem
from tnsim.entanglement.certified.environments import environments
from tnsim.entanglement.certified.joins import join_tree
from tnsim.entanglement.certified.placement import placed
from tnsim.entanglement.certified.truncate import Policy, truncated
from tnsim.entanglement.estimate import Stopwatch

TOLERANCE = 1e-12  # weight that may be dropped at a join where chi does not bind


@dataclass(frozen=True, eq=False)
class LeadingValues:
    """The k largest normalised Schmidt values, descending, each at most the true one.

    residuals: of each as a singular value of the truncated state. missing: 1 minus the sum of their squares: no p_k
    exceeds its square by more. chi: states kept in the tree, four and more times as many near the root.
    """

    values: Float[np.ndarray, "k"]
    residuals: Float[np.ndarray, "k"]
    missing: float
    chi: int
    method: str
    seconds: float

    def __repr__(self) -> str:
        first = ", ".join(f"{value:.6g}" for value in self.values[:4])
        return (
            f"LeadingValues({len(self.values)} values: {first}, ..; residuals up to {self.residuals.max():.1g}, "
            f"missing mass {self.missing:.2g}; {self.method}, chi {self.chi}, float64, {self.seconds:.2g} s)"
        )


def leading_values(
    problem: Problem, k: int, chi: int = 32, method: str = "lanczos", limit: str | float | None = None
) -> LeadingValues:
    """The top k of a state's spectrum. method: "lanczos", or "range" (randomised range finder).

    Raises ValueError for k or chi < 1 and a state that is zero, MemoryLimitError where the root does not fit.
    """
    if k < 1 or chi < 1:
        raise ValueError(f"k, chi: wanted integers >= 1, found k={k!r}, chi={chi!r}")
    watch = Stopwatch()
    tree = join_tree(problem.network, problem.mask)
    env = environments(tree, problem.banks, problem.vectors, problem.measure)
    state = truncated(tree, env, problem.banks, Policy(chi, TOLERANCE))
    with jax.enable_x64(True):
        X, Y = map(placed, (state.left, state.right))
        found = top.top_schmidt(X, Y, k, method=method, limit=limit)
    missing = max(1 - float((found.values**2).sum()), 0.0)
    return LeadingValues(found.values, found.residuals, missing, chi, found.method, watch.seconds)
