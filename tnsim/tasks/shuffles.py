"""The same data set with its pixels in another order: near correlations become far ones, by degrees. Over train."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Int

from tnsim.train.data import Dataset

__all__ = ["order_after", "reordered", "shuffled"]


def order_after(pixels: int, swaps: int, seed: int) -> Int[np.ndarray, " pixels"]:
    """Where each place takes its pixel from after so many swaps of two places drawn at random.

    Fewer swaps of one seed are the beginning of more. Raises ValueError for a negative number of swaps.
    """
    if swaps < 0:
        raise ValueError(f"swaps: wanted an integer >= 0, found {swaps!r}")
    order, rng = np.arange(pixels), np.random.RandomState(seed)
    for one, other in rng.randint(pixels, size=(swaps, 2)):
        order[[one, other]] = order[[other, one]]
    return order


def shuffled(data: Dataset, swaps: int, seed: int = 0) -> Dataset:
    """Every image of a data set in the same new order of pixels. About N ln N / 2 swaps leave nothing in place."""
    order = order_after(int(np.prod(data.image_shape)), swaps, seed)
    return reordered(data, order, f"{data.name}-shuffled-{swaps}")


def reordered(data: Dataset, order: Int[np.ndarray, " pixels"], name: str) -> Dataset:
    """A data set whose images all take place p's pixel from place order[p] (row-major), under another name."""
    moved = lambda images: images.reshape(len(images), -1)[:, order].reshape(images.shape)  # noqa: E731
    return replace(data, name=name, train_images=moved(data.train_images), test_images=moved(data.test_images))
