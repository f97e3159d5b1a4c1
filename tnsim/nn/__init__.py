"""Flax modules: representations of images, and the ConvAC over the banks of a network."""

from tnsim.nn.convac import ConvAC, Pinned
from tnsim.nn.representation import (
    CosSin,
    Fourier,
    GaussianBins,
    OneHot,
    Orthonormal,
    Patches,
    Polynomial,
    Representation,
    from_json,
    gram_from,
    orthonormal,
)

__all__ = [
    "ConvAC",
    "CosSin",
    "Fourier",
    "GaussianBins",
    "OneHot",
    "Orthonormal",
    "Patches",
    "Pinned",
    "Polynomial",
    "Representation",
    "from_json",
    "gram_from",
    "orthonormal",
]
