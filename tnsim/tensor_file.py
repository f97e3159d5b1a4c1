"""Arrays and JSON in one safetensors file, written whole or not at all. Stands on files.

    {name: array}, {key: JSON} --[temporary file beside it, fsync, rename]--> path

The ground of networks, models and checkpoints in files, each a format of its own: a reader refuses every other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from tnsim.files import write_whole

__all__ = ["TensorFileError", "read", "write"]

FORMAT, COMPLEX = "format", "complex"  # keys of the metadata beside the caller's
Tensors = dict[str, Shaped[np.ndarray, "..."]]


class TensorFileError(ValueError):
    """A file that cannot be read as what it should be, or cannot be written: names the path, wanted and found."""


def write(path: Path, form: str, tensors: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
    """Write atomically: whoever reads `path`, whenever this process ends, finds the old file or the new one whole.

    Missing folders are made. Raises TensorFileError where the place cannot be written; nothing half written stays.
    """
    texts = {FORMAT: form, **{key: json.dumps(value) for key, value in metadata.items()}}
    texts[COMPLEX] = json.dumps([name for name, tensor in tensors.items() if np.iscomplexobj(tensor)])
    arrays = {name: _real(np.asarray(tensor)) for name, tensor in tensors.items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, save(arrays, texts))
    except OSError as error:
        found = error.strerror or error
        raise TensorFileError(f"{path}: wanted a place that can be written, found: {found}") from error


def _real(tensor: Shaped[np.ndarray, "..."]) -> Shaped[np.ndarray, "..."]:
    """Contiguous; complex numbers as pairs on a last axis, as safetensors has no complex128."""
    tensor = np.ascontiguousarray(tensor).reshape(tensor.shape)
    return tensor[..., None].view(tensor.real.dtype) if np.iscomplexobj(tensor) else tensor


def _complex(pairs: Shaped[np.ndarray, "..."]) -> Shaped[np.ndarray, "..."]:
    return pairs.view(np.result_type(pairs.dtype, np.complex64))[..., 0]


def read(path: Path, form: str) -> tuple[Tensors, dict[str, Any]]:
    """(tensors, metadata) of a file that `write` made with this format.

    Raises TensorFileError for a missing, unreadable, truncated or foreign file, and for another format.
    """
    if not path.is_file():
        raise TensorFileError(f"{path}: wanted a {form} file, found {'a folder' if path.is_dir() else 'none'}")
    try:
        with safe_open(path, framework="numpy") as file:
            texts = file.metadata() or {}
            _check_form(path, form, texts)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
        metadata = {key: json.loads(text) for key, text in texts.items() if key != FORMAT}
        return tensors | {name: _complex(tensors[name]) for name in metadata.pop(COMPLEX, [])}, metadata
    except (SafetensorError, OSError, KeyError, json.JSONDecodeError) as error:
        found = f"one truncated or foreign ({error})"
        raise TensorFileError(f"{path}: wanted a whole {form} file, found {found}") from error


def _check_form(path: Path, form: str, texts: Mapping[str, str]) -> None:
    if texts.get(FORMAT) != form:
        found = texts.get(FORMAT, "a safetensors file of another program")
        raise TensorFileError(f"{path}: wanted a {form} file, found {found}")
