"""Images that a generative model draws, as plain JSON values: samples of each class, pictures completed. Over train.

samples      a row a class: images from p(x | class)
completed    a row a test image: what was given of it (null: missing), images from p(missing | given), the image itself
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np
from jaxtyping import Bool, Float

from tnsim.train.data import DataError, Dataset, load
from tnsim.train.recipes import PADS

SAMPLES, COMPLETIONS, MOST = 8, 6, 10  # images a row; rows
DIGITS = 3  # of a pixel: 256 levels need no more


@runtime_checkable
class Generative(Protocol):
    """What can draw images: of a class, and what is missing of given ones; arch has their grid and classes."""

    arch: Any

    def sample(self, key: Any, n: int, label: int | None = None) -> Any:
        """n images of a class."""

    def inpaint(self, key: Any, images: Any, missing: Any) -> Any:
        """The images with missing pixels drawn."""


def named(module: Generative, notes: Mapping[str, Any], seed: int = 0) -> dict[str, Any]:
    """`drawn` with test images of the data set that a model file notes; a note says why where there are none."""
    source, classes = notes.get("dataset"), tuple(notes.get("classes", ()))
    try:
        dataset = load(str(source), pad=PADS.get(str(source))) if source else None
    except DataError as error:
        return drawn(module, None, classes, seed) | {"note": f"No image is completed: {error}."}
    if dataset is None or dataset.image_shape != module.arch.grid:
        found = "no data set is known" if dataset is None else f"those of {dataset.name} have other sites"
        return drawn(module, None, classes, seed) | {"note": f"No image is completed: {found}."}
    return drawn(module, dataset, dataset.classes, seed)


def drawn(
    module: Generative, dataset: Dataset | None = None, classes: Sequence[str] = (), seed: int = 0
) -> dict[str, Any]:
    """Samples of at most 10 classes and, of as many test images, completions: the lower half missing, or pixels
    scattered over the image, in turn. Raises ValueError for images of other sites."""
    of_samples, of_pixels = jax.random.split(jax.random.key(seed))
    labels = range(min(module.arch.classes, MOST))
    rows = [
        {**_head(label, classes), "images": _flat(module.sample(jax.random.fold_in(of_samples, label), SAMPLES, label))}
        for label in labels
    ]
    found: dict[str, Any] = {"shape": list(_shape(module)), "seed": seed, "samples": rows, "completed": []}
    if dataset is not None:
        rng = np.random.default_rng(seed)
        for label in (label for label in labels if (dataset.test_labels == label).any()):
            image = dataset.test_images[dataset.test_labels == label][0]
            row = _completed(module, image, _missing(label, image.shape, rng), jax.random.fold_in(of_pixels, label))
            found["completed"].append({**_head(label, classes), **row})
    return found


def _completed(
    module: Generative, image: Float[np.ndarray, "H W"], missing: Bool[np.ndarray, "H W"], key
) -> dict[str, Any]:
    many = np.broadcast_to(image, (COMPLETIONS, *image.shape))
    images = module.inpaint(key, many, np.broadcast_to(missing, many.shape))
    given = [None if hidden else value for hidden, value in zip(missing.ravel(), _flat(image[None])[0], strict=True)]
    return {"given": given, "images": _flat(images), "whole": _flat(image[None])[0]}


def _missing(turn: int, shape: tuple[int, ...], rng: np.random.Generator) -> Bool[np.ndarray, "H W"]:
    if turn % 2:
        return rng.random(shape) < 0.5
    return np.broadcast_to(np.arange(shape[0])[:, None] >= shape[0] // 2, shape)


def _shape(module: Generative) -> tuple[int, int]:
    grid = module.arch.grid
    return (1, grid[0]) if len(grid) == 1 else (grid[0], prod(grid[1:]))


def _head(label: int, classes: Sequence[str]) -> dict[str, Any]:
    return {"label": label, "class": classes[label] if label < len(classes) else str(label)}


def _flat(images: Any) -> list[list[float]]:
    """Pixels in [0, 1], row by row: densities may reach beyond black and white."""
    return np.round(np.clip(np.asarray(images, np.float64), 0, 1), DIGITS).reshape(len(images), -1).tolist()
