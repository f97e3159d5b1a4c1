"""Seconds, bytes and ratios as tables print them. Ground of bench."""

from __future__ import annotations

from tnsim.memory import human

NONE = "–"


def seconds(value: float | None) -> str:
    """Three figures and a unit.

    >>> seconds(0.00123), seconds(75.0), seconds(2.5e-6), seconds(None)
    ('1.23 ms', '75 s', '2.5 us', '–')
    """
    if value is None:
        return NONE
    for size, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if value >= size or unit == "us":
            scaled = value / size
            return f"{scaled:.3g} {unit}" if scaled < 1000 else f"{scaled:.0f} {unit}"
    return NONE


def size(value: float | None) -> str:
    """Bytes, or a dash."""
    return NONE if value is None else human(value)


def factor(value: float) -> str:
    """A factor of 1 or more: "1.04x", "3.2x", "48x"."""
    return f"{value:.2f}x" if value < 2 else f"{value:.1f}x" if value < 10 else f"{value:.0f}x"


def against(peer: float, own: float) -> str:
    """A contender's time beside tnsim's, in words that are as plain for losses as for wins.

    >>> against(3.2, 1.0), against(1.0, 1.4), against(1.0, 1.0)
    ('tnsim 3.2x faster', 'tnsim 1.40x slower', 'equal')
    """
    ratio = peer / own
    if abs(ratio - 1) < 0.005:
        return "equal"
    return f"tnsim {factor(ratio)} faster" if ratio > 1 else f"tnsim {factor(1 / ratio)} slower"
