"""Smaller networks from measured ones: factors, fewer channels, dense cores, and what each exactly loses."""

from tnsim.compression.channels import pruned
from tnsim.compression.cores import Cores, cores_distance, dense_cores
from tnsim.compression.distance import distance
from tnsim.compression.factors import factored
from tnsim.compression.weights import Weights, weights_in, weights_on

__all__ = [
    "Cores", "Weights", "cores_distance", "dense_cores", "distance", "factored", "pruned", "weights_in", "weights_on",
]  # fmt: skip
