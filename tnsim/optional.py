"""Packages that only some doors need, imported when one of these is opened. Ground floor."""

from __future__ import annotations

import importlib
from types import ModuleType


def optional(module: str, install: str) -> ModuleType:
    """The module of an optional package. Raises ImportError that says how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.split(".")[0]
        raise ImportError(f"{package}: wanted for this, found: {error}; pip install {install}") from error
