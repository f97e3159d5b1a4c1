"""tnsim: convolutional arithmetic circuits as tensor networks in JAX, and the exact entanglement of trained ones."""

from tnsim import bounds, nn, partitions, train
from tnsim.contract.contractor import contractor
from tnsim.contract.plan import plan
from tnsim.interop.tensornetwork import from_tensornetwork
from tnsim.memory import MemoryLimitError
from tnsim.models import ConvAC

__all__ = [
    "ConvAC", "MemoryLimitError", "bounds", "contractor", "from_tensornetwork", "nn", "partitions", "plan", "train",
]  # fmt: skip
__version__ = "0.1.0"
