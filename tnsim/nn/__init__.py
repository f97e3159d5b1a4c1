"""Flax: the module over a network's very banks, and representations f_d with their Gram matrices."""

from tnsim.nn.convac import ConvAC, Pinned
from tnsim.nn.patches import Patches
from tnsim.nn.representation import (
    CosSin,
    Fourier,
    GaussianBins,
    OneHot,
    Orthonormal,
    Polynomial,
    Representation,
    orthonormal,
)

__all__ = [
    "ConvAC", "CosSin", "Fourier", "GaussianBins", "OneHot", "Orthonormal", "Patches", "Pinned", "Polynomial",
    "Representation", "orthonormal",
]  # fmt: skip
