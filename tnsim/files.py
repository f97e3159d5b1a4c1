"""Files written whole: to a temporary name in the same folder, then renamed. Ground floor."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any


def write_whole(path: str | os.PathLike[str], content: bytes | str) -> Path:
    """Write a file so that whoever looks finds the old one or the whole new one. Raises OSError."""
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


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
