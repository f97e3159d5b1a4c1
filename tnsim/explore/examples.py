"""A few images of every class, to paint over: read by the name of the data set that a model file notes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8

from tnsim.architectures.layered import Layered
from tnsim.train.data import DataError, Dataset, load
from tnsim.train.recipes import PADS

__all__ = ["Examples", "examples_of"]

EACH = 8  # of a class


@dataclass(frozen=True)
class Examples:
    """Test images by class, grey values 0..255, row-major; none where the note says why."""

    by_label: tuple[UInt8[np.ndarray, "images H W"], ...] = ()
    note: str = ""

    @property
    def count(self) -> int:
        """How many of the class that has most."""
        return max((len(images) for images in self.by_label), default=0)

    def to_json(self, label: int) -> list[dict[str, Any]]:
        """The images of a class: height, width and their pixels in one list."""
        images = self.by_label[label] if self.by_label else ()
        return [{"height": len(one), "width": one.shape[1], "pixels": one.ravel().tolist()} for one in images]


def examples_of(notes: dict[str, Any], arch: Layered) -> Examples:
    """Examples of the data set that the notes of a model name, if it is there and its images lie on the sites.

    Of images with more pixels than sites (patches) each site covers equally many.
    """
    source = notes.get("dataset")
    if not isinstance(source, str) or not source:
        return Examples(note="the model file notes no data set")
    try:
        dataset = load(source, pad=PADS.get(source))
    except DataError as error:
        return Examples(note=str(error))
    if not _fit(dataset, arch):
        return Examples(note=f"{source}: images of {dataset.image_shape} do not lie on sites of {arch.grid}")
    pixels = np.clip(np.rint(255 * dataset.test_images), 0, 255).astype(np.uint8)
    return Examples(tuple(pixels[dataset.test_labels == label][:EACH] for label in range(arch.classes)))


def _fit(dataset: Dataset, arch: Layered) -> bool:
    if len(arch.grid) == 1:
        return int(np.prod(dataset.image_shape)) == arch.size
    return all(pixels % sites == 0 for pixels, sites in zip(dataset.image_shape, arch.grid, strict=True))
