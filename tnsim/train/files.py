"""Labelled images from the user's files: IDX, .npz, or a folder with one subfolder a class.

    path --[ read_path ]--> Parts(train = (images (n, H, W), labels (n,)), test or None, classes)

Every fault of a file is one DataError that names the file, what was wanted and what was found.
Images are float32 in [0, 1], labels int32. Imports nothing of tnsim; `train.data` stands on it.
"""

import gzip
import importlib
import io
import math
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, cast

import numpy as np
from jaxtyping import Float, Float32, Int32, Shaped

__all__ = ["DataError", "Labelled", "Parts", "optional", "read_idx_folder", "read_path", "resize"]

_MOST_CLASSES = 10_000  # a larger label is a fault, not a class
_IMAGES_MAGIC, _LABELS_MAGIC = 0x00000803, 0x00000801  # unsigned bytes; 3 and 1 dimensions
_SUFFIXES = (".png", ".jpg", ".jpeg")
_NPZ_KEYS = (("x_train", "y_train", "x_test", "y_test"), ("x", "y"), ("images", "labels"))
A_PATH = "an .npz file, a folder of IDX files, or a folder with one subfolder of images a class"

Size = tuple[int, int]


class DataError(ValueError):
    """A fault of the data: names the file (or the argument), what was wanted and what was found."""


class Labelled(NamedTuple):
    """Images in [0, 1] and their labels 0, 1, .. ."""

    images: Float32[np.ndarray, "n H W"]
    labels: Int32[np.ndarray, " n"]


class Parts(NamedTuple):
    """What a source holds; no test part where it brings no split, no class names if it has none."""

    train: Labelled
    test: Labelled | None = None
    classes: tuple[str, ...] | None = None


