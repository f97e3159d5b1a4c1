"""Flax: the module over a network's very banks, and representations f_d with their Gram matrices."""

from tnsim.nn.convac import ConvAC, Pinned
from tnsim.nn.convnet import ConvNet
from tnsim.nn.normalised import NormalisedConvAC
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
from tnsim.nn.sums import summed

__all__ = [
    "ConvAC", "ConvNet", "CosSin", "Fourier", "GaussianBins", "NormalisedConvAC", "OneHot", "Orthonormal", "Patches",
    "Pinned", "Polynomial", "Representation", "orthonormal", "summed",
]  # fmt: skip
