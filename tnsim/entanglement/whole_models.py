"""Entropies of a classifier as one state, sum_y |y>|psi_y>, across any partition. Uses classes; used by states.

Exact where the spectrum is in reach, an interval that surely holds the number elsewhere.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool

from tnsim import memory
from tnsim.banks import Banks
from tnsim.contract.schedule import whole
from tnsim.entanglement import classes
from tnsim.entanglement.certified.certify import Problem
from tnsim.entanglement.entropy import DEFAULT, EXACT, Asked, check, entropy, exact
from tnsim.entanglement.estimate import Estimate, Stopwatch
from tnsim.entanglement.measure import SiteMeasure
from tnsim.memory import MemoryLimitError
from tnsim.network import Network


def joint_entropy(
    network: Network, banks: Banks, measure: SiteMeasure, mask: Bool[np.ndarray, "sites"], class_side: str,
    asked: Asked = DEFAULT,
) -> Estimate:  # fmt: skip
    """S across (A, B) in nats, the class leg on the side "A" or "B". Raises as `entropy`, and for another side."""
    with_b = mask if classes.checked_side(class_side) == "B" else ~mask  # S(class A) = S(B)
    return entropy(Problem(network, banks, np.asarray(banks[whole(network).output]), measure, with_b), asked)


def mutual_information(
    network: Network, banks: Banks, measure: SiteMeasure, mask: Bool[np.ndarray, "sites"], asked: Asked = DEFAULT
) -> Estimate:  # fmt: skip
    """I(class : A) = S(class) + S(A) - S(class A) in nats, between 0 and 2 S(class); asked.atol: of its width.

    Raises as `entropy`.
    """
    check(asked)
    watch = Stopwatch()
    try:
        reach = min(memory.limit(asked.memory), EXACT)
        return replace(classes.mutual_information(network, banks, measure, mask, reach), seconds=watch.seconds)
    except MemoryLimitError:
        return replace(_between(network, banks, measure, mask, asked), seconds=watch.seconds)


def _between(network: Network, banks: Banks, measure: SiteMeasure, mask, asked: Asked) -> Estimate:
    """By intervals of S(A) and S(class A), half of the width and of the time for each."""
    half = asked._replace(atol=asked.atol and asked.atol / 2, seconds=asked.seconds and asked.seconds / 2)
    alone = exact(classes.class_spectrum(network, banks, measure), None)
    of_a, with_a = (joint_entropy(network, banks, measure, mask, side, half) for side in ("B", "A"))
    top = 2 * float(alone.upper)
    lower = max(float(alone.lower + of_a.lower - with_a.upper), 0.0)
    upper = max(min(float(alone.upper + of_a.upper - with_a.lower), top), lower)
    note = f"S(A): {of_a.method}, {of_a.note}; S(class A): {with_a.method}, {with_a.note}"
    return Estimate(0.5 * (lower + upper), lower, upper, "certified, S(class) + S(A) - S(class A)", note=note)