def optional(module: str, install: str) -> ModuleType:
    """The module of an optional dependency; raises DataError saying how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.split(".")[0]
        how = f"get it with `pip install {install}`"
        raise DataError(f"{package}: must be installed ({how}), found: {error}") from error


def labelled(images: Any, labels: Any, where: tuple[str, str]) -> Labelled:
    """Images and labels checked and converted; `where` names the two sources in the errors.

    uint8 images are divided by 255, booleans become 0 and 1, floats must lie in [0, 1]; a last axis
    of one channel is dropped. Raises DataError where images or labels are none, broken, or of
    different number.
    """
    x = _checked_images(np.asarray(images), where[0])
    y = _checked_labels(np.asarray(labels), where[1])
    if len(x) != len(y):
        raise DataError(
            f"{where[1]}: must hold {len(x)} labels, one an image of {where[0]}, found {len(y)}"
        )
    return Labelled(x, y)


def _checked_images(images: np.ndarray, where: str) -> Float32[np.ndarray, "n H W"]:
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.ndim != 3 or images.size == 0:
        raise DataError(
            f"{where}: must hold grey images (n, height, width), found shape {images.shape}"
        )
    if images.dtype == np.uint8:
        return images.astype(np.float32) / np.float32(255)
    if images.dtype != np.bool_ and not np.issubdtype(images.dtype, np.floating):
        raise DataError(
            f"{where}: must hold uint8 images or floats in [0, 1], found {images.dtype}"
        )
    low, high = images.min(), images.max()  # nan if there is one anywhere
    if not (low >= 0 and high <= 1):
        raise DataError(
            f"{where}: floats must be finite and in [0, 1], found values from {low} to {high}"
        )
    return images.astype(np.float32, copy=False)


def _checked_labels(labels: np.ndarray, where: str) -> Int32[np.ndarray, " n"]:
    if labels.ndim != 1 or labels.size == 0:
        raise DataError(f"{where}: must hold labels of shape (n,), found shape {labels.shape}")
    if not np.issubdtype(labels.dtype, np.integer):
        raise DataError(f"{where}: labels must be integers, found {labels.dtype}")
    low, high = labels.min(), labels.max()
    if low < 0 or high >= _MOST_CLASSES:
        wanted = f"from 0 to {_MOST_CLASSES - 1}"
        raise DataError(f"{where}: labels must be {wanted}, found values from {low} to {high}")
    return labels.astype(np.int32, copy=False)


def read_path(path: Path, size: Size | None = None) -> Parts:
    """The labelled images of a file or folder; `size` resizes those of an image folder on reading.

    Raises DataError for a path that is missing or of no known kind, and for faults of its files.
    """
    if path.is_dir():
        return read_idx_folder(path) if _idx_files(path) else _read_image_folder(path, size)
    if not path.exists():
        raise DataError(f"{path}: must be {A_PATH}, found nothing there")
    if path.suffix.lower() != ".npz":
        raise DataError(f"{path}: must be {A_PATH}, found another file")
    return _read_npz(path)


# IDX, the format of MNIST: a big-endian magic number, one size a dimension, the bytes.


def read_idx_folder(folder: Path) -> Parts:
    """Training and test part from train-* and t10k-* (or test-*) files, or all in a single pair.

    Files are `..idx3-ubyte` (images) and `..idx1-ubyte` (labels), plain or .gz. Raises DataError
    for missing or broken files.
    """
    files = _idx_files(folder)
    images, labels = ([file for file in files if kind in file.name] for kind in ("idx3", "idx1"))
    if len(images) == len(labels) == 1:
        return Parts(_read_idx_pair(images[0], labels[0]))
    train, test = (
        _read_idx_pair(_only(folder, images, part, "idx3"), _only(folder, labels, part, "idx1"))
        for part in (("train",), ("t10k", "test"))
    )
    return Parts(train, test)


def _idx_files(folder: Path) -> list[Path]:
    """IDX files of a folder by name, a plain one before its .gz twin, which is left out."""
    files = {}
    for file in sorted(folder.iterdir(), reverse=True):  # "x.gz" first, then "x" in its place
        stem = file.name.removesuffix(".gz")
        if file.is_file() and stem.endswith("-ubyte") and ("idx1" in stem or "idx3" in stem):
            files[stem] = file
    return [files[stem] for stem in sorted(files)]


def _only(folder: Path, files: Sequence[Path], part: Sequence[str], kind: str) -> Path:
    found = [file for file in files if any(name in file.name for name in part)]
    if len(found) != 1:
        names = " or ".join(f"*{name}*{kind}-ubyte[.gz]" for name in part)
        present = [file.name for file in found or files]
        raise DataError(f"{folder}: must hold one file {names}, found {present}")
    return found[0]


def _read_idx_pair(images: Path, labels: Path) -> Labelled:
    x, y = _read_idx(images, _IMAGES_MAGIC), _read_idx(labels, _LABELS_MAGIC)
    return labelled(x, y, (str(images), str(labels)))


def _read_idx(file: Path, magic: int) -> Shaped[np.ndarray, "..."]:
    """The bytes of one IDX file as an array; raises DataError for another format or size."""
    opener = cast(Callable[..., io.BufferedIOBase], gzip.open if file.suffix == ".gz" else open)
    try:
        with opener(file, "rb") as stream:
            return _parse_idx(stream, magic, str(file))
    except (EOFError, OSError, zlib.error) as error:
        kind = "gzip" if file.suffix == ".gz" else "readable"
        raise DataError(f"{file}: must be a whole {kind} file, found: {error}") from error


def _parse_idx(stream: io.BufferedIOBase, magic: int, where: str) -> Shaped[np.ndarray, "..."]:
    length = 4 * (1 + (magic & 0xFF))  # the last byte is the number of dimensions
    header = stream.read(length)
    found = int.from_bytes(header[:4], "big")
    if len(header) >= 4 and found != magic:
        raise DataError(f"{where}: must begin with IDX magic {magic:#010x}, found {found:#010x}")
    if len(header) < length:
        raise DataError(f"{where}: must begin with {length} bytes of header, found {len(header)}")
    shape = tuple(int(extent) for extent in np.frombuffer(header, ">u4")[1:])
    wanted = math.prod(shape)
    body = stream.read()
    if len(body) != wanted:
        raise DataError(f"{where}: must hold {wanted} bytes for {shape}, found {len(body)}")
    return np.frombuffer(body, np.uint8).reshape(shape)


# .npz, NumPy's archive of named arrays.


def _read_npz(path: Path) -> Parts:
    try:
        # Opened here: np.load leaves broken files open. No pickle: it could run any code.
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as archive:
            keys = next((keys for keys in _NPZ_KEYS if set(keys) <= set(archive.files)), ())
            arrays, present = [archive[key] for key in keys], sorted(archive.files)
    except (EOFError, OSError, TypeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: must be an .npz of plain arrays, found: {error}") from error
    if not keys:
        wanted = " or ".join(", ".join(keys) for keys in _NPZ_KEYS)
        raise DataError(f"{path}: must have the keys {wanted}, found {present}")
    names = [f"{path}[{key}]" for key in keys]
    pairs = [
        labelled(arrays[i], arrays[i + 1], (names[i], names[i + 1])) for i in range(0, len(keys), 2)
    ]
    return Parts(pairs[0], pairs[1] if len(pairs) == 2 else None)


# A folder with one subfolder a class.


def _read_image_folder(folder: Path, size: Size | None) -> Parts:
    """All png/jpg images in the subfolders, as grey; classes are the subfolders' sorted names."""
    subfolders = [sub for sub in folder.iterdir() if sub.is_dir()]
    classes = sorted(sub for sub in subfolders if not sub.name.startswith("."))
    if not classes:
        raise DataError(f"{folder}: must be {A_PATH}, found no subfolder and no IDX file")
    files, labels = [], []
    for label, sub in enumerate(classes):
        found = sorted(file for file in sub.iterdir() if file.suffix.lower() in _SUFFIXES)
        if not found:
            raise DataError(f"{sub}: must hold images ({', '.join(_SUFFIXES)}), found none")
        files += found
        labels += [label] * len(found)
    images, where = _read_images(files, size), (str(folder), str(folder))
    return Parts(labelled(images, labels, where), classes=tuple(sub.name for sub in classes))


