"""What a cut weighs: the product of the dimensions it severs, exact and as a logarithm. Used by every kind of cut."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from math import fsum, log, prod
from typing import Any

__all__ = ["Weighed"]

SHORT = 100  # nats: a longer integer is told by its factors


class Weighed(ABC):
    """A cut, by its factors."""

    @property
    @abstractmethod
    def factors(self) -> dict[int, int]:
        """{dimension: exponent}; the weight is their product."""

    @cached_property
    def value(self) -> int:
        """The weight: an exact integer, of any size."""
        return prod(dim**exponent for dim, exponent in self.factors.items())

    @property
    def log(self) -> float:
        """ln of the weight: the bound on every entropy, in nats."""
        return fsum(exponent * log(dim) for dim, exponent in self.factors.items())

    def weight_json(self) -> dict[str, Any]:
        """Logarithm and factors, and the integer itself where it is short."""
        return {
            "log": self.log,
            "factors": {str(dim): exponent for dim, exponent in self.factors.items()},
            "value": str(self.value) if self.log < SHORT else None,
        }

    def weight_text(self) -> str:
        """As a product of powers, with its logarithm."""
        factors = " * ".join(f"{dim}^{exponent}" for dim, exponent in self.factors.items()) or "1"
        return f"{factors}, ln {self.log:.6g}"
