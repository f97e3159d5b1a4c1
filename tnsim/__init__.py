"""tnsim: convolutional arithmetic circuits as tensor networks in JAX, and the exact entanglement of trained ones."""

from tnsim import bounds, circuits, distributed, nn, partitions, train
from tnsim.boundary.state import BoundaryMPS, boundary_mps
from tnsim.circuits.circuit import circuit
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
from tnsim.interop.cotengra import from_cotengra, to_cotengra
from tnsim.interop.drawn import from_networkx
from tnsim.interop.einsum import from_einsum
from tnsim.interop.network_file import NetworkFileError, load_network, save_network
from tnsim.interop.quimb import from_quimb, to_quimb
from tnsim.interop.tenpy import from_tenpy, from_tenpy_arrays, to_tenpy_arrays
from tnsim.interop.tensornetwork import from_tensornetwork
from tnsim.memory import MemoryLimitError
from tnsim.models import CP, MERA, MPS, PEPS, RAC, TTN, ConvAC, DilatedConvAC, OverlappingConvAC, Tucker

__all__ = [
    "CP", "MERA", "MPS", "PEPS", "RAC", "TTN", "BoundaryMPS", "ConvAC", "DilatedConvAC", "Execution",
    "MemoryLimitError", "NetworkFileError", "NetworkState", "OverlappingConvAC", "Plan", "Sampling", "Tucker",
    "boundary_mps", "bounds", "circuit", "circuits", "compilation_cache", "compiled", "contract_network",
    "contract_network_scaled", "contract_slices", "contractor", "distributed", "from_cotengra", "from_einsum",
    "from_networkx", "from_quimb", "from_tenpy", "from_tenpy_arrays", "from_tensornetwork", "load_network", "load_plan",
    "mesh", "network_state", "nn", "partitions", "place", "place_features", "plan", "sampled_entropy",
    "sampled_spectrum", "save_network", "to_cotengra", "to_quimb", "to_tenpy_arrays", "train",
]  # fmt: skip
__version__ = "0.1.0"
