"""Flax: the module over a network's very banks, and representations f_d with their Gram matrices."""

from tnsim.nn.convac import ConvAC, Pinned
from tnsim.nn.convnet import ConvNet
from tnsim.nn.densities import Categoricals, Gaussians
from tnsim.nn.generative import GenerativeConvAC
from tnsim.nn.masked import Masked, magnitude_masks
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
from tnsim.nn.resumed import resumed
from tnsim.nn.sums import summed
from tnsim.nn.tensor_network import TensorNetwork
from tnsim.nn.tensor_train import TensorRingLinear, TensorTrainLinear
from tnsim.nn.tree_tensor_network import TreeTensorNetwork

__all__ = [
    "Categoricals", "ConvAC", "ConvNet", "CosSin", "Fourier", "GaussianBins", "Gaussians", "GenerativeConvAC", "Masked",
    "NormalisedConvAC", "OneHot", "Orthonormal", "Patches", "Pinned", "Polynomial", "Representation", "TensorNetwork",
    "TensorRingLinear", "TensorTrainLinear", "TreeTensorNetwork", "magnitude_masks", "orthonormal", "resumed", "summed",
]  # fmt: skip
