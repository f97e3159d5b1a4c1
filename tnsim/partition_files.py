"""Partitions from files: masks in .npy and .txt, pictures in .png. Beside partitions; used by cli.

.npy  booleans (sites,), (H, W), (partitions, sites) or (partitions, H, W)
.txt  rows of 0 and 1 (1: in A), spaces allowed: one mask a row, or the H rows of W of one picture after the other
.png  one picture of H x W pixels, a pixel a site: white is A, black is B; grey is refused
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
from jaxtyping import Bool, UInt8

from tnsim import partitions
from tnsim.partitions import Sites

KINDS = (".npy", ".txt", ".png")
WHITE = 255


def is_file(text: str) -> bool:
    """Whether a text names a file of partitions (by its ending), and no partition."""
    return Path(text).suffix.lower() in KINDS


def read(path: str | Path, arch: Sites) -> dict[str, Bool[np.ndarray, "sites"]]:
    """The masks of a file by name: the file's own for a single one, else "masks.npy:0", "masks.npy:1", ..

    Raises ValueError for a file that cannot be read, another shape than the architecture's, grey pixels, a mask that is
    empty or full, and a picture where pillow is missing.
    """
    file = Path(path).expanduser()
    read_one = {".npy": _array, ".txt": _text, ".png": _picture}[file.suffix.lower()]
    try:
        masks = read_one(file, arch)
    except (OSError, EOFError, SyntaxError) as error:
        raise ValueError(f"--partition: {file}: cannot be read: {error}") from error
    names = [file.name] if len(masks) == 1 else [f"{file.name}:{k}" for k in range(len(masks))]
    return {name: partitions.mask(arch, mask, f"--partition {name}") for name, mask in zip(names, masks, strict=True)}


def _grid(arch: Sites) -> tuple[int, int]:
    """(height, width); a chain is one row."""
    return (1, arch.size) if len(arch.grid) == 1 else (arch.grid[0], arch.grid[1])


def _array(file: Path, arch: Sites) -> Bool[np.ndarray, "partitions sites"]:
    try:
        found = np.load(file, allow_pickle=False)  # no pickle: it could run any code
    except ValueError as error:
        raise ValueError(f"--partition: {file}: wanted a .npy file of booleans, found: {error}") from error
    shapes = ((arch.size,), arch.grid)
    fits = found.dtype == bool and (found.shape in shapes or found.shape[1:] in shapes) and found.size
    if not fits:
        height, width = _grid(arch)
        raise ValueError(
            f"--partition: {file}: wanted booleans (partitions, {arch.size}), (partitions, {height}, {width}) or one "
            f"mask, found shape {found.shape} of {found.dtype}"
        )
    return found.reshape(-1, arch.size)


def _text(file: Path, arch: Sites) -> Bool[np.ndarray, "partitions sites"]:
    rows = ["".join(line.split()) for line in file.read_text(encoding="utf-8", errors="replace").splitlines()]
    rows = [row for row in rows if row]
    strange = sorted(set("".join(rows)) - {"0", "1"})
    if strange or not rows:
        raise ValueError(f"--partition: {file}: wanted rows of 0 and 1, found {strange[0] if strange else 'none'!r}")
    height, width = _grid(arch)
    lengths = sorted({len(row) for row in rows})
    if lengths == [arch.size] or (lengths == [width] and len(rows) % height == 0):
        return (np.array(list("".join(rows))) == "1").reshape(-1, arch.size)
    raise ValueError(
        f"--partition: {file}: wanted rows of {arch.size} digits, or pictures of {height} rows of {width}, found "
        f"{len(rows)} rows of {', '.join(map(str, lengths))}"
    )


def _picture(file: Path, arch: Sites) -> Bool[np.ndarray, "partitions sites"]:
    pixels, wanted = _pixels(file, _pillow(file)), _grid(arch)
    if pixels.shape != wanted:
        found = " x ".join(map(str, pixels.shape))
        raise ValueError(f"--partition: {file}: wanted {wanted[0]} x {wanted[1]} pixels, found {found}")
    grey = int(((pixels > 0) & (pixels < WHITE)).sum())
    if grey:
        raise ValueError(f"--partition: {file}: wanted black and white pixels only, found {grey} in between")
    return (pixels == WHITE).reshape(1, -1)


def _pixels(file: Path, pillow: ModuleType) -> UInt8[np.ndarray, "rows columns"]:
    try:
        with pillow.open(file) as opened:
            return np.asarray(opened.convert("L"))
    except pillow.DecompressionBombError as error:
        raise ValueError(f"--partition: {file}: wanted a picture of a pixel a site, found: {error}") from error


def _pillow(file: Path) -> ModuleType:
    try:
        return importlib.import_module("PIL.Image")
    except ImportError as error:
        raise ValueError(f"--partition: {file}: pictures need pillow: pip install 'tnsim[data]'") from error
