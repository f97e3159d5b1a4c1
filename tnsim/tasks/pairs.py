"""Are two digits of one class? Long-range correlation on demand: their distance is the knob. Uses placed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tnsim.tasks.placed import digits_of, pasted
from tnsim.tasks.task import Drawn, generator

__all__ = ["Pairs"]


@dataclass(frozen=True)
class Pairs:
    """Two digits side by side with `distance` empty columns between, on a noisy ground; label 1 where classes agree.

    The pair stands at a random place, so that only the relation tells. Raises ValueError where it does not fit.
    """

    distance: int
    size: int = 8
    ground: int = 64
    noise: float = 0.25
    source: str = "mnist-5k"

    def __post_init__(self) -> None:
        if self.size < 2 or not 0 <= self.distance <= self.ground - 2 * self.size:
            raise ValueError(
                f"distance: wanted from 0 to {self.ground - 2 * self.size} columns between two digits of {self.size} "
                f"on {self.ground}, found {self.distance!r}"
            )

    @property
    def name(self) -> str:
        """pairs-DISTANCE-of-GROUND."""
        return f"pairs-{self.distance}-of-{self.ground}"

    @property
    def classes(self) -> tuple[str, ...]:
        """Different, same."""
        return "different", "same"

    def draw(self, seed: int, count: int, part: str = "train") -> Drawn:
        """Images (count, ground, ground), label 1 where both digits are of one class."""
        rng, digits = generator(seed, part, self.distance), digits_of(self.source, self.size, part)
        same = rng.integers(2, size=count)
        kinds = rng.integers(10, size=count)
        others = (kinds + np.where(same == 1, 0, rng.integers(1, 10, size=count))) % 10
        places = [np.flatnonzero(digits.labels == kind) for kind in range(10)]
        images = rng.random((count, self.ground, self.ground), np.float32) * np.float32(self.noise)
        width = 2 * self.size + self.distance
        corners = np.stack([rng.integers(self.ground - side + 1, size=count) for side in (self.size, width)], 1)
        for wanted, shift in ((kinds, 0), (others, self.size + self.distance)):
            chosen = np.array([places[kind][rng.integers(len(places[kind]))] for kind in wanted])
            pasted(images, digits.images[chosen], corners + np.array([0, shift]))
        return images, same.astype(np.int32)
