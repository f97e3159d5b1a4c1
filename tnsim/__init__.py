"""tnsim: convolutional arithmetic circuits as tensor networks in JAX, and the exact entanglement of trained ones."""

from tnsim import bounds, distributed, nn, partitions, train
from tnsim.contract.compiled import compilation_cache, compiled
from tnsim.contract.contractor import contractor
from tnsim.contract.execution import Execution
from tnsim.contract.paths import contract_network, contract_network_scaled
from tnsim.contract.plan import Plan, load_plan, plan
from tnsim.contract.sharding.mesh import mesh
from tnsim.contract.sharding.placed import place, place_features
from tnsim.contract.slices import contract_slices
from tnsim.entanglement.networks.state import NetworkState, network_state
from tnsim.entanglement.sampled import Sampling, sampled_entropy, sampled_spectrum
from tnsim.interop.einsum import from_einsum
from tnsim.interop.tensornetwork import from_tensornetwork
from tnsim.memory import MemoryLimitError
from tnsim.models import CP, MERA, MPS, PEPS, RAC, TTN, ConvAC, DilatedConvAC, OverlappingConvAC, Tucker

__all__ = [
    "CP", "MERA", "MPS", "PEPS", "RAC", "TTN", "ConvAC", "DilatedConvAC", "Execution", "MemoryLimitError",
    "NetworkState", "OverlappingConvAC", "Plan", "Sampling", "Tucker", "bounds", "compilation_cache", "compiled",
    "contract_network", "contract_network_scaled", "contract_slices", "contractor", "distributed", "from_einsum",
    "from_tensornetwork", "load_plan", "mesh", "network_state", "nn", "partitions", "place", "place_features", "plan",
    "sampled_entropy", "sampled_spectrum", "train",
]  # fmt: skip
__version__ = "0.1.0"