def _read_images(files: Sequence[Path], size: Size | None) -> Float32[np.ndarray, "n H W"]:
    images = [_read_image(file, size) for file in files]
    for file, image in zip(files, images, strict=True):
        if image.shape != images[0].shape:
            raise DataError(
                f"{file}: images must have one shape, {images[0].shape} as {files[0]} has, "
                f"found {image.shape}; pass size=(height, width) to resize them"
            )
    return np.stack(images)


def _read_image(file: Path, size: Size | None) -> Float32[np.ndarray, "H W"]:
    """One image as grey values in [0, 1], turned as its camera says; 16 bits stay 16 bits deep."""
    pillow, ops = optional("PIL.Image", "pillow"), optional("PIL.ImageOps", "pillow")
    faults = (OSError, SyntaxError, ValueError, pillow.DecompressionBombError)
    try:
        with pillow.open(file) as opened:
            upright = ops.exif_transpose(opened)
            if upright.mode.startswith("I"):
                grey = np.asarray(upright, np.float32) / np.float32(65535)
            else:
                grey = np.asarray(upright.convert("L"), np.float32) / np.float32(255)
    except faults as error:
        raise DataError(f"{file}: must be a whole png or jpg image, found: {error}") from error
    return grey if size is None else resize(grey[None], size)[0]


def resize(images: Float[np.ndarray, "n H W"], size: Size) -> Float32[np.ndarray, "n rows cols"]:
    """Images resized by area: a pixel of the result is the mean of what it covers of the image.

    A whole factor up repeats pixels (nearest neighbour), a whole factor down is the mean of blocks;
    the mean of an image never changes. Raises DataError for a size that is not two integers >= 1.
    """
    rows, cols = checked_size("size", size)
    height, width = images.shape[1:]
    if (rows, cols) == (height, width):
        return np.asarray(images, np.float32)
    down, across = _area(height, rows), _area(width, cols)
    return np.clip(down @ np.asarray(images, np.float32) @ across.T, 0, 1)


def _area(old: int, new: int) -> Float32[np.ndarray, "new old"]:
    """Share of each old pixel in each new one, along a line."""
    # Lengths in units of 1 / (old new), so that they are integers and whole factors are exact.
    i, j = np.arange(new)[:, None], np.arange(old)[None, :]
    overlap = np.minimum((i + 1) * old, (j + 1) * new) - np.maximum(i * old, j * new)
    return (np.maximum(overlap, 0) / old).astype(np.float32)


def checked_size(name: str, size: Any) -> Size:
    """`size` as (height, width); raises DataError where it is not two integers >= 1."""
    pair = tuple(size) if isinstance(size, Sequence) else (size,)
    if len(pair) != 2 or not all(isinstance(e, int | np.integer) and e >= 1 for e in pair):
        raise DataError(f"{name}: must be (height, width), integers >= 1, found {size!r}")
    return int(pair[0]), int(pair[1])
