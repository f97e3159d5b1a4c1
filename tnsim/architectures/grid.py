"""Sites in a row or on a grid: what every architecture over them has. Ground of the architectures."""

from __future__ import annotations

from math import prod

__all__ = ["OnGrid", "Shape"]

Shape = tuple[int, ...]


class OnGrid:
    """An architecture's sites: n of them, or (height, width) in row-major order."""

    sites: int | Shape

    @property
    def grid(self) -> Shape:
        """Shape of the sites, (n,) or (height, width)."""
        return (self.sites,) if isinstance(self.sites, int) else self.sites

    @property
    def size(self) -> int:
        """Number of sites, N."""
        return prod(self.grid)
