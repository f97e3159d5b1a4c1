"""Digits of one size at random places on a noisy ground: how far correlations reach is the size. Uses task.

    local: small digits anywhere in 64 x 64 (size 4 to 16)        global: one digit as large as the image (size 64)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float32

from tnsim.tasks.task import Drawn, generator
from tnsim.train.data import Dataset, load, resize
from tnsim.train.files import Labelled

__all__ = ["Placed", "digits_of", "pasted"]


@dataclass(frozen=True)
class Placed:
    """The class of a digit of size x size pixels, at a random place of a square ground of uniform noise.

    source: "mnist-5k" or "digits", whose own training and test images make the two parts. noise: the brightest ground.
    Raises ValueError for a size above the ground, below 2, or noise outside [0, 1].
    Source: Levine et al. 2017 (arXiv 1704.01552), section 6, its local and global tasks.
    """

    size: int
    ground: int = 64
    noise: float = 0.25
    source: str = "mnist-5k"

    def __post_init__(self) -> None:
        if not 2 <= self.size <= self.ground:
            raise ValueError(f"size: wanted an integer from 2 to the ground's {self.ground}, found {self.size!r}")
        if not 0 <= self.noise <= 1:
            raise ValueError(f"noise: wanted a number from 0 to 1, found {self.noise!r}")

    @property
    def name(self) -> str:
        """placed-SIZE-of-GROUND."""
        return f"placed-{self.size}-of-{self.ground}"

    @property
    def classes(self) -> tuple[str, ...]:
        """The ten digits."""
        return tuple("0123456789")

    def draw(self, seed: int, count: int, part: str = "train") -> Drawn:
        """Images (count, ground, ground) with the digits' labels."""
        rng = generator(seed, part, self.size)
        digits = digits_of(self.source, self.size, part)
        chosen = rng.integers(len(digits.labels), size=count)
        images = rng.random((count, self.ground, self.ground), np.float32) * np.float32(self.noise)
        corners = rng.integers(self.ground - self.size + 1, size=(count, 2))
        pasted(images, digits.images[chosen], corners)
        return images, digits.labels[chosen]


def pasted(images: Float32[np.ndarray, "n H W"], small: Float32[np.ndarray, "n h w"], corners: np.ndarray) -> None:
    """Lay small images over images, the brighter pixel seen, at their (row, column) corners; in place."""
    height, width = small.shape[1:]
    for image, digit, (row, column) in zip(images, small, corners, strict=True):
        window = image[row : row + height, column : column + width]
        np.maximum(window, digit, out=window)


@lru_cache(maxsize=16)
def digits_of(source: str, size: int, part: str) -> Labelled:
    """One part of a named set, its digits cut to their common frame and resized to size x size."""
    whole = _loaded(source)
    images, labels = (getattr(whole, f"{part}_{kind}") for kind in ("images", "labels"))
    return Labelled(resize(images, (size, size)), labels)


@lru_cache(maxsize=2)
def _loaded(source: str) -> Dataset:
    """The named set without the margin that no digit of its training part reaches."""
    whole = load(source)
    lit = np.argwhere(whole.train_images.max(0) > 0.5)
    (top, left), (bottom, right) = lit.min(0), lit.max(0) + 1
    crop = lambda images: np.ascontiguousarray(images[:, top:bottom, left:right])  # noqa: E731
    return Dataset(
        source, crop(whole.train_images), whole.train_labels, crop(whole.test_images), whole.test_labels, whole.classes
    )
