"""Texts of the command line to values. Used by cli alone; every mistake is one ValueError that names the option."""

from __future__ import annotations

import ast
import re
from typing import Any


def sites(text: str) -> int | tuple[int, int]:
    """ "64" is 64 sites in a row, "8x8" a grid of (height, width)."""
    numbers = _numbers("--sites", text, "x")
    if len(numbers) == 1:
        return numbers[0]
    if len(numbers) == 2:
        return numbers[0], numbers[1]
    raise ValueError(f"--sites: wanted N or HEIGHTxWIDTH, found {text!r}")


def size(name: str, text: str | None) -> tuple[int, int] | None:
    """ "32x32" is (32, 32)."""
    if text is None:
        return None
    numbers = _numbers(name, text, "x")
    if len(numbers) != 2:
        raise ValueError(f"{name}: wanted HEIGHTxWIDTH, found {text!r}")
    return numbers[0], numbers[1]


def widths(text: str) -> tuple[int, ...]:
    """ "16,16,32" is one width per level."""
    return _numbers("--channels", text, ",")


def windows(text: str) -> tuple[int | tuple[int, ...], ...]:
    """ "2,2x4" is a window of 2 (2x2 in the plane), then one of 2x4."""
    parsed = (_numbers("--windows", part, "x") for part in text.split(","))
    return tuple(part[0] if len(part) == 1 else part for part in parsed)


def sharing(text: str) -> str | tuple[str, ...]:
    """One for all levels, or "none,full,full", one per level."""
    kinds = tuple(text.split(","))
    return kinds[0] if len(kinds) == 1 else kinds


def partition(text: str) -> str | list[int]:
    """A name, or site numbers as "0,1,2" and ranges as "0-31"."""
    if not re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", text.strip()):
        return text
    found: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        found.extend(range(int(first), int(last or first) + 1))
    return found


def call(name: str, text: str) -> tuple[str, list[Any], dict[str, Any]]:
    """ "MPS(16, 2, 4, classes=2)" is MPS, [16, 2, 4], {"classes": 2}: literals alone, nothing is run."""
    try:
        made = ast.parse(text.strip(), mode="eval").body
        if not isinstance(made, ast.Call) or not isinstance(made.func, ast.Name):
            raise ValueError("no call of a kind")
        options = {str(option.arg): ast.literal_eval(option.value) for option in made.keywords if option.arg}
        if len(options) != len(made.keywords):
            raise ValueError("** of what is no literal")
        return made.func.id, [ast.literal_eval(value) for value in made.args], options
    except (ValueError, SyntaxError) as error:
        raise ValueError(f"{name}: wanted a kind with its arguments, 'MPS(16, 2, 4)', found {text!r}") from error


def _numbers(name: str, text: str, separator: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(separator))
    except ValueError as error:
        raise ValueError(f"{name}: wanted integers separated by {separator!r}, found {text!r}") from error
