"""Files written whole: to a temporary name in the same folder, then renamed. Ground floor."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_whole(path: str | os.PathLike[str], content: bytes | str) -> Path:
    """Write a file so that whoever looks, whenever this process ends, finds the old one or the whole new one.

    A process that is killed leaves at most one temporary file, ".NAME.part". Raises OSError.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.part")
    try:
        with open(temporary, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    _flush_folder(target.parent)
    return target


def _flush_folder(folder: Path) -> None:
    """Make a rename last through a crash, where the system can flush folders."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: str | os.PathLike[str], content: Any) -> Path:
    """Write JSON, indented, whole."""
    return write_whole(path, json.dumps(content, indent=1) + "\n")


def output_folder(path: str | os.PathLike[str]) -> Path:
    """The folder, made if need be and tried by writing: long work must not end at a folder nobody can write to.

    Raises OSError, naming the folder.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / ".tnsim-writable", b"").unlink()
    except OSError as error:
        raise OSError(f"--out: cannot write to {str(folder)!r}: {error.strerror}") from error
    return folder
