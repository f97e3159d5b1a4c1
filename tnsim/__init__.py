"""tnsim: convolutional arithmetic circuits as tensor networks in JAX, and the exact entanglement of trained ones."""

from tnsim import bounds, distributed, nn, partitions, train
from tnsim.contract.compiled import compilation_cache, compiled
from tnsim.contract.contractor import contractor
from tnsim.contract.execution import Execution
from tnsim.contract.plan import plan
from tnsim.contract.sharding.mesh import mesh
from tnsim.contract.sharding.placed import place, place_features
from tnsim.entanglement.sampled import Sampling, sampled_entropy, sampled_spectrum
from tnsim.interop.tensornetwork import from_tensornetwork
from tnsim.memory import MemoryLimitError
from tnsim.models import ConvAC

__all__ = [
    "ConvAC", "Execution", "MemoryLimitError", "Sampling", "bounds", "compilation_cache", "compiled", "contractor", "distributed",
    "from_tensornetwork", "mesh", "nn", "partitions", "place", "place_features", "plan", "sampled_entropy", "sampled_spectrum", "train",
]  # fmt: skip
__version__ = "0.1.0"
