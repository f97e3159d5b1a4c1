"""tnsim: convolutional arithmetic circuits as tensor networks in JAX, and the exact entanglement of trained ones."""

from tnsim import bounds, nn, partitions, train
from tnsim.contract.contractor import contractor
from tnsim.contract.execution import Execution
from tnsim.contract.plan import plan
from tnsim.entanglement.sampled import Sampling, sampled_entropy, sampled_spectrum
from tnsim.interop.tensornetwork import from_tensornetwork
from tnsim.memory import MemoryLimitError
from tnsim.models import ConvAC

__all__ = [
    "ConvAC", "Execution", "MemoryLimitError", "Sampling", "bounds", "contractor", "from_tensornetwork", "nn", "partitions", "plan",
    "sampled_entropy", "sampled_spectrum", "train",
]  # fmt: skip
__version__ = "0.1.0"
