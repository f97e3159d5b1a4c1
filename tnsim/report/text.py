"""Figures and names as the page prints them: escaped text, numbers, powers, levels."""

import html
import math
from collections.abc import Iterable

from tnsim.report.measurements import Cut, Number, is_number

NONE = "–"


def escape(value: object) -> str:
    """Text that is safe inside an element and inside a quoted attribute."""
    return html.escape(str(value), quote=True)


def number(value: Number | None, digits: int = 2) -> str:
    """A figure with so many decimals; as a power of ten where they would show nothing of it.

    What is not finite, or was not measured, is "–".

    >>> number(0.6251), number(3.2e-9), number(0.0), number(float("inf"))
    ('0.63', '3.2e-9', '0.00', '–')
    """
    if value is None or not math.isfinite(value):
        return NONE
    if 0 < abs(value) < 0.5 * 10.0**-digits or abs(value) >= 1e9:
        mantissa, exponent = f"{abs(value):.1e}".split("e")
        shown = f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    else:
        shown = f"{abs(value):.{digits}f}"
    return f"−{shown}" if value < 0 else shown


def percent(share: Number, digits: int = 0) -> str:
    r"""A share as a percentage, "–" if there is none; below 1 % with more decimals.

    >>> percent(0.224), percent(0.004)
    ('22\xa0%', '0.4\xa0%')
    """
    if not is_number(share):
        return NONE
    if digits == 0 and 0 < share < 0.0095:
        digits = 1 if share >= 0.0005 else 2
    return f"{100 * share:.{digits}f}\u00a0%"


def grouped(count: int) -> str:
    """An integer with its thousands apart."""
    return f"{count:,}".replace(",", "\u202f")


def powers(cut: Cut, plain: bool = False) -> str:
    """The min-cut as a product of powers, `17<sup>2</sup>`, or `17^2` where no markup can go."""
    if not cut.factors:
        return escape(cut.value or ("1" if cut.log == 0 else NONE))
    if plain:
        return " · ".join(f"{c}^{n}" if n > 1 else str(c) for c, n in cut.factors)
    return " · ".join(f"{c}<sup>{n}</sup>" for c, n in cut.factors)


def size(cut: Cut) -> str:
    """The min-cut as the gallery states it: powers, the product where it is short, and its
    logarithm.
    """
    short = cut.value is not None and len(cut.value) <= 12
    product = f" = {escape(cut.value)}" if short and cut.factors else ""
    return f"min-cut {powers(cut)}{product} (ln {number(cut.log)})"


def levels(cut: Cut) -> str:
    """Which levels a cut goes through, and how often: 'cuts 9 site edges and level 2'."""
    if cut.runs:
        kinds = (f"{grouped(count)} {name} {'index' if count == 1 else 'indices'}" for name, count in cut.runs)
        return f"cuts {listed(kinds)}"
    if not cut.levels:
        return "cuts nothing" if cut.log == 0 else ""
    return "cuts " + listed(_level(level, count) for level, count in cut.levels)


def _level(level: int, count: int) -> str:
    if level < 0:
        return f"{grouped(count)} site edge{'s' * (count > 1)}"
    return f"level {level}" if count == 1 else f"{grouped(count)} nodes of level {level}"


def listed(words: Iterable[str]) -> str:
    """Words as an enumeration: 'a, b and c'."""
    *front, last = list(words)
    return f"{', '.join(front)} and {last}" if front else last


def shortened(name: str, length: int = 24) -> str:
    """A name that fits a line, a column or the margin of a picture."""
    return name if len(name) <= length else name[: length - 1] + "…"
