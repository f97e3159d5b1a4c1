"""Von Neumann entropy by the best route: exact where the spectrum is in reach, certified elsewhere. Used by state.

Exact: the Schmidt fold (schmidt.py), with what rounding leaves. Certified: an interval that holds S (certified/), by
bounds that need no spectrum, with the exact purity by two replicas (renyi.py) among them. The problem may be one class
or all of them as one state (classes.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import e, inf, log
from typing import NamedTuple

import numpy as np

from tnsim import memory
from tnsim.entanglement import classes, renyi, schmidt
from tnsim.entanglement.certified.certify import Certificate, Goal, Problem, certified
from tnsim.entanglement.certified.lower import Moments
from tnsim.entanglement.estimate import Estimate, Stopwatch
from tnsim.entanglement.spectrum import Spectrum
from tnsim.entanglement.spectrum import renyi as renyi_of
from tnsim.memory import MemoryLimitError

EXACT = 2 * 10**8  # bytes of an exact spectrum that is a matter of seconds
CUBES = 0.3  # estimated seconds of a fold of three replicas that is worth its time
SPREAD = (
    "most of the state lies outside of the states kept, spread over too many Schmidt values for a list: only the "
    "purity bounds S from below, and blocks and chains of sites from above"
)
RTOL, SECONDS = 0.02, 60.0  # of a certified interval where nothing is asked: part of S, and time


class Asked(NamedTuple):
    """How sure, within which memory and about which time; tell hears of every pass."""

    atol: float | None = None
    memory: str | float | None = None
    seconds: float | None = None
    tell: Callable[[str], None] = lambda text: None


DEFAULT = Asked()


def asked_in(base: float, atol: float | None, memory: str | float | None, seconds: float | None) -> Asked:
    """What is asked, atol in units of the base."""
    return Asked(atol if atol is None else atol * log(base), memory, seconds)


def check(asked: Asked) -> None:
    """Raises ValueError for a width or a time that is none, whether an interval will be needed or not."""
    if asked.atol is not None and not asked.atol > 0:
        raise ValueError(f"atol: wanted a number > 0 (nats), found {asked.atol!r}")
    if asked.seconds is not None and not asked.seconds > 0:
        raise ValueError(f"seconds: wanted a number > 0, found {asked.seconds!r}")


def entropy(problem: Problem, asked: Asked) -> Estimate:
    """S in nats. Without `atol`, an interval of 2 % of S is looked for within about a minute; with it, however long.

    Raises ValueError for atol or seconds <= 0, an atol below the rounding of an exact spectrum, a state that is zero;
    MemoryLimitError where not even the smallest pass fits. Where memory or time end the search, the interval that was
    reached is returned and its note says so.
    """
    check(asked)
    watch = Stopwatch()
    try:
        spectrum = _spectrum(problem, min(memory.limit(asked.memory), EXACT))
        found, note = exact(spectrum, asked.atol), ""
    except MemoryLimitError:  # out of reach: an interval then
        by_bounds = certified(problem, moments(problem, asked.memory), _goal(asked), asked.tell)
        found, note = _estimate(by_bounds), _note(by_bounds)
    return replace(found, seconds=watch.seconds, note="; ".join(filter(None, (note, problem.measure.note))))


def _goal(asked: Asked) -> Goal:
    if asked.atol is None:
        return Goal(0.0, RTOL, asked.memory, asked.seconds or SECONDS)
    return Goal(asked.atol, 0.0, asked.memory, asked.seconds or inf)


def exact(spectrum: Spectrum, atol: float | None) -> Estimate:
    """Entropy of an exact spectrum in nats, within what rounding leaves. Raises ValueError where that is above atol."""
    value, error = spectrum.entropy(), spectrum.entropy_error
    if atol is not None and error > atol:
        raise ValueError(f"atol: wanted {atol} nats, found a rounding error of up to {error:.2g}")
    return Estimate(value, max(value - error, 0.0), value + error, "exact spectrum")


def exact_renyi(spectrum: Spectrum, order: float, base: float = e) -> Estimate:
    """Renyi entropy of an exact spectrum. Its interval: every p_k moved by at most 2 s_k delta + delta^2."""
    value = spectrum.renyi(order, base)
    step = 2 * spectrum.values * spectrum.error_bound + spectrum.error_bound**2
    p = spectrum.probabilities
    kept = p[: max(spectrum.rank(), 1)] if order < 1 else p
    moved = (np.maximum(kept + sign * step[: len(kept)], 0) for sign in (-1, 1))
    ends = [renyi_of(p, order) / log(base) for p in moved]
    return Estimate(value, min(value, *ends), max(value, *ends), "exact spectrum")


def moments(problem: Problem, limit: str | float | None) -> Moments | None:
    """ln of sum p^2, and of sum p^3 where it is cheap, from replicas; None where even two do not fit."""
    found = _replicas(problem, 2, limit)
    if found is None:
        return None
    cheap = len(problem.vectors) == 1 and renyi.seconds(problem.network, 3) <= CUBES
    cubes = _replicas(problem, 3, limit) if cheap else None
    if cubes is None:
        return Moments(*_logarithm(found, 1))
    return Moments(*_logarithm(found, 1), *_logarithm(cubes, 2))


def _logarithm(found: Estimate, factor: int) -> tuple[float, float]:
    """ln sum p^n = (1 - n) S_n, the middle of its interval, and half of its width: the two ends need not lie alike."""
    return -factor * 0.5 * float(found.lower + found.upper), factor * 0.5 * float(found.width)


def _replicas(problem: Problem, order: int, limit: str | float | None) -> Estimate | None:
    try:
        found = _renyi(problem, order, limit)
    except MemoryLimitError:  # the interval does without it
        return None
    return found if np.isfinite(found.tolerance) else None


def _spectrum(problem: Problem, limit: float) -> Spectrum:
    network, banks, vectors, measure, mask = problem
    if len(vectors) > 1:
        return classes.joint_spectrum(network, banks, measure, mask, "B", limit)
    (spectrum,) = schmidt.spectra(network, banks, vectors, measure, mask, limit)
    return spectrum


def _renyi(problem: Problem, order: int, limit: str | float | None) -> Estimate:
    network, banks, vectors, measure, mask = problem
    if len(vectors) > 1:
        return classes.joint_renyi_2(network, banks, measure, mask, "B", limit)
    found = renyi.renyi(network, banks, vectors, measure, mask[None], order, limit)
    return found.map(lambda nats: float(nats[0, 0]))


def _estimate(found: Certificate) -> Estimate:
    method = f"certified, {found.lower_name} below and {found.upper_name} above"
    return Estimate(0.5 * (found.lower + found.upper), found.lower, found.upper, method)


def _note(found: Certificate) -> str:
    told = f"chi {found.chi}, missing mass {found.missing:.1g}; {found.ended}"
    return f"{told}; {SPREAD}" if found.chi and found.missing > 0.5 else told
