"""Profiles of widths that one compares with: constant, doubling, a wide base or tip, and random ones. Uses costs.

    shape (1, 2, 4, ..)  --[ scaled ]-->  the widths of that shape that a budget pays for, and not one channel more
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tnsim.design.costs import Costs

__all__ = ["drawn", "scaled", "standard"]

SPREAD = 0.9  # of ln(width) in random profiles: a factor of 2.5
DOUBLINGS = 60  # of the interval that holds the scale


def scaled(shape: Sequence[float], costs: Costs, most: float) -> tuple[int, ...]:
    """The largest widths in these proportions that cost no more than `most`; then channel by channel while it lasts.

    Raises ValueError where widths of 1 cost more, and for shapes that are not positive.
    """
    if not all(part > 0 for part in shape) or len(shape) != len(costs.pair):
        raise ValueError(f"shape: wanted {len(costs.pair)} positive numbers, found {tuple(shape)}")
    costs.check(most)
    low, high = 0.0, float(most)
    for _ in range(DOUBLINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if costs.of(_rounded(shape, middle)) <= most else (low, middle)
    return _filled(list(_rounded(shape, low)), shape, costs, most)


def _rounded(shape: Sequence[float], scale: float) -> tuple[int, ...]:
    return tuple(max(1, int(part * scale)) for part in shape)


def _filled(widths: list[int], shape: Sequence[float], costs: Costs, most: float) -> tuple[int, ...]:
    """One channel more where the shape lacks it most, as long as any can be paid for."""
    while True:
        for level in sorted(range(len(widths)), key=lambda level: (widths[level] + 1) / shape[level]):
            more = [*widths[:level], widths[level] + 1, *widths[level + 1 :]]
            if costs.of(more) <= most:
                widths = more
                break
        else:
            return tuple(widths)


def standard(costs: Costs, most: float) -> dict[str, tuple[int, ...]]:
    """{"constant", "doubling", "wide base", "wide tip"}: what one would try first, each up to the budget.

    The wide base halves every second level, and the tip is its mirror image, as in Levine et al. 2017 (1704.01552).
    """
    depth = len(costs.pair)
    steps = [2.0 ** (level // 2) for level in range(depth)]
    shapes = {
        "constant": [1.0] * depth, "doubling": [2.0**level for level in range(depth)],
        "wide base": steps[::-1], "wide tip": steps,
    }  # fmt: skip
    return {name: scaled(shape, costs, most) for name, shape in shapes.items()}


def drawn(costs: Costs, most: float, count: int, seed: int = 0) -> list[tuple[int, ...]]:
    """Random profiles: logarithms of widths from a normal distribution, scaled to the budget."""
    rng = np.random.default_rng(seed)
    shapes = np.exp(SPREAD * rng.normal(size=(count, len(costs.pair))))
    return [scaled(shape.tolist(), costs, most) for shape in shapes]
