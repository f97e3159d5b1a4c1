"""Sites in a row or on a grid: what every architecture over them has. Ground of the architectures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import fields
from math import prod
from typing import Any

import numpy as np

from tnsim.network import Network, Table

__all__ = ["OnGrid", "Shape", "one_of", "positive", "sites_of"]

Shape = tuple[int, ...]


class OnGrid(ABC):
    """A frozen dataclass of hyper-parameters over n sites, or (height, width) of them in row-major order."""

    sites: int | Shape

    @property
    @abstractmethod
    def network(self) -> Network:
        """The wiring, interned."""

    @property
    def grid(self) -> Shape:
        """Shape of the sites, (n,) or (height, width)."""
        return (self.sites,) if isinstance(self.sites, int) else self.sites

    @property
    def size(self) -> int:
        """Number of sites, N."""
        return prod(self.grid)

    @property
    def parameters(self) -> int:
        """Number of weights in all banks."""
        return sum(prod(shape) for shape in self.network.bank_shapes.values())

    def to_json(self) -> dict:
        """The hyper-parameters as plain JSON values; `from_json` reads them back."""
        return {name: _plain(getattr(self, name)) for name in _names(self)}

    @classmethod
    def from_json(cls, given: dict):
        """The architecture that `to_json` described. Raises ValueError for missing or unknown fields."""
        wanted = set(_names(cls))
        if not isinstance(given, dict) or set(given) != wanted:
            found = sorted(given) if isinstance(given, dict) else type(given).__name__
            raise ValueError(f"architecture: wanted the fields {sorted(wanted)}, found {found}")
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})


def _names(arch: Any) -> list[str]:
    return [one.name for one in fields(arch)]


def _plain(value: Any) -> Any:
    """Tables as lists; what is JSON already stays."""
    if isinstance(value, tuple) and any(isinstance(one, Table) for one in value):
        return [one.array.tolist() for one in value]
    return value


def one_of(name: str, value: Any, wanted: tuple) -> None:
    """Raises ValueError where a value is none of those wanted."""
    if value not in wanted:
        raise ValueError(f"{name}: wanted one of {wanted}, found {value!r}")


def positive(name: str, value) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name}: wanted a positive integer, found {value!r}")
    return int(value)


def sites_of(sites) -> int | Shape:
    if isinstance(sites, (tuple, list)):
        if len(sites) != 2:
            raise ValueError(f"sites: wanted an int (1D) or (height, width), found {tuple(sites)}")
        return tuple(positive("sites", n) for n in sites)
    return positive("sites", sites)
