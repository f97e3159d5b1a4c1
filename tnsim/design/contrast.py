"""At which contrast images are looked at: the most that the budget can hold. Uses needs, kept, widths.

    a grey value v --> [cos(pi a v), sin(pi a v)]          a = 1/2: black and white have nothing in common

With much contrast two large images have nothing in common, and every spectrum is flat and ends at the number of images:
no widths hold half of the data tensor then, and the sum of losses orders nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Integer

from tnsim.architectures.layered import Layered
from tnsim.correlations import cos_sin
from tnsim.design.costs import costs
from tnsim.design.kept import kept
from tnsim.design.needs import Need, data_needs, losses
from tnsim.design.widths import least_loss
from tnsim.distributed.parts import digest

__all__ = ["CONTRASTS", "RANKS", "Look", "contrasted", "image_needs"]

CONTRASTS = tuple(2.0 ** (-1 - step / 2) for step in range(9))  # a: 1/2 to 1/32
HELD = 0.5  # the most that the best widths may lose
RANKS = 512  # widths beyond are not tried
Tick = Callable[[float, int], None]


class Look(NamedTuple):
    """How images are looked at. windows: of a level; seed: of those that are drawn; tick: told contrast and level.

    folder: keeps what was measured, so that the same call goes on where it was stopped, and other budgets find it.
    """

    windows: int = 8
    seed: int = 0
    tick: Tick | None = None
    folder: Path | None = None


def contrasted(
    images: Float32[np.ndarray, "m H W"], labels: Integer[np.ndarray, "m"], arch: Layered,
    budget: float, kind: str = "parameters", look: Look | None = None,
) -> tuple[float, tuple[Need, ...]]:  # fmt: skip
    """The most contrast at which the best widths under a budget lose no more than half, and what is needed at it.

    Where none of CONTRASTS is little enough, the least. Raises as `data_needs`, `costs` and `least_loss`.
    """
    price = costs(arch, kind)
    price.check(budget)
    for contrast in CONTRASTS:
        needs = image_needs(images, labels, arch, contrast, look)
        if least_loss(losses(needs, RANKS), price, budget).loss <= HELD:
            break
    return contrast, needs


def image_needs(
    images: Float32[np.ndarray, "m H W"], labels: Integer[np.ndarray, "m"], arch: Layered,
    contrast: float, look: Look | None = None,
) -> tuple[Need, ...]:  # fmt: skip
    """`data_needs` of images at a contrast."""
    look = look or Look()
    wiring = replace(arch, channels=(1,) * arch.depth)  # widths do not matter
    asked = digest((images, labels, repr(wiring), contrast, look.windows, look.seed))
    return kept(look.folder, asked, lambda: _measured(images, labels, arch, contrast, look))


def _measured(images, labels, arch: Layered, contrast: float, look: Look) -> tuple[Need, ...]:
    features = cos_sin(images, contrast).astype(np.float64)
    told = None if look.tick is None else partial(look.tick, contrast)
    return data_needs(features, labels, arch, look.windows, look.seed, told)
