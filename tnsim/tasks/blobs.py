"""Blobs that differ in how closed or how symmetric they are: tasks that tell pooling geometries apart. Uses task.

    ellipse --[ sine warp of the rim ]--[ rotation ]--[ drops cut out ]-- blob --[ score: top and bottom 40 % ]-- label
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import ConvexHull

from tnsim.tasks.task import Drawn, checked_part, generator

__all__ = ["SCORES", "Blobs", "closedness", "symmetry"]

KEPT = 0.4  # of all blobs, at either end of the score
ASKED = 2000  # blobs from which the two thresholds are read
Blob = Bool[np.ndarray, "side side"]


def closedness(blob: Blob) -> float:
    """Pixels of the blob over the area of its convex hull: 1 for a convex one."""
    rows, columns = np.nonzero(blob)
    corners = np.concatenate([np.stack([rows + a, columns + b], 1) for a in (0, 1) for b in (0, 1)])
    return len(rows) / float(ConvexHull(corners).volume)


def symmetry(blob: Blob) -> float:
    """The fraction of the blob that its mirror image, left and right about the image's middle, covers."""
    return float((blob & blob[:, ::-1]).sum() / blob.sum())


SCORES = {"closedness": closedness, "symmetry": symmetry}


@dataclass(frozen=True)
class Blobs:
    """Is a blob among the 40 % of the highest score, or of the lowest? Binary images of side x side pixels.

    by: "closedness" or "symmetry". Raises ValueError for another score or a side below 8.
    Source: Cohen & Shashua 2017 (arXiv 1605.06743), section 6: the tasks on which square and mirror pooling part.
    """

    by: str
    side: int = 32

    def __post_init__(self) -> None:
        if self.by not in SCORES:
            raise ValueError(f"by: wanted one of {tuple(SCORES)}, found {self.by!r}")
        if self.side < 8:
            raise ValueError(f"side: wanted an integer >= 8, found {self.side!r}")

    @property
    def name(self) -> str:
        """blobs-SCORE-SIDE."""
        return f"blobs-{self.by}-{self.side}"

    @property
    def classes(self) -> tuple[str, ...]:
        """Low, high."""
        return f"low {self.by}", f"high {self.by}"

    def draw(self, seed: int, count: int, part: str = "train") -> Drawn:
        """Images (count, side, side) of zeros and ones, label 1 for a high score."""
        rng = generator(seed, part, self.side)
        low, high = _thresholds(self.by, self.side)
        score = SCORES[self.by]
        images: list[Blob] = []
        labels: list[bool] = []
        checked_part(part)
        while len(images) < count:
            blob = drawn_blob(rng, self.side)
            value = score(blob)
            if not low < value < high:
                images.append(blob)
                labels.append(value >= high)
        shape = (count, self.side, self.side)
        return np.array(images, np.float32).reshape(shape), np.array(labels, np.int32)


@lru_cache(maxsize=16)
def _thresholds(by: str, side: int) -> tuple[float, float]:
    """The scores below and above which 40 % of the blobs lie, from blobs of their own seed."""
    rng = np.random.Generator(np.random.PCG64(20161605))
    values = [SCORES[by](drawn_blob(rng, side)) for _ in range(ASKED)]
    low, high = np.quantile(values, [KEPT, 1 - KEPT])
    return float(low), float(high)


def drawn_blob(rng: np.random.Generator, side: int) -> Blob:
    """One blob, never empty."""
    while True:
        blob = _ellipse(rng, side) & ~_drops(rng, side)
        if blob.sum() >= side:
            return blob


def _places(side: int) -> tuple[Float[np.ndarray, "side side"], Float[np.ndarray, "side side"]]:
    """Rows and columns of the pixels' middles, from -1 to 1."""
    line = (np.arange(side) + 0.5) * 2 / side - 1
    return np.meshgrid(line, line, indexing="ij")


def _ellipse(rng: np.random.Generator, side: int) -> Blob:
    """An ellipse with a wavy rim, turned and moved a little."""
    rows, columns = _places(side)
    up, right = rng.uniform(-0.15, 0.15, 2)
    turn, (long, short) = rng.uniform(0, np.pi), (rng.uniform(0.5, 0.85), rng.uniform(0.3, 0.6))
    rows, columns = rows - up, columns - right
    along, across = np.cos(turn) * rows + np.sin(turn) * columns, np.cos(turn) * columns - np.sin(turn) * rows
    angle = np.arctan2(across / short, along / long)
    waves, size, phase = rng.integers(2, 6), rng.uniform(0, 0.3), rng.uniform(0, 2 * np.pi)
    rim = 1 + size * np.sin(waves * angle + phase)
    return (along / long) ** 2 + (across / short) ** 2 <= rim**2


def _drops(rng: np.random.Generator, side: int) -> Blob:
    """Discs that are cut out, up to four."""
    rows, columns = _places(side)
    cut = np.zeros((side, side), bool)
    for _ in range(rng.integers(0, 5)):
        (row, column), radius = rng.uniform(-0.8, 0.8, 2), rng.uniform(0.05, 0.35)
        cut |= (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
    return cut
