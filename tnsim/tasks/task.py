"""What a task is: images and labels drawn from a seed, as many as wanted. Over train; used by every task.

    Task --[ draw(seed, count, part) ]--> images, labels        dataset: both parts, fixed    stream: batch after batch
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Int32

from tnsim.train.data import Dataset

__all__ = ["PARTS", "Task", "checked_part", "dataset", "generator", "stream"]

PARTS = ("train", "test")
Drawn = tuple[Float32[np.ndarray, "count H W"], Int32[np.ndarray, " count"]]


@runtime_checkable
class Task(Protocol):
    """A frozen value; equal tasks, seeds, counts and parts give equal images, on any machine."""

    @property
    def name(self) -> str:
        """For files and figures: the kind and what was chosen."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the labels."""

    def draw(self, seed: int, count: int, part: str = "train") -> Drawn:
        """Images in [0, 1] with labels, classes in equal numbers on average; no image of one part is in the other."""


def checked_part(part: str) -> int:
    """Its place in PARTS. Raises ValueError for another name."""
    if part not in PARTS:
        raise ValueError(f"part: wanted one of {PARTS}, found {part!r}")
    return PARTS.index(part)


def generator(seed: int, part: str, *more: int) -> np.random.Generator:
    """The numbers of one draw: those of another seed or part are independent. Raises ValueError for a bad seed."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"seed: wanted an integer >= 0, found {seed!r}")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([int(seed), checked_part(part), *more])))


def dataset(task: Task, seed: int, train: int, test: int) -> Dataset:
    """So many training and test images of a task."""
    return Dataset(task.name, *task.draw(seed, train, "train"), *task.draw(seed, test, "test"), task.classes)


def stream(task: Task, seed: int, batch: int, part: str = "train") -> Iterator[Drawn]:
    """Batches without end, each of its own seed, so that one can start at any place again."""
    seeds = np.random.SeedSequence([seed, checked_part(part)])
    while True:
        (child,) = seeds.spawn(1)
        yield task.draw(int(child.generate_state(1, np.uint32)[0]), batch, part)
