"""An MPS classifier, a chain of N sites with its class leg in the middle: scores, a training step. Uses training.

    [first]--[cores]-- .. --[output]-- .. --[cores]--[last]      first (M, r), cores (N - 2, r, M, r),
       |        |              |               |        |        output (r, classes, r), last (r, M)
    site 0    site 1         class        site N-2  site N-1

Feature 0 is the constant 1 and its matrix near the identity, so scores stay of order 1 along any chain.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tnsim.bench.cases import Case
from tnsim.bench.workloads.training import labels
from tnsim.bench.workloads.workload import Answer, Arrays, Einsum, Floor, Operand, real

CLASSES = 10


def length(case: Case) -> int:
    """Number of sites. Raises ValueError for a grid, or less than four sites."""
    if not isinstance(case.sites, int) or case.sites < 4:
        raise ValueError(f"sites: wanted an integer of at least 4 for a chain, found {case.sites}")
    return case.sites


def chain_inputs(case: Case) -> Arrays:
    """Tensors as drawn above, and "features" (batch, sites, M)."""
    rng, sites, M, r = np.random.default_rng(case.seed), length(case), case.features, case.width
    cores = rng.standard_normal((sites - 2, r, M, r)) * 0.5 / (sites * M * r) ** 0.5
    cores[:, :, 0] += np.eye(r)
    features = rng.random((case.batch, sites, M))
    features[..., 0] = 1
    drawn = {
        "first": rng.standard_normal((M, r)) / (M * r) ** 0.5, "cores": cores,
        "output": rng.standard_normal((r, CLASSES, r)) / r**0.5, "last": rng.standard_normal((r, M)) / M**0.5,
        "features": features,
    }  # fmt: skip
    return {name: array.astype(case.dtype) for name, array in drawn.items()}


def chain_training_inputs(case: Case) -> Arrays:
    """The inputs of scores, and "labels" (batch,)."""
    return chain_inputs(case) | labels(case, CLASSES)


def middle(case: Case) -> int:
    """How many sites stand before the class leg."""
    return length(case) // 2


def chain_einsums(case: Case) -> tuple[Einsum, ...]:
    """Indices: sites 0..N-1, bonds N..2N-1 (N of them, the class tensor between two), batch 2N, classes 2N+1."""
    sites, half = length(case), middle(case)
    batch, classes = 2 * sites, 2 * sites + 1
    sizes = dict.fromkeys(range(sites), case.features) | dict.fromkeys(range(sites, 2 * sites), case.width)
    sizes |= {batch: case.batch, classes: CLASSES}
    chain = [*range(half), None, *range(half, sites)]  # None: the class
    terms: list[tuple[int, ...]] = []
    operands: list[Operand] = []
    for place, site in enumerate(chain):
        legs = (sites + place - 1, classes if site is None else site, sites + place)
        terms.append(legs[1:] if place == 0 else legs[:2] if place == sites else legs)
        inner = Operand("cores", 0, site - 1) if site else Operand("first")
        operands.append(Operand("output") if site is None else Operand("last") if place == sites else inner)
    terms += [(batch, site) for site in range(sites)]
    operands += [Operand("features", 1, site) for site in range(sites)]
    return (Einsum(tuple(terms), (batch, classes), sizes, tuple(operands)),)


def chain_floor(case: Case) -> Floor:
    """A vector swept through the chain from both ends; all inputs read."""
    sites, M, r = length(case), case.features, case.width
    work = case.batch * ((sites - 2) * (M * r * r + r * r) + 2 * M * r + CLASSES * (r * r + r))
    numbers = (sites - 2) * r * M * r + 2 * M * r + CLASSES * r * r + case.batch * (sites * M + CLASSES)
    return Floor(float(work), float(numbers * np.dtype(case.dtype).itemsize))


def chain_training_floor(case: Case) -> Floor:
    """Forward, and two products backward for each, none into the features. Tensors read, their gradients written."""
    scores, (M, r) = chain_floor(case), (case.features, case.width)
    tensors = (length(case) - 2) * r * M * r + 2 * M * r + CLASSES * r * r
    into_features = case.batch * length(case) * M * r
    moved = scores.bytes + tensors * np.dtype(case.dtype).itemsize
    return Floor(3 * scores.multiply_adds - into_features, moved, float(case.batch * (CLASSES + 1)))


def chain_answer(case: Case, tensors: Sequence) -> Answer:
    """The scores themselves."""
    return real(tensors[0])
