"""tnsim: convolutional arithmetic circuits as tensor networks in JAX, and the exact entanglement of trained ones."""

from tnsim import bounds, partitions
from tnsim.models import ConvAC

__all__ = ["ConvAC", "bounds", "partitions"]
__version__ = "0.1.0"
